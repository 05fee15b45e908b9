"""What the feeds no longer hold -> archive pages (RFC 5005 §4, decision 20). The main process's side.

    count -> read the pages, where the count says that something is due -> cut what is gone -> close what is open -> mark it

The pages on disk are the record. The state only helps to find out, once a day and by counting, that nothing is to be done;
where the two differ, the pages are read and the state follows them.
"""

from __future__ import annotations

import asyncio
import heapq
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256

from aggregator.errors import PlaceError
from aggregator.model.output import OutputFeed
from aggregator.model.poll import Event
from aggregator.pipeline.chain import pages_on_disk
from aggregator.pipeline.closing import Closing
from aggregator.pipeline.project import Project
from aggregator.publish.pages import entry_ids
from aggregator.store.archived import Tally
from aggregator.store.files import read_file
from aggregator.workers import Workers

_FACT = "archives"  #: of the state: of each feed what its pages were, and how many posts were done with, as JSON


async def look_at_archives(
    project: Project, workers: Workers, frames: Iterable[OutputFeed], report: Callable[[Event], None], *, whole: bool
) -> None:
    """Make the pages that are due, and mark the feeds that must link them. Raises StoreError.

    `whole`: read the pages of every feed, whatever the state says (`build`).
    """
    run = _Run(project, workers, report, whole=whole)
    await run.look(tuple(frame for frame in frames if frame.archive))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """What the state counts of one feed."""

    number: int = 0  #: posts
    done: int = 0  #: of those, posts for whose archiving nothing is left to do
    oldest_open: int | None = None
    newest_done: int | None = None


class _Run:
    """One look at the archives of some feeds."""

    def __init__(self, project: Project, workers: Workers, report: Callable[[Event], None], *, whole: bool) -> None:
        self._project = project
        self._whole = whole
        self._current = project.settings.renamed.current
        self._closing = Closing(project, workers, report)
        self._nothing = [self._digest([]), 0]  #: what a feed without pages comes to
        self._slots = asyncio.Semaphore(max(1, workers.width // 2))  # a feed's pages are made one after the other

    async def look(self, frames: tuple[OutputFeed, ...]) -> None:
        state = self._project.state
        known = self._known()
        tallies = self._tallies()
        changed = await asyncio.gather(*(self._look_at(frame, tallies, known.get(frame.path)) for frame in frames))
        if all(pages is None for pages in changed):
            return
        tallies = self._tallies()
        for frame, pages in zip(frames, changed, strict=True):
            if pages is not None:
                known[frame.path] = [self._digest(pages), _sum_of(frame, tallies).done]
        known = {path: said for path, said in known.items() if said != self._nothing}
        state.set_fact(_FACT, json.dumps(known, sort_keys=True))

    def _known(self) -> dict[str, list[object]]:
        """Return what was found at the last look; damaged, or of a later version, it says nothing, and the pages are read."""
        try:
            found = json.loads(self._project.state.fact(_FACT) or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    # -- whether ----------------------------------------------------------------------------------------------------

    def _tallies(self) -> dict[tuple[str, ...], list[Tally]]:
        """Return what the state counts, by every category that it counts for."""
        found: dict[tuple[str, ...], list[Tally]] = defaultdict(list)
        for tally in self._project.state.archived.tallies():
            category = self._current(tally.category)
            for depth in range(len(category) + 1):
                found[category[:depth]].append(tally)
        return found

    async def _look_at(
        self, frame: OutputFeed, tallies: dict[tuple[str, ...], list[Tally]], known: list[object] | None
    ) -> list[str] | None:
        """Return the feed's pages as they are now; None: there was nothing to look at."""
        project = self._project
        try:
            pages = pages_on_disk(frame, project.public)
            counted = _sum_of(frame, tallies)
            same = (known or self._nothing) == [self._digest(pages), counted.done]
            capacity = _capacity(frame, project)
            if same and not self._whole and not self._overflows(frame, tallies, counted, capacity):
                return None
            async with self._slots:
                now = await self._closing.close(frame, _leaves(frame, tallies), capacity)
            if not same or now != pages:
                project.state.published([], (), dirty=(frame.path,))
        except PlaceError as fault:
            project.bear(fault)
            return None
        return now

    def _digest(self, pages: Iterable[str]) -> str:
        """Return what tells that pages came or went, or that their links must change."""
        return sha256("\n".join((self._project.settings.site.url, *pages)).encode()).hexdigest()[:16]

    def _overflows(self, frame: OutputFeed, tallies: dict[tuple[str, ...], list[Tally]], counted: _Sum, capacity: int) -> bool:
        """Tell whether the feed's file may lack an entry that no page holds."""
        if counted.oldest_open is None or counted.number <= capacity:
            return False
        if counted.number - counted.done > capacity:
            return True
        if counted.newest_done is None or counted.oldest_open > counted.newest_done:
            return False
        # Something came late. It may wait for the next page as long as the live feed holds it.
        newest = (date for leaf in _leaves(frame, tallies) for date in self._project.state.archived.newest(leaf, capacity))
        return counted.oldest_open <= heapq.nlargest(capacity, newest)[-1]


def _sum_of(frame: OutputFeed, tallies: dict[tuple[str, ...], list[Tally]]) -> _Sum:
    bit = 1 << len(frame.category)
    found = _tallies_of(frame, tallies)
    done = [tally for tally in found if tally.bits & bit]
    waiting = [tally for tally in found if not tally.bits & bit]
    return _Sum(
        number=sum(tally.number for tally in found),
        done=sum(tally.number for tally in done),
        oldest_open=min((tally.oldest for tally in waiting), default=None),
        newest_done=max((tally.newest for tally in done), default=None),
    )


def _tallies_of(frame: OutputFeed, tallies: dict[tuple[str, ...], list[Tally]]) -> list[Tally]:
    return [tally for path in (frame.category, *frame.also) for tally in tallies.get(path, ())]


def _leaves(frame: OutputFeed, tallies: dict[tuple[str, ...], list[Tally]]) -> list[tuple[str, ...]]:
    """Return the categories of the feed's posts, as stored."""
    return sorted({tally.category for tally in _tallies_of(frame, tallies)})


def _capacity(frame: OutputFeed, project: Project) -> int:
    """Return how many entries the live feed holds: fewer than it may where they are so large that its bytes are the limit."""
    try:
        if (project.public / frame.path).stat().st_size * 2 < frame.max_bytes:
            return frame.max_entries
    except OSError:  # whatever is wrong with it, writing it will tell
        return frame.max_entries
    return max(1, min(frame.max_entries, len(entry_ids(read_file(project.public, frame.path) or b""))))
