"""Which formats a feed is published in: as the config says, all of them or none, and what a format leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import feedparser
import pytest

from aggregator.model.settings import Category, Settings, Site
from aggregator.pipeline.frames import plan_frames
from tests.upstream import Folder, Upstream, item, titles


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream


def _feeds(folder: Folder) -> Path:
    return folder.root / "public" / "feeds"


def _names(folder: Folder, ending: str) -> set[str]:
    return {path.relative_to(_feeds(folder)).as_posix() for path in _feeds(folder).rglob(f"*{ending}")}


def _settings(folder: Folder, formats: str) -> None:
    folder.settings(f"public: {{formats: {formats}}}\n")


def test_every_feed_is_published_in_three_formats(folder: Folder) -> None:
    """Without a word in the config each Atom file has its RSS and its JSON beside it, with the same entries in order."""
    stems = {name.removesuffix(".atom") for name in _names(folder, ".atom")} - {"status"}  # of the sources' health: Atom alone
    assert "news/a" in stems
    assert _names(folder, ".rss") == {f"{stem}.rss" for stem in stems}
    assert _names(folder, ".json") == {f"{stem}.json" for stem in stems}
    for stem in stems:
        rss = feedparser.parse((_feeds(folder) / f"{stem}.rss").read_bytes())
        found = json.loads((_feeds(folder) / f"{stem}.json").read_bytes())
        assert [entry.title for entry in rss.entries] == titles(folder, f"{stem}.atom")
        assert [entry["title"] for entry in found["items"]] == titles(folder, f"{stem}.atom")


def test_nothing_new_rewrites_nothing(folder: Folder) -> None:
    """A build and a forced sync without news leave every file of every format as it is, its date too."""
    before = folder.times()
    folder.here("build")
    folder.sync("--force")
    assert folder.times() == before


def test_news_changes_only_its_own_files(folder: Folder, upstream: Upstream) -> None:
    """One new entry changes the files of its category, of those above it and of the feed of everything; no other file."""
    before = folder.files("public")
    upstream.feed("/a", item(1) + item(2) + item(9))
    folder.sync("--force")
    after = folder.files("public")

    changed = {name.removeprefix("public/feeds/") for name, content in after.items() if before.get(name) != content}
    assert changed == {f"{stem}{ending}" for stem in ("all", "news", "news/a") for ending in (".atom", ".rss", ".json")}


def test_a_file_that_somebody_removed_comes_back(folder: Folder) -> None:
    """A twin that is gone is written again by the next run, although nothing is new."""
    before = folder.files("public")
    (_feeds(folder) / "news" / "a.rss").unlink()
    folder.sync()
    assert folder.files("public") == before


def test_a_format_that_is_dropped_stays_and_is_told_once(folder: Folder, upstream: Upstream) -> None:
    """Files in a format that the config names no more stay as they are; one run says so, the next ones do not."""
    rss = (_feeds(folder) / "all.rss").read_bytes()
    _settings(folder, "[json]")
    first, second = folder.sync(), folder.sync("--force")
    upstream.feed("/a", item(1) + item(2) + item(9))
    third = folder.sync("--force")

    assert "public/feeds/all.rss, public/feeds/news.rss, public/feeds/news/a.rss and" in first.stderr
    assert "`formats` in the config names that format no more" in first.stderr
    assert "formats" not in second.stderr + third.stderr
    assert (_feeds(folder) / "all.rss").read_bytes() == rss
    assert b"Entry 9" in (_feeds(folder) / "all.json").read_bytes()


def test_copies_at_former_addresses_are_told_as_well(folder: Folder) -> None:
    """After a rename each file has a copy; that of a format which is dropped is told with the others."""
    folder.here("category", "rename", "news/a", "news/z")
    _settings(folder, "[json]")
    assert "public/feeds/news.rss, public/feeds/news/a.rss and 2 more" in folder.sync().stderr


def test_a_format_that_comes_back_is_written_again(folder: Folder, upstream: Upstream) -> None:
    """A format that is named again holds what the feed holds now."""
    _settings(folder, "[]")
    folder.sync()
    upstream.feed("/a", item(1) + item(2) + item(9))
    folder.sync("--force")
    assert b"Entry 9" not in (_feeds(folder) / "all.rss").read_bytes()
    _settings(folder, "[rss]")
    folder.sync()
    assert b"Entry 9" in (_feeds(folder) / "all.rss").read_bytes()
    assert b"Entry 9" not in (_feeds(folder) / "all.json").read_bytes()


def test_a_category_has_formats_of_its_own() -> None:
    """`formats` of a category counts for its feed alone; Atom is published whatever is named."""
    site = Site(id="urn:uuid:1", title="T", url="https://news.example/")
    categories = (Category(path=("a",), formats=()), Category(path=("b",), formats=("json", "atom")), Category(path=("c",)))
    frames = plan_frames(Settings(root=Path(), site=site, categories=categories), ())

    assert {frame.path: [twin.path for twin in frame.twins] for frame in frames} == {
        "feeds/all.atom": ["feeds/all.rss", "feeds/all.json"],
        "feeds/a.atom": [],
        "feeds/b.atom": ["feeds/b.json"],
        "feeds/c.atom": ["feeds/c.rss", "feeds/c.json"],
    }
