"""A feed that was built -> the same feed as JSON Feed 1.1. Pure and byte-stable.

`id` is the very atom:id. What JSON Feed has no word for stands in objects of ours, `_feed_aggregator` (readers pass over names
that begin with an underscore). That of the feed has `id`, the feed's own; that of an item `category`, the path of our category,
`source`, where the entry comes from (id, title, url, rights: atom:source), `rights` of the entry itself, and `episode`, what
podcasts say in Apple's words: season, episode, episodeType, explicit, image, and duration where
nothing is attached.
Letters stand as they are and not as escapes, a field per line: a feed in version control changes by its news.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from aggregator.errors import PublishError
from aggregator.model.entry import Enclosure, Entry, Person
from aggregator.model.key import atom_id
from aggregator.model.output import JSON_EXTENSION, Built, OutputEntry, OutputFeed, Twin
from aggregator.publish.atom import updated_of
from aggregator.publish.media_types import media_type
from aggregator.publish.scan import is_web_address
from aggregator.publish.select import published_id

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
VERSION = "https://jsonfeed.org/version/1.1"


def build_json(twin: Twin, frame: OutputFeed, built: Built) -> bytes:
    """Return the document. Raises: PublishError if a title or an address cannot be written as UTF-8."""
    feed = _known(
        version=VERSION,
        title=frame.title,
        home_page_url=frame.page_link,
        feed_url=twin.self_link,
        icon=frame.icon,
        favicon=frame.icon,
        authors=[{"name": frame.author}],
        language=frame.language,
        hubs=[{"type": "WebSub", "url": hub} for hub in frame.hubs] or None,
        **{JSON_EXTENSION: {"id": frame.id}},
        items=[_item(item) for item in built.entries],
    )
    try:
        return json_bytes(feed)
    except ValueError as error:  # half of a surrogate pair
        raise PublishError(f"{twin.path}: the feed cannot be written as JSON: {error}", output=frame.path) from error


def json_bytes(feed: dict[str, Any]) -> bytes:
    """Return the one form that a feed of ours has: a line for each field of the feed and of each item.

    Not the standard library's indented form: that is made in Python, several times slower. Raises: ValueError on half of a
    surrogate pair.
    """
    fields = (f" {_encode(name)}: {_lines(value) if name == 'items' else _encode(value)}" for name, value in feed.items())
    return "{{\n{}\n}}\n".format(",\n".join(fields)).encode()


def _lines(items: list[Any]) -> str:
    return "[\n{}\n ]".format(",\n".join(map(_item_lines, items))) if items else "[]"


def _item_lines(item: Any) -> str:
    if not isinstance(item, dict):  # none of ours: a hand was in the file
        return f"  {_encode(item)}"
    return "  {{\n{}\n  }}".format(",\n".join(f"   {_encode(name)}: {_encode(value)}" for name, value in item.items()))


def _item(item: OutputEntry) -> dict[str, Any]:
    entry = item.entry
    updated = updated_of(entry)
    return _known(
        id=published_id(item),
        url=entry.link,
        title=entry.title,
        **_body(entry),
        image=_image(entry.cover),
        date_published=_date(entry.date),
        date_modified=_date(updated) if updated != entry.date else None,
        authors=[_person(person) for person in entry.authors] or [{"name": entry.author or entry.feed.title}],
        tags=[tag.term for tag in entry.tags] or None,
        language=entry.language,
        attachments=_attachments(entry) or None,
        **{JSON_EXTENSION: _ours(entry)},
    )


def _body(entry: Entry) -> dict[str, str | None]:
    """Return what is to be read: one of the two contents must be there, and the title is not said twice."""
    if entry.content:
        return {"content_html": entry.content, "summary": entry.summary}
    return {"content_text": entry.summary or ""}


def _image(cover: str | None) -> str | None:
    """Return the cover if a reader can open it; Atom has no place for it, so the gate has not looked at it."""
    return cover if cover is not None and is_web_address(cover) and cover.isprintable() else None


def _person(person: Person) -> dict[str, str]:
    return _known(name=person.name, url=person.uri or (f"mailto:{person.email}" if person.email else None))


def _attachments(entry: Entry) -> list[dict[str, Any]]:
    """Return the enclosures; an episode is the first of them, so its duration stands there."""
    found = [_attachment(enclosure) for enclosure in entry.enclosures]
    if found and entry.episode is not None and entry.episode.duration is not None:
        found[0]["duration_in_seconds"] = entry.episode.duration
    return found


def _attachment(enclosure: Enclosure) -> dict[str, Any]:
    kind = enclosure.type or media_type(enclosure.href)
    return _known(url=enclosure.href, mime_type=kind, title=enclosure.title, size_in_bytes=enclosure.length)


def _ours(entry: Entry) -> dict[str, Any]:
    feed = entry.feed
    source = _known(id=feed.id or atom_id(entry.source_id, ""), title=feed.title, url=feed.link, rights=feed.rights)
    return _known(category=list(entry.categories), source=source, rights=entry.rights, episode=_episode(entry))


def _episode(entry: Entry) -> dict[str, Any] | None:
    """Return what JSON Feed has no word for, in Apple's words; the duration is the attachment's, if there is one."""
    episode = entry.episode
    if episode is None:
        return None
    facts = {"season": episode.season, "episode": episode.number, "episodeType": episode.kind}
    if not entry.enclosures:
        facts["duration"] = episode.duration
    return _known(**facts, explicit=episode.explicit, image=episode.image) or None


def _date(date: datetime) -> str:
    """Return the instant as Atom writes it (RFC 3339)."""
    return date.astimezone(UTC).isoformat()


def _known(**fields: Any) -> dict[str, Any]:
    """Return the fields in the order given, without those that are not known."""
    return {name: value for name, value in fields.items() if value is not None}
