"""Which entries the archives of the feeds hold, in the state: one bit for each level of an entry's category. A part of `State`.

Only a help to find what is not archived yet: the pages on disk are the record, and whoever doubts reads them. A bit is also set
for an entry that cannot be published, so that it is not tried again each day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from sys import intern

import sqlalchemy as sa

from aggregator.store.queries import chunks
from aggregator.store.tables import categories_of, category_text, entries_table, live


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The posts of one category that are archived in the same feeds."""

    category: tuple[str, ...]  #: as stored
    bits: int
    number: int
    oldest: int  #: date, in seconds since the epoch
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One post, as far as archives ask."""

    key: str
    source_id: str
    entry_id: str
    date: int  #: seconds since the epoch
    bits: int


class Archived:
    """Each method is one named operation and one transaction."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """Take what opens a transaction."""
        self._transaction = transaction

    def tallies(self) -> list[Tally]:
        """Return how many posts of each category are archived where."""
        column = entries_table.c
        span = (
            sa.func.count().label("number"),
            sa.func.min(column.date).label("oldest"),
            sa.func.max(column.date).label("newest"),
        )
        query = sa.select(column.category, column.archived, *span).where(live).group_by(column.category, column.archived)
        with self._transaction() as run:
            return [
                Tally(
                    category=categories_of(row.category),
                    bits=row.archived,
                    number=row.number,
                    oldest=row.oldest,
                    newest=row.newest,
                )
                for row in run.execute(query)
            ]

    def posts(self, leaf: tuple[str, ...]) -> Iterator[Stored]:
        """Yield every post whose category is exactly this path."""
        column = entries_table.c
        wanted = (column.key, column.source_id, column.entry_id, column.date, column.archived)
        query = sa.select(*wanted).where(column.category == category_text(leaf), live).order_by(column.date, column.key)
        with self._transaction() as run:
            for key, source_id, entry_id, date, bits in run.execution_options(yield_per=1000).execute(query):
                # Of years of posts every one is held at once: they have few sources, whose names are kept once.
                yield Stored(key=key, source_id=intern(source_id), entry_id=entry_id, date=date, bits=bits)

    def newest(self, leaf: tuple[str, ...], limit: int) -> list[int]:
        """Return the dates of the newest posts whose category is exactly this path, newest first."""
        column = entries_table.c
        query = sa.select(column.date).where(column.category == category_text(leaf), live)
        with self._transaction() as run:
            return list(run.execute(query.order_by(column.date.desc(), column.key.desc()).limit(limit)).scalars())

    def mark(self, keys: Sequence[str], level: int) -> None:
        """Note that nothing is left to do for these posts in the archive of the feed so many levels deep."""
        self._set(keys, entries_table.c.archived.bitwise_or(1 << level))

    def unmark(self, keys: Sequence[str], level: int) -> None:
        """Note that these posts wait to be archived there."""
        self._set(keys, entries_table.c.archived.bitwise_and(~(1 << level)))

    def _set(self, keys: Sequence[str], value: sa.ColumnElement[int]) -> None:
        if not keys:
            return
        with self._transaction() as run:
            for chunk in chunks(keys):
                run.execute(sa.update(entries_table).where(entries_table.c.key.in_(chunk)).values(archived=value))
