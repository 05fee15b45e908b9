"""What RFC 4287 and we demand of one entry -> findings: author, content, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from aggregator.publish.findings import Finding, Weight
from aggregator.publish.part_rules import common_findings, xhtml_findings
from aggregator.publish.parts import Part, is_media_type, part_of
from aggregator.publish.podcast_rules import podcast_findings
from aggregator.publish.scan import find_fault, is_web_address

_AT_MOST_ONE = frozenset({"content", "published", "rights", "source", "summary"})
_MANY = frozenset({"author", "category", "contributor", "link"})
_ONE_IN_SOURCE = frozenset({"generator", "icon", "logo", "rights", "subtitle"})
_OWN_TYPES = frozenset({"text", "html", "xhtml"})
_XML_SUFFIXES = ("+xml", "/xml")


def entry_findings(entry: Part, *, has_author: bool, own: bool) -> Iterator[Finding]:
    """Yield everything that is wrong with the entry.

    `has_author`: the feed names one for all. `own`: the entry comes from nowhere else, so it needs no atom:source.
    """
    yield from common_findings(entry, _AT_MOST_ONE, _MANY)
    sources = entry.children.get("source", ())
    source = part_of(sources[0], f"{entry.where}: its source", within=entry) if sources else None
    if not has_author and "author" not in entry.children and (source is None or "author" not in source.children):
        advice = "write <author><name>...</name></author> in the entry or in the feed"
        yield entry.finding("has no author, and neither has the feed", "RFC 4287 §4.1.2", advice)
    yield from _content_findings(entry)
    yield from podcast_findings(entry)
    if source is not None:
        yield from common_findings(source, _ONE_IN_SOURCE, _MANY, rule="RFC 4287 §4.2.11", required=Weight.OURS)
    elif not own:
        text, advice = "does not say where it came from: no source", "write <source> with the id, title and updated of its feed"
        yield entry.finding(text, "RFC 4287 §4.2.11", advice, weight=Weight.OURS)


def _content_findings(entry: Part) -> Iterator[Finding]:
    contents = entry.children.get("content")
    if contents is None:
        if not any(link.get("rel", "alternate") == "alternate" for link in entry.children.get("link", ())):
            advice = "write <content>, or a link to the page"
            yield entry.finding("has neither content nor an alternate link", "RFC 4287 §4.1.2", advice)
        return
    content = contents[0]
    kind = content.get("type", "text")
    if kind not in _OWN_TYPES:
        weight = Weight.OURS if is_media_type(kind) else Weight.FAULT
        text, advice = f": its content has the type {kind!r}, not html, xhtml or text", 'write type="html"'
        yield entry.finding(text, "RFC 4287 §4.1.3.1", advice, at=content, weight=weight)
    if content.get("src") is not None:
        yield from _remote_findings(entry, content, kind)
    elif kind == "xhtml":
        yield from xhtml_findings(entry, content, "content")
    elif kind in _OWN_TYPES and len(content):
        text, advice = f": its {kind} content holds elements; html is escaped once", 'write &lt; for <, or type="xhtml"'
        yield entry.finding(text, "RFC 4287 §4.1.3.3", advice, at=content)
    elif kind == "html" and (fault := find_fault(content.text or "")) is not None:
        advice = "take it out, or write the whole address: a reader may run it, or cannot follow it"
        yield entry.finding(f": its content holds {fault}", "RFC 4287 §8.1", advice, at=content, weight=Weight.OURS)
    elif _is_encoded(kind) and "summary" not in entry.children:
        text, advice = ": its content is no text, and it has no summary", "write <summary>"
        yield entry.finding(text, "RFC 4287 §4.1.2", advice, at=content)


def _is_encoded(kind: str) -> bool:
    """Tell whether content of the type is Base64 (§4.1.3.3)."""
    return is_media_type(kind) and not kind.startswith("text/") and not kind.endswith(_XML_SUFFIXES)


def _remote_findings(entry: Part, content: etree._Element, kind: str) -> Iterator[Finding]:
    """Yield what is wrong with content that lies elsewhere (§4.1.3.2)."""
    if not is_web_address(content.get("src") or ""):
        text = f": the address of its content is not absolute http(s): {content.get('src')!r}"
        yield entry.finding(text, "RFC 4287 §4.1.3.2", "write the whole address", at=content, weight=Weight.OURS)
    if len(content) or (content.text or "").strip():
        yield entry.finding(
            ": its content lies elsewhere (src) and is not empty", "RFC 4287 §4.1.3.2", "leave it empty", at=content
        )
    if "type" in content.attrib and kind in _OWN_TYPES:
        text, advice = (
            f": its content lies elsewhere (src) and has the type {kind!r}",
            "write the media type of what lies there",
        )
        yield entry.finding(text, "RFC 4287 §4.1.3.2", advice, at=content)
    if "summary" not in entry.children:
        yield entry.finding(": its content lies elsewhere (src), and it has no summary", "RFC 4287 §4.1.2", "write <summary>")
