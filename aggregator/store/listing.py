"""What lists of entries are made of, asked of the state's index: how many there are in each month, and one list's rows.

A part of `State`. A list is that of some categories, as stored, or of one source; never of a post that is kept no longer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from aggregator.model.changes import PostRow
from aggregator.store.queries import chunks
from aggregator.store.tables import categories_of, categories_table, category_text, entries_table, live, row_of

_DAY = 86400
_SPANS = 200  #: in one statement: SQLite joins no more than 500 parts
#: Days that make every date a positive number: division rounds towards zero.
_SHIFT = _DAY * 800_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Entries of one day, of one category or source."""

    category: tuple[str, ...]  #: as stored
    first: int  #: date of the earliest of them, in seconds since the epoch
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose entries a list shows, and from when: seconds since the epoch, `until` is not part of it."""

    categories: Sequence[tuple[str, ...]] = ()  #: as stored
    source_id: str | None = None  #: of this source instead, whatever the category
    since: int | None = None
    until: int | None = None


class Listing:
    """Each method is one named operation and one transaction."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """Take what opens a transaction."""
        self._transaction = transaction

    def bounds(self) -> tuple[int, int, int] | None:
        """Return dates that no entry is earlier and later than, and how many categories there are; None: there is no entry."""
        own = entries_table.c.category == categories_table.c.category
        ends = [sa.select(pick(entries_table.c.date)).where(own).scalar_subquery() for pick in (sa.func.min, sa.func.max)]
        with self._transaction() as run:
            found = [
                (first, last)
                for first, last in run.execute(sa.select(*ends).select_from(categories_table))
                if first is not None
            ]
        return (min(first for first, _ in found), max(last for _, last in found), len(found)) if found else None

    def counts(self, spans: Sequence[tuple[int, int]]) -> dict[tuple[str, ...], list[int]]:
        """Return how many entries each category has in each of these spans, which follow each other: from, until.

        The index alone is asked, which holds posts that are kept no longer as well: where there are any, they are taken off.
        """
        found: dict[tuple[str, ...], list[int]] = defaultdict(list)
        with self._transaction() as run:
            for portion in (spans[start : start + _SPANS] for start in range(0, len(spans), _SPANS)):
                for text, _, number in run.execute(_counted(portion)):
                    found[categories_of(text)].append(number)
            gone = sa.select(entries_table.c.category, entries_table.c.date).where(~live)
            if run.execute(sa.select(sa.func.count()).select_from(entries_table).where(~live)).scalar():
                begins = [begin for begin, _ in spans]
                for text, date in run.execute(gone):
                    found[categories_of(text)][bisect_right(begins, date) - 1] -= 1
        return {category: numbers for category, numbers in found.items() if any(numbers)}

    def tallies(self, turns: Sequence[int]) -> list[Tally]:
        """Return how many entries each category has a day; days turn at each of these seconds of the UTC day.

        So no month of a zone whose days begin at one of them begins within a day.
        """
        column = entries_table.c
        query = sa.select(column.category, *_DAYS).where(live).group_by(column.category, *_turned(turns))
        with self._transaction() as run:
            found = run.execute(query)
            return [Tally(category=categories_of(text), first=first, number=number) for text, first, number in found]

    def tallies_of(self, source_id: str, turns: Sequence[int]) -> list[tuple[int, int]]:
        """Return the same of one source: the earliest date of each day, and how many entries."""
        query = sa.select(*_DAYS).where(entries_table.c.source_id == source_id, live).group_by(*_turned(turns))
        with self._transaction() as run:
            return [(first, number) for first, number in run.execute(query)]

    def tallies_by_source(self, turns: Sequence[int]) -> dict[str, list[tuple[int, int]]]:
        """Return the same of every source that any entry is of."""
        column = entries_table.c
        found: dict[str, list[tuple[int, int]]] = {}
        with self._transaction() as run:
            query = sa.select(column.source_id, *_DAYS).where(live).group_by(column.source_id, *_turned(turns))
            for source_id, first, number in run.execute(query):
                found.setdefault(source_id, []).append((first, number))
        return found

    def rows(self, wanted: Wanted, limit: int, *, skipped: int = 0, oldest_first: bool = False) -> list[PostRow]:
        """Return the entries of a list, newest first or oldest first, ties by key."""
        column = entries_table.c
        order = (column.date, column.key) if oldest_first else (column.date.desc(), column.key.desc())
        found: list[PostRow] = []
        conditions = _conditions(wanted)
        whole = len(conditions) == 1
        with self._transaction() as run:
            for condition in conditions:
                query = sa.select(entries_table).where(condition, live).order_by(*order)
                query = query.limit(limit).offset(skipped) if whole else query.limit(limit + skipped)
                found += [row_of(row) for row in run.execute(query)]
        if whole:
            return found
        found.sort(key=lambda row: (row.date, row.key), reverse=not oldest_first)
        return found[skipped : skipped + limit]

    def behind(self, categories: Sequence[tuple[str, ...]], after: tuple[int, str] | None, limit: int) -> list[PostRow]:
        """Return the entries of categories from the oldest on, those behind a date and key: to read many in portions."""
        column = entries_table.c
        found: list[PostRow] = []
        with self._transaction() as run:
            for condition in _conditions(Wanted(categories=categories, since=after[0] if after is not None else None)):
                query = sa.select(entries_table).where(condition, live)
                if after is not None:
                    query = query.where(sa.or_(column.date > after[0], column.key > after[1]))
                found += [row_of(row) for row in run.execute(query.order_by(column.date, column.key).limit(limit))]
        return sorted(found, key=lambda row: (row.date, row.key))[:limit]

    def beside(self, row: PostRow, categories: Sequence[tuple[str, ...]], *, newer: bool) -> PostRow | None:
        """Return the entry next to one, among those of these categories; None at the end."""
        column = entries_table.c
        date = int(row.date.timestamp())
        order: tuple[sa.ColumnElement[Any], ...]
        if newer:
            beyond = sa.or_(column.date > date, sa.and_(column.date == date, column.key > row.key))
            bound, order = column.date >= date, (column.date, column.key)
        else:
            beyond = sa.or_(column.date < date, sa.and_(column.date == date, column.key < row.key))
            bound, order = column.date <= date, (column.date.desc(), column.key.desc())
        found: list[PostRow] = []
        with self._transaction() as run:
            for condition in _conditions(Wanted(categories=categories)):
                query = sa.select(entries_table).where(condition, bound, beyond, live).order_by(*order).limit(1)
                found += [row_of(each) for each in run.execute(query)]
        pick = min if newer else max
        return pick(found, key=lambda each: (each.date, each.key), default=None)

    def keys(self, after: str, limit: int) -> list[str]:
        """Return keys of entries in their order, those behind one: so that all of them are read in portions."""
        query = sa.select(entries_table.c.key).where(live, entries_table.c.key > after).order_by(entries_table.c.key)
        with self._transaction() as run:
            return list(run.execute(query.limit(limit)).scalars())

    def mark(self) -> str:
        """Return what changes with every change of a PostgreSQL database; of a file, its times tell (`opening.file_mark`)."""
        with self._transaction() as run:
            return str(run.execute(sa.text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")).scalar())


def _counted(spans: Sequence[tuple[int, int]]) -> sa.Select[Any]:
    """Return the question how many entries of each category the index has in each span."""
    number = sa.BigInteger()
    each = [
        sa.select(sa.literal_column(str(begin), number).label("begin"), sa.literal_column(str(end), number).label("until"))
        for begin, end in spans
    ]
    span = sa.union_all(*each).cte("spans").c
    column = entries_table.c
    own = (column.category == categories_table.c.category, column.date >= span.begin, column.date < span.until)
    count = sa.select(sa.func.count()).select_from(entries_table).where(*own).scalar_subquery()
    query = sa.select(categories_table.c.category, span.begin, count).select_from(
        sa.join(categories_table, span.begin.table, sa.true())
    )
    return query.order_by(categories_table.c.category, span.begin)


_DAYS = (sa.func.min(entries_table.c.date).label("first"), sa.func.count().label("number"))


def _turned(turns: Sequence[int]) -> list[sa.ColumnElement[Any]]:
    """Return what is alike for entries of one day, for each moment that days turn at."""
    number = sa.BigInteger()
    day = sa.literal_column(str(_DAY), number)
    return [(entries_table.c.date + sa.literal_column(str(_SHIFT - turn), number)) // day for turn in turns]


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Return who is meant, in portions that fit into a statement each."""
    column = entries_table.c
    span = []
    if wanted.since is not None:
        span.append(column.date >= wanted.since)
    if wanted.until is not None:
        span.append(column.date < wanted.until)
    if wanted.source_id is not None:
        return [sa.and_(column.source_id == wanted.source_id, *span)]
    texts = [category_text(category) for category in wanted.categories]
    return [sa.and_(column.category.in_(portion), *span) for portion in chunks(texts)]
