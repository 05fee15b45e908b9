"""The tasks that visit sources: as many at once as may be, some more while the run is open, and an end that loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from aggregator.model.source import Source
from aggregator.pipeline.planning import in_rounds
from aggregator.pipeline.room import Door, Room

VISITS_AT_ONCE = 2000  #: begun and not ended, most of them waiting for a turn at their host: each costs 6 KB
_JOIN_EVERY = 1.0  #: seconds


class Walks:
    """The walks of one run, each of which visits one source after the other."""

    def __init__(self, group: asyncio.TaskGroup, room: Room, visit: Callable[[Source, Door], Awaitable[None]]) -> None:
        """Take what the tasks belong to, what holds requests back, and what one visit is."""
        self._group = group
        self._room = room
        self._visit = visit
        self._doors: dict[asyncio.Task[None], Door] = {}  #: the visit that each walk is at
        self._closed = False

    def begin(self, sources: Sequence[Source]) -> None:
        """Visit these as well."""
        line = iter(in_rounds(sources))
        for _ in range(min(len(sources), VISITS_AT_ONCE)):
            door = Door(self._room)
            self._doors[self._group.create_task(self._walk(line, door))] = door

    async def ended(self) -> None:
        """Wait until every walk has ended, those that join meanwhile too."""
        while pending := [walk for walk in self._doors if not walk.done()]:
            await asyncio.wait(pending)

    async def join_and_close(self, open_for: float, coming: Callable[[], Sequence[Source]]) -> None:
        """Take along, for so many seconds, sources that have come due meanwhile; then end the visits that have not begun.

        Without the first a server that is slow to answer would make all others late, without the second a host with many
        sources and a long pause would. Whoever is given up stays due.
        """
        loop = asyncio.get_running_loop()
        closes = loop.time() + open_for
        while (left := closes - loop.time()) > 0:
            await asyncio.sleep(min(left, _JOIN_EVERY))
            if closes > loop.time() and (joining := coming()):
                self.begin(joining)
        self._closed = True
        for walk, door in self._doors.items():
            if not door.has_begun:
                walk.cancel()

    async def _walk(self, line: Iterator[Source], door: Door) -> None:
        for source in line:
            if self._closed:
                return
            door.has_begun = False
            await self._visit(source, door)
