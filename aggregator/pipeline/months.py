"""Instants -> months of a zone, and back: what archives by month are made of. Pure.

A month is written as in ISO 8601: 2021-09. What no calendar holds in a zone (the first and the last day of all) counts in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])\Z", re.ASCII)
_DECEMBER = 12
_LAST_YEAR = 9999
_DAY = 86400
#: Months begin at the same few moments of the day for ever after, and nobody's entries are older.
_YEARS = range(1970, 2040)


def month_of(instant: datetime | int, zone: str) -> str:
    """Return the month that an instant, or its seconds since the epoch, stands in."""
    when = datetime.fromtimestamp(instant, UTC) if isinstance(instant, int) else instant
    try:
        when = when.astimezone(_zone(zone))
    except OverflowError:
        when = when.astimezone(UTC)
    return f"{when.year:04}-{when.month:02}"


@lru_cache(maxsize=4096)
def month_span(month: str, zone: str) -> tuple[int, int]:
    """Return from when until when a month lasts, in seconds since the epoch; the end is not part of it."""
    year, number = (int(part) for part in month.split("-"))
    return _begin(year, number, zone), _end(year, number, zone)


def months_between(first: int, last: int, zone: str, *, at_most: int) -> tuple[str, ...] | None:
    """Return the months from one instant to another, in seconds since the epoch; None: there are more than `at_most`."""
    month, end = month_of(first, zone), month_of(last, zone)
    found = [month]
    while month < end:
        year, number = (int(part) for part in month.split("-"))
        month = f"{year:04}-{number + 1:02}" if number < _DECEMBER else f"{year + 1:04}-01"
        found.append(month)
        if len(found) > at_most:
            return None
    return tuple(found)


def is_month(text: str) -> bool:
    """Tell whether a text is a month that there can be."""
    return _MONTH.match(text) is not None and not text.startswith("0000")


@lru_cache(maxsize=16)
def turns(zone: str) -> tuple[int, ...]:
    """Return at which seconds of a UTC day the months of a zone begin; where clocks change, there are several."""
    return tuple(sorted({_begin(year, month, zone) % _DAY for year in _YEARS for month in range(1, 13)}))


def _begin(year: int, month: int, zone: str) -> int:
    try:
        return int(datetime(year, month, 1, tzinfo=_zone(zone)).timestamp())
    except OverflowError:
        return int(datetime(year, month, 1, tzinfo=UTC).timestamp())


def _end(year: int, month: int, zone: str) -> int:
    if month < _DECEMBER:
        return _begin(year, month + 1, zone)
    if year == _LAST_YEAR:
        return int(datetime(year, month, 31, 23, 59, 59, tzinfo=UTC).timestamp()) + 1
    return _begin(year + 1, 1, zone)


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
