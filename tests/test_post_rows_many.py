"""Row R65: a project of 100,000 posts (1,500 unless --whole): what a run reads and holds does not grow with its archive."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.model.entry import Feed
from aggregator.model.key import entry_key
from aggregator.store.paths import post_path
from aggregator.store.profiles import default
from tests.conftest import Sweep
from tests.post_records import full_entry
from tests.upstream import Folder, Upstream, item, titles

SOURCES = 20
OLDEST = datetime(2001, 1, 1, tzinfo=UTC)


def _archive(folder: Folder, posts: int) -> list[Path]:
    """Write posts as earlier runs would have, one an hour; return their files, the oldest first."""
    files = []
    for number in range(posts):
        source = f"s{number % SOURCES}"
        found = full_entry(
            id=f"old-{number}",
            link=f"https://old.example/{number}",
            source_id=source,
            title=f"Old {number}",
            categories=("news", source),
            feed=Feed(title="Old"),
            published=OLDEST + timedelta(hours=number),
            updated=None,
        )
        path = folder.root / "posts" / post_path(found.categories, found.title, entry_key(source, found.id))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(default.render(found).post)
        files.append(path)
    return files


#: A process starts with the memory of the one it was forked from, as far as its highest mark goes: so a small one starts it.
_MEASURE = """
import os, sys
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, used = os.wait4(child, 0)
print(used.ru_maxrss // 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def _measured(folder: Folder, *words: str) -> tuple[str, int]:
    """Run a command; return what it said and the most memory, in MiB, that any of its processes held."""
    command = [sys.executable, "-S", "-c", _MEASURE, *folder.command(*words)]
    done = subprocess.run(command, env=folder.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr, int(done.stdout)


@pytest.mark.post_row("R65")
@pytest.mark.timeout(1800)
def test_a_run_costs_what_is_new_however_many_posts_there_are(tmp_path: Path, sweep: Sweep) -> None:
    """Posts out of every feed are indexed once and not read again: runs do not even notice that they were ruined since."""
    posts = sweep.count(whole=100_000, sampled=1_500)
    with Upstream() as upstream:
        for number in range(SOURCES):
            upstream.feed(f"/{number}", item(100 * number + 1))
        folder = Folder(tmp_path / "project")
        folder.settings("posts: {durable: false}")
        folder.sources_at({f"s{number}": f"{upstream.address}/{number}" for number in range(SOURCES)})
        files = _archive(folder, posts)
        said, indexing = _measured(folder, "reindex")
        assert f"{posts}" in said.replace(",", "")
        first, _ = _measured(folder, "sync")
        assert f"{SOURCES} new" in first

        # Old enough to stand in no feed (of 50 entries a source); in place, so that no folder's time tells of it.
        for path in files[: -60 * SOURCES]:
            with path.open("r+b") as file:
                file.write(b"garbage ")
        upstream.feed("/0", item(1) + item(2))
        second, syncing = _measured(folder, "sync", "--force")

    assert "1 new" in second
    assert "no front matter" not in second
    assert titles(folder, "news/s0.atom")[:2] == ["Entry 2", "Entry 1"]
    assert len(titles(folder, "all.atom")) == 50
    print(f"{posts} posts: at most {indexing} MiB to index them, {syncing} MiB to sync")
    assert indexing < 250
    assert syncing < 200
