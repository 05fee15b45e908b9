"""Instants as the posts' front matter writes them, and as people write them. Pure.

What goes out is RFC 822 with four-digit years in GMT, a string for every YAML reader; or, where a profile is made for an engine
that wants it, wall-clock time and its distance from UTC. What comes in may be any of these, a YAML timestamp, or RFC 822
with another zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(_MONTHS, start=1)}
#: RFC 822 §5.1; other names are ambiguous and refused.
_ZONE_HOURS = {"z": 0, "ut": 0, "gmt": 0, "utc": 0}
_ZONE_HOURS |= {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}

_RFC822 = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ -](\d{4})\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s*(\S*)", re.ASCII
)
_ISO = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:[Tt]|\s+)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d*)?)?\s*(\S*))?", re.ASCII
)
_MINUTE = timedelta(minutes=1)
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d\d))?(?::?(\d\d))?", re.ASCII)


def format_date(instant: datetime) -> str:
    """Return `Sat, 11 Sep 2021 00:22:19 GMT`: English whatever the locale, four digits down to the year 1."""
    return (
        f"{_DAYS[instant.weekday()]}, {instant.day:02} {_MONTHS[instant.month - 1]} {instant.year:04} "
        f"{instant.hour:02}:{instant.minute:02}:{instant.second:02} GMT"
    )


def format_wall_clock(wall_clock: datetime) -> str:
    """Return `2021-09-11 08:22:19`, with four digits down to the year 1; the zone is not part of it."""
    return wall_clock.replace(tzinfo=None, microsecond=0).isoformat(sep=" ")


def format_iso(instant: datetime, zone: tzinfo) -> str:
    """Return `2021-09-11T08:22:19+08:00`, in the zone's time."""
    return in_local_time(instant, zone).isoformat(timespec="seconds")


def format_wall_clock_and_offset(instant: datetime, zone: tzinfo) -> str:
    """Return `2021-09-11 08:22:19 +0800`, in the zone's time."""
    local = in_local_time(instant, zone)
    return f"{format_wall_clock(local)} {format_offset(local.utcoffset() or timedelta(), colon=False)}"


def in_local_time(instant: datetime, zone: tzinfo) -> datetime:
    """Return the instant in the zone's time; in UTC where the calendar ends, or the offset of old is no whole minute.

    Offsets with seconds (before about 1930) are no ISO 8601, and engines refuse them.
    """
    offset = local_offset(instant, zone)
    try:
        return instant if offset % _MINUTE else instant.astimezone(timezone(offset))
    except OverflowError:
        return instant


def format_offset(offset: timedelta, *, colon: bool = True) -> str:
    """Return `+08:00`, or `+08:05:43` for the odd offsets of old times."""
    seconds = round(offset.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    parts = [f"{hours:02}", f"{rest // 60:02}"] + ([f"{rest % 60:02}"] if rest % 60 else [])
    return ("-" if seconds < 0 else "+") + (":" if colon else "").join(parts)


def parse_offset(text: str) -> timedelta | None:
    """Return the distance from UTC that `format_offset` wrote, or None if the text is none."""
    try:
        offset = _offset(text.strip())
        timezone(offset)
    except (KeyError, ValueError):
        return None
    return offset


def local_offset(instant: datetime, zone: tzinfo) -> timedelta:
    """Return how far the zone's clocks are from UTC at the instant; nothing where the calendar ends there."""
    try:
        return instant.astimezone(zone).utcoffset() or timedelta()
    except OverflowError:
        return timedelta()


def parse_date(text: str, zone: tzinfo = UTC) -> datetime | None:
    """Return the instant in UTC, in whole seconds, or None if the text is no date; without a zone it is in this one."""
    text = text.strip()
    try:
        if found := _RFC822.fullmatch(text):
            day, month, year, hour, minute, second, named = found.groups(default="")
            parts = (int(year), _MONTH_NUMBERS[month.lower()], int(day), int(hour), int(minute), int(second or 0))
        elif found := _ISO.fullmatch(text):
            *numbers, named = found.groups(default="")
            year, month, day, hour, minute, second = numbers
            parts = (int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
        else:
            return None
        if not named:
            return datetime(*parts, tzinfo=zone).astimezone(UTC)
        return datetime(*parts, tzinfo=UTC) - _offset(named)
    except (KeyError, ValueError, OverflowError):
        return None


def _offset(zone: str) -> timedelta:
    """Return the distance from UTC; raise KeyError for a zone that is not known."""
    if found := _OFFSET.fullmatch(zone):
        sign, hours, minutes, seconds = found.groups(default="0")
        distance = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
        return -distance if sign == "-" else distance
    return timedelta(hours=_ZONE_HOURS[zone.lower()])
