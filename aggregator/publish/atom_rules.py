"""What RFC 4287 and we demand of a feed as a whole -> findings; of an entry: `entry_rules`; of any part: `part_rules`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from lxml import etree

from aggregator.model.key import is_absolute_iri
from aggregator.publish.entry_rules import entry_findings
from aggregator.publish.findings import Finding, Weight
from aggregator.publish.part_rules import common_findings, counted
from aggregator.publish.parts import Part, first_newer, line_of, parse_date, part_of
from aggregator.publish.plain_atom import PlainEntries
from aggregator.publish.scan import quoted
from aggregator.publish.sweeping_rules import sweeping_findings
from aggregator.publish.tombstones import DELETED_ENTRY

_AT_MOST_ONE = frozenset({"generator", "icon", "logo", "rights", "subtitle"})
_MANY = frozenset({"author", "category", "contributor", "link", "entry"})
_PAGE_TYPES = (None, "text/html", "application/xhtml+xml")
_HISTORY = "{http://purl.org/syndication/history/1.0}"
_ARCHIVE, _COMPLETE = f"{_HISTORY}archive", f"{_HISTORY}complete"
_CHAIN = ("prev-archive", "next-archive", "current")


def feed_findings(
    feed: Part, ids: Sequence[str], plain: PlainEntries | None, *, now: datetime | None, own_entries: bool
) -> Iterator[Finding]:
    """Yield everything that is wrong with the feed; `ids` are those of its entries.

    `plain`: the entries have been looked at already, and nothing was found.
    """
    yield from sweeping_findings(feed)
    yield from common_findings(feed, _AT_MOST_ONE, _MANY)
    yield from _frame_link_findings(feed)
    yield from _archive_findings(feed)
    entries = [] if plain else list(_entries(feed))
    for entry in entries:
        yield from entry_findings(entry, has_author="author" in feed.children, own=own_entries)
        yield from _future_findings(entry, now)
    for entry_id, count in () if plain else Counter(ids).items():
        if count > 1:
            text, advice = f"{count} entries share the id {quoted(entry_id)}", "give each entry an id of its own, for ever"
            yield Finding(
                text=text, rule="RFC 4287 §4.1.1", line=_line_of(entries, entry_id), advice=advice, weight=Weight.OURS
            )
    yield from _order_findings(entries)
    yield from _tombstone_findings(feed, frozenset(ids))
    yield from _updated_findings(feed, plain.updated if plain else [entry.text("updated") or "" for entry in entries])


def _entries(feed: Part) -> Iterator[Part]:
    for number, element in enumerate(feed.children.get("entry", ()), 1):
        entry = part_of(element, f"entry {number}")
        yield Part(element, entry.children, entry.where, entry.text("id") or None, entry.text("title") or None)


def _line_of(entries: Sequence[Part], entry_id: str) -> int | None:
    """Return where an id stands for the second time."""
    lines = [line_of(entry.element) for entry in entries if (entry.text("id") or "") == entry_id]
    return lines[1] if len(lines) > 1 else None


def _frame_link_findings(feed: Part) -> Iterator[Finding]:
    links = feed.children.get("link", ())
    own = sum(link.get("rel") == "self" for link in links)
    pages = sum(link.get("rel", "alternate") == "alternate" and link.get("type") in _PAGE_TYPES for link in links)
    for relation, count, what in (("self", own, "this file"), ("alternate", pages, "the page that it is the feed of")):
        if count != 1:
            text = f"has {counted(count)} link with rel={relation}; one is wanted"
            advice = f'write one <link rel="{relation}" href="..."/> with the public address of {what}'
            yield feed.finding(text, "RFC 4287 §4.1.1", advice, weight=Weight.OURS)


def _archive_findings(feed: Part) -> Iterator[Finding]:
    """RFC 5005: archive documents are tied together by links."""
    links: dict[str, list[etree._Element]] = {}
    for link in feed.children.get("link", ()):
        links.setdefault(link.get("rel", "alternate"), []).append(link)
    own = {link.get("href") for link in links.get("self", ())}
    for relation in _CHAIN:
        found = links.get(relation, [])
        if len(found) > 1:
            text, advice = f"has {len(found)} links with rel={relation}, not one at most", "keep the right one of them"
            yield feed.finding(text, "RFC 5005 §4", advice, at=found[1], weight=Weight.OURS)
        if relation != "current" and any(link.get("href") in own for link in found):
            text = f"names itself as its {relation}: whoever walks the archive never ends"
            yield feed.finding(text, "RFC 5005 §4", "link the neighbouring archive document", at=found[0])
    marks = feed.children.get(_ARCHIVE, [])
    if len(marks) > 1 or any(len(mark) or (mark.text or "").strip() for mark in marks):
        yield feed.finding(
            "holds an fh:archive that is not one empty element", "RFC 5005 §4", "write <fh:archive/>", at=marks[-1]
        )
    if marks and "current" not in links:
        text, advice = "is an archive document without a link to the live feed", 'write <link rel="current" href="..."/>'
        yield feed.finding(text, "RFC 5005 §4", advice, at=marks[0], weight=Weight.OURS)
    if marks and any(link.get("href") in own for link in links.get("current", ())):
        text, advice = (
            "is an archive document and names itself as the live feed",
            'let rel="current" be the live feed\'s address',
        )
        yield feed.finding(text, "RFC 5005 §4", advice, at=links["current"][0], weight=Weight.OURS)
    if _COMPLETE in feed.children and (marks or "prev-archive" in links):
        text, advice = "says that it is complete, and that there are archive documents", "take fh:complete out"
        yield feed.finding(text, "RFC 5005 §2", advice, at=feed.children[_COMPLETE][0], weight=Weight.OURS)


def _future_findings(entry: Part, now: datetime | None) -> Iterator[Finding]:
    for name in ("published", "updated"):
        date = parse_date(entry.text(name) or "") if now is not None else None
        if date is not None and now is not None and date > now:
            text = f": {name} lies in the future: {entry.text(name)}"
            advice = "date it by when it was first seen; readers keep a later date on top until it has come"
            yield entry.finding(text, "RFC 4287 §3.3", advice, at=entry.children[name][0], weight=Weight.OURS)


def _order_findings(entries: Sequence[Part]) -> Iterator[Finding]:
    """Yield the first entry that is newer than the one before it; the order means nothing to the RFC, but to readers.

    Only entries with `published` have a known place: others stand by when they were first seen, and `updated` moves.
    """
    found = first_newer(parse_date(entry.text("published") or "") for entry in entries)
    if found is not None:
        text, advice = "is newer than the entry before it", "write the newest entry first"
        yield entries[found].finding(text, "RFC 4287 §4.1.1", advice, weight=Weight.OURS)


def _tombstone_findings(feed: Part, ids: frozenset[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for element in feed.children.get(DELETED_ENTRY, ()):
        ref = element.get("ref", "")
        gone = Part(element, {}, "a deleted entry", ref or None)
        if not is_absolute_iri(ref):
            yield gone.finding(f": its ref is no absolute IRI: {ref!r}", "RFC 6721 §3", "write the id of the entry")
        if parse_date(element.get("when", "")) is None:
            advice = "write when it was deleted: 2026-03-01T12:00:00Z"
            yield gone.finding("has no RFC 3339 date with a zone", "RFC 6721 §3", advice)
        if ref in ids:
            text = "stands in the feed and is said to be deleted"
            yield Part(element, {}, "an entry", ref).finding(text, "RFC 6721 §3", "keep one of the two", weight=Weight.OURS)
        if ref in seen:
            yield gone.finding("is said to be deleted twice", "RFC 6721 §3", "keep the newest", weight=Weight.OURS)
        seen.add(ref)


def _updated_findings(feed: Part, updated: Sequence[str]) -> Iterator[Finding]:
    texts = [*updated, *(element.get("when", "") for element in feed.children.get(DELETED_ENTRY, ()))]
    dates = [date for text in texts if (date := parse_date(text)) is not None]
    own = parse_date(feed.text("updated") or "")
    if dates and own is not None and own != max(dates):
        text = ": its updated is not that of its newest entry or deletion"
        advice = f"write {max(dates).astimezone(UTC).isoformat()}; it is no date of the building"
        yield feed.finding(text, "RFC 4287 §4.2.15", advice, at=feed.children["updated"][0], weight=Weight.OURS)
