"""The bytes of an Atom document -> every fault in it, in words with the RFC section. Reads, never repairs.

Stricter than RFC 4287 where readers are: dates need a zone, addresses are absolute http(s), an entry names its source.
The same look serves the gate before a swap and whoever asks about a file that lies there already.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from aggregator.model.key import is_absolute_iri
from aggregator.publish.scan import find_fault, is_web_address, quoted
from aggregator.publish.tombstones import DELETED_ENTRY

_ATOM = "{http://www.w3.org/2005/Atom}"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
#: Children of feed, entry and, as we publish it, source.
_ONE = ("id", "title", "updated")
_AT_MOST_ONE_IN_FEED = frozenset({"generator", "icon", "logo", "rights", "subtitle"})
_MANY_IN_FEED = frozenset({"author", "category", "contributor", "link", "entry"})
_AT_MOST_ONE_IN_ENTRY = frozenset({"content", "published", "rights", "source", "summary"})
_MANY_IN_ENTRY = frozenset({"author", "category", "contributor", "link"})
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*\Z", re.ASCII)
_RELATIONS = frozenset({"alternate", "enclosure", "hub", "related", "self", "via"})
_CONTENT_TYPES = frozenset({"text", "html", "xhtml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One entry as a feed file holds it."""

    id: str
    title: str
    date: datetime | None  #: what it is sorted by: `published`, else `updated`


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a look at a whole document found."""

    faults: tuple[str, ...]  #: in document order, one line each
    frame: dict[str, str | None]  #: the feed's `id`, and the address of each link by its relation


def read_document(content: bytes) -> etree._Element | str:
    """Return the root of a feed document, or why it is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        return f"it is not well-formed XML: {error} (RFC 4287 §2)"
    if root.getroottree().docinfo.internalDTD is not None:
        return "it carries a document type declaration, which readers refuse"
    if root.tag != f"{_ATOM}feed":
        return f"its root is <{etree.QName(root).localname}>, not an atom:feed (RFC 4287 §4.1.1)"
    return root


def read_standing(content: bytes) -> tuple[Standing, ...] | None:
    """Return the entries of a feed file in their order; None if it cannot be read as a feed."""
    root = read_document(content)
    if isinstance(root, str):
        return None
    return tuple(
        Standing(
            id=_text(entry, "id") or "",
            title=_text(entry, "title") or "",
            date=parse_date(_text(entry, "published") or _text(entry, "updated") or ""),
        )
        for entry in (_part(element, "") for element in root.iterchildren(f"{_ATOM}entry"))
    )


def examine(content: bytes) -> Examined:
    """Look at every part of the document."""
    root = read_document(content)
    if isinstance(root, str):
        return Examined(faults=(root,), frame={})
    feed = _part(root, "the feed")
    links = {link.get("rel", "alternate"): link.get("href") for link in feed.children.get("link", ())}
    return Examined(faults=tuple(_feed_faults(feed)), frame={**links, "id": _text(feed, "id")})


def parse_date(text: str) -> datetime | None:
    """Return the instant of an RFC 3339 date as RFC 4287 §3.3 wants it, or None."""
    if _DATE.match(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Part:
    """An element, its children by `_name`, and what messages call it."""

    element: etree._Element
    children: dict[str, list[etree._Element]]
    where: str


def _part(element: etree._Element, where: str) -> _Part:
    children: dict[str, list[etree._Element]] = {}
    for child in element.iterchildren("*"):
        children.setdefault(_name(str(child.tag)), []).append(child)
    return _Part(element, children, where)


def _name(tag: str) -> str:
    """Return the local name of an Atom element, `{namespace}name` of any other, `{}name` where there is none."""
    return tag.removeprefix(_ATOM) if tag.startswith("{") else f"{{}}{tag}"


def _text(part: _Part, name: str) -> str | None:
    """Return the text of the first child of that name; None if there is no such child."""
    found = part.children.get(name)
    return (found[0].text or "") if found else None


def _feed_faults(feed: _Part) -> Iterator[str]:
    yield from _child_faults(feed, _AT_MOST_ONE_IN_FEED, _MANY_IN_FEED)
    yield from _identity_faults(feed)
    yield from _link_faults(feed, ("self", "alternate"))
    yield from _person_faults(feed)
    yield from _language_faults(feed)
    ids: list[str] = []
    dates: list[datetime] = []
    for number, element in enumerate(feed.children.get("entry", ()), 1):
        entry = _part(element, f"entry {number}")
        ids.append(_text(entry, "id") or "")
        updated = parse_date(_text(entry, "updated") or "")
        dates += [updated] if updated else []
        faults = _entry_faults(entry, has_author="author" in feed.children)
        yield from (f"{fault} [{quoted(ids[-1])}]" for fault in faults)
    for entry_id, count in Counter(ids).items():
        if count > 1:
            yield f"{count} entries share the id {quoted(entry_id)} (RFC 4287 §4.1.1)"
    for tombstone in feed.children.get(DELETED_ENTRY, ()):
        when = parse_date(tombstone.get("when", ""))
        dates += [when] if when else []
        yield from _tombstone_faults(tombstone.get("ref", ""), when, ids)
    if dates and parse_date(_text(feed, "updated") or "") != max(dates):
        yield "the feed's updated is not that of its newest entry or deletion (RFC 4287 §4.2.15)"


def _tombstone_faults(ref: str, when: datetime | None, ids: list[str]) -> Iterator[str]:
    if not is_absolute_iri(ref):
        yield f"a deleted entry's ref is no absolute IRI: {ref!r} (RFC 6721 §3)"
    if when is None:
        yield f"a deleted entry has no RFC 3339 date with a zone (RFC 6721 §3) [{quoted(ref)}]"
    if ref in ids:
        yield f"an entry stands in the feed and is said to be deleted (RFC 6721 §3) [{quoted(ref)}]"


def _entry_faults(entry: _Part, *, has_author: bool) -> Iterator[str]:
    yield from _child_faults(entry, _AT_MOST_ONE_IN_ENTRY, _MANY_IN_ENTRY)
    yield from _identity_faults(entry)
    yield from _link_faults(entry, ())
    yield from _person_faults(entry)
    yield from _language_faults(entry)
    if not has_author and "author" not in entry.children:
        yield f"{entry.where} has no author, and neither has the feed (RFC 4287 §4.1.2)"
    published = _text(entry, "published")
    if published is not None and parse_date(published) is None:
        yield f"{entry.where}: published is no RFC 3339 date with a zone: {published!r} (RFC 4287 §3.3)"
    if not all(category.get("term") for category in entry.children.get("category", ())):
        yield f"{entry.where} has a category without a term (RFC 4287 §4.2.2)"
    yield from _content_faults(entry)
    yield from _source_faults(entry)


def _child_faults(part: _Part, at_most_one: frozenset[str], many: frozenset[str]) -> Iterator[str]:
    for name in _ONE:
        if (count := len(part.children.get(name, ()))) != 1:
            yield f"{part.where} has {count or 'no'} {name}, not exactly one (RFC 4287 §4.1)"
    for name, found in part.children.items():
        if name in at_most_one and len(found) > 1:
            yield f"{part.where} has {len(found)} {name} elements, not one at most (RFC 4287 §4.1)"
        if name in _ONE or name in at_most_one or name in many:
            continue
        if name.startswith("{}"):
            yield f"{part.where} holds <{name.removeprefix('{}')}>, which is in no namespace (RFC 4287 §6.4)"
        elif not name.startswith("{"):
            yield f"{part.where} holds <{name}>, which does not belong there (RFC 4287 §4.1)"


def _identity_faults(part: _Part) -> Iterator[str]:
    if not is_absolute_iri(_text(part, "id") or ""):
        yield f"{part.where}: its id is no absolute IRI (RFC 4287 §4.2.6)"
    if not (_text(part, "title") or "").strip():
        yield f"{part.where}: its title is empty (RFC 4287 §4.1)"
    if any(len(title) or title.get("type", "text") != "text" for title in part.children.get("title", ())):
        yield f"{part.where}: its title is not plain text (RFC 4287 §3.1.1.1)"
    updated = _text(part, "updated") or ""
    if parse_date(updated) is None:
        yield f"{part.where}: updated is no RFC 3339 date with a zone: {updated!r} (RFC 4287 §3.3)"


def _link_faults(part: _Part, required: tuple[str, ...]) -> Iterator[str]:
    alternates: list[tuple[str | None, str | None]] = []
    relations: list[str] = []
    for link in part.children.get("link", ()):
        relation = link.get("rel", "alternate")
        relations.append(relation)
        if relation == "alternate":
            alternates.append((link.get("type"), link.get("hreflang")))
        yield from (f"{part.where}: {fault}" for fault in _one_link_faults(link, relation))
    if len(alternates) != len(set(alternates)):
        yield f"{part.where} has several alternate links of one type and language (RFC 4287 §4.1)"
    for relation in required:
        if (count := relations.count(relation)) != 1:
            yield f"{part.where} has {count or 'no'} link with rel={relation}, not exactly one (RFC 4287 §4.1.1)"


def _one_link_faults(link: etree._Element, relation: str) -> Iterator[str]:
    href, kind, length = link.get("href"), link.get("type"), link.get("length")
    if not is_web_address(href or ""):
        yield f"the address of its {relation} link is not absolute http(s): {href!r} (RFC 4287 §4.2.7.1)"
    if relation not in _RELATIONS:
        yield f"unknown link relation {relation!r} (RFC 4287 §4.2.7.2)"
    if kind is not None and not all(kind.partition("/")):
        yield f"{kind!r} is no media type (RFC 4287 §4.2.7.3)"
    if length is not None and not (length.isascii() and length.isdigit()):
        yield f"the length of its {relation} link is no number of bytes: {length!r} (RFC 4287 §4.2.7.6)"


def _person_faults(part: _Part) -> Iterator[str]:
    for element in (*part.children.get("author", ()), *part.children.get("contributor", ())):
        person = _part(element, part.where)
        if not (_text(person, "name") or "").strip():
            yield f"{part.where} has a person without a name (RFC 4287 §3.2.1)"
        address = _text(person, "email")
        if address is not None and not all(address.partition("@")):
            yield f"{part.where}: {address!r} is no e-mail address (RFC 4287 §3.2.3)"
        page = _text(person, "uri")
        if page is not None and not is_web_address(page):
            yield f"{part.where}: the address of a person is not absolute http(s): {page!r} (RFC 4287 §3.2.2)"


def _language_faults(part: _Part) -> Iterator[str]:
    language = part.element.get(_XML_LANG)
    if language is not None and _LANGUAGE.match(language) is None:
        yield f"{part.where}: {language!r} is no language tag (RFC 4287 §2)"


def _content_faults(entry: _Part) -> Iterator[str]:
    contents = entry.children.get("content")
    if contents is None:
        if not any(link.get("rel", "alternate") == "alternate" for link in entry.children.get("link", ())):
            yield f"{entry.where} has neither content nor an alternate link (RFC 4287 §4.1.2)"
        return
    content = contents[0]
    kind = content.get("type", "text")
    if kind not in _CONTENT_TYPES:
        yield f"{entry.where}: its content has the type {kind!r}, not html, xhtml or text (RFC 4287 §4.1.3.1)"
    if kind == "html":
        if len(content):
            yield f"{entry.where}: its html content holds elements; html is escaped once (RFC 4287 §4.1.3.3)"
        fault = find_fault(content.text or "")
        if fault is not None:
            yield f"{entry.where}: its content holds {fault} (RFC 4287 §8.1)"


def _source_faults(entry: _Part) -> Iterator[str]:
    sources = entry.children.get("source")
    if sources is None:
        yield f"{entry.where} does not say where it came from: no source (RFC 4287 §4.2.11)"
        return
    source = _part(sources[0], f"{entry.where}: its source")
    for name in _ONE:
        if not (_text(source, name) or "").strip():
            yield f"{source.where} has no {name} (RFC 4287 §4.2.11)"
    yield from _link_faults(source, ())
