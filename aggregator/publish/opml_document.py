"""The bytes of an OPML list -> every finding about it, with the section of OPML 2.0. Reads, never repairs."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml import etree

from aggregator.publish.document import read_xml
from aggregator.publish.findings import Examined, Finding, Weight
from aggregator.publish.parts import line_of
from aggregator.publish.scan import is_web_address, quoted

_HEAD, _BODY, _OUTLINE = "OPML 2.0, <head>", "OPML 2.0, <body>", "OPML 2.0, <outline>"
_LIST = "OPML 2.0, Subscription lists"
_LINKS = ("xmlUrl", "htmlUrl", "url")


def examine_opml(content: bytes) -> Examined:
    """Look at every part of the list."""
    root = read_xml(content, "OPML 2.0")
    if isinstance(root, Finding):
        return Examined(findings=(root,))
    if root.tag != "opml":
        text, advice = f"its root is <{etree.QName(root).localname}>, not <opml>", 'begin it with <opml version="2.0">'
        return Examined(findings=(Finding(text=text, rule="OPML 2.0, <opml>", line=line_of(root), advice=advice),))
    addresses = tuple(outline.get("xmlUrl", "") for outline in root.iter("outline") if outline.get("type") == "rss")
    frame = {"title": root.findtext("head/title"), "alternate": root.findtext("head/ownerId")}
    return Examined(findings=tuple(_findings(root)), frame=frame, ids=addresses)


def _findings(root: etree._Element) -> Iterator[Finding]:
    version = root.get("version")
    if version != "2.0":
        weight = Weight.OURS if version in {"1.0", "1.1"} else Weight.FAULT
        text, advice = f"its version is {version!r}, not 2.0", 'write <opml version="2.0">'
        yield Finding(text=text, rule="OPML 2.0, <opml>", line=line_of(root), advice=advice, weight=weight)
    parts = [str(child.tag) for child in root.iterchildren("*")]
    if parts != ["head", "body"]:
        text, advice = f"<opml> holds {', '.join(parts) or 'nothing'}, not one head and one body", "write <head>, then <body>"
        yield Finding(text=text, rule="OPML 2.0, <opml>", line=line_of(root), advice=advice)
    if not (root.findtext("head/title") or "").strip():
        text, advice = "the list has no title", "write <title> in its head: readers name the list by it"
        yield Finding(text=text, rule=_HEAD, advice=advice, weight=Weight.OURS)
    owner = root.findtext("head/ownerId")
    if owner is not None and not is_web_address(owner):
        text, advice = f"the owner's address is not absolute http(s): {quoted(owner)}", "write the whole address of a page"
        yield Finding(text=text, rule=_HEAD, advice=advice)
    body = root.find("body")
    if body is not None and body.find("outline") is None:
        yield Finding(text="the list is empty", rule=_BODY, line=line_of(body), advice="write an <outline> for each feed")
    seen: set[str] = set()
    for number, outline in enumerate(root.iter("outline"), 1):
        yield from _outline_findings(outline, number, seen)


def _outline_findings(outline: etree._Element, number: int, seen: set[str]) -> Iterator[Finding]:
    title, address = outline.get("text"), outline.get("xmlUrl")
    where = f"outline {number}"

    def finding(text: str, rule: str, advice: str, weight: Weight = Weight.FAULT) -> Finding:
        return Finding(
            text=f"{where}{text}", rule=rule, line=line_of(outline), entry=address, title=title, advice=advice, weight=weight
        )

    if not (title or "").strip():
        yield finding(" has no text", _OUTLINE, 'write text="...": it is what people see')
    if outline.get("type") == "rss" and address is None:
        yield finding(" is a feed without an address", _LIST, "write xmlUrl with the whole address of the feed")
    if outline.get("type") != "rss" and address is not None:
        yield finding(" has the address of a feed and is not called one", _LIST, 'write type="rss", also for Atom feeds')
    for name in _LINKS:
        link = outline.get(name)
        if link is None:
            continue
        if not is_web_address(link):
            text = f": its {name} is not absolute http(s): {quoted(link)}"
            yield finding(text, _LIST, "write the whole address", Weight.FAULT if name == "xmlUrl" else Weight.OURS)
        elif _names_a_user(link):
            text, advice = f": its {name} holds a name or a password", "take them out: whoever imports the list gets them"
            yield finding(text, _LIST, advice, Weight.OURS)
    if address in seen:
        yield finding(": its feed stands in the list before", _LIST, "keep one, unless it is in two folders", Weight.NOTE)
    seen.add(address or "")
    seen.discard("")


def _names_a_user(address: str) -> bool:
    try:
        return "@" in urlsplit(address).netloc
    except ValueError:
        return False
