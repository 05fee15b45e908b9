"""A world and policies -> a tally for each, on all processors; the same whatever their number."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.simulate.play import SETTLING, play
from benchmarks.simulate.policies import POLICIES, RIVALS, Policy
from benchmarks.simulate.tally import Tally
from benchmarks.simulate.world import Key, draw, plan_keys

#: Sources that one process holds at a time, unless one platform has more.
_SHARD = 2_500
_SETTLING_DAYS = SETTLING.days


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a run is given on its command line."""

    sources: int
    days: int  #: that count
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    world: World
    keys: tuple[Key, ...]
    policies: tuple[Policy, ...]


def simulate(world: World, *, jobs: int, say: Callable[[str], None]) -> dict[Policy, Tally]:
    """Play every policy, then the rivals that get as many polls as some of them used; return the tallies in that order."""
    tallies = play_all(world, POLICIES, jobs=jobs, say=say)
    spent = {policy.name: polls_per_day(tally, world) for policy, tally in tallies.items()}
    rivals = tuple(rival.at_budget(spent) for rival in RIVALS)
    return tallies | play_all(world, rivals, jobs=jobs, say=say)


def polls_per_day(tally: Tally, world: World) -> float:
    """Return polls per source and day."""
    return tally.polls / world.sources / world.days


def play_all(
    world: World, policies: tuple[Policy, ...], *, jobs: int, say: Callable[[str], None] = lambda _: None
) -> dict[Policy, Tally]:
    """Play these policies over a world."""
    tasks = [_Task(world=world, keys=keys, policies=policies) for keys in _shards(plan_keys(world.sources, world.seed))]
    totals = [Tally() for _ in policies]
    with multiprocessing.get_context("forkserver").Pool(jobs) as pool:
        for done, tallies in enumerate(pool.imap(_play_shard, tasks), start=1):
            for total, tally in zip(totals, tallies, strict=True):
                total.add(tally)
            say(f"{len(policies)} policies: {done} of {len(tasks)} parts of the world")
    return dict(zip(policies, totals, strict=True))


def _shards(keys: Sequence[Key]) -> Iterator[tuple[Key, ...]]:
    shard: list[Key] = []
    held = 0
    for key in keys:
        if shard and held + len(key.sources) > _SHARD:
            yield tuple(shard)
            shard, held = [], 0
        shard.append(key)
        held += len(key.sources)
    yield tuple(shard)


def _play_shard(task: _Task) -> tuple[Tally, ...]:
    world = task.world
    tallies = tuple(Tally() for _ in task.policies)
    for key in task.keys:
        upstreams = [draw(number, seed=world.seed, days=_SETTLING_DAYS + world.days) for number in key.sources]
        for policy, tally in zip(task.policies, tallies, strict=True):
            play(upstreams, policy, tally, is_platform=key.is_platform, days=world.days)
    return tallies
