"""`aggregator build`: the feeds again, from the posts; no network."""

from __future__ import annotations

import asyncio
import sys

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import Console, count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.project import load
from aggregator.pipeline.frames import plan_frames
from aggregator.pipeline.gone import settle_absences, unmounted_error
from aggregator.pipeline.project import Project, open_project
from aggregator.pipeline.publishing import publish_all
from aggregator.pipeline.retention import Retention
from aggregator.workers import Workers


@click.command()
@click.argument("categories", nargs=-1, metavar="[CATEGORY]...")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@click.option("--accept-deletions", is_flag=True, help="Every post that is missing was deleted on purpose, however many.")
@click.option("--expire", is_flag=True, help="Remove every post beyond `keep`, however many, also where edits cannot be told.")
@pass_invocation
def build(invocation: Invocation, categories: tuple[str, ...], jobs: int, accept_deletions: bool, expire: bool) -> None:
    """Write the feeds again from the posts; no network.

    Reads every post that stands in a feed, so it also finds what was edited by hand. CATEGORY is a path with parts joined by /;
    without one, every feed is looked at, and posts that are kept no longer are removed. Unchanged feeds are not rewritten.

    A post that was deleted by hand is noted in the ledger and never written again. Where many are missing at once, their
    folder looks unmounted: then nothing is concluded from it and the exit code is 5, unless --accept-deletions is given.

    Exit codes: 0 done, 1 a feed had to be refused, 5 posts look unmounted, or something cannot be read or written.
    """
    if expire and categories:
        raise click.UsageError("--expire is for the whole project: leave the categories out")
    settings, now = load(invocation), clock.now()
    with (
        Console(invocation) as console,
        open_project(settings, console.report, now, jobs=jobs, accept_deletions=accept_deletions) as project,
    ):
        only = _outputs(project, categories)
        retention = Retention(project)
        expired = 0 if categories else retention.expire(console.report, insist=expire)

        async def run() -> None:
            with Workers(jobs) as workers:
                if accept_deletions:
                    settle_absences(project, console.report)
                await publish_all(project, workers, console.report, only=only)

        asyncio.run(run())
        retention.settle()
        project.close_folders()
    removed = f"; {count(expired, 'post')} expired" if expired else ""
    invocation.talk(f"{count(project.outputs_written, 'file')} written, the others were up to date{removed}")
    if project.unmounted:
        raise unmounted_error(project)
    if project.faults:
        raise project.faults[0]
    if project.outputs_refused:
        sys.exit(EXIT_PARTIAL)


def _outputs(project: Project, categories: tuple[str, ...]) -> frozenset[str] | None:
    if not categories:
        return None
    frames = {"/".join(frame.category): frame.path for frame in plan_frames(project.settings, project.state.leaves())}
    for category in categories:
        if category.strip("/") not in frames:
            known = ", ".join(sorted(name for name in frames if name))
            raise click.UsageError(f"there is no category {category!r}; known: {known}")
    return frozenset(frames[category.strip("/")] for category in categories)
