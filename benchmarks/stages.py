"""Where the CPU time of a digest goes: `python -m benchmarks.stages --farm DIR --feeds 100`.

In: a farm. Out: a Markdown table on stdout: microseconds of CPU per entry and stage, of a first digest (every entry new)
and of a second one that knows them all (the feed was rewritten without news). One process, no network, the production
functions with a clock around each: what a stage calls counts for the stage called. What a clock costs in a loop is taken off;
in its place, where nothing of it is in the caches, it costs some 3 us more, which the short stages show.
Every round writes into a folder of its own, and nothing is deleted between rounds (benchmarks/README.md); of each stage the
smallest of the rounds counts.
"""

from __future__ import annotations

import gzip
import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from aggregator.model.changes import Changes, KnownEntry, PostRow
from aggregator.model.source import Source
from aggregator.normalise import identity
from aggregator.parse import document as parsing
from aggregator.pipeline import digest as digesting
from aggregator.pipeline import document as documents
from aggregator.pipeline.jobs import DigestJob, PostsPlace, posts_place
from aggregator.settings import load_settings
from aggregator.store import posts
from aggregator.store.profiles import get_profile
from benchmarks.farm.make import read_counts

_NOW = datetime(2025, 11, 2, tzinfo=UTC)  #: after every entry of a farm
_TYPES = {".rss": "application/rss+xml", ".atom": "application/atom+xml", ".rdf": "application/rdf+xml"}
_GZIP_LEVEL = 1  #: as nginx does it
_LOOPS = 20_000

#: (stage, where the name is looked up, name), in the order of the path. What stands in none of them is "plan, all else".
_STAGES: tuple[tuple[str, object, str], ...] = (
    ("inflate", digesting, "inflate"),
    ("decode", parsing, "decode_body"),
    ("prolog", parsing, "open_document"),
    ("parse", digesting, "parse_feed"),
    ("normalise the feed", digesting, "normalise_feed"),
    ("hash", identity, "hash_entry"),
    ("identify", documents, "identify"),
    ("recognise", documents, "recognise"),
    ("read the texts", documents, "read_content"),
    ("normalise, all else", documents, "normalise_entry"),
    ("path", digesting, "post_path"),
    ("render", get_profile("default"), "render"),
    ("look before writing", digesting, "read_post_file"),
    ("explain the date", digesting, "explain_date"),
    ("write", posts, "write_file"),
    ("hash the post", posts, "post_hash"),
    ("row", digesting, "row_of"),
)
_REST, _HAND_OVER = "plan, all else", "pickle job and result, both ends"


class _Clock:
    """Adds up CPU time by stage; time spent in a stage that another one called is the called one's alone.

    The thread's time: while a deadline is armed (`arm_deadline`), the process's moves only with the kernel's ticks.
    """

    def __init__(self) -> None:
        self.spent_ns: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._running: list[str] = []
        self._since_ns = 0

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with the clock around it."""

        @wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            self._turn(stage)
            try:
                return function(*arguments, **named)
            finally:
                self._turn(None)

        return run

    def _turn(self, stage: str | None) -> None:
        now_ns = time.thread_time_ns()
        if self._running:
            self.spent_ns[self._running[-1]] += now_ns - self._since_ns
        if stage is None:
            self._running.pop()
        else:
            self.calls[stage] += 1
            self._running.append(stage)
        self._since_ns = time.thread_time_ns()


@dataclass(frozen=True, slots=True)
class _Round:
    """What one pass over the feeds took."""

    ns: dict[str, float]  #: by stage
    entries: int


@click.command()
@click.option("--farm", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--feeds", type=click.IntRange(1), default=100, show_default=True, help="The first so many of the farm.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--work", type=click.Path(path_type=Path), help="A new folder for the posts. [default: a temporary one]")
def main(*, farm: Path, feeds: int, rounds: int, work: Path | None) -> None:
    """Print a table of CPU time per entry and stage."""
    work = work or Path(tempfile.mkdtemp(prefix="aggregator-stages-"))
    settings = load_settings(farm / "project", farm / "project" / "config", {})
    sources = settings.sources[:feeds]
    bodies = [_fetched(farm, source) for source in sources]
    place = posts_place(settings)
    cold, known = [], []
    for number in range(rounds):
        here = replace(place, root=work / f"{number}" / "posts", archive=work / f"{number}" / "archive")
        jobs = [_job(source, body, here) for source, body in zip(sources, bodies, strict=True)]
        first, changes = _run(jobs)
        again, _ = _run([replace(job, known=_known(found)) for job, found in zip(jobs, changes, strict=True)])
        cold.append(first)
        known.append(again)
    seed = read_counts(farm).seed
    click.echo(_table(f"{len(sources)} feeds of the farm (seed {seed}), {cold[0].entries} entries", cold, known))
    click.echo(f"left for a look, delete it when you like: {work}", err=True)


def _fetched(farm: Path, source: Source) -> bytes:
    return gzip.compress((farm / "feeds" / _file(source)).read_bytes(), _GZIP_LEVEL)


def _file(source: Source) -> str:
    return source.feed.rpartition("/")[2]


def _job(source: Source, body: bytes, place: PostsPlace) -> DigestJob:
    kind = _TYPES.get(Path(_file(source)).suffix, "application/feed+json")
    return DigestJob(
        body=body,
        coding="gzip",
        headers=(("Content-Type", kind), ("Content-Encoding", "gzip")),
        final_address=source.feed,
        max_bytes=64 * 1024**2,
        source=source,
        known={},
        now=_NOW,
        stamp=_NOW,
        limit=None,
        place=place,
    )


def _known(changes: Changes) -> dict[str, KnownEntry]:
    return {row.key: _as_known(row) for row in changes.new}


def _as_known(row: PostRow) -> KnownEntry:
    return KnownEntry(
        raw_hash=row.raw_hash,
        link_hash=row.link_hash,
        path=row.path,
        post_hash=row.post_hash,
        locked=row.locked,
        traits=row.traits,
    )


def _run(jobs: Sequence[DigestJob]) -> tuple[_Round, list[Changes]]:
    """Digest all jobs; return what it took and what came of it."""
    clock = _Clock()
    digest = clock.timed(_REST, digesting.digest)
    hand_over = clock.timed(_HAND_OVER, _hand_over)
    found: list[Changes] = []
    with _clocks(clock):
        for job in jobs:
            changes = hand_over(digest(hand_over(job)))
            if not isinstance(changes, Changes):
                raise click.ClickException(f"{job.source.id}: {changes}")
            found.append(changes)
    cost_ns = _cost_of_clock()
    ns = {stage: spent - clock.calls[stage] * cost_ns for stage, spent in clock.spent_ns.items()}
    return _Round(ns, sum(changes.entries for changes in found)), found


def _hand_over(what: Any) -> Any:
    return pickle.loads(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))  # noqa: S301 - our own, a line above


@contextmanager
def _clocks(clock: _Clock) -> Iterator[None]:
    with ExitStack() as undo:
        for stage, where, name in _STAGES:
            function = getattr(where, name)
            undo.callback(setattr, where, name, function)
            setattr(where, name, clock.timed(stage, function))
        yield


def _cost_of_clock() -> float:
    """Return the nanoseconds that the clock charges for each call of a stage: to it, or to its caller."""
    clock = _Clock()
    nothing = clock.timed("nothing", lambda: None)
    clock.timed("", lambda: [nothing() for _ in range(_LOOPS)])()
    return clock.spent_ns.total() / _LOOPS


def _table(title: str, cold: Sequence[_Round], known: Sequence[_Round]) -> str:
    lines = [f"| {title}; us of CPU per entry | all new | all known |", "|---|---|---|"]
    columns = [{stage: min(one.ns.get(stage, 0.0) for one in rounds) for stage in _names()} for rounds in (cold, known)]
    numbers = [[column[stage] / cold[0].entries / 1000 for column in columns] for stage in _names()]
    for stage, row in zip(_names(), numbers, strict=True):
        lines.append(f"| {stage} | {' | '.join(f'{number:.1f}' for number in row)} |")
    total = [sum(one) for one in zip(*numbers, strict=True)]
    return "\n".join([*lines, f"| **all** | {' | '.join(f'**{number:.0f}**' for number in total)} |"])


def _names() -> list[str]:
    return [*(stage for stage, _, _ in _STAGES), _REST, _HAND_OVER]


if __name__ == "__main__":
    main()
