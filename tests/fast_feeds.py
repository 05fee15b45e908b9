"""Feeds grown from the fast reader's own tables: every element it takes, in every place, with odd words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from aggregator.parse.fast_elements import RDF_ABOUT, XML_BASE, XML_LANG
from aggregator.parse.fast_names import NAMESPACES
from aggregator.parse.fast_rules import ROOTS
from aggregator.parse.fast_state import Rule

_RSS_10 = "http://purl.org/rss/1.0/"
_ATOM = "http://www.w3.org/2005/Atom"
_EXTENSIONS = ("ex:a", "ex:b", "slash:comments", "media:community", "podcast:transcript", "extension")
_PREFIXES = {name: address for address, name in NAMESPACES.items() if name not in {"", "xml", "xlink", "cc"}}
_WORDS = (
    *("", " ", "a", " b ", "c", "60", "daily", "true", "a, b,,a", "&", "<b>x</b>", "&amp;", "a &lt; b", "\n"),
    *("caf\u00e9", "caf\u00c3\u00a9", "\u4e2d\u6587", "\u0093q\u0094", "\u00a0x\u2003", "\u0085"),
    *(
        "https://a.example/?a=1&b=2",
        "/rel",
        "?q&w;",
        "html",
        "text",
        "image/png",
        "SELF",
        "audio",
        "urn:1",
        "https://b.example/c/",
    ),
)
_WRITTEN = {XML_BASE: "xml:base", XML_LANG: "xml:lang", RDF_ABOUT: "rdf:about"}


@st.composite
def feeds(draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """Return a document; some of them the fast reader will not take."""
    root = draw(st.sampled_from(sorted(ROOTS)))
    declared = "".join(f" xmlns:{name}={quoteattr(address)}" for name, address in _PREFIXES.items())
    declared += ' xmlns:ex="http://ex.example/" xmlns:podcast="https://podcastindex.org/namespace/1.0"'
    default = {"rss": "", "feed": f' xmlns="{_ATOM}"', "rdf:rdf": f' xmlns="{_RSS_10}"'}[root]
    name = "rdf:RDF" if root == "rdf:rdf" else root
    version = ' version="2.0"' if root == "rss" else ""
    return f"<{name}{default}{declared}{version}>{_inside(draw, ROOTS[root], 0)}</{name}>"


def _inside(draw: Callable[[st.SearchStrategy[Any]], Any], rule: Rule, depth: int) -> str:
    """Return what stands in an element: children that its rule knows, now and then a stranger, and text."""
    text = _text(draw)
    if rule.children is None:
        return text
    names = sorted(rule.children)
    names += [name for name in ("item", "entry", "channel", "content", "summary", "title") if name in rule.children] * 4
    names += _EXTENSIONS if rule.others else ()
    if not names or depth > 5:
        return text
    chosen = draw(st.lists(st.sampled_from(names), max_size=7 if depth < 3 else 3))
    return "".join(_element(draw, name, rule.children.get(name), depth) for name in chosen)


def _element(draw: Callable[[st.SearchStrategy[Any]], Any], name: str, rule: Rule | None, depth: int) -> str:
    known = rule if rule is not None else Rule(children={}, others=True)
    offered = [_WRITTEN.get(attribute, attribute) for attribute in sorted(known.takes)]
    offered += ["xml:base", "xml:lang"] if known.scoped or known.based else []
    attributes = "".join(
        f" {attribute}={quoteattr(draw(st.sampled_from(_WORDS)))}" for attribute in offered if draw(st.integers(0, 3)) == 0
    )
    inside = _inside(draw, known, depth + 1)
    if known.based and draw(st.integers(0, 9)) == 0:
        inside += f'<xhtml:p class="x">{_text(draw)}<xhtml:br/></xhtml:p>'
    return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"


def _text(draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    word = escape(draw(st.sampled_from(_WORDS)))
    return word + ("<!-- c --><![CDATA[d]]>" if draw(st.integers(0, 19)) == 0 else "")
