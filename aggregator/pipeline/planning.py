"""Sources, what was learned and closed hosts -> who is due, when and why: for `sync`, `status`, `plan` and `explain` alike.

The rule itself is `schedule.next_poll`; here stands what it cannot know: settings that have changed since, a clock that was
set back, and which host a source would ask. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from aggregator.model.changes import Hints
from aggregator.model.fetched import HostState
from aggregator.model.poll import SourceState
from aggregator.model.reason import Reason
from aggregator.model.source import Source
from aggregator.pipeline.finished import fingerprint
from aggregator.schedule import CLOCK_SET_BACK, LONGEST_FRESHNESS, SETTINGS_CHANGED, Next, next_poll

_TOO_MANY_REQUESTS = 429
#: A host name that has one spelling but for its letter case; those that end in a digit may be IPv4 addresses.
_PLAIN_NAME = re.compile(r"(?:[a-z0-9_-]+\.)*[a-z_-][a-z0-9_-]*|(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")


def upcoming(source: Source, state: SourceState | None, hosts: Mapping[str, HostState], now: datetime) -> Next:
    """Return when a source is polled next."""
    found, changed = starting_point(source, state, now)
    coming = next_poll(source, found, holding(source, found, hosts, now), now=now)
    return replace(coming, why=(changed,)) if changed and coming.is_due(now) else coming


def starting_point(source: Source, state: SourceState | None, now: datetime) -> tuple[SourceState, Reason | None]:
    """Return the state that still counts, and why less of it counts than is stored."""
    if state is None:
        return SourceState(id=source.id), None
    if state.last_poll is not None and state.last_poll > now:
        return replace(state, last_poll=None, fresh_until=None), CLOCK_SET_BACK
    if state.last_poll is not None and state.fingerprint != fingerprint(source):
        # What a feed asked for (skipHours, ttl) goes with the rest: it may not even be the same feed.
        return replace(state, last_poll=None, fresh_until=None, hints=Hints()), SETTINGS_CHANGED
    return state, None


def holding(source: Source, state: SourceState, hosts: Mapping[str, HostState], now: datetime) -> HostState | None:
    """Return the closed host that a source would ask now; None if it may ask.

    Instances are asked in turn. One whose host said 503 is passed over, one whose host said 429 is not (DESIGN 14). A redirect
    is expected to lead where it led before, so that nobody is asked only to be sent to a closed host.
    """
    passed: list[HostState] = []
    first = [address for address in source.addresses if address == state.prefer]
    for address in [*first, *(address for address in source.addresses if address not in first)]:
        known = state.validators
        final = known.final if known is not None and known.address == address else None
        names = [host_name(address)] + ([host_name(final)] if final is not None else [])
        held = max((hosts[name] for name in names if _is_closed(hosts.get(name), now)), key=_until, default=None)
        if held is None:
            return None
        if held.status == _TOO_MANY_REQUESTS:
            return held
        passed.append(held)
    return min(passed, key=_until)


def in_rounds(sources: Iterable[Source]) -> list[Source]:
    """Return the sources in rounds, each with the next one of every host: so many as wait for one host hold up no other."""
    met: Counter[str] = Counter()
    rounds: list[list[Source]] = []
    for source in sources:
        host = host_name(source.addresses[0])
        if met[host] == len(rounds):
            rounds.append([])
        rounds[met[host]].append(source)
        met[host] += 1
    return [source for one in rounds for source in one]


def _until(held: HostState) -> datetime:
    return held.closed_until


def _is_closed(held: HostState | None, now: datetime) -> bool:
    # What a clock in the future wrote down is not waited for.
    return held is not None and now < held.closed_until <= now + LONGEST_FRESHNESS + timedelta(days=1)


@lru_cache(maxsize=1 << 15)  # a run asks some times for each source
def host_name(address: str) -> str:
    """Return the host of an address as `HostState.name` spells it."""
    name = (urlsplit(address).hostname or "").rstrip(".")
    if _PLAIN_NAME.fullmatch(name):
        return name
    from aggregator.fetch.address import parse_target  # yarl is loaded only for hosts that can be spelled in several ways

    try:
        return parse_target(address).host.rstrip(".")
    except ValueError:
        return name
