"""The bytes of an RSS 2.0 document -> every finding about it, in words with what it breaks. Reads, never repairs.

RSS 2.0 has no numbered sections, so a rule names the element. What only the RSS Advisory Board's profile or we demand has
the weight `OURS`: what others publish need not meet it. The same look serves the gate before a swap and whoever asks about
a file that lies there already.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime

from lxml import etree

from aggregator.publish.document import read_xml
from aggregator.publish.findings import Examined, Finding, Weight
from aggregator.publish.parts import (
    Part,
    first_newer,
    is_language_tag,
    is_media_type,
    line_of,
    parse_date,
    parse_rss_date,
    part_of,
)
from aggregator.publish.plain_rss import PlainItems, read_plain_items
from aggregator.publish.podcast_rules import podcast_findings
from aggregator.publish.rss import ATOM, CONTENT, DC, TYPE
from aggregator.publish.scan import find_fault, is_web_address, quoted
from aggregator.publish.sweeping_rules import run_findings

_ENCODED = f"{{{CONTENT}}}encoded"
_CREATOR, _DC_LANGUAGE = f"{{{DC}}}creator", f"{{{DC}}}language"
_ID, _LINK, _UPDATED = f"{{{ATOM}}}id", f"{{{ATOM}}}link", f"{{{ATOM}}}updated"
_ONE_IN_CHANNEL = ("title", "link", "description")
_AT_MOST_ONE_IN_CHANNEL = frozenset(
    {"language", "copyright", "managingEditor", "webMaster", "pubDate", "lastBuildDate", "generator", "docs", "cloud", "ttl"}
    | {"image", "rating", "textInput", "skipHours", "skipDays"}
)
_MANY_IN_CHANNEL = frozenset({"category", "item"})
_AT_MOST_ONE_IN_ITEM = frozenset(
    {"title", "link", "description", "comments", "enclosure", "guid", "pubDate", "source", _ENCODED}
)
_MANY_IN_ITEM = frozenset({"author", "category"})
_WITH_CHILDREN = frozenset({"item", "image", "textInput", "skipHours", "skipDays"})
_ADDRESS = re.compile(r"[^\s@](?:@|%40)[^\s@]")  # one letter on either side: more would take a square of the time
_COMMENT = re.compile(r"\([^()]*\)")
_SHORT_YEAR = re.compile(r"[A-Z][a-z]{2} \d\d ")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def examine_rss(content: bytes, *, now: datetime | None = None) -> Examined:
    """Look at every part of the document; nothing in it may be dated later than `now` (None: not asked)."""
    root = read_xml(content, "RSS 2.0: a feed is XML 1.0")
    if isinstance(root, Finding):
        return Examined(findings=(root,))
    channels = list(root.iterchildren("channel")) if root.tag == "rss" else []
    if len(channels) != 1:
        return Examined(findings=(_no_channel(root, len(channels)),))
    channel = part_of(channels[0], "the channel", "")
    plain = read_plain_items(content, channels[0]) if now is None else None
    items = [] if plain else [_item(element, number) for number, element in enumerate(channel.children.get("item", ()), 1)]
    return Examined(
        findings=tuple(_findings(root, channel, items, plain, now)),
        frame={
            "id": channel.text(_ID),
            "title": channel.text("title"),
            "alternate": channel.text("link"),
            "language": channel.text("language"),
            **{link.get("rel", "alternate"): link.get("href") for link in channel.children.get(_LINK, ())},
        },
        ids=plain.guids if plain else tuple(item.entry or "" for item in items),
    )


def _is_odd_date(text: str) -> bool:
    """Tell whether RFC 822 allows what hardly anybody reads: comments, line breaks, letters for zones, any case."""
    try:
        parsedate_to_datetime(" ".join(_COMMENT.sub(" ", text).split()))
    except ValueError:
        return False
    return True


def _no_channel(root: etree._Element, count: int) -> Finding:
    if root.tag != "rss":
        text = f"its root is <{etree.QName(root).localname}>, not an <rss> of no namespace"
        return Finding(text=text, rule="RSS 2.0 <rss>", line=line_of(root), advice='begin it with <rss version="2.0">')
    text = f"it holds {count or 'no'} channel; one is wanted"
    return Finding(text=text, rule="RSS 2.0 <channel>", line=line_of(root), advice="put all of the feed into one <channel>")


def _item(element: etree._Element, number: int) -> Part:
    item = part_of(element, f"item {number}", "")
    return Part(element, item.children, item.where, item.text("guid") or item.text("link") or None, item.text("title") or None)


def _findings(
    root: etree._Element, channel: Part, items: list[Part], plain: PlainItems | None, now: datetime | None
) -> Iterator[Finding]:
    if root.get("version") != "2.0":
        text, rule = f"it says that it is RSS of the version {root.get('version')!r}", "RSS 2.0 <rss>"
        yield Finding(text=text, rule=rule, line=line_of(root), advice='write version="2.0"')
    yield from run_findings(Part(root, {}, "the feed"))
    yield from _channel_findings(channel)
    for item in items:
        yield from _item_findings(item, now)
    for guid, count in Counter(found for item in items if (found := item.text("guid"))).items():
        if count > 1:
            line = [line_of(item.element) for item in items if item.text("guid") == guid][1]
            text, advice = f"{count} items share the guid {quoted(guid)}", "give each item a guid of its own, for ever"
            yield Finding(text=text, rule="RSS 2.0 <guid>", line=line, advice=advice)
    yield from _order_findings(items)
    yield from _built_findings(
        channel, plain.dates if plain else [parse_rss_date(item.text("pubDate") or "") for item in items]
    )


def _channel_findings(channel: Part) -> Iterator[Finding]:
    for name in _ONE_IN_CHANNEL:
        count = len(channel.children.get(name, ()))
        if count != 1:
            text, advice = f"has {count or 'no'} {name}; one is wanted", f"write one <{name}>"
            yield channel.finding(text, f"RSS 2.0 <{name}>", advice)
        elif name != "description" and not (channel.text(name) or "").strip():
            yield channel.finding(f": its {name} is empty", f"RSS 2.0 <{name}>", "write it", at=channel.children[name][0])
    yield from _child_findings(channel, _AT_MOST_ONE_IN_CHANNEL, frozenset({*_MANY_IN_CHANNEL, *_ONE_IN_CHANNEL}))
    yield from _address_findings(channel, "link")
    yield from _date_findings(channel, ("pubDate", "lastBuildDate"))
    language = channel.text("language")
    if language is not None and not is_language_tag(language):
        text, advice = f": {language!r} is no language tag", "write a tag of BCP 47, such as zh-Hans"
        yield channel.finding(text, "RSS 2.0 <language>", advice, at=channel.children["language"][0])
    ttl = channel.text("ttl")
    if ttl is not None and not (ttl.isascii() and ttl.isdigit() and int(ttl[:9]) > 0):
        text, advice = f": its ttl is no number of minutes: {ttl!r}", "write minutes in digits, or leave it out"
        yield channel.finding(text, "RSS 2.0 <ttl>", advice, at=channel.children["ttl"][0])
    own = [link for link in channel.children.get(_LINK, ()) if link.get("rel") == "self"]
    if len(own) != 1:
        text = f"has {len(own) or 'no'} atom:link with rel=self; one is wanted"
        advice = "write one with the public address of this file"
        yield channel.finding(text, "RSS profile, atom:link", advice, weight=Weight.OURS)
    for link in own:
        if not is_web_address(link.get("href", "")) or link.get("type") != TYPE:
            text = f": its link to itself is not an absolute http(s) address of the type {TYPE}: {link.get('href')!r}"
            yield channel.finding(text, "RSS profile, atom:link", "write both", at=link, weight=Weight.OURS)
    yield from _image_findings(channel)


def _image_findings(channel: Part) -> Iterator[Finding]:
    for element in channel.children.get("image", ()):
        image = part_of(element, "the channel: its image", "", within=channel)
        for name in ("url", "title", "link"):
            if not (image.text(name) or "").strip():
                yield image.finding(f"has no {name}", "RSS 2.0 <image>", f"write <{name}>")
        for name in ("url", "link"):
            yield from _address_findings(image, name)


def _child_findings(part: Part, at_most_one: frozenset[str], others: frozenset[str]) -> Iterator[Finding]:
    for name, found in part.children.items():
        if name in at_most_one and len(found) > 1:
            text, rule = f"has {len(found)} {_shown(name)} elements, not one at most", f"RSS 2.0 <{_shown(name)}>"
            yield part.finding(text, rule, "keep one of them", at=found[1])
        elif name[0] != "{" and name not in at_most_one and name not in others:
            text, advice = f"holds <{name}>, which RSS does not know there", "take it out, or give it its namespace"
            yield part.finding(text, "RSS 2.0: extensions are in namespaces", advice, at=found[0])
        if name[0] == "{" or name in _WITH_CHILDREN:
            continue
        if any(len(element) for element in found):
            inside = next(element for element in found if len(element))
            text, advice = f": its {name} holds elements; markup is escaped", "write &lt; for <"
            yield part.finding(text, f"RSS 2.0 <{name}>", advice, at=inside)


def _item_findings(item: Part, now: datetime | None) -> Iterator[Finding]:
    yield from _child_findings(item, _AT_MOST_ONE_IN_ITEM, _MANY_IN_ITEM)
    title = item.text("title")
    if not (title or "").strip():
        bare = not item.text("description")
        text, advice = ("has neither a title nor a description", "write one") if bare else ("has no title", "write one")
        yield item.finding(text, "RSS 2.0 <item>", advice, weight=Weight.FAULT if bare else Weight.OURS)
    elif title is not None and _TAG.search(title):
        text, advice = ": its title holds what looks like a tag; many readers drop it", "write plain text, if it is meant so"
        yield item.finding(text, "RSS profile, title", advice, at=item.children["title"][0], weight=Weight.NOTE)
    yield from _guid_findings(item)
    yield from _address_findings(item, "link")
    yield from _address_findings(item, "comments")
    yield from _date_findings(item, ("pubDate",))
    if "pubDate" not in item.children:
        yield item.finding("has no pubDate", "RSS profile, pubDate", "date it, or it has no place", weight=Weight.OURS)
    yield from _future_findings(item, now)
    yield from _author_findings(item)
    yield from _body_findings(item)
    yield from _enclosure_findings(item)
    for source in item.children.get("source", ()):
        if not is_web_address(source.get("url", "")):
            text = f": the url of its source is not absolute http(s): {source.get('url')!r}"
            weight = Weight.OURS if source.get("url") else Weight.FAULT
            yield item.finding(text, "RSS 2.0 <source>", "write the whole address", at=source, weight=weight)
    for category in item.children.get("category", ()):
        if not (category.text or "").strip():
            yield item.finding("has an empty category", "RSS 2.0 <category>", "name it, or leave it out", at=category)
    for element in item.children.get(_DC_LANGUAGE, ()):
        if not is_language_tag(element.text or ""):
            text, advice = f": {element.text!r} is no language tag", "write a tag of BCP 47, such as zh-Hans"
            yield item.finding(text, "Dublin Core, language", advice, at=element, weight=Weight.OURS)
    yield from podcast_findings(item)


def _guid_findings(item: Part) -> Iterator[Finding]:
    guids = item.children.get("guid", ())
    if not guids or not (guids[0].text or "").strip():
        text, advice = "has no guid", "write one that never changes: readers know by it what they have seen"
        yield item.finding(text, "RSS profile, guid", advice, weight=Weight.OURS)
        return
    permanent = guids[0].get("isPermaLink", "true")
    if permanent not in {"true", "false"}:
        text = f": isPermaLink of its guid is neither true nor false: {permanent!r}"
        yield item.finding(text, "RSS 2.0 <guid>", 'write isPermaLink="false"', at=guids[0])
    elif permanent == "true" and not is_web_address(guids[0].text or ""):
        text, advice = ": its guid is called an address and is none", 'write isPermaLink="false"'
        weight = Weight.OURS if is_web_address((guids[0].text or "").strip()) else Weight.FAULT
        yield item.finding(text, "RSS 2.0 <guid>", advice, at=guids[0], weight=weight)


def _author_findings(item: Part) -> Iterator[Finding]:
    for author in item.children.get("author", ()):
        if _ADDRESS.search(author.text or "") is None:
            text, advice = f": its author is no e-mail address: {author.text!r}", "a name is a dc:creator"
            yield item.finding(text, "RSS 2.0 <author>", advice, at=author)
    creators = item.children.get(_CREATOR, ())
    if not (creators or "author" in item.children) or not all((creator.text or "").strip() for creator in creators):
        text, advice = "does not say who wrote it", "write a dc:creator with a name, and none that is empty"
        yield item.finding(text, "RSS profile, dc:creator", advice, weight=Weight.OURS)


def _body_findings(item: Part) -> Iterator[Finding]:
    names = [name for name in item.children if name in {"description", _ENCODED}]
    if names == [_ENCODED, "description"]:
        text, advice = "has content:encoded before its description", "some readers take the last of the two: swap them"
        yield item.finding(text, "RSS profile, content:encoded", advice, weight=Weight.OURS)
    elif names == [_ENCODED]:
        text, advice = "has content:encoded and no description", "what has no summary is read from description everywhere"
        yield item.finding(text, "RSS profile, content:encoded", advice, weight=Weight.OURS)
    for name in names:
        fault = find_fault(item.text(name) or "")
        if fault is not None:
            advice = "take it out: a reader may run it, or cannot follow it"
            text, at = f": its {_shown(name)} holds {fault}", item.children[name][0]
            yield item.finding(text, "RSS profile, description", advice, at=at, weight=Weight.OURS)


def _enclosure_findings(item: Part) -> Iterator[Finding]:
    for element in item.children.get("enclosure", ()):
        url, length, kind = element.get("url", ""), element.get("length", ""), element.get("type", "")
        if not is_web_address(url):
            text = f": the url of its enclosure is not absolute http(s): {url!r}"
            yield item.finding(text, "RSS 2.0 <enclosure>", "write the whole address", at=element)
        if not (length.isascii() and length.isdigit()):
            text, advice = f": the length of its enclosure is no number of bytes: {length!r}", "write 0 where it is not known"
            yield item.finding(text, "RSS 2.0 <enclosure>", advice, at=element)
        if not is_media_type(kind):
            text = f": the type of its enclosure is no media type: {kind!r}"
            yield item.finding(text, "RSS 2.0 <enclosure>", "write it like audio/mpeg", at=element)
    for element in item.children.get(_LINK, ()):
        if not is_web_address(element.get("href", "")):
            text = f": the address of its atom:link is not absolute http(s): {element.get('href')!r}"
            yield item.finding(text, "RFC 4287 §4.2.7.1", "write the whole address", at=element, weight=Weight.OURS)


def _address_findings(part: Part, name: str) -> Iterator[Finding]:
    for element in part.children.get(name, ()):
        if not is_web_address(element.text or ""):
            text = f": its {name} is not absolute http(s): {element.text!r}"
            weight = Weight.OURS if is_web_address((element.text or "").strip()) else Weight.FAULT
            advice = "write the whole address, without spaces around it"
            yield part.finding(text, f"RSS 2.0 <{name}>", advice, at=element, weight=weight)


def _date_findings(part: Part, names: tuple[str, ...]) -> Iterator[Finding]:
    for name in names:
        for element in part.children.get(name, ()):
            text, date = element.text or "", parse_rss_date(element.text or "")
            if date is None or _SHORT_YEAR.search(text):
                weight = Weight.FAULT if date is None and not _is_odd_date(text) else Weight.OURS
                found = f": its {name} is no RFC 822 date as readers know it: {text!r}"
                advice = "write it like Sun, 01 Mar 2026 12:00:00 GMT"
                yield part.finding(found, f"RSS 2.0 <{name}>", advice, at=element, weight=weight)
    for element in part.children.get(_UPDATED, ()):
        if parse_date(element.text or "") is None:
            text = f": its atom:updated is no RFC 3339 date with a zone: {element.text!r}"
            yield part.finding(text, "RFC 4287 §3.3", "write it like 2026-03-01T12:00:00Z", at=element)


def _future_findings(item: Part, now: datetime | None) -> Iterator[Finding]:
    date = parse_rss_date(item.text("pubDate") or "")
    if now is not None and date is not None and date > now:
        text, advice = f": its pubDate lies in the future: {item.text('pubDate')}", "date it by when it was first seen"
        yield item.finding(text, "RSS 2.0 <pubDate>", advice, at=item.children["pubDate"][0], weight=Weight.OURS)


def _order_findings(items: list[Part]) -> Iterator[Finding]:
    """Yield the first item that is newer than the one before it."""
    found = first_newer(parse_rss_date(item.text("pubDate") or "") for item in items)
    if found is not None:
        text, advice = "is newer than the item before it", "write the newest item first"
        yield items[found].finding(text, "RSS profile, item", advice, weight=Weight.OURS)


def _built_findings(channel: Part, dates: Sequence[datetime | None]) -> Iterator[Finding]:
    """Yield a channel that is older than what stands in it."""
    built = parse_rss_date(channel.text("lastBuildDate") or "")
    newest = max((date for date in dates if date is not None), default=None)
    if built is not None and newest is not None and built < newest:
        text, advice = ": its lastBuildDate is earlier than its newest item", "write the date of the newest change"
        at = channel.children["lastBuildDate"][0]
        yield channel.finding(text, "RSS 2.0 <lastBuildDate>", advice, at=at, weight=Weight.OURS)


def _shown(name: str) -> str:
    return "content:encoded" if name == _ENCODED else name
