"""What is asked of every element of an Atom document at once -> findings, each at the entry it stands in.

A document is nearly always sound, so the questions are asked by XPath, in C; only an answer costs anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from aggregator.publish.findings import Finding, Weight
from aggregator.publish.parts import ATOM, XHTML, Part, is_language_tag
from aggregator.publish.scan import element_fault, quoted

_NAMES = {"a": ATOM.strip("{}")}
_PARENTS = (
    "self::a:feed",
    "a:entry",
    "a:entry/a:source",
    "a:author",
    "a:entry/a:author",
    "a:contributor",
    "a:entry/a:contributor",
)
_STRAY = etree.XPath(" | ".join(f"{each}/text()[normalize-space()]" for each in _PARENTS), namespaces=_NAMES)
_WITH_CHILDREN = etree.XPath("//a:*[*]", namespaces=_NAMES)
#: Elements that have a use for children.
_HOLDERS = frozenset(
    ATOM + name
    for name in ("feed", "entry", "source", "author", "contributor", "content", "title", "subtitle", "summary", "rights")
)
#: Others that extensions may stand in (§6.4).
_EXTENSIBLE = frozenset({f"{ATOM}link", f"{ATOM}category"})
_LANGUAGES = etree.XPath("//@xml:lang")
_STYLESHEETS = etree.XPath("preceding-sibling::processing-instruction('xml-stylesheet')")
_CSS = re.compile(r"""\btype\s*=\s*["']text/css["']""")
#: Attributes that the RFC gives its elements; any other without a namespace is nobody's.
_NONE: frozenset[str] = frozenset()
_ATTRIBUTES: dict[str, frozenset[str]] = {
    f"{ATOM}link": frozenset({"href", "rel", "type", "hreflang", "title", "length"}),
    f"{ATOM}category": frozenset({"term", "scheme", "label"}),
    f"{ATOM}content": frozenset({"type", "src"}),
    f"{ATOM}generator": frozenset({"uri", "version"}),
    **{f"{ATOM}{name}": frozenset({"type"}) for name in ("title", "subtitle", "summary", "rights")},
}
_WITH_ATTRIBUTES = etree.XPath("//a:*[@*[not(namespace-uri())]]", namespaces=_NAMES)


def sweeping_findings(feed: Part) -> Iterator[Finding]:
    """Yield what is wrong wherever it stands: stray text, unknown attributes, languages, and what a browser would run."""
    for text in _found(_STRAY, feed):
        message, advice = f"holds text outside of its elements: {quoted(text.strip())}", "take it out, or give it an element"
        yield _at(feed, text.getparent(), message, "RFC 4287 §4.1", advice)
    for element in _found(_WITH_ATTRIBUTES, feed):
        known = _ATTRIBUTES.get(element.tag, _NONE)
        names = element.keys()
        for name in () if known.issuperset(names) else names:
            if name[0] != "{" and name not in known:
                message = f": <{etree.QName(element).localname}> has the attribute {name}, which Atom does not know"
                yield _at(feed, element, message, "RFC 4287 §2", "take it out; attributes of extensions have a namespace")
    for element in _found(_WITH_CHILDREN, feed):
        if element.tag in _HOLDERS:
            continue
        inside = f"{ATOM}*" if element.tag in _EXTENSIBLE else "*"
        inner = next(element.iterchildren(inside), None)
        if inner is not None:
            message = f": <{etree.QName(element).localname}> holds an element, <{etree.QName(inner).localname}>"
            yield _at(feed, inner, message, "RFC 4287 §4.2", "take it out, or put it where it belongs")
    for language in _found(_LANGUAGES, feed):
        if not is_language_tag(language):
            message, advice = f": {str(language)!r} is no language tag", "write a tag of BCP 47, such as zh-Hans"
            weight = Weight.FAULT if language else Weight.OURS  # XML lets an empty one take a language back
            yield _at(feed, language.getparent(), message, "RFC 4287 §2", advice, weight)
    yield from _run_findings(feed)


def _run_findings(feed: Part) -> Iterator[Finding]:
    """Yield what would run when a browser shows the feed itself: XHTML lives wherever it stands, and only CSS may dress it."""
    for found in _found(_STYLESHEETS, feed):
        if not _CSS.search(found.text or ""):
            message, advice = "is dressed by a stylesheet that is no CSS", "link a CSS file, or none: browsers give up on XSLT"
            yield feed.finding(message, "RFC 4287 §8.1", advice, at=found, weight=Weight.OURS)
    for element in feed.element.iter(f"{XHTML}*"):
        attributes = [(str(name).rpartition("}")[2], str(value)) for name, value in element.attrib.items()]
        name = etree.QName(element).localname
        if name == "title" or (name == "meta" and dict(attributes).keys() == {"name", "content"}):
            continue  # the page's name and its width on a phone, as `look` writes them: neither acts
        fault = element_fault(name, attributes)
        if fault is not None:
            advice = "take it out: whoever opens the feed in a browser runs it"
            yield _at(feed, element, f": its XHTML holds {fault}", "RFC 4287 §8.1", advice, Weight.OURS)


def _found(question: etree.XPath, feed: Part) -> list[Any]:
    """Return what XPath finds, which lxml cannot type: elements, instructions, texts that know their parents."""
    answer: Any = question(feed.element)
    return list(answer)


def _at(  # noqa: PLR0917 - private; the order is that of `Part.finding`
    feed: Part, element: etree._Element, text: str, rule: str, advice: str, weight: Weight = Weight.FAULT
) -> Finding:
    """Return a finding at the entry that the element stands in, or at the feed."""
    entry = element if element.tag == f"{ATOM}entry" else next(element.iterancestors(f"{ATOM}entry"), None)
    if entry is None:
        return feed.finding(text, rule, advice, at=element, weight=weight)
    number = 1 + sum(1 for _ in entry.itersiblings(f"{ATOM}entry", preceding=True))
    ident, title = entry.findtext(f"{ATOM}id") or None, entry.findtext(f"{ATOM}title") or None
    return Part(entry, {}, f"entry {number}", ident, title).finding(text, rule, advice, at=element, weight=weight)
