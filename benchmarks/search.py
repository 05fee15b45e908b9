"""What searching costs: `python -m benchmarks.search --dir DIR [--posts 30000]`.

In: an empty folder. Out: a Markdown table on stdout. Posts are written and indexed as a project has them, half in Chinese and
half in Latin words, each word as frequent as Zipf's law has it. Real texts are kinder: in them common words stand together
less often.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median

import click

from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry, Feed, SafeHtml
from aggregator.model.key import entry_key
from aggregator.model.settings import Settings, Site
from aggregator.pipeline.searching import SLICE, Searching, forget
from aggregator.store.opening import open_state
from aggregator.store.paths import post_path
from aggregator.store.posts import row_of, write_post
from aggregator.store.profiles import get_profile
from aggregator.store.search import SEARCH_PATH, find, size_of
from aggregator.store.search_words import parse_query
from aggregator.store.state import Batch

_BEGIN = datetime(2015, 1, 1, tzinfo=UTC)
_IDEOGRAPHS = [chr(0x4E00 + number) for number in range(3500)]
_TIMES = 5  #: that each question is asked


class Words:
    """Texts of words that are as frequent as in a language; the same ones each time."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self.latin = ["".join(self._chance.choices("abcdefghijklmnopqrstuvwxyz", k=2 + n % 9)) for n in range(30_000)]
        self._weights = {len(words): list(accumulate(1 / (n + 2) for n in range(len(words)))) for words in self._both()}

    def text(self, *, chinese: bool, length: int) -> str:
        """Return so many words, or ideographs."""
        words = _IDEOGRAPHS if chinese else self.latin
        chosen = self._chance.choices(words, cum_weights=self._weights[len(words)], k=length)
        return ("" if chinese else " ").join(chosen)

    def _both(self) -> tuple[list[str], list[str]]:
        return _IDEOGRAPHS, self.latin


def _entries(number: int, words: Words) -> Iterator[Entry]:
    for each in range(number):
        chinese = each % 2 == 1
        paragraphs = (f"<p>{words.text(chinese=chinese, length=150 if chinese else 50)}</p>\n" for _ in range(8))
        yield Entry(
            id=f"entry-{each}",
            source_id=f"s{each % 100}",
            title=words.text(chinese=chinese, length=20 if chinese else 8),
            categories=("News", f"C{each % 10}"),
            content=SafeHtml("".join(paragraphs)),
            published=_BEGIN + timedelta(minutes=137 * each),
            first_seen=None,
            feed=Feed(title="Feed"),
        )


def _project(root: Path, number: int, words: Words) -> list[PostRow]:
    """Write posts and the state that knows them."""
    profile, rows = get_profile("default", "UTC"), []
    for entry in _entries(number, words):
        path = post_path(entry.categories, entry.title, entry_key(entry.source_id, entry.id))
        written = write_post(root / "posts", path, profile.render(entry), root / "archive", in_place=False)
        rows.append(row_of(entry, path, written, raw_hash=b"r" * 16))
    state = open_state("sqlite:///state/state.sqlite", root).state
    state.replace_entries((), profile="default")
    state.save(Batch(rows=tuple(rows)))
    state.close()
    return rows


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@click.command()
@click.option("--dir", "root", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--posts", default=30_000, show_default=True)
def main(root: Path, posts: int) -> None:
    """Print what it costs to index posts and to find them."""
    words = Words()
    rows = _project(root, posts, words)
    settings = Settings(root=root, site=Site(id="urn:x", title="T", url="https://t.example/"))
    kept = Searching(root / SEARCH_PATH, again=timedelta(hours=1))
    began, slices, done = _cpu(), [], False
    while not done:
        start = time.perf_counter()
        done = kept.slice(settings, SLICE)
        slices.append(time.perf_counter() - start)
        if kept.problem is not None:
            raise click.ClickException(kept.problem)
    click.echo("| what | |\n|---|---|")
    click.echo(
        f"| {posts} posts indexed, CPU | {_cpu() - began:.1f} s in {len(slices)} slices, the longest {max(slices):.2f} s |"
    )
    click.echo(f"| size | {size_of(kept.path)[1] / 1e6:.0f} MB |")
    began = _cpu()
    kept.slice(settings, None)
    click.echo(f"| nothing changed | {(_cpu() - began) * 1000:.0f} ms |")
    common, latin = _IDEOGRAPHS, words.latin
    for name, query in {
        "a common word": latin[0],
        "a rare word": latin[9000],
        "two common words": f"{latin[1]} {latin[4]}",
        "the beginning of a word": latin[30][:2],
        "a common ideograph": common[0],
        "two common ones together": common[0] + common[1],
        "two of middling frequency together": common[200] + common[300],
        "three common ones that hardly stand together": common[5] + common[9] + common[2],
        "20 common ones, the most that is looked at": " ".join(common[:20]),
    }.items():
        question = parse_query(query)
        if question is None:
            raise click.ClickException(query)
        times = []
        for _ in range(_TIMES):
            start = time.perf_counter()
            found = find(kept.path, question).found
            times.append(time.perf_counter() - start)
        click.echo(f"| {name}: {found} found | {median(times) * 1000:.1f} ms |")
    start = time.perf_counter()
    forget(root, [rows[posts // 2].key])
    click.echo(f"| taken down | {time.perf_counter() - start:.1f} s |")


if __name__ == "__main__":
    main()
