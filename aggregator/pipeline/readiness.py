"""What a server and a daemon know of themselves -> whether requests should come here, and what is in the way. Pure.

/healthz asks whether the process answers: that is all it says, and a supervisor restarts who does not. /readyz asks whether the
answer is worth having. That upstreams fail is no reason for either: no restart makes them better.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.schedule import describe

#: Without a word from a round that is going on: the longest job that a worker may do takes a minute.
STUCK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known at one moment."""

    now: datetime
    state_problem: str | None = None  #: why the state cannot be read, in words; a state that is not there yet is none
    has_feeds: bool = True  #: the feed of everything lies there
    heard: datetime | None = None  #: the last word of the round that is going on; None: none is, or no daemon runs here


def obstacles(standing: Standing) -> tuple[str, ...]:
    """Return what keeps this server from being ready, one line each; nothing: it is.

    The lines are for whoever runs the server: they may hold paths, so they are logged and not served.
    """
    found = []
    if standing.state_problem is not None:
        found.append(f"the state cannot be read: {standing.state_problem}")
    if not standing.has_feeds:
        found.append("no feed is published yet: the first sync, or `aggregator build`, writes them")
    if standing.heard is not None and standing.now - standing.heard > STUCK:
        found.append(f"the round of polls that is going on has said nothing for {describe(standing.now - standing.heard)}")
    return tuple(found)
