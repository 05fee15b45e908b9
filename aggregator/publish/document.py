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

_ATOM = "{http://www.w3.org/2005/Atom}"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_ONE_IN_FEED = ("id", "title", "updated")
_AT_MOST_ONE_IN_FEED = ("generator", "icon", "logo", "rights", "subtitle")
_MANY_IN_FEED = ("author", "category", "contributor", "link", "entry")
_AT_MOST_ONE_IN_ENTRY = ("content", "published", "rights", "source", "summary")
_MANY_IN_ENTRY = ("author", "category", "contributor", "link")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*\Z", re.ASCII)
_RELATIONS = frozenset({"alternate", "enclosure", "related", "self", "via"})
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
        for entry in root.iterchildren(f"{_ATOM}entry")
    )


def examine(content: bytes) -> Examined:
    """Look at every part of the document."""
    root = read_document(content)
    if isinstance(root, str):
        return Examined(faults=(root,), frame={})
    links = {link.get("rel", "alternate"): link.get("href") for link in root.iterchildren(f"{_ATOM}link")}
    return Examined(faults=tuple(_feed_faults(root)), frame={**links, "id": _text(root, "id")})


def parse_date(text: str) -> datetime | None:
    """Return the instant of an RFC 3339 date as RFC 4287 §3.3 wants it, or None."""
    if _DATE.match(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _feed_faults(root: etree._Element) -> Iterator[str]:
    yield from _child_faults(root, "the feed", _ONE_IN_FEED, _AT_MOST_ONE_IN_FEED, _MANY_IN_FEED)
    yield from _identity_faults(root, "the feed", "§4.1.1")
    yield from _link_faults(root, "the feed", ("self", "alternate"))
    yield from _person_faults(root, "the feed")
    yield from _language_faults(root, "the feed")
    has_author = root.find(f"{_ATOM}author") is not None
    entries = root.findall(f"{_ATOM}entry")
    for number, entry in enumerate(entries, 1):
        where = f"entry {number} ({quoted(_text(entry, 'id') or 'without id')})"
        yield from _entry_faults(entry, where, has_author=has_author)
    counted = Counter(_text(entry, "id") for entry in entries)
    yield from (
        f"{count} entries share the id {quoted(entry_id or '')} (RFC 4287 §4.1.1)"
        for entry_id, count in counted.items()
        if count > 1
    )
    newest = max((date for entry in entries if (date := parse_date(_text(entry, "updated") or ""))), default=None)
    if newest is not None and parse_date(_text(root, "updated") or "") != newest:
        yield "the feed's updated is not that of its newest entry (RFC 4287 §4.2.15)"


def _entry_faults(entry: etree._Element, where: str, *, has_author: bool) -> Iterator[str]:
    yield from _child_faults(entry, where, _ONE_IN_FEED, _AT_MOST_ONE_IN_ENTRY, _MANY_IN_ENTRY)
    yield from _identity_faults(entry, where, "§4.1.2")
    yield from _link_faults(entry, where, ())
    yield from _person_faults(entry, where)
    yield from _language_faults(entry, where)
    if not has_author and entry.find(f"{_ATOM}author") is None:
        yield f"{where} has no author, and neither has the feed (RFC 4287 §4.1.2)"
    published = entry.find(f"{_ATOM}published")
    if published is not None and parse_date(published.text or "") is None:
        yield f"{where}: published is no RFC 3339 date with a zone: {published.text!r} (RFC 4287 §3.3)"
    for category in entry.iterchildren(f"{_ATOM}category"):
        if not category.get("term"):
            yield f"{where} has a category without a term (RFC 4287 §4.2.2)"
    yield from _content_faults(entry, where)
    yield from _source_faults(entry, where)


def _child_faults(
    parent: etree._Element, where: str, one: tuple[str, ...], at_most_one: tuple[str, ...], many: tuple[str, ...]
) -> Iterator[str]:
    counted = Counter(str(child.tag) for child in parent.iterchildren("*"))
    for name in one:
        if (count := counted.pop(_ATOM + name, 0)) != 1:
            yield f"{where} has {count or 'no'} {name}, not exactly one (RFC 4287 §4.1)"
    for name in at_most_one:
        if (count := counted.pop(_ATOM + name, 0)) > 1:
            yield f"{where} has {count} {name} elements, not one at most (RFC 4287 §4.1)"
    for name in many:
        counted.pop(_ATOM + name, None)
    for tag in counted:
        if tag.startswith(_ATOM):
            yield f"{where} holds <{etree.QName(tag).localname}>, which does not belong there (RFC 4287 §4.1)"
        elif not tag.startswith("{"):
            yield f"{where} holds <{tag}>, which is in no namespace (RFC 4287 §6.4)"


def _identity_faults(element: etree._Element, where: str, section: str) -> Iterator[str]:
    if not is_absolute_iri(_text(element, "id") or ""):
        yield f"{where}: its id is no absolute IRI (RFC 4287 §4.2.6)"
    if not (_text(element, "title") or "").strip():
        yield f"{where}: its title is empty (RFC 4287 {section})"
    title = element.find(f"{_ATOM}title")
    if title is not None and (len(title) or title.get("type", "text") != "text"):
        yield f"{where}: its title is not plain text (RFC 4287 §3.1.1.1)"
    updated = _text(element, "updated") or ""
    if parse_date(updated) is None:
        yield f"{where}: updated is no RFC 3339 date with a zone: {updated!r} (RFC 4287 §3.3)"


def _link_faults(element: etree._Element, where: str, required: tuple[str, ...]) -> Iterator[str]:
    links = element.findall(f"{_ATOM}link")
    for link in links:
        href, relation, length = link.get("href"), link.get("rel", "alternate"), link.get("length")
        if not is_web_address(href or ""):
            yield f"{where}: the address of its {relation} link is not absolute http(s): {href!r} (RFC 4287 §4.2.7.1)"
        if relation not in _RELATIONS:
            yield f"{where}: unknown link relation {relation!r} (RFC 4287 §4.2.7.2)"
        if "type" in link.attrib and "/" not in link.get("type", "").strip("/"):
            yield f"{where}: {link.get('type')!r} is no media type (RFC 4287 §4.2.7.3)"
        if length is not None and not (length.isascii() and length.isdigit()):
            yield f"{where}: the length of its {relation} link is no number of bytes: {length!r} (RFC 4287 §4.2.7.6)"
    alternates = Counter(
        (link.get("type"), link.get("hreflang")) for link in links if link.get("rel", "alternate") == "alternate"
    )
    if any(count > 1 for count in alternates.values()):
        yield f"{where} has several alternate links of one type and language (RFC 4287 §4.1)"
    for relation in required:
        if (count := sum(link.get("rel", "alternate") == relation for link in links)) != 1:
            yield f"{where} has {count or 'no'} link with rel={relation}, not exactly one (RFC 4287 §4.1.1)"


def _person_faults(element: etree._Element, where: str) -> Iterator[str]:
    for person in element.iterchildren(f"{_ATOM}author", f"{_ATOM}contributor"):
        if not (_text(person, "name") or "").strip():
            yield f"{where} has a person without a name (RFC 4287 §3.2.1)"
        address = _text(person, "email")
        if address is not None and not all(address.partition("@")):
            yield f"{where}: {address!r} is no e-mail address (RFC 4287 §3.2.3)"
        page = _text(person, "uri")
        if page is not None and not is_web_address(page):
            yield f"{where}: the address of a person is not absolute http(s): {page!r} (RFC 4287 §3.2.2)"


def _language_faults(element: etree._Element, where: str) -> Iterator[str]:
    language = element.get(_XML_LANG)
    if language is not None and _LANGUAGE.match(language) is None:
        yield f"{where}: {language!r} is no language tag (RFC 4287 §2)"


def _content_faults(entry: etree._Element, where: str) -> Iterator[str]:
    content = entry.find(f"{_ATOM}content")
    if content is None:
        if not any(link.get("rel", "alternate") == "alternate" for link in entry.iterchildren(f"{_ATOM}link")):
            yield f"{where} has neither content nor an alternate link (RFC 4287 §4.1.2)"
        return
    kind = content.get("type", "text")
    if kind not in _CONTENT_TYPES:
        yield f"{where}: its content has the type {kind!r}, not html, xhtml or text (RFC 4287 §4.1.3.1)"
    if kind == "html":
        if len(content):
            yield f"{where}: its html content holds elements; html is escaped once (RFC 4287 §4.1.3.3)"
        fault = find_fault(content.text or "")
        if fault is not None:
            yield f"{where}: its content holds {fault} (RFC 4287 §8.1)"


def _source_faults(entry: etree._Element, where: str) -> Iterator[str]:
    source = entry.find(f"{_ATOM}source")
    if source is None:
        yield f"{where} does not say where it came from: no source (RFC 4287 §4.2.11)"
        return
    for name in _ONE_IN_FEED:
        if not (_text(source, name) or "").strip():
            yield f"{where}: its source has no {name} (RFC 4287 §4.2.11)"
    yield from _link_faults(source, f"{where}: its source", ())


def _text(element: etree._Element, name: str) -> str | None:
    """Return the text of a child in the Atom namespace; None if there is no such child."""
    child = element.find(_ATOM + name)
    return None if child is None else child.text or ""
