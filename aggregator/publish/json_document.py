"""The bytes of a JSON Feed document -> every finding about it, in words with what it breaks. Reads, never repairs.

JSON Feed 1.1 has no numbered sections, so a rule names the field. What only we demand has the weight `OURS`: what others
publish need not meet it. The same look serves the gate before a swap and whoever asks about a file that lies there already.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NoReturn

from aggregator.model.output import JSON_EXTENSION
from aggregator.publish.findings import Examined, Finding, Weight
from aggregator.publish.jsonfeed import VERSION
from aggregator.publish.parts import first_newer, is_language_tag, is_media_type, parse_date
from aggregator.publish.scan import find_fault, is_web_address, quoted

_FIRST_VERSION = "https://jsonfeed.org/version/1"
_WORDS = {str: "text", bool: "true or false", list: "a list", dict: "an object", int: "a number"}
_FEED: dict[str, type] = {
    "title": str,
    "home_page_url": str,
    "feed_url": str,
    "description": str,
    "user_comment": str,
    "next_url": str,
    "icon": str,
    "favicon": str,
    "authors": list,
    "author": dict,
    "language": str,
    "expired": bool,
    "hubs": list,
    "items": list,
}
_ITEM: dict[str, type] = {
    "id": str,
    "url": str,
    "external_url": str,
    "title": str,
    "content_html": str,
    "content_text": str,
    "summary": str,
    "image": str,
    "banner_image": str,
    "date_published": str,
    "date_modified": str,
    "authors": list,
    "author": dict,
    "tags": list,
    "language": str,
    "attachments": list,
}
_FEED_ADDRESSES = ("home_page_url", "feed_url", "next_url", "icon", "favicon")
_ITEM_ADDRESSES = ("url", "external_url", "image", "banner_image")
_AUTHOR = ("name", "url", "avatar")


def examine_json(content: bytes, *, now: datetime | None = None) -> Examined:
    """Look at every part of the document; nothing in it may be dated later than `now` (None: not asked)."""
    doubled: list[str] = []
    feed = read_json(content, doubled)
    if isinstance(feed, Finding):
        return Examined(findings=(feed,))
    items = [_Item(fields, number) for number, fields in enumerate(_list(feed, "items"), 1)]
    return Examined(
        findings=tuple(_findings(feed, items, doubled, now)),
        frame={
            "id": _text(_object(feed, JSON_EXTENSION), "id"),
            "title": _text(feed, "title"),
            "self": _text(feed, "feed_url"),
            "alternate": _text(feed, "home_page_url"),
            "language": _text(feed, "language"),
        },
        ids=tuple(item.id or "" for item in items),
    )


class _Item:
    """One item, and how its findings begin."""

    def __init__(self, fields: Any, number: int) -> None:
        self.fields: dict[str, Any] = fields if isinstance(fields, dict) else {}
        self.is_object = isinstance(fields, dict)
        self.where = f"item {number}"
        self.id = _text(self.fields, "id")
        self.title = _text(self.fields, "title")

    def finding(self, text: str, rule: str, advice: str, *, weight: Weight = Weight.FAULT) -> Finding:
        """Return a finding at this item; `text` goes on where `where` ends."""
        whole = f"{self.where}{text}" if text.startswith(":") else f"{self.where} {text}"
        rule = f"JSON Feed 1.1, {rule}"
        return Finding(text=whole, rule=rule, entry=self.id or None, title=self.title or None, advice=advice, weight=weight)


def read_json(content: bytes, doubled: list[str] | None = None) -> dict[str, Any] | Finding:
    """Return the document, or why it is none; names that an object has twice are added to `doubled`."""
    twice = [] if doubled is None else doubled

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            twice.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return fields

    rule = "JSON Feed 1.1: a feed is JSON (RFC 8259)"
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        return Finding(
            text=f"it is not UTF-8: {error.reason} at byte {error.start}", rule="RFC 8259 §8.1", advice="write UTF-8"
        )
    except json.JSONDecodeError as error:
        advice = "write it with a JSON library" if content[:3] != b"\xef\xbb\xbf" else "take the byte order mark out"
        return Finding(text=f"it is not JSON: {error.msg}", rule=rule, line=error.lineno, advice=advice)
    except ValueError as error:
        return Finding(text=f"it is not JSON: {error}", rule=rule, advice="write a number that JSON knows, or leave it out")
    except RecursionError:
        return Finding(
            text="it is nested too deeply", rule="RFC 8259 §9", advice="readers have limits; a feed needs five levels"
        )
    if not isinstance(found, dict):
        return Finding(text="it is not an object", rule="JSON Feed 1.1", advice='begin it with {"version": ...')
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    found = fields.get(name)
    return found if isinstance(found, list) else []


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str | None:
    found = fields.get(name)
    return found if isinstance(found, str) else None


def _findings(feed: dict[str, Any], items: list[_Item], doubled: list[str], now: datetime | None) -> Iterator[Finding]:
    yield from _feed_findings(feed, doubled)
    for item in items:
        yield from _item_findings(item, now)
    for each, count in Counter(item.id for item in items if item.id).items():
        if count > 1:
            text, advice = f"{count} items share the id {quoted(each)}", "give each item an id of its own, for ever"
            yield Finding(text=text, rule="JSON Feed 1.1, id", entry=each, advice=advice)
    found = first_newer(parse_date(_text(item.fields, "date_published") or "") for item in items)
    if found is not None:
        text, advice = "is newer than the item before it", "write the newest item first"
        yield items[found].finding(text, "items", advice, weight=Weight.OURS)


def _feed_finding(text: str, rule: str, advice: str, weight: Weight = Weight.FAULT) -> Finding:
    return Finding(text=f"the feed{text}", rule=f"JSON Feed 1.1, {rule}", advice=advice, weight=weight)


def _feed_findings(feed: dict[str, Any], doubled: list[str]) -> Iterator[Finding]:
    version = feed.get("version")
    if version != VERSION:
        weight = Weight.OURS if version == _FIRST_VERSION else Weight.FAULT
        text = " has no version" if version is None else f": its version is {_shown(version)}"
        yield _feed_finding(text, "version", f"write {VERSION}", weight)
    for name in doubled:
        yield _feed_finding(f" holds an object with {quoted(name)} twice", "objects (RFC 8259 §4)", "keep one of the two")
    yield from _field_findings(feed)
    if not (_text(feed, "title") or "x").strip():
        yield _feed_finding(": its title is empty", "title", "write it")
    for name in _FEED_ADDRESSES:
        if (address := _text(feed, name)) is not None and not is_web_address(address):
            yield _feed_finding(f": its {name} is not absolute http(s): {_shown(address)}", name, "write the whole address")
    language = _text(feed, "language")
    if language is not None and not is_language_tag(language):
        yield _feed_finding(f": {language!r} is no language tag", "language", "write a tag of BCP 47, such as zh-Hans")
    for hub in _list(feed, "hubs"):
        fields = hub if isinstance(hub, dict) else {}
        if not (_text(fields, "type") or "") or not is_web_address(_text(fields, "url") or ""):
            yield _feed_finding(f" has a hub without a type or an address: {_shown(hub)}", "hubs", "write type and url")
    yield from _author_findings(feed, _feed_finding)


def _field_findings(feed: dict[str, Any]) -> Iterator[Finding]:
    """Yield what the feed lacks, and what is of another kind than its name says."""
    for name, kind in _FEED.items():
        if name in feed:
            if not _is(feed[name], kind):
                text = f": its {name} is not {_WORDS[kind]}: {_shown(feed[name])}"
                yield _feed_finding(text, name, f"write {_WORDS[kind]}")
        elif name in {"title", "items"}:
            yield _feed_finding(f" has no {name}", name, f"write {name}")
        elif name in {"home_page_url", "feed_url"}:
            yield _feed_finding(f" has no {name}", name, "write the public address", Weight.OURS)


def _item_findings(item: _Item, now: datetime | None) -> Iterator[Finding]:
    if not item.is_object:
        yield item.finding("is not an object", "items", "write an object with id and content")
        return
    fields = item.fields
    if not item.id and _is(fields.get("id", ""), str):
        yield item.finding("has no id", "id", "write a text that never changes: readers know by it what they have seen")
    for name, kind in _ITEM.items():
        if name in fields and not _is(fields[name], kind):
            text = f": its {name} is not {_WORDS[kind]}: {_shown(fields[name])}"
            yield item.finding(text, name, f"write {_WORDS[kind]}, or leave it out")
    if "content_html" not in fields and "content_text" not in fields:
        yield item.finding("has neither content_html nor content_text", "content_html", "write one; it may be empty")
    for name in _ITEM_ADDRESSES:
        if (address := _text(fields, name)) is not None and not is_web_address(address):
            yield item.finding(f": its {name} is not absolute http(s): {_shown(address)}", name, "write the whole address")
    yield from _date_findings(item, now)
    yield from _words_findings(item)
    yield from _author_findings(fields, item.finding)
    yield from _attachment_findings(item)
    fault = find_fault(_text(fields, "content_html") or "")
    if fault is not None:
        advice = "take it out: a reader may run it, or cannot follow it"
        yield item.finding(f": its content_html holds {fault}", "content_html", advice, weight=Weight.OURS)


def _date_findings(item: _Item, now: datetime | None) -> Iterator[Finding]:
    for name in ("date_published", "date_modified"):
        text = _text(item.fields, name)
        date = parse_date(text or "")
        if text is not None and date is None:
            what = f": its {name} is no RFC 3339 date with a zone: {text!r}"
            yield item.finding(what, name, "write it like 2026-03-01T12:00:00Z")
        elif date is not None and now is not None and date > now:
            what, advice = f": its {name} lies in the future: {text}", "date it by when it was first seen"
            yield item.finding(what, name, advice, weight=Weight.OURS)
    if "date_published" not in item.fields:
        advice = "date it, or it has no place in a list"
        yield item.finding("has no date_published", "date_published", advice, weight=Weight.OURS)


def _words_findings(item: _Item) -> Iterator[Finding]:
    if not (item.title or "").strip():
        yield item.finding("has no title", "title", "write plain text in one line", weight=Weight.OURS)
    if not all(isinstance(tag, str) and tag.strip() for tag in _list(item.fields, "tags")):
        yield item.finding("has a tag that is no text", "tags", "write plain text, or leave it out")
    language = _text(item.fields, "language")
    if language is not None and not is_language_tag(language):
        yield item.finding(f": {language!r} is no language tag", "language", "write a tag of BCP 47, such as zh-Hans")
    if not isinstance(item.fields.get(JSON_EXTENSION, {}), dict):
        yield item.finding(f": its {JSON_EXTENSION} is no object", "extensions", "write an object", weight=Weight.OURS)


def _author_findings(fields: dict[str, Any], finding: Callable[..., Finding]) -> Iterator[Finding]:
    """Yield what is wrong with the authors of a feed or an item."""
    for author in [*_list(fields, "authors"), *([fields["author"]] if isinstance(fields.get("author"), dict) else [])]:
        known = author if isinstance(author, dict) else {}
        if not any(_text(known, name) for name in _AUTHOR):
            yield finding(f": an author has neither name, url nor avatar: {_shown(author)}", "authors", "write one of them")
        page = _text(known, "url")
        if page is not None and not is_web_address(page) and not page.startswith("mailto:"):
            what = f": the url of an author is neither http(s) nor mailto: {_shown(page)}"
            yield finding(what, "authors", "write the whole address, or leave it out")


def _attachment_findings(item: _Item) -> Iterator[Finding]:
    for attachment in _list(item.fields, "attachments"):
        fields = attachment if isinstance(attachment, dict) else {}
        if not is_web_address(_text(fields, "url") or ""):
            what = f": the url of an attachment is not absolute http(s): {_shown(fields.get('url'))}"
            yield item.finding(what, "attachments", "write the whole address")
        if not is_media_type(_text(fields, "mime_type") or ""):
            what = f": the mime_type of an attachment is no media type: {_shown(fields.get('mime_type'))}"
            yield item.finding(what, "attachments", "write it like audio/mpeg")
        for name in ("size_in_bytes", "duration_in_seconds"):
            number = fields.get(name, 0)
            if isinstance(number, bool) or not isinstance(number, int | float) or number < 0:
                what = f": {name} of an attachment is no number from 0: {_shown(number)}"
                yield item.finding(what, "attachments", "write a number, or leave it out")


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind)


def _shown(value: Any) -> str:
    """Show a piece of a foreign document in one short line."""
    try:
        return quoted(value) if isinstance(value, str) else quoted(json.dumps(value))
    except RecursionError:  # reading goes a little deeper than writing
        return "what is nested too deeply"
