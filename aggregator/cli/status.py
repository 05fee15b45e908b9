"""`aggregator status`: how each source is doing, worst first. Reads the state only; takes no lock."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.project import load
from aggregator.cli.status_lines import MARKS, Screen, SourceStatus, lines_of
from aggregator.health import Health, health
from aggregator.model.page import Day
from aggregator.model.ping import Ping
from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.pinging import shown_hub
from aggregator.pipeline.planning import upcoming
from aggregator.pipeline.site_status import days_of, first_day
from aggregator.schedule import Next, describe
from aggregator.store.opening import open_state

_BAD = frozenset({Health.FAILING, Health.GONE})
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How all sources are doing, at one moment."""

    lines: tuple[SourceStatus, ...]  #: worst first
    kept: tuple[str, ...]  #: published files that are not up to date
    waiting: tuple[Ping, ...]  #: what hubs did not take
    at: datetime

    def shown(self, *, failing: bool) -> list[SourceStatus]:
        """Return the lines to show."""
        return [line for line in self.lines if line.state in _BAD or not failing]

    def text(self, screen: Screen, *, failing: bool) -> Iterator[str]:
        """Yield what is shown, line by line."""
        yield from lines_of(self.shown(failing=failing), self.at, screen)
        for path in self.kept:
            yield f"✗ refused  {path}  its last good file is kept, or it waits to be written: aggregator build says more"
        yield from _untold(self.waiting, self.at)

    @property
    def sentence(self) -> str:
        """Return all of it in one sentence."""
        kept = f"; {count(len(self.kept), 'feed')} not up to date" if self.kept else ""
        return f"{_sentence(self.lines)}{kept}"


@click.command()
@click.option("--failing", is_flag=True, help="Only the sources that fail.")
@click.option("--watch", is_flag=True, help="Look again every 2 seconds, until Ctrl-C.")
@click.option("--conduct", is_flag=True, help="How each upstream is treated, and what of it should be mended.")
@click.option("--json", "json_", is_flag=True, help="As a JSON array; with --conduct as one object.")
@pass_invocation
def status(invocation: Invocation, failing: bool, watch: bool, conduct: bool, json_: bool) -> None:
    """Say how each source is doing, worst first.

    One fails once three polls in a row have failed, and six hours have gone by since the last that went well; before that, it
    is tried again. feeds/status.atom tells when that changes. One that answers is quiet when it has brought nothing for weeks
    although it used to.

    Each bar is one of the last 30 days (UTC): full where all polls went well, lower where some failed, a cross where all did, a
    dot where none is known of. A terminal shows as many days and facts as there is room for, a pipe all of them.

    A published feed that was refused, so that its last good file is kept, is named below them, and so is a hub that did not
    take what it was told.

    With --conduct: how often each source and each host was asked, how politely, why its interval is what it is, and below
    that what an upstream's owner might mind, with what to do about it.
    """
    as_json = json_ or invocation.json
    if conduct:
        if failing or watch:
            other = "--failing" if failing else "--watch"
            raise click.UsageError(f"{other} and --conduct are two different reports: give one of them")
        from aggregator.cli.conduct import show_conduct

        show_conduct(invocation, as_json=as_json)
        return
    if watch:
        if as_json:
            raise click.UsageError("--watch draws on a terminal, --json is for programs: give one of them")
        from aggregator.cli.watch import watch_status

        watch_status(invocation, failing=failing)
        return
    report = read_report(load_effective(load(invocation)), clock.now())
    if as_json:
        plain = [_plain(line) for line in report.shown(failing=failing)]
        click.echo(json.dumps(plain, ensure_ascii=False, indent=2))
        return
    for text in report.text(screen_of_stdout(), failing=failing):
        click.echo(text, color=True)  # colour was decided on already
    invocation.talk(report.sentence)


def screen_of_stdout() -> Screen:
    """Return what lines are made for; colour only where it is shown and nobody has declined it (no-color.org)."""
    if not sys.stdout.isatty():
        return Screen()
    colour = os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    return Screen(width=shutil.get_terminal_size().columns, colour=colour)


def read_report(settings: Settings, current: datetime) -> Report:
    """Read how all sources are doing; takes the settings that count. Raises StoreError."""
    today = current.astimezone(UTC).date()
    opened = open_state(settings.state.url.reveal(), settings.root, create=False)
    try:
        known, posts, hosts = opened.state.sources(), opened.state.counts(), opened.state.hosts()
        days = opened.state.days.since(first_day(today))
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
            days_of(days.get(source.id, ()), today),
        )
        for source in settings.sources
    ]
    order = list(MARKS)
    lines.sort(key=lambda line: order.index(line.state))
    return Report(lines=tuple(lines), kept=tuple(kept), waiting=tuple(waiting), at=current)


def _untold(waiting: Sequence[Ping], current: datetime) -> Iterator[str]:
    """Yield a line for each hub that did not take what it was told; what was not tried yet only waits for its time."""
    for hub in dict.fromkeys(ping.hub for ping in waiting if ping.tried is not None):
        own = [ping for ping in waiting if ping.hub == hub]
        what = f"{count(len(own), 'changed file')} for {describe(current - min(ping.since for ping in own))}"
        yield f"✗ untold   {shown_hub(hub)}  this hub has not taken {what}: aggregator ping says more"


def _status(source: Source, known: SourceState, posts: int, coming: Next, days: tuple[Day, ...]) -> SourceStatus:
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
        days=days,
    )


def _sentence(lines: Sequence[SourceStatus]) -> str:
    if not lines:
        return "there is no source yet: aggregator source add ADDRESS"
    bad = [line.id for line in lines if line.state in _BAD]
    trying = [line.id for line in lines if line.state in {Health.RETRYING, Health.WAITING}]
    again = f"; tried again: {_names(trying)}" if trying else ""
    if silent := [line.id for line in lines if line.state is Health.QUIET]:
        again += f"; fallen silent: {_names(silent)}"
    if not bad:
        return f"{count(len(lines), 'source')}, none failing{again}"
    return f"{len(bad)} of {count(len(lines), 'source')} failing: {_names(bad)}{again}"


def _names(ids: list[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")


def _plain(line: SourceStatus) -> dict[str, object]:
    """Return a line for programs; a day of which nothing is known is left out."""
    return {name: _value(getattr(line, name)) for name in SourceStatus.__slots__}


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple) and value and isinstance(value[0], Day):
        return [
            {"day": day.day.isoformat(), "ok": day.ok, "failed": day.failed, "entries": day.entries}
            for day in value
            if day.ok or day.failed
        ]
    return value
