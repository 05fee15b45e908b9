"""The public folder, seen as the few files that may leave it. Reads, never writes, follows no link out of the folder."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from html import unescape
from pathlib import Path

#: File name ending -> content type. What is not here does not exist for the outside (RFC 4287 §7).
TYPES = {
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
    ".json": "application/feed+json; charset=utf-8",
    ".opml": "text/x-opml; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
#: What browsers show with its stylesheet, as they do no feed that is called one: the type of a feed that a person opens. The
#: bytes are the same.
PAGE_TYPE = "application/xml; charset=utf-8"
_PAGES = frozenset({".atom", ".rss"})
#: JSON is a feed only in here: the public folder may be a site's own, with data of any kind.
_FEEDS = "feeds"
#: Below it stands what belongs to our pages.
_STATIC = "static"
#: What only this server reads.
_REDIRECTS = (_FEEDS, "redirects.json")
#: For whoever runs the site: served, and named to nobody else.
_STATUS = f"{_FEEDS}/status.atom"
#: The end of the name of a folder that holds the archive pages of the feed beside it.
_ARCHIVE = ".archive"
#: The formats that a feed is listed in beside its Atom file.
_TWINS = {"RSS": ".rss", "JSON": ".json"}
#: Seconds after which a file's date stands for one version only. Clients built on libcurl, newsboat among them, throw a new
#: body away if its date is not later than the one they know, whatever its ETag says (RFC 9110 §8.8.2.2).
_SETTLED = 2
#: Seconds between two looks at where feeds are now that have moved: no file of theirs is gone in between.
_TABLE_EVERY = 0.5
#: Device, number, times and size of a file. The time that no program can set is among them, so other bytes have another one.
Stamp = tuple[int, int, int, int, int]
_TITLE = re.compile(rb"<title[^>]*>([^<]*)</title>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is sent."""

    content: bytes
    type: str
    modified: int | None  #: seconds since 1970; None where there is no file, or no date that can be relied on
    page_type: str | None = None  #: its type where a browser asks for a page; None: it has one type for everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file as the index page names it."""

    path: str  #: relative to the public folder, "/" between parts
    title: str
    twins: tuple[tuple[str, str], ...] = ()  #: the same feed in other formats: what a format is called, and the path


class PublicTree:
    """A folder of published files."""

    def __init__(self, root: Path) -> None:
        """Take the folder; it may come into being later."""
        self._root = root.resolve()
        self._root_text = str(self._root)
        self._table_path = "/".join((self._root_text, *_REDIRECTS))
        self._table_until = float("-inf")
        self._table: tuple[Stamp | None, dict[str, str | None]] = (None, {})  #: what `redirects.json` said; its stamp then

    def stamp(self, parts: tuple[str, ...]) -> Stamp | None:
        """Return what changes with the file of that path; None: nothing is there, or it was changed a moment ago."""
        try:
            return _stamp("/".join((self._root_text, *parts)))
        except (OSError, ValueError):
            return None

    def read(self, parts: tuple[str, ...]) -> Document | None:
        """Return the published file of that path, or None if there is none that may be served."""
        if not parts or not all(_is_plain(part) for part in parts):
            return None
        suffix = Path(parts[-1]).suffix
        kind, page_type = TYPES.get(suffix), PAGE_TYPE if suffix in _PAGES else None
        if suffix == ".json" and (parts[0] != _FEEDS or parts == _REDIRECTS):
            return None
        path = self._inside(self._root.joinpath(*parts))
        if kind is None or path is None:
            return None
        try:
            with path.open("rb") as file:
                modified = int(os.fstat(file.fileno()).st_mtime)
                settled = modified + _SETTLED < time.time()
                content, date = file.read(), modified if settled else None
                return Document(content=content, type=kind, modified=date, page_type=page_type)
        except OSError:
            return None

    def may_hold(self, parts: tuple[str, ...]) -> bool:
        """Tell whether a file of that path would be served; the disk is not asked."""
        return bool(parts) and parts[0] != _STATIC and f".{parts[-1].rpartition('.')[2]}" in TYPES

    def is_former(self, parts: tuple[str, ...]) -> bool:
        """Tell whether a feed lay there before its category was renamed."""
        table = self._redirects()
        return bool(table) and table.get("/".join(parts)) is not None

    def is_removed(self, parts: tuple[str, ...]) -> bool:
        """Tell whether a feed lay there whose category is no more, or a page of its archive."""
        table = self._redirects()
        if not table:
            return False
        archived = len(parts) > 1 and parts[-2].endswith(_ARCHIVE)
        path = "/".join(parts[:-1]).removesuffix(_ARCHIVE) + ".atom" if archived else "/".join(parts)
        return path in table and table[path] is None

    def moved(self, parts: tuple[str, ...]) -> str | None:
        """Return the path of the feed that lay there before its category was renamed; None: there was none, or it is gone."""
        path = self._redirects().get("/".join(parts))
        return path if path is not None and self.read(tuple(path.split("/"))) is not None else None

    def feeds(self) -> tuple[Listed, ...]:
        """Return every feed for readers, that of everything first: no archive page, no status, nothing at a former address."""
        unnamed = {*self._redirects(), _STATUS}
        paths = (path for path in self._paths(".atom") if path not in unnamed and f"{_ARCHIVE}/" not in path)
        found = (Listed(path=path, title=self._title(path), twins=self._twins(path)) for path in paths)
        return tuple(sorted(found, key=lambda feed: (feed.path.count("/") > 1, feed.path != "feeds/all.atom", feed.path)))

    def _twins(self, path: str) -> tuple[tuple[str, str], ...]:
        """Return the files that lie beside an Atom file and hold the same feed."""
        twins = ((name, path.removesuffix(".atom") + ending) for name, ending in _TWINS.items())
        return tuple((name, twin) for name, twin in twins if self._inside(self._root / twin) is not None)

    def lists(self) -> tuple[str, ...]:
        """Return the path of every OPML list."""
        return tuple(sorted(self._paths(".opml")))

    def _redirects(self) -> dict[str, str | None]:
        """Return what `feeds/redirects.json` says, by the path before; a file that cannot be understood says nothing.

        None: what lay there is no more. Where it leads must not be a path that leads elsewhere: nobody is sent in circles.
        """
        if (now := time.monotonic()) >= self._table_until:
            self._table_until = now + _TABLE_EVERY
            try:
                stamp = _stamp(self._table_path)
            except OSError:
                self._table = (None, {})
            else:
                if stamp is None or stamp != self._table[0]:
                    self._table = (stamp, self._read_redirects())
        return self._table[1]

    def _read_redirects(self) -> dict[str, str | None]:
        try:
            said = json.loads(self._root.joinpath(*_REDIRECTS).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(said, dict):
            return {}
        return {old: new for old, new in said.items() if new is None or (isinstance(new, str) and new not in said)}

    def _paths(self, suffix: str) -> list[str]:
        paths = (path.relative_to(self._root) for path in self._root.rglob(f"*{suffix}"))
        return [path.as_posix() for path in paths if self.read(path.parts) is not None]

    def _title(self, path: str) -> str:
        document = self.read(tuple(path.split("/")))
        found = _TITLE.search(document.content) if document is not None else None
        return unescape(found[1].decode("utf-8", "replace")).strip() if found else path

    def _inside(self, path: Path) -> Path | None:
        """Return where the path really leads, if that is a file of this folder."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):  # absent, a loop of links, a NUL
            return None
        return real if real.is_relative_to(self._root) and real.is_file() else None


def _stamp(path: str) -> Stamp | None:
    """Return the stamp of a file, None for one that was changed a moment ago. Raises OSError or ValueError if there is none."""
    found = os.stat(path)  # noqa: PTH116 - for each request, so without a Path
    if found.st_ctime + _SETTLED >= time.time():
        return None  # the same times and size may come to stand for other bytes
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def _is_plain(part: str) -> bool:
    """Tell whether a decoded part of a path is one visible name."""
    return bool(part) and not part.startswith(".") and not any(char in "/\\\0" for char in part)
