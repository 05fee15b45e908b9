"""`aggregator takedown`: entries that must not be published, now or ever."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import Console
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.ping import tell_waiting
from aggregator.cli.project import load, no_such_source
from aggregator.model.changes import PostRow
from aggregator.model.key import entry_key
from aggregator.model.settings import join_category
from aggregator.pipeline.cutting import cut_taken_down
from aggregator.pipeline.explaining import find_entries, same_page
from aggregator.pipeline.frames import plan_frames
from aggregator.pipeline.gone import line_of, take_down, unmounted_error
from aggregator.pipeline.project import Project, open_project
from aggregator.pipeline.publishing import publish_what_changed
from aggregator.pipeline.reading import Reading
from aggregator.pipeline.site_out import refresh
from aggregator.store.ledger import Alias, Deleted, Expired, Takedown
from aggregator.workers import Workers

_LISTED = 10


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--reason", help="Kept in the ledger; not published.")
@click.option(
    "--source", "source_name", metavar="NAME", help="ID is one that this source's upstream uses, with or without a post."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object on stdout.")
@pass_invocation
def takedown(
    invocation: Invocation, ids: tuple[str, ...], reason: str | None, source_name: str | None, yes: bool, json_: bool
) -> None:
    """Remove entries for good: their posts are deleted, the feeds say so (RFC 6721), and they never come back.

    ID is a post's key (12 characters), its file, an atom:id, an id that upstream uses, or a link, as for `explain`. It is
    written into ledger.jsonl before anything is removed: commit that file. With --source also an entry that has no post (yet)
    is kept out. To take the word back, delete the line.

    Exit codes: 0 they are taken down, or were before; 1 an ID means nothing or several entries, the question was not
    answered with yes, or an old feed still holds one and cannot be mended (it is named); 2 wrong usage, 3 configuration
    invalid, 5 something cannot be read or written, 6 another run holds the project.
    """
    settings, now = load(invocation), clock.now()
    with Console(invocation) as console, open_project(settings, console.report, now) as project:
        known = {line.key: line for line in project.ledger.of(Takedown)}
        lines, rows = _wanted(invocation, project, ids, source_name)
        fresh = [line for key, line in lines.items() if key not in known]
        _tell_twins(invocation, project, rows)
        if fresh and not yes and not _confirmed(invocation, fresh, rows):
            invocation.warn("nothing was changed (--yes does not ask)")
            sys.exit(EXIT_PARTIAL)
        fresh = [replace(line, reason=reason) for line in fresh]
        take_down(project, fresh, console.report)

        async def run() -> None:
            with Workers(1) as workers:
                await publish_what_changed(project, workers, console.report)

        asyncio.run(run())
        if not fresh:  # asked again: somebody has seen it somewhere
            cut_taken_down(project, plan_frames(project.settings, project.state.leaves()), console.report, again=True)
        project.close_folders()
        tell_waiting(invocation, project)
        fault = unmounted_error(project) if project.unmounted else next(iter(project.faults), None)
    refresh(settings, console.report, clock=clock.now)
    if json_ or invocation.json:
        done = {"taken_down": [line.key for line in fresh], "before": sorted(lines.keys() & known.keys())}
        click.echo(json.dumps(done, ensure_ascii=False))
    for key in sorted(lines.keys() & known.keys()):
        invocation.talk(f"{key}: was taken down on {known[key].at:%Y-%m-%d}; nothing to do")
    if fresh:
        invocation.talk(f"taken down: {', '.join(line.key for line in fresh)}. Commit ledger.jsonl: it is what keeps them out")
    if fault is not None:
        raise fault
    if project.still_in:
        sys.exit(EXIT_PARTIAL)


def _wanted(
    invocation: Invocation, project: Project, ids: Iterable[str], source_name: str | None
) -> tuple[dict[str, Takedown], dict[str, PostRow]]:
    """Return a line for each entry that is meant, by key, and the posts that there are; all of them or none."""
    reading = Reading(settings=project.settings, ledger=project.ledger, state=project.state, places={}, now=project.now)
    lines: dict[str, Takedown] = {}
    posts: dict[str, PostRow] = {}
    unclear = False
    for word in ids:
        if source_name is not None:
            line = _of_source(invocation, project, source_name, word)
            rows = project.state.find([line.key])
            lines[line.key] = line  # if there is a post, its own line comes in its place
        else:
            rows, gone = find_entries(reading, word)
            found = {row.key for row in rows} | {line.key for line in gone}
            if len(found) != 1:
                _tell_unclear(invocation, word, rows)
                unclear = True
                continue
            lines |= {line.key: _banned(line, project.now) for line in gone}
        posts |= {row.key: row for row in rows}
        lines |= {row.key: line_of(Takedown, row, project.now) for row in rows}
    if unclear:
        invocation.warn("nothing was changed")
        sys.exit(EXIT_PARTIAL)
    return lines, posts


def _of_source(invocation: Invocation, project: Project, name: str, entry_id: str) -> Takedown:
    source = next((source for source in project.settings.sources if source.name == name), None)
    if source is None:
        raise no_such_source(invocation, name, [source.name for source in project.settings.sources])
    ledger = project.ledger
    # The entry may be stored under another id than the one that upstream uses now.
    aliases = {line.id: line.key for line in ledger.of(Alias) if line.source == source.id}
    key = aliases.get(entry_id) or entry_key(source.id, entry_id)
    gone: tuple[Deleted | Takedown | Expired, ...] = (*ledger.of(Takedown), *ledger.of(Deleted), *ledger.of(Expired))
    for line in gone:
        if line.key == key:
            return _banned(line, project.now)
    return Takedown(source=source.id, id=entry_id, key=key, at=project.now, category=join_category(source.categories))


def _banned(line: Deleted | Takedown | Expired, now: datetime) -> Takedown:
    """Return the line for an entry of which only the ledger knows."""
    return Takedown(source=line.source, id=line.id, key=line.key, at=now, category=line.category, traits=line.traits)


def _tell_unclear(invocation: Invocation, word: str, rows: list[PostRow]) -> None:
    from aggregator.parse.refusal import printable

    if not rows:
        invocation.warn(
            f'nothing here is called "{printable(word)}". See: aggregator explain ID. An entry that has no post yet is named by'
            " the id that upstream uses: aggregator takedown --source NAME ID"
        )
        return
    invocation.warn(f'"{printable(word)}" means {len(rows)} entries; name one by its key:')
    for row in rows[:_LISTED]:
        invocation.warn(printable(f"  {row.key}  {row.title}  ({row.source_id})"))


def _tell_twins(invocation: Invocation, project: Project, rows: dict[str, PostRow]) -> None:
    """Say which other posts lead to the same page: what is taken down once may stand there twice."""
    from aggregator.parse.refusal import printable

    for row in same_page(project.state, rows.values()):
        if row.key not in rows:
            where = f"{project.settings.posts.dir}/{row.path}"
            invocation.warn(
                printable(f"note: {where} leads to the same page; it stays unless you name it too: {row.key} ({row.title})")
            )


def _confirmed(invocation: Invocation, lines: list[Takedown], rows: dict[str, PostRow]) -> bool:
    from aggregator.parse.refusal import printable

    if not sys.stdin.isatty():
        invocation.warn("there is no terminal to ask at")
        return False
    for line in lines:
        row = rows.get(line.key)
        click.echo(printable(f"{line.key}  {row.title if row else line.id}"), err=True)
    return click.confirm("Remove for good, and never publish again?", default=False, err=True)
