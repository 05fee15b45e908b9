"""feedparser's dictionaries -> ParsedFeed. Chooses between elements that mean the same; resolves and cleans nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from aggregator.model.changes import Hints
from aggregator.model.parsed import (
    GUESS,
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
from aggregator.parse.raw import Raw
from aggregator.parse.repair import drop_illegal

_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_PERIODS = {"hourly": 60, "daily": 1440, "weekly": 10_080, "monthly": 43_200, "yearly": 525_600}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: Keys of the reader, and the fields of `ParsedEpisode` that they fill.
_EPISODE = {
    "itunes_duration": "duration",
    "itunes_episode": "number",
    "itunes_season": "season",
    "itunes_episodetype": "kind",
    "itunes_explicit": "explicit",
    "itunes_image": "image",
}
#: Keys that most entries have none of: asked for together first, since each question costs about as much as this one.
_MEDIA = frozenset({"media_title", "media_description", "itunes_summary", "itunes_subtitle"}) | {
    *("media_thumbnail", "media_content", "image"),
}
_IMAGE_NAMES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif")


#: In lines; words with blanks between them are text.
_BASE64 = re.compile(r"[A-Za-z0-9+/]+(?:[ \t]*[\r\n]\s*[A-Za-z0-9+/]+)*=*\s*")


def build_feed(raw: Raw, format_: str, warnings: list[str]) -> ParsedFeed:
    """Turn what the reader found into records; an entry that the document's end cut through is left out."""
    feed = raw.feed
    atom = format_.startswith("atom")
    found = raw.entries[:-1] if raw.last_open and not raw.complete else raw.entries
    if raw.left_out:
        entries = "a broken entry was" if raw.left_out == 1 else f"{raw.left_out} broken entries were"
        warnings.append(f"{entries} left for the next poll")
    if len(found) < len(raw.entries):
        warnings.append("the document breaks off inside an entry; that entry was left for the next poll")
    elif not raw.complete:
        warnings.append("the document breaks off before its end")
    if raw.deleted:
        entries = "an entry was" if raw.deleted == 1 else f"{raw.deleted} entries were"
        warnings.append(f"upstream says that {entries} deleted; what was published stays")
    return ParsedFeed(
        format=format_,
        title=_text(feed, "title", atom=atom),
        link=_alternate(feed.get("links", ())),
        id=_plain(feed, "id"),
        rights=_text(feed, "rights", atom=atom),
        language=_plain(feed, "language"),
        hints=_hints(feed),
        entries=tuple(_entry(entry, position, warnings, atom=atom) for position, entry in enumerate(found, 1)),
        complete=raw.complete,
    )


def _entry(entry: Mapping[str, Any], position: int, warnings: list[str], *, atom: bool) -> ParsedEntry:
    base = _plain(entry, "xml_base")
    media = not _MEDIA.isdisjoint(entry)
    parts = entry.get("content", ())
    content, summary = _bodies(entry, parts, base if media else None, atom=atom, media=media)
    where = f"entry {position}"
    out_of_line = next((part for part in parts if part.get("src")), None) if parts else None
    links = entry.get("links", ())
    enclosures, images = _files(entry, links, base, media=media)
    title = _text(entry, "title", atom=atom)
    if title is None and media:
        title = _wrapped(_plain(entry, "media_title"), GUESS, base)
    return ParsedEntry(
        id=_plain(entry, "id"),
        link=_plain(entry, "feedburner_origlink") or _alternate(links),
        title=title,
        summary=cut_entry_text(summary, where, warnings),
        content=cut_entry_text(content, where, warnings),
        content_src=_joined(base, out_of_line["src"]) if out_of_line else None,
        content_src_type=(out_of_line.get("type") or None) if out_of_line else None,
        published=_plain(entry, "published") or _plain(entry, "created"),
        updated=_updated(entry),
        authors=tuple(_people(entry.get("authors", ()))),
        tags=tuple(_tags(entry.get("tags", ()))),
        enclosures=enclosures,
        episode=_episode(entry, base),
        images=images,
        language=_plain(entry, "language") or _plain(entry, "xml_lang"),
        rights=_text(entry, "rights", atom=atom),
        origin=_plain(source, "id") if isinstance(source := entry.get("source"), dict) else None,
    )


def _plain(where: Mapping[str, Any], key: str) -> str | None:
    """Return a text value, or None where there is none (feedparser keeps empty ones, and attributes as mappings)."""
    value = where.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _updated(entry: Mapping[str, Any]) -> str | None:
    # By way of `get` feedparser's dictionary would answer with what was published.
    value = dict.get(entry, "updated")  # type: ignore[call-overload]
    return value or None if isinstance(value, str) else None


def _wrapped(value: str | None, type_: str, base: str | None) -> ParsedText | None:
    return ParsedText(value=value, type=type_, base=base) if value else None


def _text(where: Mapping[str, Any], key: str, *, atom: bool) -> ParsedText | None:
    """Return a text construct with the type that was declared for this very value."""
    value = _plain(where, key)
    if value is None:
        return None
    detail = where.get(f"{key}_detail")
    if not isinstance(detail, dict) or detail.get("value") != where.get(key):
        return ParsedText(value=value, type=TEXT if atom else GUESS)
    return _construct(detail, atom=atom) or _wrapped(drop_illegal(value).strip(), GUESS, None)


def _construct(detail: Mapping[str, Any], *, atom: bool) -> ParsedText | None:
    """Return a text construct, or None where it holds no text that could be shown."""
    value = detail.get("value") or ""
    if not detail.get("legal"):
        # What was written in Base64 is decoded by now, and may hold what the document itself could not.
        value = drop_illegal(value)
    value = value.strip()
    type_ = detail.get("type") or "text/plain"
    if not value:
        return None
    if type_ in _HTML_TYPES or type_.endswith("+xml") or type_ in {"text/xml", "application/xml"}:
        kind = HTML
    elif type_.startswith("text/") or "/" not in type_:
        kind = TEXT if atom else GUESS
    elif type_ == "application/octet-stream" and not _BASE64.fullmatch(value):
        kind = GUESS  # text in Base64 (RFC 4287 §4.1.3.3), which the reader has undone; an image in it stays undone
    else:
        return None
    return ParsedText(value=value, type=kind, base=detail.get("base") or None)


def _bodies(
    entry: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], base: str | None, *, atom: bool, media: bool
) -> tuple[ParsedText | None, ParsedText | None]:
    """Return (content, summary): content elements before descriptions, HTML before plain text, media and iTunes last."""
    contents = [text for part in parts if (text := _construct(part, atom=atom))]
    content = next((text for text in contents if text.type == HTML), contents[0] if contents else None)
    summary = _text(entry, "summary", atom=atom)
    if not media:
        if content is None:
            return summary, None
        return content, summary if summary is not None and summary.value != content.value else None
    media_type = HTML if entry.get("media_description_type") == "html" else GUESS
    others = [
        *((text,) if (text := _wrapped(_plain(entry, "media_description"), media_type, base)) else ()),
        *((text,) if (text := _wrapped(_plain(entry, "itunes_summary"), GUESS, base)) else ()),
        *((text,) if (text := _wrapped(_plain(entry, "itunes_subtitle"), GUESS, base)) else ()),
    ]
    ladder = [text for text in (content, summary, *others) if text is not None]
    if not ladder:
        return None, None
    chosen = ladder[0]
    return chosen, next((text for text in ladder[1:] if text.value != chosen.value), None)


def _alternate(links: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first alternate link, an HTML one if there is any."""
    links = [link for link in links if link.get("rel") == "alternate" and (link.get("href") or "").strip()]
    chosen = next((link for link in links if link.get("type") in _HTML_TYPES), links[0] if links else None)
    return chosen["href"].strip() if chosen is not None else None


def _people(authors: Sequence[Mapping[str, Any]]) -> list[ParsedPerson]:
    people = [
        ParsedPerson(name=_plain(author, "name"), email=_plain(author, "email"), uri=_plain(author, "href"))
        for author in authors
    ]
    return [person for person in people if person.name or person.email or person.uri]


def _tags(tags: Sequence[Mapping[str, Any]]) -> list[ParsedTag]:
    found = [ParsedTag(term=_plain(tag, "term"), scheme=_plain(tag, "scheme"), label=_plain(tag, "label")) for tag in tags]
    return [tag for tag in found if tag.term or tag.label]


def _files(
    entry: Mapping[str, Any], links: Sequence[Mapping[str, Any]], base: str | None, *, media: bool
) -> tuple[tuple[ParsedEnclosure, ...], tuple[str, ...]]:
    """Return enclosures (of a media:group only its default or first file) and images, each address once."""
    files = [
        ParsedEnclosure(
            href=_joined(base, link["href"]),
            type=_plain(link, "type"),
            length=_plain(link, "length"),
            title=_plain(link, "title"),
        )
        for link in links
        if link.get("rel") == "enclosure" and (link.get("href") or "").strip()
    ]
    if not media:
        unique = {file.href: file for file in reversed(files)} if files else {}
        return tuple(reversed(unique.values())), ()
    images = [_joined(base, thumb["url"]) for thumb in entry.get("media_thumbnail", ()) if _plain(thumb, "url")]
    image = entry.get("image")
    if isinstance(image, dict) and _plain(image, "href"):
        images.append(_joined(base, image["href"]))
    groups: set[str] = set()
    for part in sorted(entry.get("media_content", ()), key=lambda part: part.get("isdefault") != "true"):
        href = _plain(part, "url")
        if href is None:
            continue
        type_ = (part.get("type") or "").lower()
        medium = part.get("medium") or type_.partition("/")[0]
        if medium == "image" or (not medium and href.lower().endswith(_IMAGE_NAMES)):
            images.append(_joined(base, href))
        elif medium in {"audio", "video"} and not (part.get("group") and part["group"] in groups):
            groups.add(part.get("group") or "")
            files.append(ParsedEnclosure(href=_joined(base, href), type=type_ or None, length=_plain(part, "filesize")))
    unique = {file.href: file for file in reversed(files)}
    return tuple(reversed(unique.values())), tuple(dict.fromkeys(images))


def _episode(entry: Mapping[str, Any], base: str | None) -> ParsedEpisode | None:
    # Nearly every entry is none, and feedparser's dictionaries take 2 us for each key they are asked for.
    if _EPISODE.keys().isdisjoint(entry):
        return None
    found = {field: text for key, field in _EPISODE.items() if (text := _plain(entry, key)) is not None}
    if "image" in found:
        found["image"] = _joined(base, found["image"])
    return ParsedEpisode(**found) if found else None


def _joined(base: str | None, address: str) -> str:
    address = address.strip()
    if base is None:
        return address
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _hints(feed: Mapping[str, Any]) -> Hints:
    period = _PERIODS.get((_plain(feed, "sy_updateperiod") or "").lower())
    frequency = _number(_plain(feed, "sy_updatefrequency")) or 1
    # Hour 24 means 0 (conduct: F14).
    hours = {hour % 24 for text in feed.get("skip_hours", ()) if (hour := _number(text)) is not None and hour <= 24}  # noqa: PLR2004
    days = {text.strip().capitalize() for text in feed.get("skip_days", ())}
    return Hints(
        ttl_minutes=_number(_plain(feed, "ttl")) or None,
        update_period_minutes=max(1, period // frequency) if period else None,
        skip_hours=tuple(sorted(hours)),
        skip_days=tuple(day for day in _DAYS if day in days),
        new_feed_url=told_address(_plain(feed, "itunes_new-feed-url")),
        self_link=told_address(next((link.get("href") for link in feed.get("links", ()) if link.get("rel") == "self"), None)),
    )


def _number(text: str | None) -> int | None:
    """Read a small natural number; nothing else is one."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004
