"""What hubs have to be told of (WebSub §6): which published files changed, and what became of telling it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

#: A change that was told in vain, and again after so long, is not told any more: subscribers have polled by then.
PATIENCE = timedelta(hours=24)


#: The `kind` of a ping that was not sent, since its turn did not come.
LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What published files hold now; those that differ from what the hubs were last told of are to be told."""

    hubs: tuple[str, ...]
    digests: Mapping[str, bytes]  #: SHA-256 of each file, by its path below the public folder
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One changed file that one hub has not been told of yet."""

    hub: str
    path: str  #: relative to the public folder; its address is the topic (WebSub §2)
    since: datetime  #: when it changed last
    tried: datetime | None = None  #: when that was last told in vain

    def is_stale(self, now: datetime) -> bool:
        """Tell whether it is given up if this try is in vain too: a first one never is, however late it comes.

        A clock that was set back counts like one that ran on.
        """
        return self.tried is not None and abs(now - self.since) > PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a hub did not take a ping."""

    kind: str  #: a word of `model.fetched.Failed`, or LATE
    message: str  #: in words, in one line
    whole: bool  #: it is the hub that does not answer, whatever it is told of
