"""`aggregator reindex`: the state again, from the posts and the ledger."""

from __future__ import annotations

import asyncio

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import Console, count
from aggregator.cli.ping import tell_waiting
from aggregator.cli.project import load
from aggregator.pipeline.project import open_project
from aggregator.pipeline.publishing import publish_what_changed
from aggregator.workers import Workers


@click.command()
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@pass_invocation
def reindex(invocation: Invocation, jobs: int) -> None:
    """Rebuild the state from the posts and the ledger; posts are only read.

    What polls have learned (when to come back, failures) is kept; validators are not, so that each upstream is asked for its
    whole feed once.
    """
    settings = load(invocation)
    with Console(invocation) as console, open_project(settings, console.report, clock.now(), jobs=jobs) as project:

        async def run() -> int:
            with Workers(jobs) as workers:
                number = await project.reindex(workers, console.report)
                await publish_what_changed(project, workers, console.report)
                return number

        number = asyncio.run(run())
        project.close_folders()
        tell_waiting(invocation, project)
    invocation.talk(f"{count(number, 'post')} indexed")
