"""Settings and what polls have learned -> how each upstream is treated. Pure.

What is counted is the kept history of polls; why an interval is what it is comes from `schedule`, what should be mended
from `findings`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import user_agent
from aggregator.pipeline.findings import Finding, Learned, Places, find, gives_validators
from aggregator.pipeline.planning import host_name
from aggregator.schedule import interval


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConduct:
    """How one source is treated."""

    id: str  #: its name
    host: str
    polls_lately: int  #: in the last 24 hours
    polls_kept: int  #: of its history
    kept_since: datetime | None
    shortest_pause: timedelta | None  #: between two polls of its history
    conditional: int  #: polls of its history that carried validators
    not_modified: int
    validators: str  #: what its server gives, in words
    interval: str  #: in words, with the reason
    fresh_until: datetime | None  #: what its last answer said of itself, if that still holds
    closed_until: datetime | None  #: its host wants to be left alone


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConduct:
    """How one host is treated."""

    name: str
    sources: int
    polls_lately: int
    closed_until: datetime | None
    status: int | None  #: with which it closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """The whole report."""

    user_agent: str
    sources: tuple[SourceConduct, ...]  #: in config order
    hosts: tuple[HostConduct, ...]  #: the most visited first
    findings: tuple[Finding, ...]  #: the worst first


def report(settings: Settings, learned: Learned, place: Places, now: datetime) -> Conduct:
    """Return how the upstreams of effective settings are treated."""
    sources = tuple(_source(source, learned, now) for source in settings.sources)
    return Conduct(
        user_agent=user_agent(settings),
        sources=sources,
        hosts=_hosts(sources, learned, now),
        findings=tuple(find(settings, learned, place, now)),
    )


def _source(source: Source, learned: Learned, now: datetime) -> SourceConduct:
    state = learned.states.get(source.id) or SourceState(id=source.id)
    counts = learned.counts.get(source.id)
    host = host_name(next((each for each in source.addresses if each == state.prefer), source.addresses[0]))
    closed = learned.hosts.get(host)
    words = (
        "paused" if source.paused else f"gone since {source.gone:%Y-%m-%d}" if source.gone else interval(source, state)[1].text
    )
    return SourceConduct(
        id=source.name,
        host=host,
        polls_lately=counts.lately if counts else 0,
        polls_kept=counts.polls if counts else 0,
        kept_since=counts.oldest if counts else None,
        shortest_pause=counts.shortest if counts else None,
        conditional=counts.conditional if counts else 0,
        not_modified=counts.not_modified if counts else 0,
        validators=_validators(state),
        interval=words,
        fresh_until=state.fresh_until if state.fresh_until and state.fresh_until > now else None,
        closed_until=closed.closed_until if closed and closed.closed_until > now else None,
    )


def _validators(state: SourceState) -> str:
    given, known = state.validators, gives_validators(state)
    if given is None or not known:
        return "not known yet" if known is None else "none"
    names = (("ETag", given.etag), ("Last-Modified", given.last_modified))
    return " + ".join(name for name, value in names if value is not None)


def _hosts(sources: Sequence[SourceConduct], learned: Learned, now: datetime) -> tuple[HostConduct, ...]:
    by_host: dict[str, list[SourceConduct]] = defaultdict(list)
    for source in sources:
        by_host[source.host].append(source)
    found = []
    for name, own in by_host.items():
        closed = learned.hosts.get(name)
        holds = closed is not None and closed.closed_until > now
        found.append(
            HostConduct(
                name=name,
                sources=len(own),
                polls_lately=sum(source.polls_lately for source in own),
                closed_until=closed.closed_until if closed and holds else None,
                status=closed.status if closed and holds else None,
            )
        )
    return tuple(sorted(found, key=lambda host: (-host.polls_lately, host.name)))
