"""A feed's frame and its entries -> the bytes of an Atom document (RFC 4287).

Pure and byte-stable: the same entries in any order give the same bytes, whenever they are built. No clock (feedgen
would take it), no version in the generator (an upgrade would rewrite every feed). An entry that cannot be published is
left out with its reason; it never costs the feed. Lines are indented, so that a feed in version control changes by its
news.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator
from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.entry import Entry, Person
from aggregator.model.key import atom_id
from aggregator.model.output import Built, LeftOut, OutputEntry, OutputFeed, Tombstone
from aggregator.publish import podcast
from aggregator.publish.addresses import OPML_PATH, public_url
from aggregator.publish.gate import find_refusal
from aggregator.publish.history import ArchiveExtension
from aggregator.publish.links import AtomSource, EntryRepair
from aggregator.publish.look import LookExtension, with_style
from aggregator.publish.select import fit, order_entries, published_id
from aggregator.publish.tombstones import TombstoneExtension, choose_tombstones

GENERATOR = "feed-aggregator"
#: Of an entry in the document; what stands within one has its `<` escaped.
_ENTRY_START = re.compile(rb"^  <entry(?=[ />])", re.MULTILINE)
#: atom:updated is required (§4.1.1) also of a feed that holds nothing yet, and it must not be the clock.
_EMPTY_UPDATED = datetime(1970, 1, 1, tzinfo=UTC)


def build_feed(
    frame: OutputFeed,
    entries: Sequence[OutputEntry],
    *,
    source_order: Mapping[str, int],
    tombstones: Sequence[Tombstone] = (),
) -> Built:
    """Build the feed of the newest entries that pass the gate, within the frame's limits, and say what is gone (RFC 6721).

    `source_order` is each source's position in the config. Raises: PublishError if the frame itself cannot be written.
    """
    passed, left_out = render_entries(frame, entries, source_order=source_order, at_most=frame.max_entries)
    try:
        gone = choose_tombstones(tombstones, {published_id(rendered.item) for rendered in passed})
        content, kept = _within_bytes(frame, passed, gone)
    except (ValueError, TypeError) as error:
        message = f"{frame.path}: the feed's own title, author or address cannot be written: {error}"
        raise PublishError(message, output=frame.path) from error
    cut = len(kept) < len(passed) or len(entries) >= frame.max_entries
    return Built(
        content=content,
        ids=tuple(published_id(rendered.item) for rendered in kept),
        updated=_newest(kept, gone),
        floor=kept[-1].item.entry.date if cut and kept else None,
        left_out=tuple(left_out),
        entries=tuple(rendered.item for rendered in kept),
    )


def render_entries(
    frame: OutputFeed, entries: Sequence[OutputEntry], *, source_order: Mapping[str, int], at_most: int
) -> tuple[list[Rendered], list[LeftOut]]:
    """Return the newest entries that pass the gate as feedgen writes them, newest first, and what was left out."""
    # Judged before their ids are compared: what cannot be published must not keep out what can.
    judged = [(item, _refusal(item)) for item in entries]
    ordered = order_entries((item for item, refusal in judged if refusal is None), source_order)
    left_out = [refusal for _, refusal in judged if refusal is not None] + list(ordered.left_out)
    scheme = category_scheme(frame)
    passed: list[Rendered] = []
    for item in ordered.entries:
        if len(passed) == at_most:
            break
        rendered = _render(item, scheme)
        if isinstance(rendered, LeftOut):
            left_out.append(rendered)
        else:
            passed.append(rendered)
    return passed, left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An entry as feedgen made it; stands in for feedgen's own entry, so that it is made once."""

    item: OutputEntry
    element: etree._Element

    def atom_entry(self) -> etree._Element:
        """Return what feedgen would make anew whenever it writes the feed."""
        return self.element

    def register_extension(self, *_: object, **__: object) -> None:
        """Pass over what feedgen hands on to every entry: extensions of the feed have no part in one that is made already."""


def _within_bytes(frame: OutputFeed, passed: Sequence[Rendered], gone: Sequence[Tombstone]) -> tuple[bytes, Sequence[Rendered]]:
    """Return the document of as many of the newest entries as fit, and those entries."""
    content = render_document(frame, passed, gone)
    if len(content) <= frame.max_bytes:
        return content, passed
    sizes = entry_sizes(content)
    kept = passed[: fit(sizes, frame.max_bytes - (len(content) - sum(sizes)))]
    return render_document(frame, kept, gone), kept


def entry_sizes(content: bytes) -> list[int]:
    """Return how many bytes of a document each entry takes: as it stands there, for outside it namespaces are declared anew."""
    starts = [found.start() for found in _ENTRY_START.finditer(content)]
    ends = [*starts, content.rindex(b"</feed>")][1:]
    return [end - start for start, end in zip(starts, ends, strict=True)]


def _newest(entries: Sequence[Rendered], gone: Sequence[Tombstone]) -> datetime | None:
    """Return the feed's `updated` (§4.2.15), or None for an empty one."""
    dates = (*(updated_of(rendered.item.entry) for rendered in entries), *(tombstone.at for tombstone in gone))
    return max(dates, default=None)


def render_document(frame: OutputFeed, entries: Sequence[Rendered], gone: Sequence[Tombstone] = ()) -> bytes:
    """Return the bytes of the feed with just these entries, in their order. Raises: ValueError, TypeError."""
    feed = FeedGenerator()
    feed.id(frame.id)
    feed.title(frame.title)
    feed.updated(_newest(entries, gone) or _EMPTY_UPDATED)
    feed.author({"name": frame.author})
    feed.link(
        [
            {"href": frame.self_link, "rel": "self", "type": "application/atom+xml"},
            {"href": frame.page_link, "rel": "alternate", "type": "text/html"},
            *({"href": hub, "rel": "hub"} for hub in frame.hubs),
            *_chain_links(frame),
        ]
    )
    feed.generator(GENERATOR)
    if frame.icon is not None:
        feed.icon(frame.icon)
    if frame.logo is not None:
        feed.logo(frame.logo)
    if frame.language is not None:
        feed.language(frame.language)
    feed.register_extension("look", LookExtension, None, atom=True, rss=False)
    feed.look.fill(frame)
    if frame.current is not None:
        feed.register_extension("history", ArchiveExtension, None, atom=True, rss=False)
    if gone:
        feed.register_extension("tombstones", TombstoneExtension, None, atom=True, rss=False)
        feed.tombstones.fill(gone)
    if any(entry.item.entry.episode is not None for entry in entries):
        feed.register_extension("podcast_namespace", podcast.PodcastNamespace, None, atom=True, rss=False)
    for entry in entries:
        feed.add_entry(entry, order="append")
    return with_style(feed.atom_str(pretty=True), frame)


def _chain_links(frame: OutputFeed) -> list[dict[str, str]]:
    """Return the links between a live feed and its archive pages (RFC 5005 §4).

    No next-archive: it would have to be put into a page that is closed.
    """
    links = {"current": frame.current, "prev-archive": frame.prev_archive}
    return [
        {"href": address, "rel": relation, "type": "application/atom+xml"}
        for relation, address in links.items()
        if address is not None
    ]


def _refusal(item: OutputEntry) -> LeftOut | None:
    """Return why the gate keeps the entry out, or None."""
    try:
        reason = find_refusal(item)
    except (ValueError, TypeError) as error:  # not what the types promise; the other entries must not pay for that
        reason = f"it cannot be written as Atom: {error}"
    if reason is None:
        return None
    return LeftOut(key=item.key, source_id=item.entry.source_id, title=item.entry.title, reason=reason)


def _render(item: OutputEntry, scheme: str) -> Rendered | LeftOut:
    """Return the entry as feedgen writes it, or why it stays out."""
    try:
        return Rendered(item=item, element=_feed_entry(item, scheme).atom_entry())
    except (ValueError, TypeError) as error:  # not what the types promise; the other entries must not pay for that
        reason = f"it cannot be written as Atom: {error}"
    return LeftOut(key=item.key, source_id=item.entry.source_id, title=item.entry.title, reason=reason)


def _feed_entry(item: OutputEntry, scheme: str) -> FeedEntry:
    entry = item.entry
    made = FeedEntry()
    made.id(published_id(item))
    made.title(entry.title)
    made.updated(updated_of(entry))
    made.author([_person(person) for person in entry.authors] or {"name": entry.author or entry.feed.title})
    if entry.content:
        made.content(entry.content, type="html")
    made.link(_links(entry))
    if entry.summary is not None:
        made.summary(entry.summary)
    made.category(_categories(entry, scheme))
    if entry.published is not None:
        made.published(entry.published.astimezone(UTC))
    if entry.rights is not None:
        made.rights(entry.rights)
    made.register_extension("repair", EntryRepair, atom=True, rss=False)
    made.repair.fill(links=made.link(), source=_source(entry), language=entry.language, episode=podcast.elements(entry))
    return made


def updated_of(entry: Entry) -> datetime:
    """Return §4.2.15's instant: upstream's claim, else the date; never earlier than that, which a hand may have moved."""
    return max(entry.updated or entry.date, entry.date).astimezone(UTC)


def _person(person: Person) -> dict[str, str]:
    fields = {"name": person.name, "uri": person.uri, "email": person.email}
    return {name: value for name, value in fields.items() if value is not None}


def _links(entry: Entry) -> list[dict[str, str]]:
    """Return the links by relation (§4.2.7.2).

    `via` names the origin for readers that merge feeds: the original article, else the source's page.
    """
    links: list[dict[str, str]] = []
    if entry.link is not None:
        links.append({"href": entry.link, "rel": "alternate"})
    origin = entry.link or entry.feed.link
    if origin is not None:
        links.append({"href": origin, "rel": "via", "title": entry.feed.title})
    for enclosure in entry.enclosures:
        link = {"href": enclosure.href, "rel": "enclosure", "type": enclosure.type, "title": enclosure.title}
        link["length"] = None if enclosure.length is None else str(enclosure.length)
        links.append({name: value for name, value in link.items() if value is not None})
    return links


def _categories(entry: Entry, scheme: str) -> list[dict[str, str]]:
    """Return our category, told apart by its scheme, then upstream's tags as they came (§4.2.2)."""
    ours = {"term": "/".join(entry.categories), "scheme": scheme, "label": " / ".join(entry.categories)}
    theirs = ({"term": tag.term, "scheme": tag.scheme, "label": tag.label} for tag in entry.tags)
    return [ours, *({name: value for name, value in tag.items() if value is not None} for tag in theirs)]


def category_scheme(frame: OutputFeed) -> str:
    """Return the IRI of our category names: the list of our feeds, which is where they are defined."""
    below = quote(frame.path, safe="/")
    site = frame.self_link.removesuffix(below)
    return public_url(site, OPML_PATH) if site != frame.self_link else frame.page_link


def _source(entry: Entry) -> AtomSource:
    """Return atom:source; its `updated` is the entry's own, or every entry would change with each poll."""
    return AtomSource(
        id=entry.feed.id or atom_id(entry.source_id, ""),
        title=entry.feed.title,
        updated=updated_of(entry).isoformat(),
        link=entry.feed.link,
        rights=entry.feed.rights,
    )
