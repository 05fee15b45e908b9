"""Projects made of posts and rows, without a poll: what tests of pages read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry
from aggregator.model.key import entry_key
from aggregator.model.page import Card, EntryPage, ListPage, SourcePage
from aggregator.model.settings import Settings
from aggregator.pipeline.pages import Pages
from aggregator.store.opening import open_state
from aggregator.store.paths import post_path
from aggregator.store.posts import row_of, write_post
from aggregator.store.profiles import get_profile
from aggregator.store.state import Batch
from tests.post_records import entry
from tests.projects import SITE, read, write

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SOURCES = """sources:
  a: {feed: "https://a.example/feed", title: Source A, categories: [News, A]}
  b: {feed: "https://b.example/feed", title: Source B, categories: [News, B]}
  c: {feed: "https://c.example/feed", title: Source C, categories: [Code]}
"""


def made(number: int, *, at: datetime | None = None, source: str = "a", categories: tuple[str, ...] = ("News", "A")) -> Entry:
    """Return an entry; without `at` each is an hour later than the one before."""
    return replace(
        entry(),
        id=f"{source}-{number}",
        source_id=source,
        title=f"Entry {number}",
        categories=categories,
        published=at or datetime(2025, 12, 1, tzinfo=UTC) + timedelta(hours=number),
        summary=f"Summary {number}",
        link=f"https://{source}.example/{number}",
    )


class Project:
    """A project folder with a state, posts and no feeds."""

    def __init__(self, root: Path, *, site: str = SITE, sources: str = SOURCES, **more: str) -> None:
        self.root = root
        self.configure(site + "".join(f"{name}: {text}\n" for name, text in more.items()), sources)
        opened = open_state("sqlite:///state/state.sqlite", root)
        opened.state.replace_entries((), profile="default")
        self.state = opened.state

    def configure(self, settings: str, sources: str = SOURCES, categories: str = "categories: {}\n") -> None:
        """Write the configuration."""
        files = {"settings.yaml": settings, "sources/a.yaml": sources, "categories.yaml": categories}
        self.settings: Settings = read(write(self.root, files))

    def add(self, *entries: Entry) -> list[PostRow]:
        """Write posts and index them."""
        rows = [self._write(each) for each in entries]
        self.state.save(Batch(rows=tuple(rows)))
        return rows

    def pages(self, *, static: bool = False) -> Pages:
        """Return its pages."""
        return Pages(lambda: self.settings, clock=lambda: NOW, static=static)

    def _write(self, found: Entry) -> PostRow:
        key = entry_key(found.source_id, found.id)
        path = post_path(found.categories, found.title, key)
        written = write_post(self.root / "posts", path, get_profile("default").render(found), self.root / "archive")
        return row_of(found, path, written, raw_hash=b"r" * 16)


def listed(pages: Pages, *path: str) -> ListPage:
    """Return the list at a path."""
    found = pages.page(path, {})
    if isinstance(found, SourcePage):
        return found.entries
    assert isinstance(found, ListPage), found
    return found


def titles(cards: Sequence[Card]) -> list[str]:
    """Return what cards are called."""
    return [card.title for card in cards]


def shown(pages: Pages, key: str, **query: str) -> EntryPage:
    """Return the page of an entry."""
    found = pages.page(("e", key), query)
    assert isinstance(found, EntryPage), found
    return found
