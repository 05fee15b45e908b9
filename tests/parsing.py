"""Short ways to write feeds and to run parse and normalise over them; the fake upstream of these two stages' tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aggregator.model.changes import KnownEntry, Skipped
from aggregator.model.entry import Entry
from aggregator.model.parsed import ParsedFeed
from aggregator.model.source import Source
from aggregator.normalise import Identified, identify, normalise_entry, normalise_feed
from aggregator.parse import parse_feed

ADDRESS = "https://feeds.example.org/blog/feed.xml"
NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
XML = (("content-type", "application/xml"),)


def rss(items: str, channel: str = "") -> bytes:
    """An RSS 2.0 document around some items."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><title>Quiet Harbour</title><link>https://blog.example.org/</link>{channel}{items}</channel></rss>"
    ).encode()


def atom(entries: str, head: str = "", attributes: str = "") -> bytes:
    """An Atom 1.0 document around some entries."""
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" {attributes}><title>Quiet Harbour</title>'
        f"<id>tag:blog.example.org,2020:feed</id>{head}{entries}</feed>"
    ).encode()


def parse(body: bytes, headers: tuple[tuple[str, str], ...] = XML, **options: Any) -> ParsedFeed:
    """Parse as if the document had come from ADDRESS."""
    return parse_feed(body, headers, address=ADDRESS, **options)


def source(**changes: Any) -> Source:
    """A source without any setting of its own."""
    settings: dict[str, Any] = {"id": "quiet", "feed": ADDRESS, "addresses": (ADDRESS,), "categories": ("Blogs",), "fixes": ()}
    return Source(**{**settings, **changes})


def named(body: bytes, known: Mapping[str, KnownEntry] | None = None) -> tuple[Identified, ...]:
    """Parse and identify."""
    return identify(parse(body).entries, source_id="quiet", known=known or {}, address=ADDRESS)


def normal(body: bytes, headers: tuple[tuple[str, str], ...] = XML, **changes: Any) -> list[Entry | Skipped]:
    """Parse, identify and normalise every entry; keyword arguments change the source."""
    parsed = parse(body, headers)
    origin = source(**changes)
    feed = normalise_feed(parsed, origin, address=ADDRESS)
    return [
        normalise_entry(item, feed=feed, feed_language=parsed.language, source=origin, address=ADDRESS, now=NOW)
        for item in identify(parsed.entries, source_id=origin.id, known={}, address=ADDRESS)
    ]


def one(body: bytes, headers: tuple[tuple[str, str], ...] = XML, **changes: Any) -> Entry:
    """Return the only entry of a document."""
    [entry] = normal(body, headers, **changes)
    assert isinstance(entry, Entry)
    return entry
