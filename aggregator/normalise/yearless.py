"""Dates whose year is missing or was guessed by somebody in between -> instants. Pure: `now` is an argument.

`11-25`, `11月25日 08:30`, `Nov 25`: the year is that of the latest such date that is not ahead of now by more than a day. One
that is ahead by less is neither today's nor last year's for certain (the zone may be wrong), and so comes out as it is.

Which of two small numbers is the month is known where everybody writes the month first, in China, Japan and Korea.
Elsewhere `05-06` is no date.

RSSHub puts the current year, on its own clock, where a site gives none. So on 1 January what is from 31 December arrives a
year ahead, and in the hours in which it is already 1 January at the site but not at the server, what is from today a year late.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from aggregator.normalise.dates import (
    CLOCK,
    DAY,
    EAST_ASIAN_CLOCK,
    GAP,
    MONTH,
    east_asian_time,
    tidy,
    to_instant,
)
from aggregator.normalise.months import month_number

_TOLERANCE = timedelta(days=1)  #: for zones that the source's settings do not name
_AHEAD = timedelta(days=2)  #: from here on a date ahead is last year's; nearer, it may be a clock that is wrong
_YEARS_BACK = 8  #: between two 29th of February, around 1900 or 2100 as well
_MONTH_FIRST = {
    *("Asia/Shanghai", "Asia/Chongqing", "Asia/Harbin", "Asia/Urumqi", "Asia/Hong_Kong", "Asia/Macau", "Asia/Taipei"),
    *("Asia/Tokyo", "Asia/Seoul", "Asia/Pyongyang", "PRC", "ROC", "ROK", "Hongkong", "Japan"),
}

_NUMBERS = re.compile(rf"(\d{{1,2}})[-/](\d{{1,2}})(?:[\s,]+{CLOCK})?", re.ASCII)
_EAST_ASIAN = re.compile(rf"(\d{{1,2}})\s*[月월]\s*(\d{{1,2}})\s*[日일号號]?{EAST_ASIAN_CLOCK}")
_DAY_FIRST = re.compile(rf"{DAY}[\s-]+(?:de\s+)?{MONTH}\.?(?:{GAP}{CLOCK})?")
_DAY_LAST = re.compile(rf"{MONTH}\.?[\s-]+(\d{{1,2}})(?:st|nd|rd|th|\.)?(?:{GAP}{CLOCK})?")


def parse_yearless(text: str | None, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the latest instant with this month and day that is at most a day ahead of now, in UTC, or None."""
    text = tidy(text)
    try:
        parts = _parts(text, zone) if text else None
        return _latest(*parts, zone, now) if parts else None
    except (ValueError, OverflowError):
        return None


def with_right_year(instant: datetime, zone: tzinfo, now: datetime) -> datetime:
    """Return an instant whose year was guessed with the year that it must have; `zone` is the site's.

    More than two days ahead, it is last year's. Where it is 1 January now, 1 January of last year is today. What fits no
    year stays as it is.
    """
    local, today = instant.astimezone(zone), now.astimezone(zone)
    years = 0
    if instant - now > _AHEAD:
        years = -1
    elif (local.month, local.day, local.year) == (today.month, today.day, today.year - 1) and today.month == today.day == 1:
        years = 1
    try:
        moved = local.replace(year=local.year + years)
    except ValueError:
        return instant
    return moved.astimezone(UTC) if years and moved <= now else instant


def _parts(text: str, zone: tzinfo) -> tuple[int, int, Sequence[str | None]] | None:
    """Return month, day and what `to_instant` takes as time."""
    if match := _NUMBERS.fullmatch(text):
        first, second, *time = match.groups()
        month, day = int(first), int(second)
        if day <= 12 < month:  # noqa: PLR2004
            month, day = day, month
        certain = day > 12 or month == day or getattr(zone, "key", None) in _MONTH_FIRST  # noqa: PLR2004
        return (month, day, time) if certain else None
    if match := _EAST_ASIAN.fullmatch(text):
        first, second, *time = match.groups()
        return int(first), int(second), east_asian_time(time)
    if match := _DAY_FIRST.fullmatch(text):
        first, name, *time = match.groups()
        number = month_number(name, dotted_day=text.startswith(".", match.end(1)))
    elif match := _DAY_LAST.fullmatch(text):
        name, first, *time = match.groups()
        number = month_number(name)
    else:
        return None
    return (number, int(first), time) if number else None


def _latest(month: int, day: int, time: Sequence[str | None], zone: tzinfo, now: datetime) -> datetime | None:
    this_year = now.astimezone(zone).year
    for year in range(this_year + 1, this_year - _YEARS_BACK - 1, -1):
        try:
            instant = to_instant(year, month, day, time, zone)
        except ValueError:
            continue  # 29 February, or no day of any year
        if instant <= now + _TOLERANCE:
            return instant.astimezone(UTC).replace(microsecond=0)
    return None
