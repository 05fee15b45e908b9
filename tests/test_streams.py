"""What becomes of a command whose stdout or stderr leads to a full disk, or to a reader that has gone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import IO, Any

import pytest

from tests.upstream import Folder, Upstream, item

_FULL = Path("/dev/full")


@pytest.mark.parametrize("words", ["status", "--json sync --force", "check config", "search entry", "--help"])
def test_an_answer_that_cannot_be_written_is_told(folder: Folder, upstream: Upstream, words: str) -> None:
    """It is one message, and the exit code of a disk that fails: a script must not take half a list for the whole."""
    _project(folder, upstream)
    with _FULL.open("w") as full:
        done = _run(folder, words, stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 5
    assert done.stderr.splitlines()[-1] == "cannot write what was asked for to stdout: no space left on device"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_words_that_cannot_be_written_end_nothing(folder: Folder, upstream: Upstream) -> None:
    """A full disk below the log of a scheduled job, or a pager that was left, is no reason not to poll."""
    _project(folder, upstream, synced=False)
    with _FULL.open("w") as full:
        assert _run(folder, "sync", stdout=subprocess.PIPE, stderr=full).returncode == 0
    upstream.feed("/a", item(1) + item(2))
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as gone:
        gone.wait()
        assert _run(folder, "sync --force", stdout=gone.stdin, stderr=gone.stdin).returncode == 0

    assert len(list((folder.root / "posts").rglob("*.md"))) == 2


def _project(folder: Folder, upstream: Upstream, *, synced: bool = True) -> None:
    upstream.feed("/a", item(1))
    folder.sources(f"sources: {{a: {{feed: '{upstream.address}/a', categories: [news]}}}}\n")
    if synced:
        assert _run(folder, "sync", stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode == 0


_Place = IO[Any] | int | None


def _run(folder: Folder, words: str, *, stdout: _Place, stderr: _Place) -> subprocess.CompletedProcess[str]:
    command, environment = folder.command(*words.split()), folder.environment()
    return subprocess.run(command, env=environment, stdout=stdout, stderr=stderr, text=True, check=False)
