"""A feed that is refused: its last good file stays, and every command says so with one exit code."""

from __future__ import annotations

import pytest

from tests.test_gone import post
from tests.upstream import Folder, Upstream, item

EPOCH = "1767225600"


@pytest.fixture
def folder(synced: Folder) -> Folder:
    """A project in which three of the five posts cannot be read."""
    for number in (1, 2, 3):
        post(synced, number).write_text("---\ntitle: [\n---\n")
    return synced


def test_unreadable_posts_are_the_cause(folder: Folder) -> None:
    """The message says that posts cannot be read and are to be mended; not that the feed should be deleted."""
    done = folder.here("build")

    assert done.returncode == 1
    assert "3 of them are posts that cannot be read (they are named): mend them, then `aggregator build`" in done.stderr
    assert "delete feeds/" not in done.stderr
    assert done.stderr.count("its entry is left out") == 3


def test_the_exit_code_is_one_whatever_publishes(folder: Folder, lasting_upstream: Upstream) -> None:
    """`sync` ends with 1 as `build` does, with news or without, until the feed is well again."""
    lasting_upstream.feed("/b", item(13) + item(11) + item(12))
    assert folder.run("sync", "--force", "--changed-exit", "10", SOURCE_DATE_EPOCH=EPOCH).returncode == 1
    assert folder.run("sync", SOURCE_DATE_EPOCH=EPOCH).returncode == 1


def test_status_names_a_refused_feed(folder: Folder) -> None:
    """`status` names each feed that is not up to date, and nothing of the kind once it is."""
    assert "refused" not in folder.here("status").stdout
    folder.here("build")
    done = folder.here("status")
    assert "✗ refused  feeds/news/a.atom" in done.stdout
    assert "3 feeds not up to date" in done.stderr
