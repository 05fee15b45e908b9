"""Which outputs must be written, and their jobs. The main process's side of publishing.

An output is written when its entries changed, when its frame changed (titles, addresses, limits), or when its file is gone.
What need not be written is not even read: a run without news loads nothing of `publish` but addresses.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC

from aggregator.errors import PlaceError
from aggregator.model.changes import SOME_VERSION, PostRow
from aggregator.model.key import atom_id
from aggregator.model.output import LeftOut, OutputFeed
from aggregator.model.poll import Event, Note, OutputEvent, OutputState
from aggregator.model.settings import FORMAT_NAMES
from aggregator.pipeline.cutting import cut_taken_down
from aggregator.pipeline.effective import removed_files
from aggregator.pipeline.frames import frame_hash, plan_frames
from aggregator.pipeline.gone import settle_absences
from aggregator.pipeline.jobs import OpmlJob, OutputResult, run_opml, run_output
from aggregator.pipeline.left_formats import tell_left_formats
from aggregator.pipeline.output_jobs import OutputJobs
from aggregator.pipeline.pinging import news_of, remember_topics
from aggregator.pipeline.project import Project
from aggregator.pipeline.removed import gone_files, settle_removed
from aggregator.pipeline.status_feed import remember_said, status_hash, write_status
from aggregator.pipeline.styling import publish_style
from aggregator.publish.addresses import OPML_PATH, REDIRECTS_PATH, STATUS_PATH, STYLE_PATH, twin_path
from aggregator.store.files import make_durable, sweep_leftovers
from aggregator.workers import WorkerDiedError, Workers

_ARCHIVED = "archived"  #: fact of the state: when a sync has last looked at the archives (`_today`)
_NAMED = 3
_LEFT = (
    "What lies there stays as it is; delete it when you like{told}. If its category only got another name by hand, take that"
    " back and do it by `aggregator category rename OLD NEW`: so its subscribers come along"
)
_TOLD = ": who still asks is then told that it is gone (410)"


async def publish_what_changed(
    project: Project, workers: Workers, report: Callable[[Event], None], *, archive: bool = False
) -> None:
    """Write every output that needs it. Raises StoreError if a file cannot be written.

    `archive`: archive pages too, once a day and only if something is to be written: a run without any changes no file.
    """
    publish_style(project, report)
    leaves = project.state.leaves()
    frames, wanted = _wanted(project, leaves)
    if archive and wanted and _archives_are_due(project):
        from aggregator.pipeline.archiving import look_at_archives  # once a day

        await look_at_archives(project, workers, frames, report, whole=False)
        project.state.set_fact(_ARCHIVED, _today(project))
        leaves = project.state.leaves()
        frames, wanted = _wanted(project, leaves)
    known = project.state.outputs()
    if wanted:
        await _publish(project, workers, frames, wanted, report)
        if (now := project.state.leaves()) != leaves:  # a hand has made a new category
            frames = plan_frames(project.settings, now)
    former = {path for frame in frames for path in frame.everywhere} - {path for frame in frames for path in frame.files}
    stale = sorted(known.keys() - {frame.path for frame in frames} - {OPML_PATH, STATUS_PATH, STYLE_PATH})
    left = [path for path in stale if path not in former and (project.public / path).exists()]
    removed = settle_removed(project, frames, left)
    gone, listing = _gone(project, frames), _listing(project, frames)
    if _needs_writing(project, known.get(OPML_PATH), (OPML_PATH, *[REDIRECTS_PATH][: len(former) + len(gone)]), listing):
        await _publish_opml(project, workers, frames, listing, report)
    await _publish_status(project, workers, known.get(STATUS_PATH), report)
    for path in left:
        files = [twin_path(path, name) for name in FORMAT_NAMES]
        where = ", ".join(f"{project.settings.public.dir}/{file}" for file in files if (project.public / file).exists())
        told = _TOLD if path in removed else ""
        report(Note(text=f"{where}: no category is published there any more. {_LEFT.format(told=told)}"))
    project.state.forget_outputs(stale)
    tell_left_formats(project, frames, report)
    cut_taken_down(project, frames, report)


async def publish_all(
    project: Project, workers: Workers, report: Callable[[Event], None], *, only: frozenset[str] | None = None
) -> None:
    """Look at every output, or those named by path, whatever the state says (`build`)."""
    project.tells_all = True
    publish_style(project, report, again=True)
    frames = plan_frames(project.settings, project.state.leaves())
    wanted = [frame for frame in frames if only is None or frame.path in only]
    if project.settings.public.archives:
        from aggregator.pipeline.archiving import look_at_archives

        await look_at_archives(project, workers, wanted, report, whole=True)
    await _publish(project, workers, frames, wanted, report)
    frames = plan_frames(project.settings, project.state.leaves())
    await _publish_opml(project, workers, frames, _listing(project, frames), report)
    if only is None:
        await _publish_status(project, workers, project.state.outputs().get(STATUS_PATH), report, again=True)
    tell_left_formats(project, frames, report)
    cut_taken_down(project, frames, report, again=True)


def _wanted(project: Project, leaves: tuple[tuple[str, ...], ...]) -> tuple[tuple[OutputFeed, ...], list[OutputFeed]]:
    """Return all feeds, and those that need writing; `leaves` are the categories that posts stand in."""
    frames, known = plan_frames(project.settings, leaves), project.state.outputs()
    return frames, [
        frame
        for frame in frames
        if _needs_writing(project, known.get(frame.path), frame.everywhere, _frame_hash(project, frame))
    ]


def _needs_writing(project: Project, known: OutputState | None, paths: tuple[str, ...], now_hash: bytes) -> bool:
    if known is None or known.dirty or known.frame_hash != now_hash:
        return True
    public = str(project.public)  # paths stay text: of a thousand feeds there are three thousand files
    return not all(os.path.exists(f"{public}/{path}") for path in paths)  # noqa: PTH110


def put_archives_off(project: Project) -> None:
    """Leave the archives to tomorrow, or to `build`: a run that brings the first posts has enough to do."""
    project.state.set_fact(_ARCHIVED, _today(project))


def _archives_are_due(project: Project) -> bool:
    """Tell whether no sync has looked at the archives today."""
    return project.settings.public.archives and project.state.fact(_ARCHIVED) != _today(project)


def _today(project: Project) -> str:
    """Return what a look at the archives is good for: the day, and where the site is, which every page says."""
    return f"{project.now.astimezone(UTC):%Y-%m-%d} {project.settings.site.url}"


def _gone(project: Project, frames: Iterable[OutputFeed]) -> tuple[str, ...]:
    """Return the files of removed categories, as the ledger says now."""
    return gone_files(removed_files(project.ledger), frames)


def _listing(project: Project, frames: tuple[OutputFeed, ...]) -> bytes:
    """Return the hash of what the list of feeds and the table of former places say."""
    gone = _gone(project, frames)
    return frame_hash(project.settings.site, frames, gone) if gone else frame_hash(project.settings.site, frames)


def _frame_hash(project: Project, frame: OutputFeed) -> bytes:
    """Return the hash of all that the feed says besides its entries."""
    tombstones = project.tombstones(frame)
    return frame_hash(frame, tombstones) if tombstones else frame_hash(frame)


async def _publish(
    project: Project,
    workers: Workers,
    frames: tuple[OutputFeed, ...],
    wanted: list[OutputFeed],
    report: Callable[[Event], None],
) -> None:
    if not wanted:
        return
    _sweep(project, wanted)
    remember_topics(project, wanted)
    jobs = OutputJobs(project, frames)
    slots = asyncio.Semaphore(workers.width)
    # From the end, where the feeds are that rest on one category: `all`, the first, rests on all of them, and workers would
    # wait until their rows are read. So these are read while workers have something to do, and are at hand for those above.
    going = [_write(project, workers, slots, frame, jobs) for frame in reversed(wanted)]
    results = list(zip(wanted, reversed(await asyncio.gather(*going)), strict=True))
    for number, (frame, result) in enumerate(results):
        if result.lost and (moved := _now_elsewhere(project, frame, result.lost)):
            results[number] = frame, await _write(project, workers, slots, frame, jobs, moved)
    retry, results = _see_to_missing(project, results, report)
    states: list[OutputState] = []
    edited: dict[str, PostRow] = {}
    for frame, result in results:
        _tell(project, result, report)
        edited.update((row.key, row) for row in result.edited)
        refused = result.refused is not None
        state = OutputState(path=frame.path, frame_hash=_frame_hash(project, frame), dirty=refused, refused=refused)
        states.append(state)
    _keep(project, [path for _, result in results for path in _written(result)])
    again = _also_touched(project, edited, {frame.path for frame in wanted})
    news = news_of(project, {path: digest for _, result in results for path, digest in result.digests.items()})
    project.state.published(states, tuple(edited.values()), dirty=again, news=news)
    again = tuple(sorted({*again, *retry}))
    if again:
        frames = plan_frames(project.settings, project.state.leaves())
        await _publish(project, workers, frames, [frame for frame in frames if frame.path in again], report)


def _sweep(project: Project, frames: list[OutputFeed]) -> None:
    """Clear away what a dead run was writing where these feeds lie."""
    for folder in {frame.path.rpartition("/")[0] for frame in frames}:
        try:
            sweep_leftovers(project.public / folder, older_than_ns=project.began_ns)
        except PlaceError as fault:
            project.bear(fault)


async def _write(  # noqa: PLR0917 - private
    project: Project,
    workers: Workers,
    slots: asyncio.Semaphore,
    frame: OutputFeed,
    jobs: OutputJobs,
    moved: frozenset[str] = frozenset(),
) -> OutputResult:
    path = frame.path
    async with slots:
        try:
            return await workers.run(run_output, jobs.of(frame, moved))
        except WorkerDiedError as error:
            return OutputResult(path=path, refused=f"{path}: building it {error}; kept as it was")
        except PlaceError as fault:
            refused = f"{path}: {project.bear(fault)}. The feed is kept as it was"
            return OutputResult(path=path, refused=refused)


def _see_to_missing(
    project: Project, results: list[tuple[OutputFeed, OutputResult]], report: Callable[[Event], None]
) -> tuple[set[str], list[tuple[OutputFeed, OutputResult]]]:
    """Find out why posts are missing; return the outputs to write again, and the results that stand.

    A feed with posts that look unmounted is kept as it was.
    """
    if not any(result.missing for _, result in results):
        return set(), results
    settled = settle_absences(project, report)
    seen_to = {*settled.deleted, *settled.moved, *project.misnamed}
    retry = {frame.path for frame, result in results if result.missing and all(row.key in seen_to for row in result.missing)}
    kept: list[tuple[OutputFeed, OutputResult]] = []
    for frame, result in results:
        if result.missing and frame.path not in retry:
            where = f"{project.settings.public.dir}/{frame.path}"
            paths = ", ".join(f"{project.settings.posts.dir}/{row.path}" for row in result.missing[:_NAMED])
            more = f" and {len(result.missing) - _NAMED} more" if len(result.missing) > _NAMED else ""
            refused = f"{where}: kept as it was, since posts of it are missing: {paths}{more}"
            kept.append((frame, replace(result, refused=refused)))
        elif not result.missing:
            kept.append((frame, result))
    return retry, kept


def _also_touched(project: Project, edited: dict[str, PostRow], wanted: set[str]) -> tuple[str, ...]:
    """Return the outputs that edited posts stand in beyond those just written, and all that a moved one now stands in."""
    current = project.settings.renamed.current
    known = project.state.find(sorted(edited)) if edited else ()
    before = {row.key: current(row.categories) for row in known}
    moved = {row.categories for row in edited.values() if current(row.categories) != before[row.key]}
    stood = {categories for row in edited.values() for categories in (row.categories, before[row.key])}
    return tuple(sorted((set(project.outputs_of(stood)) - wanted) | set(project.outputs_of(moved))))


async def _publish_opml(
    project: Project,
    workers: Workers,
    frames: tuple[OutputFeed, ...],
    listing: bytes,
    report: Callable[[Event], None],
) -> None:
    job = OpmlJob(
        site=project.settings.site,
        frames=frames,
        path=OPML_PATH,
        redirects=REDIRECTS_PATH,
        gone=_gone(project, frames),
        public=project.public,
    )
    try:
        result = await workers.run(run_opml, job)
    except WorkerDiedError as error:
        result = OutputResult(path=OPML_PATH, refused=f"{OPML_PATH}: building it {error}; kept as it was")
    _tell(project, result, report)
    _keep(project, _written(result))
    refused = result.refused is not None
    project.state.published([OutputState(path=OPML_PATH, frame_hash=listing, dirty=refused, refused=refused)], ())


async def _publish_status(
    project: Project, workers: Workers, known: OutputState | None, report: Callable[[Event], None], *, again: bool = False
) -> None:
    """Write the feed of how sources are doing if it has something to tell; `again`: look at it whatever the state says."""
    done = await write_status(project, workers, known, report, again=again)
    if done is None:
        return
    _tell(project, done.output, report)
    _keep(project, _written(done.output))
    if done.said is not None:
        remember_said(project, done.said)
    refused = done.output.refused is not None
    state = OutputState(path=STATUS_PATH, frame_hash=status_hash(project), dirty=refused, refused=refused)
    project.state.published([state], (), news=news_of(project, done.output.digests))


def _written(result: OutputResult) -> list[str]:
    return [*result.written, *result.copies]


def _now_elsewhere(project: Project, frame: OutputFeed, lost: tuple[str, ...]) -> frozenset[str]:
    """Return which of the entries that would vanish from a feed have posts in another category: they moved, on purpose.

    Asked only where the gate has refused a feed, since it may read the whole index.
    """
    minted = {each for each in lost if each.startswith("urn:uuid:")}
    keys = [key for key, source, entry in project.state.every_id() if atom_id(source, entry) in minted] if minted else []
    rows = project.state.find(keys, ids=lost)
    depth, own = len(frame.category), {frame.category, *frame.also}
    stands = {here: set[str]() for here in (True, False)}
    for row in (row for row in rows if not row.expired):
        here = project.settings.renamed.current(row.categories)[:depth] in own
        stands[here].add(atom_id(row.source_id, row.entry_id))
    return frozenset(stands[False] - stands[True])


def _keep(project: Project, paths: list[str]) -> None:
    """Have the disk keep the files before the state calls them published."""
    if project.settings.posts.durable:
        make_durable(project.public, paths)


def _tell(project: Project, result: OutputResult, report: Callable[[Event], None]) -> None:
    project.outputs_written += len(_written(result))
    if result.refused is not None:
        project.outputs_refused += 1
    posts = project.settings.posts.dir
    warnings = (
        *_once(project, (_left_out(out) for out in result.left_out if not out.duplicate and _is_news(project, out.key))),
        *_once(project, (f"{posts}/{path}: {reason}; its entry is left out" for path, reason in result.unreadable)),
        *_once(project, (f"{posts}/{row.path}: {_changed(row)}" for row in result.edited if row.raw_hash != SOME_VERSION)),
    )
    report(
        OutputEvent(
            path=result.path,
            changed=bool(result.written),
            refused=result.refused,
            warnings=warnings,
            duplicates=tuple(_left_out(out) for out in result.left_out if out.duplicate),
        )
    )


def _left_out(out: LeftOut) -> str:
    return f"{out.source_id}: entry {out.title!r} left out: {out.reason}"


def _is_news(project: Project, key: str) -> bool:
    """Tell whether to speak of a post that cannot be published: each time its feed is built would be for years."""
    return project.tells_all or key in project.fresh


def _once(project: Project, words: Iterable[str]) -> list[str]:
    """Return what was not said yet in this run: a post stands in its category's feed, in those above it, and in that of all."""
    fresh = [text for text in words if text not in project.told]
    project.told.update(fresh)
    return fresh


def _changed(row: PostRow) -> str:
    if row.locked:
        return "edited by hand; published as edited"
    return "changed since it was written; published as it is now"  # by a hand, or by a run of ours that died
