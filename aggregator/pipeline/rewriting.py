"""Old posts -> the same with today's settings: what is written, in which order. The main process's side.

Per batch: looked at -> the state notes what each post is about to become -> posts, by workers -> made durable -> one state
transaction; the feeds come last, with the next publishing. A run that dies in between leaves the note, and whichever run
comes next settles it: a post that has become what the note says is ours, not edited by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from aggregator.model.changes import Intent, PostRow
from aggregator.model.poll import Event, Note
from aggregator.model.source import Source
from aggregator.pipeline.gone import settle_absences
from aggregator.pipeline.jobs import RewriteJob, Rewritten, run_rewrite
from aggregator.pipeline.project import Project
from aggregator.store.state import Batch
from aggregator.workers import WorkerDiedError, Workers

BATCH_ROWS = 2000  #: posts per state transaction
_PER_JOB = 250  #: as many posts as are read within a worker's time


@dataclass(slots=True)
class Tally:
    """What became of the posts, by path."""

    written: list[str] = field(default_factory=list)  #: or would be
    kept: list[str] = field(default_factory=list)  #: edited by hand


async def rewrite_posts(
    project: Project,
    workers: Workers,
    report: Callable[[Event], None],
    leaves: Iterable[tuple[str, ...]],
    *,
    sources: Iterable[Source] = (),
    dry_run: bool = False,
) -> Tally:
    """Write the unedited posts of these categories anew, as they are stored. Raises StoreError.

    Those of the `sources` as their settings say, all others only under their categories' names of today.
    """
    tally = Tally()
    if not dry_run:
        settle_absences(project, report)  # what a hand has moved is written where it is now; what is missing is not written
    known = {source.id: replace(source, headers=(), auth=None, proxy=None) for source in sources}
    for rows in _batches(project, tuple(leaves)):
        look = RewriteJob(place=project.place, rows=rows, renamed=project.settings.renamed, sources=known)
        found = await _run(project, workers, report, look)
        tally.kept += found.kept
        for path, reason in found.unreadable:
            report(Note(text=f"{project.settings.posts.dir}/{path}: {reason}; kept as it is"))
        if found.rows and not dry_run:
            found = await _write(project, workers, report, look, found)
        tally.written += [row.path for row in found.rows]
    return tally


async def _write(
    project: Project, workers: Workers, report: Callable[[Event], None], look: RewriteJob, found: Rewritten
) -> Rewritten:
    """Write one batch, in the order that a crash cannot harm."""
    planned = {row.key: row for row in found.rows}
    before = {row.key: row for row in look.rows}
    intents = {
        row.key: Intent(post_hash=row.post_hash, same_version=row.raw_hash == before[row.key].raw_hash) for row in found.rows
    }
    folders = {row.path.rpartition("/")[0] for row in found.rows}
    for folder in sorted(folders):
        await project.look_through(workers, folder, report)  # before it is written to, or our own would look like a stranger's
    project.touched(row.path for row in found.rows)
    project.state.save(Batch(intents=intents, open_folders=tuple(sorted(folders))))
    job = replace(look, rows=tuple(row for row in look.rows if row.key in planned), planned=planned)
    done = await _run(project, workers, report, job)
    project.keep(done.rows)
    dirty = {row.categories for row in done.rows} | {before[row.key].categories for row in done.rows}
    project.state.save(Batch(rows=done.rows, dirty_outputs=project.outputs_of(dirty), written_anew=True))
    return done


def _batches(project: Project, leaves: tuple[tuple[str, ...], ...]) -> Iterator[tuple[PostRow, ...]]:
    """Yield the rows of these categories, each once: also those that a batch has put into a later one."""
    seen: set[str] = set()
    gone = project.gone_keys()
    batch: list[PostRow] = []
    for leaf in leaves:
        after = ""
        while page := project.state.posts(leaf, after, BATCH_ROWS):
            after = page[-1].key
            batch += [row for row in page if row.key not in seen and row.key not in gone]
            seen |= {row.key for row in page}
            while len(batch) >= BATCH_ROWS:
                yield tuple(batch[:BATCH_ROWS])
                batch = batch[BATCH_ROWS:]
    if batch:
        yield tuple(batch)


async def _run(project: Project, workers: Workers, report: Callable[[Event], None], job: RewriteJob) -> Rewritten:
    """Share the rows among the workers; what one of them dies of is told, and those posts stay as they are."""

    async def one(part: RewriteJob) -> Rewritten:
        try:
            return await workers.run(run_rewrite, part)
        except WorkerDiedError as error:
            if len(part.rows) == 1:
                report(Note(text=f"{project.settings.posts.dir}/{part.rows[0].path}: reading it {error}; kept as it is"))
                return Rewritten()
        alone = [await one(replace(part, rows=(row,))) for row in part.rows]
        return _together(alone)

    parts = [replace(job, rows=job.rows[start : start + _PER_JOB]) for start in range(0, len(job.rows), _PER_JOB)]
    return _together(await workers.each(one, parts))


def _together(parts: Iterable[Rewritten]) -> Rewritten:
    found = list(parts)
    return Rewritten(
        rows=tuple(row for part in found for row in part.rows),
        kept=tuple(path for part in found for path in part.kept),
        unreadable=tuple(pair for part in found for pair in part.unreadable),
    )
