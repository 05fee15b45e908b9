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
_LANGUAGES = etree.XPath("//@xml:lang")
_STYLESHEETS = etree.XPath("preceding-sibling::processing-instruction('xml-stylesheet')")
_CSS = re.compile(r"""\btype\s*=\s*["']text/css["']""")


def sweeping_findings(feed: Part) -> Iterator[Finding]:
    """Yield what is wrong wherever it stands: stray text, languages, and what a browser would run."""
    for text in _found(_STRAY, feed):
        message, advice = f"holds text outside of its elements: {quoted(text.strip())}", "take it out, or give it an element"
        yield _at(feed, text.getparent(), message, "RFC 4287 §4.1", advice)
    for language in _found(_LANGUAGES, feed):
        if not is_language_tag(language):
            message, advice = f": {str(language)!r} is no language tag", "write a tag of BCP 47, such as zh-Hans"
            weight = Weight.FAULT if language else Weight.OURS  # XML lets an empty one take a language back
            yield _at(feed, language.getparent(), message, "RFC 4287 §2", advice, weight)
    yield from run_findings(feed)


def run_findings(feed: Part) -> Iterator[Finding]:
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
