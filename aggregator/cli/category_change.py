"""`aggregator category rename`: the ledger, then the configuration, then the posts, then the feeds; repeated, it finishes.

Everything that reads the project understands it at every moment in between, but for one: with the ledger written and the
configuration not, a run refuses the old name and says how to go on.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.build import tell_posts
from aggregator.cli.category import category_path, find_category, frames_of
from aggregator.cli.console import Console, count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.ping import tell_waiting
from aggregator.cli.project import check_addresses, load
from aggregator.errors import StoreError
from aggregator.model.renames import Renames, is_below
from aggregator.model.settings import Settings, join_category
from aggregator.pipeline.effective import category_renames, effective
from aggregator.pipeline.gone import unmounted_error
from aggregator.pipeline.project import Project, open_project
from aggregator.pipeline.publishing import publish_what_changed
from aggregator.pipeline.rewriting import Tally, rewrite_posts
from aggregator.pipeline.site_out import refresh
from aggregator.settings import load as load_with_origins
from aggregator.settings.edit import save
from aggregator.settings.edit_categories import rename_category
from aggregator.store.ledger import FILE_NAME, Ledger, Renamed
from aggregator.store.lock import project_lock
from aggregator.workers import Workers

_Path = tuple[str, ...]


@click.command("rename")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@pass_invocation
def rename(invocation: Invocation, old: str, new: str, jobs: int) -> None:
    """Give a category, and with it everything below it, another name. Its feed goes on, for all who subscribe to it.

    OLD and NEW are whole paths with parts joined by /. The configuration is changed in place; posts that nobody edited are
    written anew, those that somebody did stay and are published under the new name all the same. The feed keeps its id, and
    its old address leads to the new one. Where a site engine puts categories into the addresses of pages, as Jekyll does, the
    pages move. If this is interrupted, the same command finishes it.

    Exit codes: 0 done, 1 a feed was refused, 2 there is no category OLD, or NEW is taken or no path, 3 configuration invalid
    or not to be changed by a program, 5 a file cannot be written or posts look unmounted, 6 another run holds the project.
    """
    source, target = category_path(old, "OLD"), category_path(new, "NEW")
    if source == target:
        raise click.UsageError(f'"{join_category(source)}" is its name already')
    with project_lock(invocation.root):
        change = _Change.read(invocation, source, target)
        change.write()
    for path, places in change.changed.items():
        shown = os.path.relpath(path, invocation.root)
        invocation.talk(f"{shown}: {join_category(source)} is {join_category(target)} now, at {count(places, 'place')}")
    _bring_posts_along(invocation, target, jobs)


def _bring_posts_along(invocation: Invocation, target: _Path, jobs: int) -> None:
    """Write posts and feeds under the new name, and say what became of them."""
    settings = load(invocation)
    with Console(invocation) as console, open_project(settings, console.report, clock.now(), jobs=jobs) as project:

        async def run() -> Tally:
            with Workers(jobs) as workers:
                tally = await rewrite_posts(project, workers, console.report, _leaves(project, target))
                await publish_what_changed(project, workers, console.report)
                return tally

        tally = asyncio.run(run())
        project.close_folders()
        tell_waiting(invocation, project)
    refresh(settings, console.report, clock=clock.now)
    tell_posts(invocation, settings.posts.dir.as_posix(), tally)
    for frame in frames_of(project.settings):
        if frame.category == target and frame.former:
            invocation.talk(f"{frame.former[0]} leads to {frame.path} now, below it as well; the feed keeps its id")
    if settings.posts.profile == "jekyll" and tally.written:
        invocation.warn(
            "note: Jekyll's addresses hold the categories: the pages of these posts move when the site is built, unless"
            " `permalink` in _config.yml does without :categories"
        )
    invocation.talk(f"{FILE_NAME} remembers the old name: keep it together with the configuration")
    if project.unmounted:
        raise unmounted_error(project)
    if project.outputs_refused or project.still_in:
        sys.exit(EXIT_PARTIAL)


def _leaves(project: Project, target: _Path) -> list[_Path]:
    """Return the former names under which posts are stored that stand in the category now."""
    current = project.settings.renamed.current
    return [leaf for leaf in project.state.leaves() if current(leaf) != leaf and is_below(current(leaf), target)]


@dataclass(slots=True, kw_only=True)
class _Change:
    """What the ledger and the files of the configuration are about to say."""

    ledger: Ledger
    line: Renamed | None  #: None: it is there already, from a run that was interrupted
    pending: dict[Path, bytes]
    changed: dict[Path, int]  #: places in each file

    @classmethod
    def read(cls, invocation: Invocation, old: _Path, new: _Path) -> _Change:
        """Find out what must change, and that it can. Raises UsageError, ConfigError."""
        ledger = Ledger.load(invocation.root / FILE_NAME)
        loaded = load_with_origins(invocation.root, invocation.config, os.environ)
        line = None
        if not _is_begun(category_renames(ledger.of(Renamed)), old, new):
            line = _line(ledger, effective(loaded.settings, ledger), old, new, clock.now())
        pending: dict[Path, bytes] = {}
        changed: dict[Path, int] = {}
        for path in _files(invocation.config):
            content, places = rename_category(path, os.path.relpath(path, invocation.root), old, new)
            if places:
                pending[path], changed[path] = content, places
        after = load_with_origins(invocation.root, invocation.config, os.environ, pending)
        check_addresses(after.settings, invocation)
        lines = ledger.lines if line is None else (*ledger.lines, line)
        _check_meeting(effective(after.settings, Ledger(ledger.path, lines)), new)
        return cls(ledger=ledger, line=line, pending=pending, changed=changed)

    def write(self) -> None:
        """Put the ledger's line, then the files in place. Raises StoreError: then the same command goes on from there."""
        written = 0
        if self.line is not None:
            self.ledger.add(self.line)
        try:
            for path, content in self.pending.items():
                save(path, content)
                written += 1
        except StoreError:
            if self.line is not None and not written:
                with suppress(StoreError):  # the first error is the one to tell
                    self.ledger.drop(self.line)
            raise


def _is_begun(renamed: Renames, old: _Path, new: _Path) -> bool:
    """Tell whether the ledger says already that the one is now the other: the command was interrupted, or is repeated."""
    return renamed.current(old) == new and any((step.old, step.new) == (old, new) for step in renamed.steps)


def _line(ledger: Ledger, settings: Settings, old: _Path, new: _Path, now: datetime) -> Renamed:
    """Return what the ledger is to remember. Raises UsageError where that cannot be."""
    frames = frames_of(settings)
    frame = find_category(settings, frames, old)
    if is_below(new, old):
        raise click.UsageError(f'"{join_category(new)}" is below "{join_category(old)}": a category cannot be put into itself')
    own = (old, frame.category, *frame.also)  # a spelling that already is this feed's may become its name
    others = (name for each in frames for name in (each.category, *each.also) if not any(is_below(name, top) for top in own))
    if any(is_below(name, new) for name in others):
        raise click.UsageError(
            f'"{join_category(new)}" is taken: that category has a feed and subscribers of its own, and two feeds cannot become'
            " one. To put sources there, change their `categories`, then: aggregator build --posts"
        )
    owner = settings.renamed.current(new)
    if owner not in {new, old}:
        raise click.UsageError(
            f'"{join_category(new)}" is taken: "{join_category(owner)}" was called that before ({FILE_NAME}), and'
            " whoever subscribed to it then is led there. Choose another name"
        )
    # To the second, and in order: the order is what the lines mean.
    before = max((line.at for line in ledger.of(Renamed) if line.what == "category"), default=None)
    at = now if before is None else max(now, before + timedelta(seconds=1))
    return Renamed(what="category", old=join_category(old), new=join_category(new), at=at, file=frame.path)


def _check_meeting(settings: Settings, new: _Path) -> None:
    """Refuse a name whose feed would lie where that of other posts lies. Raises UsageError."""
    for frame in frames_of(settings):
        names = (frame.category, *frame.also)
        ours = [name for name in names if is_below(name, new)]
        other = next((name for name in names if name not in ours), None)
        if ours and other is not None:
            raise click.UsageError(
                f'"{join_category(ours[0])}" would be published as {frame.path}, and "{join_category(other)}" is there already.'
                " Choose another name, or give it a slug in categories.yaml"
            )


def _files(config: Path) -> list[Path]:
    """Return the files that may hold category paths."""
    found = [path for path in (config / "sources").glob("*.y*ml") if path.suffix in {".yaml", ".yml"} and path.name[0] != "."]
    own = config / "categories.yaml"
    return [*sorted(found), *([own] if own.exists() else [])]
