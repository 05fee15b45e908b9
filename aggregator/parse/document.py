"""A fetched body and its headers -> ParsedFeed. Pure; to be run where it can be killed, for hostile bodies stall parsers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from aggregator.model.parsed import ParsedFeed
from aggregator.parse.bridge import find_bridge_error
from aggregator.parse.encoding import decode_body
from aggregator.parse.fast import read_fast
from aggregator.parse.jsonfeed import read_json
from aggregator.parse.limits import MAX_ENTRIES, choose_newest
from aggregator.parse.prolog import Document, open_document
from aggregator.parse.raw import MAX_ENTRIES_READ
from aggregator.parse.reader import read_xml
from aggregator.parse.refusal import NotAFeedError, describe_body
from aggregator.parse.xmlfeed import build_feed

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,40}/[a-z0-9!#$&^_.+-]{1,60}(?=\s*(?:;|\Z))")
#: RFC 7303 §8: what ends in xml or json is of that family; servers also write `application/rss` and `application/atom`.
_FEED_TYPE = re.compile(r"xml\Z|json\Z|/(?:rss|atom|rdf)\Z|/octet-stream\Z")

#: What a root element says where feedparser names no version.
_FORMATS = {"rss": "rss", "feed": "atom", "rdf": "rss10", "channel": "cdf", "entry": "atom"}


def parse_feed(
    body: bytes,
    headers: Sequence[tuple[str, str]],
    *,
    address: str,  # noqa: ARG001 - nothing is resolved against it here, so that mirrors parse alike
    limit: int = MAX_ENTRIES,
) -> ParsedFeed:
    """Read a document of any feed format; at most `limit` of its newest entries are kept.

    Raises:
        NotAFeedError: the body is no feed, or (UnreadableFeedError) one that must not or cannot be read.
    """
    values = {name.lower(): value for name, value in headers}
    content_type = values.get("content-type", "")
    if not body.strip(b"\0 \t\r\n\v\f"):
        raise NotAFeedError(f"the server answered with an empty body{f' of {len(body)} bytes' if body else ''}")
    text, note = decode_body(body, content_type)
    warnings = [note] if note else []
    if (odd := _odd_type(content_type)) is not None:
        warnings.append(f"the server calls the feed {odd}, which is no type of a feed; it was read all the same")
    opening = text[:4096].lstrip("\ufeff\0 \t\r\n\v\f")[:1] or text.lstrip("\ufeff\0 \t\r\n\v\f")[:1]
    if opening in {"{", "["}:
        feed = read_json(text.lstrip("\ufeff\0 \t\r\n\v\f"), warnings)
    else:
        document = open_document(text)
        if document.root is None:
            raise NotAFeedError(describe_body(text, len(body), content_type.partition(";")[0].strip()))
        feed = _read(document, values.get("content-language"), warnings)
    if (error := find_bridge_error(feed.entries)) is not None:
        raise NotAFeedError(f'the bridge answered with an error instead of a feed: "{error}"')
    entries = choose_newest(feed.entries, min(limit, MAX_ENTRIES), warnings)
    return replace(feed, entries=entries, warnings=tuple(warnings))


def _odd_type(content_type: str) -> str | None:
    """Return a media type that names neither XML nor JSON; None for those, for none at all, and for what is no type."""
    found = _MEDIA_TYPE.match(content_type.strip().lower())
    return None if found is None or _FEED_TYPE.search(found[0]) else found[0]


def _read(document: Document, language: str | None, warnings: list[str]) -> ParsedFeed:
    if document.junk:
        warnings.append("something stood before the document and was cut off")
    raw = read_fast(document, language) or read_xml(document.text, document.entities, language)
    if not raw.strict:
        warnings.append("the document is not well-formed XML; it was repaired as far as possible")
    if raw.capped:
        warnings.append(f"reading stopped after {MAX_ENTRIES_READ:,} entries")
    version = "rss091n" if document.netscape and raw.version.startswith("rss09") else raw.version
    if not version and (document.root == "entry" or (document.root == "channel" and not raw.entries)):
        raise NotAFeedError("the document looks like a feed, but holds no element of one")
    return build_feed(raw, version or _FORMATS[document.root or "rss"], warnings)
