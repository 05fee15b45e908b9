"""One published file: what it is to be, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.model.entry import Entry

#: Our own object in a JSON Feed and in its items: what the format has no word for. `publish` writes it, `parse` knows by it
#: which feed it reads, and where an entry was taken from.
JSON_EXTENSION = "_feed_aggregator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The same feed in another format, beside its Atom file."""

    format: str  #: rss or json
    path: str  #: relative to the public folder: feeds/new-media/zaker.rss
    self_link: str  #: where this file is served


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFeed:
    """The frame of one category's feed (RFC 4287 §4.1.1)."""

    category: tuple[str, ...]  #: () is the feed of everything, `all`
    path: str  #: relative to the public folder: feeds/new-media/zaker.atom
    also: tuple[tuple[str, ...], ...] = ()  #: other spellings of the category that old posts carry and that lead to this path
    former: tuple[str, ...] = ()  #: where it lay under former names, as `path`: copies stand there for who still asks
    id: str  #: §4.2.6; see `model.key.feed_id`
    title: str
    self_link: str  #: rel=self: where this file is served
    page_link: str  #: rel=alternate: the site's page
    style: str  #: where the stylesheet is served, as a path from the root of the site's host
    author: str
    language: str | None
    icon: str | None = None  #: §4.2.5: absolute http(s) address of a small square picture
    logo: str | None = None  #: §4.2.8: the same of a picture twice as wide as high
    max_entries: int
    max_bytes: int
    ttl: int | None = None  #: minutes after which it is worth while to ask again: the shortest interval of its sources
    twins: tuple[Twin, ...] = ()
    hubs: tuple[str, ...] = ()  #: rel=hub: who tells subscribers of changes (WebSub §4)
    #: Folders of its archive pages: its own, then those under former names, the last one first; () without archives.
    archive: tuple[str, ...] = ()
    prev_archive: str | None = None  #: rel=prev-archive: the archive page before this document (RFC 5005 §4)
    current: str | None = None  #: rel=current: the live feed, if this document is an archive page of it (RFC 5005 §4)

    @property
    def files(self) -> tuple[str, ...]:
        """Return the paths of the feed in all its formats, the Atom file first."""
        return (self.path, *(twin.path for twin in self.twins))

    @property
    def former_files(self) -> dict[str, tuple[str, ...]]:
        """Return where each of the feed's files lay under former names."""
        endings = {path: path[path.rindex(".") :] for path in self.files} if self.former else {}
        return {
            path: tuple(former[: former.rindex(".")] + ending for former in self.former) for path, ending in endings.items()
        }

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Return the paths of the feed in all its formats, the copies at former addresses with them."""
        return (*self.files, *(former for formers in self.former_files.values() for former in formers))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputEntry:
    """An entry on its way into a feed."""

    key: str
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """An entry that was deleted or taken down, as a feed says it (RFC 6721 §3: at:deleted-entry)."""

    id: str  #: the atom:id it was published with
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An entry that the gate kept out of a feed; the rest is published."""

    key: str
    source_id: str
    title: str
    reason: str  #: with the RFC section that it breaks
    duplicate: bool = False  #: only because another source brought the same entry: no fault of anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A feed's bytes, ready for the gate and the swap."""

    content: bytes
    ids: tuple[str, ...]  #: atom:id of each entry, in order
    updated: datetime | None  #: None: the feed is empty
    floor: datetime | None = None  #: the limits were reached, and older entries than this gave way; None: nothing did
    left_out: tuple[LeftOut, ...] = ()
    entries: tuple[OutputEntry, ...] = ()  #: those that stand in it, in order
