"""Pieces of an XML feed as its examiner walks over them: an element, its children by name, and what messages call it.

Also the small questions that every examiner asks of a text: a date, a language tag, a media type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from lxml import etree

from aggregator.publish.findings import Finding, Weight

ATOM = "{http://www.w3.org/2005/Atom}"
XHTML = "{http://www.w3.org/1999/xhtml}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII)
#: RFC 822, with a year of four digits or two; names of zones, or a number.
_RSS_DATE = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?:\d\d)?\d\d"
    r" \d\d:\d\d(?::\d\d)? (?:GMT|UT|UTC|[ECMP][SD]T|[+-]\d{4})\Z",
    re.ASCII,
)
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*\Z", re.ASCII)
_MEDIA_TYPE = re.compile(r"[^\s/;]+/[^\s/;]+\s*(?:;.*)?\Z")


@dataclass(frozen=True, slots=True)
class Part:
    """An element of a feed, with its children by their names: `name` of its own namespace, `{namespace}name`, `{}name`."""

    element: etree._Element
    children: dict[str, list[etree._Element]]
    where: str  #: as messages begin: `the feed`, `entry 3`, `entry 3: its source`
    entry: str | None = None  #: id of the entry that it is or belongs to
    title: str | None = None  #: of that entry

    def text(self, name: str) -> str | None:
        """Return the text of the first child of that name; None if there is no such child."""
        found = self.children.get(name)
        return (found[0].text or "") if found else None

    def finding(
        self,
        text: str,
        rule: str,
        advice: str | None = None,
        *,
        at: etree._Element | None = None,
        weight: Weight = Weight.FAULT,
    ) -> Finding:
        """Return a finding at this part, or at an element in it; `text` goes on where `where` ends."""
        line = line_of(self.element if at is None else at)
        whole = f"{self.where}{text}" if text.startswith(":") else f"{self.where} {text}"
        return Finding(text=whole, rule=rule, line=line, entry=self.entry, title=self.title, advice=advice, weight=weight)


def line_of(element: etree._Element) -> int | None:
    """Return the line that the element begins on."""
    return element.sourceline if isinstance(element.sourceline, int) else None


def part_of(element: etree._Element, where: str, namespace: str = ATOM, within: Part | None = None) -> Part:
    """Return an element as a part; `within` is the part whose entry it belongs to."""
    children: dict[str, list[etree._Element]] = {}
    for child in element.iterchildren("*"):
        children.setdefault(_name(str(child.tag), namespace), []).append(child)
    return Part(element, children, where, within.entry if within else None, within.title if within else None)


@lru_cache(maxsize=256)  # a feed has two dozen names, and asks for each hundreds of times
def _name(tag: str, namespace: str) -> str:
    if tag.startswith("{"):
        return tag.removeprefix(namespace) if namespace else tag
    return f"{{}}{tag}" if namespace else tag


@lru_cache(maxsize=1024)  # each is asked for several times
def parse_date(text: str) -> datetime | None:
    """Return the instant of an RFC 3339 date as RFC 4287 §3.3 wants it, or None."""
    if _DATE.match(text) is None:
        return None
    try:
        date = datetime.fromisoformat(text)
        date.astimezone(UTC)  # the last hours of the year 9999 have no such name elsewhere
    except (ValueError, OverflowError):
        return None
    return date


@lru_cache(maxsize=1024)  # each is asked for several times
def parse_rss_date(text: str) -> datetime | None:
    """Return the instant of a date as RSS writes it, or None."""
    if _RSS_DATE.match(text) is None:
        return None
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def first_newer(dates: Iterable[datetime | None]) -> int | None:
    """Return the position of the first date that is later than the one before it; what has no date is passed over."""
    before: datetime | None = None
    for position, date in enumerate(dates):
        if before is not None and date is not None and date > before:
            return position
        before = date or before
    return None


def is_language_tag(text: str) -> bool:
    """Tell whether the text has the shape of a language tag (RFC 5646)."""
    return _LANGUAGE.match(text) is not None


def is_media_type(text: str) -> bool:
    """Tell whether the text has the shape of a media type (RFC 6838)."""
    return _MEDIA_TYPE.match(text) is not None
