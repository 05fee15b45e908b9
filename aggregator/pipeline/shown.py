"""What is known of a project at one moment, for its pages: made once for each version of state, ledger and configuration.

Everything is asked for when it is first needed and kept: a page of an entry asks for little. Reads only, and takes what cannot
be read for not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from aggregator.health import Health, health
from aggregator.model.changes import PostRow
from aggregator.model.fetched import HostState
from aggregator.model.page import Card, Dot, Link
from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.jobs import posts_place
from aggregator.pipeline.months import month_of, month_span, months_between, turns
from aggregator.pipeline.page_places import CategoryPlace, Leaf, Places
from aggregator.pipeline.shown_posts import Brief
from aggregator.pipeline.state_reader import StateReader
from aggregator.store.ledger import Deleted, Expired, Ledger, Takedown
from aggregator.store.listing import Wanted
from aggregator.store.state import State

Days = Sequence[tuple[int, int]]  #: the earliest date of a day, in seconds since the epoch, and how many entries it has
Placed = Callable[[Settings, Ledger | None, frozenset[Leaf]], Places]
Answer = TypeVar("Answer")
_MOST_COUNTED = 50_000  #: months of categories: a look at the index for each


class Shown:
    """One moment of a project."""

    def __init__(self, settings: Settings, ledger: Ledger | None, reader: StateReader, placed: Placed) -> None:
        """Take the settings that count, and what says where pages are; a ledger that cannot be read is None."""
        self.settings = settings
        self.ledger = ledger
        self.posts = posts_place(settings)
        self._reader = reader
        self._placed = placed
        self._dots: dict[str, Dot] = {}

    @cached_property
    def places(self) -> Places:
        """Return where pages are."""
        return self._placed(self.settings, self.ledger, frozenset(self._months))

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Return the keys of what somebody took out, whatever index and disk still hold of it."""
        lines: Iterable[Deleted | Takedown] = ()
        if self.ledger is not None:
            lines = (*self.ledger.of(Deleted), *self.ledger.of(Takedown))
        return frozenset(line.key for line in lines)

    @cached_property
    def gone(self) -> frozenset[str]:
        """Return the keys of what was there and is no more: taken out, or kept no longer."""
        expired = self.ledger.of(Expired) if self.ledger is not None else ()
        return self.hidden | {line.key for line in expired}

    @cached_property
    def sources(self) -> dict[str, SourceState]:
        """Return what was learned about sources."""
        return self.ask(lambda state: state.sources()) or {}

    @cached_property
    def hosts(self) -> dict[str, HostState]:
        """Return the hosts that want to be left alone."""
        return self.ask(lambda state: state.hosts()) or {}

    @cached_property
    def titles(self) -> dict[str, str]:
        """Return what upstreams call themselves, by source."""
        return {own: state.feed_title for own, state in self.sources.items() if state.feed_title}

    @cached_property
    def failing(self) -> int:
        """Return how many sources fail or are gone."""
        bad = {Health.FAILING, Health.GONE}
        return sum(self.health(source) in bad for source in self.settings.sources)

    def health(self, source: Source) -> Health:
        """Return how a source is doing."""
        return health(source, self.sources.get(source.id) or SourceState(id=source.id))

    def dots(self, sources: Iterable[Source]) -> tuple[Dot, ...]:
        """Return sources in one word each, worst first."""
        order = {word.value: place for place, word in enumerate(Health)}
        return tuple(sorted((self._dot(source) for source in sources), key=lambda dot: order[dot.health]))

    def _dot(self, source: Source) -> Dot:
        if source.id not in self._dots:
            self._dots[source.id] = Dot(source=self.source_link(source.id), health=self.health(source).value)
        return self._dots[source.id]

    def source_link(self, own: str) -> Link:
        """Return how a source is linked."""
        return self.places.source_link(own, self.titles)

    def card(self, row: PostRow, brief: Brief) -> Card:
        """Return an entry as pages show it."""
        return Card(
            key=row.key,
            title=row.title,
            href=f"/e/{row.key}/",
            source=self.source_link(row.source_id),
            date=row.date,
            summary=brief.summary,
            language=brief.language,
            categories=self.places.trail(row.categories),
            audio=brief.audio,
        )

    def rows(self, wanted: Wanted, limit: int, *, skipped: int = 0, oldest_first: bool = False) -> list[PostRow]:
        """Return the entries of a list, those among them that were taken out since: they count until the index forgets them."""
        if not wanted.categories and wanted.source_id is None:
            return []

        def question(state: State) -> list[PostRow]:
            return state.listing.rows(wanted, limit, skipped=skipped, oldest_first=oldest_first)

        return self.ask(question) or []

    def behind(self, categories: Sequence[Leaf], after: tuple[int, str] | None, limit: int) -> list[PostRow]:
        """Return entries of categories from the oldest on, those behind a date and key."""
        return self.ask(lambda state: state.listing.behind(categories, after, limit)) or []

    @property
    def leaves(self) -> Iterable[Leaf]:
        """Return the categories, as stored, that posts stand in."""
        return self._months.keys()

    def found(self, keys: Sequence[str]) -> list[PostRow]:
        """Return those of some entries that are shown, newest first."""
        rows = self.ask(lambda state: state.find(keys)) if keys else None
        return [row for row in rows or () if not row.expired and row.key not in self.hidden]

    def row(self, key: str) -> PostRow | None:
        """Return one entry that is shown."""
        return next(iter(self.found([key])), None)

    def has_expired(self, key: str) -> bool:
        """Tell whether an entry is known and kept no longer."""
        return any(row.expired for row in self.ask(lambda state: state.find([key])) or [])

    def ask(self, question: Callable[[State], Answer]) -> Answer | None:
        """Return what the state answers; None where nothing is known."""
        return self._reader.ask(question)

    def months_of(self, place: CategoryPlace) -> tuple[tuple[str, int], ...]:
        """Return how many entries of a category, and of those below it, each month has, newest first."""
        count: Counter[str] = Counter()
        for leaf in place.leaves:
            count.update(self._months.get(leaf, {}))
        return tuple(sorted(count.items(), reverse=True))

    def days_of_source(self, own: str) -> Days:
        """Return how many entries of a source each day has."""
        zone = turns(self.settings.site.timezone)
        return self.ask(lambda state: state.listing.tallies_of(own, zone)) or []

    def days_by_source(self) -> Mapping[str, Days]:
        """Return the same of each source that any entry is of."""
        zone = turns(self.settings.site.timezone)
        return self.ask(lambda state: state.listing.tallies_by_source(zone)) or {}

    def months(self, days: Days) -> tuple[tuple[str, int], ...]:
        """Return how many entries each month has, newest first."""
        zone = self.settings.site.timezone
        count: Counter[str] = Counter()
        for first, number in days:
            count[month_of(first, zone)] += number
        return tuple(sorted(count.items(), reverse=True))

    def month(self, instant: datetime) -> str:
        """Return the month of an instant, as the site's clock has it."""
        return month_of(instant, self.settings.site.timezone)

    @cached_property
    def _months(self) -> dict[Leaf, dict[str, int]]:
        """Return how many entries each category, as stored, has in each month."""
        bounds = self.ask(lambda state: state.listing.bounds())
        if bounds is None:
            return {}
        zone = self.settings.site.timezone
        first, last, categories = bounds
        names = months_between(first, last, zone, at_most=_MOST_COUNTED // categories)
        if names is None:  # somebody's date is of another age: then all entries are looked at, day by day
            return self._months_by_day()
        spans = [month_span(name, zone) for name in names]
        found = self.ask(lambda state: state.listing.counts(spans)) or {}
        return {leaf: {name: n for name, n in zip(names, numbers, strict=True) if n} for leaf, numbers in found.items()}

    def _months_by_day(self) -> dict[Leaf, dict[str, int]]:
        zone = turns(self.settings.site.timezone)
        found: dict[Leaf, list[tuple[int, int]]] = {}
        for tally in self.ask(lambda state: state.listing.tallies(zone)) or []:
            found.setdefault(tally.category, []).append((tally.first, tally.number))
        return {leaf: dict(self.months(days)) for leaf, days in found.items()}
