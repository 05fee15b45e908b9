"""The tasks that visit sources: who joins, who is given up, and that nobody else is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from aggregator.model.source import Source
from aggregator.pipeline import walks as module
from aggregator.pipeline.room import Door, Room
from aggregator.pipeline.walks import Walks


def _source(name: str) -> Source:
    return Source(id=name, addresses=(f"http://{name}.example/",), feed=f"http://{name}.example/", categories=("a",))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_JOIN_EVERY", 0.01)


class _Play:
    """Visits that end when they are told to; one called `waits` never gets a turn at its host."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.given_up: list[str] = []
        self.may_end = asyncio.Event()

    async def visit(self, source: Source, door: Door) -> None:
        try:
            if source.name.startswith("waits"):
                await asyncio.Event().wait()
            await door.pass_through()
            self.begun.append(source.name)
            if source.name.startswith("slow"):
                await self.may_end.wait()
            self.ended.append(source.name)
        except asyncio.CancelledError:
            self.given_up.append(source.name)
            raise


async def _run(play: _Play, first: Sequence[str], later: Sequence[str], open_for: float) -> None:
    coming = [[_source(name) for name in later]]
    async with asyncio.TaskGroup() as group:
        walks = Walks(group, Room(64), play.visit)
        walks.begin([_source(name) for name in first])
        joining = group.create_task(walks.join_and_close(open_for, lambda: coming.pop() if coming else []))
        await asyncio.wait_for(walks.ended(), 60)
        joining.cancel()


async def _until(is_so: Callable[[], bool], run: asyncio.Task[None]) -> None:
    """Wait until something is so, while the run goes on."""
    while not is_so():
        assert not run.done(), run.exception()
        await asyncio.sleep(0.01)
    assert not run.done()


def test_who_comes_due_joins_while_a_slow_one_is_waited_for() -> None:
    """A source whose moment comes during a run is visited at once, however long another one takes to answer."""

    async def play() -> None:
        found = _Play()
        run = asyncio.create_task(_run(found, ["slow", "a"], ["b", "c"], 30))
        await _until(lambda: found.ended == ["a", "b", "c"], run)
        found.may_end.set()
        await run
        assert found.given_up == []
        assert sorted(found.ended) == ["a", "b", "c", "slow"]

    asyncio.run(play())


def test_at_the_end_only_visits_that_have_not_begun_are_given_up() -> None:
    """When the run closes, who waits for a turn is given up, and who was asked is waited for."""

    async def play() -> None:
        found = _Play()
        run = asyncio.create_task(_run(found, ["slow", "waits", "a"], ["waits too"], 0.1))
        await _until(lambda: sorted(found.given_up) == ["waits", "waits too"], run)
        found.may_end.set()
        await run
        assert sorted(found.ended) == ["a", "slow"]

    asyncio.run(play())


def test_no_visit_begins_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that has more sources before it takes none of them once the run is closed."""
    monkeypatch.setattr(module, "VISITS_AT_ONCE", 1)

    async def play() -> None:
        found = _Play()
        run = asyncio.create_task(_run(found, ["slow", "a"], [], 0.05))
        await asyncio.sleep(0.2)
        found.may_end.set()
        await run
        assert found.ended == ["slow"]

    asyncio.run(play())
