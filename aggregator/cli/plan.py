"""`aggregator plan`: when each source is polled next, why, and what would be sent. Reads the state; no lock, no network."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.project import load, no_such_source, state_to_read
from aggregator.model.fetched import HostState
from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.planning import holding, host_name, starting_point, upcoming
from aggregator.schedule import Next, describe, forecast

_SPAN = re.compile(r"([1-9][0-9]{0,3})(m|h|d)\Z")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPoll:
    """One line of the plan."""

    at: datetime | None  #: None: not by itself
    source: str
    host: str
    reason: str
    request: str  #: what would be sent, secrets left out
    first: bool  #: the next poll of its source; what follows is a forecast


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--for", "span", metavar="SPAN", help="Also forecast the polls of a span to come: 90m, 24h, 7d.")
@click.option("--json", "json_", is_flag=True, help="As a JSON array.")
@pass_invocation
def plan(invocation: Invocation, sources: tuple[str, ...], span: str | None, json_: bool) -> None:
    """Say when each source is polled next, why, and what would be sent.

    The forecast takes each answer to be like the last one. `sync` takes a source along from the moment that it is due; the
    times here are those of a scheduler, which spreads the sources over up to a tenth of their intervals.
    """
    settings = load_effective(load(invocation))
    current = clock.now()
    until = current + _span(span) if span else None
    known, hosts = _learned(settings)
    chosen = _chosen(invocation, settings, sources)
    lines = [line for source in chosen for line in _lines(source, known.get(source.id), hosts, current, until)]
    lines.sort(key=lambda line: (line.at is None, line.at or current, line.source))
    if json_ or invocation.json:
        click.echo(json.dumps([_plain(line) for line in lines], ensure_ascii=False, indent=2))
        return
    for line in lines:
        click.echo(_render(line, current))
    invocation.talk(_sentence(lines, current, until))


def _learned(settings: Settings) -> tuple[dict[str, SourceState], dict[str, HostState]]:
    """Return what the state knows; before the first sync that is nothing."""
    with state_to_read(settings) as state:
        return ({}, {}) if state is None else (state.sources(), state.hosts())


def _chosen(invocation: Invocation, settings: Settings, names: tuple[str, ...]) -> list[Source]:
    known = {source.name: source for source in settings.sources}
    for name in names:
        if name not in known:
            raise no_such_source(invocation, name, known)
    return [known[name] for name in names] if names else list(settings.sources)


def _lines(
    source: Source, state: SourceState | None, hosts: Mapping[str, HostState], current: datetime, until: datetime | None
) -> list[PlannedPoll]:
    first = upcoming(source, state, hosts, current)
    lines = [_line(source, state, first, first=True, current=current)]
    if until is None or first.at is None:
        return lines
    start, _ = starting_point(source, state, current)
    held = holding(source, start, hosts, current)
    coming = list(forecast(source, start, held, now=current, until=until))
    return lines + [_line(source, state, found, first=False, current=current) for found in coming[1:]]


def _line(source: Source, state: SourceState | None, found: Next, *, first: bool, current: datetime) -> PlannedPoll:
    at = None if found.at is None else max(found.at, current)
    address = (state.prefer if state and state.prefer in source.addresses else None) or source.addresses[0]
    return PlannedPoll(
        at=at, source=source.name, host=host_name(address), reason=found.reason, request=request(source, state), first=first
    )


def request(source: Source, state: SourceState | None) -> str:
    """Say what a poll would send: the conditions, and which of the source's own secrets go along."""
    validators = state.validators if state else None
    names = []
    if validators is not None and validators.address in source.addresses:
        names += ["If-None-Match"] if validators.etag else []
        names += ["If-Modified-Since"] if validators.last_modified else []
    own = [name for name, _ in source.headers] + (["Authorization"] if source.auth else [])
    text = f"conditional: {', '.join(names)}" if names else "unconditional"
    if names and validators is not None and validators.final is not None:
        text += f", to where {validators.address} leads"
    return f"{text}; its own {', '.join(own)}" if own else text


def _span(text: str) -> timedelta:
    found = _SPAN.match(text)
    if found is None or int(found[1]) * _UNITS[found[2]] > _LONGEST:
        raise click.BadParameter("must be a span such as 90m, 24h or 7d, at most 31d", param_hint="--for")
    return int(found[1]) * _UNITS[found[2]]


def _render(line: PlannedPoll, current: datetime) -> str:
    if line.at is None:
        return f"{'never':<25}  {line.source}  ({line.reason})"
    wait = line.at - current
    when = "now" if wait <= timedelta() else f"in {describe(wait)}"
    stamp = line.at.astimezone().strftime("%m-%d %H:%M")
    tail = f" · GET {line.host}, {line.request}" if line.first else ""
    return f"{stamp} {when:<13}  {line.source}  ({line.reason}){tail}"


def _sentence(lines: list[PlannedPoll], current: datetime, until: datetime | None) -> str:
    if not lines:
        return "there is no source yet: aggregator source add ADDRESS"
    waiting = [line for line in lines if line.at is not None]
    sources = count(len({line.source for line in lines}), "source")
    if until is None:
        due = sum(line.at is not None and line.at <= current for line in lines)
        return f"{sources}, {due} due now"
    within = [line for line in waiting if line.at is not None and line.at <= until]
    hosts = Counter(line.host for line in within)
    name, number = hosts.most_common(1)[0] if hosts else ("", 0)
    busiest = f"; the busiest host is {name} with {number}" if len(hosts) > 1 else ""
    return f"{sources}: {count(len(within), 'poll')} in the next {describe(until - current)}{busiest}"


def _plain(line: PlannedPoll) -> dict[str, object]:
    return asdict(line) | {"at": line.at.isoformat() if line.at else None}
