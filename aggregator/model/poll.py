"""What is remembered of a source between polls, and what one poll came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from aggregator.model.changes import Hints
from aggregator.model.fetched import Validators


class Outcome(StrEnum):
    """How a poll of one source ended; the words of `status`, logs and --json."""

    NEWS = "news"  #: at least one post was written or rewritten
    SAME = "same"  #: a body came, without anything to write
    NOT_MODIFIED = "not-modified"  #: 304
    FAILED = "failed"
    HELD = "held"  #: not asked: its host wants to be left alone


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What was learned about one source; everything here may be lost without losing a post."""

    id: str
    fingerprint: bytes | None = None  #: of the settings that decide what is asked
    validators: Validators | None = None
    body_hash: bytes | None = None  #: of the last body as it came over the wire
    prefer: str | None = None  #: the address that answered last
    last_poll: datetime | None = None  #: when the run began that polled it
    fresh_until: datetime | None = None  #: what the last answer said of itself (RFC 9111 §4.2)
    hints: Hints = field(default_factory=Hints)  #: what the feed asks for
    arrivals: float = 0.0  #: new entries seen, the older ones fading (`schedule.learn`)
    watched: float = 0.0  #: days in which they were seen, fading alike
    moved_to: str | None = None  #: where permanent redirects lead, as long as they are only watched
    moved_times: int = 0  #: how often in a row that was seen
    moved_since: datetime | None = None
    last_success: datetime | None = None
    last_news: datetime | None = None
    failures: int = 0  #: in a row
    last_kind: str | None = None  #: `Failed.kind` of the last poll, None if it went well
    last_message: str | None = None
    last_status: int | None = None
    format: str | None = None
    feed_title: str | None = None
    feed_link: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One line of poll history."""

    source_id: str
    at: datetime
    outcome: Outcome
    new: int = 0
    updated: int = 0
    elapsed_ms: int = 0
    message: str | None = None  #: why it failed
    status: int | None = None  #: of the answer, if there was one
    conditional: bool = False  #: validators were sent


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCounts:
    """What the kept history of one source comes to."""

    polls: int  #: that are kept
    oldest: datetime  #: of them
    lately: int  #: since the moment that was asked for
    conditional: int
    not_modified: int
    shortest: timedelta | None  #: between two polls; None: there was only one
    shortest_lately: timedelta | None  #: before one of the polls since that moment


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPace:
    """What the kept polls of one source took, as far as it was asked."""

    p95: timedelta  #: 19 of 20 took no longer
    not_modified: float | None  #: share of 304 among the answers, 0 to 1; None: there was no answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the polls of one source went on one day, UTC."""

    day: date
    ok: int
    failed: int
    entries: int  #: new ones


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputState:
    """What is known of a published file."""

    path: str  #: relative to the public folder
    frame_hash: bytes  #: of everything but the entries: titles, addresses, limits
    dirty: bool  #: its entries changed since it was last written
    refused: bool = False  #: so it was not written; the last good file is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """What one visit came to, as it is told: on the terminal, in --json, in logs."""

    source_id: str  #: as people call it: `Source.name`
    outcome: Outcome
    new: int = 0
    updated: int = 0
    adopted: int = 0
    locked: int = 0
    noise: int = 0  #: entries that changed in nothing a reader sees: counters, tracking, dates
    elapsed_ms: int = 0
    kind: str | None = None  #: why it failed: `model.fetched.Failed.kind`
    message: str | None = None  #: the same in words
    failures: int = 0  #: in a row
    next_poll: datetime | None  #: None: not by itself
    next_reason: str
    warnings: tuple[str, ...] = ()
    posts: tuple[tuple[str, str], ...] = ()  #: ("+" or "~", path) of each post written, or that would be
    trace: str | None = None  #: of a bug of ours, for -vv


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputEvent:
    """What became of one published file."""

    path: str
    changed: bool
    refused: str | None = None  #: why the gate kept the last good file
    warnings: tuple[str, ...] = ()  #: entries left out, posts missing or edited by hand
    duplicates: tuple[str, ...] = ()  #: entries that another source brought as well: no fault, so told only under -v


@dataclass(frozen=True, slots=True, kw_only=True)
class PostExpired:
    """A post that was removed, or would be, since it is kept no longer."""

    path: str  #: relative to the posts folder
    source_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubEvent:
    """What became of telling one hub which published files have changed."""

    hub: str  #: its address, without what looks like a secret
    told: tuple[str, ...] = ()  #: paths of the files that it was told of
    waiting: int = 0  #: files that it is told of by the next run
    given_up: tuple[str, ...] = ()  #: files that it was not told of for a day, and is told of no more
    message: str | None = None  #: why it did not take all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something about the whole run that a person should know."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A run has chosen what to poll."""

    due: int  #: sources


Event = Begin | SourceEvent | OutputEvent | PostExpired | HubEvent | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run came to."""

    sources: int = 0  #: configured and not paused
    due: int = 0
    news: int = 0
    same: int = 0  #: polled, nothing new, 304 included
    failed: int = 0
    held: int = 0  #: not asked, since their hosts want to be left alone
    new: int = 0  #: posts written
    updated: int = 0
    adopted: int = 0
    deleted: int = 0  #: posts that a hand has deleted, noted in the ledger
    expired: int = 0  #: posts removed, or that would be
    outputs: int = 0  #: files written
    refused: int = 0  #: outputs that the gate refused
    still_in: int = 0  #: published files that hold what was taken down, and could not be mended
    next_poll: datetime | None = None
    next_source: str | None = None
    elapsed_ms: int = 0
    dry_run: bool = False
    offline: bool = False  #: nothing could even be connected to

    @property
    def changed(self) -> bool:
        """Tell whether any byte below posts/ or public/, or what the ledger says of posts, changed."""
        return not self.dry_run and bool(self.new or self.updated or self.deleted or self.expired or self.outputs)
