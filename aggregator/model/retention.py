"""How long posts are kept: what the owner wants, and what a source has room for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Which posts of a source are kept; without any limit all of them, for ever."""

    age: timedelta | None = None  #: by the post's date; None: however old
    entries: int | None = None  #: newest posts of one source; None: however many


FOR_EVER = Keep()


def limits(own: Keep, general: Keep) -> Keep:
    """Return the limits of a source, each its own where it has one."""
    return Keep(
        age=own.age if own.age is not None else general.age,
        entries=own.entries if own.entries is not None else general.entries,
    )


Rank = tuple[datetime, str]  #: what tells newer posts from older ones: date, then key


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a source has room for in one run."""

    since: datetime | None = None  #: posts before that are too old
    entries: int | None = None  #: newest posts of the source
    standing: tuple[Rank, ...] = ()  #: its newest posts, as many as count
