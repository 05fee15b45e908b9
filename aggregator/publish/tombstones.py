"""What a feed says of entries that are gone: one at:deleted-entry each (RFC 6721 §3). Pure.

Readers that know it drop the entry, all others pass over it. The newest stand first; so many are kept that whoever
polls at all has seen each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC
from typing import Any

from feedgen.ext.base import BaseExtension
from lxml import etree

from aggregator.model.output import Tombstone

NAMESPACE = "http://purl.org/atompub/tombstones/1.0"
DELETED_ENTRY = f"{{{NAMESPACE}}}deleted-entry"
MOST = 50  #: in one feed


def choose_tombstones(found: Sequence[Tombstone], standing: Collection[str]) -> tuple[Tombstone, ...]:
    """Return those that the feed carries, newest first.

    An atom:id that stands in the feed is not gone: another source brings the entry too.
    """
    latest: dict[str, Tombstone] = {}
    for tombstone in found:
        if tombstone.id not in standing and (tombstone.id not in latest or latest[tombstone.id].at < tombstone.at):
            latest[tombstone.id] = tombstone
    ordered = sorted(latest.values(), key=lambda tombstone: tombstone.id)
    return tuple(sorted(ordered, key=lambda tombstone: tombstone.at, reverse=True)[:MOST])


class TombstoneExtension(BaseExtension):  # type: ignore[misc]  # feedgen is untyped
    """Writes the tombstones before the entries."""

    def __init__(self) -> None:
        """Start empty: feedgen makes the instance, `fill` gives it its facts."""
        self._tombstones: Sequence[Tombstone] = ()

    def fill(self, tombstones: Sequence[Tombstone]) -> None:
        """Take what the feed says is gone."""
        self._tombstones = tombstones

    def extend_ns(self) -> dict[str, str]:
        """Return the prefix that RFC 6721 uses."""
        return {"at": NAMESPACE}

    def extend_atom(self, feed: Any) -> Any:
        """Add the elements to the feed that feedgen made."""
        for tombstone in self._tombstones:
            when = tombstone.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
            etree.SubElement(feed, DELETED_ENTRY, {"ref": tombstone.id, "when": when})
        return feed
