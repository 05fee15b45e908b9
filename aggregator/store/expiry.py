"""Posts that are kept no longer, in the state: marked, then removed, then missed by no feed. A part of `State`.

Folders and feeds that the state does not know need no word: they are looked at, or written, in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import sqlalchemy as sa

from aggregator.model.changes import PostRow
from aggregator.model.retention import Rank
from aggregator.store.queries import chunks, is_leaving, posts_beyond, posts_leaving, spans
from aggregator.store.tables import EXPIRED, LIVE, MARKED, REMOVED, entries_table, folders_table, live, outputs_table, row_of


class Expiry:
    """Each method is one named operation and one transaction."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """Take what opens a transaction."""
        self._transaction = transaction

    def spans(self) -> dict[str, tuple[datetime, datetime]]:
        """Return the oldest and the newest date of each source's posts."""
        with self._transaction() as run:
            return {
                source_id: (datetime.fromtimestamp(oldest, UTC), datetime.fromtimestamp(newest, UTC))
                for source_id, oldest, newest in run.execute(spans())
                if oldest is not None
            }

    def newest(self, source_id: str, limit: int) -> tuple[Rank, ...]:
        """Return the newest posts of a source, newest first."""
        own = (entries_table.c.source_id == source_id, live)
        columns = (entries_table.c.date, entries_table.c.key)
        query = sa.select(*columns).where(*own).order_by(*(column.desc() for column in columns)).limit(limit)
        with self._transaction() as run:
            return tuple((datetime.fromtimestamp(date, UTC), key) for date, key in run.execute(query))

    def beyond(self, source_id: str, since: datetime | None, entries: int | None, *, unsure: bool) -> list[PostRow]:
        """Return the posts of a source that are older than that, or have so many newer ones beside them; oldest first.

        None that is known to be edited by hand; unless `unsure`, none of which that cannot be told.
        """
        with self._transaction() as run:
            return [row_of(row) for row in run.execute(posts_beyond(source_id, since, entries, unsure=unsure))]

    def marked(self) -> list[PostRow]:
        """Return the posts that were to be removed when a run died."""
        with self._transaction() as run:
            return [row_of(row) for row in run.execute(posts_leaving(MARKED))]

    def missed(self) -> list[PostRow]:
        """Return the posts that were removed since the feeds were last all written."""
        with self._transaction() as run:
            return [row_of(row) for row in run.execute(posts_leaving(REMOVED))]

    def mark(self, keys: Sequence[str], *, folders: Sequence[str], dirty: Sequence[str]) -> None:
        """Note that these posts are about to be removed: from now on they stand in no feed."""
        with self._transaction() as run:
            _set_stage(run, keys, MARKED)
            for chunk in chunks(folders):
                run.execute(sa.update(folders_table).where(folders_table.c.path.in_(chunk)).values(mtime_ns=None))
            _mark_dirty(run, dirty)

    def make_durable(self) -> None:
        """Return when what was marked is on the disk.

        SQLite may forget the last transactions in a power cut. A post that is gone without its mark would be taken for one that
        somebody deleted.
        """
        with self._transaction() as run:
            if run.dialect.name == "sqlite":
                run.exec_driver_sql("PRAGMA wal_checkpoint(FULL)")

    def removed(self, keys: Sequence[str]) -> None:
        """Note that the files of these posts are gone."""
        with self._transaction() as run:
            _set_stage(run, keys, REMOVED)

    def keep_after_all(self, keys: Sequence[str], dirty: Sequence[str]) -> None:
        """Note that these posts stay, and are a person's: they were edited before they could be removed."""
        with self._transaction() as run:
            _set_stage(run, keys, LIVE, locked=1)
            _mark_dirty(run, dirty)

    def forget_missed(self) -> None:
        """Note that no feed holds any more what was removed."""
        with self._transaction() as run:
            run.execute(sa.update(entries_table).where(is_leaving(REMOVED)).values(expired=EXPIRED))


def _set_stage(run: sa.Connection, keys: Sequence[str], stage: int, **more: int) -> None:
    for chunk in chunks(keys):
        run.execute(sa.update(entries_table).where(entries_table.c.key.in_(chunk)).values(expired=stage, **more))


def _mark_dirty(run: sa.Connection, paths: Sequence[str]) -> None:
    for chunk in chunks(paths):
        run.execute(sa.update(outputs_table).where(outputs_table.c.path.in_(chunk)).values(dirty=1))
