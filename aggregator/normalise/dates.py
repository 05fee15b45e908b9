"""A date as written -> an instant in UTC, or None. Never from the clock: a date that must be guessed is none.

The ladder, first match wins:

1. ISO 8601 and W3CDTF, complete or cut to day, month or year, `/` or `.` between the parts, year first; without separators
   (`20210911`, `20210911002219`); weeks and days of the year;
2. RFC 822 in all its wear: names of months long or short in two dozen languages (`months`), day and month swapped, two-digit
   years (RFC 5322 §4.3), no weekday, no time, a word such as `um`, `kl.` or `г. в` before the time;
3. Unix time in seconds or milliseconds, if it lies after 1988;
4. 年月日 and 년월일, with weekday and half of the day; the year before a month's name;
5. numbers with the year last, if only one order of day and month is possible;
6. dateutil, if two different defaults and both orders of day and month give the same instant.

What follows a date may be words, but no numbers: a time that cannot be read makes the whole text unreadable, and does not
turn into midnight. A date without a zone is in the source's zone; an unknown zone name counts as none. Relative texts
(`3小时前`, `2 hours ago`) are no dates: how long ago they were written is unknown. A date without a year is read by `yearless`,
and which date an entry gets is chosen in `dating`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from unicodedata import normalize

from aggregator.normalise.months import month_number
from aggregator.normalise.zones import named_zone, resolve_zone

_MAX_LENGTH = 100

#: Two of the ladder's first forms as nearly every feed writes them, with a zone that means one thing everywhere. They are read
#: at once; whatever differs by a letter, or names no day or time that there is, goes up the ladder.
_PLAIN_ISO = re.compile(r"(?:19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)", re.ASCII)
_PLAIN_RFC822 = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d\d) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ((?:19|20)\d\d) "
    r"(\d\d):(\d\d):(\d\d) (?:GMT|UTC|Z|([+-])(0\d|1[0-4])([0-5]\d))",
    re.ASCII,
)

_TIME = r"(\d{1,2})[:.h](\d{2})(?:[:.m](\d{2})(?:[.,]\d+)?)?\s*([aApP]\.?\s?[mM]\.?)?"
#: A name, an offset, both (`GMT+8`), and perhaps once more in brackets or as Go writes it (`+0800 CST`).
_ZONE = (
    r"\s*(?:\(?([A-Za-z][A-Za-z/_]{0,30})?\)?\s*([+-]\d{1,2}:?(?:\d{2})?)?)?"
    r"(?:\s*\([^)]*\)|\s*\[[A-Za-z/_]*\]|(?<=\d)\s+[A-Z]{2,5})?"
)
#: Time and zone: six groups.
CLOCK = f"{_TIME}{_ZONE}"
#: Between date and time: blanks, a dash, up to two words.
GAP = r"[\s,.]+(?:[-–—|·]\s+)?(?:[^\W\d]{1,12}[.,]*\s+){0,2}"
DAY = r"(\d{1,2})(?:st|nd|rd|th|er|\.|º)?"
MONTH = r"([^\W\d]{3,12})"
_WEEKDAY = r"(?:[^\W\d]+(?:-[^\W\d]+)?[\s.,]+)?"
#: Of the day's halves and quarters, and the clock in Chinese, Japanese and Korean: seven groups.
EAST_ASIAN_CLOCK = (
    r"(?:\s*[(（]?(?:[月火水木金土日](?:曜日?)?|[월화수목금토일](?:요일)?|(?:星期|周|週|礼拜)[一二三四五六日天])[)）]?)?"
    r"(?:\s*(上午|下午|오전|오후|午前|午後|凌晨|早上|中午|晚上)?\s*(\d{1,2})[:时時시点點]\s*(\d{1,2})?"
    rf"(?:[:分분]\s*(\d{{1,2}})?)?[秒초]?{_ZONE})?"
)

_ISO = re.compile(rf"(\d{{4}})(?:([-/.])(\d{{1,2}})(?:\2(\d{{1,2}}))?)?(?:[Tt\s,_]+{CLOCK})?[Zz]?", re.ASCII)
_RFC822 = re.compile(rf"{_WEEKDAY}{DAY}[\s-]*(?:de\s+)?{MONTH}\.?,?[\s-]*(?:de\s+)?(\d{{4}}|\d{{2}})(?:{GAP}{CLOCK})?")
_SWAPPED = re.compile(rf"{_WEEKDAY}{MONTH}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?:{GAP}{CLOCK})?")
_ASCTIME = re.compile(rf"(?:[^\W\d]+,?\s+)?([^\W\d]{{3,9}})\s+(\d{{1,2}})\s+{CLOCK}\s+(\d{{4}})")
_EAST_ASIAN = re.compile(rf"(\d{{4}})\s*[年년./-]\s*(\d{{1,2}})\s*[月월./-]\s*(\d{{1,2}})\s*[日일号號.]?{EAST_ASIAN_CLOCK}")
_PERFORCE = re.compile(r"\w{3},\s+(\d{4}/\d{1,2}/\d{1,2}\s.*)", re.ASCII)
_YEAR_FIRST = re.compile(rf"(\d{{4}})(?:[-.]\s*|\s+){MONTH}(?:[-.]\s*|\s+)(\d{{1,2}})(?:[.,]*(?:T|{GAP}){CLOCK}|[.,]*)")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}})(?:[\s,]+{CLOCK})?", re.ASCII)
_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_DATE_AND_ZONE = re.compile(r"(\d{4}-\d\d-\d\d)([+-]\d\d:\d\d)", re.ASCII)
_UNIX = re.compile(r"(\d{9,10})(?:\d{3}|\.\d*)?", re.ASCII)
_SINCE = 600_000_000  #: seconds: 1989
_MORNING = {"上午", "오전", "午前", "凌晨", "早上"}
_AFTERNOON = {"下午", "오후", "午後"}
_NOON = _DECEMBER = 12
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}


def parse_date(text: str | None, zone: tzinfo) -> datetime | None:
    """Return the instant that a date names, in UTC and whole seconds, or None if it names none for certain."""
    if not text or len(text) > _MAX_LENGTH:
        return None
    plain = _plain(text)
    return plain if plain is not None else _by_ladder(text, zone)


@lru_cache(maxsize=64)
def _plain(text: str) -> datetime | None:
    """Return what the ladder would, for the plainest dates alone; None says nothing.

    One entry's dates are asked for several times: what they are, and why; those of one feed are often equal.
    """
    try:
        if _PLAIN_ISO.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
        match = _PLAIN_RFC822.fullmatch(text)
        if match is None:
            return None
        day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
        date = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None  # no such day or time, or one that the ladder knows: 24:00:00, a leap second
    if sign is None:
        return date
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return date + offset if sign == "-" else date - offset


@lru_cache(maxsize=64)
def _by_ladder(text: str, zone: tzinfo) -> datetime | None:
    """Read a date one rung after the other."""
    tidied = tidy(text)
    if tidied is None:
        return None
    for read in (_iso, _rfc822, _unix, _named, _year_last, _by_dateutil):
        try:
            found = read(tidied, zone)
            if found is not None:
                return found.astimezone(UTC).replace(microsecond=0) if found.year > 1 else None
        except (ValueError, OverflowError):
            continue
    return None


def _iso(text: str, zone: tzinfo) -> datetime | None:
    if match := _DATE_AND_ZONE.fullmatch(text):
        # An xs:date; fromisoformat would take the offset for a time.
        return datetime.fromisoformat(f"{match[1]}T00:00{match[2]}") if match[2][0] == "+" else None
    if text[:4].isdigit() and len(text) > 9 and not text.isdigit():  # noqa: PLR2004
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return date if date.tzinfo else date.replace(tzinfo=zone)
    match = _ISO.fullmatch(text) or ((inner := _PERFORCE.fullmatch(text)) and _ISO.fullmatch(inner.group(1)))
    if match is None:
        return _compact(text, zone)
    year, _, month, day, *time = match.groups()
    if text[-1:] in {"Z", "z"} and time[4] is None:
        time[4] = "z"
    return to_instant(int(year), int(month or 1), int(day or 1), time, zone)


def _compact(text: str, zone: tzinfo) -> datetime | None:
    """Read 20040105, 20040105103000, 2003-335 and whatever else fromisoformat understands; a day at least."""
    if match := _DIGITS.fullmatch(text):
        return datetime(*(int(part) for part in match.groups()), tzinfo=zone)  # type: ignore[misc, arg-type]
    if match := re.fullmatch(r"(\d{4})-?(\d{3})", text, re.ASCII):
        day = int(match[2])
        date = datetime(int(match[1]), 1, 1, tzinfo=zone) + timedelta(days=day - 1)
        return date if day and date.year == int(match[1]) else None
    if re.fullmatch(r"\d{8}(?:T\d.*)?|\d{4}-?W\d.*", text, re.ASCII):
        date = datetime.fromisoformat(text)
        return date if date.tzinfo else date.replace(tzinfo=zone)
    return None


def _rfc822(text: str, zone: tzinfo) -> datetime | None:
    dotted = False
    if match := _RFC822.match(text):
        day, month, year, *time = match.groups()
        dotted = text.startswith(".", match.end(1))
    elif match := _SWAPPED.match(text):
        month, day, year, *time = match.groups()
    elif match := _ASCTIME.match(text):
        month, day, *time, year = match.groups()
    else:
        return None
    number = month_number(month, dotted_day=dotted)
    if number is None or has_time(text[match.end() :]):
        return None
    return to_instant(_full_year(year), number, int(day), time, zone)


def _unix(text: str, _zone: tzinfo) -> datetime | None:
    match = _UNIX.fullmatch(text)
    return datetime.fromtimestamp(int(match[1]), UTC) if match and int(match[1]) > _SINCE else None


def _named(text: str, zone: tzinfo) -> datetime | None:
    if match := _EAST_ASIAN.match(text):
        if has_time(text[match.end() :]):
            return None
        year, month, day, *time = match.groups()
        return to_instant(int(year), int(month), int(day), east_asian_time(time), zone)
    if match := _YEAR_FIRST.fullmatch(text):
        year, name, day, *time = match.groups()
        number = month_number(name)
        return to_instant(int(year), number, int(day), time, zone) if number else None
    return None


def _year_last(text: str, zone: tzinfo) -> datetime | None:
    match = _YEAR_LAST.fullmatch(text)
    if match is None:
        return None
    first, second, year, *time = match.groups()
    one, two = int(first), int(second)
    if "." in text[: len(first) + 1] or one > _DECEMBER:  # 24.12.2021 is day first wherever dots are used
        return to_instant(int(year), two, one, time, zone)
    if two > _DECEMBER or one == two:
        return to_instant(int(year), one, two, time, zone)
    return None


def _by_dateutil(text: str, zone: tzinfo) -> datetime | None:
    """Ask dateutil four ways; only an answer that does not depend on how it was asked is one."""
    if not re.search(r"\d{4}", text, re.ASCII) or not re.search(r"[A-Za-z]{3}", text):
        return None
    from dateutil import parser  # rarely needed, and 30 ms to import

    answers = set()
    for default in (datetime(2000, 1, 1, tzinfo=zone), datetime(2001, 2, 2, tzinfo=zone)):
        for day_first in (False, True):
            try:
                found = parser.parse(text, default=default, dayfirst=day_first, tzinfos=_zone_for_dateutil)
            except (TypeError, AttributeError, parser.ParserError):
                return None
            # dateutil takes the zone away where it does not know the name: what is left would be in this machine's zone.
            answers.add(found if found.tzinfo else found.replace(tzinfo=zone))
    return answers.pop() if len(answers) == 1 else None


def _zone_for_dateutil(name: str, offset: int | None) -> tzinfo | None:
    return named_zone(name) if offset is None else timezone(timedelta(seconds=offset))


def tidy(text: str | None) -> str | None:
    """Return a date as written in plain letters with single blanks, or None if there is nothing, or far too much."""
    if not text or len(text) > _MAX_LENGTH:
        return None
    # Full-width digits and colons, accents that stand beside their letters.
    text = text if text.isascii() else normalize("NFKC", text)
    return " ".join(text.split()) or None


def has_time(rest: str) -> bool:
    """Tell whether what follows a date holds what may be a time that was not understood: a number, a Greek half of the day."""
    return "μ" in rest or any(sign.isdigit() for sign in rest)


def to_instant(year: int, month: int, day: int, time: Sequence[str | None], zone: tzinfo) -> datetime:
    """Put the parts together: [hour, minute, second, am/pm, zone name, offset], each perhaps None.

    Raises:
        ValueError: there is no such day or time.
    """
    hour, minute, second, half, name, offset = time
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if half:
        hours = hours % _NOON + (_NOON if half[0] in "pP" else 0)
    date = datetime(year, month, day, tzinfo=resolve_zone(name, offset, zone))
    if (hours, minutes, seconds) == (24, 0, 0):  # ISO 8601's midnight at the end of a day
        return date + timedelta(days=1)
    # A leap second, or two as C once allowed, becomes the one before it.
    return date.replace(hour=hours, minute=minutes, second=59 if seconds in {60, 61} else seconds)


def east_asian_time(time: Sequence[str | None]) -> list[str | None]:
    """Return the groups of EAST_ASIAN_CLOCK as `to_instant` takes them."""
    half, hour, minute, second, name, offset = time
    if hour is None:
        return [None] * 6
    hours = int(hour)
    if half in _MORNING:
        hours = 0 if hours == _NOON else hours
    elif half in _AFTERNOON:
        hours += _NOON if hours < _NOON else 0
    elif half == "中午":
        hours += _NOON if hours < 3 else 0  # noqa: PLR2004 - half past one
    elif half == "晚上":
        if hours < 5 or hours == _NOON:  # noqa: PLR2004
            raise ValueError("this night or the next one")
        hours += _NOON if hours < _NOON else 0
    return [str(hours), minute, second, None, name, offset]


def _full_year(year: str) -> int:
    number = int(year)
    if len(year) > 2:  # noqa: PLR2004
        return number
    return number + (2000 if number < 50 else 1900)  # noqa: PLR2004 - RFC 5322 §4.3
