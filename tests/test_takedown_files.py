"""What was taken down leaves every published file, also those that are not built anew: refused feeds, old ones."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.output import Tombstone
from aggregator.publish.cut import cut_entries
from aggregator.publish.document import examine
from tests.test_gone import post, tombstones
from tests.upstream import Folder, Upstream, item, titles

GENERATOR = b"<generator>feed-aggregator</generator>"


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


def _feeds(folder: Folder) -> Path:
    return folder.root / "public" / "feeds"


def _spoil(folder: Folder, *numbers: int) -> None:
    """Make posts unreadable, so that the feeds that they stand in are refused."""
    for number in numbers:
        place = post(folder, number)
        place.write_bytes(b"---\n'entry-%d': [\n---\n" % number)


def _gone(content: bytes, *titles: str) -> list[Tombstone]:
    atom = "{http://www.w3.org/2005/Atom}"
    entries = etree.fromstring(content).iterfind(f"{atom}entry")
    at = datetime(2030, 7, 1, tzinfo=UTC)
    return [
        Tombstone(id=entry.findtext(f"{atom}id") or "", at=at) for entry in entries if entry.findtext(f"{atom}title") in titles
    ]


def test_a_refused_feed_loses_what_was_taken_down(folder: Folder) -> None:
    """A feed that the gate refuses keeps its last good file but for the entry, of which it says that it is gone."""
    _spoil(folder, 1, 2, 3)
    done = folder.here("takedown", "entry-11", "--yes")
    assert "what was taken down is cut out" in done.stderr
    for feed in ("all.atom", "news.atom", "news/b.atom"):
        assert "Entry 11" not in titles(folder, feed)
        assert len(tombstones(folder, feed)) == 1
        assert not examine((_feeds(folder) / feed).read_bytes()).faults
    assert titles(folder, "news.atom").count("Entry 1") == 1

    before = folder.files("public")
    assert folder.here("build").returncode == 1
    assert folder.files("public") == before


def test_files_that_no_category_publishes_lose_it_too(folder: Folder) -> None:
    """A file that a category left behind is mended although nothing builds it; one of somebody else is not touched."""
    old, foreign = _feeds(folder) / "old" / "b.atom", _feeds(folder) / "foreign.atom"
    old.parent.mkdir()
    shutil.copy(_feeds(folder) / "news" / "b.atom", old)
    theirs = old.read_bytes().replace(GENERATOR, b"").replace(b"<feed", b"<feed xml:base='https://theirs.example/'", 1)
    start = theirs.index(b"<id>")
    foreign.write_bytes(theirs[:start] + b"<id>urn:theirs</id>" + theirs[theirs.index(b"</id>") + 5 :])
    before = foreign.read_bytes()

    assert folder.here("takedown", "entry-11", "--yes").returncode == 0
    assert titles(folder, "old/b.atom") == ["Entry 12"]
    assert len(tombstones(folder, "old/b.atom")) == 1
    assert foreign.read_bytes() == before


def test_a_line_that_came_by_a_commit_reaches_old_files(folder: Folder) -> None:
    """Where another machine took the entry down, the next sync cuts it out of files that it does not build."""
    twin = folder.copy(folder.root.parent / "twin")
    twin.here("takedown", "entry-11", "--yes")
    shutil.copy(twin.root / "ledger.jsonl", folder.root)
    old = _feeds(folder) / "old.atom"
    shutil.copy(_feeds(folder) / "all.atom", old)

    folder.sync(SOURCE_DATE_EPOCH="1767225600")
    assert "Entry 11" not in titles(folder, "old.atom")


@pytest.mark.parametrize("command", [("takedown", "entry-11", "--yes"), ("build",)], ids=["takedown", "build"])
def test_what_cannot_be_mended_is_named(folder: Folder, command: tuple[str, ...]) -> None:
    """A broken file of ours that still holds the entry is named, and the exit code is 1, until it is gone."""
    old = _feeds(folder) / "old.atom"
    content = (_feeds(folder) / "all.atom").read_bytes()
    folder.here("takedown", "entry-11", "--yes")
    old.write_bytes(content[:-20])
    done = folder.here(*command)
    assert done.returncode == 1
    assert "still in: public/feeds/old.atom" in done.stderr
    old.unlink()
    assert folder.here(*command).returncode == 0


def test_another_post_with_the_same_id_stays(folder: Folder, lasting_upstream: Upstream) -> None:
    """What another source brings under the same id stays in feeds that are built; an old file loses it, without a tombstone."""
    same = item(21).replace(">entry-21<", ">urn:example:same<")
    for name in ("a", "b"):
        lasting_upstream.feed(f"/{name}", same)
    folder.sync("--force", SOURCE_DATE_EPOCH="1767225600")
    old = _feeds(folder) / "old.atom"
    shutil.copy(_feeds(folder) / "all.atom", old)

    assert folder.here("takedown", "--source", "b", "urn:example:same", "--yes").returncode == 0
    assert titles(folder, "all.atom").count("Entry 21") == 1
    assert "Entry 21" not in titles(folder, "old.atom")
    assert tombstones(folder, "old.atom") == []
    before = folder.times()
    folder.here("build")
    assert folder.times() == before


def test_a_cut_is_byte_stable(folder: Folder) -> None:
    """All but the entry, its tombstone and the feed's date stays to the byte, and a second cut finds nothing."""
    content = (_feeds(folder) / "all.atom").read_bytes()
    gone = _gone(content, "Entry 11", "Entry 3")
    after = cut_entries(content, gone, own=frozenset(), output="feeds/all.atom")
    assert after is not None
    fresh = [line for line in after.splitlines() if line not in content.splitlines()]
    assert [line.split()[0] for line in fresh] == [b"<updated>2030-07-01T00:00:00+00:00</updated>", *[b"<at:deleted-entry"] * 2]
    start = after.index(b"<updated>"), content.index(b"<updated>")
    assert after[: start[0]] == content[: start[1]]
    assert after.endswith(content[content.rindex(b"  <entry>") :])
    assert cut_entries(after, gone, own=frozenset(), output="feeds/all.atom") is None


def test_what_is_no_feed_any_more_is_an_error(folder: Folder) -> None:
    """A file of ours that cannot be read is not passed over: it may hold what was taken down."""
    content = (_feeds(folder) / "all.atom").read_bytes()
    with pytest.raises(PublishError, match="not well-formed"):
        cut_entries(content[:-9], _gone(content, "Entry 11"), own=frozenset(), output="feeds/all.atom")
