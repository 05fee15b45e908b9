"""How long posts are kept: which new entries become posts at all, and when too many would go at once. Pure.

By age, a post goes when its date is too old; by count, when so many newer ones of its source are there. Both ask the dates
alone, so that an entry that upstream still lists is judged alike each time, whatever the state has forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from aggregator.model.retention import Rank, Room

#: How far the clock is believed beyond the newest post: one that jumped ahead by a year must not make every post a year older.
LEAD = timedelta(days=30)
#: So few posts of one source may go at once even where they are most of it.
FEW = 10


def reference(now: datetime, newest: datetime | None) -> datetime:
    """Return the moment that ages count from: now, unless the newest post is much older than that."""
    return now if newest is None else min(now, newest + LEAD)


def rank(date: datetime, key: str, *, place: int | None = None) -> Rank:
    """Return what an entry is compared by: its date, then its key; the greater is the newer.

    One without a date of its own is as new as now: then its `place` in the feed decides, the first being the newest.
    """
    return date, key if place is None else f"~{10**9 - place:010}"


def admit(new: Sequence[Rank], room: Room) -> list[bool]:
    """Return which new entries become posts."""
    young = [each for each in new if room.since is None or each[0] >= room.since]
    newest = sorted([*room.standing, *young], reverse=True)[: room.entries]
    fit = set(young) & set(newest)
    return [each in fit for each in new]


def too_many(going: int, standing: int) -> bool:
    """Tell whether more of one source would go at once than anybody is likely to want."""
    return going > max(standing // 2, FEW)


def nearly_all(going: int, standing: int) -> bool:
    """Tell whether more than half of everything would go at once."""
    return going > standing // 2
