"""Long work says now and then how far it has got: a daemon that says nothing for long is ended as one that hangs."""

from __future__ import annotations

import pytest

from aggregator.model.poll import Event, Note
from aggregator.pipeline import progress as module
from aggregator.pipeline import project
from aggregator.pipeline.progress import Progress
from tests.upstream import Folder


def test_it_is_told_once_a_minute() -> None:
    """Nothing within the first minute, then how much is done, then nothing for another minute."""
    told: list[Event] = []
    now = 1000.0
    progress = Progress(told.append, "posts are read", 500, clock=lambda: now)
    for now in (1000.0, 1059.0, 1060.0, 1061.0, 1119.0, 1125.0):  # noqa: B007 - the clock
        progress.add(10)

    assert told == [Note(text="posts are read: 30 of 500 so far"), Note(text="posts are read: 60 of 500 so far")]


def test_posts_that_are_read_anew_are_counted(synced: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that is made anew says how many of how many posts were read."""
    monkeypatch.setattr(module, "_EVERY", 0.0)
    monkeypatch.setattr(project, "POSTS_PER_INDEX_JOB", 1)
    posts = len(list((synced.root / "posts").rglob("*.md")))
    done = synced.here("reindex", "--jobs", "1")

    assert [line for line in done.stderr.splitlines() if "so far" in line] == [
        f"posts are read: {number} of {posts} so far" for number in range(1, posts + 1)
    ]


def test_files_of_the_site_are_counted(synced: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the whole site says how many of its files are as they should be."""
    monkeypatch.setattr(module, "_EVERY", 0.0)
    out = synced.root.parent / "site"
    done = synced.here("build", "--out", str(out))

    assert f"{out}: files that are as they should be: 1 so far" in done.stderr
