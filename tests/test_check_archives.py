"""`check feeds` walks real archives: whole ones have no finding, and a page that is gone, cut off or changed is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator.cli import cli
from tests.archives import Archive, dated
from tests.upstream import Upstream

START = datetime(2025, 1, 5, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path, upstream: Upstream) -> Archive:
    """A feed of ten entries after four months of fifteen each."""
    made = Archive(tmp_path, upstream, {"a": "news"})
    for month in range(4):
        now = START + timedelta(days=30 * month)
        made.send("a", *[dated(100 * month + number, now - timedelta(hours=number + 1)) for number in range(15)])
        made.sync(now)
    return made


def _told(archive: Archive) -> list[tuple[str, str]]:
    done = CliRunner().invoke(cli, ["-C", str(archive.root), "check", "feeds", "--json"])
    return [(one["place"].rpartition("/")[2], one["text"]) for one in json.loads(done.stdout)["findings"]]


def test_whole_archives_have_no_finding(archive: Archive) -> None:
    """Months of syncs leave chains that end, with every page linked and each entry in one page."""
    assert len(list((archive.root / "public/feeds/news.archive").glob("*.atom"))) > 2
    assert _told(archive) == []


def test_a_broken_archive_is_told(archive: Archive) -> None:
    """A page that is gone is told at the one that leads to it, and with it all that nobody finds any more."""
    first, second, third, *_ = sorted((archive.root / "public/feeds/news.archive").glob("*.atom"))
    content = second.read_bytes()
    second.unlink()
    told = _told(archive)
    assert (third.name, f"its archive goes on at feeds/news.archive/{second.name}, which is not there") in told
    assert (first.name, "no page of the archive and no feed leads to it, so nobody finds what it holds") in told

    second.write_bytes(content.replace(b"fh:archive", b"fh:complete"))
    assert [place for place, text in _told(archive) if "no fh:archive" in text] == [second.name]
