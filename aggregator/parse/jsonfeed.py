"""Text of a JSON Feed, version 1.0 or 1.1 -> ParsedFeed. Numbers stay as written, so that an id of 1.0 is not 1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aggregator.model.changes import Hints
from aggregator.model.output import JSON_EXTENSION
from aggregator.model.parsed import (
    HTML,
    TEXT,
    ParsedEnclosure,
    ParsedEntry,
    ParsedEpisode,
    ParsedFeed,
    ParsedPerson,
    ParsedTag,
    ParsedText,
)
from aggregator.parse.limits import cut_entry_text, told_address
from aggregator.parse.refusal import NotAFeedError, UnreadableFeedError
from aggregator.parse.repair import drop_illegal

_VERSIONS = {"1": "json1", "1.0": "json1", "1.1": "json11"}
MAX_TAGS = 200


def read_json(text: str, warnings: list[str]) -> ParsedFeed:
    """Read a JSON Feed.

    Raises:
        NotAFeedError: it is JSON, but no JSON Feed.
        UnreadableFeedError: it is no JSON.
    """
    try:
        feed = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, strict=False)
    except json.JSONDecodeError as error:
        raise UnreadableFeedError(f"broken JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    except RecursionError as error:
        raise UnreadableFeedError("JSON nested too deeply to be a feed") from error
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise NotAFeedError("the server answered with JSON, but no JSON Feed: there is no list `items`")
    format_ = _format(feed, warnings)
    items = feed["items"]
    entries = [_entry(item, position, warnings) for position, item in enumerate(items, 1) if isinstance(item, dict)]
    if len(entries) < len(items):
        warnings.append(f"{len(items) - len(entries)} of {len(items)} items are no objects and were passed over")
    return ParsedFeed(
        format=format_,
        title=_text(feed, "title", TEXT),
        link=_word(feed, "home_page_url"),
        id=_word(_object(feed, JSON_EXTENSION), "id"),  # JSON Feed has none; so a feed of ours knows itself
        language=_word(feed, "language"),
        hints=Hints(self_link=told_address(_word(feed, "feed_url"))),
        entries=tuple(entries),
    )


def _format(feed: Mapping[str, Any], warnings: list[str]) -> str:
    version = _word(feed, "version") or ""
    _, found, number = version.partition("jsonfeed.org/version/")
    if found:
        return _VERSIONS.get(number.strip("/ "), "json11")
    if "title" not in feed and not any(isinstance(item, dict) and "id" in item for item in feed["items"]):
        raise NotAFeedError("the server answered with JSON, but no JSON Feed: neither version nor title nor ids")
    warnings.append("the JSON names no version of JSON Feed; read as 1.1")
    return "json11"


def _entry(item: Mapping[str, Any], position: int, warnings: list[str]) -> ParsedEntry:
    content = _text(item, "content_html", HTML) or _text(item, "content_text", TEXT)
    summary = _text(item, "summary", TEXT)
    images = [_word(item, "image"), _word(item, "banner_image")]
    tags = item.get("tags")
    return ParsedEntry(
        id=_word(item, "id"),
        link=_word(item, "url") or _word(item, "external_url"),
        title=_text(item, "title", TEXT),
        summary=summary if content else None,
        content=cut_entry_text(content or summary, f"entry {position}", warnings),
        published=_word(item, "date_published"),
        updated=_word(item, "date_modified"),
        authors=tuple(_people(item)),
        tags=tuple(ParsedTag(term=_clean(tag)) for tag in (tags if isinstance(tags, list) else ())[:MAX_TAGS] if _clean(tag)),
        enclosures=tuple(_files(item)),
        episode=_episode(item),
        images=tuple(dict.fromkeys(image for image in images if image)),
        language=_word(item, "language"),
        origin=_word(_object(_object(item, JSON_EXTENSION), "source"), "id"),
    )


def _people(item: Mapping[str, Any]) -> list[ParsedPerson]:
    """Return `authors` (1.1), else `author` (1.0)."""
    authors = item.get("authors")
    found = authors if isinstance(authors, list) and authors else [item.get("author")]
    people = [
        ParsedPerson(name=_word(author, "name"), uri=_word(author, "url")) for author in found if isinstance(author, dict)
    ]
    return [person for person in people if person.name or person.uri]


def _files(item: Mapping[str, Any]) -> list[ParsedEnclosure]:
    found = {
        href: ParsedEnclosure(
            href=href, type=_word(file, "mime_type"), length=_word(file, "size_in_bytes"), title=_word(file, "title")
        )
        for file in _attachments(item)
        if (href := _word(file, "url"))
    }
    return list(found.values())


def _attachments(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    attachments = item.get("attachments")
    return [file for file in (attachments if isinstance(attachments, list) else ()) if isinstance(file, dict)]


def _episode(item: Mapping[str, Any]) -> ParsedEpisode | None:
    """Return how long the first file plays: the others are the same in another form, or something beside it."""
    seconds = next((_word(file, "duration_in_seconds") for file in _attachments(item) if _word(file, "url")), None)
    return ParsedEpisode(seconds=seconds) if seconds is not None else None


def _text(where: Mapping[str, Any], key: str, type_: str) -> ParsedText | None:
    value = _word(where, key)
    return ParsedText(value=value, type=type_) if value else None


def _object(where: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = where.get(key)
    return found if isinstance(found, dict) else {}


def _word(where: Mapping[str, Any], key: str) -> str | None:
    return _clean(where.get(key))


def _clean(value: Any) -> str | None:
    """Return a string's text (numbers are strings here), or None for anything else and for white space."""
    return drop_illegal(value).strip() or None if isinstance(value, str) else None
