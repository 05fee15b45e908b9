"""One run at a time, and no lock that outlives its holder."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator.errors import LockedError, StoreError
from aggregator.store.lock import LOCK_PATH, project_lock

HOLDER = """
import sys
from pathlib import Path
from aggregator.store.lock import project_lock
with project_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def _holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another process that holds the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.post_row("R62")
def test_a_second_run_is_told_who_holds_the_project(tmp_path: Path) -> None:
    """The message carries the holder's process and start; nothing waits."""
    with _holder(tmp_path) as process, pytest.raises(LockedError) as caught, project_lock(tmp_path):
        pass

    assert re.search(rf"\(process {process.pid}, since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)", str(caught.value))
    assert caught.value.path == tmp_path / LOCK_PATH


@pytest.mark.post_row("R62")
def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    """After kill -9 the next run starts at once, whatever the file still says."""
    with _holder(tmp_path) as process:
        process.kill()
        process.wait()

    assert (tmp_path / LOCK_PATH).read_text().startswith("process ")
    with project_lock(tmp_path):
        pass


def test_the_next_holder_learns_of_a_kill_until_it_has_cleared_up(tmp_path: Path) -> None:
    """Holders that clear nothing (a change of the config) pass the news on; one that has done it ends it."""
    with project_lock(tmp_path) as held:
        told = [held.cut_off]
    with _holder(tmp_path) as process:
        process.kill()
        process.wait()
    for cleared in (False, True, True):
        with project_lock(tmp_path) as held:
            told.append(held.cut_off)
            held.cut_off = held.cut_off and not cleared

    assert told == [False, True, True, False]


def test_a_holder_that_ends_frees_the_lock(tmp_path: Path) -> None:
    """The lock's file stays and says nothing; the lock can be taken again."""
    for _ in range(2):
        with project_lock(tmp_path):
            assert f"process {os.getpid()}," in (tmp_path / LOCK_PATH).read_text()
        assert (tmp_path / LOCK_PATH).read_text() == ""


def test_a_failed_run_frees_the_lock(tmp_path: Path) -> None:
    """An exception in the run passes through and leaves the project free."""
    with pytest.raises(ZeroDivisionError), project_lock(tmp_path):
        raise ZeroDivisionError

    assert (tmp_path / LOCK_PATH).read_text() == ""
    with project_lock(tmp_path):
        pass


@pytest.mark.post_row("R60", "R62")
def test_what_an_earlier_holder_wrote_is_not_believed(tmp_path: Path) -> None:
    """A file that names a running process locks nobody out by itself."""
    (tmp_path / "state").mkdir()
    (tmp_path / LOCK_PATH).write_text(f"process {os.getppid()}, since 2020-01-01T00:00:00Z and much more text\n")

    with project_lock(tmp_path):
        assert "2020" not in (tmp_path / LOCK_PATH).read_text()


@pytest.mark.post_row("R62")
def test_a_worker_started_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A program that outlives the run has not inherited the lock."""
    with project_lock(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-c", "print(flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,
        )
        assert child.stdout is not None
        child.stdout.readline()  # only now has its exec closed what it did not inherit
    try:
        with project_lock(tmp_path):
            pass
    finally:
        child.communicate(b"\n")


def test_a_lock_that_cannot_be_taken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks is a storage error, not a held lock."""

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(StoreError, match=r"cannot lock .*state/lock"), project_lock(tmp_path):
        pass


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file in the place of the state folder is a storage error with what to do."""
    (tmp_path / "state").write_text("")

    with pytest.raises(StoreError, match=r"cannot write .*state/lock"), project_lock(tmp_path):
        pass


def test_a_full_disk_does_not_keep_a_run_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the holder cannot be written down is no reason not to run: the lock holds all the same."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with project_lock(tmp_path), pytest.raises(LockedError, match="another run holds"), project_lock(tmp_path):
            pass
