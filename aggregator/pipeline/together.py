"""Bodies -> workers, several in one message while many wait: a message costs the main process more than what it carries.

A worker takes those of one message one after the other, each under its own deadline. If it dies nobody knows of which, so
each of them is sent once more, alone: a body that kills costs its own poll only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from aggregator.model.changes import Changes
from aggregator.pipeline.jobs import DigestJob, NewNames, Unreadable, run_digest, run_digests
from aggregator.workers import WorkerDiedError, Workers

Digested = Changes | NewNames | Unreadable

MOST_TOGETHER = 4
_MOST_BYTES = 256 * 1024  #: of bodies as they came; one that is larger goes alone


@dataclass(slots=True, eq=False)
class _Waiting:
    """One job, from the moment it waits for a worker."""

    job: DigestJob
    taken: bool = False  #: it travels, or has
    outcome: Digested | BaseException | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, outcome: Digested | BaseException) -> None:
        self.outcome = outcome
        self.done.set()

    def take(self) -> Digested:
        """Return or raise what came of it, and let go of it: an error that is kept keeps its frames, and they the body."""
        outcome, self.outcome = self.outcome, None
        if isinstance(outcome, Digested):
            return outcome
        try:
            raise outcome or asyncio.CancelledError
        finally:
            del outcome


class Digests:
    """The way of one run's bodies to its workers, first come, first served."""

    def __init__(self, workers: Workers) -> None:
        """Take the workers."""
        self._workers = workers
        self._messages = asyncio.Semaphore(workers.width)
        self._line: deque[_Waiting] = deque()
        #: Taken before a job is made: so many are worth it, those under way and as many that go with the next messages.
        self.turns = asyncio.Semaphore(2 * MOST_TOGETHER * workers.width)

    async def run(self, job: DigestJob) -> Digested:
        """Do one job; raises what `Workers.run` does. Who is cancelled must be so with all the others."""
        waiting = _Waiting(job)
        self._line.append(waiting)
        async with self._messages:
            # Who was taken along by another one's message has nothing left to send, and waits without standing in the way.
            while not waiting.taken:
                await self._send(self._next())
        await waiting.done.wait()
        return waiting.take()

    def _next(self) -> list[_Waiting]:
        """Take what goes into the next message: no more than its share, or the other workers would have nothing to do."""
        share = min(MOST_TOGETHER, -(-len(self._line) // self._workers.width))
        together: list[_Waiting] = []
        size = 0
        while self._line and len(together) < share:
            size += len(self._line[0].job.body)
            if together and size > _MOST_BYTES:
                break
            waiting = self._line.popleft()
            waiting.taken = True
            together.append(waiting)
        return together

    async def _send(self, together: Sequence[_Waiting]) -> None:
        try:
            if len(together) > 1:
                await self._send_all(together)
            for waiting in together:
                if not waiting.done.is_set():
                    await self._send_one(waiting)
        except BaseException as error:
            for waiting in together:
                if not waiting.done.is_set():
                    waiting.end(error)
            raise

    async def _send_all(self, together: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._workers.run(run_digests, tuple(waiting.job for waiting in together))
        except WorkerDiedError:
            return  # of one of them
        for waiting, outcome in zip(together, outcomes, strict=True):
            waiting.end(outcome)

    async def _send_one(self, waiting: _Waiting) -> None:
        try:
            waiting.end(await self._workers.run(run_digest, waiting.job))
        except Exception as error:  # noqa: BLE001 - raised by who waits for it
            waiting.end(error)
