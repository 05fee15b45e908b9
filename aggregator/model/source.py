"""A configured upstream, as every later stage sees it: resolved, validated, immutable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model.retention import FOR_EVER, Keep

#: Repairs for what single sites do, by name; each is a module of `normalise/fixes`.
FIX_NAMES = ("jianshu", "juejin", "oschina", "zaker", "zhihu")


class RightsMode(StrEnum):
    """How much of an entry may be republished."""

    FULL = "full"
    EXCERPT = "excerpt"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the owner decided about republishing one source."""

    mode: RightsMode = RightsMode.FULL  #: the whole text, its beginning, or the link alone
    note: str | None = None  #: becomes the entry's `rights` (RFC 4287 §4.2.10) unless upstream states its own


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that never shows itself: not in `repr`, not in messages, not in `config show`."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the value; only `fetch` and `store` call this."""
        return self._value

    def __str__(self) -> str:
        """Mask."""
        return "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """HTTP Basic credentials (RFC 7617), sent to the source's own origin only."""

    username: str  #: as the server knows it
    password: Secret  #: plain, {env: NAME} or {file: PATH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One upstream. Its id is its key in the config and never depends on its address."""

    id: str  #: what keys and atom:ids derive from; `source rename` changes the key in the config, never this
    key: str | None = None  #: its key in the config, where that is another since `source rename`; None: the id
    feed: str  #: as configured: an http(s) address, or `base:/path`
    addresses: tuple[str, ...]  #: byte for byte as configured, bases expanded, in order of trial
    categories: tuple[str, ...]  #: path of our output bucket, at least one part
    title: str | None = None  #: overrides upstream's title
    every: timedelta | None = None  #: None lets the adaptive rule choose
    author: str | None = None  #: front matter `author`; None means the source's title
    language: str | None = None  #: BCP 47, when upstream names none
    timezone: str | None = None  #: IANA name for dates that carry no zone
    cover_fallback: str | None = None  #: address used when an entry has no image
    fixes: tuple[str, ...] | None = None  #: None = chosen by host or route; () = none
    weight: int = 1  #: how much its freshness matters to the adaptive rule: 4 halves the interval
    limit: int | None = None  #: newest entries taken per poll; None = 1,000
    paused: bool = False  #: True: never polled; its posts stay published
    allow_private: tuple[str, ...] = ()  #: networks (CIDR) this source may reach besides the global list
    headers: tuple[tuple[str, Secret], ...] = ()  #: sent to the source's own origin only
    auth: Auth | None = None  #: HTTP Basic credentials
    proxy: Secret | None = None  #: address of an HTTP proxy
    verify: bool = True  #: False accepts any TLS certificate, and every poll says so
    rights: Rights = Rights()  #: how much of its entries is republished
    keep: Keep = FOR_EVER  #: how long its posts are kept; what it does not say, `posts.keep` says
    moved_from: str | None = None  #: the configured address, where the ledger knows that it moved for good (301, 308)
    gone: datetime | None = None  #: since when the ledger knows that the feed will not come back (410)

    @property
    def name(self) -> str:
        """Return what people call it: its key in the config."""
        return self.key or self.id
