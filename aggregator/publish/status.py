"""Changes of the health of sources <-> the entries of `feeds/status.atom`. Pure.

The file is its own record: what was said stands in it and nowhere else, and is read back before something is added. An
entry's id is made of its source, the kind of change and its instant, so the id alone tells what an entry says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid5

from lxml import etree

from aggregator.model.entry import Entry, Feed, SafeHtml
from aggregator.model.health import Change, Kind
from aggregator.model.key import NAMESPACE, entry_key
from aggregator.model.output import OutputEntry, OutputFeed
from aggregator.publish.document import parse_date, read_document
from aggregator.publish.status_words import html_of, title_of

_ATOM = "{http://www.w3.org/2005/Atom}"
#: What an entry says about how its source is doing; of moves and ids nobody gets ill.
_OF_HEALTH = frozenset({Kind.FAILING, Kind.RECOVERED, Kind.GONE})
_ILL = frozenset({Kind.FAILING, Kind.GONE})
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry:
    """One entry as the file holds it."""

    id: str
    source_id: str
    at: datetime
    title: str
    html: str
    link: str | None
    kind: Kind | None = None  #: None: it is none that this site's ids are made of


def status_entry_id(site_id: str, source_id: str, kind: Kind, at: datetime) -> str:
    """Return the atom:id of a change; the empty part is one that no category has, so it is no other id of this site."""
    return uuid5(NAMESPACE, "\0".join((site_id, "", source_id, kind.value, at.astimezone(UTC).isoformat()))).urn


def read_status(content: bytes, site_id: str) -> tuple[StatusEntry, ...] | None:
    """Return the entries of the file in its order; None if it cannot be read as a feed. What lacks a part is passed over."""
    root = read_document(content)
    if isinstance(root, str):
        return None
    found = (_read(element, site_id) for element in root.iterchildren(f"{_ATOM}entry"))
    return tuple(entry for entry in found if entry is not None)


def said_of(entries: Iterable[StatusEntry]) -> dict[str, StatusEntry]:
    """Return the newest word about each source's health, by source id; later in the order counts less."""
    said: dict[str, StatusEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.at, reverse=True):
        if entry.kind in _OF_HEALTH:
            said.setdefault(entry.source_id, entry)
    return said


def what_is_news(
    changes: Sequence[Change], standing: Sequence[StatusEntry], remembered: Mapping[str, Kind], site_id: str
) -> tuple[StatusEntry, ...]:
    """Return the entries to add: what was not said yet.

    `remembered` says what was said of sources whose entries have left the file: newer ones pushed them out. An instant is
    always later than that of the last word about the same source, also if a clock was set back.
    """
    ids = {entry.id for entry in standing}
    said = said_of(standing)
    added: list[StatusEntry] = []
    for change in changes:
        last = said.get(change.source_id)
        before = last.kind if last is not None else remembered.get(change.source_id)
        if change.kind in _OF_HEALTH:
            if change.kind is before or (change.kind is Kind.RECOVERED and before not in _ILL):
                continue
            at = max(change.at, last.at + _SECOND) if last is not None else change.at
            since = last.at if change.kind is Kind.RECOVERED and last is not None else change.since
            change = replace(change, at=at, since=since)  # noqa: PLW2901 - the same change, dated
        entry = _made(change, site_id)
        if entry.id not in ids:
            ids.add(entry.id)
            added.append(entry)
    return tuple(added)


def now_said(standing: Iterable[StatusEntry], remembered: Mapping[str, Kind]) -> dict[str, Kind]:
    """Return which sources are said to fail or to be gone, from the file, and else from what is remembered."""
    said = {source_id: entry.kind for source_id, entry in said_of(standing).items() if entry.kind is not None}
    return {source_id: kind for source_id, kind in (dict(remembered) | said).items() if kind in _ILL}


def output_entry(entry: StatusEntry, frame: OutputFeed, content: SafeHtml, summary: str | None) -> OutputEntry:
    """Return the entry as feeds are built of them; it comes from this feed itself, so that is its source."""
    return OutputEntry(
        key=entry_key(entry.source_id, entry.id),
        entry=Entry(
            id=entry.id,
            source_id=entry.source_id,
            title=entry.title,
            categories=(entry.source_id,),
            content=content,
            summary=summary,
            published=entry.at,
            first_seen=None,
            author=frame.author,
            link=entry.link,
            feed=Feed(title=frame.title, id=frame.id, link=frame.page_link),
        ),
    )


def _made(change: Change, site_id: str) -> StatusEntry:
    return StatusEntry(
        id=status_entry_id(site_id, change.source_id, change.kind, change.at),
        source_id=change.source_id,
        at=change.at,
        title=title_of(change),
        html=html_of(change),
        link=change.link,
        kind=change.kind,
    )


def _read(element: etree._Element, site_id: str) -> StatusEntry | None:
    category, link = element.find(f"{_ATOM}category"), element.find(f"{_ATOM}link[@rel='alternate']")
    entry_id, title, html = (element.findtext(f"{_ATOM}{name}") for name in ("id", "title", "content"))
    at = parse_date(element.findtext(f"{_ATOM}updated") or "")
    term = category.get("term") if category is not None else None
    if not entry_id or not title or not term or at is None:
        return None
    at = at.astimezone(UTC)
    kinds = {status_entry_id(site_id, term, kind, at): kind for kind in Kind}
    return StatusEntry(
        id=entry_id,
        source_id=term,
        at=at,
        title=title,
        html=html or "",
        link=link.get("href") if link is not None else None,
        kind=kinds.get(entry_id),
    )
