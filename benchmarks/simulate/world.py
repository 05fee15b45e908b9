"""Seed -> the world that policies are tried on: who is where, who writes how often, and when (pure).

Everything about one source comes from a generator of its own, seeded by the run's seed and the source's number: whichever
process draws it, and in whatever order, it is the same source, and every policy meets the same posts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random

from aggregator.model.poll import SourceState
from aggregator.schedule import learn

#: When the first poll may come; what lies before it is history, from which rates are learned.
START = datetime(2026, 1, 5, tzinfo=UTC)
_DAY = timedelta(days=1)
_DAY_SECONDS = 86_400.0
_HISTORY_DAYS = 14

#: Of all sources, the share that each of five platforms serves from one host: 40 % together.
_PLATFORMS = (0.13, 0.10, 0.07, 0.06, 0.04)
_MOST_ON_A_HOST = 200  #: sources of a host that is no platform
_SILENT = 0.20  #: share that answers and has no news any more
_FAILING = 0.05  #: share that does not even answer any more
#: Of the living: posts per day, log-normal. Half of them write less than once a week, a hundredth more than nine times a day.
_MEDIAN_PER_DAY = 0.15
_SPREAD = 1.8
_MOST_PER_DAY = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What politeness counts by: a host, or a platform that serves thousands of sources from one."""

    is_platform: bool
    sources: range  #: their numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One source as it really is, and what a fortnight of watching has taught about it."""

    id: str
    per_day: float  #: posts, on average
    is_failing: bool
    posts: array[float]  #: when they come out: seconds after START, ascending
    arrivals: float  #: as `SourceState.arrivals`, at START
    watched: float
    phase: float  #: how much of its first interval passes before its first poll, 0 to 1
    lot: float  #: 0 to 1: a policy that concerns a share of the sources takes the lower ones


def plan_keys(sources: int, seed: int) -> tuple[Key, ...]:
    """Return the keys and which sources each of them serves: the platforms first, then hosts, most of them with one source."""
    keys: list[Key] = []
    taken = 0
    for share in _PLATFORMS:
        size = round(sources * share)
        keys.append(Key(is_platform=True, sources=range(taken, taken + size)))
        taken += size
    rng = Random(f"{seed}/hosts")
    while taken < sources:
        size = min(int(rng.paretovariate(2)), _MOST_ON_A_HOST, sources - taken)
        keys.append(Key(is_platform=False, sources=range(taken, taken + size)))
        taken += size
    return tuple(keys)


def draw(number: int, *, seed: int, days: float) -> Upstream:
    """Return one source, with its posts of the history and of so many days after START.

    Posts come at random times (Poisson): no daily rhythm, no bursts.
    """
    rng = Random(f"{seed}/{number}")
    kind = rng.random()
    per_day = min(_MEDIAN_PER_DAY * exp(rng.gauss(0, _SPREAD)), _MOST_PER_DAY)
    phase, lot = rng.random(), rng.random()
    if kind < _SILENT + _FAILING:
        per_day = 0.0
    every = list(_instants(per_day, days, rng))
    is_failing = _SILENT <= kind < _SILENT + _FAILING
    arrivals, watched = (0.0, 0.0) if is_failing else _learned(every)
    return Upstream(
        id=f"s{number}",
        per_day=per_day,
        is_failing=is_failing,
        posts=array("d", (at for at in every if at >= 0)),
        arrivals=arrivals,
        watched=watched,
        phase=phase,
        lot=lot,
    )


def _instants(per_day: float, days: float, rng: Random) -> Iterator[float]:
    at = -_HISTORY_DAYS * _DAY_SECONDS
    while per_day:
        at += rng.expovariate(per_day / _DAY_SECONDS)
        if at >= days * _DAY_SECONDS:
            return
        yield at


def _learned(posts: list[float]) -> tuple[float, float]:
    """Return what production learns of the history when it looks once a day."""
    news = [0] * _HISTORY_DAYS
    for at in posts:
        if at < 0:
            news[int(at // _DAY_SECONDS) + _HISTORY_DAYS] += 1
    arrivals = watched = 0.0
    asked = START - _HISTORY_DAYS * _DAY
    for new in news:
        state = SourceState(id="", last_success=asked, arrivals=arrivals, watched=watched)
        asked += _DAY
        arrivals, watched = learn(state, new, asked)
    return arrivals, watched
