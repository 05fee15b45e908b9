"""The archive pages of a feed (RFC 5005 §4): their names, what goes into new ones, what old ones hold. Pure, and light to load.

A page is closed when it is written: later ones follow it, none is opened again. So pages are only ever added at the newest end,
and their names, sorted, are the chain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Self
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from aggregator.publish.addresses import OPML_PATH, SUFFIX, public_url, style_link

#: Behind the name of the feed's file without its suffix. No part of a category's path holds a dot.
FOLDER_SUFFIX = ".archive"
ENTRIES_PER_PAGE = 500
MOST_LEVELS = 62  #: of a category that has archives: the state has one bit for each

_NAME = re.compile(rf"(?P<month>\d{{4}}-(?:0[1-9]|1[0-2]))(?:-(?P<number>[2-9]|[1-9]\d+))?{re.escape(SUFFIX)}\Z", re.ASCII)
#: As our own writer and the parser behind the knife write it.
_ENTRY_ID = re.compile(rb"<entry(?:\s[^>]*)?>\s*<id>([^<]*)</id>")
_PREVIOUS = re.compile(rb'<link href="([^"]*)" rel="prev-archive"')
_SELF = re.compile(rb'<link href="([^"]*)" rel="self"')


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PageName:
    """Which page: ordered as in the chain."""

    month: str  #: 2026-03, of its newest entries; late ones of earlier months may stand in it too
    number: int = 1  #: among the pages of that month

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.month}{'' if self.number == 1 else f'-{self.number}'}{SUFFIX}"

    @property
    def following(self) -> Self:
        """Return the next page of the same month."""
        return type(self)(month=self.month, number=self.number + 1)

    @classmethod
    def of(cls, path: str) -> Self | None:
        """Return which page a file is, by its name; None: it is none of ours."""
        found = _NAME.match(path.rpartition("/")[2])
        return cls(month=found["month"], number=int(found["number"] or 1)) if found else None


def archive_folder(path: str) -> str:
    """Return the folder of a feed's archive pages, given the path of its Atom file."""
    return path.removesuffix(SUFFIX) + FOLDER_SUFFIX


def month_of(date: int) -> str:
    """Return the month of seconds since the epoch, UTC, such that sorting is by time."""
    return f"{datetime.fromtimestamp(date, UTC):%Y-%m}".zfill(7)  # years before 1000 come without their zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Entries that are rendered in one go, into as many pages of one month as they need."""

    month: str
    first: int  #: position of its first entry, oldest first
    last: int  #: behind its last one


def choose_portions(dates: Sequence[int], *, last: str | None, now: datetime, capacity: int, lost: int) -> list[Portion]:
    """Return what goes into new pages, of entries that stand in no page; `dates` are theirs, oldest first.

    Nothing goes as long as none is `lost`, which the live feed has no place for among its `capacity` entries. Else all of the
    months that are over go, and so many of this month that half of the live feed's places are free again. What is dated in the
    future waits. `last` is the month of the newest page: what is late for a month goes into the first new page.
    """
    if not lost:
        return []
    present = sum(date <= now.timestamp() for date in dates)
    over = sum(month_of(date) < f"{now.astimezone(UTC):%Y-%m}".zfill(7) for date in dates)
    going = min(present, max(lost, over, len(dates) - capacity // 2))
    months = [month_of(date) for date in dates[:going]]
    if last is not None:
        first = min((month for month in months if month > last), default=last)
        months = [month if month > last else first for month in months]
    found: list[Portion] = []
    start = 0
    for end in range(1, going + 1):
        if end == going or months[end] != months[start] or end - start == ENTRIES_PER_PAGE:
            found.append(Portion(month=months[start], first=start, last=end))
            start = end
    return found


def entry_ids(content: bytes) -> list[str]:
    """Return the ids of the entries in a page of ours; a look at the bytes, since there may be thousands of pages."""
    return [unescape(found.decode("utf-8", "replace")) for found in _ENTRY_ID.findall(content)]


def site_of(content: bytes, path: str) -> str | None:
    """Return the address of the site that a page was written for; None: it does not say."""
    found = _SELF.search(content)
    own = unescape(found[1].decode("utf-8", "replace")) if found else ""
    below = quote(path, safe="/")
    return own.removesuffix(below) if own.endswith(below) else None


def previous_of(content: bytes, site: str) -> str | None:
    """Return the path of the page before this one, relative to the public folder; None: there is none, or it is elsewhere."""
    found = _PREVIOUS.search(content.partition(b"<entry")[0])
    address = unescape(found[1].decode("utf-8", "replace")) if found else ""
    site = site.rstrip("/") + "/"
    return unquote(address.removeprefix(site)) if address.startswith(site) else None


def relocate(content: bytes, before: str, now: str) -> bytes:
    """Return a page with the addresses of its head, and the scheme of our categories, at another address of the site.

    Links of entries lead to upstreams; those are not touched.
    """
    head, entry, rest = content.partition(b"<entry")
    old, new = before.rstrip("/") + "/", now.rstrip("/") + "/"
    head = head.replace(_attribute("href", old), _attribute("href", new)).replace(
        f">{escape(old)}".encode(), f">{escape(new)}".encode()
    )
    head = head.replace(_attribute("href", style_link(old)) + b'"', _attribute("href", style_link(new)) + b'"')
    schemes = [_attribute("scheme", public_url(site, OPML_PATH)) + b'"' for site in (before, now)]
    return head + entry + rest.replace(schemes[0], schemes[1])


def _attribute(name: str, start: str) -> bytes:
    return f'{name}="{escape(start, {chr(34): "&quot;"})}'.encode()
