"""`aggregator ping`: tell the hubs of the published files that changed, once these are live."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import Console, count
from aggregator.cli.exits import EXIT_ALL_FAILED, EXIT_PARTIAL
from aggregator.cli.project import load, state_to_read
from aggregator.model.ping import Ping
from aggregator.model.poll import HubEvent
from aggregator.model.settings import Settings
from aggregator.pipeline.pinging import shown_hub, tell_hubs, waiting_pings
from aggregator.pipeline.project import Project, open_project
from aggregator.publish.addresses import public_url

#: For hubs that are slow, each of them beside the others.
_SPEND = timedelta(minutes=10)


@click.command()
@click.option("--dry-run", is_flag=True, help="List what the hubs would be told of; tell them nothing.")
@click.option("--json", "json_", is_flag=True, help="One line per hub, or under --dry-run per ping, as JSON.")
@pass_invocation
def ping(invocation: Invocation, dry_run: bool, json_: bool) -> None:
    """Tell the hubs of the feeds that changed and that they do not know of yet.

    For sites that go live after the run (`public.ping: later`), and for what a hub did not take. Each hub of `public.hubs` is
    told once of each changed file. What it does not take waits for the next run, for a day.

    Exit codes: 0 the hubs know of everything; 1 some of it was not taken; 2 wrong usage; 3 configuration invalid; 4 none of it
    was taken; 5 the state cannot be read or written; 6 another run holds the project.
    """
    invocation.json = invocation.json or json_
    settings = load(invocation)
    if not settings.public.hubs:
        invocation.talk("no hub is named, so nobody is told: public.hubs in config/settings.yaml")
        return
    if dry_run:
        _list(invocation, settings)
        return
    with Console(invocation) as console, open_project(settings, console.report, clock.now()) as project:
        events = asyncio.run(tell_hubs(project, console.report, spend=_SPEND))
    _tell(invocation, events)
    sys.exit(_exit_code(events))


def tell_waiting(invocation: Invocation, project: Project) -> None:
    """Say that hubs are to be told of something, and how they will be."""
    files = len({ping.path for ping in waiting_pings(project)})
    if not files:
        return
    when = "once they are live" if project.settings.public.ping == "later" else "by the next sync, or now"
    invocation.talk(f"{count(files, 'changed file')} that the hubs are told of {when}: aggregator ping")


def _list(invocation: Invocation, settings: Settings) -> None:
    with state_to_read(settings) as state:
        waiting = state.pings.waiting(settings.public.hubs) if state is not None else []
    for each in waiting:
        click.echo(_line(each, settings, as_json=invocation.json))
    invocation.talk(f"{count(len(waiting), 'ping')} would be sent; nothing was" if waiting else "the hubs know of everything")


def _line(each: Ping, settings: Settings, *, as_json: bool) -> str:
    hub, topic = shown_hub(each.hub), public_url(settings.site.url, each.path)
    if not as_json:
        return f"{hub}  {topic}"
    return json.dumps({"event": "ping", "hub": hub, "topic": topic, "since": each.since.isoformat()}, ensure_ascii=False)


def _tell(invocation: Invocation, events: list[HubEvent]) -> None:
    told = sum(len(event.told) for event in events)
    missed = sum(event.waiting + len(event.given_up) for event in events)
    if not told and not missed:
        invocation.talk("the hubs know of everything")
    elif told:
        invocation.talk(f"{count(told, 'ping')} taken by {count(sum(bool(event.told) for event in events), 'hub')}")


def _exit_code(events: list[HubEvent]) -> int:
    if not any(event.waiting or event.given_up for event in events):
        return 0
    return EXIT_PARTIAL if any(event.told for event in events) else EXIT_ALL_FAILED
