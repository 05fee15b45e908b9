"""Names and offsets of time zones as feeds write them -> a zone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Hours east of Greenwich -> the names that mean it in feeds.
_ZONES = {
    -10: "hst",
    -9: "akst",
    -8: "pst pt akdt",
    -7: "mst mt pdt",
    -6: "cst ct mdt",
    -5: "est et cdt",
    -4: "ast edt at",
    -3.5: "nst",
    -3: "adt brt",
    -2.5: "ndt",
    0: "z ut utc gmt wet uct",
    1: "bst west cet met mez",
    2: "cest mest mesz eet",
    3: "eest msk",
    5: "pkt",
    5.5: "ist",
    7: "ict wib",
    8: "hkt sgt awst",
    9: "jst kst",
    10: "aest",
    11: "aedt",
    12: "nzst",
    13: "nzdt",
}
_HOURS = {name: hours for hours, names in _ZONES.items() for name in names.split()}
_CHINA = timedelta(hours=8)


def resolve_zone(name: str | None, offset: str | None, zone: tzinfo) -> tzinfo:
    """Return the zone that an offset (`+08`, `-5:30`) or else a name means; `zone` where neither says anything."""
    if offset:
        digits = offset[1:].replace(":", "")
        hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)  # noqa: PLR2004
        delta = timedelta(hours=hours, minutes=minutes)
        return timezone(-delta if offset[0] == "-" else delta) if delta < timedelta(hours=24) else zone
    if name is None:
        return zone
    name = name.lower().removeprefix("etc/")
    if "/" in name:
        return _by_place(name) or zone
    if name == "cst" and zone.utcoffset(datetime(2024, 1, 1)) == _CHINA:  # noqa: DTZ001
        return zone  # China's, not America's
    return named_zone(name) or zone


def named_zone(name: str) -> tzinfo | None:
    """Return the zone of an abbreviation, or None if nobody knows it."""
    hours = _HOURS.get(name.lower())
    return None if hours is None else timezone(timedelta(hours=hours))


def _by_place(name: str) -> tzinfo | None:
    """Return the zone called `europe/berlin`, in whatever case."""
    proper = "/".join("_".join(word.capitalize() for word in part.split("_")) for part in name.split("/"))
    try:
        return ZoneInfo(proper)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
