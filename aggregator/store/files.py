"""Bytes -> files that are whole or not there, below one folder and nowhere else.

A file is written under a temporary name in its own folder and renamed into place, so a reader sees the old bytes or the new
ones. `make_durable` then asks the disk to keep them. Symbolic links below the root are refused. Every OSError becomes a
StoreError that says what to do. Never reads the clock, never writes in place.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import lru_cache
from itertools import count
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISLNK, S_ISREG

from aggregator.errors import PlaceError, StoreError, UnfitFileError

TEMPORARY_PREFIX = ".tmp-"
_TEMPORARY = re.compile(rf"{re.escape(TEMPORARY_PREFIX)}\d+-\d+")
#: Up to so many files are made durable one by one, which leaves other programs' data alone; more of them all at once.
FEW = 64

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CHUNK_BYTES = 1024 * 1024
_NO_NAMES = frozenset({"", ".", ".."})
_numbers = count()

_OWNERSHIP = "Check who owns the folder and its permissions"
_ADVICE = {
    errno.ENOSPC: "Free some space and run again",
    errno.EDQUOT: "Free some space or raise the quota, and run again",
    errno.EROFS: "The file system is mounted read-only: make it writable and run again",
    errno.EACCES: _OWNERSHIP,
    errno.EPERM: _OWNERSHIP,
    errno.EIO: "The disk reports a fault: check it before running again",
    errno.EBUSY: "It is mounted by itself: mount its whole folder instead, so that the file can be replaced",
    errno.ELOOP: "A symbolic link is in its place, and none is followed here: put a real file or folder there",
    errno.ENOTDIR: "A file stands where a folder should be: move it away",
    errno.EISDIR: "A folder stands where a file should be: move it away",
    errno.EMFILE: "Raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "Choose a project folder with a shorter path, or fewer category levels",
}
#: What says nothing of other places on the same disk.
_OF_ONE_PLACE = {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
_FOLDER = "a folder stands where a file should be: move it away"
_DEVICE = "a pipe, a socket or a device stands where a file should be: move it away"
_NO_FILE = {
    errno.ELOOP: "a symbolic link is in its place, and none is followed here: put a real file there",
    errno.ENXIO: _DEVICE,
}


def write_file(root: Path, path: str, content: bytes, *, keep_old: bool = False) -> None:
    """Write the file at `path` below `root` as a whole; folders are made as needed. Not yet durable.

    `keep_old` is for what could not be made again: the new bytes are on the disk before they take the place of old ones, or
    a power cut may leave an empty file under the name (only some file systems see to that by themselves).

    Raises:
        StoreError: it could not be written, or `path` leads out of `root`; what was there before is untouched.
    """
    folder, name = _place(root, path)
    try:
        temporary, descriptor = _open_temporary(root, folder)
        try:
            try:
                _write_all(descriptor, content)
                if keep_old and os.path.lexists(f"{_real_folder(root, folder)}/{name}"):
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, f"{_real_folder(root, folder)}/{name}")  # noqa: PTH105 - paths stay text: speed
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
            raise
    except OSError as error:
        raise store_error("write", root, path, error) from error


def read_file(root: Path, path: str, *, at_most: int | None = None) -> bytes | None:
    """Return the bytes of the file at `path` below `root`, or None if there is none.

    Raises:
        UnfitFileError: a link, a folder, a pipe or a device stands in its place, or it holds more than `at_most` bytes.
        StoreError: it is there but cannot be read, or `path` leads out of `root`.
    """
    folder, name = _place(root, path)
    try:
        place = f"{_real_folder(root, folder)}/{name}"
        try:
            descriptor = os.open(place, _READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in _NO_FILE:
                raise _unfit(root, path, _NO_FILE[error.errno]) from error
            raise
        try:
            found = os.fstat(descriptor)
            if not S_ISREG(found.st_mode):
                raise _unfit(root, path, _FOLDER if S_ISDIR(found.st_mode) else _DEVICE)
            if at_most is not None and found.st_size > at_most:
                raise _unfit(root, path, f"it is larger than {at_most // 1024**2} MiB: no post of this program is")
            return _read_all(descriptor, found.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise store_error("read", root, path, error) from error


def list_files(root: Path, folder: str) -> list[str]:
    """Return the names of the files in a folder below `root`, in no order; none where there is no such folder.

    Raises:
        StoreError: it cannot be looked into, or a link stands in its place.
    """
    try:
        with os.scandir(_real_folder(root, folder)) as found:
            return [entry.name for entry in found if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise store_error("look into", root, folder, error) from error


def remove_file(root: Path, path: str, *, durable: bool = True) -> bool:
    """Remove the file at `path` below `root`, durably unless told otherwise; tell whether there was one. Its folder stays.

    Raises:
        StoreError: it could not be removed, or `path` leads out of `root`.
    """
    folder, name = _place(root, path)
    try:
        place = _real_folder(root, folder)
        os.unlink(f"{place}/{name}")  # noqa: PTH108 - the link itself where a symbolic link stands in its place
    except FileNotFoundError:
        return False
    except OSError as error:
        raise store_error("remove", root, path, error) from error
    if durable:
        _sync(Path(place), os.O_DIRECTORY)
    return True


def make_durable(root: Path, paths: Collection[str]) -> None:
    """Return when the files at these paths below `root`, their names and their folders are on the disk.

    Raises:
        StoreError: the disk did not take them; nothing may be built upon them.
    """
    if not paths:
        return
    if len(paths) > FEW:
        sync_file_system(root)
        return
    folders = {root.parent, root}
    for path in sorted(paths):
        _sync(root / path, os.O_NOFOLLOW)
        folders.update(root / parent for parent in PurePosixPath(path).parents)
    for folder in sorted(folders):
        _sync(folder, os.O_DIRECTORY)


def sweep_leftovers(folder: Path, *, older_than_ns: int, nested: bool = False) -> int:
    """Remove the temporary files that a killed run left in the folder (and, `nested`, in those below); return their number.

    Only for the holder of the project's lock, and only what is older than its own run: a file that one of its workers is
    writing at this moment looks the same. A name that `write_file` does not give is somebody else's.
    """
    removed = 0
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if nested and entry.is_dir(follow_symlinks=False):
                    removed += sweep_leftovers(Path(entry.path), older_than_ns=older_than_ns, nested=True)
                elif _TEMPORARY.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime_ns < older_than_ns:
                    Path(entry.path).unlink(missing_ok=True)
                    removed += 1
    except FileNotFoundError:
        return removed
    except OSError as error:
        if nested and isinstance(error, PermissionError):
            return removed  # not ours to look into, so nothing of ours is in it
        raise store_error("remove leftovers in", folder, "", error) from error
    return removed


def store_error(verb: str, root: Path, path: str, error: OSError) -> StoreError:
    """Return the error for a file that could not be written, read, removed or made durable: what, why, what to do."""
    place = f"{root.name}/{path}" if path else root.name
    reason = (error.strerror or str(error)).rstrip(".")
    kept = "; everything already there is untouched" if verb == "write" else ""
    advice = _ADVICE.get(error.errno or 0)
    kind = PlaceError if error.errno in _OF_ONE_PLACE else StoreError
    return kind(
        f"cannot {verb} {place}: {reason[:1].lower()}{reason[1:]}{kept}{f'. {advice}' if advice else ''}", path=root / path
    )


def _unfit(root: Path, path: str, why: str) -> UnfitFileError:
    return UnfitFileError(f"cannot read {root.name}/{path}: {why}", path=root / path, why=why)


def _place(root: Path, path: str) -> tuple[str, str]:
    """Split into folder and name; refuse whatever could lead elsewhere."""
    if "\0" in path or not _NO_NAMES.isdisjoint(path.split("/")):
        raise StoreError(f"{path!r} is no path below {root.name}: nothing was done with it", path=root)
    folder, _, name = path.rpartition("/")
    return folder, name


def _real_folder(root: Path, folder: str) -> str:
    """Return the folder's own path once no symbolic link stands between it and the root; the root itself may be one.

    Remembered for the process's life: the posts of one run go to few folders.
    """
    # By texts: a Path is compared in Python, which for every post costs more than what is remembered.
    return _checked(os.fspath(root), folder)


@lru_cache(maxsize=4096)
def _checked(root: str, folder: str) -> str:
    place = _resolved(root)
    for part in folder.split("/") if folder else ():
        place = f"{place}/{part}"
        mode = os.lstat(place).st_mode
        if S_ISLNK(mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place)
        if not S_ISDIR(mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place)
    return place


@lru_cache(maxsize=64)
def _resolved(root: str) -> str:
    return str(Path(root).resolve(strict=True))


def _made_folder(root: Path, folder: str) -> str:
    """Return the folder's own path; make what is missing of it, level by level, each one checked before the next."""
    _checked.cache_clear()
    _resolved.cache_clear()
    root.mkdir(parents=True, exist_ok=True)
    place = ""
    for part in folder.split("/") if folder else ():
        above = _real_folder(root, place)
        with suppress(FileExistsError):
            os.mkdir(f"{above}/{part}")  # noqa: PTH102
        place = f"{place}/{part}" if place else part
    return _real_folder(root, folder)


def _open_temporary(root: Path, folder: str) -> tuple[str, int]:
    """Create a file of our own in the folder; a name left by a dead process with our number is passed over."""
    try:
        base = _real_folder(root, folder)
    except FileNotFoundError:
        base = _made_folder(root, folder)
    while True:
        temporary = f"{base}/{TEMPORARY_PREFIX}{os.getpid()}-{next(_numbers)}"
        try:
            return temporary, os.open(temporary, _NEW, 0o666)
        except FileExistsError:
            continue
        except FileNotFoundError:  # the folder was removed since it was remembered
            base = _made_folder(root, folder)


def _read_all(descriptor: int, size: int) -> bytes:
    """Return what is left to read; `size` is what the file holds if nobody is writing to it."""
    content = os.read(descriptor, size + 1)
    if len(content) == size:
        return content
    parts = [content]
    while part := os.read(descriptor, _CHUNK_BYTES):
        parts.append(part)
    return b"".join(parts)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync(path: Path, flag: int) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flag)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return  # somebody has removed it since: there is nothing to keep
    except OSError as error:
        # Some file systems cannot sync a folder (EINVAL), and the folder above the root may not be ours to open.
        if flag == os.O_DIRECTORY and error.errno in {errno.EINVAL, errno.ENOTSUP, errno.EACCES}:
            return
        raise store_error("make durable", path.parent, path.name, error) from error


def sync_file_system(root: Path) -> None:
    """Flush the root's file system as a whole: one call whatever the number of files."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            _syncfs()(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise store_error("make durable", root, "", error) from error


@lru_cache(maxsize=1)
def _syncfs() -> Callable[[int], None]:
    """Return Linux's syncfs(2), which Python does not offer; elsewhere sync(2), which flushes every file system."""
    import ctypes  # only a large batch pays for it

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return lambda _: os.sync()

    def syncfs(descriptor: int) -> None:
        if call(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return syncfs
