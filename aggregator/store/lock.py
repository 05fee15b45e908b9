"""One run at a time in a project folder: an advisory lock that the kernel frees with its holder, however that one ends.

The file state/lock stays where it is; what counts is flock(2), not that the file exists. It says who holds the lock, for the
message of the one who comes second, and is empty when nobody does. One that was killed has not emptied it: the next holder
learns from that to look for what was left lying about, and nothing else is believed of it.

A daemon holds state/daemon.lock for as long as it runs, and the lock of the project only for each of its rounds: whoever meets
it in one waits for its end, which is never far.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aggregator.errors import LockedError
from aggregator.store.files import store_error

LOCK_PATH = "state/lock"
DAEMON_PATH = "state/daemon.lock"
#: Seconds that the end of a daemon's round is waited for; the longest one takes about half of it.
_PATIENCE = 300.0
_LOOK_EVERY = 0.05


@dataclass(slots=True)
class Held:
    """The lock, held."""

    #: A holder before us was killed, and what it left was not cleared yet. Who has cleared it says False; who ends with such
    #: things of its own lying about says True again, for the next one.
    cut_off: bool


@contextmanager
def project_lock(root: Path, *, wait: float | None = None) -> Iterator[Held]:
    """Hold the project for the length of the block.

    `wait` is for how many seconds it is waited for; None: not at all, but for the end of a daemon's round.

    Raises:
        LockedError: another run holds it.
        StoreError: the lock's file cannot be made.
    """
    with _opened(root, LOCK_PATH) as descriptor:
        ends = time.monotonic() + (_PATIENCE if wait is None else wait)
        held = Held(cut_off=_acquire_in_time(descriptor, root, LOCK_PATH, _HELD, ends=ends, daemon_only=wait is None))
        try:
            yield held
        finally:
            # Emptied while still held: after the close the file may be another run's.
            if not held.cut_off:
                with suppress(OSError):
                    os.ftruncate(descriptor, 0)


@contextmanager
def daemon_lock(root: Path) -> Iterator[None]:
    """Be the daemon of a project for the length of the block.

    Raises:
        LockedError: it has one.
        StoreError: the lock's file cannot be made.
    """
    with _opened(root, DAEMON_PATH) as descriptor:
        # Who asks whether one runs holds the same lock for a moment.
        _acquire_in_time(descriptor, root, DAEMON_PATH, _RUNS, ends=time.monotonic() + 1)
        yield


def daemon_runs(root: Path) -> bool:
    """Tell whether a daemon of this project runs, as far as its lock can be read."""
    return daemon_holder(root) is not None


def daemon_holder(root: Path) -> bytes | None:
    """Return what the daemon of this project has written down of itself; None: none runs, as far as its lock can be read."""
    try:
        descriptor = os.open(root / DAEMON_PATH, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return os.pread(descriptor, 200, 0) if error.errno in _TAKEN else None
    finally:
        os.close(descriptor)
    return None


_TAKEN = frozenset({errno.EWOULDBLOCK, errno.EACCES})
_RUNS = "a daemon of this project runs already{who}: one is enough. To replace it, stop it first"
_HELD = "another run holds {name}{who}: wait until it has ended, or stop it; the lock is free as soon as its process is gone"


@contextmanager
def _opened(root: Path, name: str) -> Iterator[int]:
    path = root / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not inherited over exec: a worker that outlives us must not keep the lock.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise store_error("write", root, name, error) from error
    try:
        yield descriptor
    finally:
        with suppress(OSError):  # the descriptor is gone in any case, the lock with it, and nothing of the file is believed
            os.close(descriptor)


def _acquire_in_time(descriptor: int, root: Path, name: str, message: str, *, ends: float, daemon_only: bool = False) -> bool:
    """Take a lock, now or before `ends`; `daemon_only`: only the end of a daemon's round is waited for."""
    while True:
        try:
            return _acquire(descriptor, root, name, message)
        except LockedError:
            if time.monotonic() >= ends or (daemon_only and not daemon_runs(root)):
                raise
        time.sleep(_LOOK_EVERY)


def _acquire(descriptor: int, root: Path, name: str, message: str) -> bool:
    """Take a lock and write down who has it; tell whether the holder before was killed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            raise LockedError(_held_message(descriptor, root, message), path=root / name) from None
        raise store_error("lock", root, name, error) from error
    started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    line = f"process {os.getpid()}, since {started}\n".encode()
    cut_off = os.fstat(descriptor).st_size > 0
    # A courtesy to the one who comes second: a full disk must not keep us from running. Never empty on the way.
    with suppress(OSError):
        os.pwrite(descriptor, line, 0)
        os.ftruncate(descriptor, len(line))
    return cut_off


def _held_message(descriptor: int, root: Path, message: str) -> str:
    holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
    who = f" ({holder})" if holder and holder.isprintable() else ""
    return message.format(name=root.name or root, who=who)
