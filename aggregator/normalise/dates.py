"""A date as written -> an instant in UTC, or None. Never from the clock: a date that must be guessed is none.

The ladder, first match wins:

1. ISO 8601 and W3CDTF, complete or cut to day, month or year, `/` or `.` between the parts, year first;
2. RFC 822 in all its wear: names long or short, day and month swapped, two-digit years (RFC 5322 §4.3), no weekday, no time;
3. Unix time in seconds or milliseconds, if it lies in this century's first decades or the 1990s;
4. 年月日 and 년월일, names of months in a dozen languages;
5. numbers with the year last, if only one order of day and month is possible;
6. dateutil, if two different defaults and both orders of day and month give the same instant.

A date without a zone is in the source's zone; an unknown zone name counts as none.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_MAX_LENGTH = 100

_MONTHS = {
    name: 1 + index // 3 for index, name in ((i, "janfebmaraprmayjunjulaugsepoctnovdec"[i : i + 3]) for i in range(0, 36, 3))
}
#: Beginnings of names of months, where they differ from the English three letters.
_LOCAL_MONTHS = {
    **dict.fromkeys(("januar", "janv", "gen", "ene", "jän", "jan.", "янв", "ιαν", "ocak", "stycz", "sty", "január"), 1),
    **dict.fromkeys(("févr", "fév", "fev", "фев", "φεβ", "şub", "luty", "lut", "február"), 2),
    **dict.fromkeys(("märz", "mär", "mars", "maart", "mrt", "маr", "мар", "μάρ", "μαρ", "μάώ", "μαώ", "marz", "március"), 3),
    **dict.fromkeys(("avr", "abr", "апр", "απρ", "nis", "kwi", "április"), 4),
    **dict.fromkeys(("mai", "maj", "mei", "mag", "май", "мая", "μάι", "μαΐ", "μαϊ", "μαι", "mayıs", "május"), 5),
    **dict.fromkeys(("juin", "giu", "июн", "ιούν", "ιουν", "ιον", "haz", "cze", "június", "jún"), 6),
    **dict.fromkeys(("juil", "lug", "июл", "ιούλ", "ιουλ", "tem", "lip", "július", "júl"), 7),
    **dict.fromkeys(("août", "aou", "ago", "авг", "αύγ", "αυγ", "ağu", "sie", "augusztus"), 8),
    **dict.fromkeys(("set", "сен", "σεπ", "eyl", "wrz", "szeptember"), 9),
    **dict.fromkeys(("okt", "out", "ott", "окт", "οκτ", "eki", "paź"), 10),
    **dict.fromkeys(("nov", "ноя", "νοέ", "νοε", "kas", "lis"), 11),
    **dict.fromkeys(("dez", "déc", "dic", "дек", "δεκ", "ara", "gru", "des"), 12),
}
_BY_LENGTH = sorted(_LOCAL_MONTHS, key=len, reverse=True)

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

_TIME = r"(\d{1,2})[:.h](\d{2})(?:[:.m](\d{2})(?:[.,]\d+)?)?\s*([aApP]\.?[mM]\.?)?"
_ZONE = r"\s*(?:\(?([A-Za-z][A-Za-z/_]{0,20})?\)?\s*([+-]\d{1,2}:?(?:\d{2})?)?)?(?:\s*\([^)]*\))?"
_ISO = re.compile(
    rf"(\d{{4}})(?:([-/.])(\d{{1,2}})(?:\2(\d{{1,2}}))?)?(?:[Tt\s,_]+{_TIME}{_ZONE})?[Zz]?",
    re.ASCII,
)
_RFC822 = re.compile(
    rf"(?:[^\W\d]+\.?,?\s*)?(\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?[\s-]*(?:de\s+)?([^\W\d]{{3,12}})\.?,?[\s-]*(?:de\s+)?(\d{{4}}|\d{{2}})"
    rf"(?:[\s,]+(?:at\s+|um\s+|à\s+)?{_TIME}{_ZONE})?",
)
_SWAPPED = re.compile(
    rf"(?:[^\W\d]+,?\s+)?([^\W\d]{{3,12}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?:[\s,]+(?:at\s+)?{_TIME}{_ZONE})?",
)
_ASCTIME = re.compile(rf"(?:[^\W\d]+,?\s+)?([^\W\d]{{3,9}})\s+(\d{{1,2}})\s+{_TIME}{_ZONE}\s+(\d{{4}})")
_EAST_ASIAN = re.compile(
    r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일号號]?"
    r"(?:\s*(?:\(.\)|（.）|[^\W\d]{2,3}曜日|星期.|周.)?\s*(上午|下午|오전|오후|午前|午後)?\s*(\d{1,2})(?::|时|時|시)\s*(\d{1,2})"
    r"(?:(?::|分|분)\s*(\d{1,2})?)?[秒초]?)?" + _ZONE,
)
_KOREAN_HALF = re.compile(r"(\d{4})-(\d{2})-(\d{2})\s+(오전|오후|上午|下午)\s+(\d{1,2}):(\d{1,2}):(\d{1,2})")
_PERFORCE = re.compile(r"\w{3},\s+(\d{4}/\d{1,2}/\d{1,2}\s.*)", re.ASCII)
_HUNGARIAN = re.compile(rf"(\d{{4}})[-.]\s*([^\W\d]{{3,12}})[-.]?\s*(\d{{1,2}})\.?(?:[T\s]+{_TIME}{_ZONE})?")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}})(?:[\s,]+{_TIME}{_ZONE})?", re.ASCII)
_AFTERNOON = {"下午", "오후", "午後"}


def parse_date(text: str | None, zone: tzinfo) -> datetime | None:
    """Return the instant that a date names, in UTC and whole seconds, or None if it names none for certain."""
    if not text or len(text) > _MAX_LENGTH:
        return None
    text = " ".join(text.split())
    for read in (_iso, _rfc822, _unix, _named, _year_last, _by_dateutil):
        try:
            found = read(text, zone)
        except (ValueError, OverflowError):
            continue
        if found is not None:
            return found.astimezone(UTC).replace(microsecond=0) if found.year > 1 else None
    return None


def usable(date: datetime | None, now: datetime) -> datetime | None:
    """Return the date unless it cannot be true: before 1900 or later than now."""
    return date if date is not None and EARLIEST <= date <= now else None


def _iso(text: str, zone: tzinfo) -> datetime | None:
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
    return _instant(int(year), int(month or 1), int(day or 1), time, zone)


def _compact(text: str, zone: tzinfo) -> datetime | None:
    """Read 20040105, 2003-335 and whatever else fromisoformat understands; a day at least."""
    if match := re.fullmatch(r"(\d{4})-?(\d{3})", text, re.ASCII):
        return datetime(int(match[1]), 1, 1, tzinfo=zone) + timedelta(days=int(match[2]) - 1)
    if re.fullmatch(r"\d{8}(?:T\d.*)?|\d{4}-?W\d.*", text, re.ASCII):
        date = datetime.fromisoformat(text)
        return date if date.tzinfo else date.replace(tzinfo=zone)
    return None


def _rfc822(text: str, zone: tzinfo) -> datetime | None:
    if match := _RFC822.match(text):
        day, month, year, *time = match.groups()
    elif match := _SWAPPED.match(text):
        month, day, year, *time = match.groups()
    elif match := _ASCTIME.match(text):
        month, day, *time, year = match.groups()
    else:
        return None
    number = _month(month)
    rest = text[match.end() :].strip(" .,")
    if number is None or rest[:1].isdigit():
        return None
    return _instant(_full_year(year), number, int(day), time, zone)


def _unix(text: str, _zone: tzinfo) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) in {9, 10, 13}):
        return None
    seconds = int(text[:10]) if len(text) != 9 else int(text)  # noqa: PLR2004
    return datetime.fromtimestamp(seconds, UTC) if seconds > 600_000_000 else None  # noqa: PLR2004 - 1989


def _named(text: str, zone: tzinfo) -> datetime | None:
    if match := _EAST_ASIAN.match(text):
        year, month, day, half, hour, minute, second, name, offset = match.groups()
        return _instant(int(year), int(month), int(day), [_hour24(hour, half), minute, second, None, name, offset], zone)
    if match := _KOREAN_HALF.match(text):
        year, month, day, half, hour, minute, second = match.groups()
        return _instant(int(year), int(month), int(day), [_hour24(hour, half), minute, second, None, None, None], zone)
    if match := _HUNGARIAN.fullmatch(text):
        year, name, day, *time = match.groups()
        number = _month(name)
        return _instant(int(year), number, int(day), time, zone) if number else None
    return None


def _year_last(text: str, zone: tzinfo) -> datetime | None:
    match = _YEAR_LAST.fullmatch(text)
    if match is None:
        return None
    first, second, year, *time = match.groups()
    one, two = int(first), int(second)
    if "." in text[: len(first) + 1] or one > 12:  # noqa: PLR2004 - 24.12.2021 is day first wherever dots are used
        return _instant(int(year), two, one, time, zone)
    if two > 12 or one == two:  # noqa: PLR2004
        return _instant(int(year), one, two, time, zone)
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
                answers.add(parser.parse(text, default=default, dayfirst=day_first, tzinfos=_named_zone))
            except (TypeError, AttributeError, parser.ParserError):
                return None
    return answers.pop() if len(answers) == 1 else None


def _named_zone(name: str, offset: int | None) -> tzinfo | None:
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    hours = _HOURS.get(name.lower())
    return timezone(timedelta(hours=hours)) if hours is not None else None


def _instant(year: int, month: int, day: int, time: list[str | None], zone: tzinfo) -> datetime:
    """Put the parts together: [hour, minute, second, am/pm, zone name, offset], each perhaps None."""
    hour, minute, second, half, name, offset = time
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    date = datetime(year, month, day, tzinfo=_zone(name, offset, zone))
    if hours == 24:  # noqa: PLR2004 - ISO 8601's midnight at the end of a day
        date, hours = date + timedelta(days=1), 0
    # A leap second becomes the one before it.
    return date.replace(hour=hours, minute=int(minute or 0), second=min(int(second or 0), 59))


def _zone(name: str | None, offset: str | None, zone: tzinfo) -> tzinfo:
    if offset:
        digits = offset[1:].replace(":", "")
        hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)  # noqa: PLR2004
        delta = timedelta(hours=hours, minutes=minutes)
        return timezone(-delta if offset[0] == "-" else delta) if delta < timedelta(hours=24) else zone
    if name is None:
        return zone
    name = name.lower().removeprefix("etc/")
    if name == "cst" and zone.utcoffset(datetime(2024, 1, 1)) == timedelta(hours=8):  # noqa: DTZ001
        return zone  # China's, not America's
    hours_east = _HOURS.get(name)
    return zone if hours_east is None else timezone(timedelta(hours=hours_east))


def _hour24(hour: str | None, half: str | None) -> str | None:
    if hour is None or half is None:
        return hour
    return str(int(hour) % 12 + (12 if half in _AFTERNOON else 0))


def _full_year(year: str) -> int:
    number = int(year)
    if len(year) > 2:  # noqa: PLR2004
        return number
    return number + (2000 if number < 50 else 1900)  # noqa: PLR2004 - RFC 5322 §4.3


def _month(name: str) -> int | None:
    name = name.lower()
    english = _MONTHS.get(name[:3])
    if english is not None:
        return english
    return next((_LOCAL_MONTHS[beginning] for beginning in _BY_LENGTH if name.startswith(beginning)), None)
