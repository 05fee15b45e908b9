"""A key and a policy -> what its sources' polls came to. The planner is production's; the server answers at once.

The sources of a key are played together, poll after poll, since a cap makes them wait for each other; two keys have nothing
to do with each other, so a world can be cut anywhere between them.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heapify, heapreplace

from aggregator.model.fetched import Validators
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.schedule import LONGEST_INTERVAL, learn, next_poll, rate_per_day
from benchmarks.simulate.policies import FIVE_MINUTES, Policy
from benchmarks.simulate.tally import Tally, class_of
from benchmarks.simulate.world import START, Upstream

SETTLING = timedelta(days=1)  #: of polls that do not count: until then nobody was late and all phases are those of the start
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_VALIDATORS = Validators(address="", final="", etag=b'"1"')
_LONG_DEAD = 10  #: failures in a row of a source that does not answer any more


def play(upstreams: Sequence[Upstream], policy: Policy, tally: Tally, *, is_platform: bool, days: int) -> None:
    """Poll the sources of one key from START on, and count what happens in the days after the first."""
    lives = [_Life.begin(upstream, policy) for upstream in upstreams]
    cap = policy.platform_cap if is_platform else policy.host_cap
    gap = _MINUTE / cap if cap else timedelta()
    counted, end = START + SETTLING, START + SETTLING + days * _DAY
    queue = [(life.first(), number) for number, life in enumerate(lives)]
    heapify(queue)
    free = START
    minute, in_minute, busiest = -1, 0, 0
    while queue:
        due, number = queue[0]
        start = max(due, free)
        if start >= end:
            break
        free = start + gap
        life = lives[number]
        news = life.poll(start)
        heapreplace(queue, (life.due(), number))
        if start < counted:
            continue
        tally.polls += 1
        tally.wasted += not news
        now = _since_start(start)
        for post in news:
            tally.find(now - round(post * 1e6), life.kind)
        late = (start - due) // _MICROSECOND
        tally.late += late
        tally.latest = max(tally.latest, late)
        current = now // 60_000_000
        minute, in_minute = current, in_minute + 1 if current == minute else 1
        busiest = max(busiest, in_minute)
    if is_platform:
        tally.busiest_platform = max(tally.busiest_platform, busiest)
    else:
        tally.busiest_host = max(tally.busiest_host, busiest)


@dataclass(slots=True, kw_only=True)
class _Life:
    """One source on its way through the days."""

    upstream: Upstream
    policy: Policy
    source: Source
    state: SourceState
    validators: Validators | None
    kind: int
    read: int = 0  #: posts that were found

    @classmethod
    def begin(cls, upstream: Upstream, policy: Policy) -> _Life:
        validators = None if upstream.lot < policy.without_validators else _VALIDATORS
        return cls(
            upstream=upstream,
            policy=policy,
            source=Source(id=upstream.id, feed="", addresses=(), categories=(), every=policy.every),
            state=SourceState(
                id=upstream.id,
                validators=validators,
                last_poll=START,
                last_success=None if upstream.is_failing else START,
                arrivals=upstream.arrivals,
                watched=upstream.watched,
                failures=_LONG_DEAD if upstream.is_failing else 0,
            ),
            validators=validators,
            kind=class_of(upstream.per_day),
        )

    def first(self) -> datetime:
        """Return when its first poll is due: anywhere in its first interval."""
        return START + (self.due() - START) * self.upstream.phase

    def due(self) -> datetime:
        """Return when the planner has it polled next."""
        per_entry = self.policy.per_entry
        if per_entry is not None:
            wait = _DAY / (rate_per_day(self.state.arrivals, self.state.watched) * per_entry)
            self.source = replace(self.source, every=min(max(wait, FIVE_MINUTES), LONGEST_INTERVAL))
        at = next_poll(self.source, self.state, rule=self.policy.rule).at
        if at is None:
            raise AssertionError(f"{self.upstream.id} is neither paused nor gone, and the planner never polls it again")
        return at

    def poll(self, now: datetime) -> array[float]:
        """Ask it, learn from the answer as production does, and return when each new post came out."""
        if self.upstream.is_failing:
            self.state = SourceState(id=self.state.id, last_poll=now, failures=self.state.failures + 1)
            return self.upstream.posts
        posts, read, seconds = self.upstream.posts, self.read, _since_start(now) / 1e6
        while read < len(posts) and posts[read] <= seconds:
            read += 1
        news = posts[self.read : read]
        self.read = read
        arrivals, watched = learn(self.state, len(news), now)
        self.state = SourceState(
            id=self.state.id,
            validators=self.validators,
            last_poll=now,
            last_success=now,
            arrivals=arrivals,
            watched=watched,
        )
        return news


def _since_start(at: datetime) -> int:
    """Return microseconds."""
    return (at - START) // _MICROSECOND
