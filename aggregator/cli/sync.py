"""`aggregator sync`: poll what is due, write posts, publish what changed."""

from __future__ import annotations

import gc
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import Console, count, next_line, print_json, summary_line
from aggregator.cli.exits import EXIT_ALL_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_PARTIAL, EXIT_TERMINATED
from aggregator.cli.project import load, no_such_source
from aggregator.errors import AggregatorError, StoreError
from aggregator.model.poll import Summary
from aggregator.model.settings import Settings
from aggregator.workers import expect_jobs

if TYPE_CHECKING:
    from aggregator.pipeline.sync import SyncRequest

_SQLITE = "sqlite:///"
_RECORDS_BETWEEN_COLLECTIONS = 40_000


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--category", help="Only the sources of this category (path parts joined by /) and below.")
@click.option("--force", is_flag=True, help="Poll what is not due yet; still conditionally.")
@click.option("--no-cache", is_flag=True, help="Send no validators and read equal bodies again; implies --force.")
@click.option("--dry-run", is_flag=True, help="Poll, and list the posts that would be written; write nothing.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Worker processes. [default: one per processor]")
@click.option("--limit", type=click.IntRange(min=1), help="Look at this many newest entries per source.")
@click.option("--strict", is_flag=True, help="Exit 1 if any source failed.")
@click.option("--changed-exit", type=click.IntRange(0, 255), metavar="CODE", help="Exit with CODE if anything changed.")
@click.option("--json", "json_", is_flag=True, help="One event a line on stdout, as JSON.")
@pass_invocation
def sync(
    invocation: Invocation,
    sources: tuple[str, ...],
    category: str | None,
    force: bool,
    no_cache: bool,
    dry_run: bool,
    jobs: int | None,
    limit: int | None,
    strict: bool,
    changed_exit: int | None,
    json_: bool,
) -> None:
    """Poll the sources that are due; write posts and feeds.

    A SOURCE that is named is polled when it is due, also if it is paused.

    Exit 0 also when some sources failed but one answered: they are named on stderr and in `status`. Exit 1 when a feed was
    refused, or still holds what was taken down: all else is done, and `status` names it.
    """
    invocation = replace(invocation, json=invocation.json or json_)
    settings = load(invocation)
    chosen = _choose(invocation, settings, sources, category)
    if settings.sources and _is_without_state(settings):
        expect_jobs()  # all that a source brings is new; meanwhile this process loads the rest of its own modules
    from aggregator.pipeline.sync import SyncRequest

    current = clock.now()
    request = SyncRequest(
        now=current,
        stamp=clock.stamp(current),
        sources=chosen,
        force=force or no_cache,
        no_cache=no_cache,
        dry_run=dry_run,
        jobs=jobs,
        limit=limit,
    )
    summary = _asked(invocation, settings, request) or sync_project(invocation, settings, request)
    sys.exit(_exit_code(summary, strict=strict, changed_exit=changed_exit))


def sync_project(invocation: Invocation, settings: Settings, request: SyncRequest) -> Summary:
    """Run one sync and tell it; also what `demo` calls."""
    from aggregator.cli.ping import tell_waiting
    from aggregator.pipeline.gone import unmounted_error
    from aggregator.pipeline.project import open_project
    from aggregator.pipeline.sync import InterruptedRunError, run_sync

    with Console(invocation, dry_run=request.dry_run) as console:
        try:
            with open_project(
                settings,
                console.report,
                request.now,
                stamp=request.stamp,
                jobs=request.jobs or 1,
                dry_run=request.dry_run,
            ) as project:
                # Modules, settings, what the state knows: all of it stays to the end, and need not be looked through.
                gc.freeze()
                # From here on each request leaves its cycles, which at 10,000 sources would be a tenth of the memory.
                gc.set_threshold(_RECORDS_BETWEEN_COLLECTIONS, 20, 20)
                summary = run_sync(project, request, console.report)
                if settings.public.ping == "later" and not request.dry_run:
                    tell_waiting(invocation, project)
                fault = unmounted_error(project) if project.unmounted else next(iter(project.faults), None)
        except InterruptedRunError as error:
            invocation.warn(str(error))
            sys.exit(EXIT_TERMINATED if error.signal == signal.SIGTERM else EXIT_INTERRUPTED)
    _tell(invocation, summary, request)
    if settings.pages.out is not None and not request.dry_run:
        from aggregator.pipeline.site_out import is_due, refresh

        if is_due(settings, changed=summary.changed):
            refresh(settings, console.report, clock=clock.now)
    if fault is not None:
        raise fault
    return summary


def _asked(invocation: Invocation, settings: Settings, request: SyncRequest) -> Summary | None:
    """Have the daemon of this project do it, if one runs, and tell what it tells."""
    from aggregator.daemon.asks import Ask, ask_daemon
    from aggregator.store.files import store_error
    from aggregator.store.lock import daemon_runs

    if request.dry_run or not daemon_runs(settings.root):
        return None
    invocation.talk("the daemon of this project is asked to do it")
    wanted = Ask(sources=request.sources, force=request.force, no_cache=request.no_cache, limit=request.limit)
    try:
        answer = ask_daemon(settings.root, wanted)
    except OSError as error:
        raise store_error("write", settings.root, "state/asks", error) from error
    if answer is None:
        invocation.talk("it has ended meanwhile")
        return None
    with Console(invocation) as console:
        for event in answer.events:
            console.report(event)
    if answer.summary is None:
        raise AggregatorError(f"the daemon could not do it: {answer.error}")
    _tell(invocation, answer.summary, request)
    if answer.error is not None:
        raise StoreError(answer.error, path=settings.root)
    return answer.summary


def _is_without_state(settings: Settings) -> bool:
    """Tell whether there is no state yet, as far as that is seen without SQLAlchemy: where it is a file of our own."""
    address = settings.state.url.reveal()
    path = settings.root / address.removeprefix(_SQLITE)
    return address.startswith(_SQLITE) and not os.path.exists(path)  # noqa: PTH110 - told later where nobody may look


def _tell(invocation: Invocation, summary: Summary, request: SyncRequest) -> None:
    if invocation.json:
        print_json(summary)
    if not summary.sources:
        invocation.warn(
            "there is no source to poll. Add one: aggregator source add ADDRESS (of a feed, or of a page that has one)"
        )
    elif not summary.due:
        written = f"; {count(summary.outputs, 'file')} published" if summary.outputs else ""
        invocation.talk(f"nothing is due among {count(summary.sources, 'source')}{written} (--force polls all the same)")
    else:
        invocation.talk(summary_line(summary))
        if summary.failed == summary.due:
            advice = "is this machine online? `aggregator demo` works offline" if summary.offline else "see: aggregator status"
            invocation.warn(f"every source that was due has failed; nothing stored was touched. {advice}")
    upcoming = next_line(summary, request.now)
    if upcoming:
        invocation.talk(upcoming)
    _tell_ci(summary)


def _tell_ci(summary: Summary) -> None:
    """Tell a CI job what it asks for by these variables: outputs, and a summary in Markdown."""
    outputs, page = os.environ.get("GITHUB_OUTPUT"), os.environ.get("GITHUB_STEP_SUMMARY")
    if outputs:
        with Path(outputs).open("a", encoding="utf-8") as file:
            file.write(f"changed={'true' if summary.changed else 'false'}\n")
    if page:
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(f"### aggregator sync\n\n{summary_line(summary)}\n")


def _choose(invocation: Invocation, settings: Settings, sources: tuple[str, ...], category: str | None) -> tuple[str, ...]:
    known = {source.id: source for source in settings.sources}
    for source_id in sources:
        if source_id not in known:
            raise no_such_source(invocation, source_id, known)
    if category is None:
        return sources
    path = tuple(part for part in category.split("/") if part)
    chosen = tuple(
        source.id
        for source in settings.sources
        if source.categories[: len(path)] == path and not source.paused and (not sources or source.id in sources)
    )
    if not chosen:
        raise click.UsageError(f"no source stands in the category {category!r}. See: aggregator source list")
    return chosen


def _exit_code(summary: Summary, *, strict: bool, changed_exit: int | None) -> int:
    if summary.due and summary.failed == summary.due:
        return EXIT_ALL_FAILED
    if summary.refused or summary.still_in or (strict and summary.failed):
        return EXIT_PARTIAL
    return changed_exit if changed_exit is not None and summary.changed else EXIT_OK
