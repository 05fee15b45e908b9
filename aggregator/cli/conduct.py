"""What `aggregator status --conduct` prints: how each upstream is treated, and what of it should be mended."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from aggregator.cli import Invocation, clock
from aggregator.cli.console import count
from aggregator.cli.project import check_addresses, state_to_read
from aggregator.cli.source import table
from aggregator.pipeline.conduct import Conduct, HostConduct, SourceConduct, report
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.findings import LATELY, Learned
from aggregator.schedule import describe
from aggregator.settings import load as load_with_origins

_SOURCES = ("SOURCE", "HOST", "24 H", "SHORTEST PAUSE", "CONDITIONAL", "304", "VALIDATORS", "INTERVAL")
_HOSTS = ("HOST", "SOURCES", "24 H", "CLOSED UNTIL")


def show_conduct(invocation: Invocation, *, as_json: bool) -> None:
    """Print the report. Reads the configuration, the ledger and the state; takes no lock, asks nobody."""
    loaded = load_with_origins(invocation.root, invocation.config, os.environ)
    check_addresses(loaded.settings, invocation)
    settings = load_effective(loaded.settings)
    current = clock.now()
    with state_to_read(settings) as state:
        learned = (
            Learned(states={}, counts={}, hosts={})
            if state is None
            else Learned(states=state.sources(), counts=state.poll_counts(current - LATELY), hosts=state.hosts())
        )
    found = report(settings, learned, loaded.origins, current)
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2, default=_plain))
        return
    for line in _lines(found, current):
        click.echo(line)


def _lines(found: Conduct, current: datetime) -> Iterator[str]:
    from aggregator.store.state import HISTORY

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if found.sources:
        yield from table([_SOURCES, *(_source(each, current, HISTORY) for each in found.sources)], width)
        yield ""
        yield from table([_HOSTS, *(_host(each) for each in found.hosts)], width)
        yield ""
        yield f"User-Agent: {found.user_agent}"
        yield f"Counted over the last {HISTORY} polls of each source (the state keeps no more); 24 H over the last 24 hours."
        yield ""
    if not found.findings:
        yield f"nothing to mend: {count(len(found.sources), 'source')}, all treated as their owners would like it"
    for finding in found.findings:
        yield f"! {finding.text}"
        yield f"    -> {finding.advice}"


def _source(each: SourceConduct, current: datetime, history: int) -> tuple[str, ...]:
    # A full history that began within the day has lost polls of that day.
    more = "+" if each.polls_kept >= history and each.kept_since and each.kept_since > current - LATELY else ""
    facts = [each.interval]
    if each.fresh_until is not None:
        facts.append(f"fresh for another {describe(each.fresh_until - current)}")
    if each.closed_until is not None:
        facts.append(f"host closed for another {describe(each.closed_until - current)}")
    return (
        each.id,
        each.host,
        f"{each.polls_lately}{more}",
        describe(each.shortest_pause) if each.shortest_pause is not None else "-",
        f"{each.conditional} of {each.polls_kept}" if each.polls_kept else "-",
        f"{each.not_modified} of {each.polls_kept}" if each.polls_kept else "-",
        each.validators,
        "; ".join(facts),
    )


def _host(each: HostConduct) -> tuple[str, ...]:
    closed = f"{each.closed_until:%Y-%m-%d %H:%M} UTC, it said {each.status}" if each.closed_until else "-"
    return (each.name, str(each.sources), str(each.polls_lately), closed)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return round(value.total_seconds())
    raise TypeError(f"{type(value).__name__} has no JSON form")
