"""A post that a hand gave a name without its key: nobody's post to look at, and yet not deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_gone import ledger, post, tombstones
from tests.upstream import Folder, titles


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


def _rename(folder: Folder, number: int) -> tuple[Path, Path]:
    place = post(folder, number)
    return place, place.rename(place.with_name("my-title.md"))


def test_a_renamed_post_is_not_deleted(folder: Folder) -> None:
    """The file is named with what to call it, the ledger has no line, and the other entries are published."""
    place, now = _rename(folder, 11)
    done = folder.here("build")

    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"my-title.md: has the entry of {place.name}, renamed by hand") == 1
    assert f"end in -{place.stem.rpartition('-')[2]}.md" in done.stderr
    assert ledger(folder) == []
    assert titles(folder, "news/b.atom") == ["Entry 12"]
    assert tombstones(folder, "all.atom") == []
    now.rename(now.with_name(f"my-title-{place.stem.rpartition('-')[2]}.md"))
    folder.here("build")
    assert titles(folder, "news/b.atom") == ["Entry 12", "Entry 11"]


def test_it_is_not_written_a_second_time(folder: Folder) -> None:
    """Neither a rebuilt index nor upstream's whole feed brings the entry again beside the renamed file."""
    place, _ = _rename(folder, 11)
    assert folder.here("reindex").returncode == 0
    folder.sync("--no-cache", SOURCE_DATE_EPOCH="1767225600")

    assert not place.exists()
    assert len(list(place.parent.glob("*.md"))) == 2


def test_another_text_is_another_file(folder: Folder) -> None:
    """A file without a key that does not hold the very bytes is somebody's page; then the post was deleted."""
    _, now = _rename(folder, 11)
    now.write_text("My own page.\n")

    assert "deleted by hand" in folder.here("build").stderr
    assert [line["id"] for line in ledger(folder)] == ["entry-11"]
