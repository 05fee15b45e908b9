"""A list of feeds and a configuration -> what is added to it: for each line new, already there, merged, or refused and why.

Pure: nothing is looked up, asked or written. The same list and configuration give the same ids; a list that was imported once
adds nothing the second time, since sources are known by address, never by title.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from aggregator.catalogue import DEFAULT_CATEGORY, Catalogue, RefusedError, address_key, take_address
from aggregator.model.hosts import is_private_host
from aggregator.model.settings import Settings, join_category
from aggregator.parse.opml_outline import FeedOutline
from aggregator.settings.kinds import LANGUAGE, UnfitError, show_duration

NEW = "new"
THERE = "already there"
MERGED = "merged"
REFUSED = "refused"

_MAX_EVERY = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What becomes of one line of the list."""

    line: int
    what: str  #: NEW, THERE, MERGED or REFUSED
    address: str  #: as configured, or as it stands in the list; may hold secrets
    id: str | None = None  #: of the source that stands for it; None where it is refused
    categories: tuple[str, ...] = ()
    title: str | None = None
    why: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do."""

    rows: tuple[Row, ...]  #: in the order of the list
    sources: Mapping[str, Mapping[str, Any]]  #: what is added, as it stands in YAML, by id
    home: tuple[str, ...]  #: the category of feeds that stand in no folder
    homeless: int = 0  #: new sources that went there


def plan_import(
    feeds: Iterable[FeedOutline],
    settings: Settings,
    bases: Mapping[str, tuple[str, ...]],
    *,
    category: tuple[str, ...] = DEFAULT_CATEGORY,
) -> Plan:
    """Decide about every feed of a list; `category` takes those without a folder, `bases` are the configured instances."""
    planner = _Planner(settings, bases, category)
    rows = tuple(planner.decide(feed) for feed in feeds)
    return Plan(rows=rows, sources=planner.sources, home=category, homeless=planner.homeless)


class _Planner:
    """Decides line by line; what was decided before counts."""

    def __init__(self, settings: Settings, bases: Mapping[str, tuple[str, ...]], category: tuple[str, ...]) -> None:
        self._bases = bases
        self._category = category
        self._there = Catalogue(settings)
        self._first: dict[str, Row] = {}  #: by address: the line that was taken
        self.sources: dict[str, dict[str, Any]] = {}
        self.homeless = 0

    def decide(self, feed: FeedOutline) -> Row:
        """Return what becomes of one line, and note what it adds."""
        notes = list(feed.notes)
        try:
            address, keys = self._address(feed, notes)
            known = self._there.find(keys)
            if known is not None:
                return Row(
                    line=feed.line, what=THERE, address=address, id=known.name, categories=known.categories, title=feed.title
                )
            first = next((self._first[key] for key in keys if key in self._first), None)
            if first is not None:
                return _merged(feed, address, first)
            row = self._add(feed, address, notes)
        except RefusedError as reason:
            return Row(line=feed.line, what=REFUSED, address=feed.address, title=feed.title, why=str(reason))
        self._first |= dict.fromkeys(keys, row)
        return row

    def _address(self, feed: FeedOutline, notes: list[str]) -> tuple[str, tuple[str, ...]]:
        """Return the address to configure and the keys of all that it stands for."""
        if not feed.address:
            raise RefusedError("names no address (xmlUrl)")
        if feed.refused is not None:
            raise RefusedError(feed.refused)
        address, found = take_address(feed.address, self._bases, notes)
        if address[:4].lower() == "http" and _is_private(found[0]):
            notes.append("a private address: it is polled only where allow_private names it")
        return address, tuple(map(address_key, found))

    def _add(self, feed: FeedOutline, address: str, notes: list[str]) -> Row:
        categories = self._there.fit(feed.folders or self._category, notes)
        name = self._there.free_id(feed.title, address)
        self.sources[name] = {"feed": address, **_settings_of(feed, notes), "categories": list(categories)}
        self.homeless += not feed.folders
        return Row(
            line=feed.line,
            what=NEW,
            address=address,
            id=name,
            categories=categories,
            title=feed.title,
            notes=tuple(notes),
        )


def _merged(feed: FeedOutline, address: str, first: Row) -> Row:
    why = f"the same address as line {first.line}"
    if feed.folders and feed.folders != first.categories:
        why += f", which stands in {join_category(first.categories)}"
    return Row(
        line=feed.line, what=MERGED, address=address, id=first.id, categories=first.categories, title=feed.title, why=why
    )


def _settings_of(feed: FeedOutline, notes: list[str]) -> dict[str, Any]:
    """Return what the list says of a feed and a source can be told."""
    found: dict[str, Any] = {}
    if feed.title is not None:
        found["title"] = feed.title
    if feed.every is not None:
        if feed.every <= _MAX_EVERY:
            found["every"] = show_duration(feed.every)
        else:
            notes.append("its interval is longer than a year and not taken over")
    if feed.language is not None:
        try:
            found["language"] = LANGUAGE.parse(feed.language.replace("_", "-"))
        except UnfitError:
            notes.append("its language is no language tag and not taken over")
    if feed.paused:
        found["paused"] = True
    return found


def _is_private(address: str) -> bool:
    """Tell whether an address leads to nobody but ourselves, as far as its spelling shows."""
    return is_private_host(urlsplit(address).hostname or "")
