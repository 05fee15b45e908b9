"""One feed's posts and its pages on disk -> what is open, closed in new pages; the state follows. The main process's side.

prune the pages -> mend a hole in the chain -> choose what is to be closed -> a job for each portion -> mark what is done
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from aggregator.model.key import atom_id
from aggregator.model.output import OutputFeed
from aggregator.model.poll import Event, OutputEvent
from aggregator.pipeline.chain import pages_on_disk
from aggregator.pipeline.gone import settle_absences
from aggregator.pipeline.jobs import Archived, ArchiveJob, OutputJob, run_archive
from aggregator.pipeline.project import Project
from aggregator.pipeline.pruning import Pruned, prune_pages
from aggregator.publish.addresses import SUFFIX
from aggregator.publish.pages import ENTRIES_PER_PAGE, FOLDER_SUFFIX, PageName, choose_portions, month_of
from aggregator.store.archived import Stored
from aggregator.workers import WorkerDiedError, Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What a feed's posts and pages say together."""

    posts: dict[str, Stored]  #: by atom:id, one each
    others: tuple[Stored, ...]  #: posts whose atom:id is another one's
    pruned: Pruned

    @property
    def open(self) -> list[Stored]:
        """Return the posts that stand in no page, oldest first."""
        return sorted((self.posts[each] for each in self.pruned.open), key=_place)


class Closing:
    """What one run closes."""

    def __init__(self, project: Project, workers: Workers, report: Callable[[Event], None]) -> None:
        """Take an open project."""
        self._project = project
        self._workers = workers
        self._report = report
        self._order = {source.id: number for number, source in enumerate(project.settings.sources)}
        self._away = project.gone_keys() | project.misnamed

    async def close(self, frame: OutputFeed, leaves: Iterable[tuple[str, ...]], capacity: int) -> list[str]:
        """Bring the feed's pages and the state to what the posts say; return the pages as they are then. Raises StoreError.

        `leaves` are the categories of its posts, as stored; `capacity` is how many entries the live feed holds.
        """
        leaves = tuple(leaves)
        pages = pages_on_disk(frame, self._project.public)
        standing = self._standing(frame, leaves, pages)
        if standing.pruned.damaged:
            return pages
        for path, before in standing.pruned.holes:
            if not await self._mend(frame, path, before, standing.open):
                return pages
            pages = pages_on_disk(frame, self._project.public)
            standing = self._standing(frame, leaves, pages)
        waiting = standing.open
        self._mark(frame, standing, {post.key for post in waiting})
        shown = {post.key for post in heapq.nlargest(capacity, standing.posts.values(), key=_place)}
        last = PageName.of(pages[-1]) if pages else None
        portions = choose_portions(
            [post.date for post in waiting],
            last=last.month if last else None,
            now=self._project.now,
            capacity=capacity,
            lost=sum(post.key not in shown for post in waiting),
        )
        for portion in portions:
            job = self._job(frame, waiting[portion.first : portion.last])
            name = _next_name(pages, portion.month)
            result = await self._write(replace(job, first=name, previous=pages[-1] if pages else None))
            if result is None:
                break
            pages = [*pages, *result.pages]
            rows = ((row.key, atom_id(row.source_id, row.entry_id)) for row in job.output.rows)
            self._project.state.archived.mark([key for key, each in rows if each not in result.moved], len(frame.category))
        return pages

    def _standing(self, frame: OutputFeed, leaves: Iterable[tuple[str, ...]], pages: list[str]) -> _Standing:
        project = self._project
        chosen: dict[str, Stored] = {}
        others: list[Stored] = []
        for post in (post for leaf in leaves for post in project.state.archived.posts(leaf)):
            if post.key in self._away:
                continue
            each = atom_id(post.source_id, post.entry_id)
            first = chosen.setdefault(each, post)
            if first is not post:  # of several sources that bring an entry, the first in the config has it
                chosen[each], other = sorted((first, post), key=self._rank)
                others.append(other)
        pruned = prune_pages(project, frame, pages, chosen.keys(), self._report)
        return _Standing(posts=chosen, others=tuple(others), pruned=pruned)

    def _rank(self, post: Stored) -> tuple[int, str]:
        return self._order.get(post.source_id, len(self._order)), post.source_id

    def _mark(self, frame: OutputFeed, standing: _Standing, waiting: set[str]) -> None:
        """Have the state say what the pages say."""
        archived, level = self._project.state.archived, len(frame.category)
        posts = (*standing.posts.values(), *standing.others)
        archived.mark([post.key for post in posts if post.key not in waiting and not post.bits >> level & 1], level)
        archived.unmark([post.key for post in posts if post.key in waiting and post.bits >> level & 1], level)

    async def _mend(self, frame: OutputFeed, path: str, before: str | None, waiting: list[Stored]) -> bool:
        """Make a page again that is gone and that the next one links, of what is open of its month; tell whether it is."""
        name = PageName.of(path)
        if name is None:
            return False
        month = [post for post in waiting if month_of(post.date) == name.month][:ENTRIES_PER_PAGE]
        place = path.rpartition("/")[0].removesuffix(FOLDER_SUFFIX) + SUFFIX
        job = self._job(replace(frame, path=place), month)
        result = await self._write(replace(job, first=name, previous=before, mend=True))
        return result is not None and bool(result.pages)

    # -- one job ----------------------------------------------------------------------------------------------------

    def _job(self, frame: OutputFeed, posts: list[Stored]) -> ArchiveJob:
        project = self._project
        current = project.settings.renamed.current
        found = project.state.find([post.key for post in posts])
        rows = tuple(replace(row, categories=current(row.categories)) for row in found)
        output = OutputJob(
            frame=frame,
            rows=rows,
            source_order={row.source_id: self._order.get(row.source_id, len(self._order)) for row in rows},
            place=project.place,
            public=project.public,
            renamed=project.settings.renamed,
        )
        return ArchiveJob(output=output, first=PageName(month=""), previous=None, durable=project.settings.posts.durable)

    async def _write(self, job: ArchiveJob) -> Archived | None:
        """Have the pages written and tell it; None: no more of this feed may be made now."""
        project = self._project
        try:
            result = await self._workers.run(run_archive, job)
        except WorkerDiedError as error:
            result = Archived(refused=f"{job.output.frame.path}: making its archive {error}; it is tried again tomorrow")
        if result.missing:
            settle_absences(project, self._report)
            return None  # what was deleted is noted now, what looks unmounted is told; the next look goes on
        self._tell(job, result)
        if result.edited:
            stood = {row.categories for row in (*result.edited, *job.output.rows)}
            project.state.published([], result.edited, dirty=project.outputs_of(stood))
        return result if result.refused is None else None

    def _tell(self, job: ArchiveJob, result: Archived) -> None:
        project = self._project
        project.outputs_written += len(result.pages)
        project.outputs_refused += result.refused is not None
        posts = project.settings.posts.dir
        words = [
            *(f"{out.source_id}: entry {out.title!r} left out: {out.reason}" for out in result.left_out if not out.duplicate),
            *(f"{posts}/{path}: {reason}; its entry is left out" for path, reason in result.unreadable),
        ]
        fresh = [text for text in words if text not in project.told]
        project.told.update(fresh)
        for path in result.pages:
            self._report(OutputEvent(path=path, changed=True))
        if fresh or result.refused:
            path = job.output.frame.path.removesuffix(SUFFIX) + FOLDER_SUFFIX
            self._report(OutputEvent(path=path, changed=False, refused=result.refused, warnings=tuple(fresh)))


def _place(post: Stored) -> tuple[int, str]:
    return post.date, post.key


def _next_name(pages: Iterable[str], month: str) -> PageName:
    """Return the name of the next page of a month, behind those of every folder of the feed."""
    names = map(PageName.of, pages)
    return max((name.following for name in names if name is not None and name.month == month), default=PageName(month=month))
