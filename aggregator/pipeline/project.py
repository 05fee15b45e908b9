"""An open project: its settings, its lock, its state and ledger, and which posts folders can be trusted.

The main process's side of the disk. A posts folder whose time is not the one stored was touched by somebody else (a hand,
git, a run that died): before anything is written there, its posts that the state does not know are adopted as they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from aggregator.errors import ConfigError, PlaceError, Problem, StoreError
from aggregator.model.changes import PostRow
from aggregator.model.key import atom_id
from aggregator.model.known import NOTHING_KNOWN
from aggregator.model.output import OutputFeed, Tombstone
from aggregator.model.poll import Event, Note
from aggregator.model.settings import Settings
from aggregator.pipeline.absent import Absences
from aggregator.pipeline.effective import effective, user_agent
from aggregator.pipeline.frames import outputs_of
from aggregator.pipeline.fresh import FreshKeys
from aggregator.pipeline.gone import (
    check_mounted,
    finish_takedowns,
    settle_absences,
    settle_lines,
    unmounted_error,
    without_gone,
)
from aggregator.pipeline.jobs import ARCHIVE, POSTS_PER_INDEX_JOB, Indexed, IndexJob, posts_place, run_index
from aggregator.pipeline.ledger_lost import check_ledger, note_ledger
from aggregator.pipeline.progress import Progress
from aggregator.pipeline.remembered import LedgerIndex, Remembered, own_feeds
from aggregator.pipeline.unfinished import settle
from aggregator.publish.addresses import FOLDER as FEEDS_FOLDER
from aggregator.store.files import make_durable, sweep_leftovers
from aggregator.store.ledger import FILE_NAME, Gone, Ledger, Line
from aggregator.store.lock import project_lock
from aggregator.store.opening import open_state
from aggregator.store.paths import post_folder
from aggregator.store.posts import ADOPTED, archive_path, list_adopted, list_pages, list_posts
from aggregator.store.profiles import get_profile
from aggregator.store.state import Batch, State
from aggregator.workers import WorkerDiedError, Workers

#: The kernel stamps files with a clock that may tick every 10 ms only: a folder's time tells of a change only when it is older.
_CLOCK_TICK_NS = 20_000_000
#: The folder of adopted posts' archive files among the posts folders, by a name that none of these can have.
_ADOPTED = f"../{ADOPTED}"
_MOST_FAULTS = 20


class Project:
    """One project folder, held by this process."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        ledger: Ledger,
        now: datetime,
        *,
        stamp: datetime | None = None,
        accept_deletions: bool = False,
        dry_run: bool = False,
    ) -> None:
        """Take the parts; see `open_project`."""
        self.now = now
        self.stamp = stamp or now  #: what is published of this run's own doings is dated with
        self.accept_deletions = accept_deletions
        self.dry_run = dry_run  #: nothing of posts, feeds and ledger is touched
        self.settings = settings
        self.state = state
        self.ledger = ledger
        self._said = LedgerIndex(ledger, settings.renamed)
        self._own_feeds: frozenset[str] | None = None
        self.place = posts_place(settings)
        self.public = settings.root / settings.public.dir
        self.adopted = 0  #: posts found and adopted by this run
        self.fresh = FreshKeys()  #: of posts that this run has written or found
        self.tells_all = False  #: also what earlier runs have said of posts that cannot be published
        self.told: set[str] = set()  #: what was said of posts: one may stand in several feeds
        self.deleted = 0  #: posts found deleted by hand by this run
        self.unmounted: dict[str, int] = {}  #: source id -> so many of its posts are missing that no hand deleted them
        self.misnamed: frozenset[str] = frozenset()  #: keys of posts that a hand has renamed so that they lack their keys
        self.faults: list[PlaceError] = []  #: of single places, told when all else is done
        self.outputs_written = 0
        self.outputs_refused = 0
        self.still_in: list[str] = []  #: files that hold what was taken down, and could not be mended
        self.is_untidy = False  #: a process died amid its work: what it was writing may lie about
        self.began_ns = time.time_ns() - _CLOCK_TICK_NS  #: what is older was not written by this run
        self._folders = state.folders()
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._touched: set[str] = set()  #: written to by this run
        self._seen: set[str] = set()  #: folders whose every post the state knows
        self._listed: dict[str, frozenset[str]] = {}  #: folder -> the paths of its posts, of those looked through
        self._absences: Absences | None = None

    @property
    def user_agent(self) -> str:
        """Return who we are, as upstreams should know us (RFC 9110 §10.1.5)."""
        return user_agent(self.settings)

    def outputs_of(self, categories: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        """Return the outputs that posts of these categories stand in."""
        return tuple(sorted({path for category in categories for path in outputs_of(self.settings, category)}))

    def remembered(self, source_id: str, *, indexed: bool) -> Remembered:
        """Return what is known of a source's entries.

        The state is not asked unless it was `indexed` before this run, or posts were found by it.
        """
        return self._said.of(source_id, self.state.known(source_id) if indexed or self.adopted else NOTHING_KNOWN)

    def own_feeds(self) -> frozenset[str]:
        """Return the atom:ids of the feeds that this site publishes or has published."""
        if self._own_feeds is None:
            self._own_feeds = own_feeds(self.settings, self.ledger, self.state.leaves())
        return self._own_feeds

    def gone_on_purpose(self) -> frozenset[str]:
        """Return the atom:ids of entries that were taken out of the archive by somebody."""
        return frozenset(atom_id(line.source, line.id) for lines in self._said.gone.values() for line in lines)

    def tombstones(self, frame: OutputFeed) -> tuple[Tombstone, ...]:
        """Return what a feed has to say of entries that were taken out lately, newest first."""
        found = {tombstone for path in (frame.category, *frame.also) for tombstone in self._said.tombstones.get(path, ())}
        return tuple(sorted(found, key=lambda tombstone: (tombstone.at, tombstone.id), reverse=True))

    def gone_keys(self) -> frozenset[str]:
        """Return the keys of those entries: whatever the state or the disk still holds of them is not published."""
        return frozenset(line.key for lines in self._said.gone.values() for line in lines)

    def note(self, lines: Iterable[Line]) -> None:
        """Write down what was learned for good, before anything rests on it. Raises StoreError."""
        if found := tuple(lines):
            self.ledger.add(*found)
            self._said = LedgerIndex(self.ledger, self.settings.renamed)

    def strike(self, lines: Iterable[Line]) -> None:
        """Strike out what is no longer so. Raises StoreError."""
        if found := tuple(lines):
            self.ledger.drop(*found)
            self._said = LedgerIndex(self.ledger, self.settings.renamed)

    def forget_gone(self, source_ids: Iterable[str]) -> None:
        """Strike out that these sources are gone: they have answered. Raises StoreError."""
        returned = set(source_ids)
        self.strike(line for line in self.ledger.of(Gone) if line.source in returned)

    def misses(self, source_id: str, report: Callable[[Event], None]) -> bool:
        """Tell whether so many of a source's posts are missing that their folder looks unmounted. Raises StoreError.

        Posts of its that a hand has deleted or moved are seen to. Knows of folders that were looked through only.
        """
        if self._absences is None and self._listed:
            known = self.state.known(source_id).values()
            if any(entry.path not in self._listed.get(entry.path.rpartition("/")[0], {entry.path}) for entry in known):
                self._absences = settle_absences(self, report)
        return source_id in self.unmounted

    def bear(self, fault: PlaceError, categories: tuple[str, ...] = ()) -> str:
        """Note that one place cannot be read or written, so that the run goes on without it; return it in words.

        The folder of these categories is looked through by the next run: posts may be there that were not told of.
        Raises the fault where so many came together that it is hardly one place.
        """
        self.faults.append(fault)
        self._seen.discard(post_folder(categories))
        if len(self.faults) > _MOST_FAULTS:
            raise fault
        return str(fault)

    # -- posts folders ----------------------------------------------------------------------------------------------

    async def look_through_open_folders(self, workers: Workers, report: Callable[[Event], None]) -> None:
        """Adopt what a run that died has left in the folders that it was writing to."""
        for folder, mtime in sorted(self._folders.items()):
            if mtime is None and folder != _ADOPTED:
                try:
                    await self._look_once(workers, folder, report)
                except PlaceError as fault:
                    self.bear(fault)
        await self.look_through_adopted(workers, report)

    async def look_through_folder(self, workers: Workers, categories: tuple[str, ...], report: Callable[[Event], None]) -> None:
        """Adopt unknown posts in a category's folder, once per run, if anybody but us has touched it."""
        former = [name for _, name in self.settings.renamed.earlier(categories)]
        for folder in {post_folder(name): None for name in (categories, *former)}:
            await self._look_once(workers, folder, report)

    async def look_through(self, workers: Workers, folder: str, report: Callable[[Event], None]) -> None:
        """Adopt unknown posts in one folder, once per run, if anybody but us has touched it."""
        await self._look_once(workers, folder, report)

    async def look_everywhere(self, workers: Workers, report: Callable[[Event], None]) -> None:
        """Adopt unknown posts in any folder that somebody has touched, and see to all that are missing. Raises StoreError."""
        try:
            for folder in sorted({path.rpartition("/")[0] for path, _ in list_posts(self.place.root)}):
                await self._look_once(workers, folder, report)
            await self.look_through_adopted(workers, report)
            self._absences = settle_absences(self, report)
        except PlaceError as fault:
            self.bear(fault)

    async def look_through_adopted(
        self, workers: Workers, report: Callable[[Event], None], *, again: Collection[str] | None = None
    ) -> int:
        """Index the adopted posts that the state does not know; returns how many there were.

        They are found by their archive files, which a run that died or another machine's commit may have brought. Without
        `again`, keys to be indexed whether known or not, they are looked for only if their folder was touched.
        """
        on_disk = _mtime(self._folder(_ADOPTED))
        if on_disk is None or (self._folders.get(_ADOPTED) == on_disk and again is None):
            return 0
        keys = list_adopted(self.place.archive)
        known = self.state.keys(keys)
        wanted = [key for key in keys if key not in known or key in (again or ())]
        rows = without_gone(self, await self.index(workers, [], report, adopted=wanted), report)
        self.state.save(Batch(rows=rows, open_folders=(_ADOPTED,), dirty_outputs=self.outputs_of({r.categories for r in rows})))
        self._touched.add(_ADOPTED)
        self._seen.add(_ADOPTED)
        self.adopted += len(rows)
        self.fresh.add(row.key for row in rows)
        return len(rows)

    async def _look_once(self, workers: Workers, folder: str, report: Callable[[Event], None]) -> None:
        if folder not in self._looks:
            self._looks[folder] = asyncio.ensure_future(self._look(workers, folder, report))
        # Shielded, since others wait for the same look when one visit is cancelled.
        await asyncio.shield(self._looks[folder])

    async def _look(self, workers: Workers, folder: str, report: Callable[[Event], None]) -> None:
        on_disk = _mtime(self.place.root / folder)
        self._seen.add(folder)
        if on_disk is None or self._folders.get(folder) == on_disk:
            if on_disk is None and folder in self._folders:
                self._listed[folder] = frozenset()
            return
        sweep_leftovers(self.place.root / folder, older_than_ns=self.began_ns)
        paths = {key: f"{folder}/{path}" for path, key in list_posts(self.place.root / folder, nested=False)}
        known = self.state.keys(list(paths))
        unknown = sorted(path for key, path in paths.items() if key not in known)
        adopted = {row.path for row in self.state.at(unknown)}  # under names that happen to end like a key
        unknown = [path for path in unknown if path not in adopted]
        self._touched.add(folder)
        self._listed[folder] = frozenset(f"{folder}/{path}" for path in list_pages(self.place.root / folder, nested=False))
        rows = without_gone(self, await self.index(workers, unknown, report), report) if unknown else ()
        if rows:
            dirty = self.outputs_of({row.categories for row in rows})
            self.state.save(Batch(rows=rows, open_folders=(folder,), dirty_outputs=dirty))
            self.adopted += len(rows)
            self.fresh.add(row.key for row in rows)
            posts = "1 post" if len(rows) == 1 else f"{len(rows)} posts"
            report(
                Note(text=f"{self.settings.posts.dir}/{folder}: {posts} found that the state did not know; kept as they are")
            )

    async def index(
        self, workers: Workers, paths: Sequence[str], report: Callable[[Event], None], *, adopted: Sequence[str] = ()
    ) -> tuple[PostRow, ...]:
        """Read posts into rows, in workers; what cannot be read is reported and left alone. `adopted` are keys."""
        width = POSTS_PER_INDEX_JOB
        jobs = [
            *(IndexJob(place=self.place, paths=tuple(paths[at : at + width])) for at in range(0, len(paths), width)),
            *(IndexJob(place=self.place, adopted=tuple(adopted[at : at + width])) for at in range(0, len(adopted), width)),
        ]
        rows: list[PostRow] = []
        progress = Progress(report, "posts are read", len(paths) + len(adopted))

        async def read(job: IndexJob) -> Indexed:
            result = await self._index_job(workers, job)
            progress.add(len(job.paths) + len(job.adopted))
            return result

        gone = self.gone_keys()  # an adopted post that was deleted leaves its archive file
        for result in await workers.each(read, jobs):
            rows.extend(result.rows)
            for _, reason in (pair for pair in result.unreadable if pair[0] not in gone):
                report(Note(text=f"{reason}; kept as it is, not published"))
        return tuple(rows)

    async def _index_job(self, workers: Workers, job: IndexJob) -> Indexed:
        """Index some posts; one that kills its worker is found by asking for each alone."""
        try:
            return await workers.run(run_index, job)
        except WorkerDiedError as error:
            if len(job.paths) == 1:
                return Indexed(rows=(), unreadable=((job.paths[0], f"{self.settings.posts.dir}/{job.paths[0]}: {error}"),))
            if len(job.adopted) == 1:
                return Indexed(rows=(), unreadable=((job.adopted[0], f"adopted post {job.adopted[0]}: {error}"),))
        each = [replace(job, paths=(path,)) for path in job.paths] + [replace(job, adopted=(key,)) for key in job.adopted]
        alone = [await self._index_job(workers, one) for one in each]
        return Indexed(
            rows=tuple(row for result in alone for row in result.rows),
            unreadable=tuple(pair for result in alone for pair in result.unreadable),
        )

    async def reindex(self, workers: Workers, report: Callable[[Event], None]) -> int:
        """Index every post anew; returns how many there are.

        Raises:
            UnmountedError: far fewer are there than the state knows; nothing was done.
            StoreError: something cannot be read or written.
        """
        settle_absences(self, report)
        if self.unmounted:
            raise unmounted_error(self)
        adopted = await self.index(workers, [], report, adopted=list_adopted(self.place.archive))
        taken = {row.path for row in adopted}
        paths = [path for path, _ in list_posts(self.place.root) if path not in taken]
        own = _without_twins(await self.index(workers, paths, report), report)
        rows = without_gone(self, (*adopted, *own), report)
        rows = (*rows, *self.state.find(sorted(self.misnamed)))  # or upstream's next answer would bring each a second time
        self.state.replace_entries(rows, profile=self.place.profile)
        self._folders = {}
        folders = {_ADOPTED, *(str(PurePosixPath(path).parent) for path in paths)}
        self._touched |= folders
        self._seen |= folders
        self.adopted += len(rows)
        self.fresh.add(row.key for row in rows)
        return len(rows)

    def keep(self, rows: Iterable[PostRow]) -> None:
        """Have the disk keep posts, and what they cannot hold, before the state speaks of them. Raises StoreError."""
        written = tuple(rows)
        if not written or not self.settings.posts.durable:
            return
        place = self.place
        if get_profile(place.profile, place.timezone).keeps_archive:
            make_durable(place.archive, [archive_path(row.key) for row in written])  # where there is none, none is missed
        make_durable(place.root, [row.path for row in written])

    def touched(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Note the folders of these posts as written to by this run; return those that are new to the note."""
        fresh = {path.rpartition("/")[0] for path in paths} - self._touched
        self._touched |= fresh
        return tuple(sorted(fresh))

    def close_folders(self) -> None:
        """Store the times of the folders that this run wrote to: from now on, another time means another hand."""
        times = {folder: _mtime(self._folder(folder)) for folder in self._touched & self._seen}
        found = {folder: mtime for folder, mtime in times.items() if mtime is not None}
        if not found:
            return
        newest = max(found.values())
        wait_ns = newest + _CLOCK_TICK_NS - time.time_ns()
        if 0 < wait_ns <= _CLOCK_TICK_NS:
            time.sleep(wait_ns / 1e9)
        self.state.close_folders(found)
        self._touched.clear()

    def _folder(self, name: str) -> Path:
        return self.place.archive / ADOPTED if name == _ADOPTED else self.place.root / name


@contextmanager
def open_project(
    settings: Settings,
    report: Callable[[Event], None],
    now: datetime,
    *,
    jobs: int = 1,
    stamp: datetime | None = None,
    accept_deletions: bool = False,
    dry_run: bool = False,
    wait: float | None = None,
) -> Iterator[Project]:
    """Lock the project, open ledger and state, index the posts if the state is new, finish what a dead run began.

    `now` is what the ledger's lines are dated with, `stamp` what is published of how sources are doing; `accept_deletions`:
    whatever post is missing was deleted on purpose; `dry_run`: no post is removed, and no line of the ledger written or struck
    out; `wait`: as for `project_lock`.

    Raises LockedError, LedgerError, NewerFormatError, UnmountedError, StoreError.
    """
    with project_lock(settings.root, wait=wait) as held:
        if held.cut_off:
            _sweep(settings)
            held.cut_off = False
        ledger = Ledger.load(settings.root / FILE_NAME)
        opened = open_state(settings.state.url.reveal(), settings.root)
        try:
            project = Project(
                effective(settings, ledger),
                opened.state,
                ledger,
                now,
                stamp=stamp,
                accept_deletions=accept_deletions,
                dry_run=dry_run,
            )
            _check_profile(project)
            check_ledger(ledger, opened.state)
            if opened.note:
                report(Note(text=opened.note))
            if opened.fresh:
                _index_first(project, report, jobs, why="begun anew" if opened.note else "there was none")
            if not dry_run:
                note_ledger(ledger, opened.state)
                settle_lines(project, report)
            check_mounted(project)
            if not dry_run:
                settle(project.state, project.place, project.outputs_of)
                finish_takedowns(project, report)
            try:
                yield project
            except BaseException:
                held.cut_off = True  # its processes were ended amid their work
                raise
            held.cut_off = project.is_untidy
            if not dry_run:
                note_ledger(ledger, opened.state)
        finally:
            opened.state.close()


def _sweep(settings: Settings) -> None:
    """Clear away what a killed run was writing, wherever that may be. Raises StoreError."""
    root, before = settings.root, time.time_ns() - _CLOCK_TICK_NS
    sweep_leftovers(root, older_than_ns=before)  # the ledger's
    # Of the public folder only what is ours: in a static site it holds all that the site is made of.
    for folder in (settings.posts.dir, settings.public.dir / FEEDS_FOLDER, ARCHIVE):
        sweep_leftovers(root / folder, older_than_ns=before, nested=True)


def _check_profile(project: Project) -> None:
    """Refuse to go on with posts of another profile: they would all count as unreadable. Raises ConfigError."""
    written = project.state.profile()
    if written is None or written == project.place.profile or project.state.is_empty():
        return
    problem = Problem(
        file="config/settings.yaml",
        line=None,
        column=None,
        message=f'posts.profile is "{project.place.profile}", but the posts here were written with "{written}"',
        hint=f"set it back to {written}: a project's profile is chosen once (docs/post-format.md, Changing the profile)",
    )
    raise ConfigError((problem,))


def _index_first(project: Project, report: Callable[[Event], None], jobs: int, *, why: str) -> None:
    async def run() -> int:
        with Workers(jobs) as workers:
            return await project.reindex(workers, report)

    number = asyncio.run(run())
    if number:
        report(Note(text=f"state: {why}; rebuilt from {number} posts, which stay as they are"))


def _without_twins(rows: tuple[PostRow, ...], report: Callable[[Event], None]) -> tuple[PostRow, ...]:
    """Keep the first by path of several posts of one entry, and name the others."""
    kept: dict[str, PostRow] = {}
    for row in sorted(rows, key=lambda row: row.path):
        first = kept.setdefault(row.key, row)
        if first is not row:
            report(Note(text=f"{row.path}: a second post of the entry in {first.path}; kept, not published"))
    return tuple(kept.values())


def _mtime(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot look at {folder}: {error.strerror}", path=folder) from error
