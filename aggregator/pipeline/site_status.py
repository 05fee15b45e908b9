"""Settings, state and ledger -> how the sources of a site are doing: for its pages, /status.json and /metrics.

Everything in here may be read by anybody: errors, warnings and reasons are free of secrets and of names that only this network
knows, and an address that may hold a secret is shown without it. Nothing is asked, locked or written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from aggregator.fetch.address import redact
from aggregator.health import Health, health
from aggregator.model.fetched import HostState
from aggregator.model.hosts import is_private_host
from aggregator.model.page import Day, Link, ListPage, PollLine, SourceLine, SourcePage, StatusPage
from aggregator.model.poll import Poll, PollPace, SourceState, Tally
from aggregator.model.reason import Reason
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.masking import for_everybody, is_open
from aggregator.pipeline.moves import shown
from aggregator.pipeline.planning import host_name, upcoming
from aggregator.publish.scan import is_web_address
from aggregator.schedule import describe, interval, rate_per_day
from aggregator.store.ledger import Gone, Ledger, Moved, Unstable
from aggregator.store.state import State

DAYS = 30
POLLS = 20  #: that a source's page shows
#: The words that `SourcePage.facts` are called by.
FACTS = ("feed_title", "format", "rhythm", "validators", "asked_for", "moved", "gone", "unstable", "hosts")
_WORST_FIRST = {word: place for place, word in enumerate(Health)}
_WEEK = 7
_UNSTABLE = "it gives its entries new ids again and again: they are told apart by their links, and none comes twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the state knows, of all sources or of those that are asked for."""

    sources: Mapping[str, SourceState]
    hosts: Mapping[str, HostState]
    posts: Mapping[str, tuple[int, datetime | None]]
    days: Mapping[str, Sequence[Tally]]
    paces: Mapping[str, PollPace]


_NOTHING = _Known(sources={}, hosts={}, posts={}, days={}, paces={})


def status_page(settings: Settings, ledger: Ledger, state: State | None, now: datetime) -> StatusPage:
    """Return how all sources are doing, worst first, otherwise as configured; takes the settings that count."""
    today = now.astimezone(UTC).date()
    known = _NOTHING
    refused: tuple[str, ...] = ()
    if state is not None:
        known = _Known(
            sources=state.sources(),
            hosts=state.hosts(),
            posts=state.counts(),
            days=state.days.since(first_day(today)),
            paces=state.days.paces(),
        )
        refused = tuple(sorted(path for path, output in state.outputs().items() if output.refused))
    unstable = {line.source for line in ledger.of(Unstable)}
    lines = [_line(source, known, now, unstable=source.id in unstable) for source in settings.sources]
    lines.sort(key=lambda line: _WORST_FIRST[Health(line.health)])
    polls = [found.last_poll for source in settings.sources if (found := known.sources.get(source.id)) and found.last_poll]
    return StatusPage(
        lines=tuple(lines),
        posts_today=sum(line.days[-1].entries for line in lines),
        posts_week=sum(day.entries for line in lines for day in line.days[-_WEEK:]),
        next_poll=min((line.next_poll for line in lines if line.next_poll is not None), default=None),
        last_poll=max(polls, default=None),
        refused=refused,
    )


def source_page(ledger: Ledger, state: State | None, source: Source, entries: ListPage, now: datetime) -> SourcePage:
    """Return how one source is doing, what it has been told and asked for, and its entries."""
    known = _NOTHING
    polls: Sequence[Poll] = ()
    if state is not None:
        first = first_day(now.astimezone(UTC).date())
        known = _Known(
            sources=state.sources(),
            hosts=state.hosts(),
            posts={source.id: (state.count(source.id), None)},
            days=state.days.since(first, source.id),
            paces=state.days.paces(source.id),
        )
        polls = state.history(source.id)[:POLLS]
    unstable = any(line.source == source.id for line in ledger.of(Unstable))
    found = known.sources.get(source.id) or SourceState(id=source.id)
    return SourcePage(
        line=_line(source, known, now, unstable=unstable),
        address=for_everybody(redact(source.feed), source),
        interval=interval(source, found)[1] if not source.paused and source.gone is None else None,
        polls=tuple(_poll_line(poll, source) for poll in polls),
        facts=_facts(source, found, ledger, known.hosts, now),
        entries=entries,
    )


def _line(source: Source, known: _Known, now: datetime, *, unstable: bool) -> SourceLine:
    found = known.sources.get(source.id) or SourceState(id=source.id)
    pace = known.paces.get(source.id)
    coming = upcoming(source, known.sources.get(source.id), known.hosts, now)
    warnings = (*found.warnings, *([_UNSTABLE] if unstable else []))
    return SourceLine(
        source=Link(title=source.title or found.feed_title or source.name, href=f"/s/{source.name}/"),
        home=_public_address(found.feed_link),
        health=health(source, found).value,
        posts=known.posts.get(source.id, (0, None))[0],
        last_success=found.last_success,
        last_news=found.last_news,
        failing_since=found.last_success if found.failures else None,
        failures=found.failures,
        error=for_everybody(found.last_message, source) if found.failures and found.last_message else None,
        kind=found.last_kind if found.failures else None,
        status=found.last_status,
        next_poll=coming.at if found.last_poll else None,
        why=tuple(_masked(reason, source) for reason in coming.why),
        days=days_of(known.days.get(source.id, ()), now.astimezone(UTC).date()),
        p95_ms=round(pace.p95 / timedelta(milliseconds=1)) if pace is not None else None,
        not_modified=pace.not_modified if pace is not None else None,
        warnings=tuple(for_everybody(warning, source) for warning in warnings),
    )


def _masked(reason: Reason, source: Source) -> Reason:
    """Return a reason without secrets, and without the names of machines that only this network knows."""
    what = None if reason.what is None else for_everybody(reason.what, source)
    return replace(reason, text=for_everybody(reason.text, source), what=what)


def first_day(today: date) -> date:
    """Return the first of the days that are shown."""
    return today - timedelta(days=DAYS - 1)


def days_of(tallies: Sequence[Tally], today: date) -> tuple[Day, ...]:
    """Return the last days, each with what is known of it; nothing is known where nothing was polled or the state was lost."""
    found = {each.day: Day(day=each.day, ok=each.ok, failed=each.failed, entries=each.entries) for each in tallies}
    return tuple(found.get(day.day, day) for day in _unknown(today))


@lru_cache(maxsize=2)
def _unknown(today: date) -> tuple[Day, ...]:
    """Return the last days as they are where nothing is known; each source asks for the same."""
    first = first_day(today)
    return tuple(Day(day=first + timedelta(days=number), ok=0, failed=0, entries=0) for number in range(DAYS))


def _poll_line(poll: Poll, source: Source) -> PollLine:
    return PollLine(
        at=poll.at,
        outcome=poll.outcome,
        new=poll.new,
        updated=poll.updated,
        elapsed_ms=poll.elapsed_ms,
        status=poll.status,
        message=for_everybody(poll.message, source) if poll.message else None,
    )


def _facts(
    source: Source, found: SourceState, ledger: Ledger, hosts: Mapping[str, HostState], now: datetime
) -> tuple[tuple[str, str], ...]:
    """Return what else is known, in the order of `FACTS`; what is not known is left out."""
    moves = (line for line in ledger.of(Moved) if line.source == source.id)
    moved = [f"{line.at:%Y-%m-%d} {for_everybody(shown(line.new), source)}" for line in moves]
    ends = (line for line in ledger.of(Gone) if line.source == source.id and line.address in source.addresses)
    gone = [f"{line.at:%Y-%m-%d}" for line in ends]
    unstable = [f"{line.at:%Y-%m-%d}" for line in ledger.of(Unstable) if line.source == source.id]
    held = [
        f"{name}: {host.status}, {host.closed_until:%Y-%m-%d %H:%M} UTC"
        for name in dict.fromkeys(map(host_name, source.addresses))
        if (host := hosts.get(name)) is not None and host.closed_until > now
    ]
    facts = {
        "feed_title": found.feed_title,
        "format": found.format,
        "rhythm": f"{rate_per_day(found.arrivals, found.watched):.1f}" if found.watched >= 1 else None,
        "validators": _validators(found),
        "asked_for": ", ".join(_asked_for(found)) or None,
        "moved": "; ".join(moved) or None,
        "gone": "; ".join(gone) or None,
        "unstable": "; ".join(unstable) or None,
        "hosts": for_everybody("; ".join(held), source) or None,
    }
    return tuple((word, value) for word in FACTS if (value := facts[word]) is not None)


def _validators(found: SourceState) -> str | None:
    given = found.validators
    names = (("ETag", given.etag), ("Last-Modified", given.last_modified)) if given is not None else ()
    return ", ".join(name for name, value in names if value is not None) or None


def _asked_for(found: SourceState) -> list[str]:
    hints = found.hints
    asked = [
        f"{name} {describe(timedelta(minutes=minutes))}"
        for name, minutes in (("ttl", hints.ttl_minutes), ("sy:updatePeriod", hints.update_period_minutes))
        if minutes
    ]
    if hints.skip_hours:
        asked.append(f"skipHours {', '.join(map(str, hints.skip_hours))}")
    if hints.skip_days:
        asked.append(f"skipDays {', '.join(hints.skip_days)}")
    return asked


def _public_address(link: str | None) -> str | None:
    """Return a web address that everybody may be sent to; None if it is none, or may hold a secret."""
    return (
        link if link is not None and is_web_address(link) and is_open(link) and not is_private_host(host_name(link)) else None
    )
