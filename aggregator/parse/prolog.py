"""Text of a document -> the text from its root element on, and the entities that its DOCTYPE declares.

What stands before the root element is where hostile documents hide (entity chains that crash expat, kilobytes of newlines that
stall regular expressions), so no foreign parser ever sees it. Never opens anything that a DOCTYPE points to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from aggregator.parse.refusal import UnreadableFeedError

#: Entities are tolerated as HTML-like abbreviations only: short, literal, and not many.
MAX_ENTITY = 1024
MAX_ENTITIES = 512

#: Roots that stand for a feed: CDF's is `channel`, an Atom Entry Document's `entry` (RFC 4287 §2).
_FEED_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,60}:)?(rss|feed|rdf|channel|entry)(?=[\s/>])", re.IGNORECASE)
#: Documents that may hold `<rdf:RDF` somewhere inside and still are no feeds.
_FOREIGN_ROOT = re.compile(r"<(html|head|body|svg)\b", re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY\s+(%\s+)?([\w.:-]{1,64})\s+(SYSTEM|PUBLIC|\"[^\"]*\"|'[^']*')")
_NESTED = re.compile(r"&(?!#\d+;|#[xX][0-9A-Fa-f]+;|(?:amp|lt|gt|quot|apos);)|%[\w.:-]+;")
_JUNK_LOOKED_AT = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document without its prolog."""

    text: str  #: from the root element's "<" on; "" when there is none
    root: str | None  #: the root's local name in lower case, if it is a feed's
    entities: dict[str, str]  #: declared in the DOCTYPE; literal replacement text
    netscape: bool  #: the DOCTYPE names Netscape's RSS 0.91
    junk: bool  #: something that is no XML stood before the document


def open_document(text: str) -> Document:
    """Find the root element.

    Raises:
        UnreadableFeedError: the DOCTYPE declares entities by other entities, or very long or very many ones.
    """
    text = text.lstrip("\ufeff\0 \t\r\n\v\f")
    declaration = max(text.find("<?xml", 0, _JUNK_LOOKED_AT), 0)
    position, doctype, clean = _skip_prolog(text, declaration)
    found = None if _FOREIGN_ROOT.match(text, position) else _FEED_ROOT.search(text, position)
    if found is None:
        return Document(text=text[position:], root=None, entities={}, netscape=False, junk=not clean)
    return Document(
        text=text[found.start() :],
        root=found.group(1).lower(),
        entities=_declared_entities(doctype) if doctype else {},
        netscape="netscape" in doctype.lower(),
        junk=declaration > 0 or found.start() > position,
    )


def _skip_prolog(text: str, position: int) -> tuple[int, str, bool]:
    """Return where the first element starts, the DOCTYPE, and whether all before it was XML."""
    doctype = ""
    while True:
        while position < len(text) and text[position] in " \t\r\n\ufeff":
            position += 1
        if text.startswith("<?", position):
            end = text.find("?>", position)
            after = end + 2
        elif text.startswith("<!--", position):
            end = text.find("-->", position)
            after = end + 3
        elif text[position : position + 9].upper() == "<!DOCTYPE":
            end = _end_of_doctype(text, position)
            after = end + 1
            doctype = text[position : max(end, position)]
        else:
            return position, doctype, text.startswith("<", position)
        if end < 0:
            return position, doctype, False
        position = after


def _end_of_doctype(text: str, position: int) -> int:
    """Return where the declaration's ">" stands, quotes and the internal subset passed over, or -1."""
    depth = 0
    for match in re.compile(r"\"[^\"]*\"|'[^']*'|<!--.*?(?:-->|\Z)|[\[\]>]", re.DOTALL).finditer(text, position):
        mark = match.group(0)
        if mark == "[":
            depth += 1
        elif mark == "]":
            depth -= 1
        elif mark == ">" and depth <= 0:
            return match.start()
    return -1


def _declared_entities(doctype: str) -> dict[str, str]:
    """Return the literal entities; parameter entities and those outside the document are left undeclared."""
    entities: dict[str, str] = {}
    for count, match in enumerate(_ENTITY.finditer(doctype)):
        parameter, name, value = match.groups()
        if count >= MAX_ENTITIES:
            raise UnreadableFeedError(f"the feed's DOCTYPE declares more than {MAX_ENTITIES} entities; refused")
        if parameter or value in {"SYSTEM", "PUBLIC"}:
            continue
        literal = value[1:-1]
        if _NESTED.search(literal):
            raise UnreadableFeedError(f"the feed's DOCTYPE declares the entity {name} by other entities; refused")
        if len(literal) > MAX_ENTITY:
            raise UnreadableFeedError(f"the feed's DOCTYPE declares the entity {name} with {len(literal)} characters; refused")
        entities.setdefault(name, unescape(literal))
    return entities
