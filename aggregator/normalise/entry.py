"""One identified entry -> the Entry that a post is made of, or the reason why there is none.

Which date it gets is chosen in `dating`; without any, the entry is dated by when it was first seen.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape

from aggregator.model.changes import Skipped
from aggregator.model.entry import Entry, Feed, SafeHtml
from aggregator.model.parsed import ParsedEntry
from aggregator.model.source import RightsMode, Source
from aggregator.normalise.address import absolute, choose_link
from aggregator.normalise.body import excerpt, to_content, to_html
from aggregator.normalise.dating import choose_date, date_habits
from aggregator.normalise.episode import to_episode
from aggregator.normalise.fixes import Placeholder, choose_fixes
from aggregator.normalise.identity import Identified
from aggregator.normalise.images import choose_cover
from aggregator.normalise.labels import to_enclosures, to_language, to_people, to_tags
from aggregator.normalise.text import MAX_DERIVED, MAX_SUMMARY, MAX_TITLE, html_to_line, reads_as, shorten, to_line

_SHOWS = re.compile(r"<(?:img|video|audio)[ >]")


def read_content(item: Identified, *, source: Source, address: str) -> SafeHtml | Placeholder:
    """Return the entry's text as safe HTML, all of it: the first and longest step of `normalise_entry`.

    It stands by itself so that a feed's texts can be read one after the other: the processor has this code at hand then.
    """
    entry = item.entry
    base = choose_link(entry, address) or address
    return to_content(entry.content, base=base, document=address, fixes=choose_fixes(source))


def normalise_entry(
    item: Identified,
    *,
    feed: Feed,
    feed_language: str | None,
    source: Source,
    address: str,
    now: datetime,
    content: SafeHtml | Placeholder | None = None,
) -> Entry | Skipped:
    """Return the entry in the model's terms; `address` is the document's, `now` the time of the poll (aware).

    `content` is what `read_content` gave, where that was asked before.
    """
    entry = item.entry
    link = choose_link(entry, address)
    if content is None:
        content = read_content(item, source=source, address=address)
    if isinstance(content, Placeholder):
        return Skipped(entry=item.id, reason=content.reason)
    enclosures = to_enclosures(entry.enclosures, address)
    mode = source.rights.mode
    title = to_line(entry.title)
    text = html_to_line(content) if title is None else None
    if title is None and not text and link is None and not content and not enclosures:
        return Skipped(entry=item.id, reason="no title, no link, no text and no file")
    if title is not None and len(content) < MAX_TITLE * 4 and reads_as(content, title) and not _SHOWS.search(content):
        # Upstream repeats the title where it has no text; a picture beside it is something to see.
        content = SafeHtml("")
    summary = _summary(entry, content, link or address, address)
    cover = _cover(entry, content, address) if mode is not RightsMode.LINK else None
    date = choose_date(entry, date_habits(source), now)
    content, summary = _within_rights(mode, content, summary, link)
    return Entry(
        id=item.id,
        source_id=source.id,
        title=shorten(title, MAX_TITLE) if title else shorten(text or link or item.id, MAX_DERIVED if text else MAX_TITLE),
        categories=source.categories,
        content=content,
        published=date.instant,
        first_seen=None if date.instant else now.astimezone(UTC).replace(microsecond=0),
        feed=feed,
        author=source.author or source.title or feed.title,
        cover=cover or source.cover_fallback,
        link=link,
        updated=date.updated,
        authors=to_people(entry.authors, address),
        tags=to_tags(entry.tags),
        language=to_language(entry.language, feed_language, source.language),
        summary=summary,
        rights=to_line(entry.rights) or feed.rights or source.rights.note,
        enclosures=enclosures if mode is not RightsMode.LINK else (),
        episode=to_episode(entry.episode, address) if mode is not RightsMode.LINK else None,
    )


def _summary(entry: ParsedEntry, content: SafeHtml, base: str, document: str) -> str | None:
    """Return upstream's summary as one line, unless it only repeats the text."""
    if entry.summary is None:
        return None
    summary = html_to_line(to_html(entry.summary, base=base, document=document))
    return shorten(summary, MAX_SUMMARY) if summary and not reads_as(content, summary) else None


def _cover(entry: ParsedEntry, content: SafeHtml, address: str) -> str | None:
    """Return the entry's picture: an image that came with it, else the first one in its text."""
    files = [file.href for file in entry.enclosures if (file.type or "").lower().startswith("image/")]
    candidates = [found for image in (*files, *entry.images) if (found := absolute(image, address)) is not None]
    return choose_cover(candidates, content)


def _within_rights(mode: RightsMode, content: SafeHtml, summary: str | None, link: str | None) -> tuple[SafeHtml, str | None]:
    """Return as much of the text as the owner may republish."""
    if mode is RightsMode.LINK:
        return SafeHtml(""), None
    if mode is RightsMode.EXCERPT:
        return excerpt(content or SafeHtml(escape(summary or "", quote=False)), link), None
    return content, summary
