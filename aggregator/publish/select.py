"""Which entries stand in a feed, and in what order. Pure: the same entries in any order give the same selection.

Readers expect the newest first (RFC 4287 §4.1.1 gives order no meaning); ties are broken by atom:id. One atom:id stands
once in a feed (§4.1.1): of several entries that claim it, that of the source which comes first in the config wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from aggregator.model.key import atom_id
from aggregator.model.output import LeftOut, OutputEntry
from aggregator.publish.scan import quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Entries newest first, each atom:id once, and those that lost theirs to another source."""

    entries: tuple[OutputEntry, ...]
    left_out: tuple[LeftOut, ...]


def published_id(item: OutputEntry) -> str:
    """Return the atom:id that the entry is published with."""
    return atom_id(item.entry.source_id, item.entry.id)


def order_entries(entries: Iterable[OutputEntry], source_order: Mapping[str, int]) -> Ordered:
    """Sort newest first and keep one entry per atom:id; a source that left the config comes after all others."""
    winners: dict[str, OutputEntry] = {}
    losers: list[tuple[OutputEntry, OutputEntry]] = []
    for item in sorted(entries, key=lambda item: _precedence(item, source_order)):
        first = winners.setdefault(published_id(item), item)
        if first is not item and first.key != item.key:
            losers.append((item, first))
    return Ordered(
        entries=tuple(sorted(winners.values(), key=_position)),
        left_out=tuple(_duplicate(item, first) for item, first in losers),
    )


def fit(sizes: Sequence[int], max_bytes: int) -> int:
    """Return how many of the newest entries fit; the newest one always does, or a feed could stay empty for ever."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > max_bytes and count:
            return count
    return len(sizes)


def _precedence(item: OutputEntry, source_order: Mapping[str, int]) -> tuple[int, str, float, str]:
    source_id = item.entry.source_id
    return (source_order.get(source_id, len(source_order)), source_id, -_seconds(item), item.key)


def _position(item: OutputEntry) -> tuple[float, str]:
    return (-_seconds(item), published_id(item))


def _seconds(item: OutputEntry) -> float:
    """Return the entry's date as a number; the gate refuses what has none, or one without a zone."""
    date = item.entry.published or item.entry.first_seen
    if date is None:
        return float("-inf")
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _duplicate(item: OutputEntry, first: OutputEntry) -> LeftOut:
    return LeftOut(
        key=item.key,
        source_id=item.entry.source_id,
        title=item.entry.title,
        duplicate=True,
        reason=f'its id {quoted(published_id(item))} stands in the feed already, from source "{first.entry.source_id}"'
        " (RFC 4287 §4.1.1: no two entries of a feed share an id)",
    )
