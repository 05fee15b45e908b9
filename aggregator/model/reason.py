"""Why a source is polled when it is: a stable word with what it speaks of, and the same in English.

The English text is for terminals, logs and --json; pages say the word in the language of their reader. Nothing has to be read
out of a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that a poll waits for."""

    word: str  #: in the catalogues of the pages: `reason_` and this
    text: str  #: in English
    span: timedelta | None = None
    number: int | None = None  #: times, days, entries, a status
    what: str | None = None  #: a name that is not ours to translate: of a host, of an element of the feed
    at: datetime | None = None


def told(reasons: Iterable[Reason]) -> str:
    """Return several of them in English."""
    return ", ".join(reason.text for reason in reasons)


def units(span: timedelta) -> tuple[tuple[int, str], ...]:
    """Return a span in the units in which people say it, s, min, h or d: at most two, and none of them 0."""
    seconds = round(span.total_seconds())
    if seconds < 120:  # noqa: PLR2004
        return ((seconds, "s"),)
    minutes = round(seconds / 60)
    if minutes < 120:  # noqa: PLR2004
        return ((minutes, "min"),)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004
        return ((hours, "h"), (minutes, "min"))[: 2 if minutes else 1]
    days, hours = divmod(hours, 24)
    return ((days, "d"), (hours, "h"))[: 2 if hours else 1]
