"""What a page shows, before it is HTML: read from state, posts and configuration, rendered by `pages`.

Every address in here that begins with "/" counts from the root of the site (`site.url`); rendering makes it relative, so that
pages work below any path and on any host. Instants are aware, UTC, whole seconds. Texts are plain, never HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from aggregator.model.entry import Enclosure, SafeHtml
from aggregator.model.poll import Outcome
from aggregator.model.reason import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page of ours, or an address elsewhere."""

    title: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLinks:
    """One published feed in its formats."""

    title: str
    page: str  #: /c/new-media/zaker/; "/" for the feed of everything
    depth: int  #: of its category: 0 for the feed of everything
    atom: str  #: /feeds/new-media/zaker.atom
    twins: tuple[Link, ...] = ()  #: RSS, JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all pages of one site have in common, at one moment."""

    title: str  #: of the site
    url: str  #: absolute address of the root, ending in "/": addresses to copy and canonical links begin with it
    language: str  #: of the words around the entries: zh-CN, zh-TW or en
    languages: tuple[str, ...]  #: that can be chosen; one on a static host
    nav: tuple[Link, ...]  #: categories of the first level, as configured
    all_feed: FeedLinks
    opml: str  #: /feeds/index.opml
    timezone: str  #: of the site; every time is shown in it
    built: datetime | None  #: when feeds were last published
    sources: int
    failing: int
    is_static: bool  #: no search, no choice of language or pictures; what lies at "/status" lies at "/status/" there
    carry: str = ""  #: query that links between pages carry on since the reader chose it by hand: "lang=en", or nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An entry in a list."""

    key: str
    title: str
    href: str  #: /e/<key>/
    source: Link  #: its page here
    date: datetime
    summary: str  #: plain, at most 240 characters
    language: str | None
    categories: tuple[Link, ...]  #: from the first level down to its own
    audio: bool = False  #: it brings something to listen to


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One source in a list of sources, in one word."""

    source: Link
    health: str  #: a word of `health.Health`


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The index (path "/"), a category, a month of one, a source's entries, or what a search has found."""

    path: str  #: of the page itself: /, /c/new-media/, /c/new-media/2021-09/, /s/zaker/, /search
    base: str = "/"  #: of the list whose months they are: a month's page is at base + month + "/"
    title: str
    cards: tuple[Card, ...]
    feed: FeedLinks | None  #: the same as a feed
    parents: tuple[Link, ...] = ()  #: from the first level down, without itself
    children: tuple[Link, ...] = ()  #: categories below
    months: tuple[tuple[str, int], ...] = ()  #: ("2021-09", entries), newest first
    month: str | None = None  #: the one shown
    newer: str | None = None  #: href of the page before
    older: str | None = None
    dots: tuple[Dot, ...] = ()
    next_poll: datetime | None = None  #: told where there is no entry yet
    query: str | None = None  #: of a search
    narrowed: tuple[tuple[str, str], ...] = ()  #: of a search: ("c", CATEGORY) and ("s", SOURCE), as they were asked for
    found: int | None = None  #: of a search: how many in all, at least; None: nothing can be searched at the moment


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """One entry with all that its post holds."""

    card: Card
    content: SafeHtml
    link: str | None  #: the original
    author: str | None
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    rights: str | None
    published: datetime | None  #: None: upstream gave no date; `card.date` is when it was first seen
    updated: datetime | None
    cover: str | None
    enclosures: tuple[Enclosure, ...]
    newer: Link | None  #: in its category
    older: Link | None
    shows_pictures: bool  #: False: pictures of other hosts stand there as links, since to load them tells them who reads
    may_show_pictures: bool = True  #: the reader may switch them on; never on a static host


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How the polls of one day went, for one source."""

    day: date
    ok: int
    failed: int
    entries: int  #: new ones


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One source as the status page shows it. No text holds a secret."""

    source: Link  #: its page here
    home: str | None  #: the site that it is the feed of
    health: str  #: a word of `health.Health`
    posts: int
    last_success: datetime | None
    last_news: datetime | None
    failing_since: datetime | None  #: the last success of one that fails now
    failures: int  #: in a row
    error: str | None  #: the last one, in plain words
    kind: str | None  #: of that one: a word of `Failed.kind`
    status: int | None  #: HTTP, of the last answer
    next_poll: datetime | None
    why: tuple[Reason, ...]  #: it is then, or not at all
    days: tuple[Day, ...]  #: the last 30, oldest first
    p95_ms: int | None  #: of the polls that are kept
    not_modified: float | None  #: share of 304 among them, 0 to 1
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollLine:
    """One poll as a source's page shows it."""

    at: datetime
    outcome: Outcome
    new: int
    updated: int
    elapsed_ms: int
    status: int | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePage:
    """A source: how it is doing, and its entries."""

    line: SourceLine
    address: str  #: as asked, without secrets
    interval: Reason | None
    polls: tuple[PollLine, ...]  #: newest first, at most 20
    facts: tuple[tuple[str, str], ...]  #: what else is known: (word of the catalogue, value)
    entries: ListPage


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """How all sources are doing, worst first."""

    lines: tuple[SourceLine, ...]
    posts_today: int
    posts_week: int
    next_poll: datetime | None
    last_poll: datetime | None
    refused: tuple[str, ...]  #: published files whose last good version is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedsPage:
    """All feeds, for people."""

    feeds: tuple[FeedLinks, ...]  #: the feed of everything first, then as the categories are nested
    status: str | None  #: /feeds/status.atom


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPage:
    """There is no such page, or it is gone (410)."""

    gone: bool
    feeds: tuple[FeedLinks, ...]
    path: str | None = None  #: as it was asked for; None: one page for any address below the root (404.html of a static host)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedPage:
    """A page that sends on to another: what stands for a 301 where a host only has files."""

    path: str  #: where it lies
    href: str  #: of the page that was here


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """No page, but where it is for good (301)."""

    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """No page, since it was taken out on purpose (410)."""


Page = ListPage | EntryPage | SourcePage | StatusPage | FeedsPage | LostPage | MovedPage
