"""The state: an index over posts and ledger, plus what polls have learned. Disposable, on SQLite or PostgreSQL.

Comes in: rows and poll results. Goes out: what is known, what is due, which posts stand in a feed. It never holds an entry's
content (posts do) and never decides anything. Every public method is one named operation and at most one transaction; the
statements are SQLAlchemy Core and run on both databases. Instants are stored as whole seconds since the epoch, UTC.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from aggregator.errors import NewerFormatError, StoreError
from aggregator.model.changes import KnownEntry, PostRow
from aggregator.model.fetched import Validators
from aggregator.model.poll import Outcome, OutputState, Poll, SourceState

VERSION = 1  #: of this layout; a newer one is an error, an older one is rebuilt
#: "aggr" in the header of the SQLite file, so that `file` and we know whose it is.
APPLICATION_ID = 0x61676772
_CHUNK = 500  #: bound parameters per statement stay below SQLite's old limit of 999
_HISTORY = 100  #: polls kept per source

_schema = sa.MetaData()
_meta = sa.Table("meta", _schema, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
_sources = sa.Table(
    "sources",
    _schema,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary),
    sa.Column("validators_address", sa.Text),
    sa.Column("etag", sa.LargeBinary),
    sa.Column("last_modified", sa.LargeBinary),
    sa.Column("body_hash", sa.LargeBinary),
    sa.Column("prefer", sa.Text),
    sa.Column("next_poll", sa.BigInteger),
    sa.Column("next_reason", sa.Text),
    sa.Column("last_poll", sa.BigInteger),
    sa.Column("last_success", sa.BigInteger),
    sa.Column("last_news", sa.BigInteger),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_kind", sa.Text),
    sa.Column("last_message", sa.Text),
    sa.Column("last_status", sa.Integer),
    sa.Column("format", sa.Text),
    sa.Column("feed_title", sa.Text),
    sa.Column("feed_link", sa.Text),
    sa.Column("warnings", sa.Text, nullable=False),
)
_entries = sa.Table(
    "entries",
    _schema,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("entry_id", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("raw_hash", sa.LargeBinary),
    sa.Column("link_hash", sa.LargeBinary, nullable=False),
    sa.Column("post_hash", sa.LargeBinary, nullable=False),
    sa.Column("date", sa.BigInteger, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("locked", sa.Integer, nullable=False),
    sa.Index("entries_by_source", "source_id"),
    sa.Index("entries_by_category", "category", "date", "key"),
)
#: The distinct values of entries.category: so few that a feed of everything need not scan the index.
_categories = sa.Table("categories", _schema, sa.Column("category", sa.Text, primary_key=True))
#: A posts folder whose stored time differs from the disk's was touched by somebody else, or by a run that died.
_folders = sa.Table("folders", _schema, sa.Column("path", sa.Text, primary_key=True), sa.Column("mtime_ns", sa.BigInteger))
_outputs = sa.Table(
    "outputs",
    _schema,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("frame_hash", sa.LargeBinary, nullable=False),
    sa.Column("dirty", sa.Integer, nullable=False),
)
_polls = sa.Table(
    "polls",
    _schema,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("new", sa.Integer, nullable=False),
    sa.Column("updated", sa.Integer, nullable=False),
    sa.Column("elapsed_ms", sa.Integer, nullable=False),
    sa.Column("message", sa.Text),
    sa.Index("polls_by_source", "source_id", "number"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes: polls that are finished and whose posts are durable."""

    sources: tuple[SourceState, ...] = ()
    polls: tuple[Poll, ...] = ()
    rows: tuple[PostRow, ...] = ()
    noted: tuple[tuple[str, bytes], ...] = ()  #: (key, raw hash)
    locked: tuple[str, ...] = ()
    open_folders: tuple[str, ...] = ()  #: written to in this run: to be looked through if it dies
    dirty_outputs: tuple[str, ...] = ()


class State:
    """The open state of one project. Use `open_state`."""

    def __init__(self, engine: sa.Engine, path: Path | str) -> None:
        """Take an engine whose tables exist; `path` is for messages only."""
        self._engine = engine
        self._path = path

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    # -- reading ----------------------------------------------------------------------------------------------------

    def sources(self) -> dict[str, SourceState]:
        """Return what is known of every source, removed ones included."""
        with self._transaction() as run:
            return {row.id: _source_of(row) for row in run.execute(sa.select(_sources))}

    def known(self, source_id: str) -> dict[str, KnownEntry]:
        """Return what is known of one source's entries, by key."""
        wanted = (
            _entries.c.key,
            _entries.c.raw_hash,
            _entries.c.link_hash,
            _entries.c.path,
            _entries.c.post_hash,
            _entries.c.locked,
        )
        with self._transaction() as run:
            found = run.execute(sa.select(*wanted).where(_entries.c.source_id == source_id))
            return {
                key: KnownEntry(raw_hash=raw, link_hash=link, path=path, post_hash=post, locked=bool(locked))
                for key, raw, link, path, post, locked in found
            }

    def is_empty(self) -> bool:
        """Tell whether no entry is known at all."""
        with self._transaction() as run:
            return run.execute(sa.select(_entries.c.key).limit(1)).first() is None

    def keys(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the paths of those keys that are known."""
        paths: dict[str, str] = {}
        with self._transaction() as run:
            for chunk in _chunks(keys):
                found = run.execute(sa.select(_entries.c.key, _entries.c.path).where(_entries.c.key.in_(chunk)))
                paths.update((key, path) for key, path in found)
        return paths

    def leaves(self) -> tuple[tuple[str, ...], ...]:
        """Return every category path that some post stands in, sorted."""
        with self._transaction() as run:
            return tuple(sorted(tuple(json.loads(row.category)) for row in run.execute(sa.select(_categories))))

    def newest(self, leaf: tuple[str, ...], limit: int) -> list[PostRow]:
        """Return the newest posts whose category is exactly this path, newest first, ties by key."""
        query = (
            sa.select(_entries)
            .where(_entries.c.category == _category_text(leaf))
            .order_by(_entries.c.date.desc(), _entries.c.key.desc())
            .limit(limit)
        )
        with self._transaction() as run:
            return [_row_of(row) for row in run.execute(query)]

    def counts(self) -> dict[str, tuple[int, datetime | None]]:
        """Return the number of posts and the newest date per source."""
        query = sa.select(_entries.c.source_id, sa.func.count(), sa.func.max(_entries.c.date)).group_by(_entries.c.source_id)
        with self._transaction() as run:
            return {source_id: (number, _instant(date)) for source_id, number, date in run.execute(query)}

    def folders(self) -> dict[str, int | None]:
        """Return the stored modification time of each posts folder; None: a run was writing there."""
        with self._transaction() as run:
            return {row.path: row.mtime_ns for row in run.execute(sa.select(_folders))}

    def outputs(self) -> dict[str, OutputState]:
        """Return what is known of every published file."""
        with self._transaction() as run:
            return {
                row.path: OutputState(path=row.path, frame_hash=row.frame_hash, dirty=bool(row.dirty))
                for row in run.execute(sa.select(_outputs))
            }

    def history(self, source_id: str) -> list[Poll]:
        """Return the last polls of a source, newest first."""
        query = sa.select(_polls).where(_polls.c.source_id == source_id).order_by(_polls.c.number.desc())
        with self._transaction() as run:
            return [
                Poll(
                    source_id=row.source_id,
                    at=datetime.fromtimestamp(row.at, UTC),
                    outcome=Outcome(row.outcome),
                    new=row.new,
                    updated=row.updated,
                    elapsed_ms=row.elapsed_ms,
                    message=row.message,
                )
                for row in run.execute(query)
            ]

    # -- writing ----------------------------------------------------------------------------------------------------

    def save(self, batch: Batch) -> None:
        """Write one batch in one transaction; its posts are durable already."""
        with self._transaction() as run:
            self._upsert(run, _sources, [_source_values(source) for source in batch.sources])
            if batch.polls:
                run.execute(sa.insert(_polls), [_poll_values(poll) for poll in batch.polls])
            self._save_rows(run, batch.rows)
            if batch.noted:
                note = sa.update(_entries).where(_entries.c.key == sa.bindparam("k")).values(raw_hash=sa.bindparam("h"))
                run.execute(note, [{"k": key, "h": raw_hash} for key, raw_hash in batch.noted])
            if batch.locked:
                lock = sa.update(_entries).where(_entries.c.key == sa.bindparam("k")).values(locked=1)
                run.execute(lock, [{"k": key} for key in batch.locked])
            self._upsert(run, _folders, [{"path": path, "mtime_ns": None} for path in batch.open_folders])
            self._mark_dirty(run, batch.dirty_outputs)

    def replace_entries(self, rows: Iterable[PostRow]) -> None:
        """Forget every entry and index these instead (`reindex`); what polls learned is kept, but for bodies.

        Validators and body hashes go: an upstream must be asked for its whole feed once, since an entry of its may have
        no post any more.
        """
        with self._transaction() as run:
            for table in (_entries, _categories, _folders):
                run.execute(sa.delete(table))
            self._save_rows(run, tuple(rows))
            run.execute(sa.update(_sources).values(etag=None, last_modified=None, body_hash=None))
            run.execute(sa.update(_outputs).values(dirty=1))
            self._upsert(run, _meta, [{"name": "version", "value": str(VERSION)}])

    def published(self, outputs: Sequence[OutputState], edited: Sequence[PostRow]) -> None:
        """Note what the published files now are, and the posts that were found edited by hand."""
        with self._transaction() as run:
            self._save_rows(run, tuple(edited))
            values = [{"path": out.path, "frame_hash": out.frame_hash, "dirty": int(out.dirty)} for out in outputs]
            self._upsert(run, _outputs, values)

    def close_folders(self, mtimes: Mapping[str, int]) -> None:
        """Store the folders' modification times: what is on disk is what the state knows."""
        with self._transaction() as run:
            self._upsert(run, _folders, [{"path": path, "mtime_ns": mtime} for path, mtime in mtimes.items()])

    def trim_history(self) -> None:
        """Keep the last polls of each source only."""
        newest = (
            sa.select(_polls.c.number)
            .where(_polls.c.source_id == sa.bindparam("s"))
            .order_by(_polls.c.number.desc())
            .limit(1)
            .offset(_HISTORY - 1)
            .scalar_subquery()
        )
        query = sa.select(_polls.c.source_id).group_by(_polls.c.source_id).having(sa.func.count() > _HISTORY)
        with self._transaction() as run:
            for (source_id,) in run.execute(query).all():
                old = sa.delete(_polls).where(_polls.c.source_id == source_id, _polls.c.number < newest)
                run.execute(old, {"s": source_id})

    # -- inside -----------------------------------------------------------------------------------------------------

    def _save_rows(self, run: sa.Connection, rows: Sequence[PostRow]) -> None:
        self._upsert(run, _entries, [_row_values(row) for row in rows])
        leaves = {_category_text(row.categories) for row in rows}
        if leaves:
            add = self._insert(_categories).on_conflict_do_nothing()
            run.execute(add, [{"category": leaf} for leaf in sorted(leaves)])

    def _mark_dirty(self, run: sa.Connection, paths: Sequence[str]) -> None:
        if not paths:
            return
        add = self._insert(_outputs)
        add = add.on_conflict_do_update(index_elements=["path"], set_={"dirty": 1})
        run.execute(add, [{"path": path, "frame_hash": b"", "dirty": 1} for path in paths])

    def _insert(self, table: sa.Table) -> Any:
        """Return the database's own INSERT, for ON CONFLICT; both dialects spell it alike."""
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            return postgresql_insert(table)
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)

    def _upsert(self, run: sa.Connection, table: sa.Table, values: list[dict[str, Any]]) -> None:
        if not values:
            return
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
        run.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), values)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as run:
                yield run
        except SQLAlchemyError as error:
            raise _store_error(error, self._path) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open state."""

    state: State
    fresh: bool  #: it indexes nothing yet: the posts must be indexed before anything else is done
    note: str | None = None  #: what was wrong with the one before, and where it is now


def open_state(url: str, root: Path, *, create: bool = True) -> Opened:
    """Open the state; a relative SQLite path counts from the project folder.

    A file that is no database, or an older layout, is set aside and begun anew: it holds nothing that posts and ledger do
    not. `create=False` raises StoreError if there is none. Raises NewerFormatError, StoreError.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, root, create=create)
    engine = sa.create_engine(parsed)
    name = parsed.render_as_string(hide_password=True)
    try:
        return _prepared(engine, name)
    except SQLAlchemyError as error:
        raise _store_error(error, name) from error


def _open_sqlite(url: sa.URL, root: Path, *, create: bool) -> Opened:
    path = root / (url.database or "state/state.sqlite")
    if not path.exists() and not create:
        raise StoreError(f"{path}: there is no state yet. Run: aggregator sync", path=path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {path.parent}: {error.strerror}", path=path) from error
    note: str | None = None
    while True:
        engine = sa.create_engine(url.set(database=str(path)))
        sa.event.listen(engine, "connect", _prepare_sqlite)
        try:
            opened = _prepared(engine, path)
            return Opened(state=opened.state, fresh=opened.fresh, note=note)
        except OperationalError as error:
            engine.dispose()
            raise _store_error(error, path) from error
        except (DatabaseError, _OlderLayoutError) as error:
            engine.dispose()
            if note is not None:
                raise StoreError(f"cannot use the state {path}: {error}", path=path) from error
            cause = getattr(error, "orig", None) or error
            note = f"state: {path.name} could not be used ({cause}); it is kept as {_set_aside(path).name}"


class _OlderLayoutError(Exception):
    """The state was written by an earlier layout."""


def _prepared(engine: sa.Engine, path: Path | str) -> Opened:
    with engine.begin() as run:
        known = sa.inspect(run).has_table("meta")
        if not known:
            _schema.create_all(run)
        found = run.execute(sa.select(_meta.c.value).where(_meta.c.name == "version")).scalar()
    version = int(found) if found is not None else None
    if version is not None and version > VERSION:
        engine.dispose()
        raise NewerFormatError(
            f"{path}: this state was written by a later version of aggregator (layout {version}, known here: {VERSION}). "
            "Update aggregator, or move the file away: the next run rebuilds it from the posts.",
            path=path,
            found=version,
            known=VERSION,
        )
    if version is not None and version < VERSION:
        raise _OlderLayoutError(f"layout {version}")
    return Opened(state=State(engine, path), fresh=version is None)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # WAL with NORMAL may lose the last transactions in a power cut, never more: their posts are found again by the
    # folders' times, so nothing is lost and a sync costs no fsync per transaction.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")


def _set_aside(path: Path) -> Path:
    """Keep the unusable file under another name, for whoever wants to know why; return that name."""
    for number in range(1, 1000):
        spare = path.with_name(f"{path.name}.set-aside-{number}")
        if not spare.exists():
            break
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(spare.with_name(spare.name + suffix))
    return spare


def _store_error(error: SQLAlchemyError, path: Path | str) -> StoreError:
    cause = getattr(error, "orig", None) or error
    return StoreError(
        f"cannot use the state {path}: {cause}. Posts already written are safe; the next run goes on from there.",
        path=path,
    )


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _category_text(categories: tuple[str, ...]) -> str:
    return json.dumps(categories, ensure_ascii=False, separators=(",", ":"))


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())


def _row_values(row: PostRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "source_id": row.source_id,
        "entry_id": row.entry_id,
        "path": row.path,
        "raw_hash": row.raw_hash,
        "link_hash": row.link_hash,
        "post_hash": row.post_hash,
        "date": int(row.date.timestamp()),
        "category": _category_text(row.categories),
        "title": row.title,
        "locked": int(row.locked),
    }


def _row_of(row: Any) -> PostRow:
    return PostRow(
        key=row.key,
        source_id=row.source_id,
        entry_id=row.entry_id,
        path=row.path,
        raw_hash=row.raw_hash,
        link_hash=row.link_hash,
        post_hash=row.post_hash,
        date=datetime.fromtimestamp(row.date, UTC),
        categories=tuple(json.loads(row.category)),
        title=row.title,
        locked=bool(row.locked),
    )


def _poll_values(poll: Poll) -> dict[str, Any]:
    return {
        "source_id": poll.source_id,
        "at": int(poll.at.timestamp()),
        "outcome": poll.outcome.value,
        "new": poll.new,
        "updated": poll.updated,
        "elapsed_ms": poll.elapsed_ms,
        "message": poll.message,
    }


def _source_values(source: SourceState) -> dict[str, Any]:
    validators = source.validators
    return {
        "id": source.id,
        "fingerprint": source.fingerprint,
        "validators_address": validators.address if validators else None,
        "etag": validators.etag if validators else None,
        "last_modified": validators.last_modified if validators else None,
        "body_hash": source.body_hash,
        "prefer": source.prefer,
        "next_poll": _seconds(source.next_poll),
        "next_reason": source.next_reason,
        "last_poll": _seconds(source.last_poll),
        "last_success": _seconds(source.last_success),
        "last_news": _seconds(source.last_news),
        "failures": source.failures,
        "last_kind": source.last_kind,
        "last_message": source.last_message,
        "last_status": source.last_status,
        "format": source.format,
        "feed_title": source.feed_title,
        "feed_link": source.feed_link,
        "warnings": json.dumps(source.warnings, ensure_ascii=False),
    }


def _source_of(row: Any) -> SourceState:
    validators = None
    if row.validators_address is not None and (row.etag is not None or row.last_modified is not None):
        validators = Validators(address=row.validators_address, etag=row.etag, last_modified=row.last_modified)
    return SourceState(
        id=row.id,
        fingerprint=row.fingerprint,
        validators=validators,
        body_hash=row.body_hash,
        prefer=row.prefer,
        next_poll=_instant(row.next_poll),
        next_reason=row.next_reason,
        last_poll=_instant(row.last_poll),
        last_success=_instant(row.last_success),
        last_news=_instant(row.last_news),
        failures=row.failures,
        last_kind=row.last_kind,
        last_message=row.last_message,
        last_status=row.last_status,
        format=row.format,
        feed_title=row.feed_title,
        feed_link=row.feed_link,
        warnings=tuple(json.loads(row.warnings)),
    )
