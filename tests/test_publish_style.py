"""The stylesheet beside the feeds: written once, written again when it is gone, never a reason for anything else to change."""

from __future__ import annotations

import sqlite3

import pytest

from aggregator.publish.addresses import STYLE_PATH
from aggregator.publish.style import STYLE
from tests.upstream import Folder

_FILE = f"public/{STYLE_PATH}"


def test_a_sync_writes_the_stylesheet(synced: Folder) -> None:
    """It lies where every feed says it does."""
    assert synced.files("public")[_FILE] == STYLE
    feeds = [body for path, body in synced.files("public").items() if path.endswith((".atom", ".rss"))]
    assert all(b'href="/feeds/style.css"?>' in body for body in feeds)
    assert len(feeds) == 4 + 4 + 1  # all, news and two below it, in two formats; the one of the sources' health


@pytest.mark.parametrize("command", ["sync", "build"])
def test_what_is_unchanged_is_not_written(synced: Folder, command: str) -> None:
    """Neither a run without news nor `build` touches it."""
    before = synced.files(), synced.times()
    synced.run(command)

    assert (synced.files(), synced.times()) == before


@pytest.mark.parametrize("command", ["sync", "build"])
def test_a_missing_stylesheet_is_written_again(synced: Folder, command: str) -> None:
    """Even a run without news misses it, and writes no feed for it."""
    (synced.root / _FILE).unlink()
    before = {path: time for path, time in synced.times().items() if path.endswith((".atom", ".rss"))}
    synced.run(command)

    assert (synced.root / _FILE).read_bytes() == STYLE
    assert {path: time for path, time in synced.times().items() if path.endswith((".atom", ".rss"))} == before


def test_build_takes_back_what_a_hand_wrote_into_it(synced: Folder) -> None:
    """`sync` does not look into it; `build` does, as with every output."""
    (synced.root / _FILE).write_bytes(b"feed { color: red }")
    synced.run("sync")
    assert (synced.root / _FILE).read_bytes() == b"feed { color: red }"

    synced.run("build")
    assert (synced.root / _FILE).read_bytes() == STYLE


def test_a_new_version_of_it_is_written(synced: Folder) -> None:
    """Where the state knows another one, as after an upgrade, the next sync writes ours."""
    (synced.root / _FILE).write_bytes(b"/* of last year */")
    with sqlite3.connect(synced.root / "state/state.sqlite") as state:
        state.execute("update outputs set frame_hash = x'00' where path = ?", (STYLE_PATH,))
    state.close()
    synced.run("sync")

    assert (synced.root / _FILE).read_bytes() == STYLE


def test_a_link_in_its_place_is_told_and_costs_no_feed(synced: Folder) -> None:
    """No symbolic link is followed: it is named with what to do, feeds are published, and what it led to is untouched."""
    elsewhere = synced.root / "mine.css"
    elsewhere.write_bytes(b"mine")
    (synced.root / _FILE).unlink()
    (synced.root / _FILE).symlink_to(elsewhere)
    (synced.root / "public/feeds/all.atom").unlink()
    done = synced.run("build")

    assert done.returncode == 5
    assert "feeds/style.css" in done.stderr
    assert "symbolic link" in done.stderr
    assert elsewhere.read_bytes() == b"mine"
    assert (synced.root / "public/feeds/all.atom").is_file()
