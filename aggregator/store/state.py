"""The state: an index over posts and ledger, plus what polls have learned. Disposable, on SQLite or PostgreSQL.

Comes in: rows and poll results. Goes out: what is known, what is due, which posts stand in a feed. It never holds an entry's
content (posts do) and never decides anything. Every public method is one named operation and at most one transaction; the
statements are SQLAlchemy Core and run on both databases. Instants are stored as whole seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aggregator.errors import StoreError
from aggregator.model.changes import Intent, PostRow
from aggregator.model.fetched import HostState
from aggregator.model.known import KnownEntries
from aggregator.model.ping import News
from aggregator.model.poll import OutputState, Poll, PollCounts, SourceState
from aggregator.store.archived import Archived
from aggregator.store.damage import (
    DROP,
    FAULTS,
    SEEN_TO,
    cause_of,
    is_damaged,
    set_aside,
    state_error,
)
from aggregator.store.days import Days, forget_old, tallies
from aggregator.store.expiry import Expiry
from aggregator.store.listing import Listing
from aggregator.store.pings import Pings, note_news
from aggregator.store.prepared import Prepared
from aggregator.store.queries import (
    chunks,
    counts_of,
    empty_categories,
    known_paths,
    poll_counts,
    post_versions,
    posts_before,
    posts_holding,
    posts_like,
    posts_of,
)
from aggregator.store.tables import (
    VERSION,
    categories_of,
    categories_table,
    category_text,
    days_table,
    entries_table,
    folders_table,
    host_of,
    host_values,
    hosts_table,
    instant,
    intents_of,
    intents_text,
    live,
    meta_table,
    outputs_table,
    poll_of,
    poll_values,
    polls_table,
    row_of,
    row_values,
    source_of,
    source_values,
    sources_table,
)

_REWRITING = "rewriting"  #: the row of `meta` that holds what is about to be written anew
REFUSED = 2  #: in `outputs.dirty`: more than 1, which says that it changed since
HISTORY = 100  #: polls kept per source
_ROWS_AT_ONCE = 2000
_REMEMBERED = timedelta(days=60)  #: what a host has complained of, after it was to be left alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes: polls that are finished and whose posts are durable."""

    sources: tuple[SourceState, ...] = ()
    hosts: tuple[HostState, ...] = ()  #: closed, or answering again
    polls: tuple[Poll, ...] = ()
    rows: tuple[PostRow, ...] = ()
    noted: tuple[tuple[str, bytes], ...] = ()  #: (key, raw hash)
    locked: tuple[str, ...] = ()
    open_folders: tuple[str, ...] = ()  #: written to in this run: to be looked through if it dies
    dirty_outputs: tuple[str, ...] = ()
    intents: Mapping[str, Intent] | None = None  #: by key, posts that are about to be written anew: noted until they are
    written_anew: bool = False  #: the rows are those posts: forget the note, and categories that no post is left in


class State:
    """The open state of one project. Use `opening.open_state`."""

    def __init__(self, engine: sa.Engine, path: Path | str, *, may_set_aside: bool = False) -> None:
        """Take an engine whose tables exist; only the project's holder may set a file aside that turns out damaged."""
        self._engine = engine
        self._path = path
        self._may_set_aside = may_set_aside
        self._prepared: dict[str, Prepared] = {}  #: by table

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    # -- reading ----------------------------------------------------------------------------------------------------

    def sources(self) -> dict[str, SourceState]:
        """Return what is known of every source, removed ones included."""
        with self._transaction() as run:
            return {row.id: source_of(row) for row in run.execute(sa.select(sources_table))}

    def known(self, source_id: str) -> KnownEntries:
        """Return what is known of one source's entries, by key; one whose post has expired is locked, without a path."""
        column = entries_table.c
        own = (column.key, column.raw_hash, column.link_hash, column.path, column.post_hash, column.locked, column.traits)
        wanted = (*own, column.expired)
        with self._transaction() as run:
            found = run.execute(sa.select(*wanted).where(entries_table.c.source_id == source_id))
            return KnownEntries(
                {
                    key: (raw, link, "" if gone else path, post, locked or gone, traits)
                    for key, raw, link, path, post, locked, traits, gone in found
                }
            )

    def is_empty(self) -> bool:
        """Tell whether no entry is known at all."""
        with self._transaction() as run:
            return run.execute(sa.select(entries_table.c.key).limit(1)).first() is None

    def keys(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the paths of those keys that are known."""
        paths: dict[str, str] = {}
        with self._transaction() as run:
            for chunk in chunks(keys):
                paths.update((key, path) for key, path in run.execute(known_paths(chunk)))
        return paths

    def find(self, keys: Sequence[str], ids: Sequence[str] = (), links: Sequence[bytes] = ()) -> list[PostRow]:
        """Return the posts with one of these keys, upstream ids or link hashes, newest first; only keys have an index.

        Of keys there may be any number, of the others some hundred.
        """
        portions = list(chunks(keys)) or [()]
        with self._transaction() as run:
            found = [row_of(row) for portion in portions for row in run.execute(posts_like(portion, ids, links))]
        unique = {row.key: row for row in found}
        return sorted(unique.values(), key=lambda row: (row.date, row.key), reverse=True)

    def at(self, paths: Sequence[str]) -> list[PostRow]:
        """Return the posts at these paths; reads them all where there are any, for paths have no index."""
        with self._transaction() as run:
            wanted = (sa.select(entries_table).where(entries_table.c.path.in_(chunk)) for chunk in chunks(paths))
            return [row_of(row) for query in wanted for row in run.execute(query)]

    def resembling(self, text: str, limit: int) -> list[PostRow]:
        """Return some posts whose title, path or upstream id holds this text in any case, newest first; reads them all."""
        with self._transaction() as run:
            return [row_of(row) for row in run.execute(posts_holding(text, limit))]

    def every_id(self) -> Iterator[tuple[str, str, str]]:
        """Yield key, source id and upstream id of every post."""
        wanted = sa.select(entries_table.c.key, entries_table.c.source_id, entries_table.c.entry_id)
        with self._transaction() as run:
            yield from (tuple(row) for row in run.execution_options(yield_per=1000).execute(wanted))

    def places(self) -> list[tuple[str, str, str]]:
        """Return key, source id and path of every post."""
        wanted = sa.select(entries_table.c.key, entries_table.c.source_id, entries_table.c.path).where(live)
        with self._transaction() as run:
            return [(key, source_id, path) for key, source_id, path in run.execute(wanted)]

    def versions(self, after: str, limit: int) -> list[tuple[str, bytes, str, int]]:
        """Return key, hash, category and date of posts, all as stored, by key, those behind a key: so many at once."""
        with self._transaction() as run:
            return [tuple(row) for row in run.execute(post_versions(after, limit))]

    def newer(self, row: PostRow, leaves: Sequence[tuple[str, ...]]) -> int:
        """Return how many posts of these categories come before this one, in the order of `newest`."""
        with self._transaction() as run:
            parts = [run.execute(posts_before(row, chunk)).scalar_one() for chunk in chunks([category_text(x) for x in leaves])]
        return sum(parts)

    def leaves(self) -> tuple[tuple[str, ...], ...]:
        """Return every category path that some post stands in, sorted."""
        with self._transaction() as run:
            return tuple(sorted(categories_of(row.category) for row in run.execute(sa.select(categories_table))))

    def latest(self) -> dict[tuple[str, ...], datetime]:
        """Return for each category path that some post stands in the newest date of its posts, expired ones among them."""
        own = entries_table.c.category == categories_table.c.category
        date = sa.select(sa.func.max(entries_table.c.date)).where(own).scalar_subquery()
        with self._transaction() as run:
            found = ((categories_of(text), instant(date)) for text, date in run.execute(sa.select(categories_table, date)))
            return {leaf: date for leaf, date in found if date is not None}

    def newest(self, leaf: tuple[str, ...], limit: int) -> list[PostRow]:
        """Return the newest posts whose category is exactly this path, newest first, ties by key."""
        query = (
            sa.select(entries_table)
            .where(entries_table.c.category == category_text(leaf), live)
            .order_by(entries_table.c.date.desc(), entries_table.c.key.desc())
            .limit(limit)
        )
        with self._transaction() as run:
            return [row_of(row) for row in run.execute(query)]

    def posts(self, leaf: tuple[str, ...], after: str, limit: int) -> list[PostRow]:
        """Return posts whose category is exactly this path, by key, those behind a key: so that many are read in pages."""
        with self._transaction() as run:
            return [row_of(row) for row in run.execute(posts_of(category_text(leaf), after, limit))]

    def counts(self) -> dict[str, tuple[int, datetime | None]]:
        """Return the number of posts and the newest date per source."""
        columns = (entries_table.c.source_id, sa.func.count(), sa.func.max(entries_table.c.date))
        query = sa.select(*columns).where(live).group_by(entries_table.c.source_id)
        with self._transaction() as run:
            return {source_id: (number, instant(date)) for source_id, number, date in run.execute(query)}

    def count(self, source_id: str) -> int:
        """Return the number of one source's posts."""
        query = sa.select(sa.func.count()).select_from(entries_table).where(entries_table.c.source_id == source_id, live)
        with self._transaction() as run:
            return int(run.execute(query).scalar_one())

    def folders(self) -> dict[str, int | None]:
        """Return the stored modification time of each posts folder; None: a run was writing there."""
        with self._transaction() as run:
            return {row.path: row.mtime_ns for row in run.execute(sa.select(folders_table))}

    def outputs(self) -> dict[str, OutputState]:
        """Return what is known of every published file."""
        with self._transaction() as run:
            return {
                row.path: OutputState(
                    path=row.path, frame_hash=row.frame_hash, dirty=bool(row.dirty), refused=row.dirty == REFUSED
                )
                for row in run.execute(sa.select(outputs_table))
            }

    def history(self, source_id: str) -> list[Poll]:
        """Return the last polls of a source, newest first."""
        query = sa.select(polls_table).where(polls_table.c.source_id == source_id).order_by(polls_table.c.number.desc())
        with self._transaction() as run:
            return [poll_of(row) for row in run.execute(query)]

    def poll_counts(self, since: datetime) -> dict[str, PollCounts]:
        """Return what each source's kept history comes to; what `lately` means is since that moment."""
        with self._transaction() as run:
            return {row.source_id: counts_of(row) for row in run.execute(poll_counts(since))}

    def hosts(self) -> dict[str, HostState]:
        """Return the hosts that wanted to be left alone, when last heard of."""
        with self._transaction() as run:
            return {row.name: host_of(row) for row in run.execute(sa.select(hosts_table))}

    def fact(self, name: str) -> str | None:
        """Return one fact about the project as a whole, or None."""
        with self._transaction() as run:
            return run.execute(sa.select(meta_table.c.value).where(meta_table.c.name == name)).scalar()

    @property
    def expiry(self) -> Expiry:
        """Return the operations on posts that are kept no longer."""
        return Expiry(self._transaction)

    @property
    def pings(self) -> Pings:
        """Return the operations on what hubs are told."""
        return Pings(self._transaction, self._insert)

    @property
    def days(self) -> Days:
        """Return the operations on how the polls of each day went."""
        return Days(self._transaction)

    @property
    def archived(self) -> Archived:
        """Return the operations on what the feeds' archives hold."""
        return Archived(self._transaction)

    @property
    def listing(self) -> Listing:
        """Return the questions that lists of entries are made of."""
        return Listing(self._transaction)

    # -- writing ----------------------------------------------------------------------------------------------------

    def save(self, batch: Batch) -> None:
        """Write one batch in one transaction; its posts are durable already."""
        with self._transaction() as run:
            self._upsert(run, sources_table, [source_values(source) for source in batch.sources])
            self._upsert(run, hosts_table, [host_values(host) for host in batch.hosts])
            self._upsert(run, polls_table, [poll_values(poll) for poll in batch.polls])
            self._upsert(run, days_table, tallies(batch.polls))
            self._save_rows(run, batch.rows)
            if batch.intents is not None:
                self._upsert(run, meta_table, [{"name": _REWRITING, "value": intents_text(batch.intents)}])
            if batch.written_anew:
                run.execute(sa.delete(meta_table).where(meta_table.c.name == _REWRITING))
                run.execute(empty_categories())
            if batch.noted:
                noted = sa.case((entries_table.c.locked == 1, 1), else_=entries_table.c.noted)
                note = sa.update(entries_table).where(entries_table.c.key == sa.bindparam("k"))
                note = note.values(raw_hash=sa.bindparam("h"), noted=noted)
                run.execute(note, [{"k": key, "h": raw_hash} for key, raw_hash in batch.noted])
            if batch.locked:
                lock = sa.update(entries_table).where(entries_table.c.key == sa.bindparam("k")).values(locked=1, noted=1)
                run.execute(lock, [{"k": key} for key in batch.locked])
            self._upsert(run, folders_table, [{"path": path, "mtime_ns": None} for path in batch.open_folders])
            self._mark_dirty(run, batch.dirty_outputs)

    def forget_posts(self, keys: Sequence[str], dirty_outputs: Sequence[str]) -> None:
        """Forget posts that are no more, and mark the feeds that they stood in."""
        with self._transaction() as run:
            for chunk in chunks(keys):
                run.execute(sa.delete(entries_table).where(entries_table.c.key.in_(chunk)))
            self._mark_dirty(run, dirty_outputs)

    def profile(self) -> str | None:
        """Return the profile that the indexed posts were written with; None before the first index."""
        return self.fact("profile")

    def replace_entries(self, rows: Iterable[PostRow], *, profile: str) -> None:
        """Forget every entry and index these instead (`reindex`); what polls learned is kept, but for bodies.

        Validators and body hashes go: an upstream must be asked for its whole feed once, since an entry of its may have
        no post any more.
        """
        with self._transaction() as run:
            for table in (entries_table, categories_table, folders_table):
                run.execute(sa.delete(table))
            indexed = tuple(rows)
            for start in range(0, len(indexed), _ROWS_AT_ONCE):  # each row is held as its values as well while it is saved
                self._save_rows(run, indexed[start : start + _ROWS_AT_ONCE])
            run.execute(sa.update(sources_table).values(etag=None, last_modified=None, body_hash=None))
            run.execute(sa.update(outputs_table).values(dirty=1))
            facts = {"version": str(VERSION), "profile": profile}
            self._upsert(run, meta_table, [{"name": name, "value": value} for name, value in facts.items()])

    def unfinished(self) -> dict[str, Intent] | None:
        """Return what a run that died was about to write anew, by key; None: there was no such run."""
        found = self.fact(_REWRITING)
        return None if found is None else intents_of(found)

    def published(
        self,
        outputs: Sequence[OutputState],
        edited: Sequence[PostRow],
        dirty: Sequence[str] = (),
        news: News | None = None,
    ) -> None:
        """Note what the published files now are, the posts that were found edited by hand, and what they touch besides.

        `news` is what hubs are told of: noted here, so that it is not lost when the run dies.
        """
        with self._transaction() as run:
            self._save_rows(run, tuple(edited))
            values = [
                {"path": out.path, "frame_hash": out.frame_hash, "dirty": REFUSED if out.refused else int(out.dirty)}
                for out in outputs
            ]
            self._upsert(run, outputs_table, values)
            self._mark_dirty(run, dirty)
            if news is not None:
                note_news(run, self._insert, news)

    def forget_outputs(self, paths: Sequence[str]) -> None:
        """Forget files that are published no more, once that was told."""
        if paths:
            with self._transaction() as run:
                run.execute(sa.delete(outputs_table).where(outputs_table.c.path.in_(paths)))

    def set_fact(self, name: str, value: str) -> None:
        """Note one fact about the project as a whole."""
        with self._transaction() as run:
            self._upsert(run, meta_table, [{"name": name, "value": value}])

    def tidy(self, now: datetime) -> None:
        """Forget days and complaints of hosts of long ago, and let SQLite keep its statistics and its log in order."""
        with self._transaction() as run:
            forget_old(run, now)
            run.execute(sa.delete(hosts_table).where(hosts_table.c.closed_until < int((now - _REMEMBERED).timestamp())))
        if self._engine.dialect.name == "sqlite":
            with self._transaction() as run:
                run.execute(sa.text("PRAGMA optimize"))

    def close_folders(self, mtimes: Mapping[str, int]) -> None:
        """Store the folders' modification times: what is on disk is what the state knows."""
        with self._transaction() as run:
            self._upsert(run, folders_table, [{"path": path, "mtime_ns": mtime} for path, mtime in mtimes.items()])

    def trim_history(self, source_ids: Sequence[str], now: datetime) -> None:
        """Keep the last polls of these sources and the last days of all; what it costs does not grow with what is kept."""
        polls, later = polls_table.c, polls_table.alias().c
        newest_kept = (
            sa.select(later.number)
            .where(later.source_id == sa.bindparam("s"))
            .order_by(later.number.desc())
            .limit(1)
            .offset(HISTORY - 1)
            .scalar_subquery()
        )
        old = sa.delete(polls_table).where(polls.source_id == sa.bindparam("s"), polls.number < newest_kept)
        with self._transaction() as run:
            forget_old(run, now)
            for chunk in chunks(source_ids):
                these = sa.select(polls.source_id).where(polls.source_id.in_(chunk)).group_by(polls.source_id)
                if long := run.execute(these.having(sa.func.count() > HISTORY)).scalars().all():
                    run.execute(old, [{"s": source_id} for source_id in long])

    # -- inside -----------------------------------------------------------------------------------------------------

    def _save_rows(self, run: sa.Connection, rows: Sequence[PostRow]) -> None:
        self._upsert(run, entries_table, [row_values(row) for row in rows])
        leaves = {category_text(row.categories) for row in rows}
        if leaves:
            values = [{"category": leaf} for leaf in sorted(leaves)]
            run.execute(self._insert(categories_table).on_conflict_do_nothing(), values)

    def _mark_dirty(self, run: sa.Connection, paths: Sequence[str]) -> None:
        if not paths:
            return
        # What was refused is kept as it was until it is written, whatever comes on top.
        dirty = sa.case((outputs_table.c.dirty == REFUSED, REFUSED), else_=1)
        add = self._insert(outputs_table).on_conflict_do_update(index_elements=["path"], set_={"dirty": dirty})
        run.execute(add, [{"path": path, "frame_hash": b"", "dirty": 1} for path in paths])

    def _insert(self, table: sa.Table) -> Any:
        """Return the database's own INSERT, for ON CONFLICT; both dialects spell it alike."""
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            return postgresql_insert(table)
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)

    def _upsert(self, run: sa.Connection, table: sa.Table, values: Sequence[Mapping[str, Any]]) -> None:
        if not values:
            return
        if table.name not in self._prepared:
            self._prepared[table.name] = Prepared(self._written(table), table, self._engine.dialect)
        self._prepared[table.name].execute(run, values)

    def _written(self, table: sa.Table) -> sa.Insert:
        """Return the order to write rows of a table; those that are there become what is written."""
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key]
        changed: dict[str, Any] = {
            column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys
        }
        if table is entries_table:
            # How a date was chosen is said once, when the post is written; it never moves, and neither do the words for it.
            changed["dated"] = sa.func.coalesce(table.c.dated, insert.excluded.dated)
            # Which archives hold the entry: another version of it changes nothing there, another category does.
            same = table.c.category == insert.excluded.category
            changed["archived"] = sa.case((same, table.c.archived), else_=sa.literal_column("0"))
        if table is days_table:
            changed = {name: table.c[name] + came for name, came in changed.items()}
        written: sa.Insert = insert.on_conflict_do_update(index_elements=keys, set_=changed)
        return written

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as run:
                yield run
        except FAULTS as error:
            if not is_damaged(error):
                raise state_error(error, self._path) from error
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> StoreError:
        """Return what to tell of a state that is broken inside; whoever holds the project sets it aside as well."""
        message = f"the state {self._path} is damaged ({cause_of(error)})"
        if not self._may_set_aside or not isinstance(self._path, Path):
            return StoreError(f"{message}. {SEEN_TO if isinstance(self._path, Path) else DROP}", path=self._path)
        self._engine.dispose()
        spare = set_aside(self._path)
        return StoreError(
            f"{message}; it is kept as {spare.name}. Run again: it is rebuilt from the posts, which are safe", path=self._path
        )
