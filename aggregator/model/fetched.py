"""What one visit to an upstream brought back: bytes, "nothing new", or a failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What makes the next request conditional (RFC 9110 §8.8): opaque bytes, never interpreted. There may be neither."""

    address: str  #: the configured address that gave them; they are sent to no other one
    final: str | None = None  #: where redirects led from there: what they describe (RFC 9111 §4.1); None: nowhere else
    etag: bytes | None = None
    last_modified: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A body, still as it came over the wire, so that it is inflated where it can be killed."""

    source_id: str
    address: str  #: the configured address (one of `Source.addresses`) that answered
    final_address: str  #: after redirects; the base of relative links
    status: int
    headers: tuple[tuple[str, str], ...]  #: names in lower case, values decoded as Latin-1, order kept
    body: bytes
    coding: str | None  #: `gzip`, or None for identity (RFC 9110 §8.4)
    validators: Validators
    permanent_address: str | None = None  #: where an unbroken chain of 301/308 led
    conditional: bool = False  #: validators were sent
    elapsed: timedelta
    note: str | None = None  #: an instance that was passed over, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """The server said 304 (RFC 9110 §15.4.5)."""

    source_id: str
    address: str
    headers: tuple[tuple[str, str], ...]
    validators: Validators  #: refreshed by what the 304 carried (RFC 9111 §3.2)
    permanent_address: str | None = None  #: where an unbroken chain of 301/308 led
    elapsed: timedelta
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No usable answer; an outcome, not an exception, since it is what networks do."""

    source_id: str
    address: str  #: the address last tried, secrets redacted
    #: A stable word: dns, connect, tls, timeout, refused-address, redirect, http, too-big, coding, truncated, protocol,
    #: not-a-feed, own-feed, parse; held: not asked (or no further), since the host wants to be left alone; of the worker
    #: that read it: deadline, memory, crash, stuck; of ours: bug.
    kind: str
    message: str  #: one line: what and why
    status: int | None = None
    retry_after: timedelta | None = None  #: what the server asked for (RFC 9110 §10.2.3)
    headers: tuple[tuple[str, str], ...] = ()  #: of a 200 whose body is no feed: it says how long it is fresh, too
    conditional: bool = False  #: validators were sent
    own: bool = True  #: the address said so itself, or permanent redirects led to who did
    elapsed: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """A host that wants to be left alone for a while: by all sources, through restarts (RFC 9110 §10.2.3, RFC 6585 §4)."""

    name: str  #: as addresses spell it, in lower case and ASCII, without a port
    closed_until: datetime  #: aware, UTC
    status: int  #: 429 or 503
    strikes: int = 0  #: 429 in a row without a Retry-After, each of which doubles the wait
