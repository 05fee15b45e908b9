"""The profile `hexo`: `default` with dates that are right in a Hexo site whose `_config.yml` names its time zone. Pure.

Hexo reads only one form of date alike on every machine: unquoted wall-clock time, with `timezone:` set. So that an
instant stays what it is, whatever the clocks do and whatever zone the site has later, its distance from UTC stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from aggregator.model.entry import Entry
from aggregator.store.profiles import PostFormatError, Rendered
from aggregator.store.profiles.body import unwrap
from aggregator.store.profiles.dates import format_offset, format_wall_clock, local_offset, parse_offset
from aggregator.store.profiles.default import sample_lines
from aggregator.store.profiles.fields import check_format, read_entry
from aggregator.store.profiles.front import split_front
from aggregator.store.profiles.keys_out import TAIL, whole_post


@dataclass(frozen=True, slots=True)
class Hexo:
    """The profile for one time zone, which is to be `timezone:` in Hexo's `_config.yml` too."""

    zone: tzinfo
    name: str = "hexo"
    keeps_archive: bool = False

    def render(self, entry: Entry) -> Rendered:
        """Return the entry's post."""
        date = _date_lines("date", "utc_offset", entry.date, self.zone)
        updated = [] if entry.updated is None else _date_lines("updated", "updated_utc_offset", entry.updated, self.zone)
        return Rendered(post=whole_post(sample_lines(entry, date, updated), entry.content))

    def read(self, post: bytes, extra: bytes | None) -> Entry:  # noqa: ARG002 - this profile's posts hold everything
        """Return the entry of a post, also of one edited by hand: then `content` is whatever HTML was typed, not sanitised.

        A date that names a zone goes before the offset, and without an offset it is in the site's zone.

        Raises:
            PostFormatError: the post is damaged, or lacks what an entry must have.
        """
        front, body = split_front(post)
        check_format(front.get("format"), "format")
        zones = {
            "date_zone": _zone(front, "utc_offset", self.zone),
            "updated_zone": _zone(front, "updated_utc_offset", self.zone),
        }
        return read_entry(front, unwrap(body, tail=TAIL), **zones)

    def name_start(self, entry: Entry) -> str:  # noqa: ARG002 - the names of this profile begin with the title
        """Return what a file's name begins with, before the title: nothing."""
        return ""


def in_zone(timezone_name: str) -> Hexo:
    """Return the profile for a site in that zone (an IANA name)."""
    return Hexo(ZoneInfo(timezone_name))


def _date_lines(key: str, offset_key: str, instant: datetime, zone: tzinfo) -> list[str]:
    offset = _hexo_offset(instant, zone)
    try:
        wall_clock = instant + offset
    except OverflowError:
        offset, wall_clock = timedelta(), instant
    return [f"{key}: {format_wall_clock(wall_clock)}", f"{offset_key}: '{format_offset(offset)}'"]


def _hexo_offset(instant: datetime, zone: tzinfo) -> timedelta:
    """Return the offset with which Hexo gets the instant back from the wall clock.

    That is the zone's, but for some hours beside a change of the clocks: Hexo looks the offset up as if the wall clock were UTC
    (`adjustDateForTimezone`), on a machine in UTC or in the site's zone. There the time is written with the offset that Hexo
    will use. In one hour of autumn there is no such time: Hexo shows it an hour off, and the offset in the post is right.
    """
    offset = local_offset(instant, zone)
    used = _offset_used(instant, offset, zone)
    return used if used != offset and _offset_used(instant, used, zone) == used else offset


def _offset_used(instant: datetime, offset: timedelta, zone: tzinfo) -> timedelta:
    try:
        return local_offset(instant + offset, zone)
    except OverflowError:
        return offset


def _zone(front: Mapping[str, Any], key: str, site: tzinfo) -> tzinfo:
    """Return the zone of a date without one: the offset beside it, else the site's."""
    value = front.get(key)
    if value in (None, ""):
        return site
    offset = parse_offset(value) if isinstance(value, str) else None
    if offset is None:
        raise PostFormatError(f'{key} "{value}" is no distance from UTC; write it like "+08:00"')
    return timezone(offset) if offset else UTC
