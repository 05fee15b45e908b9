"""The head of a published feed -> Link headers that say the same (WebSub §4): where it is, and which hubs tell of its changes.

Reads no further than the first entry and never more than a bound; what cannot stand in a header is left out.
"""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import quote

#: Where the head ends at the latest.
_BOUND = 64 * 1024
_FIRST_ENTRY = re.compile(rb"<(?:entry|item)[\s>]")
_ITEMS = re.compile(rb"\"items\"\s*:")
_LINK = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,20}:)?link\s([^<>]{1,4096})>")
_ATTRIBUTE = re.compile(r"\b(rel|href)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_FEED_URL = re.compile(rb"\"feed_url\"\s*:\s*(\"(?:[^\"\\]|\\.){1,4096}\")")
_HUBS = re.compile(rb"\"hubs\"\s*:\s*(\[[^\[\]]{0,8192}\])")
_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")
_RELATIONS = ("self", "hub")


def feed_links(content: bytes) -> tuple[str, ...]:
    """Return the values of Link headers for a feed, `self` first; a document that names nothing has none."""
    head = content[:_BOUND]
    is_json = head.lstrip()[:1] == b"{"
    if (end := (_ITEMS if is_json else _FIRST_ENTRY).search(head)) is not None:
        head = head[: end.start()]
    found = _of_json(head) if is_json else _of_xml(head)
    usable = [(relation, address) for relation, text in found if (address := _usable(text)) is not None]
    return tuple(f'<{address}>; rel="{wanted}"' for wanted in _RELATIONS for relation, address in usable if relation == wanted)


def _of_xml(head: bytes) -> list[tuple[str, str]]:
    links = (_ATTRIBUTE.findall(link.decode("utf-8", "replace")) for link in _LINK.findall(head))
    said = ({name: unescape(double or single) for name, double, single in pairs} for pairs in links)
    return [(link.get("rel", ""), link.get("href", "")) for link in said]


def _of_json(head: bytes) -> list[tuple[str, str]]:
    own, hubs = _FEED_URL.search(head), _HUBS.search(head)
    try:
        address = json.loads(own[1]) if own is not None else ""
        named = json.loads(hubs[1]) if hubs is not None else []
    except ValueError:
        return []
    addresses = (hub.get("url") for hub in named if isinstance(hub, dict))
    return [("self", address), *(("hub", found) for found in addresses if isinstance(found, str))]


def _usable(address: str) -> str | None:
    """Return an http(s) address as a header can hold it (RFC 8288 §3.1: a URI reference), or None."""
    text = quote(address, safe="!#$%&'()*+,/:;=?@[]~")
    return text if _ADDRESS.fullmatch(text) else None
