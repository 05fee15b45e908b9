"""The ten sources of the demo: their texts stand beside this file, with `@{...}` where an address or a date belongs.

In: the upstream's address and the instant that "now" stands for. Out: the bytes of each feed. The same two give the
same bytes; no clock is read here. The tokens:

    @{here}             the upstream's address, without a slash at the end
    @{rfc822 1d 2h 5m}  that long before the base, as RSS 2.0 writes it; `rfc822+0800` writes it in that zone
    @{iso 1d 2h 5m}     the same for Atom, RSS 1.0 and JSON Feed; `iso+02:00`
    @{bytes NAME.wav}   the size of a chime
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

from aggregator.demo.media import play_wav

_TOKEN = re.compile(r"@\{(here|bytes|rfc822|iso)([+-]\d\d:?\d\d)?(?: ([^}]*))?\}")
_SPAN = re.compile(r"(\d+)([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFeed:
    """One feed of the demo's upstream."""

    file: str  #: beside this module, kept as UTF-8
    path: str  #: below the upstream's address
    type: str  #: of the answer, as the server sends it
    entries: int
    encoding: str = "utf-8"  #: as sent; the file's XML declaration names it


FEEDS: tuple[DemoFeed, ...] = (
    DemoFeed(file="zaker.xml", path="/rsshub/zaker/channel/13", type="application/xml; charset=utf-8", entries=7),
    DemoFeed(file="orchard.atom", path="/orchard/notes.atom", type="application/atom+xml", entries=6),
    DemoFeed(file="harbour.rdf", path="/harbour/news.rdf", type="application/rdf+xml", entries=5),
    DemoFeed(file="toolbox.json", path="/toolbox/feed.json", type="application/feed+json", entries=5),
    DemoFeed(file="evening.xml", path="/evening/rss.xml", type="text/xml; charset=GBK", entries=6, encoding="gbk"),
    DemoFeed(file="oasis.xml", path="/oasis/feed.xml", type="application/rss+xml", entries=5),
    DemoFeed(file="podcast.xml", path="/podcast/feed.xml", type="application/rss+xml", entries=5),
    DemoFeed(file="observatory.xml", path="/observatory/feed.xml", type="application/rss+xml", entries=5),
    DemoFeed(file="workshop.xml", path="/workshop/feed.xml", type="application/rss+xml", entries=10),
)
FAILING_PATH = "/attic/feed.xml"  #: answers 503, with Retry-After
MOVED_PATH = "/observatory/old.xml"  #: answers 301
MOVED_TO = "/observatory/feed.xml"


def render_feed(feed: DemoFeed, *, here: str, base: datetime) -> bytes:
    """Fill in addresses and dates, and encode."""
    text = Path(__file__).with_name(feed.file).read_text(encoding="utf-8")
    return _TOKEN.sub(lambda match: _fill(match, here, base), text).encode(feed.encoding)


def _fill(match: re.Match[str], here: str, base: datetime) -> str:
    word, zone, rest = match.groups()
    if word == "here":
        return here
    if word == "bytes":
        return str(len(play_wav(rest)))
    age = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in _SPAN.findall(rest)), timedelta())
    moment = (base - age).astimezone(_zone(zone))
    if word == "iso":
        return moment.isoformat().replace("+00:00", "Z")
    return format_datetime(moment, usegmt=zone is None)


def _zone(text: str | None) -> timezone:
    if text is None:
        return UTC
    digits = text.replace(":", "")
    offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return timezone(-offset if digits[0] == "-" else offset)
