"""What was taken down leaves the RSS and JSON files as well, also those that are not built anew."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.errors import PublishError
from aggregator.model.output import Tombstone
from aggregator.publish.atom import build_feed
from aggregator.publish.cut import cut_file, ids_in
from aggregator.publish.twins import build_twin
from tests.publish_records import build_as, make_frame, make_item, make_twin
from tests.test_gone import post
from tests.upstream import Folder

_FORMATS = ("rss", "json")
_AT = datetime(2030, 7, 1, tzinfo=UTC)


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


def _feeds(folder: Folder) -> Path:
    return folder.root / "public" / "feeds"


def _gone(*numbers: int) -> list[Tombstone]:
    return [Tombstone(id=make_item(number).entry.id, at=_AT) for number in numbers]


@pytest.mark.parametrize("format_", _FORMATS)
def test_every_built_file_loses_it(folder: Folder, format_: str) -> None:
    """A take-down leaves no trace of the entry in any format of any feed that stands."""
    assert b"Entry 11" in (_feeds(folder) / f"all.{format_}").read_bytes()
    folder.here("takedown", "entry-11", "--yes")
    for path in _feeds(folder).rglob(f"*.{format_}"):
        assert b"Entry 11" not in path.read_bytes(), path


def test_refused_feeds_and_old_files_lose_it(folder: Folder) -> None:
    """A feed that the gate refuses, a file of no category, a format that is not published any more: all are cut, and said."""
    for number in (1, 2, 3):
        post(folder, number).write_bytes(b"---\n'entry-%d': [\n---\n" % number)
    for format_ in _FORMATS:
        shutil.copy(_feeds(folder) / "news" / f"b.{format_}", _feeds(folder) / f"old.{format_}")
    done = folder.here("takedown", "entry-11", "--yes")

    for path in [f"{stem}.{format_}" for stem in ("all", "news", "news/b", "old") for format_ in _FORMATS]:
        content = (_feeds(folder) / path).read_bytes()
        assert b"Entry 11" not in content, path
        assert b"Entry 12" in content, path
    assert "public/feeds/old.json: what was taken down is cut out" in done.stderr
    before = folder.files("public")
    assert folder.here("build").returncode == 1
    assert folder.files("public") == before


def test_files_of_others_stay(folder: Folder) -> None:
    """A file without our id and our mark is not ours to change, whatever it holds."""
    rss, fields = (_feeds(folder) / "all.rss").read_bytes(), (_feeds(folder) / "all.json").read_bytes()
    theirs = {
        "theirs.rss": rss.replace(b">feed-aggregator<", b">theirs<").replace(b"<atom:id>urn:", b"<atom:id>urn:x:"),
        "theirs.json": fields.replace(b'"_feed_aggregator"', b'"_x"'),
    }
    for name, content in theirs.items():
        (_feeds(folder) / name).write_bytes(content)
    folder.here("takedown", "entry-11", "--yes")

    assert {name: (_feeds(folder) / name).read_bytes() for name in theirs} == theirs


@pytest.mark.parametrize("format_", _FORMATS)
def test_a_cut_gives_what_building_gives(format_: str) -> None:
    """The file without the entry has the very bytes of a feed that was built without it, and a second cut finds nothing."""
    items = [make_item(number) for number in range(1, 5)]
    content, built = build_as(format_, *items)
    after = cut_file(content, _gone(2, 4), own=(), output=f"feeds/a.{format_}")
    rest = build_feed(make_frame(), [items[0], items[2]], source_order={}, tombstones=_gone(2, 4))

    assert after == build_twin(make_twin(format_), make_frame(), rest)
    assert len(rest.ids) == len(built.ids) - 2
    assert after is not None
    assert cut_file(after, _gone(2, 4), own=(), output=f"feeds/a.{format_}") is None


@pytest.mark.parametrize("format_", _FORMATS)
def test_a_feed_that_loses_all_is_empty(format_: str) -> None:
    """Cutting the last entry leaves a feed."""
    content, _ = build_as(format_, make_item(1))
    after = cut_file(content, _gone(1), own=(), output=f"feeds/a.{format_}")
    rest = build_feed(make_frame(), [], source_order={}, tombstones=_gone(1))

    assert after == build_twin(make_twin(format_), make_frame(), rest)


@pytest.mark.parametrize("format_", _FORMATS)
def test_what_is_no_feed_any_more_is_an_error(format_: str) -> None:
    """A broken file of ours is not passed over: it may hold what was taken down."""
    content, _ = build_as(format_, make_item(1))
    with pytest.raises(PublishError, match=rf"feeds/a\.{format_}: it is not"):
        cut_file(content[:-9], _gone(1), own=(), output=f"feeds/a.{format_}")


@pytest.mark.parametrize("value", [b'"\\ud800"', b"1e999"])
def test_what_cannot_be_written_again_is_an_error(value: bytes) -> None:
    """A hand's JSON that parses and cannot be written as UTF-8 is named like any file that cannot be mended."""
    content, _ = build_as("json", make_item(1), make_item(2))
    changed = content.replace(b'"items"', b'"_mine": %s, "items"' % value)
    with pytest.raises(PublishError, match=r"feeds/a\.json: what is left of it cannot be written"):
        cut_file(changed, _gone(1), own=(), output="feeds/a.json")


@pytest.mark.parametrize("format_", _FORMATS)
def test_ids_are_seen_in_files_of_every_format(format_: str) -> None:
    """The quick look finds the ids of a file however they are escaped there."""
    names = ["https://a.example/?a=1&b=2", "urn:x:\u4e2d"]
    content, _ = build_as(format_, *[make_item(number, id=name) for number, name in enumerate(names)])

    assert ids_in(content).issuperset(names)
    if format_ == "json":
        assert ids_in(json.dumps(json.loads(content)).encode()).issuperset(names)
