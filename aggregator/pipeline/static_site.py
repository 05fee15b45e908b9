"""The whole site as files for a host that has nothing else: every page, the feeds, what pages load. The same bytes as served.

Each file has a stamp of what it is made of, so that a page is only made where something in it may have changed: of a list that
is what the index knows of the entries of the month, of an entry its post's hash and its neighbours. All entries are read once
from the index, none of them is kept.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from aggregator.errors import StoreError
from aggregator.model.changes import PostRow
from aggregator.model.page import Frame, LostPage, MovedPage, Page, StatusPage
from aggregator.pages import Theme, render, script, signature, stylesheet
from aggregator.pipeline.entry_page import made_page
from aggregator.pipeline.lists import EntryList
from aggregator.pipeline.pages import Pages
from aggregator.pipeline.progress import Progress
from aggregator.pipeline.shown_posts import Asked
from aggregator.pipeline.site_json import status_json
from aggregator.pipeline.static_tree import StaticTree
from aggregator.publish.addresses import FOLDER, REDIRECTS_PATH, SUFFIX, SUFFIXES
from aggregator.store.files import read_file

#: Endings of files below public/feeds that are copied: nothing else of what may lie there is a published file.
_COPIED = frozenset({*SUFFIXES.values(), ".opml", ".css"})
_ROBOTS = b"User-agent: *\nDisallow:\n"
_AT_ONCE = 500
#: Of sums of hashes: which entries a month has, in whatever order they are met.
_MODULUS = 1 << 128
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the site."""

    path: str  #: relative to the folder
    stamp: str  #: of what it is made of; "": it has to be made to know
    make: Callable[[], bytes]


class StaticSite:
    """The files of one site at one moment."""

    def __init__(self, pages: Pages, theme: Theme | None, out: Path) -> None:
        """Take the pages, made for a static host; `out` is where the files go."""
        self._pages = pages
        self._theme = theme
        self._out = out
        self._shown = pages.moment()
        self._formers = self._shown.places.formers()
        self._frame: Frame = pages.frame(pages.language())
        site = self._shown.settings
        self._common = _hash(signature(), theme, self._frame, site.pages, site.categories, site.renamed)
        self._sums: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))  #: of a category or source

    def write(self, tree: StaticTree, progress: Progress) -> None:
        """Bring a folder in line with the site. Raises StoreError, also where not all of the project could be read."""
        for file in self.files():
            tree.put(file.path, file.stamp, file.make)
            progress.add()
        if self._pages.failures or self._pages.problem:
            # What is not known is not gone: nothing may be removed on its behalf.
            why = self._pages.problem or "the state was out of reach for a moment"
            raise StoreError(f"the pages are not all written: {why}", path=self._out)

    def files(self) -> Iterator[File]:
        """Yield every file of the site. Raises StoreError."""
        yield from self._feeds()
        for name, content in (stylesheet(self._theme), script()):
            yield File(path=f"static/{name}", stamp=name, make=partial(_same, content))
        yield File(path="robots.txt", stamp="1", make=lambda: _ROBOTS)
        lost = LostPage(gone=False, feeds=self._shown.places.feeds())
        yield File(path="404.html", stamp=self._stamp(lost), make=lambda: self._render(lost))
        for name in ("feeds", "status"):
            page = self._pages.page((name,), {})
            if isinstance(page, Page):
                yield self._file(f"/{name}/", "", partial(_same, page))
            if isinstance(page, StatusPage):
                yield File(path="status.json", stamp="", make=partial(status_json, page))
        yield from self._entries()  # which sums up what the lists hold
        lists = self._pages.lists(self._shown)
        for which in self._pages.all_lists(self._shown):
            sums = self._sums_of(which)
            yield self._file(which.base, self._stamp(which, sums), partial(lists.front, which))
            for address, month, number in lists.addresses(which):
                stamp = self._stamp(lists.around(which, month, number), replace(which, since=None, months=()), sums.get(month))
                yield self._file(address, stamp, partial(lists.month, which, month, number))
                yield from self._former(which.base, address)
            yield from self._former(which.base, which.base)
        for parts in sorted(self._shown.places.removed):
            gone = replace(lost, gone=True, path=f"/c/{'/'.join(parts)}/")
            yield self._file(f"/c/{'/'.join(parts)}/", self._stamp(gone), partial(_same, gone))

    def _former(self, base: str, address: str) -> Iterator[File]:
        """Yield what stands for a page where it was before its category or source was renamed: no host can be told of that."""
        for old in self._formers.get(base, ()):
            page = MovedPage(path=old + address.removeprefix(base), href=address)
            yield self._file(page.path, self._stamp(page), partial(_same, page))

    # -- entries ----------------------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[File]:
        places = self._shown.places
        met: set[tuple[str, ...]] = set()
        for leaf in sorted(self._shown.leaves):
            if leaf in met:
                continue
            group = places.leaves_of(leaf)
            met.update(group)
            older: PostRow | None = None
            row: PostRow | None = None
            for newer in _with_end(self._rows(group)):
                if row is not None:
                    yield self._entry(row, newer, older)
                older, row = row, newer

    def _entry(self, row: PostRow, newer: PostRow | None, older: PostRow | None) -> File:
        own = _hash(Asked.of(row), row.title, row.date, row.categories, self._shown.source_link(row.source_id))
        month = self._shown.month(row.date)
        for whose in (row.categories, ("", row.source_id)):
            self._sums[whose][month] = (self._sums[whose][month] + int(own, 16)) % _MODULUS
        beside = [each and (each.key, each.title) for each in (newer, older)]

        def make() -> Page:
            shown = self._shown
            pictures = shown.settings.pages.pictures == "always"
            return made_page(shown, row, shown.card, newer, older, pictures=pictures, may_show_pictures=False)

        return self._file(f"/e/{row.key}/", self._stamp(own, beside), make)

    def _rows(self, group: Sequence[tuple[str, ...]]) -> Iterator[PostRow]:
        after: tuple[int, str] | None = None
        while True:
            portion = self._shown.behind(group, after, _AT_ONCE)
            yield from (row for row in portion if row.key not in self._shown.hidden)
            if len(portion) < _AT_ONCE:
                return
            after = (int(portion[-1].date.timestamp()), portion[-1].key)

    def _sums_of(self, which: EntryList) -> dict[str, int]:
        """Return what stands for the entries of each month of a list."""
        own = which.wanted
        whose = [("", own.source_id)] if own.source_id is not None else own.categories
        sums: dict[str, int] = defaultdict(int)
        for each in whose:
            for month, number in self._sums.get(each, {}).items():
                sums[month] = (sums[month] + number) % _MODULUS
        return dict(sorted(sums.items()))

    # -- files ------------------------------------------------------------------------------------------------------

    def _file(self, address: str, stamp: str, find: Callable[[], Page | None]) -> File:
        def make() -> bytes:
            page = find()
            if page is None:
                raise StoreError(f"{address}: the state changed while the pages were written. Run again", path=self._out)
            return self._render(page)

        return File(path=f"{address.removeprefix('/')}index.html", stamp=stamp, make=make)

    def _render(self, page: Page) -> bytes:
        return render(page, self._frame, theme=self._theme)

    def _stamp(self, *parts: object) -> str:
        return _hash(self._common, parts)

    def _feeds(self) -> Iterator[File]:
        """Yield the published feeds, and of each Atom file a copy that browsers show."""
        public = self._shown.settings.root / self._shown.settings.public.dir
        here = public.resolve() == self._out.resolve()
        for path, stamp in _published(public):

            def make(path: str = path) -> bytes:
                if (content := read_file(public, path)) is None:
                    raise StoreError(f"{path}: it went while the site was written. Run again", path=self._out)
                return content

            if not here:  # else they lie there already
                yield File(path=path, stamp=stamp, make=make)
            if path.endswith(SUFFIX):
                yield File(path=f"{path}.xml", stamp=stamp, make=make)


def _published(public: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each published feed, and a stamp of its file; links and hidden names are passed over."""
    for folder, folders, names in os.walk(public / FOLDER):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not Path(folder, name).is_symlink())
        for name in sorted(names):
            place = Path(folder, name)
            path = place.relative_to(public).as_posix()
            if place.suffix not in _COPIED or name.startswith(".") or path == REDIRECTS_PATH or place.is_symlink():
                continue
            try:
                found = place.stat()
            except FileNotFoundError:
                continue  # another run has removed it just now
            yield path, f"{found.st_mtime_ns}-{found.st_size}"


def _hash(*parts: object) -> str:
    """Return a hash of records, which have a faithful repr."""
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _same(thing: Thing) -> Thing:
    return thing


def _with_end(rows: Iterator[PostRow]) -> Iterator[PostRow | None]:
    yield from rows
    yield None
