"""Instants as the posts' front matter writes them, and as people write them. Pure.

What goes out is always RFC 822 with four-digit years in GMT: a string for every YAML reader, and the right instant in Hexo
whatever its time zone. What comes in may also be ISO 8601, a YAML timestamp, or RFC 822 with another zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(_MONTHS, start=1)}
#: RFC 822 §5.1; other names are ambiguous and refused.
_ZONE_HOURS = {"": 0, "z": 0, "ut": 0, "gmt": 0, "utc": 0}
_ZONE_HOURS |= {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}

_RFC822 = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ -](\d{4})\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s*(\S*)", re.ASCII
)
_ISO = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:[Tt]|\s+)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d*)?)?\s*(\S*))?", re.ASCII
)
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)


def format_date(instant: datetime) -> str:
    """Return `Sat, 11 Sep 2021 00:22:19 GMT`: English whatever the locale, four digits down to the year 1."""
    return (
        f"{_DAYS[instant.weekday()]}, {instant.day:02} {_MONTHS[instant.month - 1]} {instant.year:04} "
        f"{instant.hour:02}:{instant.minute:02}:{instant.second:02} GMT"
    )


def parse_date(text: str) -> datetime | None:
    """Return the instant in UTC, in whole seconds, or None if the text is no date; without a zone it is UTC."""
    text = text.strip()
    try:
        if found := _RFC822.fullmatch(text):
            day, month, year, hour, minute, second, zone = found.groups(default="")
            parts = (int(year), _MONTH_NUMBERS[month.lower()], int(day), int(hour), int(minute), int(second or 0))
        elif found := _ISO.fullmatch(text):
            *numbers, zone = found.groups(default="")
            year, month, day, hour, minute, second = numbers
            parts = (int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
        else:
            return None
        return datetime(*parts, tzinfo=UTC) - _offset(zone)
    except (KeyError, ValueError, OverflowError):
        return None


def _offset(zone: str) -> timedelta:
    """Return the distance from UTC; raise KeyError for a zone that is not known."""
    if found := _OFFSET.fullmatch(zone):
        sign, hours, minutes = found.groups(default="0")
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        return -distance if sign == "-" else distance
    return timedelta(hours=_ZONE_HOURS[zone.lower()])
