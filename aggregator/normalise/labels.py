"""People, tags, files, languages: small facts about an entry, each made to fit the model or left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

from aggregator.model.entry import Enclosure, Person, Tag
from aggregator.model.key import is_absolute_iri
from aggregator.model.parsed import ParsedEnclosure, ParsedPerson, ParsedTag
from aggregator.normalise.address import absolute
from aggregator.normalise.text import html_to_line, one_line, shorten

MAX_PEOPLE = 50
MAX_TAGS = 200
MAX_FILES = 200
MAX_NAME = 200
_MAX_LENGTH = 2**53

_EMAIL = re.compile(r"[^\s@<>\"'(),:;]+@[^\s@<>\"'(),:;]+")
_NAMED_ADDRESS = re.compile(
    r"(?P<email>[^\s@<>()]+@[^\s@<>()]+)\s*\((?P<name>[^()]+)\)|(?P<name2>[^<>]+)<(?P<email2>[^\s@<>]+@[^\s@<>]+)>"
    r"|(?P<name3>[^()@]+)\((?P<email3>[^\s@<>()]+@[^\s@<>()]+)\)"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


def to_people(people: Iterable[ParsedPerson], address: str) -> tuple[Person, ...]:
    """Return everybody who has a name or an address, each once, in order."""
    found: dict[str, Person] = {}
    for person in people:
        name, email = _name_and_email(person)
        uri = absolute(person.uri, address)
        shown = name or email or uri
        if shown and len(found) < MAX_PEOPLE:
            found.setdefault(shown, Person(name=shown, uri=uri, email=email))
    return tuple(found.values())


def _name_and_email(person: ParsedPerson) -> tuple[str, str | None]:
    """Return name and e-mail address, also where both stand in the name: `mail (name)`, `name (mail)`, `name <mail>`."""
    name = _line(person.name)
    email = one_line(person.email or "").removeprefix("mailto:")
    if "@" not in name and not email:
        return shorten(name, MAX_NAME), None
    both = _NAMED_ADDRESS.fullmatch(name)
    if both is not None:
        name = (both["name"] or both["name2"] or both["name3"]).strip(" \"'")
        email = email or both["email"] or both["email2"] or both["email3"]
    elif _EMAIL.fullmatch(name):
        email = email or name
    return shorten(name, MAX_NAME), email if _EMAIL.fullmatch(email) else None


def to_tags(tags: Iterable[ParsedTag]) -> tuple[Tag, ...]:
    """Return the tags, each once whatever its case, the first spelling kept."""
    found: dict[tuple[str, str | None], Tag] = {}
    for tag in tags:
        label = shorten(_line(tag.label), MAX_NAME)
        term = shorten(_line(tag.term), MAX_NAME) or label
        scheme = tag.scheme if tag.scheme is not None and is_absolute_iri(tag.scheme) else None
        if term and len(found) < MAX_TAGS:
            label = "" if label == term else label
            found.setdefault((term.casefold(), scheme), Tag(term=term, scheme=scheme, label=label or None))
    return tuple(found.values())


def to_enclosures(files: Iterable[ParsedEnclosure], address: str) -> tuple[Enclosure, ...]:
    """Return the files with usable addresses, each once; a type or length that is none is left out."""
    found: dict[str, Enclosure] = {}
    for file in files:
        href = absolute(file.href, address)
        if href is None or len(found) >= MAX_FILES:
            continue
        type_ = (file.type or "").strip().lower()
        found.setdefault(
            href,
            Enclosure(
                href=href,
                type=type_ if _MEDIA_TYPE.fullmatch(type_) else None,
                length=_length(file.length),
                title=shorten(_line(file.title), MAX_NAME) or None,
            ),
        )
    return tuple(found.values())


def _length(text: str | None) -> int | None:
    """Return a number of bytes; 0, as many feeds write for "unknown", is none."""
    text = (text or "").strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 17 else 0  # noqa: PLR2004 - below 2**53
    return number if 0 < number < _MAX_LENGTH else None


def to_language(*names: str | None) -> str | None:
    """Return the first name that is a language tag (BCP 47)."""
    for name in names:
        tag = (name or "").strip().replace("_", "-")
        if _LANGUAGE.fullmatch(tag):
            return tag
    return None


def _line(text: str | None) -> str:
    """Return a label or name as one line; tags are taken off and entities decoded, for both are written as HTML at times."""
    if not text:
        return ""
    return (
        html_to_line(text) if "<" in text and ">" in text and not _NAMED_ADDRESS.fullmatch(text) else one_line(unescape(text))
    )
