"""Everything that is known about one source: what is configured, what has happened, what was learned, what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.fetch.address import redact
from aggregator.model.poll import Poll, SourceState
from aggregator.model.source import Source
from aggregator.pipeline.effective import all_names, former_names
from aggregator.pipeline.planning import host_name, upcoming
from aggregator.pipeline.reading import Reading
from aggregator.schedule import interval, rate_per_day
from aggregator.store.ledger import Gone, Ledger, Moved, Renamed


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What is known of one source."""

    name: str
    id: str  #: its identity
    names: tuple[str, ...]  #: that it has had, in order
    place: str | None  #: file:line; None: it is not in the configuration
    category: tuple[str, ...]
    feed: str | None  #: as configured
    addresses: tuple[str, ...]  #: in the order in which they are asked
    posts: int
    history: tuple[str, ...]  #: what the ledger says of it
    last_poll: Poll | None
    last_success: datetime | None
    last_news: datetime | None
    failures: int  #: in a row
    error: str | None
    next_poll: datetime | None
    due: bool
    next_reason: str
    interval: str | None
    entries_per_day: float | None  #: estimated; None: it was not watched yet
    days_watched: float
    fresh_until: datetime | None
    validators: tuple[str, ...]
    format: str | None
    feed_title: str | None
    feed_link: str | None
    hints: tuple[str, ...]  #: what the feed asks for
    hosts: tuple[str, ...]  #: of its addresses, what they want
    warnings: tuple[str, ...]  #: of the last poll that brought a body


def source_facts(reading: Reading, own: str) -> SourceFacts:
    """Return what is known of the source with this identity, in the configuration or removed from it."""
    source = reading.source(own)
    names = all_names(own, former_names(reading.ledger.of(Renamed)))
    store = reading.state
    state = (store.sources().get(own) if store else None) or SourceState(id=own)
    polls = store.history(own) if store else []
    hosts = store.hosts() if store else {}
    known = state if state.last_poll is not None else None
    coming = upcoming(source, known, hosts, reading.now) if source else None
    return SourceFacts(
        name=reading.name(own),
        id=own,
        names=names,
        place=reading.place(own),
        category=source.categories if source else (),
        feed=redact(source.feed) if source else None,
        addresses=tuple(redact(each) for each in _in_order(source, state)) if source else (),
        posts=store.count(own) if store else 0,
        history=_history(own, reading.ledger),
        last_poll=polls[0] if polls else None,
        last_success=state.last_success,
        last_news=state.last_news,
        failures=state.failures,
        error=state.last_message if state.failures else None,
        next_poll=coming.at if coming and known else None,
        due=coming is not None and coming.is_due(reading.now),
        next_reason=coming.reason if coming else "it is not in the configuration: never polled",
        interval=interval(source, state)[1].text if source else None,
        entries_per_day=rate_per_day(state.arrivals, state.watched) if state.watched else None,
        days_watched=state.watched,
        fresh_until=state.fresh_until if state.fresh_until and state.fresh_until > reading.now else None,
        validators=_validators(state),
        format=state.format,
        feed_title=state.feed_title,
        feed_link=state.feed_link,
        hints=_hints(state),
        hosts=tuple(
            f"{held.name} said {held.status} and wants to be left alone until {held.closed_until:%Y-%m-%d %H:%M} UTC"
            for name in dict.fromkeys(map(host_name, source.addresses if source else ()))
            if (held := hosts.get(name)) is not None and held.closed_until > reading.now
        ),
        warnings=state.warnings,
    )


def _in_order(source: Source, state: SourceState) -> tuple[str, ...]:
    """Return the addresses in the order in which they would be asked: the one that answered last comes first."""
    return tuple(sorted(source.addresses, key=lambda each: each != state.prefer))


def _history(own: str, ledger: Ledger) -> tuple[str, ...]:
    former = former_names(ledger.of(Renamed))
    told = [(line.at, f'renamed from "{line.old}" to "{line.new}"') for line in ledger.of(Renamed) if _is_of(line, own, former)]
    told += [
        (line.at, f"moved for good from {redact(line.old)} to {redact(line.new)}")
        for line in ledger.of(Moved)
        if line.source == own
    ]
    told += [(line.at, f"gone: {redact(line.address)} said 410") for line in ledger.of(Gone) if line.source == own]
    return tuple(f"{at:%Y-%m-%d} {words}" for at, words in sorted(told))


def _is_of(line: Renamed, own: str, former: dict[str, str]) -> bool:
    return line.what == "source" and former.get(line.new) == line.old and line.new in all_names(own, former)


def _validators(state: SourceState) -> tuple[str, ...]:
    given = state.validators
    if given is None:
        return ()
    pairs = (("ETag", given.etag), ("Last-Modified", given.last_modified))
    return tuple(f"{name} {value.decode('latin-1')}" for name, value in pairs if value is not None)


def _hints(state: SourceState) -> tuple[str, ...]:
    hints = state.hints
    found = []
    if hints.ttl_minutes:
        found.append(f"ttl {hints.ttl_minutes} min")
    if hints.update_period_minutes:
        found.append(f"sy:updatePeriod {hints.update_period_minutes} min")
    if hints.skip_hours:
        found.append(f"skipHours {', '.join(map(str, hints.skip_hours))} (GMT)")
    if hints.skip_days:
        found.append(f"skipDays {', '.join(hints.skip_days)}")
    return tuple(found)
