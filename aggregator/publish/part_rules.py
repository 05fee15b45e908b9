"""What RFC 4287 demands alike of a feed, an entry and an atom:source: children, id, title, dates, links, people, language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lxml import etree

from aggregator.model.key import is_absolute_iri
from aggregator.publish.findings import Finding, Weight
from aggregator.publish.parts import ATOM, XHTML, Part, is_language_tag, is_media_type, parse_date
from aggregator.publish.scan import find_fault, is_web_address

#: Children that feed and entry have once, and so does every atom:source that we publish.
ONE = ("id", "title", "updated")
_TEXTS = ("title", "subtitle", "summary", "rights")
_TEXT_TYPES = frozenset({"text", "html", "xhtml"})
#: Relations of the IANA registry that feeds have a use for (RFC 4287 §4.2.7.2; archives: RFC 5005; hub: WebSub §4).
_RELATIONS = frozenset(
    {"alternate", "enclosure", "related", "self", "via", "hub", "current", "prev-archive", "next-archive", "license"}
    | {"first", "last", "next", "prev", "previous", "replies", "edit", "edit-media", "service", "search", "payment"}
    | {"author", "canonical", "describedby", "icon", "shortlink", "stylesheet", "up", "preview", "monitor", "start"}
)
_NONE: frozenset[str] = frozenset()
#: Attributes that the RFC gives its elements; any other without a namespace is nobody's.
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "link": frozenset({"href", "rel", "type", "hreflang", "title", "length"}),
    "category": frozenset({"term", "scheme", "label"}),
    "content": frozenset({"type", "src"}),
    "generator": frozenset({"uri", "version"}),
    **dict.fromkeys(_TEXTS, frozenset({"type"})),
}
#: Elements that have a use for children, and others that extensions may stand in (§6.4).
_HOLDERS = frozenset({"author", "contributor", "content", *_TEXTS})
_EXTENSIBLE = frozenset({"link", "category"})
#: Children that are looked at as parts of their own.
_OWN_PARTS = frozenset({"entry", "source"})
_PERSON = frozenset({"name", "uri", "email"})
#: An entity as HTML knows them, left over after the XML was read.
_ENTITY = re.compile(r"&(?:#[0-9]{2,7}|#x[0-9A-Fa-f]{2,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def counted(number: int) -> str:
    """Return a number of elements as messages say it."""
    return str(number or "no")


def common_findings(
    part: Part,
    at_most_one: frozenset[str],
    many: frozenset[str],
    *,
    rule: str = "RFC 4287 §4.1",
    required: Weight = Weight.FAULT,
) -> Iterator[Finding]:
    """Yield what is wrong with a feed, an entry or a source as such.

    `required` is what the lack of an id, a title or a date weighs.
    """
    yield from _child_findings(part, at_most_one, many, rule, required)
    yield from _element_findings(part)
    yield from _identity_findings(part)
    yield from _text_findings(part)
    yield from _link_findings(part)
    yield from _person_findings(part)
    yield from _category_findings(part)
    yield from _address_findings(part)


def _child_findings(
    part: Part, at_most_one: frozenset[str], many: frozenset[str], rule: str, required: Weight
) -> Iterator[Finding]:
    for name in ONE:
        if (count := len(part.children.get(name, ()))) != 1:
            weight = Weight.FAULT if count else required
            yield part.finding(f"has {counted(count)} {name}; one is wanted", rule, f"write one <{name}>", weight=weight)
    for name, found in part.children.items():
        if name in at_most_one and len(found) > 1:
            text = f"has {len(found)} {name} elements, not one at most"
            yield part.finding(text, rule, "keep one of them", at=found[1])
        if name in ONE or name in at_most_one or name in many:
            continue
        if name.startswith("{}"):
            text = f"holds <{name.removeprefix('{}')}>, which is in no namespace"
            advice = "give it the namespace that it comes from, or take it out"
            yield part.finding(text, "RFC 4287 §6.4", advice, at=found[0], weight=Weight.OURS)
        elif not name.startswith("{"):
            text = f"holds <{name}>, which does not belong there"
            yield part.finding(text, rule, "take it out, or put it where it belongs", at=found[0])


def _element_findings(part: Part) -> Iterator[Finding]:
    """Yield elements with attributes that Atom does not know, and with elements where text alone may be."""
    yield from _attribute_findings(part, part.element, _NONE)
    for name, found in part.children.items():
        if name[0] == "{" or name in _OWN_PARTS:
            continue
        known = _ATTRIBUTES.get(name, _NONE)
        for element in found:
            if not known.issuperset(element.keys()):
                yield from _attribute_findings(part, element, known)
            if len(element) and name not in _HOLDERS:
                yield from _inner_findings(part, element, f"{ATOM}*" if name in _EXTENSIBLE else "*")


def _attribute_findings(part: Part, element: etree._Element, known: frozenset[str]) -> Iterator[Finding]:
    for name in element.keys():  # noqa: SIM118 - an lxml element is no mapping
        if name[0] != "{" and name not in known:
            text = f": <{etree.QName(element).localname}> has the attribute {str(name)!r}, which Atom does not know"
            yield part.finding(text, "RFC 4287 §2", "take it out; attributes of extensions have a namespace", at=element)


def _inner_findings(part: Part, element: etree._Element, unwanted: str) -> Iterator[Finding]:
    for inner in element.iterchildren(unwanted):
        text = f": <{etree.QName(element).localname}> holds an element, <{etree.QName(inner).localname}>"
        yield part.finding(text, "RFC 4287 §4.2", "take it out, or put it where it belongs", at=inner)


def _identity_findings(part: Part) -> Iterator[Finding]:
    for element in part.children.get("id", ()):
        if not is_absolute_iri(element.text or ""):
            advice = "write an address or a urn:uuid that never changes, without spaces around it"
            yield part.finding(": its id is no absolute IRI", "RFC 4287 §4.2.6", advice, at=element)
    for name in ("updated", "published"):
        for element in part.children.get(name, ()):
            if parse_date(element.text or "") is None:
                text = f": {name} is no RFC 3339 date with a zone: {element.text or ''!r}"
                yield part.finding(text, "RFC 4287 §3.3", "write it like 2026-03-01T12:00:00Z", at=element)


def _text_findings(part: Part) -> Iterator[Finding]:
    """Yield what is wrong with text constructs (§3.1)."""
    for name in _TEXTS:
        for element in part.children.get(name, ()):
            yield from _one_text_findings(part, element, name)
            if name == "title":
                yield from _title_findings(part, element)


def _one_text_findings(part: Part, element: etree._Element, name: str) -> Iterator[Finding]:
    kind = element.get("type", "text")
    if kind not in _TEXT_TYPES:
        text, advice = f": its {name} has the type {kind!r}, not text, html or xhtml", 'write type="html" or none'
        yield part.finding(text, "RFC 4287 §3.1.1", advice, at=element)
    elif kind == "xhtml":
        yield from xhtml_findings(part, element, name)
    elif len(element):
        text, advice = f": its {name} holds elements; {kind} is escaped", 'write &lt; for <, or type="xhtml" and one <div>'
        yield part.finding(text, "RFC 4287 §3.1.1", advice, at=element)
    elif kind == "html" and name != "title" and (fault := find_fault(element.text or "")):
        advice = "take it out: a reader may run it, or cannot follow it"
        yield part.finding(f": its {name} holds {fault}", "RFC 4287 §8.1", advice, at=element, weight=Weight.OURS)


def _title_findings(part: Part, element: etree._Element) -> Iterator[Finding]:
    if not "".join(str(text) for text in element.itertext()).strip():
        advice = "write a title: readers show a blank line, or leave the entry out"
        yield part.finding(": its title is empty", "RFC 4287 §4.1", advice, at=element, weight=Weight.OURS)
    if element.get("type", "text") != "text" or len(element):
        advice = "write the bare text, escaped once, without a type: many readers show tags of titles as they are"
        yield part.finding(": its title is not plain text", "RFC 4287 §3.1.1.1", advice, at=element, weight=Weight.OURS)
    elif (found := _ENTITY.search(element.text or "")) is not None:
        text = f": its title shows {found[0]} to its readers, as if it were escaped twice"
        advice = "escape it once, unless it speaks of entities"
        yield part.finding(text, "RFC 4287 §3.1.1.1", advice, at=element, weight=Weight.NOTE)


def xhtml_findings(part: Part, element: etree._Element, name: str) -> Iterator[Finding]:
    """Yield a finding if xhtml is not within a single div (§3.1.1.3)."""
    children = list(element.iterchildren("*"))
    texts = (element.text, *(child.tail for child in element))
    if len(children) != 1 or children[0].tag != f"{XHTML}div" or any((text or "").strip() for text in texts):
        text, advice = f": its {name} of type xhtml is not a single XHTML <div>", "put all of it into one <div>"
        yield part.finding(text, "RFC 4287 §3.1.1.3", advice, at=element)


def _link_findings(part: Part) -> Iterator[Finding]:
    """Yield what is wrong with the links, one by one and together."""
    alternates: set[tuple[str | None, str | None]] = set()
    for link in part.children.get("link", ()):
        relation = link.get("rel", "alternate")
        yield from _one_link_findings(part, link, relation)
        if relation == "alternate":
            kind = (link.get("type"), link.get("hreflang"))
            if kind in alternates:
                text, advice = "has several alternate links of one type and language", "keep one; the others may be rel=related"
                yield part.finding(text, "RFC 4287 §4.1", advice, at=link)
            alternates.add(kind)


def _one_link_findings(part: Part, link: etree._Element, relation: str) -> Iterator[Finding]:
    href, kind, length, language = link.get("href"), link.get("type"), link.get("length"), link.get("hreflang")
    if not is_web_address(href or ""):
        text = f": the address of its {relation} link is not absolute http(s): {href!r}"
        weight = Weight.FAULT if href is None else Weight.OURS
        yield part.finding(text, "RFC 4287 §4.2.7.1", "write href with the whole address", at=link, weight=weight)
    if relation not in _RELATIONS and not is_absolute_iri(relation):
        advice = "use alternate, enclosure, related, self or via, or an address of your own"
        yield part.finding(f": unknown link relation {relation!r}", "RFC 4287 §4.2.7.2", advice, at=link, weight=Weight.OURS)
    if kind is not None and not is_media_type(kind):
        yield part.finding(f": {kind!r} is no media type", "RFC 4287 §4.2.7.3", "write it like audio/mpeg", at=link)
    if language is not None and not is_language_tag(language):
        yield part.finding(f": {language!r} is no language tag", "RFC 4287 §4.2.7.4", "write it like zh-Hans", at=link)
    if length is not None and not (length.isascii() and length.isdigit()):
        text = f": the length of its {relation} link is no number of bytes: {length!r}"
        yield part.finding(text, "RFC 4287 §4.2.7.6", "write the bytes in digits, or leave length out", at=link)


def _person_findings(part: Part) -> Iterator[Finding]:
    for element in (*part.children.get("author", ()), *part.children.get("contributor", ())):
        texts: dict[str, str] = {}
        for child in element.iterchildren("*"):
            name = str(child.tag).removeprefix(ATOM)
            if name not in _PERSON:
                if name[0] != "{":
                    yield part.finding(f": a person holds <{name}>", "RFC 4287 §3.2", "take it out", at=child)
                continue
            if name in texts:
                yield part.finding(f": a person has two {name} elements", "RFC 4287 §3.2", "keep one of them", at=child)
            texts.setdefault(name, child.text or "")
            yield from _attribute_findings(part, child, _NONE)
            yield from _inner_findings(part, child, "*")
        yield from _one_person_findings(part, element, texts)


def _one_person_findings(part: Part, element: etree._Element, texts: Mapping[str, str]) -> Iterator[Finding]:
    if not texts.get("name", "").strip():
        weight = Weight.OURS if "name" in texts else Weight.FAULT
        yield part.finding("has a person without a name", "RFC 4287 §3.2.1", "write <name>", at=element, weight=weight)
    address, page = texts.get("email"), texts.get("uri")
    if address is not None and not all(address.partition("@")):
        advice = "write it like name@site.example, or leave it out"
        yield part.finding(f": {address!r} is no e-mail address", "RFC 4287 §3.2.3", advice, at=element)
    if page is not None and not is_web_address(page):
        text, advice = (
            f": the address of a person is not absolute http(s): {page!r}",
            "write the whole address, or leave it out",
        )
        yield part.finding(text, "RFC 4287 §3.2.2", advice, at=element, weight=Weight.OURS)


def _category_findings(part: Part) -> Iterator[Finding]:
    for category in part.children.get("category", ()):
        term, scheme = category.get("term"), category.get("scheme")
        if not term:
            weight = Weight.FAULT if term is None else Weight.OURS
            text, advice = "has a category without a term", 'write term="..."; label alone is not read'
            yield part.finding(text, "RFC 4287 §4.2.2", advice, at=category, weight=weight)
        if scheme is not None and not is_absolute_iri(scheme):
            text, advice = f": the scheme of a category is no absolute IRI: {scheme!r}", "write an address, or leave it out"
            yield part.finding(text, "RFC 4287 §4.2.2.2", advice, at=category)


def _address_findings(part: Part) -> Iterator[Finding]:
    """Yield icon, logo and generator whose address nobody could open."""
    for name, section in (("icon", "§4.2.5"), ("logo", "§4.2.8")):
        for element in part.children.get(name, ()):
            if not is_web_address(element.text or ""):
                text = f": the address of its {name} is not absolute http(s): {element.text!r}"
                yield part.finding(text, f"RFC 4287 {section}", "write the whole address", at=element, weight=Weight.OURS)
    for element in part.children.get("generator", ()):
        page = element.get("uri")
        if page is not None and not is_web_address(page):
            text = f": the address of its generator is not absolute http(s): {page!r}"
            yield part.finding(text, "RFC 4287 §4.2.4", "write the whole address", at=element, weight=Weight.OURS)
