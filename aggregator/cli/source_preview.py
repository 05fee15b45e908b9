"""One answer of an upstream -> what a person should know before it becomes a source. Pure; every text can be shown as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aggregator.catalogue import address_key
from aggregator.cli.foreign import shown_address, shown_text
from aggregator.model.changes import Changes, Skipped
from aggregator.model.fetched import Fetched
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.pipeline.finished import answered, body_hash
from aggregator.pipeline.jobs import Examined, ExaminedEntry
from aggregator.schedule import describe, freshness, next_poll

NEWEST = 3  #: entries that are shown
_COLUMNS = 76
#: feedparser's words for versions, as people say them.
_FORMATS = {
    "atom": "Atom",
    "atom01": "Atom 0.1",
    "atom02": "Atom 0.2",
    "atom03": "Atom 0.3",
    "atom10": "Atom 1.0",
    "cdf": "CDF",
    "json1": "JSON Feed 1",
    "json11": "JSON Feed 1.1",
    "rss": "RSS",
    "rss090": "RSS 0.90",
    "rss091n": "RSS 0.91",
    "rss091u": "RSS 0.91",
    "rss092": "RSS 0.92",
    "rss093": "RSS 0.93",
    "rss094": "RSS 0.94",
    "rss10": "RSS 1.0",
    "rss20": "RSS 2.0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry of the feed."""

    title: str
    date: datetime | None
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a feed looks like, and how it would be polled."""

    title: str | None
    format: str
    site: str | None
    entries: int
    language: str | None
    etag: bool
    last_modified: bool
    fresh_seconds: int | None  #: what the server asks not to be disturbed for
    polled: str  #: the interval that would count, and why
    newest: tuple[Line, ...]
    notes: tuple[str, ...]


def preview(source: Source, answer: Fetched, found: Examined, now: datetime) -> Preview:
    """Return what is told of a feed; `found` holds its newest entries, normalised."""
    parsed, feed = found.parsed, found.feed
    if parsed is None or feed is None:
        raise ValueError("only a feed has a preview")
    changes = Changes(
        source_id=source.id,
        feed_title=feed.title,
        feed_link=feed.link,
        format=parsed.format,
        hints=parsed.hints,
        complete=parsed.complete,
    )
    before = SourceState(id=source.id)
    state = answered(source, before, answer, changes, began=now, now=now, hashed=body_hash(answer)).state
    fresh = freshness(answer.headers, now)
    return Preview(
        title=shown_text(parsed.title.value, _COLUMNS) if parsed.title is not None else None,
        format=format_name(parsed.format),
        site=shown_address(feed.link) if feed.link else None,
        entries=found.count,
        language=shown_text(parsed.language, 20) if parsed.language else None,
        etag=answer.validators.etag is not None,
        last_modified=answer.validators.last_modified is not None,
        fresh_seconds=round(fresh.total_seconds()) if fresh is not None else None,
        polled=next_poll(source, state).reason,
        newest=tuple(_line(each) for each in found.entries[:NEWEST]),
        notes=tuple(shown_text(note, 400) for note in _notes(source, answer, found)),
    )


def _line(found: ExaminedEntry) -> Line:
    entry = found.entry
    if entry is None or isinstance(entry, Skipped):
        why = entry.reason if entry is not None else "not read"
        return Line(title=shown_text(f"(left out: {why})", _COLUMNS), date=None, link=None)
    link = shown_address(entry.link) if entry.link else None
    return Line(title=shown_text(entry.title, _COLUMNS), date=entry.published, link=link)


def _notes(source: Source, answer: Fetched, found: Examined) -> Iterator[str]:
    """Yield what a person might want to act upon; none of it is acted upon here."""
    asked, final = answer.address, answer.final_address
    if answer.permanent_address is not None:
        yield (
            f"the address leads for good to {shown_address(answer.permanent_address)}: "
            "sync asks there once that has held for two days"
        )
    elif _key(final) != _key(asked):
        yield f"the address leads to {shown_address(final)} for now"
    if found.parsed is None:
        return
    hints = found.parsed.hints
    own = {_key(each) for each in (*source.addresses, asked, final)}
    if hints.self_link and _key(hints.self_link) not in own:
        yield f"the feed calls itself {shown_address(hints.self_link)} (rel=self): add that one instead if it is the right one"
    if hints.new_feed_url and _key(hints.new_feed_url) not in own:
        yield f"the feed says that its address is now {shown_address(hints.new_feed_url)} (itunes:new-feed-url)"
    if answer.note:
        yield answer.note
    yield from found.parsed.warnings


def _key(address: str) -> str:
    """Return `address_key`, or the text itself where a feed gives one that cannot be taken apart."""
    try:
        return address_key(address)
    except ValueError:
        return address


def lines_of(shown: Preview, address: str) -> Iterator[str]:
    """Yield the preview as a block of lines."""
    yield f"feed      {shown_address(address)}"
    yield f"title     {shown.title or 'none'}"
    language = f", language {shown.language}" if shown.language else ""
    yield f"format    {shown.format}, {count_entries(shown.entries)}{language}"
    if shown.site:
        yield f"site      {shown.site}"
    yield f"server    {_server(shown)}"
    yield f"polled    {shown.polled}"
    for number, line in enumerate(shown.newest):
        date = f"{line.date.astimezone():%Y-%m-%d %H:%M}" if line.date is not None else "no date         "
        yield f"{'newest' if not number else '':<10}{date}  {line.title}"
        if line.link:
            yield f"{'':<28}{line.link}"
    for note in shown.notes:
        yield f"note      {note}"


def format_name(word: str) -> str:
    """Return what people call a format."""
    return _FORMATS.get(word, word)


def count_entries(number: int) -> str:
    """Return `1 entry`, `2 entries`."""
    return "no entries yet" if not number else "1 entry" if number == 1 else f"{number:,} entries"


def _server(shown: Preview) -> str:
    names = [name for name, given in (("ETag", shown.etag), ("Last-Modified", shown.last_modified)) if given]
    if names:
        text = f"{' and '.join(names)}, so that an unchanged feed is not sent again"
    else:
        text = "no validators, so that every poll costs it the whole feed"
    if shown.fresh_seconds:
        text += f"; fresh for {describe(timedelta(seconds=shown.fresh_seconds))}"
    return text


def plain(shown: Preview) -> dict[str, Any]:
    """Return the preview as data."""
    return {
        "title": shown.title,
        "format": shown.format,
        "site": shown.site,
        "entries": shown.entries,
        "language": shown.language,
        "etag": shown.etag,
        "last_modified": shown.last_modified,
        "fresh_seconds": shown.fresh_seconds,
        "polled": shown.polled,
        "newest": [
            {"title": line.title, "date": line.date.isoformat() if line.date else None, "link": line.link}
            for line in shown.newest
        ],
        "notes": list(shown.notes),
    }
