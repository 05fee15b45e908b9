"""`aggregator import hexo`: the posts of an old RSSHub-to-Hexo site are adopted where they are; none of their bytes changes."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.foreign import as_json, shown_text
from aggregator.cli.project import load
from aggregator.errors import ConfigError, Problem
from aggregator.model.settings import Settings, join_category

if TYPE_CHECKING:
    from aggregator.model.poll import Event
    from aggregator.pipeline.adopting import Adoption, AdoptionPlan

_NAMED = 50  #: files that are told one by one
_COLUMNS = 400
_TWICE = "but {} has the same title. If it is the same entry, delete that file, then: aggregator build"
_WORKERS = 2


@click.command("hexo")
@click.argument("site", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--dry-run", is_flag=True, help="Show the table; write nothing.")
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object on stdout.")
@pass_invocation
def import_hexo(invocation: Invocation, site: Path, dry_run: bool, json_: bool) -> None:
    """Adopt the posts of an old RSSHub-to-Hexo site where they are.

    DIR is the site's folder. Posts stay byte for byte and under their names, so their addresses stay; what they do not say
    goes to archive/adopted/. From then on they stand in the feeds, and upstream's entries that are one of them are not
    written again.

    Exit codes: 0 every post of the old generator is adopted, 1 some cannot be read (each is named), 2 wrong usage,
    3 configuration invalid or not for this site, 5 a file cannot be read or written, 6 another run holds the project.
    """
    _check_config(invocation, site)
    settings = load(invocation)
    _check_place(invocation, settings, site)
    plan = _look(settings) if dry_run else _adopt(invocation, settings)
    if json_ or invocation.json:
        click.echo(as_json(_plain(plan)))
    else:
        _show(plan)
    _tell(invocation, settings, plan, dry_run=dry_run)
    from aggregator.pipeline.adopting import UNREADABLE

    if plan.count(UNREADABLE):
        raise SystemExit(EXIT_PARTIAL)


def _check_config(invocation: Invocation, site: Path) -> None:
    """Say what to do first in a site that has no configuration of ours. Raises ConfigError."""
    if not (invocation.config / "settings.yaml").exists():
        where = quote(os.path.relpath(site))
        raise _refusal("there is no configuration here yet", hint=f"make one: aggregator init {where} --engine hexo")


def _check_place(invocation: Invocation, settings: Settings, site: Path) -> None:
    """Refuse unless our posts are, or will be, where the site's are. Raises ConfigError."""
    theirs = (site / "source" / "_posts").resolve()
    if not theirs.is_dir():
        raise click.UsageError(f"{site} is no Hexo site with posts: it has no folder source/_posts")
    ours = (settings.root / settings.posts.dir).resolve()
    if ours == theirs or theirs in ours.parents:
        return
    wanted = os.path.relpath(theirs, invocation.root.resolve())
    raise _refusal(
        f'posts.dir is "{settings.posts.dir}", but the posts to adopt are in {wanted}, and they stay there',
        hint=f"set posts: {{dir: {wanted}}} (the profile volantis writes new posts in the look of the old ones)",
    )


def _refusal(message: str, *, hint: str) -> ConfigError:
    return ConfigError((Problem(file="config/settings.yaml", line=None, column=None, message=message, hint=hint),))


def _look(settings: Settings) -> AdoptionPlan:
    """Return the plan; no lock is taken and nothing written, not even a state."""
    from aggregator.pipeline.effective import effective
    from aggregator.pipeline.jobs import posts_place
    from aggregator.pipeline.moving_in import plan_moving_in
    from aggregator.store.ledger import FILE_NAME, Ledger
    from aggregator.workers import Workers

    ledger = Ledger.load(settings.root / FILE_NAME)
    place = posts_place(settings)

    async def run() -> AdoptionPlan:
        with Workers(_WORKERS) as workers:
            return await plan_moving_in(workers, place, effective(settings, ledger), ledger, clock.now())

    return asyncio.run(run())


def _adopt(invocation: Invocation, settings: Settings) -> AdoptionPlan:
    from aggregator.model.poll import Note
    from aggregator.pipeline.moving_in import move_in, plan_moving_in
    from aggregator.pipeline.project import open_project
    from aggregator.workers import Workers

    def report(event: Event) -> None:
        if isinstance(event, Note):
            invocation.talk(event.text)

    now = clock.now()
    with open_project(settings, report, now, jobs=_WORKERS) as project:

        async def run() -> AdoptionPlan:
            with Workers(_WORKERS) as workers:
                plan = await plan_moving_in(workers, project.place, project.settings, project.ledger, now)
                await move_in(project, workers, plan, report)
                return plan

        plan = asyncio.run(run())
        project.close_folders()
    return plan


def _show(plan: AdoptionPlan) -> None:
    """Print how many posts of each category become what."""
    from aggregator.cli.source import table
    from aggregator.pipeline.adopting import ADOPTED, THERE, TWIN

    columns = (ADOPTED, THERE, TWIN)
    numbers: dict[tuple[str, ...], Counter[str]] = {}
    for row in plan.rows:
        if row.what in columns:
            numbers.setdefault(row.categories, Counter())[row.what] += 1
    sources = {row.categories: row.source_id for row in plan.rows if row.source_id is not None}
    rows = [("CATEGORY", *(word.upper() for word in columns), "SOURCE")]
    for path, found in sorted(numbers.items()):
        source = f"{plan.homeless[path]} (not configured)" if path in plan.homeless else sources.get(path) or "-"
        rows.append((join_category(path) or "-", *(str(found[word]) for word in columns), source))
    if len(rows) > 1:
        for line in table(rows, None):
            click.echo(line.rstrip())


def _tell(invocation: Invocation, settings: Settings, plan: AdoptionPlan, *, dry_run: bool) -> None:
    """Say on stderr what the table cannot: files that are left alone and why, dates, and what to do next."""
    from aggregator.pipeline.adopting import ADOPTED, FOREIGN, KINDS, UNREADABLE

    folder = settings.posts.dir
    _name(invocation, [row for row in plan.rows if row.what == UNREADABLE], folder, always=True)
    left = [row for row in plan.rows if row.what not in {ADOPTED, UNREADABLE} and row.why is not None]
    _name(invocation, left, folder, always=False)
    adopted = [row for row in plan.rows if row.what == ADOPTED]
    if naive := sum(row.naive for row in adopted):
        invocation.talk(f"{count(naive, 'date')} without a zone, read as {settings.site.timezone} (site.timezone)")
    if undated := sum(row.undated for row in adopted):
        day = f"{plan.stand_in:%Y-%m-%d}"
        why = "that of the oldest one with a date" if plan.is_dated else "the day that stands for posts of which none has one"
        invocation.talk(f"{count(undated, 'post')} without a date that can be true, dated {day}: {why}")
    if hidden := sum(row.hidden for row in adopted):
        invocation.talk(f"{count(hidden, 'post')} whose name begins with _: adopted for the feeds; Hexo passes such files over")
    twice = [replace(row, why=_TWICE.format(f"{folder}/{row.beside}")) for row in adopted if row.beside is not None]
    _name(invocation, twice, folder, always=True)
    for path, names in sorted(plan.shared.items()):
        invocation.talk(
            f"{join_category(path)}: the category of {', '.join(names)}; its old posts count as those of {names[0]}"
        )
    for path, source_id in sorted(plan.homeless.items()):
        known = f"aggregator source add URL --id {quote(source_id)} --category {quote(join_category(path))}"
        invocation.talk(f"{join_category(path)}: no source has this category. To go on with it: {known}")
    numbers = ", ".join(f"{number} {what}" for what in KINDS if (number := plan.count(what)) or what == ADOPTED)
    unchanged = "; nothing was written" if dry_run else "; no post was changed"
    invocation.talk(f"{count(len(plan.rows), 'file')}: {numbers}{unchanged}")
    if adopted and not dry_run:
        invocation.talk("wrote archive/adopted/: commit it with the posts; next: aggregator sync")
    if any(row.what == FOREIGN for row in plan.rows):
        invocation.talk("what is not of the generator stays yours: it is neither published nor written")


def _name(invocation: Invocation, rows: list[Adoption], folder: Path, *, always: bool) -> None:
    say = invocation.warn if always else invocation.talk
    for row in rows[:_NAMED]:
        say(shown_text(f"{folder}/{row.path}: {row.what}: {row.why}", _COLUMNS))
    if len(rows) > _NAMED:
        say(f"{len(rows) - _NAMED:,} more such files (--json names them)")


def _plain(plan: AdoptionPlan) -> dict[str, Any]:
    return {
        "posts": [
            {
                "path": row.path,
                "what": row.what,
                "why": row.why,
                "key": row.key,
                "id": row.id,
                "title": row.title,
                "source": row.source_id,
                "categories": list(row.categories),
                "undated": row.undated,
                "naive": row.naive,
            }
            for row in plan.rows
        ],
        "without_source": [{"categories": list(path), "id": name} for path, name in sorted(plan.homeless.items())],
        "several_sources": [{"categories": list(path), "sources": list(names)} for path, names in sorted(plan.shared.items())],
        "stand_in": plan.stand_in.isoformat(),
    }
