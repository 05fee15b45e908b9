"""A word -> everything that is known about the entries and sources that it may mean. Reads only: no lock, no network.

Comes in: a post's key or path, an atom:id, an upstream id, a link, a feed's address, a source's id. Goes out: facts, in plain
records. Nothing is decided here: reasons come from where the decisions are made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from aggregator.errors import NewerFormatError, StoreError
from aggregator.fetch.address import redact
from aggregator.model.changes import SOME_VERSION, PostRow
from aggregator.model.entry import Entry
from aggregator.model.key import atom_id, key_of_name, link_hash
from aggregator.model.source import Source
from aggregator.normalise.address import absolute, stable_link
from aggregator.pipeline.effective import former_names, identity
from aggregator.pipeline.reading import Reading
from aggregator.pipeline.source_facts import SourceFacts, source_facts
from aggregator.pipeline.standing import FeedPlace, Shelves, replaced_content
from aggregator.store.ledger import Alias, Deleted, Expired, Renamed, Takedown
from aggregator.store.posts import StoredPost, is_adopted, read_post
from aggregator.store.profiles import PostFormatError, get_profile
from aggregator.store.state import State

MOST = 10  #: that are explained at once
NEAR = 5
_KEY = re.compile(r"[a-z2-7]{12}\Z")
_DERIVED = "urn:uuid:"
_EXPIRED = "its post was beyond the limits of `keep` and was removed; it is not written again"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFacts:
    """What is known of one entry."""

    key: str
    title: str | None
    source: str  #: its name
    source_id: str  #: its identity
    source_place: str | None  #: file:line; None: it is not in the configuration
    upstream_id: str
    atom_id: str
    link: str | None
    post: str | None  #: relative to the project folder; None: the state knows none
    post_state: str  #: written, edited, adopted, missing, unreadable, expired, unknown
    post_words: str
    category: tuple[str, ...]
    dated: str | None  #: how the date was chosen when the post was first written (docs/dates.md); None: nobody remembers
    published: datetime | None
    updated: datetime | None
    first_seen: datetime | None  #: set only where upstream gave no date
    feeds: tuple[FeedPlace, ...]
    ledger: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a word may mean."""

    sources: tuple[SourceFacts, ...] = ()
    entries: tuple[EntryFacts, ...] = ()
    more: int = 0  #: entries that it may mean as well
    near: tuple[str, ...] = ()  #: what it may have meant, where it means nothing


def explain(reading: Reading, word: str) -> Explanation:
    """Return what the word means here. Raises StoreError."""
    sources = tuple(source_facts(reading, own) for own in _sources(reading, word))
    rows, lost = find_entries(reading, word)
    number = len(rows) + len(lost)
    if not sources and not number:
        return Explanation(near=_near(reading, word))
    state = reading.state
    shelves = Shelves(reading.settings, state) if rows and state is not None else None
    entries = [_facts(reading, row, shelves) for row in rows[:MOST]] + [_lost(reading, line) for line in lost]
    return Explanation(sources=sources, entries=tuple(entries[:MOST]), more=max(0, number - MOST))


# -- what a word means ----------------------------------------------------------------------------------------------


def _sources(reading: Reading, word: str) -> list[str]:
    """Return the identities of the sources that a word names, by a name they have or had, or by an address."""
    former = former_names(reading.ledger.of(Renamed))
    own = identity(word, former)
    found = [source.id for source in reading.settings.sources if source.id == own or _asked_at(source, word)]
    if not found and reading.state is not None and (own in reading.state.sources() or reading.state.count(own)):
        found.append(own)  # removed from the configuration
    return found


def _asked_at(source: Source, word: str) -> bool:
    addresses = (source.feed, source.moved_from, *source.addresses)
    return word.rstrip("/") in {form.rstrip("/") for each in addresses if each for form in (each, redact(each))}


def find_entries(reading: Reading, word: str) -> tuple[list[PostRow], list[Deleted | Takedown | Expired]]:
    """Return the posts that a word may mean, and what only the ledger knows of."""
    state = reading.state
    ledger = reading.ledger
    gone: tuple[Deleted | Takedown | Expired, ...] = (*ledger.of(Deleted), *ledger.of(Takedown), *ledger.of(Expired))
    named = [line for line in gone if word in {line.key, line.id, atom_id(line.source, line.id)}]
    if state is None:
        return [], named
    keys = [line.key for line in reading.ledger.of(Alias) if word in {line.id, atom_id(line.source, line.id)}]
    keys += [key for key in (key_of_name(word), word.lower() if _KEY.match(word.lower()) else None) if key]
    rows = state.find(keys) if keys else []
    if not rows and word.endswith(".md"):  # an adopted post's file, which has no key in its name
        rows = state.at([word.rpartition(f"{reading.settings.posts.dir.as_posix()}/")[2]])
    if not rows:
        rows = state.find(keys, ids=_as_ids(word), links=_as_links(word))
    if not rows and word.lower().startswith(_DERIVED):
        rows = state.find([key for key, *ids in state.every_id() if atom_id(*ids) == word.lower()])
    known = {row.key for row in rows}
    return rows, [line for line in named if line.key not in known]


def same_page(state: State, rows: Iterable[PostRow]) -> list[PostRow]:
    """Return the posts that lead to the same pages as these, these among them."""
    links = sorted({row.link_hash for row in rows} - {link_hash(None)})
    return state.find([], links=links) if links else []


def _as_ids(word: str) -> list[str]:
    return sorted({word, stable_link(word)})


def _as_links(word: str) -> list[bytes]:
    """Return the hashes of a link in the spellings that people and programs take for the same."""
    whole = absolute(word, None)
    if whole is None:
        return []
    bare = whole.partition("#")[0]
    forms = {whole, bare, bare.removesuffix("/"), f"{bare}/"}
    swapped = {"https": "http", "http": "https"}
    forms |= {
        f"{swapped[scheme]}{rest}" for scheme, _, rest in (form.partition(":") for form in forms) for rest in (f":{rest}",)
    }
    return [link_hash(form) for form in sorted(forms)]


def _near(reading: Reading, word: str) -> tuple[str, ...]:
    """Return what is spelled alike: sources first, then posts that hold the word."""
    from difflib import get_close_matches

    names = {source.name: source.name for source in reading.settings.sources}
    names |= {redact(address): source.name for source in reading.settings.sources for address in source.addresses}
    sources = dict.fromkeys(names[each] for each in get_close_matches(word, names, NEAR, 0.75))
    posts = [] if reading.state is None else reading.state.resembling(word.strip(), NEAR)
    return (*(f"source {name}" for name in sources), *(f"entry {row.key}  {row.title}" for row in posts))


# -- facts about an entry -------------------------------------------------------------------------------------------


def _facts(reading: Reading, row: PostRow, shelves: Shelves | None) -> EntryFacts:
    entry, post_state, words = (None, "expired", _EXPIRED) if row.expired else _post(reading, row)
    gone = _gone_words(reading, row.key)
    absence = gone[0] if gone else _EXPIRED if row.expired else None
    if absence is None and post_state in {"missing", "unreadable"}:
        absence = f"its post {'is not there' if post_state == 'missing' else 'cannot be read'}"
    safe = entry
    if entry is not None and (post_state in {"edited", "adopted"} or row.raw_hash in {None, SOME_VERSION}):
        safe = replaced_content(entry)
    return EntryFacts(
        key=row.key,
        title=entry.title if entry else row.title,
        source=reading.name(row.source_id),
        source_id=row.source_id,
        source_place=reading.place(row.source_id),
        upstream_id=row.entry_id,
        atom_id=atom_id(row.source_id, row.entry_id),
        link=entry.link if entry else None,
        post=f"{reading.settings.posts.dir}/{row.path}",
        post_state=post_state,
        post_words=words,
        category=entry.categories if entry else row.categories,
        dated=row.dated,
        published=entry.published if entry else None,
        updated=entry.updated if entry else None,
        first_seen=entry.first_seen if entry else None,
        feeds=shelves.places(row, safe, absence) if shelves else (),
        ledger=(*gone, *_alias_words(reading, row.key)),
    )


def _post(reading: Reading, row: PostRow) -> tuple[Entry | None, str, str]:
    """Return the post as it reads now, its state, and that in words."""
    settings = reading.settings
    profile, root = get_profile(settings.posts.profile, settings.site.timezone), settings.root
    try:
        found = read_post(root / settings.posts.dir, row.path, profile, root / "archive", key=row.key)
    except NewerFormatError:
        raise
    except (PostFormatError, StoreError) as error:
        return None, "unreadable", f"it cannot be read and is kept as it is: {error}"
    if found is None:
        return None, "missing", "the file is not there: deleted, or its folder is not mounted"
    return found.entry, *_as_it_lies(row, found)


def _as_it_lies(row: PostRow, found: StoredPost) -> tuple[str, str]:
    """Return state and words of a post that can be read."""
    if found.hash != row.post_hash and found.sealed:
        return "written", "as it was written, by another run than the state knows of"
    if found.hash != row.post_hash:
        return "edited", f"changed since it was last published (aggregator build); kept; {_noted(row)}"
    if row.locked:
        return _locked(row)
    if row.raw_hash in {None, SOME_VERSION}:
        return "written", "as it was found; the next poll compares it with what upstream says"
    return "written", "as it was written from what upstream said last"


def _locked(row: PostRow) -> tuple[str, str]:
    """Return state and words of a post that is not ours to write."""
    if is_adopted(row.path, row.key):
        return "adopted", f"adopted as it was found in an old site: published, never written; {_noted(row)}"
    return "edited", f"edited by hand: kept, and published as edited; {_noted(row)}"


def _noted(row: PostRow) -> str:
    if row.noted:
        return "upstream has had another version since, which is only noted"
    return "upstream has not changed it since" if row.raw_hash is not None else "not compared with upstream yet"


def _lost(reading: Reading, line: Deleted | Takedown | Expired) -> EntryFacts:
    """Return what the ledger alone says of an entry."""
    return EntryFacts(
        key=line.key,
        title=None,
        source=reading.name(line.source),
        source_id=line.source,
        source_place=reading.place(line.source),
        upstream_id=line.id,
        atom_id=atom_id(line.source, line.id),
        link=None,
        post=None,
        post_state="unknown",
        post_words="the state knows no post of it",
        category=(),
        dated=None,
        published=None,
        updated=None,
        first_seen=None,
        feeds=(),
        ledger=_gone_words(reading, line.key),
    )


def _gone_words(reading: Reading, key: str) -> tuple[str, ...]:
    deleted = [
        f"deleted by hand on {line.at:%Y-%m-%d}; it is not written again"
        for line in reading.ledger.of(Deleted)
        if line.key == key
    ]
    taken = [
        f"taken down on {line.at:%Y-%m-%d}; it is never published{f' ({line.reason})' if line.reason else ''}"
        for line in reading.ledger.of(Takedown)
        if line.key == key
    ]
    expired = [
        f"without a date of its own, and kept no longer since {line.at:%Y-%m-%d} (keep); it is not written again"
        for line in reading.ledger.of(Expired)
        if line.key == key
    ]
    return (*taken, *deleted, *expired)


def _alias_words(reading: Reading, key: str) -> tuple[str, ...]:
    return tuple(
        f'upstream also calls it "{line.id}", since {line.at:%Y-%m-%d}' for line in reading.ledger.of(Alias) if line.key == key
    )
