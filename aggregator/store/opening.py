"""An address of a database -> an open state; what is no state of ours is set aside, what is newer is left.

Only the holder of the project's lock begins, prepares or sets aside; who only reads opens the file as it is.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, ProgrammingError, SQLAlchemyError

from aggregator.errors import NewerFormatError, NoStateError, StoreError
from aggregator.store.damage import (
    APPLICATION_ID,
    DROP,
    FAULTS,
    SEEN_TO,
    UnusableError,
    cause_of,
    find_obstacle,
    is_damaged,
    is_ours,
    set_aside,
    state_error,
)
from aggregator.store.days import count_history
from aggregator.store.state import State
from aggregator.store.tables import GROWN, GROWN_COLUMNS, GROWN_FROM, VERSION, meta_table, schema

_WITH_DAYS = 10  #: the first layout that has them
DEFAULT_FILE = "state/state.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open state."""

    state: State
    fresh: bool  #: it indexes nothing yet: the posts must be indexed before anything else is done
    note: str | None = None  #: what was wrong with the one before, and where it is now


def open_state(url: str, root: Path, *, create: bool = True) -> Opened:
    """Open the state; a relative SQLite path counts from the project folder. `create=False` is for reading only.

    What stands in the file's place and is no state of ours, or one of an older layout, is set aside and begun anew: a state
    holds nothing that posts and ledger do not. One that only lacks tables gets them: validators and due times are worth
    keeping. `create=False` changes nothing, and raises StoreError if there is none. Only the holder of the project's lock may
    create. Raises NewerFormatError, StoreError.
    """
    try:
        parsed = sa.make_url(url)
        name = parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(parsed, root, create=create)
        if parsed.get_backend_name() != "postgresql":
            raise StoreError(f"state.url: {name} is neither sqlite nor postgresql+psycopg", path=name)
        return _prepared(sa.create_engine(parsed, connect_args=_patience(parsed)), name, create=create)
    except ImportError as error:
        raise StoreError(f"state.url: {error}. Install the extra: feed-aggregator[postgres]", path=name) from error
    except UnusableError as error:
        raise StoreError(f"{name}: {error}. {DROP}", path=name) from error
    except sa.exc.ArgumentError as error:
        raise StoreError("state.url is no database address such as sqlite:///state/state.sqlite", path=root) from error
    except SQLAlchemyError as error:
        raise state_error(error, name) from error


def state_file(url: str, root: Path) -> Path | None:
    """Return the file that a state lies in; None where it lies in a server, or nobody can tell."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return None
    return root / (parsed.database or DEFAULT_FILE) if parsed.get_backend_name() == "sqlite" else None


def file_mark(path: Path) -> tuple[int, ...]:
    """Return what is another after any change of a state's file: SQLite writes to it or to its log; () where there is none."""
    marks: list[int] = []
    for name in (path, path.with_name(f"{path.name}-wal")):
        try:
            found = name.stat()
        except OSError:
            continue
        marks += (found.st_ino, found.st_size, found.st_mtime_ns)
    return tuple(marks)


def _patience(url: sa.URL) -> dict[str, str]:
    """Return what libpq is told, unless the address says otherwise: no run waits for ever for a network that is gone."""
    wanted = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
    wanted["tcp_user_timeout"] = "60000"  # milliseconds: of what was sent and never acknowledged
    return {name: value for name, value in wanted.items() if name not in url.query}


def _open_sqlite(url: sa.URL, root: Path, *, create: bool) -> Opened:
    path = root / (url.database or DEFAULT_FILE)
    if not create:
        return _open_to_read(url, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {path.parent}: {error.strerror}", path=path) from error
    note: str | None = None
    while True:
        engine = sa.create_engine(url.set(database=str(path)))
        sa.event.listen(engine, "connect", _prepare_sqlite)
        try:
            find_obstacle(path)
            opened = _prepared(engine, path, create=True)
            return Opened(state=opened.state, fresh=opened.fresh, note=note)
        except (*FAULTS, UnusableError) as error:
            engine.dispose()
            if not isinstance(error, UnusableError) and not is_damaged(error):
                raise state_error(error, path) from error
            if note is not None:
                raise StoreError(f"cannot use the state {path}: {cause_of(error)}", path=path) from error
            note = f"state: {path.name} could not be used ({cause_of(error)}); it is kept as {set_aside(path).name}"


def _open_to_read(url: sa.URL, path: Path) -> Opened:
    """Open the file as it is: who only reads holds no lock, so nothing is begun, prepared or set aside."""
    if not path.exists():
        raise NoStateError(f"{path}: there is no state yet. Run: aggregator sync", path=path)
    engine = sa.create_engine(url.set(database=str(path)))
    try:
        find_obstacle(path)
        try:
            return _prepared(engine, path, create=False)
        except DatabaseError as error:
            if not _needs_a_log(error, path):
                raise
            engine.dispose()
            engine = sa.create_engine(_as_it_is(url, path))
            return _prepared(engine, path, create=False)
    except (*FAULTS, UnusableError) as error:
        engine.dispose()
        if not isinstance(error, UnusableError) and not is_damaged(error):
            raise state_error(error, path) from error
        raise StoreError(f"cannot read the state {path}: {cause_of(error)}. {SEEN_TO}", path=path) from error


def _needs_a_log(error: DatabaseError, path: Path) -> bool:
    """Tell whether a file cannot be read only because SQLite may not make its log beside it, as on a read-only disk.

    Where there is a log, it holds the newest changes: nobody reads past it.
    """
    name = getattr(error.orig, "sqlite_errorname", "")
    return name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")) and not path.with_name(f"{path.name}-wal").exists()


def _as_it_is(url: sa.URL, path: Path) -> sa.URL:
    """Return the address of a file that nobody writes to from here (SQLite's `immutable`); another may take its place."""
    return url.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "immutable": "1", "uri": "true"})


def _grow(run: sa.Connection, version: int) -> None:
    """Give a state of a layout before what it lacks."""
    schema.create_all(run, tables=GROWN)
    for table, columns in GROWN_COLUMNS.items():
        there = {column["name"] for column in sa.inspect(run).get_columns(table)}
        for name, words in columns.items():
            if name not in there:
                run.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {name} {words}"))
    if version < _WITH_DAYS:
        count_history(run)


def _prepared(engine: sa.Engine, path: Path | str, *, create: bool) -> Opened:
    with engine.begin() as run:
        found = None
        if sa.inspect(run).has_table("meta"):
            found = run.execute(sa.select(meta_table.c.value).where(meta_table.c.name == "version")).scalar()
        if found is None and create:
            # Also where some tables are there: a run may have died while it made them.
            schema.create_all(run)
        version = None if found is None else _version(found)
        if create and version is not None and GROWN_FROM <= version < VERSION:
            _grow(run, version)
            run.execute(sa.update(meta_table).where(meta_table.c.name == "version").values(value=str(VERSION)))
            version = VERSION
    if version is None and not create:
        engine.dispose()
        raise NoStateError(f"{path}: there is no state yet. Run: aggregator sync", path=path)
    if version is not None and version > VERSION:
        engine.dispose()
        raise NewerFormatError(
            f"{path}: this state was written by a later version of aggregator (layout {version}, known here: {VERSION}). "
            "Update aggregator, or move the file away: the next run rebuilds it from the posts.",
            path=path,
            found=version,
            known=VERSION,
        )
    if version is not None and GROWN_FROM <= version < VERSION:
        engine.dispose()
        raise StoreError(
            f"{path}: this state was written by an earlier version of aggregator (layout {version}, now {VERSION}). The next"
            " `aggregator sync` gives it what it lacks; all that it knows is kept.",
            path=path,
        )
    if version is not None and version < VERSION:
        raise UnusableError(f"its tables are of the older layout {version}")
    if version is not None:
        _check_tables(engine)
    return Opened(state=State(engine, path, may_set_aside=create), fresh=version is None)


def _version(text: object) -> int:
    try:
        return int(str(text))
    except ValueError as error:
        raise UnusableError(f"its version is {text!r}") from error


def _check_tables(engine: sa.Engine) -> None:
    """Raise UnusableError if a table or a column is missing: no run could ever go on from there."""
    with engine.connect() as run:
        for table in schema.sorted_tables:
            try:
                run.execute(sa.select(table).limit(0))
            except DatabaseError as error:
                # The database's own word for "no such thing", and no sign of a fault of disk or file.
                if isinstance(error, ProgrammingError) or getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR":
                    raise UnusableError(cause_of(error).partition("\n")[0]) from error
                raise


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    ours = is_ours(connection)
    # WAL with NORMAL may lose the last transactions in a power cut, never more: their posts are found again by the
    # folders' times, so nothing is lost and a sync costs no fsync per transaction.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=10000")
    if not ours:  # it would be written again each time
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
