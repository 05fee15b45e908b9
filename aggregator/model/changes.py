"""What is known of a source's entries before a poll, and what a poll changes: plain rows that travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.model.travelling import travels_light

#: How `PostRow.dated` begins where upstream gave no date.
FIRST_SEEN = "first seen"


#: Stands for the raw hash of a post that is as we wrote it, from a version of upstream's that nobody remembers.
SOME_VERSION = bytes(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntry:
    """What the state remembers of one entry, as far as a poll needs it."""

    raw_hash: bytes | None  #: of the entry as parsed, before normalisation; None after adoption or `reindex`
    link_hash: bytes  #: see `link_hash`; tells entries that share one id apart
    path: str  #: of its post, relative to the posts folder, "/" between parts
    post_hash: bytes | None  #: of the post's bytes as last written or adopted; None: never compared
    locked: bool  #: edited by hand, or deleted: upstream's later versions are only noted
    traits: bytes = b""  #: `model.traits`: what it is recognised by under another id; empty: by nothing


@travels_light
@dataclass(frozen=True, slots=True, kw_only=True)
class PostRow:
    """One post as the state indexes it: a function of the post alone, but for `raw_hash`."""

    key: str
    source_id: str
    entry_id: str
    path: str
    raw_hash: bytes | None
    link_hash: bytes
    post_hash: bytes
    date: datetime  #: of the post: what feeds are sorted by
    categories: tuple[str, ...]
    title: str
    locked: bool = False
    dated: str | None = None  #: how its date was chosen when it was first written, in words; None: nobody remembers
    expired: bool = False  #: beyond the limits of `keep`: its file was removed, or is about to be
    #: Of a locked post: upstream had another version since, which is only noted. Of another: it changed behind our back.
    noted: bool = False
    traits: bytes = b""  #: `model.traits`


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a post is about to become."""

    post_hash: bytes  #: of its bytes, once it is written
    same_version: bool  #: its raw hash goes on to count: it says what it said


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An entry that could not become a post, and why; a value, since one bad entry is no error."""

    entry: str  #: its id, title or position, whatever there is
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a feed says about how often to come back; None or empty where it says nothing."""

    ttl_minutes: int | None = None  #: RSS 2.0 <ttl>
    update_period_minutes: int | None = None  #: sy:updatePeriod / sy:updateFrequency (RSS 1.0 syndication module)
    skip_hours: tuple[int, ...] = ()  #: GMT, 0-23 (RSS 2.0 <skipHours>)
    skip_days: tuple[str, ...] = ()  #: English names, capitalised (RSS 2.0 <skipDays>)
    new_feed_url: str | None = None  #: where the feed says that it is now (itunes:new-feed-url); reported, never followed
    self_link: str | None = None  #: what the feed says its own address is (RFC 4287 §4.2.7.2); a change is reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one poll of one source changes. Without news every tuple of rows is empty."""

    source_id: str
    feed_title: str | None
    feed_link: str | None
    format: str  #: rss20, rss10, atom10, json11, ...: feedparser's words for versions
    new: tuple[PostRow, ...] = ()  #: written, or found in place (`adopted`)
    updated: tuple[PostRow, ...] = ()  #: rewritten
    adopted: int = 0  #: how many of `new` were there already and stayed untouched
    noted: tuple[tuple[str, bytes], ...] = ()  #: (key, raw hash): upstream changed, the post did not
    locked: tuple[str, ...] = ()  #: keys of posts found edited by hand
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()  #: about the feed, one line each
    entries: int = 0  #: how many entries the feed held
    noise: int = 0  #: how many entries changed in nothing that a reader sees: counters, tracking, dates
    turned_away: tuple[tuple[str, str], ...] = ()  #: (key, id) of undated entries that `keep` has no room for
    complete: bool = True  #: False: the document breaks off, so that the rest is still to be asked for
    hints: Hints = Hints()
