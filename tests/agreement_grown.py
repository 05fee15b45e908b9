"""Documents grown from the fast path's own tables: what it says it can read, in every order, number and nesting.

Mutants wander off to where everything is handed over; these stay where the fast path answers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from html import escape

from aggregator.parse.fast_rules import ROOTS
from aggregator.parse.fast_state import Rule
from tests.agreement_words import ADDRESSES, ATTRIBUTES, MARKUP, TEXTS
from tests.markup import Element, Raw, write_markup

_ATOM = "http://www.w3.org/2005/Atom"
_RSS_1 = "http://purl.org/rss/1.0/"
#: What makes a document ill-formed has no place here.
_SAFE_TEXTS = tuple(text for text in TEXTS if not text.startswith("<") and text not in {"&#0;", "&#xFFFE;", "&nbsp;x"})
_TYPES = ("text", "html", "TEXT", "Html", "text/plain", "text/html", "plain", "text", "html")
_BY_NAME: Mapping[str, tuple[str, ...]] = {
    name.lower(): tuple(value for known, values in ATTRIBUTES if known.lower() == name.lower() for value in values)
    for name, _ in ATTRIBUTES
}
#: Expat's names of attributes, as they are written.
_WRITTEN = {
    "http://www.w3.org/XML/1998/namespace base xml": "xml:base",
    "http://www.w3.org/XML/1998/namespace lang xml": "xml:lang",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns# about rdf": "rdf:about",
}
#: Of markup, what needs no prefix.
_PIECES = tuple(piece for piece in MARKUP if not re.search(r"</?\w+:", piece))
_MOST_CHILDREN = 9
_DEEPEST = 6


def grown(chance: random.Random) -> bytes:
    """Return a document; the same chance grows the same one."""
    name = chance.choice(sorted(ROOTS))
    prefixes = {prefix: address for prefix, address in ADDRESSES.items() if prefix not in {"xml", "x"}}
    root = _element(name, ROOTS[name], chance, 0)
    if name == "feed":
        root.attributes.append(("xmlns", _ATOM))
    elif name == "rss":
        root.attributes = [("version", chance.choice(("2.0", "0.91", "0.92", "2.0", "2.0.1")))]
    else:
        root.name = "rdf:RDF"
        root.attributes.append(("xmlns", _RSS_1))
    used = {found.partition(":")[0] for each in root.walk() for found in (each.name, *dict(each.attributes)) if ":" in found}
    for prefix in sorted(used - {"xml", "xmlns"}):
        root.attributes.append((f"xmlns:{prefix}", prefixes.get(prefix, "http://example.org/x")))
    return write_markup(root).encode()


def _element(name: str, rule: Rule, chance: random.Random, depth: int) -> Element:
    made = Element(name)
    for written in _attribute_names(rule, chance):
        values = _BY_NAME.get(written.lower(), ())
        texts = [text for text in _SAFE_TEXTS if "<" not in text]
        if written == "type" and "mode" in rule.reads and chance.random() < 0.97:
            values = _TYPES
        value = chance.choice(values) if values and chance.random() < 0.8 else chance.choice(texts)
        made.attributes.append((written, value))
    if "mode" in rule.reads and chance.random() < 0.12:
        made.attributes = [pair for pair in made.attributes if pair[0] != "type"] + [("type", "xhtml")]
        made.children.append(Raw(_markup(chance)))
        return made
    if rule.children is None or depth >= _DEEPEST:
        made.children.append(Raw(_text(chance)))
        return made
    names = sorted(rule.children)
    if depth <= 1 and "channel" in names and chance.random() < 0.9:
        made.children.append(_element("channel", rule.children["channel"], chance, depth + 1))
        names.remove("channel")
    for _ in range(chance.randint(0, _MOST_CHILDREN) if names else 0):
        # Entries are where most of the tables are.
        entry = next((name for name in ("item", "entry") if name in names), None)
        child = entry if entry and chance.random() < 0.4 else chance.choice(names)
        times = 2 if chance.random() < 0.15 else 1
        made.children += [_element(child, rule.children[child], chance, depth + 1) for _ in range(times)]
    if rule.others and chance.random() < 0.15:
        made.children.insert(chance.randint(0, len(made.children)), Element("x:any", children=[Raw(_text(chance))]))
    if not rule.blank and not rule.children and chance.random() < 0.5:
        made.children.append(Raw(_text(chance)))
    return made


def _markup(chance: random.Random) -> str:
    """Return XHTML in its <div>."""
    text = "{}"
    for _ in range(chance.randint(1, 4)):
        text = text.replace("{}", chance.choice(_PIECES), 1)
    return f'<div xmlns="{ADDRESSES["xhtml"]}">{text.replace("{}", "x")}</div>'


def _attribute_names(rule: Rule, chance: random.Random) -> list[str]:
    """Draw attributes: of those that are understood, now and then of those that are looked at, and of any."""
    names = [_WRITTEN.get(name, name) for name in sorted(rule.takes)]
    drawn = [name for name in names if chance.random() < (0.95 if name == "start" else 0.4)]
    if chance.random() < 0.01:
        drawn += [name for name in sorted(rule.reads) if chance.random() < 0.3]
    if chance.random() < 0.08:
        drawn.append(
            chance.choice(("xml:lang", "hreflang", "x:y", "width", "xml:base" if rule.scoped or rule.based else "role"))
        )
    return list(dict.fromkeys(drawn))


def _text(chance: random.Random) -> str:
    text = chance.choice(_SAFE_TEXTS)
    if "<" not in text and chance.random() < 0.1:
        return f"<![CDATA[{text}]]>"
    return escape(text) if "<" in text else text
