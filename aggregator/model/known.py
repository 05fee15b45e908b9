"""What is known of all entries of one source: plain rows, which become records one by one when they are asked for.

A source may have published for years, and each body of its with news travels to a worker with all of it; the worker asks for
the few entries that the body holds. As records, 3,000 of them cost four times as much to make, to send and to look through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from aggregator.model.changes import KnownEntry

#: The fields of a KnownEntry, in its order; `locked` may be 0 or 1.
KnownRow: TypeAlias = tuple[bytes | None, bytes, str, bytes | None, int, bytes]


class KnownEntries(Mapping[str, KnownEntry]):
    """Known entries by key; never changed."""

    __slots__ = ("_rows",)

    def __init__(self, rows: dict[str, KnownRow]) -> None:
        """Take the rows by key; nobody may change them from now on."""
        self._rows = rows

    def __getitem__(self, key: str) -> KnownEntry:
        raw_hash, link_hash, path, post_hash, locked, traits = self._rows[key]
        return KnownEntry(
            raw_hash=raw_hash, link_hash=link_hash, path=path, post_hash=post_hash, locked=bool(locked), traits=traits
        )

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def with_these(self, entries: Mapping[str, KnownEntry]) -> KnownEntries:
        """Return the same with these entries, which take the place of what was known of them."""
        more = {key: (e.raw_hash, e.link_hash, e.path, e.post_hash, e.locked, e.traits) for key, e in entries.items()}
        return KnownEntries({**self._rows, **more}) if more else self

    def marks(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield key, link hash and traits of each."""
        return ((key, row[1], row[5]) for key, row in self._rows.items())


NOTHING_KNOWN = KnownEntries({})


def marks_of(known: Mapping[str, KnownEntry]) -> Iterable[tuple[str, bytes, bytes]]:
    """Return key, link hash and traits of each entry: what it is recognised by."""
    if isinstance(known, KnownEntries):
        return known.marks()
    return ((key, entry.link_hash, entry.traits) for key, entry in known.items())
