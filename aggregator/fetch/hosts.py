"""Per-host manners: at most so many requests at once, a gap after each, and silence when a host asks for it.

A gate knows one host, by name and without its port, over all sources. It never sends anything and counts no time
against a source: who waits here has not begun.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from aggregator.fetch.address import encode_host
from aggregator.fetch.guard import is_loopback
from aggregator.fetch.retry_after import LONGEST
from aggregator.model.fetched import HostState
from aggregator.model.settings import FetchSettings, HostLimits

#: This machine serves its own RSSHub: it needs no protection from us.
_LOOPBACK_AT_ONCE = 4
_TOO_MANY_REQUESTS = 429
_MOST_HOSTS = 100_000  #: whose last requests are remembered
_SHORTEST = timedelta(minutes=1)  #: a Retry-After below is taken for this much
_FIRST_STRIKE = timedelta(hours=1)
_LONGEST_STRIKE = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A host that asked to be left alone."""

    status: int  #: 429 or 503
    wait: timedelta  #: what is left of it


class Paces:
    """When hosts were last asked, on the event loops' clock: what runs of one process know of the runs before."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def last_end(self, host: str) -> float:
        """Return when the last request to a host ended; long ago if there was none."""
        return self._ends.get(host, float("-inf"))

    def note(self, host: str, end: float) -> None:
        """Take the end of a request."""
        self._ends.pop(host, None)  # what was noted last stands last
        self._ends[host] = end
        if len(self._ends) > _MOST_HOSTS:
            # Redirects may lead to ever new hosts; those that were asked longest ago have had their pause.
            for old in list(self._ends)[: _MOST_HOSTS // 2]:
                del self._ends[old]


class Gate:
    """The way to one host, first come, first served."""

    def __init__(self, host: str, paces: Paces, *, at_once: int, gap: timedelta) -> None:
        """Take how many requests may run at once, and the pause between the end of one and the start of the next."""
        self._host = host
        self._paces = paces
        self._at_once = at_once
        self._gap = gap.total_seconds()
        self._running = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed_until = float("-inf")
        self._closed_by = 0

    async def enter(self, *, onward: bool = False) -> Closed | None:
        """Wait for a turn; None means go, and then `leave` must follow. `onward` (a redirect's next hop) goes first."""
        if (closed := self._closed()) is not None:
            return closed
        if not self._queue and self._pause() <= 0 and self._running < self._at_once:
            self._running += 1
            return None
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._queue.appendleft if onward else self._queue.append)(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            else:
                with suppress(ValueError):  # `_admit` may have met it first
                    self._queue.remove(turn)
            raise
        if (closed := self._closed()) is not None:
            self._give_back()
            return closed
        return None

    def leave(self, *, asked: bool = True) -> None:
        """End a request that `enter` allowed; `asked`: it was sent, so that the host has its pause now."""
        if asked:
            self._paces.note(self._host, asyncio.get_running_loop().time())
        self._give_back()

    def close(self, status: int, wait: timedelta) -> None:
        """Let nobody in for a while, and send away who is waiting."""
        until = asyncio.get_running_loop().time() + wait.total_seconds()
        if until > self._closed_until:
            self._closed_until, self._closed_by = until, status
        self._admit()

    @property
    def is_closed(self) -> bool:
        """Tell whether the host wants to be left alone now."""
        return self._closed() is not None

    def _pause(self) -> float:
        return self._paces.last_end(self._host) + self._gap - asyncio.get_running_loop().time()

    def _closed(self) -> Closed | None:
        left = self._closed_until - asyncio.get_running_loop().time()
        return Closed(status=self._closed_by, wait=timedelta(seconds=left)) if left > 0 else None

    def _give_back(self) -> None:
        self._running -= 1
        self._admit()

    def _admit(self) -> None:
        """Let in whoever may go now; who is sent away by a closed host needs no turn."""
        loop = asyncio.get_running_loop()
        closed = self._closed() is not None
        pause = self._pause()
        while self._queue and (closed or (self._running < self._at_once and pause <= 0)):
            turn = self._queue.popleft()
            if not turn.done():  # else cancelled, and its task has not run since
                self._running += 1
                turn.set_result(None)
        if self._queue and pause > 0 and self._timer is None:
            self._timer = loop.call_later(pause, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._admit()


class Gates:
    """The gates of every host met so far, and what is known of hosts that closed."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        now: Callable[[], datetime],
        closed: Iterable[HostState] = (),
        insist: bool = False,
        paces: Paces | None = None,
    ) -> None:
        """Take the general limits and the exceptions by host name, a clock, and the hosts that are closed already.

        Who has to `insist` asks those all the same; what they say then counts like anything that they say. `paces` tell when
        earlier runs of this process have asked.
        """
        self.paces = paces or Paces()  #: when hosts were last asked
        self._settings = settings
        self._now = now
        self._insist = insist
        self._limits = {_name(host): limits for host, limits in settings.hosts}
        self._gates: dict[str, Gate] = {}
        self._known = {state.name: state for state in closed}
        self.news: dict[str, HostState] = {}  #: what was learned about hosts, to be remembered

    def to(self, host: str) -> Gate:
        """Return the gate to a host, by its encoded name."""
        name = host.rstrip(".")
        if name not in self._gates:
            self._gates[name] = gate = self._open(name)
            state = self._known.get(name)
            if state is not None and self._is_closed(state) and not self._insist:
                gate.close(state.status, state.closed_until - self._now())
        return self._gates[name]

    def refused(self, host: str, status: int, asked: timedelta | None) -> timedelta | None:
        """Close a host that said 429 or 503; return for how long, None if it stays open.

        503 closes it only with a Retry-After. 429 always does (RFC 6585 §4): without one for an hour, doubled by each
        further one in a row up to a day, and a jitter of up to a tenth.
        """
        name = host.rstrip(".")
        before = self.news.get(name) or self._known.get(name)
        strikes = before.strikes if before else 0
        if asked is None:
            if status != _TOO_MANY_REQUESTS:
                return None
            # Requests that were under way together are refused together: one strike.
            strikes += 0 if self.to(name).is_closed and strikes else 1
            doubled: timedelta = _FIRST_STRIKE * 2 ** min(strikes - 1, 10)
            wait = min(doubled, _LONGEST_STRIKE)
            wait += wait * 0.1 * _share(f"{name}\0{strikes}")
        else:
            wait = min(max(asked, _SHORTEST), LONGEST)
        state = HostState(name=name, closed_until=self._now() + wait, status=status, strikes=strikes)
        if before is not None and self._is_closed(before) and before.closed_until > state.closed_until:
            # Two requests ran at once and the other one was told to wait for longer: that holds (RFC 9110 §10.2.3).
            state = replace(before, strikes=strikes)
        self.news[name] = state
        self.to(name).close(status, wait)
        return wait

    def answered(self, host: str) -> None:
        """Note a good answer: whatever the host complained of is over, unless it has complained since that was asked for."""
        name = host.rstrip(".")
        before = self.news.get(name) or self._known.get(name)
        if before is not None and before.strikes and not self.to(name).is_closed:
            self.news[name] = replace(before, closed_until=self._now(), strikes=0)

    def _is_closed(self, state: HostState) -> bool:
        # What lies further ahead than any wait was written down by a clock that stood in the future.
        return timedelta() < state.closed_until - self._now() <= LONGEST

    def _open(self, name: str) -> Gate:
        limits = self._limits.get(name, HostLimits())
        local = is_loopback(name)
        general = max(_LOOPBACK_AT_ONCE, self._settings.per_host) if local else self._settings.per_host
        pause = timedelta() if local else self._settings.gap
        return Gate(
            name,
            self.paces,
            at_once=general if limits.per_host is None else limits.per_host,
            gap=pause if limits.gap is None else limits.gap,
        )


def _share(seed: str) -> float:
    return float(int.from_bytes(sha256(seed.encode()).digest()[:4], "big") / 2**32)


def _name(host: str) -> str:
    """Return a configured host name as addresses spell it; one that cannot be a host matches nothing."""
    try:
        return encode_host(f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host).rstrip(".")
    except ValueError:
        return host
