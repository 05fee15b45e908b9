"""Real worker processes, and jobs that kill them."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing import forkserver
from pathlib import Path

import pytest

from aggregator import workers
from aggregator.errors import StoreError
from aggregator.workers import WorkerDiedError, Workers, expect_jobs
from tests import workers_jobs as jobs


def _run(*calls: tuple[Callable[[int], int], int]) -> list[object]:
    async def run() -> list[object]:
        with Workers(2) as pool:
            return list(await asyncio.gather(*(pool.run(job, given) for job, given in calls), return_exceptions=True))

    return asyncio.run(run())


def test_a_job_that_kills_its_worker_costs_only_itself() -> None:
    """A crash, an abort, a stall in C code and a memory hog each fail alone; their neighbours succeed."""
    results = _run((jobs.double, 1), (jobs.die, 0), (jobs.abort, 0), (jobs.stall, 0), (jobs.grow, 0), (jobs.double, 2))

    assert (results[0], results[5]) == (2, 4)
    deaths = [result for result in results if isinstance(result, WorkerDiedError)]
    assert [death.kind for death in deaths] == ["crash", "memory", "deadline", "memory"]
    assert "SIGSEGV" in str(deaths[0])
    assert f"{workers.FEED_CPU_SECONDS:.0f} s" in str(deaths[2])


def test_an_exception_comes_back_as_it_is() -> None:
    """What a job raises is raised here, not turned into a death."""
    [result] = _run((jobs.fail, 7))

    assert isinstance(result, LookupError)
    assert str(result) == "no 7"


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library keeps what it likes")
def test_what_one_feed_took_serves_the_next() -> None:
    """Memory that was freed is used again, not asked of the kernel page by page."""
    [pages] = _run((jobs.take_pages, 8 * 1024 * 1024))

    assert isinstance(pages, int)
    assert pages < 100


def test_no_job_no_process() -> None:
    """A pool without a job starts nothing."""
    with Workers(2) as pool:
        assert pool._pool is None


def test_a_job_that_was_expected_is_done() -> None:
    """What is loaded in advance serves the pool, which itself still starts with its first job only."""

    async def run() -> int:
        with Workers(1) as pool:
            expect_jobs()
            assert pool._pool is None
            return await pool.run(jobs.double, 21)

    assert asyncio.run(run()) == 42


def test_workers_that_cannot_be_started_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started, whoever expects jobs is told so, and what to look at."""

    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(forkserver, "ensure_running", refuse)

    with pytest.raises(StoreError, match=r"cannot start a worker process: .*denied\. Is .* writable"):
        expect_jobs()


def test_a_process_that_dies_idle_is_replaced() -> None:
    """A worker that is killed while there is no job, as the kernel does it when memory is short, costs no job."""

    async def run() -> list[int]:
        with Workers(1) as pool:
            first = await pool.run(jobs.process_id, 0)
            os.kill(first, signal.SIGKILL)
            await asyncio.sleep(0.3)
            return [await pool.run(jobs.double, 21), await pool.run(jobs.double, 4)]

    assert asyncio.run(run()) == [42, 8]


def test_a_job_that_nobody_takes_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the processes are lost, a job fails in words instead of waiting for ever, and the next one gets new ones."""

    async def run() -> tuple[str, int]:
        with Workers(1) as pool:
            worker = await pool.run(jobs.process_id, 0)
            os.kill(worker, signal.SIGSTOP)
            with monkeypatch.context() as patch:
                patch.setattr(workers, "PATIENCE_SECONDS", 0.5)
                with pytest.raises(WorkerDiedError) as died:
                    await pool.run(jobs.double, 1)
            return str(died.value), await pool.run(jobs.double, 21)

    said, result = asyncio.run(run())
    assert said.startswith("was not begun within")
    assert result == 42


def test_of_many_jobs_none_is_given_up_for_its_place_in_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them together may take longer than one is waited for: an index of a million posts is made anew like that."""
    monkeypatch.setattr(workers, "PATIENCE_SECONDS", 2.0)

    async def run() -> list[int]:
        with Workers(1) as pool:
            return await pool.each(partial(pool.run, jobs.doze), range(50))

    assert asyncio.run(run()) == list(range(50))


def test_an_interruption_while_modules_load_is_no_business_of_the_process_that_loads_them() -> None:
    """Ctrl-C reaches all processes of a terminal; the one that workers are forked from shows no traceback and goes on."""
    code = "import asyncio, os, signal, time\nfrom aggregator.workers import Workers, expect_jobs\n"
    code += "from tests.workers_jobs import double\n"
    code += "if __name__ == '__main__':\n    signal.signal(signal.SIGINT, lambda *_: None)\n"
    code += "    expect_jobs()\n    time.sleep(0.3)\n    os.killpg(0, signal.SIGINT)\n"
    code += "    with Workers(1) as pool:\n        print(asyncio.run(pool.run(double, 21)))\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        process_group=0,
    )

    assert (done.stdout, done.stderr) == ("42\n", "")


def test_who_gives_up_while_the_pool_comes_up_takes_it_from_nobody() -> None:
    """A job that is cancelled before there is a worker does not cancel the start that others wait for."""

    async def run() -> int:
        with Workers(1) as pool:
            first, second = (asyncio.create_task(pool.run(jobs.double, given)) for given in (1, 2))
            await asyncio.sleep(0)
            first.cancel()
            return await second

    assert asyncio.run(run()) == 4


def test_a_pool_that_is_left_while_it_comes_up_leaves_no_process() -> None:
    """A run that ends before its workers are there waits for them, and ends them."""

    async def run() -> None:
        with Workers(2) as pool:
            job = asyncio.create_task(pool.run(jobs.double, 1))
            await asyncio.sleep(0)
            job.cancel()
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(run())

    assert multiprocessing.active_children() == []


_BIRTHS_HELD_UP = """
import asyncio, os, pebble.pool.process, signal, time
from aggregator.workers import Workers
from tests.workers_jobs import double

launch, stop = pebble.pool.process.launch_process, pebble.pool.process.stop_process
born = []

def launch_slowly(*given):
    process = launch(*given)
    born.append(process)
    if len(born) > 1:
        os.kill(process.pid, signal.SIGSTOP)
    return process

def stop_slowly(process):
    os.kill(process.pid, signal.SIGCONT)
    time.sleep(0.2)
    stop(process)

pebble.pool.process.launch_process, pebble.pool.process.stop_process = launch_slowly, stop_slowly
if __name__ == "__main__":
    with Workers(4) as pool:
        print(asyncio.run(pool.run(double, 21)))
        pool.kill()
"""


def test_processes_that_are_just_being_born_end_without_a_word() -> None:
    """A pool that ends on a machine too busy to bring its processes up, and to end them at once, is silent."""
    done = subprocess.run(
        [sys.executable, "-c", _BIRTHS_HELD_UP], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )

    assert (done.stdout, done.stderr) == ("42\n", "")


def test_a_long_temporary_folder_is_no_obstacle(tmp_path: Path) -> None:
    """Workers start although TMPDIR's path is too long for a socket in it."""
    long = tmp_path / ("a" * 100)
    long.mkdir()
    code = "import asyncio\nfrom aggregator.workers import Workers\nfrom tests.workers_jobs import double\n"
    code += "if __name__ == '__main__':\n    with Workers(1) as pool:\n        print(asyncio.run(pool.run(double, 21)))\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(long)},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )

    assert done.stdout == "42\n", done.stderr
