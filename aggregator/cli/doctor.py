"""`aggregator doctor`: what is missing or odd in a project folder and on its machine. Changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_OK, EXIT_PARTIAL
from aggregator.cli.project import load
from aggregator.doctor.finding import Finding, Level, Situation, fail, ok
from aggregator.errors import AggregatorError
from aggregator.model.settings import Settings

_MARKS = {Level.OK: "✓", Level.WARN: "!", Level.FAIL: "✗"}


@click.command()
@click.option("--offline", is_flag=True, help="Look up no name.")
@click.option("--live", is_flag=True, help="Only whether a daemon runs and polls what is due: for health checks.")
@click.option("--json", "json_", is_flag=True, help="As one JSON object.")
@pass_invocation
def doctor(invocation: Invocation, offline: bool, live: bool, json_: bool) -> None:
    """Say what is missing or odd on this machine and in this project folder, each with what to do.

    The program and its packages, clock, time zones, encoding, limits, memory, room and rights, the file system, the state,
    certificates and names, private addresses, the daemon, and git. What stands in the configuration, the posts and the feeds
    is judged by `check`. Nothing is changed, and no upstream is sent anything; of one source the name is looked up.

    With --live an upstream that fails does not count, nor does a configuration that was edited badly.

    Exit codes: 0 nothing fails, though there may be warnings; 1 something fails.
    """
    findings = list(_findings(invocation, offline=offline, live=live))
    bad = [finding for finding in findings if finding.level is Level.FAIL]
    odd = [finding for finding in findings if finding.level is Level.WARN]
    if json_ or invocation.json:
        click.echo(json.dumps({"ok": not bad, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
    else:
        for finding in findings:
            if finding.level is not Level.OK or not invocation.quiet:
                _show(finding)
        warnings = count(len(odd), "warning") if odd else "no warning"
        invocation.talk(f"doctor: {count(len(bad), 'failure') if bad else 'no failure'}, {warnings}")
    raise SystemExit(EXIT_PARTIAL if bad else EXIT_OK)


def _findings(invocation: Invocation, *, offline: bool, live: bool) -> Iterator[Finding]:
    settings, own = _settings(invocation)
    situation = Situation(
        root=invocation.root,
        config=invocation.config,
        settings=settings,
        now=clock.now(),
        environ=os.environ,
        offline=offline,
    )
    if live:
        from aggregator.doctor.work import alive

        yield from alive(situation)
        return
    from aggregator.doctor.checks import CHECKS

    yield own
    for check in CHECKS:
        yield from check(situation)


def _settings(invocation: Invocation) -> tuple[Settings | None, Finding]:
    """Return the settings that count, and what is to be said of them; what is wrong with them `check config` says in full."""
    from aggregator.pipeline.effective import load_effective

    try:
        settings = load_effective(load(invocation))
    except AggregatorError as error:
        first = str(error).partition("\n")[0]
        return None, fail("config", first, "aggregator check config names every problem; what needs the settings is left out")
    except PermissionError as error:
        return None, fail(
            "config", f"{error.filename} cannot be read by this user", "run as its owner, or let this user read it"
        )
    return settings, ok("config", f"{count(len(settings.sources), 'source')}; aggregator check all judges what stands in it")


def _show(finding: Finding) -> None:
    click.echo(f"{_MARKS[finding.level]} {finding.level:<4} {finding.name:<12}  {finding.text}")
    if finding.advice:
        click.echo(f"  -> {finding.advice}")
