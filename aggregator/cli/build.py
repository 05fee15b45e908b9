"""`aggregator build`: the feeds again, from the posts, and with `--posts` the posts from today's settings; no network."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import Console, count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.ping import tell_waiting
from aggregator.cli.project import load
from aggregator.model.renames import is_below
from aggregator.model.settings import Settings, join_category, split_category
from aggregator.pipeline.frames import plan_frames
from aggregator.pipeline.gone import unmounted_error
from aggregator.pipeline.project import Project, open_project
from aggregator.pipeline.publishing import publish_all, publish_what_changed
from aggregator.pipeline.retention import Retention
from aggregator.pipeline.rewriting import Tally, rewrite_posts
from aggregator.pipeline.site_out import find_obstacle, refresh, write_site
from aggregator.workers import Workers


@click.command()
@click.argument("categories", nargs=-1, metavar="[CATEGORY]...")
@click.option("--posts", is_flag=True, help="Before that, write unedited old posts anew with today's settings.")
@click.option(
    "--dry-run", is_flag=True, help="With --posts or --expire: only list the posts that would be written (~) or removed (-)."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@click.option("--accept-deletions", is_flag=True, help="Every post that is missing was deleted on purpose, however many.")
@click.option("--expire", is_flag=True, help="Remove every post beyond `keep`, however many, also where edits cannot be told.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Afterwards write the whole site, pages and feeds, to DIR: for a host that only has files.",
)
@click.option(
    "--compress", is_flag=True, help="With --out: packed copies (.gz, .br) beside the files, for servers that send them."
)
@pass_invocation
def build(
    invocation: Invocation,
    categories: tuple[str, ...],
    posts: bool,
    dry_run: bool,
    jobs: int,
    accept_deletions: bool,
    expire: bool,
    out: Path | None,
    compress: bool,
) -> None:
    """Write the feeds again from the posts; no network.

    Reads every post that stands in a feed, so it also finds what was edited by hand. CATEGORY is a path with parts joined by /;
    without one, every feed is looked at, and posts that are kept no longer are removed. Unchanged feeds are not rewritten.

    --posts brings old posts in line with the settings first: categories, byline, the source's title, a note on rights where
    a post has none. Text, dates, ids and paths stay, and so does every post that was edited by hand.

    A post that was deleted by hand is noted in the ledger and never written again; one that is put back is published again,
    and one that lies elsewhere is found. Where many are missing at once, their folder looks unmounted: then nothing is
    concluded from it and the exit code is 5, unless --accept-deletions is given.

    --expire removes at once all that `keep` does not keep; look first with --expire --dry-run. What is removed is named with
    -v.

    --out writes every page as PATH/index.html, the feeds, and what pages load. Files that are as they should be are left
    alone, those of pages that are gone are removed, and what somebody else put into DIR is never touched. Without it, the
    folder of `pages.out` is kept so, if there is one.

    Exit codes: 0 done, 1 a feed was refused or still holds what was taken down, or somebody else's file stands where a page
    should; 5 posts look unmounted, or something cannot be read or written.
    """
    if expire and categories:
        raise click.UsageError("--expire is for the whole project: leave the categories out")
    if dry_run and not (posts or expire):
        raise click.UsageError("--dry-run goes with --posts or --expire: without them it has nothing to list")
    settings, now = load(invocation), clock.now()
    _check_out(settings, out, compress=compress, dry_run=dry_run)
    with (
        Console(invocation, dry_run=dry_run) as console,
        open_project(
            settings,
            console.report,
            now,
            stamp=clock.stamp(now),
            jobs=jobs,
            accept_deletions=accept_deletions,
            dry_run=dry_run,
        ) as project,
    ):
        retention = Retention(project)
        expired = _expire(retention, console, insist=expire, dry_run=dry_run) if expire or not (categories or dry_run) else 0
        tally = asyncio.run(_build(project, console, categories, jobs, posts=posts, dry_run=dry_run))
        if not dry_run:
            retention.settle()
            tell_waiting(invocation, project)
        project.close_folders()
    if posts:
        tell_posts(invocation, settings.posts.dir.as_posix(), tally, dry_run=dry_run)
    if dry_run and expire:
        invocation.talk(f"{count(expired, 'post')} would expire; nothing was written")
    if not dry_run:
        removed = f"; {count(expired, 'post')} expired" if expired else ""
        invocation.talk(f"{count(project.outputs_written, 'file')} written, the others were up to date{removed}")
    whole = dry_run or _write_site(invocation, settings, out, compress=compress)
    if project.unmounted:
        raise unmounted_error(project)
    if project.faults:
        raise project.faults[0]
    if project.outputs_refused or project.still_in or not whole:
        sys.exit(EXIT_PARTIAL)


def _check_out(settings: Settings, out: Path | None, *, compress: bool, dry_run: bool) -> None:
    """Refuse what cannot be meant, before anything is written. Raises UsageError."""
    if out is None:
        if compress:
            raise click.UsageError("--compress goes with --out; for the folder of `pages.out` there is `pages.compress`")
        return
    if dry_run:
        raise click.UsageError("--out writes, --dry-run does not: leave one of them out")
    if (obstacle := find_obstacle(settings, out)) is not None:
        raise click.UsageError(f"--out {out}: {obstacle}. Choose another folder")


def _write_site(invocation: Invocation, settings: Settings, out: Path | None, *, compress: bool) -> bool:
    """Write the site where it is wanted; tell whether all of it could be written. The project is released by now."""
    with Console(invocation) as console:
        if out is None:
            return refresh(settings, console.report, clock=clock.now)
        counts, hindered = write_site(settings, out, console.report, compress=compress, clock=clock.now)
    invocation.talk(f"{out}: {count(counts.files, 'file')}, {counts.written} written, {counts.removed} removed")
    return not hindered


def _expire(retention: Retention, console: Console, *, insist: bool, dry_run: bool) -> int:
    return retention.foresee(console.report, insist=insist) if dry_run else retention.expire(console.report, insist=insist)


async def _build(
    project: Project, console: Console, categories: tuple[str, ...], jobs: int, *, posts: bool, dry_run: bool
) -> Tally:
    """Write posts, if they are to be, and feeds; tell what became of the posts."""
    chosen = _chosen(project, categories)
    tally = Tally()
    with Workers(jobs) as workers:
        if not dry_run:
            await project.look_everywhere(workers, console.report)
        if posts:
            leaves = _leaves(project, chosen)
            sources = project.settings.sources
            tally = await rewrite_posts(project, workers, console.report, leaves, sources=sources, dry_run=dry_run)
        if tally.written and not dry_run:
            await publish_what_changed(project, workers, console.report)  # posts may have left for other feeds
        if not dry_run:
            await publish_all(project, workers, console.report, only=_outputs(project, chosen))
    return tally


def tell_posts(invocation: Invocation, folder: str, tally: Tally, *, dry_run: bool = False) -> None:
    """Say how many posts were written anew, and name those that were kept; a dry run's list is data, on stdout."""
    if dry_run:
        for path in tally.written:
            click.echo(json.dumps({"event": "post", "path": path}, ensure_ascii=False) if invocation.json else f"~ {path}")
    for path in tally.kept:
        invocation.talk(f"{folder}/{path}: edited by hand; kept as it is")
    kept = f", {len(tally.kept)} kept since edited by hand" if tally.kept else ""
    would = "would be written anew" if dry_run else "written anew"
    invocation.talk(f"{count(len(tally.written), 'post')} {would}{kept}")


def _chosen(project: Project, categories: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the paths that were named; none means all. Raises UsageError."""
    known = {frame.category for frame in plan_frames(project.settings, project.state.leaves())}
    chosen = tuple(split_category(category.strip("/")) for category in categories)
    for path in chosen:
        if path not in known:
            names = ", ".join(sorted(join_category(name) for name in known if name))
            now = project.settings.renamed.current(path)
            hint = f"it was renamed to {join_category(now)}" if now != path else f"known: {names}"
            raise click.UsageError(f"there is no category {join_category(path)!r}; {hint}")
    return chosen


def _outputs(project: Project, chosen: tuple[tuple[str, ...], ...]) -> frozenset[str] | None:
    if not chosen:
        return None
    return frozenset(
        frame.path
        for frame in plan_frames(project.settings, project.state.leaves())
        if {frame.category, *frame.also} & {*chosen}
    )


def _leaves(project: Project, chosen: tuple[tuple[str, ...], ...]) -> Iterable[tuple[str, ...]]:
    """Return the categories whose posts are looked at, as they are stored."""
    leaves = project.state.leaves()
    current = project.settings.renamed.current
    return [leaf for leaf in leaves if not chosen or any(is_below(current(leaf), path) for path in chosen)]
