"""What hands do to posts, as a daemon finds it: also one that did not run when they did it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.daemon.rounds import Rounds
from aggregator.pipeline.series import Series, Unpublished
from aggregator.settings import load_settings
from aggregator.workers import Workers
from tests.upstream import Folder, Upstream


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(1) as running:
        yield running


def _daemon(folder: Folder, workers: Workers) -> Rounds:
    """Return the rounds of a daemon that has just started."""
    return Rounds(
        load_settings(folder.root, folder.root / "config", os.environ),
        Series(workers=workers, unpublished=Unpublished(timedelta()), open_for=timedelta(seconds=30)),
        lambda _: None,
        now=lambda: datetime.now(UTC),
        stamp=lambda now: now,
        jobs=1,
    )


def test_an_edit_between_two_daemons_is_published(folder: Folder, upstream: Upstream, workers: Workers) -> None:
    """The second one looks from where the first has looked last, and not only from its own start."""
    folder.sources_at({"a": f"{upstream.address}/a"}, "")
    first = _daemon(folder, workers)
    first.poll()
    first.look_at_hands(datetime.now(UTC))
    [post, *_] = sorted((folder.root / "posts").rglob("*.md"))
    post.write_text(post.read_text("utf-8") + "\nMended by hand.\n", "utf-8")

    _daemon(folder, workers).look_at_hands(datetime.now(UTC) + timedelta(minutes=1))

    assert "Mended by hand." in (folder.root / "public" / "feeds" / "all.atom").read_text("utf-8")
