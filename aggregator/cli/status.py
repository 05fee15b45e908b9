"""`aggregator status`: how each source is doing, worst first. Reads the state only; takes no lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.project import load
from aggregator.health import Health, health
from aggregator.model.ping import Ping
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.pinging import shown_hub
from aggregator.pipeline.planning import upcoming
from aggregator.schedule import Next, describe
from aggregator.store.opening import open_state

#: How a source is doing -> its mark; in the order of the table, worst first. Always word and shape, never colour alone.
_MARKS = {
    Health.FAILING: "✗",
    Health.GONE: "†",
    Health.RETRYING: "↻",
    Health.WAITING: "⏲",
    Health.QUIET: "○",
    Health.NEW: "◌",
    Health.PAUSED: "‖",
    Health.OK: "●",
}
_BAD = frozenset({Health.FAILING, Health.GONE})
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One line of the table."""

    id: str
    state: Health
    posts: int
    last_success: datetime | None
    last_news: datetime | None
    next_poll: datetime | None
    next_reason: str | None
    failures: int
    error: str | None
    error_kind: str | None
    warnings: tuple[str, ...]


@click.command()
@click.option("--failing", is_flag=True, help="Only the sources that fail.")
@click.option("--conduct", is_flag=True, help="How each upstream is treated, and what of it should be mended.")
@click.option("--json", "json_", is_flag=True, help="As a JSON array; with --conduct as one object.")
@pass_invocation
def status(invocation: Invocation, failing: bool, conduct: bool, json_: bool) -> None:
    """Say how each source is doing, worst first.

    One fails once three polls in a row have failed, and six hours have gone by since the last that went well; before that, it
    is tried again. feeds/status.atom tells when that changes.

    A published feed that was refused, so that its last good file is kept, is named below them, and so is a hub that did not
    take what it was told.

    With --conduct: how often each source and each host was asked, how politely, why its interval is what it is, and below
    that what an upstream's owner might mind, with what to do about it.
    """
    if conduct:
        if failing:
            raise click.UsageError("--failing and --conduct are two different reports: give one of them")
        from aggregator.cli.conduct import show_conduct

        show_conduct(invocation, as_json=json_ or invocation.json)
        return
    settings = load_effective(load(invocation))
    current = clock.now()
    opened = open_state(settings.state.url.reveal(), settings.root, create=False)
    try:
        known, posts, hosts = opened.state.sources(), opened.state.counts(), opened.state.hosts()
        kept = sorted(output.path for output in opened.state.outputs().values() if output.dirty)
        waiting = opened.state.pings.waiting(settings.public.hubs) if settings.public.hubs else []
    finally:
        opened.state.close()
    lines = [
        _status(
            source,
            known.get(source.id) or SourceState(id=source.id),
            posts.get(source.id, (0, None))[0],
            upcoming(source, known.get(source.id), hosts, current),
        )
        for source in settings.sources
    ]
    order = list(_MARKS)
    lines.sort(key=lambda line: order.index(line.state))
    shown = [line for line in lines if line.state in _BAD or not failing]
    if json_ or invocation.json:
        click.echo(json.dumps([_plain(line) for line in shown], ensure_ascii=False, indent=2))
        return
    for line in shown:
        for text in _render(line, current):
            click.echo(text)
    for path in kept:
        click.echo(f"✗ refused  {path}  its last good file is kept, or it waits to be written: aggregator build says more")
    for text in _untold(waiting, current):
        click.echo(text)
    invocation.talk(_sentence(lines) + (f"; {count(len(kept), 'feed')} not up to date" if kept else ""))


def _untold(waiting: list[Ping], current: datetime) -> Iterator[str]:
    """Yield a line for each hub that did not take what it was told; what was not tried yet only waits for its time."""
    for hub in dict.fromkeys(ping.hub for ping in waiting if ping.tried is not None):
        own = [ping for ping in waiting if ping.hub == hub]
        what = f"{count(len(own), 'changed file')} for {describe(current - min(ping.since for ping in own))}"
        yield f"✗ untold   {shown_hub(hub)}  this hub has not taken {what}: aggregator ping says more"


def _status(source: Source, known: SourceState, posts: int, coming: Next) -> SourceStatus:
    return SourceStatus(
        id=source.name,
        state=health(source, known),
        posts=posts,
        last_success=known.last_success,
        last_news=known.last_news,
        next_poll=coming.at if known.last_poll is not None else None,
        next_reason=coming.reason,
        failures=known.failures,
        error=known.last_message if known.failures else None,
        error_kind=known.last_kind,
        warnings=known.warnings,
    )


def _render(line: SourceStatus, current: datetime) -> list[str]:
    news = f"news {_ago(line.last_news, current)}" if line.last_news else "no news yet"
    text = f"{_MARKS[line.state]} {line.state:<8} {line.id}  {count(line.posts, 'post')}, {news}"
    if line.next_poll is not None:
        wait = line.next_poll - current
        when = f"in {describe(wait)}" if wait.total_seconds() > 0 else "due now"
        text += f" · next poll {when} ({line.next_reason})"
    lines = [text]
    if line.error:
        since = f"since {_ago(line.last_success, current)}" if line.last_success else "never answered well"
        lines.append(f"    {line.error}  ({count(line.failures, 'failure')} in a row, {since})")
    lines.extend(f"    {warning}" for warning in line.warnings)
    return lines


def _sentence(lines: list[SourceStatus]) -> str:
    if not lines:
        return "there is no source yet: aggregator source add ADDRESS"
    bad = [line.id for line in lines if line.state in _BAD]
    trying = [line.id for line in lines if line.state in {Health.RETRYING, Health.WAITING}]
    again = f"; tried again: {_names(trying)}" if trying else ""
    if not bad:
        return f"{count(len(lines), 'source')}, none failing{again}"
    return f"{len(bad)} of {count(len(lines), 'source')} failing: {_names(bad)}{again}"


def _names(ids: list[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")


def _ago(then: datetime | None, current: datetime) -> str:
    return f"{describe(current - then)} ago" if then else "never"


def _plain(line: SourceStatus) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in ((field, getattr(line, field)) for field in SourceStatus.__slots__)
    }
