"""What no post can carry, one JSON object a line in `ledger.jsonl`: read whole, checked whole, written whole.

The file stands beside config/ and is committed with it. Its first line names its version; the rest is sorted, so that two
branches that add to it seldom conflict. Records go in before the effect they speak of. A line that cannot be understood
stops everything that would rest on the ledger: nothing is guessed. Only the main process writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar

from aggregator.errors import LedgerError, NewerFormatError
from aggregator.model.key import KEY_LENGTH, is_key
from aggregator.store.files import make_durable, read_file, write_file

FILE_NAME = "ledger.jsonl"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An upstream id that stands for an entry which is stored under another id."""

    kind: ClassVar[str] = "alias"
    identity: ClassVar[tuple[str, ...]] = ("source", "id")

    source: str
    id: str  #: the id that upstream uses now, as written
    key: str  #: of the post
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A post that somebody removed from the folder; it is not written again."""

    kind: ClassVar[str] = "deleted"
    identity: ClassVar[tuple[str, ...]] = ("key",)

    source: str
    id: str
    key: str
    at: datetime
    category: str | None = None  #: path with "/" between the parts: whose feeds say that it is gone; None: only the feed of all
    traits: str | None = None  #: what it is recognised by under another id, as hexadecimal digits; None: by its id alone
    post: str | None = None  #: hash of the post, if it was as we wrote it: should somebody put it back, it is still ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Takedown:
    """An entry that must not be published, now or ever; feeds may say that it is gone (RFC 6721)."""

    kind: ClassVar[str] = "takedown"
    identity: ClassVar[tuple[str, ...]] = ("key",)

    source: str
    id: str
    key: str
    at: datetime
    category: str | None = None  #: as of `Deleted`
    traits: str | None = None  #: as of `Deleted`
    reason: str | None = None  #: for whoever reads the ledger; never published


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A source whose server said for good that its feed is elsewhere (301, 308)."""

    kind: ClassVar[str] = "moved"
    identity: ClassVar[tuple[str, ...]] = ("source", "old")

    source: str
    old: str  #: the configured address
    new: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A source whose server said that its feed will not come back (410)."""

    kind: ClassVar[str] = "gone"
    identity: ClassVar[tuple[str, ...]] = ("source", "address")

    source: str
    address: str  #: the configured address
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A source or a category that has another name now; what was published under the old one still leads here."""

    kind: ClassVar[str] = "renamed"
    #: With its time, and to the second: a name may be left, taken again and left, and each of the three is remembered.
    identity: ClassVar[tuple[str, ...]] = ("what", "old", "at")

    what: str  #: "source" or "category"
    old: str  #: a source's key, or a category path with "/" between the parts
    new: str
    at: datetime
    file: str | None = None  #: of a category: where the feed of `old` lay, relative to the public folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstable:
    """A source that gives its entries new ids again and again; they are told apart by their links."""

    kind: ClassVar[str] = "unstable"
    identity: ClassVar[tuple[str, ...]] = ("source",)

    source: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """An entry without a date of its own that is kept no longer: as new as today if it were ever forgotten."""

    kind: ClassVar[str] = "expired"
    identity: ClassVar[tuple[str, ...]] = ("key",)

    source: str
    id: str
    key: str
    at: datetime
    category: str | None = None  #: as of `Deleted`, if it is taken down one day; no feed says that it is gone
    traits: str | None = None  #: as of `Deleted`


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A feed of ours whose category is no more: whoever asks for it is told that it will not come back (410)."""

    kind: ClassVar[str] = "removed"
    identity: ClassVar[tuple[str, ...]] = ("file",)

    file: str  #: where it lay, relative to the public folder
    at: datetime


Line: TypeAlias = Alias | Deleted | Takedown | Moved | Gone | Renamed | Unstable | Expired | Removed
_Kind = TypeVar("_Kind", Alias, Deleted, Takedown, Moved, Gone, Renamed, Unstable, Expired, Removed)
_KINDS: dict[str, type[Line]] = {
    kind.kind: kind for kind in (Alias, Deleted, Takedown, Moved, Gone, Renamed, Unstable, Expired, Removed)
}
#: Of each kind the names of what it may say, in order, and of what it must: every run reads every line.
_NAMES = {word: tuple(field.name for field in fields(kind)) for word, kind in _KINDS.items()}
_NEEDED = {word: {field.name for field in fields(kind) if field.default is MISSING} for word, kind in _KINDS.items()}

_CIRCUMSTANCES = frozenset({"at", "category", "traits", "post", "reason"})
_DIGITS = {"traits": re.compile(r"[0-9a-f]{80}", re.ASCII), "post": re.compile(r"[0-9a-f]{32}", re.ASCII)}
_HEADER = f'{{"ledger": {VERSION}}}'
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
_CURE = "repair the line, or take the file from the last commit; nothing is done on its behalf until then"
#: Line breaks to some editors and languages; inside JSON strings they may be escaped.
_LINE_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class Ledger:
    """The ledger of one project, as it stands on the disk."""

    def __init__(self, path: Path, lines: Iterable[Line] = ()) -> None:
        """Take the file's path and what it says; use `load` to read it."""
        self.path = path
        self._lines = {_identity(line): line for line in lines}
        self._texts: dict[tuple[str, ...], str] = {}  #: how each is written, so that adding one line renders one line

    @classmethod
    def load(cls, path: Path) -> Ledger:
        """Read the file; one that is not there says nothing.

        Raises:
            LedgerError: a line cannot be understood.
            NewerFormatError: a later version of this program wrote it.
            StoreError: it cannot be read at all.
        """
        content = read_file(path.parent, path.name)
        return cls(path, () if content is None else _parsed(path, content))

    @property
    def lines(self) -> tuple[Line, ...]:
        """Everything that it says, in the file's order."""
        return tuple(line for _, line in sorted(zip(self._rendered().values(), self._lines.values(), strict=True), key=_first))

    def of(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        """Return the records of one kind, in the file's order."""
        texts = self._rendered()
        found = [(texts[name], line) for name, line in self._lines.items() if isinstance(line, kind)]
        return tuple(line for _, line in sorted(found, key=_first))

    def add(self, *lines: Line) -> bool:
        """Write the records down, durably, and tell whether that changed anything; all of them or none.

        A record takes the place of one that speaks of the same thing. Without change the file is not touched.

        Raises:
            StoreError: it could not be written; the file is as before.
        """
        return self._write(self._lines | {_identity(line): line for line in lines})

    def drop(self, *lines: Line) -> bool:
        """Strike records out, durably, and tell whether that changed anything: what they said is no longer so.

        Raises:
            StoreError: it could not be written; the file is as before.
        """
        struck = {_identity(line) for line in lines}
        return self._write({name: line for name, line in self._lines.items() if name not in struck})

    def _write(self, after: dict[tuple[str, ...], Line]) -> bool:
        before = self._rendered()
        texts = {name: before[name] if self._lines.get(name) is line else _written(line) for name, line in after.items()}
        if texts == before:
            return False
        whole = "\n".join([_HEADER, *sorted(texts.values())])
        write_file(self.path.parent, self.path.name, f"{whole}\n".encode(), keep_old=True)
        make_durable(self.path.parent, (self.path.name,))
        self._lines, self._texts = after, texts
        return True

    def _rendered(self) -> dict[tuple[str, ...], str]:
        if len(self._texts) != len(self._lines):
            self._texts = {name: _written(line) for name, line in self._lines.items()}
        return self._texts


def _identity(line: Line) -> tuple[str, ...]:
    return (line.kind, *(str(getattr(line, name)) for name in line.identity))


def _said(line: Line) -> dict[str, Any]:
    """Return what the record says, without when, why and of what version of a post."""
    return {name: value for name, value in asdict(line).items() if name not in _CIRCUMSTANCES}


def _first(pair: tuple[str, Line]) -> str:
    return pair[0]


def _noted(line: Line) -> datetime:
    return line.at


def _written(line: Line) -> str:
    """Return the record as its line of the file."""
    said: dict[str, Any] = {"kind": line.kind}
    for name in _NAMES[line.kind]:
        value = getattr(line, name)
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if value is not None:
            said[name] = value
    text = _encode(said)
    return text if text.isascii() else text.translate(_LINE_BREAKS)


def _parsed(path: Path, content: bytes) -> list[Line]:
    try:
        rows = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise _fault(path, number, "it is not UTF-8") from error
    if not any(row.strip() for row in rows):
        raise LedgerError(
            f"{path.name}:1: it is empty; delete it if nothing was ever noted in it, else {_CURE}", path=path, line=1
        )
    _check_header(path, rows[0].strip())
    found: dict[tuple[str, ...], Line] = {}
    for number, row in enumerate(rows[1:], start=2):
        text = row.strip()
        if not text or text == _HEADER:  # git's union merge may repeat the first line
            continue
        line = _parsed_line(path, number, text)
        name = _identity(line)
        earlier = found.setdefault(name, line)
        if earlier is line:
            continue
        if _said(earlier) == _said(line):
            # Two branches may have noted it at different times, of posts that differed: the first counts.
            found[name] = min(earlier, line, key=_noted)
        else:
            raise _fault(path, number, f"an earlier line says something else of the same {line.kind}")
    return list(found.values())


def _check_header(path: Path, text: str) -> None:
    if text.startswith(_CONFLICT):
        raise _fault(path, 1, "it is a merge conflict's marker")
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    found = header.get("ledger") if isinstance(header, dict) else None
    if type(found) is not int or found < 1:
        raise _fault(path, 1, f"it should be {_HEADER}")
    if found > VERSION:
        raise NewerFormatError(
            f"{path.name} is of version {found} and this program knows {VERSION}: use a later version of the program",
            path=path,
            found=found,
            known=VERSION,
        )


def _parsed_line(path: Path, number: int, text: str) -> Line:
    if text.startswith(_CONFLICT):
        raise _fault(path, number, "it is a merge conflict's marker")
    try:
        said = _decode(text)
    except (ValueError, RecursionError) as error:
        raise _fault(path, number, f"it is cut or no JSON ({error})") from error
    if not isinstance(said, dict):
        raise _fault(path, number, "it is no JSON object")
    word = str(said.pop("kind", None))
    kind = _KINDS.get(word)
    if kind is None:
        raise _fault(path, number, f"its kind is none of {', '.join(_KINDS)}")
    if unknown := said.keys() - _NAMES[word]:
        raise _fault(path, number, f'a record of the kind {kind.kind} has no "{min(unknown)}"')
    if absent := _NEEDED[word] - said.keys():
        raise _fault(path, number, f'a record of the kind {kind.kind} needs "{min(absent)}"')
    return kind(**{name: _value(path, number, name, value) for name, value in said.items()})


def _value(path: Path, number: int, name: str, value: Any) -> Any:
    if not isinstance(value, str):
        raise _fault(path, number, f'"{name}" is no text')
    if name == "key" and not is_key(value):
        raise _fault(path, number, f'"key" is no key: {KEY_LENGTH} of a-z and 2-7, as at the end of a post\'s name')
    if name in _DIGITS and not _DIGITS[name].fullmatch(value):
        raise _fault(
            path, number, f'"{name}" is not the hexadecimal digits that were written; the line does without it as well'
        )
    if name != "at":
        return value
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.tzinfo else _not_an_instant()
    except (ValueError, OverflowError) as error:
        raise _fault(path, number, '"at" is no instant like 2026-01-31T12:00:00Z') from error


def _not_an_instant() -> datetime:
    raise ValueError("no zone")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a key stands twice")
    return said


#: Made once: `json.loads` and `json.dumps` make theirs anew for each line.
_decode = json.JSONDecoder(object_pairs_hook=_without_repeats).decode
_encode = json.JSONEncoder(ensure_ascii=False).encode


def _fault(path: Path, number: int, reason: str) -> LedgerError:
    return LedgerError(f"{path.name}:{number}: {reason}; {_CURE}", path=path, line=number)
