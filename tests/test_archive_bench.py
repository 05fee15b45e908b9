"""The benchmark's archive: what `python -m benchmarks.archive` makes is what years of syncs would have left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aggregator.pipeline.project import open_project
from aggregator.settings import load_settings
from benchmarks.archive import grow
from tests.upstream import Folder


def test_a_grown_archive_is_posts_that_the_state_knows(synced: Folder) -> None:
    """Every source gets so many times as many posts; the state knows each, and a sync finds nothing to adopt or to write."""
    settings = load_settings(synced.root, synced.root / "config", {})
    with open_project(settings, lambda _: None, datetime.now(UTC)) as project:
        number = grow(project, times=4)
        counts = {source: count for source, (count, _) in project.state.counts().items()}
    said = synced.sync("--force").stderr
    before = synced.files()
    again = synced.run("reindex")

    assert (number, counts) == (20, {"a": 12, "b": 8})
    assert len(list((synced.root / "posts").rglob("*.md"))) == 20
    assert "found" not in said
    assert "20 posts" in again.stderr
    assert synced.files() == before


def test_the_seed_alone_decides_an_archive(synced: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two archives of one project and one seed have the same bytes."""
    twin = synced.copy(tmp_path_factory.mktemp("twin") / "project")
    for folder in (synced, twin):
        settings = load_settings(folder.root, folder.root / "config", {})
        with open_project(settings, lambda _: None, datetime.now(UTC)) as project:
            grow(project, times=3)

    assert synced.files("posts") == twin.files("posts")
