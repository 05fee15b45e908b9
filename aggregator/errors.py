"""The whole error tree. Facts are fields; the message is what, where, why, what to do.

AggregatorError
├── ConfigError(problems)          config/ cannot be used                             exit 3
├── StoreError(path)               posts, ledger or state cannot be read or written   exit 5
│   ├── LedgerError(path, line)
│   ├── NoStateError(path)         there is none yet, and none was to be made
│   ├── UnmountedError(path)       so many posts are missing that it was hardly a hand
│   ├── PlaceError(path)           one file or folder cannot be read or written; others can, so the run goes on
│   │   └── UnfitFileError(path, why)  what stands in a file's place is no file, or larger than any of ours
│   └── NewerFormatError(path, found, known)
├── PublishError(output)           an output was refused by the gate; the last good one stays
└── LockedError(path, holder)      another run holds the project                      exit 6

Foreign errors are mapped once, at the only importer of their package, with `from`.
A source that fails is no error but an outcome (`model.fetched.Failed`): the others go on. Exit codes stand in `cli/exits.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from unicodedata import east_asian_width


class AggregatorError(Exception):
    """Base of every error that a user may see; `str()` is the message."""

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes with every field: constructors here take keyword-only facts."""
        return _revive, (type(self), self.args, self.__dict__)


def _revive(kind: type[AggregatorError], args: tuple[object, ...], fields: dict[str, object]) -> AggregatorError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault in the configuration, with its place."""

    file: str  #: as the user would type it, relative to the project folder
    line: int | None  #: 1-based; None when the fault is the file itself
    column: int | None  #: 1-based
    message: str  #: what is wrong, lower-case start, no full stop
    excerpt: str | None = None  #: the line as written
    width: int = 1  #: characters to underline from `column`
    hint: str | None = None  #: what to do: `did you mean "every"?`

    def __str__(self) -> str:
        """Render `file:line:column: message`, then the line with its underline and the hint."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: {self.message}"
        if self.excerpt is None or self.line is None or self.column is None:
            return f"{text}\n     {self.hint}" if self.hint else text
        number = f"{self.line:>4}"
        start = self.column - 1
        underline = _blank(self.excerpt[:start]) + "^" * max(1, len(_blank(self.excerpt[start : start + self.width])))
        hint = f" {self.hint}" if self.hint else ""
        return f"{text}\n{number} | {self.excerpt}\n{' ' * len(number)} | {underline}{hint}"


def _blank(text: str) -> str:
    """Return as much space as a terminal gives the text: a Chinese character takes two columns, a tab what it takes."""
    return "".join("\t" if char == "\t" else "  " if east_asian_width(char) in "WF" else " " for char in text)


class ConfigError(AggregatorError):
    """The configuration cannot be used; carries every problem of every file at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Take all problems, in file and line order."""
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class StoreError(AggregatorError):
    """Posts, ledger or state cannot be read or written."""

    def __init__(self, message: str, *, path: Path | str) -> None:
        """Take the file or folder concerned."""
        self.path = path
        super().__init__(message)


class LedgerError(StoreError):
    """The ledger holds a line that cannot be understood; nothing is done on its behalf."""

    def __init__(self, message: str, *, path: Path | str, line: int) -> None:
        """Take the 1-based line number."""
        self.line = line
        super().__init__(message, path=path)


class NoStateError(StoreError):
    """There is no state yet: nothing was polled or indexed here so far."""


class UnmountedError(StoreError):
    """More posts are missing than a hand deletes: their folder looks unmounted, and nothing is concluded from it."""


class PlaceError(StoreError):
    """One file or folder cannot be read or written: a permission, a link or a file in its place; the disk is not at fault."""


class UnfitFileError(PlaceError):
    """What stands in a file's place is no file, or too large to be one of ours: a fact about that place alone."""

    def __init__(self, message: str, *, path: Path | str, why: str) -> None:
        """Take what is wrong without the path, for a message that names it already."""
        self.why = why
        super().__init__(message, path=path)


class NewerFormatError(StoreError):
    """A file was written by a later version of this program."""

    def __init__(self, message: str, *, path: Path | str, found: int, known: int) -> None:
        """Take the version found and the newest one that this program knows."""
        self.found = found
        self.known = known
        super().__init__(message, path=path)


class PublishError(AggregatorError):
    """An output was refused; the last good file is kept."""

    def __init__(
        self, message: str, *, output: str, lost: tuple[str, ...] = (), faulty: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Take the output's path below the public folder, and the atom:ids that would have vanished from it.

        `faulty`: the atom:ids of the entries that are at fault, each with the reason, if it is they alone.
        """
        self.output = output
        self.lost = lost
        self.faulty = faulty
        super().__init__(message)


class LockedError(AggregatorError):
    """Another run holds the project folder."""

    def __init__(self, message: str, *, path: Path) -> None:
        """Take the lock file."""
        self.path = path
        super().__init__(message)
