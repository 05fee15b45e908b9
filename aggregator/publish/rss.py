"""A feed that was built -> the same feed as RSS 2.0. Pure and byte-stable.

Written with lxml and not with feedgen, which knows neither half of these elements nor an empty feed without the clock
(decision 17). Where RSS 2.0 has no word of its own, well-known modules have: dc (creator, language, rights), content
(encoded), atom (the feed's id and address, updated, further enclosures).

- `guid` is the very atom:id and no permalink, so an entry is the same in every format.
- HTML stands in `description` where there is nothing else to say, since every reader reads that; where there is a summary,
  that is the description and the HTML follows in `content:encoded`, which readers prefer (RSS profile of the RSS Advisory
  Board). A description is HTML, so the plain text of a summary is escaped for it.
- `title` is plain text, as the board's profile has it.
- `source` leads to the source's page: the address that we poll is nobody's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.entry import Enclosure, Entry
from aggregator.model.output import Built, OutputEntry, OutputFeed, Twin
from aggregator.publish import podcast
from aggregator.publish.atom import GENERATOR, category_scheme, updated_of
from aggregator.publish.look import NAMESPACE as XHTML
from aggregator.publish.look import make_header, with_style
from aggregator.publish.media_types import media_type
from aggregator.publish.select import published_id

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
TYPE = "application/rss+xml"
_NAMESPACES = {"atom": ATOM, "content": CONTENT, "dc": DC, "h": XHTML}
#: What `docs` of a channel is to lead to.
_DOCS = "https://www.rssboard.org/rss-specification"


def build_rss(twin: Twin, frame: OutputFeed, built: Built) -> bytes:
    """Return the document. Raises: PublishError if a title or an address cannot be written as XML."""
    try:
        return _document(twin, frame, built)
    except (ValueError, TypeError) as error:
        raise PublishError(f"{twin.path}: the feed cannot be written as RSS: {error}", output=frame.path) from error


def rss_date(date: datetime) -> str:
    """Return the instant as RSS writes it (RFC 822 with a year of four digits)."""
    return format_datetime(date.astimezone(UTC), usegmt=True)


def _document(twin: Twin, frame: OutputFeed, built: Built) -> bytes:
    episodes = [item.entry.episode for item in built.entries if item.entry.episode is not None]
    root = etree.Element("rss", {"version": "2.0"}, _NAMESPACES | ({podcast.PREFIX: podcast.NAMESPACE} if episodes else {}))
    channel = etree.SubElement(root, "channel")
    _add(channel, "title", frame.title)
    _add(channel, "link", frame.page_link)
    _add(channel, "description", escape(frame.title, quote=False))  # required, and there is no more to say
    if frame.language is not None:
        _add(channel, "language", frame.language)
    if built.updated is not None:
        _add(channel, "lastBuildDate", rss_date(built.updated))
    _add(channel, "generator", GENERATOR)
    _add(channel, "docs", _DOCS)
    if frame.ttl is not None:
        _add(channel, "ttl", str(frame.ttl))
    _add(channel, f"{{{ATOM}}}id", frame.id)
    etree.SubElement(channel, f"{{{ATOM}}}link", {"href": twin.self_link, "rel": "self", "type": TYPE})
    for hub in frame.hubs:
        etree.SubElement(channel, f"{{{ATOM}}}link", {"href": hub, "rel": "hub"})
    _add_picture(channel, frame)
    if episodes:
        _add_podcast(channel, frame, [episode.explicit for episode in episodes])
    channel.append(make_header(frame, twin.self_link))
    scheme = category_scheme(frame)
    for item in built.entries:
        _add_item(channel, item, scheme)
    return with_style(etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True), frame)


def _add_picture(channel: etree._Element, frame: OutputFeed) -> None:
    """Add the picture that stands for the feed: RSS knows one, and it may be wide."""
    picture = frame.logo or frame.icon
    if picture is not None:
        image = etree.SubElement(channel, "image")
        for name, text in (("url", picture), ("title", frame.title), ("link", frame.page_link)):  # the board wants both equal
            _add(image, name, text)


def _add_podcast(channel: etree._Element, frame: OutputFeed, explicit: Sequence[bool | None]) -> None:
    """Add what podcast readers ask of a feed with episodes; whether it is for children only if an episode says so."""
    podcast.append(channel, podcast.Element(name="author", text=frame.author))
    if not set(explicit) <= {None}:
        podcast.append(channel, podcast.Element(name="explicit", text=str(any(explicit)).lower()))
    picture = frame.icon or frame.logo  # square
    if picture is not None:
        podcast.append(channel, podcast.Element(name="image", href=picture))


def _add_item(channel: etree._Element, item: OutputEntry, scheme: str) -> None:
    entry = item.entry
    made = etree.SubElement(channel, "item")
    _add(made, "title", entry.title)
    if entry.link is not None:
        _add(made, "link", entry.link)
    _add(made, "guid", published_id(item), isPermaLink="false")
    _add(made, "pubDate", rss_date(entry.date))
    updated = updated_of(entry)
    if updated != entry.date:
        _add(made, f"{{{ATOM}}}updated", updated.isoformat())
    # One element for all names: of several, newsboat and lemon24/reader keep the last, most others the first.
    names = [person.name for person in entry.authors] or [entry.author or entry.feed.title]
    _add(made, f"{{{DC}}}creator", ", ".join(names))
    for name, text in _bodies(entry):
        _add(made, name, text)
    _add_categories(made, entry, scheme)
    for number, enclosure in enumerate(entry.enclosures):
        _add_enclosure(made, enclosure, first=number == 0)
    _add_origin(made, entry)
    for element in podcast.elements(entry):
        podcast.append(made, element)


def _add_categories(made: etree._Element, entry: Entry, scheme: str) -> None:
    """Add our category, told apart by its domain, then upstream's tags; RSS has no place for their labels."""
    if (category := "/".join(entry.categories)).strip():
        _add(made, "category", category, domain=scheme)
    for tag in entry.tags:
        _add(made, "category", tag.term, **({} if tag.scheme is None else {"domain": tag.scheme}))


def _add_origin(made: etree._Element, entry: Entry) -> None:
    """Add where the entry comes from, in which language, and what its readers may do with it."""
    if entry.feed.link is not None:
        _add(made, "source", entry.feed.title, url=entry.feed.link)
    else:  # RSS's own needs an address
        _add(made, f"{{{DC}}}source", entry.feed.title)
    if entry.language is not None:
        _add(made, f"{{{DC}}}language", entry.language)
    if (rights := entry.rights or entry.feed.rights) is not None:
        _add(made, f"{{{DC}}}rights", rights)


def _bodies(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield what is to be read of the entry; nothing where only a title and a link are known."""
    if entry.summary is not None:
        yield "description", escape(entry.summary, quote=False)
        if entry.content:
            yield f"{{{CONTENT}}}encoded", entry.content
    elif entry.content:
        yield "description", entry.content


def _add_enclosure(made: etree._Element, enclosure: Enclosure, *, first: bool) -> None:
    """Add an enclosure: RSS readers expect one at most, and all three of its attributes; the others are links of Atom."""
    kind = enclosure.type or media_type(enclosure.href)
    if first:
        length = str(enclosure.length or 0)  # 0 is what the field writes where it is not known
        etree.SubElement(made, "enclosure", {"url": enclosure.href, "length": length, "type": kind})
        return
    facts = {"href": enclosure.href, "rel": "enclosure", "type": kind, "title": enclosure.title}
    facts["length"] = None if enclosure.length is None else str(enclosure.length)
    etree.SubElement(made, f"{{{ATOM}}}link", {name: text for name, text in facts.items() if text})


def _add(parent: etree._Element, name: str, text: str, **attributes: str) -> None:
    etree.SubElement(parent, name, attributes).text = text
