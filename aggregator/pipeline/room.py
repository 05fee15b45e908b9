"""How many visits of a run may be at which stage: bodies that wait for a worker, and visits that have not begun to ask."""

from __future__ import annotations

import asyncio


class Room:
    """Counts bodies that wait for a worker, and holds back new requests while there are too many.

    `wait` is what the client asks before each request; `async with` encloses a body's wait and digestion.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._free = asyncio.Event()
        self._free.set()

    async def wait(self) -> None:
        """Wait until a body more is not too many."""
        await self._free.wait()

    async def __aenter__(self) -> None:
        self._taken += 1
        if self._taken >= self._limit:
            self._free.clear()

    async def __aexit__(self, *_: object) -> None:
        self._taken -= 1
        if self._taken < self._limit:
            self._free.set()


class Door:
    """Lets the requests of one visit pass, and knows whether there was any: until then nothing is lost by giving it up."""

    def __init__(self, room: Room) -> None:
        """Take what holds requests back."""
        self._room = room
        self.has_begun = False

    async def pass_through(self) -> None:
        """Wait until there is room; what follows is a request."""
        await self._room.wait()
        self.has_begun = True
