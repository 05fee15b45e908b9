"""Entries under ids that are not known + what is known -> those that are known all the same. Pure.

An entry is recognised only where nothing else can be meant: it is one entry of the source that is known, is not in this
document under its own id, and no other entry could be it. That is so

1. if the ids differ only by http and https, `www.`, a last slash, or tracking;
2. if both lead to the same page, which no other entry does, and were published at the same time (on the same day, if that is
   all that is said, and then with the same title or text); or have the same title and text, the one way for what has no date;
3. if title, text and time are the same, and the text is long enough to be no coincidence;
4. if everything is the same but the id, pictures and files included: then nothing could be lost;
5. if neither has an id or a link of its own, and of title, text and time only one has changed;
6. if three entries or more, half of the strangers, have title and time in common with one entry each, at three times or more.

And two entries of one document that are the same in page, title, text and time, under two ids, are one. The same title every
week is not enough, nor is a page whose text is another every day: those are entries of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.model.changes import KnownEntry
from aggregator.model.entry import Entry
from aggregator.model.key import link_hash
from aggregator.model.known import marks_of
from aggregator.model.links import comparable, is_page
from aggregator.model.traits import (
    ALL_BUT_ID,
    ID,
    LONG,
    PUBLISHED,
    TEXT,
    TITLE,
    TITLE_AND_PUBLISHED,
    UNDATED,
    id_trait,
    traits_of,
    visible_text,
)

#: So many entries that come back together are no coincidence.
FEW = 3
#: Ids that are written down for one entry; one that goes on changing is recognised anew at each poll.
MOST_ALIASES = 2
_HOUR_SECONDS = 3600  #: midnight anywhere is a full hour in UTC, but for few zones
_NO_LINK = link_hash(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """An entry whose id is not known."""

    id: str
    key: str
    link: bytes  #: `model.key.link_hash`
    page: bool  #: the link leads to a page that can be one entry's
    traits: bytes
    long: bool  #: it has text enough to be told by it
    nameless: bool  #: it has neither id nor link: its id is a hash

    @property
    def dated(self) -> bool:
        """Tell whether upstream says when it was published."""
        return self.traits[PUBLISHED] != UNDATED

    @property
    def timed(self) -> bool:
        """Tell whether that is more than a day."""
        return self.dated and int.from_bytes(self.traits[PUBLISHED], "big", signed=True) % _HOUR_SECONDS != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Which known entry a stranger is."""

    id: str  #: the new one
    key: str  #: of the entry
    by: str  #: "id", "link", "text", "title" (`decide.adopted`): by what; "twin": it stands in the document twice


def stranger(entry: Entry, key: str) -> Stranger:
    """Return an entry under an unknown id as it can be recognised."""
    home = entry.feed.link is not None and entry.link is not None and comparable(entry.link) == comparable(entry.feed.link)
    return Stranger(
        id=entry.id,
        key=key,
        link=link_hash(entry.link),
        page=entry.link is not None and is_page(entry.link) and not home,
        traits=traits_of(entry),
        long=len(visible_text(entry)) >= LONG,
        nameless=entry.id.startswith("urn:sha256:") and entry.link is None,
    )


def recognise(
    strangers: Sequence[Stranger], known: Mapping[str, KnownEntry], present: Collection[str], *, by_link: bool = False
) -> tuple[Recognised, ...]:
    """Return the strangers that are known; `present` are the keys that the document holds, theirs included.

    `by_link`: the source's ids count for nothing, so its entries are told by their pages alone.
    """
    found = dict(_twins(strangers))
    others = [one for one in strangers if one.id not in found]
    claims = _claims(others, _Index(others, known, present), by_link=by_link)
    taken = Counter(claim.key for claim in claims)
    # One entry cannot come back as two: then none of them is it, unless they are the same in everything.
    found |= {claim.id: claim for claim in claims if taken[claim.key] == 1 or claim.by == "all"}
    twins = {one.key: found[one.id].key for one in others if one.id in found}
    return tuple(
        Recognised(id=one.id, key=twins.get(claim.key, claim.key), by="text" if claim.by == "all" else claim.by)
        for one in strangers
        if (claim := found.get(one.id)) is not None
    )


def written_down(
    recognised: Iterable[Recognised], known: Mapping[str, KnownEntry], aliases: Mapping[str, str], *, unstable: bool
) -> tuple[Recognised, ...]:
    """Return those whose new ids are worth a line in the ledger.

    Of an unstable source only what was deleted: no post will tell a lost state what it looked like.
    """
    number = Counter(aliases.values())
    gone = {key for key, entry in known.items() if not entry.path}
    return tuple(
        one
        for one in recognised
        if one.id not in aliases and (one.key in gone or not unstable) and number[one.key] < MOST_ALIASES + (one.key in gone)
    )


def is_unstable(
    recognised: Sequence[Recognised], known: Mapping[str, KnownEntry], aliases: Mapping[str, str], entries: int
) -> bool:
    """Tell whether a source's ids change again and again: half of a document had other ids before, and others before that.

    Ids that changed from http to https do not count.
    """
    changed = {key for entry_id, key in aliases.items() if key in known and known[key].traits[ID] != id_trait(entry_id)}
    # An adopted post has an id of ours, so upstream's is always another one.
    again = sum(one.key in changed for one in recognised if one.by not in {"twin", "title"})
    return again >= FEW and again * 2 >= entries


def _twins(strangers: Sequence[Stranger]) -> Iterable[tuple[str, Recognised]]:
    """Yield the strangers that are another stranger of the document under a second id; the least id stands for both."""
    groups: dict[bytes, list[Stranger]] = defaultdict(list)
    for one in strangers:
        if one.page and one.dated and one.long:
            groups[one.link + one.traits[ALL_BUT_ID]].append(one)
    for group in groups.values():
        first, *others = sorted(group, key=lambda one: one.id)
        yield from ((one.id, Recognised(id=one.id, key=first.key, by="twin")) for one in others)


class _Index:
    """The known entries that could be meant, found in one pass over them."""

    def __init__(self, strangers: Sequence[Stranger], known: Mapping[str, KnownEntry], present: Collection[str]) -> None:
        self._present = present
        self.known = known
        self.by: dict[bytes, list[str]] = defaultdict(list)
        ids = {one.traits[ID] for one in strangers}
        links = {one.link for one in strangers if one.page}
        times = {one.traits[TITLE_AND_PUBLISHED] for one in strangers}
        texts = {one.traits[TEXT] + one.traits[PUBLISHED] for one in strangers if one.nameless}
        for key, link, traits in marks_of(known):
            if traits[ID] in ids:
                self.by[b"i" + traits[ID]].append(key)
            if link in links:
                self.by[b"l" + link].append(key)
            if traits[TITLE_AND_PUBLISHED] in times:
                self.by[b"t" + traits[TITLE_AND_PUBLISHED]].append(key)
            if texts and traits[TEXT] + traits[PUBLISHED] in texts:
                self.by[b"x" + traits[TEXT] + traits[PUBLISHED]].append(key)

    def all(self, kind: bytes, value: bytes) -> list[str]:
        """Return all known entries with this part, those in the document included."""
        return self.by.get(kind + value, [])

    def only(self, keys: Sequence[str]) -> str | None:
        """Return the one entry that is meant, if there is just one and the document does not hold it."""
        return keys[0] if len(keys) == 1 and keys[0] not in self._present else None

    def absent(self, keys: Iterable[str]) -> list[str]:
        """Return those that the document does not hold."""
        return [key for key in keys if key not in self._present]


def _claims(strangers: Sequence[Stranger], index: _Index, *, by_link: bool) -> list[Recognised]:
    ids = Counter(one.traits[ID] for one in strangers)
    links = Counter(one.link for one in strangers)
    claims: list[Recognised] = []
    for one in strangers:
        claim = None
        if ids[one.traits[ID]] == 1:
            claim = _by_id(one, index)
        if claim is None and one.page and links[one.link] == 1:
            claim = _by_link(one, index, by_link=by_link)
        if claim is None:
            claim = _by_text(one, index)
        if claim is not None:
            claims.append(claim)
    return [*claims, *_together(strangers, {claim.id for claim in claims}, index)]


def _by_id(one: Stranger, index: _Index) -> Recognised | None:
    if "://" in one.id and not is_page(one.id):
        return None
    key = index.only(index.all(b"i", one.traits[ID]))
    return None if key is None else Recognised(id=one.id, key=key, by="id")


def _by_link(one: Stranger, index: _Index, *, by_link: bool) -> Recognised | None:
    pages = index.all(b"l", one.link)
    key = index.only(pages)
    if key is None:
        return _present_twin(one, index, pages)
    traits = index.known[key].traits
    same_title = traits[TITLE] == one.traits[TITLE]
    same_text = one.long and traits[TEXT] == one.traits[TEXT]
    same_time = one.dated and traits[PUBLISHED] == one.traits[PUBLISHED]
    sure = (
        # A bare day is no time: a page may have been two entries on one day.
        (same_time and (one.timed or same_title or same_text)) or (same_title and same_text)
    )
    return Recognised(id=one.id, key=key, by="link") if sure or by_link else None


def _present_twin(one: Stranger, index: _Index, pages: Sequence[str]) -> Recognised | None:
    """Return the known entry of this very document that the stranger repeats under a second id."""
    if not (one.dated and one.long):
        return None
    same = [key for key in pages if index.known[key].traits[ALL_BUT_ID] == one.traits[ALL_BUT_ID]]
    return Recognised(id=one.id, key=min(same), by="twin") if same else None


def _by_text(one: Stranger, index: _Index) -> Recognised | None:
    known = index.known
    near = index.all(b"t", one.traits[TITLE_AND_PUBLISHED])
    equal = [key for key in near if known[key].traits[TEXT] == one.traits[TEXT]]
    whole = [key for key in index.absent(equal) if known[key].link_hash == one.link]
    if whole:
        return Recognised(id=one.id, key=min(whole), by="all")
    key = index.only(equal) if one.dated and one.long else None
    if key is None and one.nameless and one.dated:
        same_text = index.all(b"x", one.traits[TEXT] + one.traits[PUBLISHED]) if one.long else []
        nameless = {key for key in (*near, *same_text) if known[key].link_hash == _NO_LINK}
        key = index.only(sorted(nameless))
    return None if key is None else Recognised(id=one.id, key=key, by="text")


def _together(strangers: Sequence[Stranger], done: Collection[str], index: _Index) -> list[Recognised]:
    """Return those that came back together, title and time the same; alone, none of them would be sure."""
    times = Counter(one.traits[TITLE_AND_PUBLISHED] for one in strangers)
    found = [
        (one, key)
        for one in strangers
        if one.id not in done and one.dated and times[one.traits[TITLE_AND_PUBLISHED]] == 1
        if (key := index.only(index.all(b"t", one.traits[TITLE_AND_PUBLISHED]))) is not None
    ]
    moments = {one.traits[PUBLISHED] for one, _ in found}
    if len(moments) < FEW or len(found) * 2 < len(strangers):
        return []
    return [Recognised(id=one.id, key=key, by="text") for one, key in found]
