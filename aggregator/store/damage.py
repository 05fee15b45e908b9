"""What can be wrong with the state's file, in words, and how an unusable one is put out of the way.

Three cases that must not be confused: the file is no state of ours or broken inside (it is set aside and rebuilt, since posts
and ledger hold everything), it is newer than this program (left alone), or it cannot be reached just now (left alone: rights,
a full disk, another program that holds it).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from aggregator.errors import StoreError
from aggregator.store.tables import DamagedRowError

#: "aggr" in the header of the SQLite file, so that `file` and we know whose it is.
APPLICATION_ID = 0x61676772
SEEN_TO = "The next `aggregator sync` sets it aside and rebuilds it from the posts"
DROP = "Drop its tables and run again: they are rebuilt from the posts"
_BESIDE = ("", "-wal", "-shm", "-journal")

_OWNERSHIP = "Check who owns the file and its folder, and their permissions"
#: By the beginning of SQLite's name for the error.
_ADVICE = {
    "SQLITE_FULL": "Free some space and run again",
    "SQLITE_IOERR": "The disk is full or reports a fault: check it before running again",
    "SQLITE_BUSY": "Another program holds it: close that one, or wait, and run again",
    "SQLITE_LOCKED": "Another program holds it: close that one, or wait, and run again",
    "SQLITE_READONLY": _OWNERSHIP,
    "SQLITE_CANTOPEN": _OWNERSHIP,
    "SQLITE_PERM": _OWNERSHIP,
    "SQLITE_AUTH": _OWNERSHIP,
}


#: What a broken file makes the database raise. SQLite quotes broken names in its messages, and Python cannot decode those.
FAULTS = (SQLAlchemyError, DamagedRowError, UnicodeDecodeError)


class UnusableError(Exception):
    """What stands in the file's place is no state that this version can use; the message says what it is."""


def find_obstacle(path: Path) -> None:
    """Raise UnusableError if a folder stands where the file, or one that SQLite keeps beside it, should be."""
    for suffix in _BESIDE:
        file = path.with_name(path.name + suffix)
        if file.is_dir():
            raise UnusableError(f"{file.name} is a folder")


def is_ours(connection: sqlite3.Connection) -> bool:
    """Tell whether the file says that it is ours; an empty one does not yet.

    Raises:
        UnusableError: another program's tables are in it; ours must not be mixed with them.
    """
    [[found]] = connection.execute("PRAGMA application_id").fetchall()
    if found == APPLICATION_ID:
        return True
    names = [str(name) for [name] in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 3")]
    if names:
        raise UnusableError(f"it is another program's database, with the tables {', '.join(names)}")
    return False


def is_damaged(error: Exception) -> bool:
    """Tell whether the file itself is broken, or what stands in it cannot have been written by us."""
    if isinstance(error, DamagedRowError | UnicodeDecodeError):
        return True
    cause = getattr(error, "orig", None)
    name = getattr(cause, "sqlite_errorname", None) or ""
    return name.startswith("SQLITE_CORRUPT") or name == "SQLITE_NOTADB" or "Could not decode to UTF-8" in str(cause)


def cause_of(error: Exception) -> str:
    """Return the database's own words, without SQLAlchemy's around them."""
    return "text in it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(getattr(error, "orig", None) or error)


def state_error(error: Exception, path: Path | str) -> StoreError:
    """Return the error for a state that cannot be reached: why, and what to do."""
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", None) or ""
    advice = next((text for code, text in _ADVICE.items() if name.startswith(code)), "The next run goes on from there")
    return StoreError(f"cannot use the state {path}: {cause_of(error)}. Posts already written are safe. {advice}", path=path)


def set_aside(path: Path) -> Path:
    """Keep what cannot be used under another name, for whoever wants to know why; return that name. Raises StoreError."""
    spare = next(name for number in range(1, 10**6) if not (name := path.with_name(f"{path.name}.set-aside-{number}")).exists())
    try:
        for suffix in _BESIDE:
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.rename(spare.with_name(spare.name + suffix))
    except OSError as error:
        raise StoreError(
            f"cannot set the unusable state {path} aside: {error.strerror}. Move it away yourself", path=path
        ) from error
    return spare
