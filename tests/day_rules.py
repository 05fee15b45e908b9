"""What servers said -> what may be asked of them, and when: the judge of a simulated day.

Written from the RFCs and from docs/decisions/0007, and on purpose without a look at `aggregator.schedule` or any other code of
ours: it knows only what the servers sent and what they were asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_WITHOUT_VALIDATORS = timedelta(hours=3)
_MINUTE = timedelta(minutes=1)
#: Until when a source that nothing holds back may be missing from a run: answers take a moment to be read.
_SLACK = timedelta(minutes=2)

#: Column -> what it counts.
FAULTS = {
    "max-age": "requests before max-age less Age, or Expires, had ended (RFC 9111 §4.2)",
    "Retry-After": "requests to a host before its Retry-After had ended, by any source (RFC 9110 §10.2.3)",
    "429": "requests to a host within an hour (two, four ... in a row) of a 429 without Retry-After (RFC 6585 §4)",
    "skip": "requests in skipHours or on skipDays, in GMT (RSS 2.0)",
    "ttl": "requests before ttl or sy:updatePeriod had ended",
    "interval": "polls sooner than `every` or the default, doubled by each failure in a row",
    "validators": "requests without the validators that were sent last, or with others (RFC 9110 §13.1)",
    "twice": "requests repeated in a run, but for one where a kept connection broke (RFC 9112 §9.3.1)",
    "at once": "requests that began while another one was running at the same host",
    "in vain": "sources taken into a run although their host was closed when it began",
    "passed over": "runs that left out a source although nothing spoke against it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer, in the terms of the RFCs; a connection that breaks has status 0."""

    status: int
    feed: bool = False  #: a 200 that carries a feed
    etag: str | None = None
    modified: str | None = None
    fresh: int | None = None  #: seconds that are left of its freshness; None: it says nothing
    wait: int | None = None  #: seconds of Retry-After
    ttl: int = 0  #: minutes; what the feed in it asks for
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()  #: Monday is 0


@dataclass(slots=True, kw_only=True)
class Book:
    """What one source has been told."""

    host: str
    target: str | None  #: the host that it is redirected to
    every: timedelta | None
    visited: datetime | None = None  #: the start of the run that last asked it
    failures: int = 0
    known: Said | None = None  #: the last feed
    etag: str | None = None
    modified: str | None = None
    given_by: str | None = None  #: the host that gave them
    conditional: bool = False  #: the request that waits for its answer
    lifetime: timedelta = timedelta()  #: of the stored answer; a 304 that says nothing renews it (RFC 9111 §4.3.4)
    fresh_until: datetime = EPOCH
    ttl_until: datetime = EPOCH

    def wait(self) -> timedelta:
        """Return the shortest time between two polls."""
        usual = _HOUR if self.known is None or self.etag or self.modified else _WITHOUT_VALIDATORS
        base = self.every or usual
        return max(base, min(base * 2 ** (self.failures - 1), _DAY)) if self.failures else base

    def skipped(self, at: datetime) -> bool:
        """Tell whether the feed wants nobody to come at this time."""
        return self.known is not None and (at.hour in self.known.skip_hours or at.weekday() in self.known.skip_days)


@dataclass(slots=True, kw_only=True)
class HostBook:
    """What one host has said to whomever."""

    closed_until: datetime = EPOCH  #: by Retry-After
    strikes: int = 0  #: 429 without one, in a row
    quiet_until: datetime = EPOCH  #: after such a 429
    quiet_at_most: datetime = EPOCH
    running: int = 0
    busiest: int = 0

    def silent(self, at: datetime) -> bool:
        """Tell whether it may be left alone still."""
        return at < max(self.closed_until, self.quiet_at_most)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What is counted of one source."""

    requests: int = 0
    polls: int = 0
    conditional: int = 0
    not_modified: int = 0
    busiest: int = 0  #: most requests at once that one of its own was among
    faults: Counter[str] = field(default_factory=Counter)


class Judge:
    """Keeps the books, and counts what goes against them."""

    def __init__(self, sources: Iterable[tuple[str, Book]]) -> None:
        """Take each source's name and its empty book."""
        self.books = dict(sources)
        self.hosts = {host: HostBook() for book in self.books.values() for host in (book.host, book.target) if host}
        self.tallies = {name: Tally() for name in self.books}
        self.told: list[str] = []  #: each fault, in words
        self._run = EPOCH
        self._asked: set[tuple[str, str]] = set()  #: in this run
        self._broke: set[tuple[str, str]] = set()  #: in this run, on a connection that had served before
        self._must: set[str] = set()
        self._closed: set[str] = set()  #: hosts

    def begin(self, run: datetime) -> None:
        """Note that a run starts, and whom it has to poll."""
        self._run, self._asked, self._broke = run, set(), set()
        self._closed = {host for host, found in self.hosts.items() if run < max(found.closed_until, found.quiet_until)}
        self._must = {name for name, book in self.books.items() if self._nothing_against(book, run - _SLACK, run)}

    def end(self) -> None:
        """Note that the run is over: whoever had to be polled has been, unless its host has just closed."""
        asked = {name for name, _ in self._asked}
        for name in sorted(self._must - asked):
            book = self.books[name]
            if not any(self.hosts[host].silent(self._run) for host in (book.host, book.target) if host):
                self._fault(name, "passed over", self._run, f"last asked {book.visited}")

    def held(self, name: str) -> None:
        """Note that a source was taken into the run and then not asked."""
        book = self.books[name]
        if book.host in self._closed or (book.given_by is not None and book.given_by in self._closed):
            self._fault(name, "in vain", self._run, f"{book}")

    def asked(self, name: str, host: str, at: datetime, etag: str | None, modified: str | None) -> None:
        """Judge a request as it arrives."""
        book, found, tally = self.books[name], self.hosts[host], self.tallies[name]
        first = host == book.host
        repeat = (name, host) in self._broke
        self._broke.discard((name, host))
        found.running += 1
        found.busiest = max(found.busiest, found.running)
        tally.requests += 1
        tally.busiest = max(tally.busiest, found.running)
        against = {
            "max-age": at < book.fresh_until,
            "Retry-After": at < found.closed_until,
            "429": at < found.quiet_until,
            "skip": book.skipped(at),
            "ttl": at < book.ttl_until,
            "interval": first and not repeat and book.visited is not None and self._too_soon(book, book.visited),
            "validators": (etag, modified) != ((book.etag, book.modified) if host == book.given_by else (None, None)),
            "twice": (name, host) in self._asked and not repeat,
            "at once": found.running > 1,
        }
        for fault in (fault for fault, holds in against.items() if holds):
            self._fault(name, fault, at, f"{host}; {book}")
        self._asked.add((name, host))
        if first and not repeat:
            tally.polls += 1
            book.visited = self._run
        book.conditional = bool(etag or modified)

    def said(self, name: str, host: str, at: datetime, said: Said, *, kept: bool) -> None:
        """Note an answer, just before its last byte leaves; `kept` tells that its connection had served before."""
        book, found = self.books[name], self.hosts[host]
        found.running -= 1
        if not said.status and kept:
            self._broke.add((name, host))
            return
        self._host_said(found, at, said)
        if said.status in {301, 302}:
            return
        self.tallies[name].conditional += book.conditional
        if said.status in {200, 304}:
            book.lifetime = timedelta(seconds=said.fresh) if said.fresh is not None else book.lifetime * (said.status == 304)
            book.fresh_until = at + book.lifetime
        if not said.feed and said.status != 304:
            book.failures += 1
            return
        book.failures = 0
        self.tallies[name].not_modified += said.status == 304
        if said.feed:
            book.known, book.etag, book.modified, book.given_by = said, said.etag, said.modified, host
        if book.known is not None:
            # Like the interval that it raises it counts from the start of the run (RSS 2.0 ttl; conduct F13).
            book.ttl_until = self._run + timedelta(minutes=book.known.ttl)

    @staticmethod
    def _host_said(found: HostBook, at: datetime, said: Said) -> None:
        if said.wait is not None:
            found.closed_until = max(found.closed_until, at + timedelta(seconds=said.wait))
        elif said.status == 429:
            wait = min(_HOUR * 2**found.strikes, _DAY)
            found.strikes += 1
            found.quiet_until, found.quiet_at_most = at + wait, at + wait * 1.1 + _MINUTE
        elif said.status in {200, 301, 302, 304}:
            found.strikes = 0

    def _too_soon(self, book: Book, visited: datetime) -> bool:
        # A run that a clock starts may be early by a minute; nobody else's wish is shortened by that.
        wait = book.wait()
        return self._run < visited + wait - min(_MINUTE, wait / 10)

    def _nothing_against(self, book: Book, before: datetime, at: datetime) -> bool:
        if book.skipped(at) or any(self.hosts[host].silent(before) for host in (book.host, book.target) if host):
            return False
        jitter = 1.1 if book.failures else 1
        return book.visited is None or before >= max(book.visited + book.wait() * jitter, book.fresh_until, book.ttl_until)

    def _fault(self, name: str, fault: str, at: datetime, words: str) -> None:
        self.tallies[name].faults[fault] += 1
        self.told.append(f"{at:%a %H:%M:%S} {name}: {fault}: {words}")


def table(groups: Iterable[tuple[str, list[Tally]]], days: float) -> list[str]:
    """Render the tallies, one row per group and one for all."""
    rows = list(groups)
    rows.append(("all", [tally for _, tallies in rows for tally in tallies]))
    head = ["temper", "sources", "requests", "per source and day", "conditional", "304", *FAULTS, "most at once per host"]
    lines = [f"| {' | '.join(head)} |", f"|---{'|--:' * (len(head) - 1)}|"]
    for name, tallies in rows:
        requests = sum(tally.requests for tally in tallies)
        polls = sum(tally.polls for tally in tallies) or 1
        cells: list[object] = [name, len(tallies), requests, f"{requests / len(tallies) / days:.1f}"]
        cells += [f"{sum(getattr(tally, what) for tally in tallies) / polls:.0%}" for what in ("conditional", "not_modified")]
        cells += [sum(tally.faults[fault] for tally in tallies) for fault in FAULTS]
        cells.append(max(tally.busiest for tally in tallies))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines
