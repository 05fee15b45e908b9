"""A published feed, and entries that must not be published -> the feed without them, and in Atom with their tombstones. Pure.

For files that are not built anew: the last good one of a feed that the gate refuses, and those that no category is
published in any more. All else stays to the byte, so a second cut changes nothing. A file that is none of ours is nobody's
business here: it is ours if its id is one of our feeds', or its generator is our own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from datetime import UTC
from html import unescape

from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.output import Tombstone
from aggregator.publish.addresses import SUFFIXES
from aggregator.publish.atom import GENERATOR
from aggregator.publish.cut_twins import cut_json, cut_rss
from aggregator.publish.document import examine, parse_date, read_document
from aggregator.publish.tombstones import DELETED_ENTRY, NAMESPACE

_ATOM = "{http://www.w3.org/2005/Atom}"
_ID = re.compile(rb"<(?:id|guid)(?:\s[^<>]*)?>([^<]*)</(?:id|guid)>")
_JSON_ID = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.)*")')


def ids_in(content: bytes) -> frozenset[str]:
    """Return everything that the bytes call an id, in any format: a quick look, also at what cannot be read as a feed."""
    found = {unescape(text.decode("utf-8", "replace")) for text in _ID.findall(content)}
    return frozenset(found.union(*(_json_text(text) for text in _JSON_ID.findall(content))))


def cut_file(
    content: bytes, gone: Sequence[Tombstone], *, own: Collection[str], output: str, elsewhere: Collection[str] = ()
) -> bytes | None:
    """Return a file of any format without these entries, as `cut_entries` does; the name of the file tells its format."""
    if output.endswith(SUFFIXES["rss"]):
        return cut_rss(content, gone, own=own, output=output, elsewhere=elsewhere)
    if output.endswith(SUFFIXES["json"]):
        return cut_json(content, gone, output=output)
    return cut_entries(content, gone, own=own, output=output, elsewhere=elsewhere)


def _json_text(text: bytes) -> set[str]:
    try:
        return {json.loads(text)}
    except ValueError:
        return set()


def cut_entries(
    content: bytes, gone: Sequence[Tombstone], *, own: Collection[str], output: str, elsewhere: Collection[str] = ()
) -> bytes | None:
    """Return the feed without these entries; None where it holds none of them, or is not ours.

    `own` are our feeds' ids. `elsewhere` are ids that another post is published with: no tombstone may speak of those.
    Raises: PublishError if the file is ours and what is left of it would not be a feed.
    """
    root = read_document(content)
    if isinstance(root, str):
        if not ids_in(content).isdisjoint(own) or f">{GENERATOR}</generator>".encode() in content:
            raise PublishError(f"{output}: {root}", output=output)
        return None
    if root.findtext(f"{_ATOM}id") not in own and root.findtext(f"{_ATOM}generator") != GENERATOR:
        return None
    wanted = {tombstone.id: tombstone for tombstone in gone}
    found = [entry for entry in root.iterchildren(f"{_ATOM}entry") if entry.findtext(f"{_ATOM}id") in wanted]
    if not found:
        return None
    for entry in found:
        root.remove(entry)
    told = {element.get("ref") for element in root.iterchildren(DELETED_ENTRY)}
    cut = {wanted[entry.findtext(f"{_ATOM}id") or ""] for entry in found}
    _add(root, [tombstone for tombstone in cut if tombstone.id not in told and tombstone.id not in elsewhere])
    _date(root)
    for child in root:
        child.tail = "\n" if child.getnext() is None else "\n  "
    # The tree, not the root: before it stands the name of the stylesheet.
    after: bytes = etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True, pretty_print=True)
    faults = examine(after).faults
    if faults and not examine(content).faults:  # a file that was not valid before need not become so
        raise PublishError(f"{output}: without them it would not be valid: {faults[0]}", output=output)
    return after


def _add(root: etree._Element, tombstones: Sequence[Tombstone]) -> None:
    """Put the tombstones where building a feed puts them, newest first."""
    following = next(root.iterchildren(DELETED_ENTRY, f"{_ATOM}entry"), None)
    place = len(root) if following is None else root.index(following)
    for tombstone in sorted(tombstones, key=lambda tombstone: (tombstone.at, tombstone.id)):  # each before the last one
        when = tombstone.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        root.insert(place, root.makeelement(DELETED_ENTRY, {"ref": tombstone.id, "when": when}, {"at": NAMESPACE}))


def _date(root: etree._Element) -> None:
    """Date the feed by the newest of what stands in it (§4.2.15), as building does; one that holds nothing keeps its date."""
    texts = [entry.findtext(f"{_ATOM}updated") for entry in root.iterchildren(f"{_ATOM}entry")]
    texts += [element.get("when") for element in root.iterchildren(DELETED_ENTRY)]
    dates = [date for text in texts if (date := parse_date(text or "")) is not None]
    updated = root.find(f"{_ATOM}updated")
    if updated is not None and dates:
        updated.text = max(dates).astimezone(UTC).isoformat()
