"""A project that was synced once, copied for each test that damages something in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.upstream import Folder, Upstream, item

EPOCH = "1767225600"


class Copies:
    """Gives copies of one synced project; its upstream answers all of them."""

    def __init__(self, root: Path, upstream: Upstream) -> None:
        self._root, self._number = root, 0
        self.upstream = upstream
        self._first = Folder(root / "first" / "project")
        self._first.sources_at({name: f"{upstream.address}/{name}" for name in "ab"})
        self._first.sync(SOURCE_DATE_EPOCH=EPOCH)
        self.files = self._first.files()

    def get(self) -> Folder:
        """Return a copy, with the times of its files and folders."""
        self._number += 1
        folder = Folder(self._root / str(self._number) / "project")
        shutil.rmtree(folder.root)
        shutil.copytree(self._first.root, folder.root)
        return folder


@contextmanager
def synced(root: Path) -> Iterator[Copies]:
    """Serve two feeds, one with an entry without a date, and sync them once."""
    with Upstream() as upstream:
        upstream.feed("/a", item(1) + item(2) + item(3, dated=False))
        upstream.feed("/b", item(11) + item(12))
        yield Copies(root, upstream)
