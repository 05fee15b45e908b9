"""One run at a time in a project folder: an advisory lock that the kernel frees with its holder, however that one ends.

The file state/lock stays where it is; what counts is flock(2), not that the file exists. It says who holds the lock, for the
message of the one who comes second, and is empty when nobody does (or says who was killed, which is then not believed).
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from aggregator.errors import LockedError
from aggregator.store.files import store_error

LOCK_PATH = "state/lock"


@contextmanager
def project_lock(root: Path) -> Iterator[None]:
    """Hold the project for the length of the block.

    Raises:
        LockedError: another run holds it; at once, without waiting.
        StoreError: the lock's file cannot be made.
    """
    path = root / LOCK_PATH
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not inherited over exec: a worker that outlives us must not keep the lock.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise store_error("write", root, LOCK_PATH, error) from error
    try:
        _acquire(descriptor, root, path)
        try:
            yield
        finally:
            # Emptied while still held: after the close the file may be another run's.
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, root: Path, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise LockedError(_held_message(descriptor, root), path=path) from None
        raise store_error("lock", root, LOCK_PATH, error) from error
    started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    # A courtesy to the one who comes second: a full disk must not keep us from running.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, since {started}\n".encode(), 0)


def _held_message(descriptor: int, root: Path) -> str:
    holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
    who = f" ({holder})" if holder and holder.isprintable() else ""
    return (
        f"another run holds {root.name or root}{who}: wait until it has ended, or stop it; "
        "the lock is free as soon as its process is gone"
    )
