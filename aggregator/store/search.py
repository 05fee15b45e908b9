"""An index of the words of all posts, for those who search: SQLite with FTS5, in a file of its own. Disposable.

Comes in: posts as plain text, and which of them are gone. Goes out: keys, best first, with the piece of text that shows why.
Whatever is wrong with the file, it is made anew; where that cannot be, a StoreError says so and nothing else suffers. One
writes, any number read meanwhile. It knows no HTML and never looks at a post.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar
from unicodedata import unidata_version
from zlib import compress, crc32, decompress
from zlib import error as ZlibError  # noqa: N812 - it is an exception

from aggregator.errors import StoreError
from aggregator.store.search_words import Question, snippet, words_of

SEARCH_PATH = "state/search.sqlite"
VERSION = 1  #: of this layout, and of how texts become words
LONGEST_TEXT = 100_000  #: characters of a post that are indexed
RANKED = 2000  #: hits, the newest: of what stands in more posts these are looked at, and there are "at least" so many

#: Of what is indexed: how it became words depends on Python's tables as well.
_LAYOUT = f"{VERSION}/{unidata_version}"
_APPLICATION_ID = 0x61676773  #: "aggs"
_BUSY_MS = 2000  #: how long another who writes is waited for
_TITLE_WEIGHT = 4.0
_HOUR = 3600
_SLOTS = 256  #: for the posts of one hour
_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # Newer posts have higher ids, but for a few hours: what FTS5 goes through backwards comes newest first.
    """CREATE TABLE posts (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, source_id TEXT NOT NULL, category TEXT NOT NULL,
    date INTEGER NOT NULL, post_hash BLOB NOT NULL, title TEXT NOT NULL)""",
    # Apart, so that to look through posts does not read their texts.
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, text BLOB NOT NULL)",
    # Marks count as letters: in the scripts of India vowels are marks.
    """CREATE VIRTUAL TABLE words USING fts5(title, text, content='',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'")""",
)
_INSERT_WORDS = "INSERT INTO words(rowid, title, text) VALUES (?, ?, ?)"
#: Without content of its own the index must be told the words that it is to forget.
_DELETE_WORDS = "INSERT INTO words(words, rowid, title, text) VALUES ('delete', ?, ?, ?)"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a post's place in the index depends on."""

    post_hash: bytes
    category: str  #: as the state stores it
    date: int  #: seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A post as it is indexed."""

    key: str
    source_id: str
    version: Version
    title: str
    text: str  #: plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A post that was found."""

    key: str
    date: datetime
    title: str
    snippet: str  #: plain, one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """One page of what was found, best first, ties by date."""

    hits: tuple[Hit, ...]
    found: int  #: in all; RANKED means at least so many


class SearchIndex:
    """The index, open to be written. Use `open_index`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Take a connection whose tables exist."""
        self._connection = connection
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def versions(self, after: str, until: str | None) -> dict[str, Version]:
        """Return what is indexed of the keys behind `after`, up to `until` (None: to the end)."""
        where, values = ("key > ?", (after,)) if until is None else ("key > ? AND key <= ?", (after, until))
        query = f"SELECT key, post_hash, category, date FROM posts WHERE {where}"  # noqa: S608 - no value is in it
        with self._mapped():
            return {
                key: Version(post_hash=post_hash, category=category, date=date)
                for key, post_hash, category, date in self._connection.execute(query, values)
            }

    def put(self, documents: Sequence[Document]) -> None:
        """Index these posts, or index them anew, in one transaction."""
        with self._mapped(), self._connection as run:
            run.execute("BEGIN IMMEDIATE")
            self._drop(run, [document.key for document in documents])
            # FTS5 writes out what it has gathered each time that an id is lower than the one before.
            for number, document in sorted(self._numbered(run, documents), key=lambda pair: pair[0]):
                version, text = document.version, document.text[:LONGEST_TEXT]
                values = (number, document.key, document.source_id, version.category, version.date, version.post_hash)
                run.execute("INSERT INTO posts VALUES (?, ?, ?, ?, ?, ?, ?)", (*values, document.title))
                run.execute("INSERT INTO texts(id, text) VALUES (?, ?)", (number, compress(text.encode(), 1)))
                run.execute(_INSERT_WORDS, (number, words_of(document.title), words_of(text)))

    def _numbered(self, run: sqlite3.Connection, documents: Sequence[Document]) -> Iterator[tuple[int, Document]]:
        taken: set[int] = set()
        for document in documents:
            first, width, drawn = document.version.date // _HOUR * _SLOTS, _SLOTS, crc32(document.key.encode())
            while True:
                number = first + drawn % width
                if number not in taken and not run.execute("SELECT 1 FROM posts WHERE id = ?", (number,)).fetchone():
                    break
                width *= 4  # posts without dates come by the thousand in one hour
                drawn = crc32(b"%d" % number, drawn)
            taken.add(number)
            yield number, document

    def remove(self, keys: Sequence[str], *, without_trace: bool = False) -> int:
        """Forget these posts; returns how many were there. `without_trace` leaves none of their words in the file either."""
        with self._mapped():
            with self._connection as run:
                run.execute("BEGIN IMMEDIATE")
                number = self._drop(run, keys)
            if number and without_trace:
                self._connection.execute("INSERT INTO words(words) VALUES ('optimize')")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return number

    def _drop(self, run: sqlite3.Connection, keys: Sequence[str]) -> int:
        query = "SELECT id, title, text FROM posts JOIN texts USING (id) WHERE key = ?"
        found = [row for key in keys for row in run.execute(query, (key,))]
        for number, title, text in sorted(found):
            run.execute(_DELETE_WORDS, (number, words_of(title), words_of(_text(text))))
            run.execute("DELETE FROM texts WHERE id = ?", (number,))
            run.execute("DELETE FROM posts WHERE id = ?", (number,))
        return len(found)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except (*_FAULTS, ZlibError) as error:
            if _is_damaged(error):
                self._connection.close()
                _delete(self._path)
            raise _store_error(error, self._path) from error


def open_index(path: Path) -> SearchIndex:
    """Open the index to write to it; one that cannot be used is made anew.

    Raises StoreError: it cannot be written: the disk is full, the folder is read-only, another program writes to it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {path.parent}: {error.strerror}", path=path) from error
    try:
        return SearchIndex(_opened(path), path)
    except _FAULTS as error:
        if not _is_damaged(error):
            raise _store_error(error, path) from error
    _delete(path)
    try:
        return SearchIndex(_opened(path), path)
    except _FAULTS as error:
        raise _store_error(error, path) from error


def find(
    path: Path,
    question: Question,
    *,
    categories: Sequence[str] | None = None,
    source_id: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Hits:
    """Return the posts that hold all that is asked for; `categories` are as the state stores them, None: any.

    Raises StoreError: there is no index, or it cannot be read.
    """
    where, values = ["words MATCH ?"], [question.match]
    if categories is not None:
        where.append("category IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(categories))
    if source_id is not None:
        where.append("source_id = ?")
        values.append(source_id)
    joined = " JOIN posts ON posts.id = words.rowid" if len(where) > 1 else ""
    what = f"SELECT words.rowid FROM words{joined} WHERE {' AND '.join(where)}"  # noqa: S608 - values are bound

    def ask(run: sqlite3.Connection) -> Hits:
        ids = _ranked(run, what, values)
        page = "SELECT key, date, title, text FROM posts JOIN texts USING (id) WHERE id = ?"
        rows = (run.execute(page, (number,)).fetchone() for number in ids[offset : offset + limit])
        return Hits(found=len(ids), hits=tuple(_hit(row, question) for row in rows))

    return _read(path, ask)


def _ranked(run: sqlite3.Connection, what: str, values: Sequence[str]) -> list[int]:
    """Return the ids of what was asked for, best first; of equals the newer one comes first.

    To weigh hits FTS5 must look at all of them, which takes long for what stands nearly everywhere; there rank says little, and
    those that have it in the title come first, then the newest.
    """
    newest = f"{what} ORDER BY words.rowid DESC LIMIT {RANKED}"
    ids = [number for [number] in run.execute(newest, values)]
    if len(ids) < RANKED:
        weighed = f"{what} ORDER BY bm25(words, {_TITLE_WEIGHT}, 1.0), words.rowid DESC"
        return [number for [number] in run.execute(weighed, values)] if len(ids) > 1 else ids
    titled = [number for [number] in run.execute(newest, (f"{{title}} : ({values[0]})", *values[1:]))]
    return list(dict.fromkeys((*titled, *ids)))[:RANKED]


def _hit(row: tuple[str, int, str, bytes], question: Question) -> Hit:
    key, date, title, text = row
    return Hit(key=key, date=datetime.fromtimestamp(date, UTC), title=title, snippet=snippet(_text(text), question.words))


def size_of(path: Path) -> tuple[int, int]:
    """Return how many posts are indexed and how many bytes that takes. Raises StoreError."""

    def ask(run: sqlite3.Connection) -> int:
        [[number]] = run.execute("SELECT count(*) FROM posts").fetchall()
        return int(number)

    number = _read(path, ask)
    return number, sum(file.stat().st_size for file in _files(path) if file.exists())


def copy_index(path: Path, target: Path) -> None:
    """Begin an index at `target` with what is in this one, whoever writes to it meanwhile. Raises StoreError."""

    def copy(run: sqlite3.Connection) -> None:
        with closing(sqlite3.connect(target)) as into:
            run.backup(into)

    _read(path, copy)


def _read(path: Path, ask: Callable[[sqlite3.Connection], Result]) -> Result:
    """Ask through a connection of its own, since whoever writes may put another file in the place of this one."""
    if not path.exists():
        raise StoreError(f"{path}: nothing is indexed for searching yet", path=path)
    try:
        return _asked(path, "mode=ro", ask)
    except _FAULTS as error:
        # In a folder that is read-only its log cannot be opened; where there is none, the file is all there is.
        if not _is_named(error, "SQLITE_CANTOPEN", "SQLITE_READONLY") or _wal(path).exists():
            raise _store_error(error, path) from error
    try:
        return _asked(path, "immutable=1", ask)
    except _FAULTS as error:
        raise _store_error(error, path) from error


def _asked(path: Path, how: str, ask: Callable[[sqlite3.Connection], Result]) -> Result:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    try:
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        _check_layout(connection)
        return ask(connection)
    finally:
        connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        if _layout(connection) is None:
            _begin(connection)
        _check_layout(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if _layout(connection) is None:  # another may have been first
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('layout', ?)", (_LAYOUT,))


class _UnusableError(sqlite3.DatabaseError):
    """What stands there is no index of ours, or one of another layout."""


_FAULTS = (sqlite3.Error, UnicodeDecodeError)


def _layout(connection: sqlite3.Connection) -> str | None:
    """Return the layout that the file says it has; None: nothing is in it yet. Raises _UnusableError."""
    names = {name for [name] in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names:
        return None
    if not {"meta", "posts", "texts", "words"} <= names:
        raise _UnusableError("its tables are others than ours")
    found = connection.execute("SELECT value FROM meta WHERE name = 'layout'").fetchone()
    return "unknown" if found is None else str(found[0])


def _check_layout(connection: sqlite3.Connection) -> None:
    if (layout := _layout(connection)) != _LAYOUT:
        raise _UnusableError(f"it is of another version of this program (layout {layout}), and made anew soon")


def _text(stored: bytes) -> str:
    return decompress(stored).decode()


def _is_named(error: Exception, *names: str) -> bool:
    return _name(error).startswith(names)


def _name(error: Exception) -> str:
    return getattr(error, "sqlite_errorname", None) or ""


def _is_damaged(error: Exception) -> bool:
    if isinstance(error, _UnusableError | UnicodeDecodeError | ZlibError):
        return True
    # SQLITE_ERROR: a table or a column is missing; FTS5 also says so of what it cannot read of its own.
    return _is_named(error, "SQLITE_CORRUPT", "SQLITE_NOTADB") or _name(error) == "SQLITE_ERROR"


def _store_error(error: Exception, path: Path) -> StoreError:
    if "no such module" in str(error):
        return StoreError(f"cannot search: the SQLite of this Python is built without FTS5 ({error})", path=path)
    return StoreError(f"cannot search: {path}: {error}. It holds nothing that the posts do not, and may be deleted", path=path)


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _files(path: Path) -> Iterator[Path]:
    yield path
    for suffix in ("-wal", "-shm", "-journal"):
        yield path.with_name(path.name + suffix)


def _delete(path: Path) -> None:
    for file in _files(path):
        with suppress(OSError):
            file.unlink(missing_ok=True)
