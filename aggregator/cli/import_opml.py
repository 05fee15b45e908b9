"""`aggregator import opml`: the feeds of an OPML list become sources, or are refused with their line.

The list is read in a worker process that may be killed; what it says is then held against the configuration. Only one file
below config/sources/ is ever written, and only if something is new.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Invocation, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.foreign import shown_address
from aggregator.cli.project import load_whole
from aggregator.cli.sources_file import category_option, file_name, gained
from aggregator.errors import AggregatorError

if TYPE_CHECKING:
    from aggregator.opml import Plan, Row
    from aggregator.parse.opml import OpmlList

_NOTES = 50  #: on the list itself that are told one by one


@click.command("opml")
@click.argument("file", metavar="FILE", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Show the table and the YAML; write nothing.")
@click.option("--into", metavar="NAME", default="opml", help="Write to config/sources/NAME.yaml. [default: opml]")
@click.option("--category", metavar="PATH", help="Category of feeds that stand in no folder. [default: inbox]")
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object on stdout.")
@pass_invocation
def import_opml(invocation: Invocation, file: Any, dry_run: bool, into: str, category: str | None, json_: bool) -> None:
    """Add the feeds of an OPML list as sources; folders become categories. FILE may be - for standard input.

    Exit codes: 0 every feed is there now, 1 some lines or the whole list refused (each is named), 2 wrong usage,
    3 configuration invalid, 6 another run holds the project.
    """
    target = invocation.config / "sources" / file_name(into)
    home = category_option(category)
    listing = read_list(file)
    wanted = _Import(invocation=invocation, target=target, category=home, listing=listing)
    if dry_run:
        plan, added = wanted.prepare()
    else:
        from aggregator.store.lock import project_lock

        with project_lock(invocation.root):
            plan, added = wanted.prepare()
            if added is not None:
                wanted.write(added)
    if json_ or invocation.json:
        click.echo(json.dumps(_plain(plan, listing, target, added if dry_run else None), ensure_ascii=False, indent=2))
    else:
        _show(plan, added if dry_run else None, target)
    _tell(invocation, plan, listing, target if added is not None and not dry_run else None)
    if listing.broken is not None or any(row.what == "refused" for row in plan.rows):
        raise SystemExit(EXIT_PARTIAL)


def read_bounded(body: bytes) -> OpmlList | str:
    """Read a list within a feed's own time, in a worker; return why it is none, where it is none."""
    from aggregator.parse.opml import NotOpmlError, read_opml
    from aggregator.workers import arm_deadline, disarm_deadline

    arm_deadline()
    try:
        return read_opml(body)
    except NotOpmlError as error:
        return str(error)
    finally:
        disarm_deadline()


def read_list(file: Any) -> OpmlList:
    """Return what the file holds. Raises AggregatorError if it is no list, or one that cannot be read."""
    from aggregator.parse.opml import MAX_BYTES
    from aggregator.workers import WorkerDiedError, Workers

    try:
        body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise click.FileError(file.name, hint=error.strerror or str(error)) from error
    try:
        with Workers(1) as workers:
            found = asyncio.run(workers.run(read_bounded, body))
    except WorkerDiedError as error:
        raise AggregatorError(f"{file.name}: the list {error}; nothing was imported") from error
    if isinstance(found, str):
        raise AggregatorError(f"{file.name}: {found}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """What was asked for."""

    invocation: Invocation
    target: Path
    category: tuple[str, ...] | None
    listing: OpmlList

    def prepare(self) -> tuple[Plan, bytes | None]:
        """Return the plan and what the file would hold; None where nothing is new. Raises ConfigError."""
        from aggregator.catalogue import DEFAULT_CATEGORY
        from aggregator.opml import plan_import
        from aggregator.pipeline.effective import with_renames
        from aggregator.settings.edit import add_sources
        from aggregator.store.ledger import FILE_NAME, Ledger

        loaded = load_whole(self.invocation)
        settings = with_renames(loaded.settings, Ledger.load(self.invocation.root / FILE_NAME))
        plan = plan_import(self.listing.feeds, settings, loaded.bases, category=self.category or DEFAULT_CATEGORY)
        return plan, add_sources(self.target, plan.sources) if plan.sources else None

    def write(self, content: bytes) -> None:
        """Put the file in place, once the whole configuration was found good with it."""
        from aggregator.settings.edit import save

        save(self.target, content)


def _show(plan: Plan, added: bytes | None, target: Path) -> None:
    """Print the table, and under --dry-run the lines that the file would gain."""
    from aggregator.cli.source import table

    if plan.rows:
        rows = [("LINE", "WHAT", "ID", "CATEGORY", "ADDRESS", "WHY"), *map(_cells, plan.rows)]
        for line in table(rows, None):
            click.echo(line.rstrip())
    if added is not None:
        click.echo(f"\n# {target.name}")
        click.echo(gained(target, added), nl=False)


def _cells(row: Row) -> tuple[str, ...]:
    from aggregator.model.settings import join_category

    why = "; ".join([row.why] if row.why else row.notes)
    return (
        str(row.line),
        row.what,
        row.id or "-",
        join_category(row.categories) or "-",
        shown_address(row.address) or "-",
        why,
    )


def _tell(invocation: Invocation, plan: Plan, listing: OpmlList, written: Path | None) -> None:
    """Say on stderr what the table cannot: notes on the list, where it broke, and what to do next."""
    from aggregator.model.settings import join_category
    from aggregator.opml import MERGED, NEW, REFUSED, THERE

    for note in listing.notes[:_NOTES]:
        invocation.talk(f"line {note.line}: {note.text}")
    if len(listing.notes) > _NOTES:
        invocation.talk(f"{len(listing.notes) - _NOTES:,} more such lines (--json names them)")
    if plan.homeless:
        stands = "feed stands" if plan.homeless == 1 else "feeds stand"
        where = join_category(plan.home)
        invocation.talk(f"{plan.homeless} {stands} in no folder: category {where} (--category names another)")
    for row in plan.rows:
        if row.what == REFUSED:
            invocation.warn(
                f"line {row.line}: refused: {row.why}" + (f"  ({shown_address(row.address)})" if row.address else "")
            )
    if listing.broken is not None:
        invocation.warn(
            f"line {listing.broken.line}: {listing.broken.text}. What stands above it was read, what stands below it was NOT: "
            "mend the file and import it again, which adds only what is missing"
        )
    numbers = ", ".join(f"{sum(row.what == what for row in plan.rows)} {what}" for what in (NEW, THERE, MERGED, REFUSED))
    invocation.talk(f"{count(len(plan.rows), 'feed')}: {numbers}")
    if written is not None:
        invocation.talk(f"wrote {os.path.relpath(written, invocation.root)}; next: aggregator sync")


def _plain(plan: Plan, listing: OpmlList, target: Path, added: bytes | None) -> Mapping[str, Any]:
    rows = [
        {
            "line": row.line,
            "what": row.what,
            "id": row.id,
            "title": row.title,
            "categories": list(row.categories),
            "address": shown_address(row.address),
            "why": row.why,
            "notes": list(row.notes),
        }
        for row in plan.rows
    ]
    broken = listing.broken
    data: dict[str, Any] = {
        "file": target.name,
        "feeds": rows,
        "notes": [{"line": note.line, "text": note.text} for note in listing.notes],
        "broken": None if broken is None else {"line": broken.line, "text": broken.text},
    }
    return data if added is None else data | {"yaml": gained(target, added)}
