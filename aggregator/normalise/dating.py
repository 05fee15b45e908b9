"""The dates that an entry came with -> the one it is dated with, and the words that say why. Pure: `now` is an argument.

The ladder, first rung that holds a date that can be true:

1. `published`: atom:published, <pubDate>, date_published, else dcterms:created (which of them, `parse` has chosen);
2. `updated`: atom:updated, <dc:date>, date_modified;
3. a day in the path of the entry's link (`/2021/09/11/`), else of its id;
4. none: the entry is dated by when it was first seen, which `pipeline` notes once in its post.

A date can be true if it lies after 1900, not around 1 January 1970 (a clock that was never set), and not later than now. No
tolerance is given to clocks that are fast: first seen is the better guess by then. The channel's own dates are never an
entry's: <lastBuildDate> is when the document was made, and <pubDate> when its newest entry was.

The choice is made at first sight. What a later poll would choose moves nothing (`decide.merge`): an event that is ahead
today keeps the day it was first seen when its day has come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import Enum
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.model.changes import FIRST_SEEN
from aggregator.model.parsed import ParsedEntry
from aggregator.model.source import Source
from aggregator.normalise.dates import parse_date
from aggregator.normalise.fixes import fix_names
from aggregator.normalise.yearless import parse_yearless, with_right_year

EARLIEST = datetime(1900, 1, 2, tzinfo=UTC)  #: 1 January 1900 is where spreadsheets begin
_NEVER_SET = (datetime(1969, 12, 31, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))  #: the epoch's day in any zone
_MAX_SHOWN = 60

#: Sites that give no year, by fix -> the zone of their dates.
_YEARLESS_SITES = {"zaker": ZoneInfo("Asia/Shanghai")}
#: Whole segments of a path: /2021/09/11/ or /2021-09-11-title.
_DAY_IN_PATH = re.compile(r"/((?:19|20)\d\d)(?:/(\d{1,2})/(\d{1,2})(?![^/])|-(\d\d)-(\d\d)(?![^/-]))", re.ASCII)


class Rung(Enum):
    """Where an entry's date was found."""

    PUBLISHED = "published"
    UPDATED = "updated"
    LINK = "link"
    NONE = "none"  #: first seen


@dataclass(frozen=True, slots=True, kw_only=True)
class DateHabits:
    """How a source's dates are to be read."""

    zone: tzinfo = UTC  #: of dates that carry none
    guessed_in: tzinfo | None = None  #: the site gives no years, and is in this zone: whoever passed its dates on guessed


@dataclass(frozen=True, slots=True, kw_only=True)
class DateChoice:
    """What an entry is dated with."""

    instant: datetime | None  #: UTC; None: when it was first seen
    updated: datetime | None  #: upstream's claim of a later change (RFC 4287 §4.2.15)
    rung: Rung
    year_is_ours: bool = False  #: upstream gave none, or one that cannot be

    @property
    def is_upstreams(self) -> bool:
        """Tell whether upstream said so in full: then a later date of the same entry tells of a change."""
        return self.rung in (Rung.PUBLISHED, Rung.UPDATED) and not self.year_is_ours


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One date as written, read."""

    usable: datetime | None
    found: datetime | None  #: also if it cannot be true
    year_is_ours: bool


_USUAL = DateHabits()
_UNREAD = _Read(usable=None, found=None, year_is_ours=False)


def date_habits(source: Source) -> DateHabits:
    """Return the zone that the source's settings name, else its site's, else UTC; and whether its years are guesses."""
    names = fix_names(source)
    if not names and not source.timezone:
        return _USUAL
    site = next((_YEARLESS_SITES[name] for name in names if name in _YEARLESS_SITES), None)
    zone = ZoneInfo(source.timezone) if source.timezone else site
    return DateHabits(zone=zone or UTC, guessed_in=site)


def choose_date(entry: ParsedEntry, habits: DateHabits, now: datetime) -> DateChoice:
    """Return the first date of the ladder that can be true; `now` is the time of the poll (aware)."""
    return _choose(entry, _read(entry.published, habits, now), _read(entry.updated, habits, now), habits, now)


def _choose(entry: ParsedEntry, published: _Read, updated: _Read, habits: DateHabits, now: datetime) -> DateChoice:
    later = None if updated.year_is_ours else updated.usable
    if published.usable is not None:
        later = later if later is not None and later > published.usable else None
        return DateChoice(instant=published.usable, updated=later, rung=Rung.PUBLISHED, year_is_ours=published.year_is_ours)
    if updated.usable is not None:
        return DateChoice(instant=updated.usable, updated=None, rung=Rung.UPDATED, year_is_ours=updated.year_is_ours)
    in_link = _in_link(entry, habits.zone, now)
    return DateChoice(instant=in_link, updated=None, rung=Rung.NONE if in_link is None else Rung.LINK)


def explain_date(entry: ParsedEntry, habits: DateHabits, now: datetime) -> tuple[datetime | None, str]:
    """Return the date of `choose_date` and one line on why: which rung, what was passed over, what had to be added."""
    published, updated = _read(entry.published, habits, now), _read(entry.updated, habits, now)
    choice = _choose(entry, published, updated, habits, now)
    passed_over = [
        f"{name} {_shown(text)} {_fault(read.found, now)}"
        for name, text, read in (("published", entry.published, published), ("updated", entry.updated, updated))
        if text and read.usable is None
    ]
    if choice.rung is Rung.PUBLISHED or choice.rung is Rung.UPDATED:
        text = entry.published if choice.rung is Rung.PUBLISHED else entry.updated
        words = [f"upstream's {choice.rung.value} {_shown(text)}", *_additions(text, choice, habits), *passed_over]
    elif choice.rung is Rung.LINK:
        words = ["the day in the link" if _day_in(entry.link, habits.zone, now) else "the day in the id"]
        words += passed_over or ["upstream gives no date"]
    else:
        words = [f"{FIRST_SEEN}: " + ("; ".join(passed_over) or "upstream gives no date")]
    return choice.instant, "; ".join(words)


def usable(date: datetime | None, now: datetime) -> datetime | None:
    """Return the date unless it cannot be true: before 1900, a clock that was never set, or later than now."""
    if date is None or not EARLIEST <= date <= now or _NEVER_SET[0] <= date < _NEVER_SET[1]:
        return None
    return date


def _read(text: str | None, habits: DateHabits, now: datetime) -> _Read:
    if not text:
        return _UNREAD
    found = parse_date(text, habits.zone)
    if found is None:
        guessed = parse_yearless(text, habits.guessed_in or habits.zone, now)
        return _Read(usable=usable(guessed, now), found=guessed, year_is_ours=guessed is not None)
    right = found if habits.guessed_in is None else with_right_year(found, habits.guessed_in, now)
    return _Read(usable=usable(right, now), found=right, year_is_ours=right != found)


def _in_link(entry: ParsedEntry, zone: tzinfo, now: datetime) -> datetime | None:
    return _day_in(entry.link, zone, now) or _day_in(entry.id, zone, now)


def _day_in(address: str | None, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the only day that an address's path names, at midnight in the zone."""
    if not address or not re.search("/(?:19|20)", address):
        return None
    try:
        found = _DAY_IN_PATH.findall(urlsplit(address).path)
        if len(found) != 1:
            return None
        year, *numbers = (int(part) for part in found[0] if part)
        return usable(datetime(year, *numbers, tzinfo=zone).astimezone(UTC), now)  # type: ignore[arg-type, misc]
    except (ValueError, OverflowError):
        return None


def _additions(text: str | None, choice: DateChoice, habits: DateHabits) -> list[str]:
    """Say what the text does not: a year that is ours, a zone that is the source's."""
    words = []
    read = parse_date(text, habits.zone)
    if choice.year_is_ours:
        words.append("the year is ours: none was given" if read is None else "the year is ours: the one given was a guess")
    # In another zone it would be another instant, so it names none of its own.
    if read is not None and read != parse_date(text, ZoneInfo("Pacific/Chatham")):
        words.append(f"read in the source's zone, {getattr(habits.zone, 'key', 'UTC')}")
    return words


def _fault(found: datetime | None, now: datetime) -> str:
    if found is None:
        return "is no date"
    if found > now:
        return "lies ahead"
    return "is before 1900" if found < EARLIEST else "is a clock that was never set"


def _shown(text: str | None) -> str:
    line = " ".join((text or "").split())
    return f"`{line if len(line) <= _MAX_SHOWN else line[:_MAX_SHOWN] + '…'}`"
