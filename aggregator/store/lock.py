"""One run at a time in a project folder: an advisory lock that the kernel frees with its holder, however that one ends.

The file state/lock stays where it is; what counts is flock(2), not that the file exists. It says who holds the lock, for the
message of the one who comes second, and is empty when nobody does. One that was killed has not emptied it: the next holder
learns from that to look for what was left lying about, and nothing else is believed of it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aggregator.errors import LockedError
from aggregator.store.files import store_error

LOCK_PATH = "state/lock"


@dataclass(slots=True)
class Held:
    """The lock, held."""

    cut_off: bool  #: a holder before us was killed, and what it left was not cleared yet; who has cleared it says False


@contextmanager
def project_lock(root: Path) -> Iterator[Held]:
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
        held = Held(cut_off=_acquire(descriptor, root, path))
        try:
            yield held
        finally:
            # Emptied while still held: after the close the file may be another run's.
            if not held.cut_off:
                with suppress(OSError):
                    os.ftruncate(descriptor, 0)
    finally:
        with suppress(OSError):  # the descriptor is gone in any case, the lock with it, and nothing of the file is believed
            os.close(descriptor)


def _acquire(descriptor: int, root: Path, path: Path) -> bool:
    """Take the lock and write down who has it; tell whether the holder before was killed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise LockedError(_held_message(descriptor, root), path=path) from None
        raise store_error("lock", root, LOCK_PATH, error) from error
    started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    line = f"process {os.getpid()}, since {started}\n".encode()
    cut_off = os.fstat(descriptor).st_size > 0
    # A courtesy to the one who comes second: a full disk must not keep us from running. Never empty on the way.
    with suppress(OSError):
        os.pwrite(descriptor, line, 0)
        os.ftruncate(descriptor, len(line))
    return cut_off


def _held_message(descriptor: int, root: Path) -> str:
    holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
    who = f" ({holder})" if holder and holder.isprintable() else ""
    return (
        f"another run holds {root.name or root}{who}: wait until it has ended, or stop it; "
        "the lock is free as soon as its process is gone"
    )
