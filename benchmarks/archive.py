"""Gives a project years of posts: `python -m benchmarks.archive --project DIR --times 100`.

In: a project after its first sync. Out: the same project as if each of its sources had been polled for so long that it has
`--times` as many posts: written by the project's own profile, indexed by its state, older than all that it had. What
upstream lists now stays as it is. Sync once before measuring: feeds that had room left are marked to be written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import click

from aggregator.errors import AggregatorError
from aggregator.model.entry import Entry, Feed, SafeHtml
from aggregator.model.key import entry_key
from benchmarks.farm.text import make_body, make_title

if TYPE_CHECKING:
    from aggregator.model.changes import PostRow
    from aggregator.model.source import Source
    from aggregator.pipeline.project import Project

_PACE = timedelta(hours=1)  #: between the entries of one source
_BODIES = 40  #: different ones, in each of the two scripts: every archived entry has one of them
_BODY_BYTES = 1500
_CHINESE_SHARE = 0.4
_ROWS_AT_ONCE = 2000


def grow(project: Project, *, times: int, seed: int = 1) -> int:
    """Write the posts and index them; return how many there are now. Raises StoreError."""
    from aggregator.store.state import Batch

    state = project.state
    counts = state.counts()
    oldest = min((span[0] for span in state.expiry.spans().values()), default=datetime(2025, 1, 1, tzinfo=UTC))
    bodies = _make_bodies(seed)
    for source in project.settings.sources:
        number = counts.get(source.id, (0, None))[0] * (times - 1)
        rows = _written(project, _entries(source, oldest, bodies, seed=seed), number)
        while portion := tuple(islice(rows, _ROWS_AT_ONCE)):
            state.save(Batch(rows=portion, dirty_outputs=project.outputs_of({row.categories for row in portion})))
    folders = state.folders()
    state.close_folders({folder: (project.place.root / folder).stat().st_mtime_ns for folder in folders if folder[:1] != "."})
    return sum(number for number, _ in state.counts().values())


def _written(project: Project, entries: Iterator[Entry], number: int) -> Iterator[PostRow]:
    """Yield the rows of the next entries, once their posts are there."""
    from aggregator.store.paths import post_path
    from aggregator.store.posts import row_of, write_post
    from aggregator.store.profiles import get_profile

    place = project.place
    profile = get_profile(place.profile, place.timezone)
    for entry in islice(entries, number):
        path = post_path(entry.categories, entry.title, entry_key(entry.source_id, entry.id), profile.name_start(entry))
        found = write_post(place.root, path, profile.render(entry), place.archive)
        yield row_of(entry, path, found, raw_hash=sha256(path.encode()).digest()[:16])


def _entries(source: Source, before: datetime, bodies: dict[bool, list[SafeHtml]], *, seed: int) -> Iterator[Entry]:
    """Yield what a source has published before a moment, the newest first, without end."""
    random = Random(f"archive {seed} {source.id}")
    chinese = random.random() < _CHINESE_SHARE
    feed = Feed(title=f"Archive of {source.id}", link=f"https://{source.id}.example/")
    moment, number = before.replace(microsecond=0), 0
    while True:
        number, moment = number + 1, moment - _PACE
        yield Entry(
            id=f"https://{source.id}.example/archive/{number}",
            source_id=source.id,
            title=make_title(random, chinese=chinese),
            categories=source.categories,
            content=random.choice(bodies[chinese]),
            published=moment,
            first_seen=None,
            feed=feed,
            link=f"https://{source.id}.example/archive/{number}.html",
        )


def _make_bodies(seed: int) -> dict[bool, list[SafeHtml]]:
    from aggregator.normalise.sanitise import sanitise

    random = Random(f"bodies {seed}")
    site = "https://archive.example"
    return {
        chinese: [
            sanitise(make_body(random, chinese=chinese, site=site, size_bytes=_BODY_BYTES), f"{site}/") for _ in range(_BODIES)
        ]
        for chinese in (True, False)
    }


@click.command()
@click.option("--project", "root", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--times", type=click.IntRange(1), required=True, help="So many times as many posts as there are.")
@click.option("--seed", type=int, default=1, show_default=True)
def main(*, root: Path, times: int, seed: int) -> None:
    """Give a synced project an archive."""
    from aggregator.pipeline.project import open_project
    from aggregator.settings import load_settings

    settings = load_settings(root, root / "config", {})
    with open_project(settings, lambda event: click.echo(str(event), err=True), datetime.now(UTC)) as project:
        number = grow(project, times=times, seed=seed)
    click.echo(f"{number} posts in {root}")


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks.archive")
    except AggregatorError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
