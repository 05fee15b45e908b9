"""A run that is killed at any moment, and the one after it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Sweep
from tests.upstream import Folder, Upstream, item

EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}
SOURCES = 6


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        for number in range(SOURCES):
            items = (item(100 * number + entry, dated=entry % 3 > 0) for entry in range(15))
            running.feed(f"/{number}", "".join(items))
        yield running


def _folder(root: Path, upstream: Upstream) -> Folder:
    folder = Folder(root / "project")
    folder.sources_at({f"s{number}": f"{upstream.address}/{number}" for number in range(SOURCES)})
    return folder


@pytest.mark.post_row("R61")
@pytest.mark.timeout(600)
def test_killed_at_random_moments(tmp_path: Path, upstream: Upstream, sweep: Sweep) -> None:
    """After kill -9 at a random moment of a sync one more sync leaves what an undisturbed one leaves."""
    undisturbed = _folder(tmp_path / "undisturbed", upstream)
    undisturbed.sync(**EPOCH)
    expected = undisturbed.files()
    assert len(expected) == SOURCES * 15 + 3 * (SOURCES + 2) + 3  # posts, feeds in 3 formats, list, style, health

    seen: set[str] = set()
    kills = sweep.count(whole=60, sampled=3)
    for number in range(kills):
        chance = random.Random(f"{sweep.seed} {number}")
        folder = _folder(tmp_path / str(number), upstream)
        threshold = chance.randint(0, len(expected))
        victim = subprocess.Popen(folder.command("sync"), env=folder.environment(**EPOCH), stderr=subprocess.DEVNULL)
        while victim.poll() is None and _written(folder) < threshold:
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.01))
        victim.kill()
        victim.wait()
        made = len(folder.files())
        seen.add("before" if made == 0 else "after" if made == len(expected) else "amid")
        folder.sync("--force", **EPOCH)
        assert folder.files() == expected, f"seed {sweep.seed}, kill {number}"
        shutil.rmtree(folder.root.parent)
    assert "amid" in seen or kills < 5
    print(f"moments tried, seed {sweep.seed}: {sorted(seen)}")


def _written(folder: Folder) -> int:
    """Count finished files: posts and feeds, not what is still temporary."""
    return sum(len(list((folder.root / top).rglob("[!.]*.*"))) for top in ("posts", "public"))


@pytest.mark.post_row("R60", "R61")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("words", [("sync",), ("build",), ("reindex",)])
def test_what_a_killed_run_was_writing_is_cleared_away(tmp_path: Path, upstream: Upstream, words: tuple[str, ...]) -> None:
    """Half files that a kill left anywhere in the project are gone after the next run, whatever that one has to do."""
    folder = _folder(tmp_path, upstream)
    for place in (".", "posts/news/s1", "public/feeds/news", "archive"):
        (folder.root / place).mkdir(parents=True, exist_ok=True)
        (folder.root / place / ".tmp-7-0").write_bytes(b"half")
        os.utime(folder.root / place / ".tmp-7-0", (0, 0))  # what is as young as the run itself may be its own
    (folder.root / "state").mkdir()
    (folder.root / "state" / "lock").write_text("process 7, since 2026-01-01T00:00:00Z\n")
    mine = folder.root / "posts" / ".tmp-mine"
    mine.write_bytes(b"not ours")
    folder.run(*words)

    assert [path.relative_to(folder.root).as_posix() for path in folder.root.rglob(".tmp-*")] == ["posts/.tmp-mine"]
