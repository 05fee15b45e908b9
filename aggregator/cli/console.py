"""What a run tells a person, or a program: one line per source, a bar on a terminal, JSON Lines under --json."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import click

from aggregator.cli import Invocation
from aggregator.model.poll import Begin, Event, HubEvent, Outcome, OutputEvent, PostExpired, SourceEvent, Summary
from aggregator.model.telling import as_json
from aggregator.schedule import describe

MARKS = {Outcome.NEWS: "✓", Outcome.SAME: "=", Outcome.NOT_MODIFIED: "=", Outcome.FAILED: "✗", Outcome.HELD: "⏲"}

_NAMED = 3


class Console(AbstractContextManager["Console"]):
    """Takes events as they happen. Talk goes to stderr; under --json the events go to stdout as well."""

    def __init__(self, invocation: Invocation, *, dry_run: bool = False) -> None:
        """Take what was asked; under `dry_run` the posts that would be written are data, on stdout."""
        self._invocation = invocation
        self._dry_run = dry_run
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def report(self, event: Event) -> None:
        """Tell one event."""
        if self._invocation.json:
            print_json(event)
        if isinstance(event, Begin):
            self._begin(event)
        elif isinstance(event, SourceEvent):
            self._source(event)
        elif isinstance(event, OutputEvent):
            self._output(event)
        elif isinstance(event, PostExpired):
            self._expired(event)
        elif isinstance(event, HubEvent):
            self._hub(event)
        else:
            self._line(event.text, always=False)

    def _begin(self, event: Begin) -> None:
        if event.due and _is_terminal() and not self._invocation.quiet and not self._invocation.json:
            self._bar = click.progressbar(length=event.due, file=sys.stderr, show_pos=True, width=30)
            self._bar.__enter__()

    def _source(self, event: SourceEvent) -> None:
        if self._bar is not None:
            self._bar.update(1)
        failed = event.outcome is Outcome.FAILED
        if failed or self._bar is None or self._invocation.verbosity:
            self._line(f"{MARKS[event.outcome]} {event.source_id}  {what_came(event)}", always=failed)
        for warning in event.warnings:
            self._line(f"  {event.source_id}: {warning}", always=False)
        if event.trace and self._invocation.verbosity > 1:
            self._line(event.trace, always=True)
        if self._dry_run and not self._invocation.json:
            for mark, path in event.posts:
                click.echo(f"{mark} {path}")

    def _output(self, event: OutputEvent) -> None:
        if event.refused is not None:
            self._line(f"✗ {event.refused}", always=True)
        elif event.changed and self._invocation.verbosity:
            self._line(f"✓ {event.path}", always=False)
        for warning in event.warnings:
            self._line(f"  {event.path}: {warning}", always=True)
        if self._invocation.verbosity:
            for duplicate in event.duplicates:
                self._line(f"  {event.path}: {duplicate}", always=False)
        elif event.changed and event.duplicates:
            number = len(event.duplicates)
            noun = "entry" if number == 1 else "entries"
            self._line(f"  {event.path}: {number} {noun} of other sources left out as duplicates (-v names them)", always=False)

    def _expired(self, event: PostExpired) -> None:
        if self._dry_run and not self._invocation.json:
            click.echo(f"- {event.path}")
        elif self._invocation.verbosity:
            self._line(f"- {event.path}", always=False)

    def _hub(self, event: HubEvent) -> None:
        if event.told and self._invocation.verbosity:
            self._line(f"✓ hub {event.hub}: told of {', '.join(event.told)}", always=False)
        if event.given_up:
            names = ", ".join(event.given_up[:_NAMED]) + (", ..." if len(event.given_up) > _NAMED else "")
            what = f"given up after 24 hours: {count(len(event.given_up), 'file')} ({names}): {event.message}"
            self._line(f"✗ hub {event.hub}: {what}. Is this hub still there? See public.hubs", always=True)
        if event.waiting:
            why = event.message or "there was no time left"
            what = f"not told of {count(event.waiting, 'file')}: {why}; the next runs try again"
            self._line(f"✗ hub {event.hub}: {what}", always=True)

    def _line(self, text: str, *, always: bool) -> None:
        if self._bar is not None and sys.stderr.isatty():
            click.echo("\r\033[K", err=True, nl=False)  # the bar draws itself again after the line
        (self._invocation.warn if always else self._invocation.talk)(text)


def summary_line(summary: Summary) -> str:
    """Return the last line of a run; that of a dry run says what would be."""
    parts = [f"{summary.news + summary.same} ok" + (f" ({summary.same} unchanged)" if summary.same else "")]
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.held:
        parts.append(f"{summary.held} waiting for their hosts")
    would = "would be " if summary.dry_run else ""
    posts = [f"{summary.new} {would}new"]
    if summary.updated:
        posts.append(f"{summary.updated} {would}updated")
    if summary.adopted:
        posts.append(f"{summary.adopted} found in place")
    if summary.expired:
        posts.append(f"{summary.expired} {'would expire' if summary.dry_run else 'expired'}")
    polls, seconds = f"{count(summary.due, 'source')}: {', '.join(parts)}", f"{summary.elapsed_ms / 1000:.1f} s"
    if summary.dry_run:
        return f"{polls} · posts: {', '.join(posts)} · nothing was written (--dry-run) · {seconds}"
    return f"{polls} · posts: {', '.join(posts)} · {count(summary.outputs, 'file')} published · {seconds}"


def next_line(summary: Summary, now: datetime) -> str | None:
    """Return when to come back."""
    if summary.next_poll is None:
        return None
    wait = summary.next_poll - now
    when = summary.next_poll.astimezone().strftime("%Y-%m-%d %H:%M")
    return f"next poll: {summary.next_source} at {when}, in {describe(wait)}"


def count(number: int, noun: str) -> str:
    """Return `1 source`, `2 sources`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_json(record: Any) -> None:
    """Print one record as one line of JSON on stdout."""
    click.echo(json.dumps(as_json(record), ensure_ascii=False))


def what_came(event: SourceEvent) -> str:
    """Return in words what one visit came to."""
    if event.outcome is Outcome.FAILED:
        times = f" ({_ordinal(event.failures)} time in a row)" if event.failures > 1 else ""
        return f"{event.message}{times}"
    if event.outcome is Outcome.HELD:
        return str(event.message)
    if event.outcome is Outcome.NOT_MODIFIED:
        text = "not modified"
    elif event.outcome is Outcome.SAME:
        text = f"{event.adopted} found in place" if event.adopted else "nothing new"
    else:
        found = (("new", event.new), ("updated", event.updated), ("found in place", event.adopted))
        text = ", ".join(f"{number} {word}" for word, number in found if number)
    note = f"  ({event.message})" if event.message else ""
    return f"{text}  {event.elapsed_ms} ms{note}"


def _ordinal(number: int) -> str:
    tens = number % 100
    suffix = "th" if 10 < tens < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")  # noqa: PLR2004
    return f"{number}{suffix}"


def _is_terminal() -> bool:
    import os

    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
