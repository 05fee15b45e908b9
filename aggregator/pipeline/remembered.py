"""What state and ledger know of a source's entries before its document is read: the same for `sync` and for who only looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from aggregator.model.changes import KnownEntry, PostRow
from aggregator.model.key import LINK_HASH_BYTES, atom_id, feed_id
from aggregator.model.known import NOTHING_KNOWN, KnownEntries
from aggregator.model.output import Tombstone
from aggregator.model.renames import NEVER, Renames
from aggregator.model.settings import Settings, split_category
from aggregator.model.traits import traits_of_id
from aggregator.pipeline.frames import STATUS
from aggregator.store.ledger import Alias, Deleted, Expired, Ledger, Renamed, Takedown, Unstable

#: Of one category; more than a feed carries, since what another source brings too is left out there.
_TOMBSTONES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is known of one source's entries."""

    #: By key; what must never come back is locked, without a path.
    known: KnownEntries = field(default_factory=lambda: NOTHING_KNOWN)
    aliases: dict[str, str] = field(default_factory=dict)  #: keys by the other ids that upstream has given the entries
    unstable: bool = False  #: upstream gives them new ids again and again


class LedgerIndex:
    """What the ledger says of entries, by source."""

    def __init__(self, ledger: Ledger, renamed: Renames = NEVER) -> None:
        """Take the ledger as it is now, and what became of the categories that it names."""
        self.gone: dict[str, list[Deleted | Takedown]] = defaultdict(list)
        lines: tuple[Deleted | Takedown, ...] = (*ledger.of(Deleted), *ledger.of(Takedown))
        for gone in lines:
            self.gone[gone.source].append(gone)
        self._taken_out, self._renamed = lines, renamed
        self.expired: dict[str, list[Expired]] = defaultdict(list)
        for expired in ledger.of(Expired):
            self.expired[expired.source].append(expired)
        self._aliases: dict[str, dict[str, str]] = defaultdict(dict)
        for alias in ledger.of(Alias):
            self._aliases[alias.source][alias.id] = alias.key
        self._unstable = frozenset(line.source for line in ledger.of(Unstable))

    @cached_property
    def tombstones(self) -> dict[tuple[str, ...], list[Tombstone]]:
        """Return the last entries that were taken out, by category; made when feeds are, not with every line that is added."""
        return _tombstones(self._taken_out, self._renamed)

    def of(self, source_id: str, state: KnownEntries) -> Remembered:
        """Return what is known of a source, given what the state knows.

        What was taken out is recognised under another id as well, if its line says by what, or the state remembers it still.
        """
        gone: dict[str, KnownEntry] = {}
        for line in (*self.gone.get(source_id, ()), *self.expired.get(source_id, ())):
            gone[line.key] = _gone(line, gone.get(line.key) or state.get(line.key))
        return Remembered(
            known=state.with_these(gone), aliases=self._aliases.get(source_id, {}), unstable=source_id in self._unstable
        )


def gone_traits(row: PostRow) -> str:
    """Return what a post is recognised by, for the line that says that it is gone."""
    return (row.link_hash + row.traits).hex()


def _tombstones(lines: Iterable[Deleted | Takedown], renamed: Renames) -> dict[tuple[str, ...], list[Tombstone]]:
    """Return the last that were taken out, by each category that they stood in; () is the feed of everything."""
    found: dict[tuple[str, ...], list[Tombstone]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: (line.at, line.key), reverse=True):
        path = renamed.current(split_category(line.category)) if line.category else ()
        if room := [each for depth in range(len(path) + 1) if len(each := found[path[:depth]]) < _TOMBSTONES]:
            tombstone = Tombstone(id=atom_id(line.source, line.id), at=line.at)  # made for the last ones only
            for each in room:
                each.append(tombstone)
    return found


def _gone(line: Deleted | Takedown | Expired, entry: KnownEntry | None) -> KnownEntry:
    if entry is not None:
        link_hash, traits = entry.link_hash, entry.traits
    elif line.traits is not None:
        both = bytes.fromhex(line.traits)
        link_hash, traits = both[:LINK_HASH_BYTES], both[LINK_HASH_BYTES:]
    else:
        link_hash, traits = b"", traits_of_id(line.id)
    return KnownEntry(raw_hash=None, link_hash=link_hash, path="", post_hash=None, locked=True, traits=traits)


def own_feeds(settings: Settings, ledger: Ledger | None = None, leaves: Iterable[tuple[str, ...]] = ()) -> frozenset[str]:
    """Return the atom:ids of the feeds that this site publishes or, as far as ledger and posts tell, has published."""
    named = (*(category.path for category in settings.categories), *(source.categories for source in settings.sources))
    renamed = ledger.of(Renamed) if ledger is not None else ()
    before = [split_category(line.old) for line in renamed if line.what == "category"]
    paths = {path[:depth] for path in (*named, *before, *leaves) for depth in range(len(path) + 1)}
    first = {settings.renamed.first(path) for path in paths}
    return frozenset(feed_id(settings.site.id, path) for path in {(), STATUS, *paths, *first})
