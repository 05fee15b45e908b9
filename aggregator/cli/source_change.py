"""`aggregator source pause`, `resume`, `remove`, `rename`: one key of a sources file changes, and every other byte stays.

The project is locked for the change, what the files would then say is found good before any of them is written, and what
the ledger has to know goes there first. Posts are never touched.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import click

from aggregator.cli import Invocation, clock, pass_invocation
from aggregator.cli.console import count
from aggregator.cli.exits import EXIT_PARTIAL
from aggregator.cli.project import check_addresses, no_such_source, state_to_read
from aggregator.errors import StoreError
from aggregator.model.fetched import HostState
from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import all_names, effective, former_names, identity, renaming
from aggregator.settings import Loaded
from aggregator.settings import load as load_with_origins
from aggregator.settings.edit import remove_source, rename_source, save, set_flag
from aggregator.settings.kinds import UnfitError, parse_source_id
from aggregator.store.ledger import FILE_NAME, Gone, Ledger, Renamed
from aggregator.store.lock import project_lock


@dataclass(slots=True, kw_only=True)
class _Project:
    """The configuration and the ledger, and what the files are about to hold."""

    invocation: Invocation
    loaded: Loaded
    ledger: Ledger
    settings: Settings  #: effective
    pending: dict[Path, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, invocation: Invocation) -> _Project:
        loaded = load_with_origins(invocation.root, invocation.config, os.environ)
        ledger = Ledger.load(invocation.root / FILE_NAME)
        return cls(invocation=invocation, loaded=loaded, ledger=ledger, settings=effective(loaded.settings, ledger))

    def find(self, name: str) -> Source:
        """Return a source by its key in the configuration. Raises UsageError."""
        known = {source.name: source for source in self.settings.sources}
        if name not in known:
            raise no_such_source(self.invocation, name, known)
        return known[name]

    def place(self, name: str) -> str:
        """Return `file:line` of a source."""
        return self.loaded.origins["sources", name]

    def file(self, name: str) -> Path:
        """Return the file that a source stands in."""
        return self.invocation.root / self.place(name).rpartition(":")[0]

    def check(self, ledger: Ledger) -> None:
        """Refuse what the files are about to hold, if it is no valid configuration. Raises ConfigError."""
        after = load_with_origins(self.invocation.root, self.invocation.config, os.environ, self.pending)
        check_addresses(after.settings, self.invocation)
        effective(after.settings, ledger)
        self.loaded = after  # from now on, places are those of the new text

    def write(self) -> None:
        """Put the changed files in place. Raises StoreError."""
        for path, content in self.pending.items():
            save(path, content)


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


@click.command("pause")
@click.argument("source_ids", nargs=-1, required=True, metavar="ID...")
@pass_invocation
def pause(invocation: Invocation, source_ids: tuple[str, ...]) -> None:
    """Write `paused: true` into the configuration: these sources are not polled until they are resumed.

    Their posts stay on disk and in the feeds. `sync ID` polls a paused source all the same.

    Exit codes: 0 they are paused now, 2 there is no such source, 3 configuration invalid, 5 a file cannot be written,
    6 another run holds the project.
    """
    with project_lock(invocation.root):
        project = _Project.read(invocation)
        found = [project.find(name) for name in _unique(source_ids)]
        for source in found:
            if not source.paused:
                path = project.file(source.name)
                project.pending[path] = set_flag(path, source.name, "paused", value=True, content=project.pending.get(path))
        project.check(project.ledger)
        project.write()
    for source in found:
        if source.paused:
            invocation.talk(f"{source.name} is paused already ({project.place(source.name)}); nothing to do")
        else:
            invocation.talk(
                f"{source.name}: paused ({project.place(source.name)}); its posts stay."
                f" Poll it again: aggregator source resume {source.name}"
            )


@click.command("resume")
@click.argument("source_ids", nargs=-1, required=True, metavar="ID...")
@pass_invocation
def resume(invocation: Invocation, source_ids: tuple[str, ...]) -> None:
    """Poll sources again: those that are paused in the configuration, and those whose server said that they are gone (410).

    Exit codes: 0 they are polled again, 2 there is no such source, 3 configuration invalid, 5 a file cannot be written,
    6 another run holds the project.
    """
    with project_lock(invocation.root):
        project = _Project.read(invocation)
        found = [project.find(name) for name in _unique(source_ids)]
        for source in found:
            if source.paused:
                path = project.file(source.name)
                project.pending[path] = set_flag(path, source.name, "paused", value=False, content=project.pending.get(path))
        project.check(project.ledger)
        gone = {source.id for source in found if source.gone is not None}
        project.ledger.drop(*(line for line in project.ledger.of(Gone) if line.source in gone))
        project.write()
    known, hosts = _learned(project.settings)
    for source in found:
        invocation.talk(_resumed(project, source, known.get(source.id), hosts, clock.now()))


def _learned(settings: Settings) -> tuple[dict[str, SourceState], dict[str, HostState]]:
    with state_to_read(settings) as state:
        return ({}, {}) if state is None else (state.sources(), state.hosts())


def _resumed(
    project: _Project, source: Source, known: SourceState | None, hosts: dict[str, HostState], current: datetime
) -> str:
    """Say what was done, and when the source is polled next."""
    from aggregator.pipeline.planning import upcoming
    from aggregator.schedule import describe

    if not source.paused and source.gone is None:
        done = "is neither paused nor gone; nothing to do"
    else:
        done = "resumed"
        if source.paused:
            done += f", no longer paused ({project.place(source.name)})"
        if source.gone is not None:
            done += f"; what the ledger said is struck out: gone since {source.gone:%Y-%m-%d} (410)"
    coming = upcoming(replace(source, paused=False, gone=None), known, hosts, current)
    if coming.at is None or coming.is_due(current):
        return f"{source.name}: {done}. It is due now ({coming.reason}): aggregator sync"
    when = coming.at.astimezone().strftime("%Y-%m-%d %H:%M")
    return f"{source.name}: {done}. Next poll: {when}, in {describe(coming.at - current)} ({coming.reason})"


@click.command("remove")
@click.argument("source_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def remove(invocation: Invocation, source_id: str, yes: bool) -> None:
    """Take a source out of the configuration. Its posts stay on disk and in the feeds, and this says how many they are.

    Added again under the same id it goes on where it was: its posts are known, none comes twice.

    Exit codes: 0 removed, 1 not confirmed, 2 there is no such source, 3 configuration invalid, 5 a file cannot be written,
    6 another run holds the project.
    """
    project = _Project.read(invocation)
    source = project.find(source_id)
    with state_to_read(project.settings) as state:
        posts = 0 if state is None else state.count(source.id)
    invocation.warn(_left_behind(project, source, posts))
    if not yes:
        _confirm(invocation, source_id)
    with project_lock(invocation.root):
        project = _Project.read(invocation)
        place = project.place(project.find(source_id).name)
        path = project.file(source_id)
        project.pending[path] = remove_source(path, source_id)
        project.check(project.ledger)
        project.write()
    invocation.talk(f"{source_id}: removed from {place}")


def _left_behind(project: _Project, source: Source, posts: int) -> str:
    """Say what stays when a source goes."""
    from aggregator.store.paths import post_folder

    head = f"{source.name} ({project.place(source.name)}) has {count(posts, 'post')}"
    if not posts:
        return f"{head}."
    them, folder = ("It stays", "its file") if posts == 1 else ("They stay", "their files")
    return (
        f"{head}. {them} on disk and in the feeds. To take {'it' if posts == 1 else 'them'} out: delete {folder} "
        f'(in {project.settings.posts.dir}/{post_folder(source.categories)}/, with "id: {source.id}" below "source:"), '
        "then: aggregator build --accept-deletions"
    )


def _confirm(invocation: Invocation, source_id: str) -> None:
    """Ask, or leave with exit 1 where there is nobody to ask."""
    if not sys.stdin.isatty():
        invocation.warn("nothing was removed: there is no terminal to ask at. Say that you mean it: --yes")
        sys.exit(EXIT_PARTIAL)
    if not click.confirm(f"Remove {source_id} from the configuration?", err=True):
        invocation.warn("nothing was removed")
        sys.exit(EXIT_PARTIAL)


@click.command("rename")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@pass_invocation
def rename(invocation: Invocation, old: str, new: str) -> None:
    """Give a source another id in the configuration. Its posts, their files and their ids stay as they are.

    The ledger remembers the first id, which all of them derive from, so nothing is polled early and no entry comes twice.
    A source may take a former id of its own again, but none that another source has or had.

    Exit codes: 0 it has that id now, 2 there is no source OLD, or NEW is taken or no id, 3 configuration invalid, 5 a file
    cannot be written, 6 another run holds the project.
    """
    try:
        parse_source_id(new)
    except UnfitError as error:
        hint = f": {error.hint}" if error.hint else ""
        raise click.UsageError(f'"{new}" {error.reason}{hint}') from None
    with project_lock(invocation.root):
        project = _Project.read(invocation)
        source = project.find(old)
        if old == new:
            invocation.talk(f"{old} has that id already ({project.place(old)}); nothing to do")
            return
        _check_free(project, source, new)
        path = project.file(old)
        project.pending[path] = rename_source(path, old, new)
        place = project.place(old)
        _rename(project, source, new)
        with state_to_read(project.settings) as state:
            posts = 0 if state is None else state.count(source.id)
    stay = f" Its {count(posts, 'post')}, and their ids, stay as they are." if posts else ""
    invocation.talk(f"{old} is {new} now ({place}).{stay}")
    if new != source.id:
        invocation.talk(f'{FILE_NAME} remembers that it was "{source.id}" first: keep it together with the configuration')


def _check_free(project: _Project, source: Source, new: str) -> None:
    """Refuse an id that would make one source of two. Raises UsageError."""
    former = former_names(project.ledger.of(Renamed))
    if ("sources", new) in project.loaded.origins:
        raise click.UsageError(f'"{new}" is taken: it is the id of another source ({project.place(new)}). Choose another')
    own = identity(new, former)
    if own == source.id:
        return
    if len(names := all_names(own, former)) > 1:
        heir = next((each.name for each in project.settings.sources if each.id == own), None)
        whose = (
            f'the source "{heir}" had it before' if heir else f"a source that was removed has had the ids {', '.join(names)}"
        )
        raise click.UsageError(f'"{new}" is taken: {whose} ({FILE_NAME}), and its posts belong to it. Choose another')
    with state_to_read(project.settings) as state:
        posts = 0 if state is None else state.count(new)
    if posts:
        raise click.UsageError(
            f'"{new}" is taken: {count(posts, "post")} of a source that was removed belong to it. Choose another'
        )


def _rename(project: _Project, source: Source, new: str) -> None:
    """Write the ledger, then the configuration; whatever comes between them, the source keeps its identity.

    Raises:
        StoreError: nothing was changed.
    """
    former = former_names(project.ledger.of(Renamed))
    line = renaming(source.id, new, former, clock.now())
    lines = () if line is None else (line,)
    project.check(Ledger(project.ledger.path, (*project.ledger.lines, *lines)))
    project.ledger.add(*lines)
    try:
        project.write()
    except StoreError:
        with suppress(StoreError):  # a name too many in the ledger does no harm; the first error is the one to tell
            project.ledger.drop(*lines)
        raise
