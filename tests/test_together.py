"""Several bodies in one message to a worker: who goes with whom, and what becomes of the others when one kills."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.model.changes import Changes
from aggregator.model.source import Source
from aggregator.pipeline.jobs import BugError, DigestJob, PostsPlace, Unreadable, run_digests
from aggregator.pipeline.together import MOST_TOGETHER, Digested, Digests
from aggregator.workers import WorkerDiedError, Workers
from tests.parsing import NOW
from tests.upstream import item, rss

_ADDRESS = "http://news.example/feed"


def _job(number: int, body: bytes, root: Path = Path("/nowhere")) -> DigestJob:
    return DigestJob(
        body=body,
        coding=None,
        headers=(("content-type", "application/rss+xml"),),
        final_address=_ADDRESS,
        max_bytes=10_000_000,
        source=Source(id=f"s{number}", feed=_ADDRESS, addresses=(_ADDRESS,), categories=("news",)),
        known={},
        now=NOW,
        stamp=NOW,
        limit=None,
        place=PostsPlace(root=root / "posts", archive=root / "archive", profile="default", timezone="UTC"),
    )


class _Fake(Workers):
    """Workers without a process: they note what is sent, and take a turn of the loop for it."""

    def __init__(self, processes: int = 1) -> None:
        super().__init__(processes)
        self.sent: list[list[str]] = []

    async def run(self, function: Callable[[Any], Any], job: Any) -> Any:  # noqa: ARG002 - that of `Workers`
        jobs = job if isinstance(job, tuple) else (job,)
        self.sent.append([each.source.name for each in jobs])
        for _ in range(20):
            await asyncio.sleep(0)
        if any(each.body == b"kills" for each in jobs):
            raise WorkerDiedError("crash", "crashed")
        if isinstance(job, tuple):
            return tuple(StoreError("full", path="x") if each.body == b"full" else _said(each) for each in jobs)
        if job.body == b"full":
            raise StoreError("full", path="x")
        return _said(job)


def _said(job: DigestJob) -> Unreadable:
    return Unreadable(kind="not-a-feed", message=job.source.name)


def _all(workers: Workers, jobs: list[DigestJob]) -> list[Digested | BaseException]:
    async def run() -> list[Digested | BaseException]:
        digests = Digests(workers)
        return list(await asyncio.gather(*(digests.run(job) for job in jobs), return_exceptions=True))

    return asyncio.run(run())


def test_bodies_that_wait_travel_together_and_the_last_ones_are_shared_out() -> None:
    """The first go alone, as workers are free; those that wait go four at a time, and fewer when few are left."""
    workers = _Fake()
    jobs = [_job(number, b"x") for number in range(12)]

    outcomes = _all(workers, jobs)

    assert outcomes == [_said(job) for job in jobs]
    assert [len(names) for names in workers.sent] == [1, 1, 4, 3, 2, 1]
    assert [name for names in workers.sent for name in names] == [job.source.name for job in jobs]


def test_a_large_body_goes_alone() -> None:
    """What is as large as a message may be takes nobody along and goes with nobody."""
    workers = _Fake()
    sizes = [1, 1, 300_000, 1, 1, 200_000, 100_000, 1]
    _all(workers, [_job(number, b"x" * size) for number, size in enumerate(sizes)])

    assert ["s2"] in workers.sent
    assert all(sum(sizes[int(name[1:])] for name in names) <= 256 * 1024 or len(names) == 1 for names in workers.sent)


def test_a_body_that_kills_costs_only_itself() -> None:
    """When a message dies each of its bodies is sent once more, alone; only the one that kills fails."""
    workers = _Fake()
    jobs = [_job(number, b"kills" if number == 3 else b"x") for number in range(6)]

    outcomes = _all(workers, jobs)

    assert isinstance(outcomes[3], WorkerDiedError)
    assert [outcome for number, outcome in enumerate(outcomes) if number != 3] == [_said(job) for job in jobs if job != jobs[3]]
    assert ["s3"] in workers.sent


def test_what_one_body_raises_is_told_to_who_waits_for_it() -> None:
    """A post that cannot be written is the error of its own source, alone or in company."""
    workers = _Fake()
    jobs = [_job(number, b"full" if number in {0, 3} else b"x") for number in range(6)]

    outcomes = _all(workers, jobs)

    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, StoreError)] == [0, 3]
    assert any("s3" in names and len(names) > 1 for names in workers.sent)


def test_an_error_keeps_no_body() -> None:
    """What became of a body that kills, or could not be written, leaves no cycle: the collector comes late."""
    bodies = [b"kills", b"x", b"full", b"kills", b"full", b"x"]
    gc.collect()
    gc.disable()
    try:
        kinds = [type(outcome) for outcome in _all(_Fake(), [_job(number, body) for number, body in enumerate(bodies)])]
        left = [each for each in gc.get_objects() if type(each) is DigestJob]
    finally:
        gc.enable()

    assert kinds == [WorkerDiedError, Unreadable, StoreError, WorkerDiedError, StoreError, Unreadable]
    assert left == []


def test_workers_that_cannot_start_are_told_to_all() -> None:
    """Where no worker can be started nobody waits for ever."""

    class Broken(_Fake):
        async def run(self, function: Callable[[Any], Any], job: Any) -> Any:
            await super().run(function, job)
            raise StoreError("cannot start a worker process", path="x")

    outcomes = _all(Broken(), [_job(number, b"x") for number in range(7)])

    assert all(isinstance(outcome, StoreError) for outcome in outcomes)


def test_nothing_is_written_before_all_are_understood(tmp_path: Path) -> None:
    """A body that ends the process after others were read leaves no post of theirs."""
    jobs = (_job(1, rss(item(1)), tmp_path), replace(_job(2, rss(item(2)), tmp_path), headers=_Ends()))

    with pytest.raises(SystemExit):
        run_digests(jobs)

    assert not list(tmp_path.rglob("*.md"))


class _Ends(tuple[tuple[str, str], ...]):
    """Headers that nobody survives who looks at them."""

    __slots__ = ()

    def __iter__(self) -> Any:
        raise SystemExit

    def __len__(self) -> int:
        raise SystemExit


def test_a_bug_in_company_is_shown_as_one(tmp_path: Path) -> None:
    """What is raised by mistake stands in its body's place with its trace; the others are written."""
    broken = replace(_job(1, rss(item(1)), tmp_path), now="yesterday")  # type: ignore[arg-type]

    bug, fine = run_digests((broken, _job(2, rss(item(2)), tmp_path)))

    assert isinstance(bug, BugError)
    assert "Traceback" in bug.trace
    assert isinstance(fine, Changes)
    assert len(list(tmp_path.rglob("*.md"))) == 1


def test_real_workers_do_in_company_what_they_do_alone(tmp_path: Path) -> None:
    """The same bodies come to the same posts, however many travel together."""
    bodies = [rss("".join(item(10 * number + entry) for entry in range(3))) for number in range(2 * MOST_TOGETHER + 4)]
    done = []
    for place in (tmp_path / "alone", tmp_path / "together"):
        jobs = [_job(number, body, place) for number, body in enumerate(bodies)]
        with Workers(1) as workers:
            done.append(_all(workers, jobs) if place.name == "together" else [_all(workers, [job])[0] for job in jobs])

    assert done[0] == done[1]
    alone, together = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.md")} for name in ("alone", "together")
    )
    assert alone == together
    assert len(alone) == 3 * len(bodies)
