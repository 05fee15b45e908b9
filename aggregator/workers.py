"""Killable worker processes: a job that crashes, hangs or eats memory costs its own result and nothing else.

Comes in: a module-level function and one picklable job. Goes out: its result, or `WorkerDiedError` with the cause in words. The
pool is pebble's, over forkserver: started with the first job, so a run that has none, nor expected one, starts no process.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as PoolTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from tempfile import gettempdir
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aggregator.errors import StoreError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing.synchronize import RLock

Job = TypeVar("Job")
Result = TypeVar("Result")

FEED_CPU_SECONDS = 5.0  #: for inflating, parsing, normalising and deciding: the feed's own work
TOTAL_SECONDS = 65.0  #: for a whole job, writing included; past this it is a disk that hangs, not a feed
#: For a job that no process takes up. Two wait for each process, so past this there is none that could.
PATIENCE_SECONDS = 4 * TOTAL_SECONDS
MEMORY_BYTES = 1024 * 1024 * 1024  #: of address space; nh3 aborts and lxml errs beyond it, so it is a crash
#: What a worker needs from its first job on; the command's own module is among it, since each process loads that again.
_PRELOADED = ["aggregator.cli", "pebble", "aggregator.pipeline.digest", "aggregator.pipeline.outputs"]
_PR_SET_PDEATHSIG = 1
#: What the C library keeps of freed memory for the next job, in bytes, by mallopt(3)'s numbers for M_MMAP_THRESHOLD and
#: M_TRIM_THRESHOLD. Left alone, it gives most of it back after each feed and takes it again for the next one, page by page.
_KEPT_FREE = {-3: 4 * 1024 * 1024, -1: 16 * 1024 * 1024}
#: How often pebble looks whether a process has died, and, which is why it is less than pebble's own 0.1, whether to end.
_PEBBLE_SECONDS = 0.02
_RECORDS_BETWEEN_COLLECTIONS = 50_000
_LONGEST_TEMPORARY_FOLDER = 64  #: bytes; what multiprocessing appends takes about 35


class WorkerDiedError(Exception):
    """A job took its worker with it; `kind` and the message say how."""

    def __init__(self, kind: str, message: str) -> None:
        """Take a stable word (crash, deadline, memory, stuck) and one line."""
        self.kind = kind
        super().__init__(message)


class Workers:
    """A pool of worker processes, used as a context manager."""

    def __init__(self, processes: int, *, jobs_each: int = 0) -> None:
        """Take the number of processes, none of which is started yet, and after how many jobs one is replaced (0: never)."""
        self._processes = processes
        self._jobs_each = jobs_each
        self._last_job = time.monotonic()
        self._pool: Any = None
        self._starter: ThreadPoolExecutor | None = None  #: the thread that starts the pool
        self._started: Future[bool] | None = None
        self._is_lost = False  #: a job was taken up by nobody
        self._has_worked = False  #: a job of this pool came to an end
        self._died_writing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end(kill=kind is not None)

    def rest(self, after: float) -> None:
        """End the processes if there was no job for so many seconds; the next one starts them again. While no job is on."""
        if self._pool is not None and time.monotonic() - self._last_job >= after:
            self._end(kill=False)

    def kill(self) -> None:
        """End the processes at once, whatever they are at."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        if self._starter is not None:
            self._starter.shutdown()  # waits for a pool that is just coming up, or its processes would be nobody's
        if self._pool is not None:
            if kill:
                self._pool.stop()
            else:
                self._pool.close()
            self._pool.join()
        self._pool = self._starter = self._started = None
        self._is_lost = self._has_worked = False

    def died_writing(self) -> bool:
        """Tell whether, since this was last asked, a process has died that may have been writing; its deadline comes before."""
        died, self._died_writing = self._died_writing, False
        return died

    @property
    def width(self) -> int:
        """Return how many jobs should be in flight: two per process, so that none waits for the main process."""
        return 2 * self._processes

    async def run(self, function: Callable[[Job], Result], job: Job) -> Result:
        """Run one job; raises WorkerDiedError if the worker died of it, else what the function raised."""
        from pebble import ProcessExpired

        self._last_job = time.monotonic()
        try:
            pool = await self._running()
            future = pool.schedule(function, args=(job,), timeout=TOTAL_SECONDS)
        except (BrokenProcessPool, OSError, RuntimeError) as error:
            raise _cannot_start(error) from error
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                result: Result = await asyncio.wrap_future(future)
        except ProcessExpired as error:
            self._died_writing |= error.exitcode != -signal.SIGPROF
            raise WorkerDiedError(*_cause_of_death(error.exitcode)) from error
        except BrokenProcessPool as error:
            if not self._has_worked:  # none of them got as far as taking a job
                raise _cannot_start(error) from error
            raise WorkerDiedError("crash", "was cut off: the processes that read have died") from error
        except PoolTimeoutError as error:
            if future.cancelled():
                # One that was killed amid taking a job up holds, for ever, what the others need to take one up.
                self._is_lost = self._pool is pool
                raise WorkerDiedError("stuck", f"was not begun within {PATIENCE_SECONDS:.0f} s: workers are lost") from error
            self._died_writing = True
            raise WorkerDiedError("stuck", f"no progress for {TOTAL_SECONDS:.0f} s: the disk may hang") from error
        except MemoryError as error:
            raise WorkerDiedError("memory", _MEMORY_MESSAGE) from error
        self._has_worked = True
        return result

    async def each(self, work: Callable[[Job], Awaitable[Result]], jobs: Iterable[Job]) -> list[Result]:
        """Do `work`, which runs what it is given here, for each of these; return what came of them, in their order.

        However many there are, no more than `width` are in line: who waits there for longer than a few jobs take is thought
        to be waiting for processes that are lost.
        """
        turns = asyncio.Semaphore(self.width)

        async def one(job: Job) -> Result:
            async with turns:
                return await work(job)

        return await asyncio.gather(*(one(job) for job in jobs))

    async def _running(self) -> Any:
        """Return the pool with its processes up.

        They load all that they need first, and whoever starts them waits for that: so a thread does, and polling goes on.
        """
        if self._started is not None and self._started.done() and not self._is_up(self._started):
            self._end(kill=True)
        if self._started is None:
            # With the first job, like everything that a run without news does not need.
            from concurrent.futures import ThreadPoolExecutor

            import pebble

            pebble.CONSTS.sleep_unit = _PEBBLE_SECONDS
            context = _start_server()
            self._pool = pebble.ProcessPool(
                max_workers=self._processes, max_tasks=self._jobs_each, context=context, initializer=_set_up
            )
            self._starter = ThreadPoolExecutor(1)
            self._started = self._starter.submit(lambda: bool(self._pool.active))  # asked whether it is, it starts them
        if not self._started.done():
            # A caller that is cancelled must not take the start away from the others.
            await asyncio.shield(asyncio.wrap_future(self._started))
        self._started.result()
        return self._pool

    def _is_up(self, started: Future[bool]) -> bool:
        """Tell whether a pool that was started can be given jobs; one that could not be, or has broken, cannot any more.

        pebble takes the death of a process for the end of all of them when no job is on: the kernel, short of memory, picks
        one that idles as well.
        """
        return started.exception() is None and not self._is_lost and bool(self._pool.active)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def expect_jobs() -> None:
    """Let what jobs need be loaded at once, in a process beside this one, while the caller gets ready for the first of them.

    For a run that will surely have one: that process costs as much whether a job comes or not. Raises StoreError.
    """
    try:
        _start_server()
    except (OSError, RuntimeError) as error:
        raise _cannot_start(error) from error


class _Context(ForkServerContext):
    """Makes what a pool and its processes share, and keeps the locks for as long as it lives itself.

    pebble lets go of them before it ends the processes, and with the last reference their names go: one that is just being born
    would not find them any more, and say so with a traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._locks: list[RLock] = []

    def RLock(self) -> RLock:  # noqa: N802 - multiprocessing's name
        lock = super().RLock()
        self._locks.append(lock)
        return lock


def _start_server() -> _Context:
    """Start the process that worker processes are forked from, unless it is there already; it loads its modules by itself."""
    context = _Context()
    context.set_forkserver_preload(_PRELOADED)
    # Ctrl-C reaches every process of a terminal: while it loads, this one would answer with a traceback. It keeps the mask.
    resource_tracker.ensure_running()  # first, for it takes the mask off
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _short_temporary_folder():
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def _cannot_start(error: Exception) -> StoreError:
    cause = error.__cause__ or error
    return StoreError(
        f"cannot start a worker process: {cause}. Is {gettempdir()} writable, and may this user run {sys.executable}?",
        path=gettempdir(),
    )


@contextmanager
def _short_temporary_folder() -> Iterator[None]:
    """Make the forkserver's socket where its path fits into the 108 bytes that the kernel gives it, whatever TMPDIR says."""
    before = tempfile.tempdir
    if len(os.fsencode(gettempdir())) > _LONGEST_TEMPORARY_FOLDER:
        tempfile.tempdir = next((place for place in ("/tmp", "/var/tmp") if os.access(place, os.W_OK)), None)  # noqa: S108
    try:
        yield
    finally:
        tempfile.tempdir = before


_MEMORY_MESSAGE = f"needs more than {MEMORY_BYTES // 1024 // 1024} MiB of memory to be read"


def arm_deadline() -> None:
    """Start the clock of the feed's own work: CPU time, so that a busy machine or disk is not held against it.

    The signal's default action ends the process even while C code holds the interpreter's lock, where no handler
    written in Python would get to run.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, FEED_CPU_SECONDS)


def disarm_deadline() -> None:
    """Stop it: what follows is our own writing."""
    signal.setitimer(signal.ITIMER_PROF, 0)


def _set_up() -> None:
    """Prepare a worker: a memory limit, and no life beyond its parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which then ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A job makes records by the thousand that live until its end, and hardly a cycle: looked through every 700th, as Python
    # would by default, they cost a tenth of its time. What was imported is here to stay and never looked through.
    gc.freeze()
    gc.set_threshold(_RECORDS_BETWEEN_COLLECTIONS, 20, 20)
    if sys.platform == "linux":
        # macOS counts address space in a way that leaves no room for Python itself.
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, MEMORY_BYTES)  # none may raise a limit
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        import ctypes

        library = ctypes.CDLL(None)
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if hasattr(library, "mallopt"):  # musl has none
            for option, number in _KEPT_FREE.items():
                library.mallopt(option, number)


def _cause_of_death(exitcode: int) -> tuple[str, str]:
    if exitcode == -signal.SIGPROF:
        return "deadline", f"took more than {FEED_CPU_SECONDS:.0f} s of processor time to be read"
    if exitcode == -signal.SIGABRT:
        return "memory", _MEMORY_MESSAGE
    name = signal.Signals(-exitcode).name if exitcode < 0 else f"exit status {exitcode}"
    return "crash", f"crashed the process that read it ({name})"
