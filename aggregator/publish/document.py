"""The bytes of an Atom document -> every finding about it, in words with the RFC section. Reads, never repairs.

Stricter than RFC 4287 where readers are: dates need a zone, addresses are absolute http(s), an entry names its source. What
only we demand has the weight `OURS`, so that a feed of somebody else can be judged by the RFC alone.
The same look serves the gate before a swap and whoever asks about a file that lies there already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from aggregator.publish.atom_rules import feed_findings
from aggregator.publish.findings import Examined, Finding
from aggregator.publish.parts import ATOM, XML_LANG, Part, line_of, parse_date, part_of
from aggregator.publish.plain_atom import read_plain_entries

__all__ = ["Standing", "examine", "parse_date", "read_document", "read_standing", "read_xml"]

_HISTORY = "{http://purl.org/syndication/history/1.0}"
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One entry as a feed file holds it."""

    id: str
    title: str
    date: datetime | None  #: what it is sorted by: `published`, else `updated`


def read_xml(content: bytes, rule: str) -> etree._Element | Finding:
    """Return the root of an XML document, or why it is none; `rule` says who wants XML. Entities are never expanded."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        if b"<!ENTITY" in content:  # a document that grows as it is read
            return _declared(rule)
        advice = "escape & and < in text, close every element, and write nothing that XML 1.0 forbids"
        reason = " ".join((error.msg or "").split())
        return Finding(text=f"it is not well-formed XML: {reason}", rule=rule, line=error.lineno, advice=advice)
    except ValueError as error:
        return Finding(text=f"it is not well-formed XML: {error}", rule=rule)
    return root if root.getroottree().docinfo.internalDTD is None else _declared(rule)


def _declared(rule: str) -> Finding:
    text = "it carries a document type declaration, which readers refuse"
    return Finding(text=text, rule=rule, line=1, advice="take the <!DOCTYPE ...> out; write characters instead of entities")


def read_document(content: bytes) -> etree._Element | str:
    """Return the root of a feed document, or why it is none."""
    root = _read(content)
    return str(root) if isinstance(root, Finding) else root


def _read(content: bytes) -> etree._Element | Finding:
    root = read_xml(content, "RFC 4287 §2")
    if isinstance(root, Finding) or root.tag == f"{ATOM}feed":
        return root
    text = f"its root is <{etree.QName(root).localname}>, not an atom:feed"
    advice = 'begin it with <feed xmlns="http://www.w3.org/2005/Atom">'
    return Finding(text=text, rule="RFC 4287 §4.1.1", line=line_of(root), advice=advice)


def read_standing(content: bytes) -> tuple[Standing, ...] | None:
    """Return the entries of a feed file in their order; None if it cannot be read as a feed."""
    root = _read(content)
    if isinstance(root, Finding):
        return None
    return tuple(
        Standing(
            id=entry.text("id") or "",
            title=entry.text("title") or "",
            date=parse_date(entry.text("published") or entry.text("updated") or ""),
        )
        for entry in (part_of(element, "") for element in root.iterchildren(f"{ATOM}entry"))
    )


def examine(content: bytes, *, now: datetime | None = None, own_entries: bool = False) -> Examined:
    """Look at every part of the document.

    `now`: nothing in it may be dated later (None: not asked). `own_entries`: they come from nowhere else, so they need no
    atom:source.
    """
    root = _read(content)
    if isinstance(root, Finding):
        return Examined(findings=(root,))
    feed = part_of(root, "the feed")
    plain = read_plain_entries(content, root) if now is None else None
    ids = plain.ids if plain else tuple(element.findtext(f"{ATOM}id") or "" for element in feed.children.get("entry", ()))
    findings = tuple(feed_findings(feed, ids, plain, now=now, own_entries=own_entries))
    return Examined(findings=findings, frame=_frame(feed), ids=ids)


def _frame(feed: Part) -> dict[str, str | None]:
    links: dict[str, str | None] = {}
    for link in feed.children.get("link", ()):
        relation = link.get("rel", "alternate")
        if relation == "alternate" and link.get("type", "text/html") not in _PAGE_TYPES:
            relation = f"alternate {link.get('type')}"  # a twin in another format
        links.setdefault(relation, link.get("href"))
    facts = {"id": feed.text("id"), "title": feed.text("title"), "language": feed.element.get(XML_LANG)}
    archive = "yes" if f"{_HISTORY}archive" in feed.children else None
    return {**links, **facts, "archive": archive}
