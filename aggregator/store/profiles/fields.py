"""The keys of a post's front matter (or of its archive file) <-> the fields of an entry. Pure.

Reading is lenient towards hands: unknown keys are ignored, one text may stand for a list of one, an address that no feed can
carry (relative, or not http) counts as absent. What an entry cannot be without, and wrong kinds of values, are errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any
from unicodedata import category

from aggregator.model.entry import EPISODE_KINDS, Enclosure, Entry, Episode, Feed, Person, SafeHtml, Tag
from aggregator.store.profiles import NewerPostError, PostFormatError
from aggregator.store.profiles.dates import parse_date

#: Version of what posts and archive files look like; a higher number in a file means a later program wrote it.
FORMAT = 1

#: UTF-8 bytes of a tag that goes to the engine.
_MAX_TAG_BYTES = 200
_NO_WORD = re.compile(r"[^\w./\\]")

_REQUIRED = ("title", "categories", "date", "id", "source")
_ADDRESS = re.compile(r"https?://\S", re.IGNORECASE)
#: What XML 1.0 §2.2 does not allow: a hand may have written it as an escape.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def read_entry(front: Mapping[str, Any], html: str, *, date_zone: tzinfo = UTC, updated_zone: tzinfo = UTC) -> Entry:
    """Return the entry that the keys and the HTML make; the zones count for dates that name none.

    Raises:
        PostFormatError: a key is missing, or its value is not of its kind.
    """
    missing = [key for key in _REQUIRED if front.get(key) in (None, "", [], {})]
    if missing:
        raise PostFormatError(f"the front matter has no {', '.join(missing)}")
    date = _date(front, "date", date_zone)
    undated = _flag(front, "undated")
    return Entry(
        id=_exact(front, "id"),
        source_id=_exact(_mapping(front["source"], "source"), "id", "source.id"),
        title=_needed(_line(front, "title"), "title"),
        categories=_categories(front["categories"]),
        content=SafeHtml(html),
        published=None if undated else date,
        first_seen=date if undated else None,
        feed=_feed(front["source"]),
        author=_line(front, "author"),
        cover=_address(front, "headimg") or _address(front, "thumbnail"),
        link=_address(front, "link"),
        updated=_date(front, "updated", updated_zone) if front.get("updated") is not None else None,
        authors=_authors(front.get("authors")),
        tags=_tags(front),
        language=_line(front, "lang"),
        summary=_text(front, "summary"),
        rights=_text(front, "rights"),
        enclosures=_enclosures(front.get("enclosures")),
        episode=_episode(front.get("episode")),
    )


def check_format(found: Any, what: str) -> None:
    """Raise if the file is of a later format; None, a file from hands, is of ours."""
    if found is None:
        return
    try:
        version = int(found)
    except (TypeError, ValueError):
        told = f'"{found}"' if isinstance(found, str) else f"a {type(found).__name__}"
        raise PostFormatError(f"{what} is {told}, not a number") from None
    if version > FORMAT:
        raise NewerPostError(
            f"it has {what} {version} and this program knows {FORMAT}: use a later version of the program",
            found=version,
            known=FORMAT,
        )


def _feed(value: Any) -> Feed:
    source = _mapping(value, "source")
    title = _line(source, "title") or _exact(source, "id", "source.id")
    return Feed(title=title, id=_line(source, "feed_id"), link=_address(source, "link"), rights=_text(source, "rights"))


def _categories(value: Any) -> tuple[str, ...]:
    """Return the path; of several paths (Hexo's list of lists) the first one."""
    parts = _list(value)
    if parts and isinstance(parts[0], list):
        parts = parts[0]
    path = tuple(part for value in parts if (part := _as_line(value, "categories")))
    if not path:
        raise PostFormatError("the front matter has no categories")
    return path


def _authors(value: Any) -> tuple[Person, ...]:
    return tuple(
        Person(name=name, uri=_address(item, "uri"), email=_line(item, "email"))
        for item in _mappings(value, "authors", "name")
        if (name := _line(item, "name"))
    )


@lru_cache(maxsize=256)
def fits_engines(term: str) -> bool:
    """Tell whether a tag may stand in `tags`; those that may not are in `all_tags`.

    Engines make a folder of each: a name too long ends Hexo's whole build, `..` ends Hugo's, or leads its page elsewhere, and
    one that is all punctuation leaves no name. Hexo's `tagcloud` prints names as they are, so markup would run.
    """
    if term.isalnum() and len(term) * 4 <= _MAX_TAG_BYTES:
        return True
    if "<" in term or len(term.encode()) > _MAX_TAG_BYTES:
        return False
    if not any(category(char)[0] in "LN" or category(char) == "So" for char in term):
        return False
    return not any(part and not part.strip(".") for part in re.split(r"[/\\]", _NO_WORD.sub("", term)))


def _tags(front: Mapping[str, Any]) -> tuple[Tag, ...]:
    """Join the plain list with the details, which stand in the same order for each term."""
    plain, whole = _plain_tags(front.get("tags"), "tags"), _plain_tags(front.get("all_tags"), "all_tags")
    if tuple(tag for tag in whole if fits_engines(tag.term)) == plain:  # else a hand has changed `tags`, which then count
        plain = whole
    waiting: dict[str, list[Tag]] = {}
    for tag in _plain_tags(front.get("tag_details"), "tag_details"):
        waiting.setdefault(tag.term, []).append(tag)
    return tuple(waiting[tag.term].pop(0) if waiting.get(tag.term) and tag == Tag(term=tag.term) else tag for tag in plain)


def _plain_tags(value: Any, key: str) -> tuple[Tag, ...]:
    return tuple(
        Tag(term=term, scheme=_line(item, "scheme"), label=_line(item, "label"))
        for item in _mappings(value, key, "term")
        if (term := _line(item, "term"))
    )


def _enclosures(value: Any) -> tuple[Enclosure, ...]:
    return tuple(
        Enclosure(href=href, type=_line(item, "type"), length=_natural(item.get("length")), title=_line(item, "title"))
        for item in _mappings(value, "enclosures", "href")
        if (href := _address(item, "href"))
    )


def _episode(value: Any) -> Episode | None:
    """Return what the mapping says. Posts were edited before this key was ours: what is not in our form is somebody's own."""
    if not isinstance(value, dict):
        return None
    words = {key: value[key] for key in ("kind", "image") if isinstance(value.get(key), str)}
    kind = (_line(words, "kind") or "").lower()
    found = Episode(
        duration=_natural(value.get("duration")) or None,
        season=_natural(value.get("season")) or None,
        number=_natural(value.get("number")) or None,
        kind=kind if kind in EPISODE_KINDS else None,
        explicit=_yes_or_no(value.get("explicit")),
        image=_address(words, "image"),
    )
    return found if found != Episode() else None


def _natural(value: Any) -> int | None:
    # Only a text: nested aliases would unfold into gigabytes under `str`, here and wherever a value is quoted in a message.
    text = str(value) if isinstance(value, str | int) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None  # noqa: PLR2004 - 64 bits


def _date(front: Mapping[str, Any], key: str, zone: tzinfo) -> datetime:
    value = front[key]
    if not isinstance(value, str):
        raise PostFormatError(f"{key} is a {type(value).__name__}, not a date")
    date = parse_date(value, zone)
    if date is None:
        raise PostFormatError(f'{key} "{value}" is no date; write it like "Sat, 11 Sep 2021 00:22:19 GMT"')
    return date


def _flag(front: Mapping[str, Any], key: str) -> bool:
    return _yes_or_no(front.get(key)) is True


def _yes_or_no(value: Any) -> bool | None:
    if isinstance(value, str):
        return True if value.lower() in {"true", "yes", "on"} else False if value.lower() in {"false", "no", "off"} else None
    return value if isinstance(value, bool) else None


def _exact(front: Mapping[str, Any], key: str, name: str | None = None) -> str:
    """Return an id: not a character is taken away."""
    value = front.get(key)
    if not isinstance(value, str) or not value:
        raise PostFormatError(f"the front matter has no {name or key}")
    return value


def _needed(value: str | None, key: str) -> str:
    if value is None:
        raise PostFormatError(f"the front matter has no {key}")
    return value


def _address(front: Mapping[str, Any], key: str) -> str | None:
    value = _line(front, key)
    return value if value is not None and _ADDRESS.match(value) else None


def _text(front: Mapping[str, Any], key: str) -> str | None:
    return _as_text(front.get(key), key)


def _line(front: Mapping[str, Any], key: str) -> str | None:
    return _as_line(front.get(key), key)


def _as_line(value: Any, key: str) -> str | None:
    text = _as_text(value, key)
    return (text if text.isprintable() else text.replace("\n", " ").strip(" \t")) or None if text else None


def _as_text(value: Any, key: str) -> str | None:
    if value is None or isinstance(value, str):
        return (value if value.isprintable() else _ILLEGAL.sub("", value)).strip(" ") or None if value else None
    raise PostFormatError(f"{key} is a {type(value).__name__}, not a text")


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PostFormatError(f"{key} is not a mapping of keys")
    return value


def _mappings(value: Any, key: str, main: str) -> list[Mapping[str, Any]]:
    """Return a list of mappings; a text stands for a mapping of its main key alone."""
    items = [{main: item} if isinstance(item, str) else item for item in _list(value)]
    return [_mapping(item, key) for item in items if item is not None]


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
