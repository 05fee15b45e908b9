"""A published RSS or JSON file, and entries that must not be published -> the file without them. Pure.

As `cut` does it for Atom: all else stays to the byte, a second cut changes nothing, and what is none of ours is nobody's
business here. Neither format can say that an entry is gone: it just no longer stands there. A file is ours if its id is one
of our feeds', or if it bears our mark: the generator in RSS; in JSON Feed our own object, where the id stands as well.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.output import JSON_EXTENSION, Tombstone
from aggregator.publish.atom import GENERATOR
from aggregator.publish.document import parse_date, read_xml
from aggregator.publish.findings import Finding
from aggregator.publish.json_document import examine_json, read_json
from aggregator.publish.jsonfeed import json_bytes
from aggregator.publish.parts import parse_rss_date
from aggregator.publish.rss import ATOM, rss_date
from aggregator.publish.rss_document import examine_rss

_ID, _UPDATED = f"{{{ATOM}}}id", f"{{{ATOM}}}updated"


def cut_rss(
    content: bytes, gone: Sequence[Tombstone], *, own: Collection[str], output: str, elsewhere: Collection[str] = ()
) -> bytes | None:
    """Return the feed without these entries; None where it holds none of them, or is not ours.

    `elsewhere` are ids that another post is published with: for the feed's date they are not gone. Raises: PublishError.
    """
    root = read_xml(content, "RSS 2.0")
    channel = None if isinstance(root, Finding) else root.find("channel")
    if isinstance(root, Finding) or channel is None:
        if f"<generator>{GENERATOR}</generator>".encode() in content:
            why = root if isinstance(root, Finding) else "it has no channel"
            raise PublishError(f"{output}: {why}", output=output)
        return None
    if channel.findtext(_ID) not in own and channel.findtext("generator") != GENERATOR:
        return None
    wanted = {tombstone.id: tombstone for tombstone in gone}
    found = [item for item in channel.iterchildren("item") if item.findtext("guid") in wanted]
    if not found:
        return None
    for item in found:
        channel.remove(item)
    cut = (wanted[item.findtext("guid") or ""] for item in found)
    _date(channel, [tombstone.at for tombstone in cut if tombstone.id not in elsewhere])
    if len(channel):
        channel[-1].tail = "\n  "
    after: bytes = etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True, pretty_print=True)
    _check(examine_rss(content).faults, examine_rss(after).faults, output)
    return after


def _date(channel: etree._Element, dates: list[datetime]) -> None:
    """Date the channel as building does: by the newest of what stands in it, and of what is gone (`dates`)."""
    built = channel.find("lastBuildDate")
    for item in channel.iterchildren("item"):
        dates += [date for text in (item.findtext("pubDate"),) if (date := parse_rss_date(text or "")) is not None]
        dates += [date for text in (item.findtext(_UPDATED),) if (date := parse_date(text or "")) is not None]
    if built is not None and dates:
        built.text = rss_date(max(dates))


def cut_json(content: bytes, gone: Sequence[Tombstone], *, output: str) -> bytes | None:
    """Return the feed without these entries; None where it holds none of them, or is not ours. Raises: PublishError."""
    feed = read_json(content)
    if isinstance(feed, Finding):
        if f'"{JSON_EXTENSION}"'.encode() in content:
            raise PublishError(f"{output}: {feed}", output=output)
        return None
    mark, items = feed.get(JSON_EXTENSION), feed.get("items")
    if not isinstance(mark, dict) or not isinstance(items, list):
        return None
    wanted = {tombstone.id for tombstone in gone}
    kept = [item for item in items if not _is_one_of(item, wanted)]
    if len(kept) == len(items):
        return None
    try:
        after = json_bytes({**feed, "items": kept})
    except (
        ValueError,
        RecursionError,
    ) as error:  # a hand was in it: what JSON can spell and UTF-8 cannot hold, or a number beyond all bounds
        raise PublishError(f"{output}: what is left of it cannot be written: {error}", output=output) from error
    _check(examine_json(content).faults, examine_json(after).faults, output)
    return after


def _is_one_of(item: Any, ids: Collection[str]) -> bool:
    found = item.get("id") if isinstance(item, dict) else None
    return isinstance(found, str) and found in ids


def _check(before: Sequence[Finding], after: Sequence[Finding], output: str) -> None:
    """Raise PublishError if the cut has broken what was whole; a file that was not valid before need not become so."""
    if after and not before:
        raise PublishError(f"{output}: without them it would not be valid: {after[0]}", output=output)
