"""`aggregator build`: the feeds again, from the posts; no network."""

from __future__ import annotations

import asyncio
import sys

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.console import Console, count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.project import load
from aggregator.pipeline.frames import plan_frames
from aggregator.pipeline.project import Project, open_project
from aggregator.pipeline.publishing import publish_all
from aggregator.workers import Workers


@click.command()
@click.argument("categories", nargs=-1, metavar="[CATEGORY]...")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@pass_invocation
def build(invocation: Invocation, categories: tuple[str, ...], jobs: int) -> None:
    """Write the feeds again from the posts; no network.

    Reads every post that stands in a feed, so it also finds what was edited by hand. CATEGORY is a path with parts joined by /;
    without one, every feed is looked at. Unchanged feeds are not rewritten. Exits 1 if a feed had to be refused.
    """
    settings = load(invocation)
    with Console(invocation) as console, open_project(settings, console.report, jobs=jobs) as project:
        only = _outputs(project, categories)

        async def run() -> None:
            with Workers(jobs) as workers:
                await publish_all(project, workers, console.report, only=only)

        asyncio.run(run())
        project.close_folders()
    invocation.talk(f"{count(project.outputs_written, 'file')} written, the others were up to date")
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
