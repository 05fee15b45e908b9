"""A folder of files for a static host: what we wrote there is kept as it should be, and nothing else is touched.

A list in the folder (`.feed-aggregator.jsonl`) says what we wrote: each file with the hash of its bytes, and a stamp of what it
was made of. A file with the same stamp is not even made; one with the same bytes is not written, so its time stays. What is not
made any more is removed, unless somebody has changed it since. A file that is there and not in the list is somebody else's.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import ENOSPC
from fcntl import LOCK_EX, flock
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from io import FileIO
from pathlib import Path
from stat import S_ISREG
from typing import Any

from aggregator.errors import PlaceError, StoreError
from aggregator.store.files import read_file, remove_file, store_error, write_file

LIST = ".feed-aggregator.jsonl"
_VERSION = 1
_HEAD = f'{{"tree": {_VERSION}}}\n'
#: Endings of files that are packed as well: what else there is would not become smaller.
_PACKED = frozenset({".html", ".css", ".js", ".atom", ".rss", ".json", ".opml", ".xml", ".txt"})
_GZIP_LEVEL = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file of ours, as the list has it."""

    hash: str  #: of its bytes; "": a run died before it was written
    stamp: str  #: of what it was made of; "": it is made each time
    size: int  #: bytes


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of a tree."""

    files: int = 0
    written: int = 0
    removed: int = 0


class StaticTree:
    """One folder. Use `static_tree`."""

    def __init__(self, root: Path, there: dict[str, Written], journal: FileIO, *, compress: bool) -> None:
        """Take what we wrote before, and the list, open at its end."""
        self._root = root
        self._there = there
        self._journal = journal
        self._now: dict[str, Written] = {}
        self._packers = _packers() if compress else {}
        self.counts = Counts()
        self.foreign: list[str] = []  #: files of somebody else that stand where ours should
        self.kept: list[str] = []  #: files of ours that are not made any more, and that somebody has changed

    def put(self, path: str, stamp: str, make: Callable[[], bytes]) -> None:
        """See to it that the file is as it should be. Raises StoreError."""
        before = self._there.get(path)
        if before is not None and stamp and before.stamp == stamp and self._is_there(path, before):
            self._now[path] = before
            self.counts.files += 1
            content = None
        else:
            content = make()
            if not self._write(path, stamp, content):
                return
        if self._packers and os.path.splitext(path)[1] in _PACKED:  # noqa: PTH122
            self._put_packed(path, content)

    def finish(self) -> None:
        """Remove what is not made any more, and write the list. Raises StoreError."""
        for path in sorted(self._there.keys() - self._now.keys() - set(self.foreign), reverse=True):
            self._remove(path, self._there[path])
        self._journal.close()
        lines = (_line(path, each) for path, each in sorted(self._now.items()))
        content = "".join([_HEAD, *lines]).encode("utf-8", "surrogatepass")
        if read_file(self._root, LIST) != content:
            write_file(self._root, LIST, content)

    def _is_there(self, path: str, written: Written) -> bool:
        """Tell whether a file is as long as we wrote it: a power cut may have left an empty one."""
        try:
            found = os.stat(f"{self._root}/{path}", follow_symlinks=False)  # noqa: PTH116 - paths stay text: speed
        except OSError:
            return False
        return S_ISREG(found.st_mode) and found.st_size == written.size and written.hash != ""

    def _write(self, path: str, stamp: str, content: bytes) -> bool:
        """Write a file unless it has these bytes; tell whether it is ours."""
        found = self._found(path)
        if found is not None and path not in self._there and found != content:
            self.foreign.append(path)
            return False
        if found != content:
            # Ours before it is there: a run that dies in between leaves no file that nobody knows.
            self._note(_line(path, Written(hash="", stamp="", size=0)))
            write_file(self._root, path, content)
            self.counts.written += 1
        self._now[path] = Written(hash=_hash(content), stamp=stamp, size=len(content))
        self.counts.files += 1
        return True

    def _note(self, line: str) -> None:
        said = f"\n{line}".encode("utf-8", "surrogatepass")  # a line before that did not end spoils itself alone
        try:
            written = self._journal.write(said)
        except OSError as error:
            raise store_error("write", self._root, LIST, error) from error
        if written < len(said):
            raise store_error("write", self._root, LIST, OSError(ENOSPC, os.strerror(ENOSPC)))

    def _put_packed(self, path: str, content: bytes | None) -> None:
        stamp = self._now[path].hash
        for ending, pack in self._packers.items():

            def make(pack: Callable[[bytes], bytes] = pack) -> bytes:
                return pack(content if content is not None else read_file(self._root, path) or b"")

            self.put(path + ending, stamp, make)

    def _found(self, path: str) -> bytes | None:
        try:
            return read_file(self._root, path)
        except PlaceError:
            return b""  # a folder, a link: never ours, and never overwritten

    def _remove(self, path: str, written: Written) -> None:
        found = self._found(path)
        if found is not None and written.hash and _hash(found) != written.hash:
            self.kept.append(path)
            return
        if found is not None and remove_file(self._root, path, durable=False):
            self.counts.removed += 1
        folder = (self._root / path).parent
        while folder != self._root:
            with suppress(OSError):  # another file is in it
                folder.rmdir()
                folder = folder.parent
                continue
            break


@contextmanager
def static_tree(root: Path, *, compress: bool) -> Iterator[StaticTree]:
    """Open the folder, which is made if need be; what is not put by the end is removed, if it was ours.

    Raises StoreError: it cannot be written, or its list is of a later version.
    """
    _listed(root)  # before anything is made: it may not be ours to write to
    with _journal(root) as journal:
        tree = StaticTree(root, _listed(root), journal, compress=compress)
        yield tree
        tree.finish()


def _journal(root: Path) -> FileIO:
    """Return the list, open at its end and held by us; whoever else writes this folder is waited for. Raises StoreError."""
    path = root / LIST
    try:
        root.mkdir(parents=True, exist_ok=True)
        while True:
            journal = path.open("ab", buffering=0)
            with suppress(OSError):  # a file system without locks
                flock(journal, LOCK_EX)
            # Who held it has put another file in its place at the end.
            if path.exists() and os.fstat(journal.fileno()).st_ino == path.stat().st_ino:
                if not journal.tell():
                    journal.write(_HEAD.encode())
                return journal
            journal.close()
    except OSError as error:
        raise store_error("write", root, LIST, error) from error


def can_pack_br() -> bool:
    """Tell whether the library for Brotli is installed."""
    return find_spec("brotli") is not None


def _packers() -> dict[str, Callable[[bytes], bytes]]:
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": lambda content: gzip.compress(content, _GZIP_LEVEL, mtime=0)}
    if can_pack_br():
        brotli: Any = import_module("brotli")
        packers[".br"] = brotli.compress
    return packers


def _listed(root: Path) -> dict[str, Written]:
    """Return what the list says that we wrote; a later line counts for more, one that a run died over for nothing."""
    content = read_file(root, LIST) if root.is_dir() else None
    found: dict[str, Written] = {}
    for line in (content or b"").decode("utf-8", "replace").split("\n"):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if not isinstance(said, dict):
            continue
        if isinstance(said.get("tree"), int) and said["tree"] > _VERSION:
            raise StoreError(f"{root.name}/{LIST}: a later version of this program wrote it: use that one", path=root / LIST)
        texts = [said.get(name) for name in ("path", "hash", "stamp")]
        if all(isinstance(text, str) for text in texts) and isinstance(said.get("size"), int) and _is_inside(said["path"]):
            found[said["path"]] = Written(hash=said["hash"], stamp=said["stamp"], size=said["size"])
    return found


def _line(path: str, written: Written) -> str:
    said = {"path": path, "hash": written.hash, "stamp": written.stamp, "size": written.size}
    return f"{json.dumps(said, ensure_ascii=False)}\n"


def _is_inside(path: str) -> bool:
    return "\0" not in path and {"", ".", ".."}.isdisjoint(path.split("/"))


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]
