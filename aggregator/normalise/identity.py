"""Parsed entries + what is known -> entries with ids that stay the same on every poll.

The ladder of an entry's id, first rung that exists:

1. upstream's id, exactly as written;
2. its link, without tracking parameters and with https for http;
3. `urn:sha256:` and the hash of title, date and text.

Where the ledger says that a source gives its entries new ids again and again, its ids are passed over. Where it knows an id as
an alias, the entry is the one that the alias stands for, unless that one is in the document itself or the id has a post of
its own. Which ids become aliases is none of this module's business: see `decide.recognise`.

An id is worth nothing where several entries of one document carry it (the home page as everybody's guid). Then

* entries that are equal in every field are one: the first stands for them (what they say as episodes of a podcast apart: that
  was read later than the first entries were named, and may rename none of them);
* the others get derived ids: the shared id, `#`, and 16 hex digits of the hash of the link; where the link is shared too, of
  link, title and date; where these are shared too, of everything.

What an entry is called must not depend on who else is in the document, for windows slide. So what is known goes first:

* an entry whose derived id is known keeps it, also when it has become the only one with its id;
* an entry that is alone with its id, and no derived id of which is known, has that id, whatever its link is now: links change;
* among several, a known id belongs to the entry that is unchanged since (equal raw hash), else to the only one that has the
  link it had; if neither says which one it is, it belongs to none of them. An entry may then appear once more under a derived
  id, but no post is ever overwritten by another entry.

None of this looks at the order of the entries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from aggregator.model.changes import KnownEntry
from aggregator.model.key import entry_key, link_hash
from aggregator.model.parsed import ParsedEntry, hash_entry, hash_without_episode
from aggregator.normalise.address import choose_link, stable_link

#: The last of the four rungs: shared id, by link, by link and title and date, by everything.
_LAST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """A parsed entry under its lasting name."""

    entry: ParsedEntry
    id: str  #: what posts call it; see the module's docstring
    key: str  #: `model.key.entry_key` of it, or of the entry that it is an alias of
    raw_hash: bytes  #: `model.parsed.hash_entry`

    def apart(self, source_id: str) -> Identified:
        """Return it under a derived id: its own belongs to another entry. The next poll finds it under that id."""
        by_link, by_facts, _ = _derived(self.id, self.entry, self.raw_hash)
        entry_id = by_link if self.entry.link else by_facts
        return replace(self, id=entry_id, key=entry_key(source_id, entry_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """An entry before it has its name."""

    entry: ParsedEntry
    position: int
    shared: str  #: the id of the ladder's first rung
    raw_hash: bytes

    def named(self, entry_id: str, key: str) -> Identified:
        return Identified(entry=self.entry, id=entry_id, key=key, raw_hash=self.raw_hash)

    def derived(self) -> tuple[str, str, str]:
        """Return the derived ids, the most general first; each depends on this entry alone."""
        return _derived(self.shared, self.entry, self.without_episode())

    def without_episode(self) -> bytes:
        return self.raw_hash if self.entry.episode is None else hash_without_episode(self.entry)

    def unchanged_since(self, known: KnownEntry) -> bool:
        """Tell whether it is, as parsed, what is known; also to a version of this program that read no episodes."""
        return known.raw_hash in {self.raw_hash, self.without_episode()}


class _Names:
    """What is known, asked by id; keys are computed once."""

    def __init__(self, source_id: str, known: Mapping[str, KnownEntry], aliases: Mapping[str, str], address: str) -> None:
        self._source_id = source_id
        self._known = known
        self._aliases = aliases
        self._address = address
        self._keys: dict[str, str] = {}

    def key(self, entry_id: str) -> str:
        key = self._keys.get(entry_id)
        if key is None:
            key = entry_key(self._source_id, entry_id)
            if self._aliases and key not in self._known and self._aliases.get(entry_id) in self._known:
                key = self._aliases[entry_id]
            self._keys[entry_id] = key
        return key

    def settles(self, candidate: _Candidate) -> bool:
        """Tell at once that one that is alone with its id has it: nothing is known of the source, or it is unchanged."""
        if not self._known:
            return True
        there = self.known(candidate.shared)
        return there is not None and there.raw_hash == candidate.raw_hash

    def link(self, entry: ParsedEntry) -> bytes:
        """Return the hash of the link as the entry's post would hold it."""
        return link_hash(choose_link(entry, self._address))

    def one_each(self, items: Sequence[Identified]) -> tuple[Identified, ...]:
        """Let no two items have one key: an alias gives way to the entry itself, and is the same one or none."""
        first: dict[str, Identified] = {}
        for item in sorted(items, key=lambda item: (entry_key(self._source_id, item.id) != item.key, item.id)):
            first.setdefault(item.key, item)
        kept = []
        for item in items:
            other = first[item.key]
            if other is item:
                kept.append(item)
            elif not self._alike(item.entry, other.entry):
                kept.append(replace(item, key=entry_key(self._source_id, item.id)))
        return tuple(kept)

    def _alike(self, one: ParsedEntry, other: ParsedEntry) -> bool:
        return one.title == other.title or (one.link is not None and self.link(one) == self.link(other))

    def known(self, entry_id: str) -> KnownEntry | None:
        return self._known.get(self.key(entry_id))


def identify(
    entries: Sequence[ParsedEntry],
    *,
    source_id: str,
    known: Mapping[str, KnownEntry],
    address: str = "",
    aliases: Mapping[str, str] | None = None,
    unstable: bool = False,
) -> tuple[Identified, ...]:
    """Name the entries of one document, in its order; `known` is by key, `address` is the document's final one.

    `aliases` are keys by upstream's id, as the ledger has them; of an `unstable` source upstream's ids count for nothing.
    """
    names = _Names(source_id, known, aliases or {}, address)
    ids = [entry.id if entry.id is not None and not unstable else _lower_rung(entry) for entry in entries]
    candidates = [
        _Candidate(entry=entry, position=position, shared=entry_id, raw_hash=hash_entry(entry))
        for position, (entry, entry_id) in enumerate(zip(entries, ids, strict=True))
    ]
    if len(set(ids)) == len(ids):
        named = [(one, one.shared if names.settles(one) else _name_one(one, names)) for one in candidates]
    else:
        named = _name_groups(candidates, names)
    items = tuple(candidate.named(entry_id, names.key(entry_id)) for candidate, entry_id in named)
    return names.one_each(items) if aliases and len({item.key for item in items}) < len(items) else items


def _name_groups(candidates: list[_Candidate], names: _Names) -> list[tuple[_Candidate, str]]:
    """Name the entries of a document in which some share their id, in its order."""
    groups: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        groups[candidate.shared].append(candidate)
    named = [pair for group in groups.values() for pair in _name_group(_unlike(group), names)]
    return sorted(named, key=lambda pair: pair[0].position)


def _unlike(group: list[_Candidate]) -> list[_Candidate]:
    """Return one candidate, the first, for all that are equal."""
    if len(group) == 1:
        return group
    return list({candidate.without_episode(): candidate for candidate in reversed(group)}.values())


def _lower_rung(entry: ParsedEntry) -> str:
    if entry.link is not None:
        return stable_link(entry.link)
    title = entry.title.value if entry.title else ""
    text = entry.content.value if entry.content else ""
    return f"urn:sha256:{_digest(chr(0).join((title, entry.published or '', text)), 64)}"


def _name_group(group: list[_Candidate], names: _Names) -> list[tuple[_Candidate, str]]:
    """Name the entries that share one id; no two of them alike."""
    if len(group) == 1:
        return [(group[0], _name_one(group[0], names))]
    ladders = {candidate.position: (candidate.shared, *candidate.derived()) for candidate in group}
    taken: dict[int, str] = {}
    # The most particular names first; the shared one last.
    for level in (3, 2, 1, 0):
        _claim(group, ladders, level, names, taken)
    for level in (1, 2, 3):
        count = Counter(ladder[level] for ladder in ladders.values())
        used = set(taken.values())
        for position, ladder in ladders.items():
            # A known name that nobody could claim stays with the entry that bore it, which has left the document.
            free = count[ladder[level]] == 1 and names.known(ladder[level]) is None and ladder[level] not in used
            if position not in taken and (free or level == _LAST):
                taken[position] = ladder[level]
    return [(candidate, taken[candidate.position]) for candidate in group]


def _name_one(candidate: _Candidate, names: _Names) -> str:
    """Name an entry that is alone with its id: that, unless it is new or changed and is known by a derived one."""
    shared = names.known(candidate.shared)
    if shared is None or not candidate.unchanged_since(shared):
        for entry_id in candidate.derived():
            if names.known(entry_id) is not None:
                return entry_id
    return candidate.shared


def _claim(
    group: list[_Candidate], ladders: Mapping[int, tuple[str, ...]], level: int, names: _Names, taken: dict[int, str]
) -> None:
    """Let the entries that have no name yet claim known ones; a name that two could claim goes to nobody."""
    claims: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in group:
        if candidate.position not in taken:
            claims[ladders[candidate.position][level]].append(candidate)
    for entry_id, claimants in claims.items():
        known = names.known(entry_id)
        if known is None:
            continue
        same = [candidate for candidate in claimants if candidate.unchanged_since(known)]
        if not same and level > 0 and len(claimants) == 1:
            same = claimants  # the name itself says which entry it is
        same = same or [candidate for candidate in claimants if names.link(candidate.entry) == known.link_hash]
        if len(same) == 1:
            taken[same[0].position] = entry_id


def _derived(shared: str, entry: ParsedEntry, everything: bytes) -> tuple[str, str, str]:
    link = stable_link(entry.link) if entry.link else ""
    title = entry.title.value if entry.title else ""
    facts = "\0".join((link, title, entry.published or entry.updated or ""))
    return f"{shared}#{_digest(link)}", f"{shared}#{_digest(facts)}", f"{shared}#{everything.hex()[:16]}"


def _digest(text: str, length: int = 16) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
