"""One entry as it came + the post that is there -> what to write. Pure."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from aggregator.decide.noise import same_address, same_for_readers, same_text
from aggregator.model.changes import KnownEntry
from aggregator.model.entry import Entry
from aggregator.model.traits import visible_text

#: How much of the shorter text two versions of one entry have in common at least.
_SHARED = 0.4
_SHINGLE = 5  #: characters


class Verdict(Enum):
    """What is to be done about an entry of a feed."""

    KNOWN = "known"  #: as parsed, it is what it was: not even normalised
    NEW = "new"  #: has no post yet
    CHANGED = "changed"  #: upstream changed it, or it was adopted and never compared
    NOTED = "noted"  #: changed upstream, but its post is not ours to write any more


def judge(known: KnownEntry | None, raw_hash: bytes) -> Verdict:
    """Return what an entry needs, from what is known of it and its raw hash now."""
    if known is None:
        return Verdict.NEW
    if known.raw_hash == raw_hash:
        return Verdict.KNOWN
    return Verdict.NOTED if known.locked else Verdict.CHANGED


def merge(new: Entry, old: Entry, *, dated_by_upstream: bool = True) -> Entry:
    """Return the entry as its post should now read: upstream's new version, with what never moves kept.

    The id is what it was first known by, whatever alias it comes under. `published` never moves (RFC 4287 §4.2.9), nor does
    the time it was first seen; categories and byline are the owner's and follow settings only through `build --posts`.
    `updated` moves only when the entry itself changed (RFC 4287 §4.2.15: in a way that the publisher considers significant):
    many feeds date their entries anew on every fetch.

    `dated_by_upstream` is False where upstream did not write the date in full (its year or day was added or put right by us):
    such a date says nothing about a change.
    """
    # A feed that gives only `updated` arrives with it as `published`: then that is what moves.
    given = (new.updated, new.published if dated_by_upstream else None, old.updated)
    claims = [date for date in given if date is not None and date > old.date]
    merged = replace(
        new,
        id=old.id,
        published=old.published,
        first_seen=old.first_seen,
        categories=old.categories,
        author=old.author,
        updated=max(claims, default=None),
    )
    if replace(merged, updated=old.updated, feed=old.feed) == old:
        return replace(merged, updated=old.updated)
    return merged


def is_learned(new: Entry, old: Entry) -> bool:
    """Tell whether a post lacks what makes its entry an episode, and for a reader nothing else.

    Then it is most likely older than that field, and upstream has edited nothing: all else, dates included, stays as it is.
    """
    return new.episode is not None and old.episode is None and same_for_readers(replace(new, episode=None), old)


def is_another(new: Entry, old: Entry) -> bool:
    """Tell whether an id was given to another entry: title, page, time and text are all different ones.

    Whoever edits an entry leaves one of them, or much of the text, as it was.
    """
    if new.link is None or old.link is None or new.published is None or old.published is None:
        return False
    if same_address(new.link, old.link) or same_text(new.title, old.title) or new.published == old.published:
        return False
    shingles, before = _shingles(visible_text(new)), _shingles(visible_text(old))
    return len(shingles & before) < _SHARED * min(len(shingles), len(before)) or not shingles or not before


def _shingles(text: str) -> set[str]:
    return {text[start : start + _SHINGLE] for start in range(len(text) - _SHINGLE + 1)}


class Fate(Enum):
    """What is to be done about a post whose entry came differently."""

    KEEP = "keep"  #: nothing that a reader would notice
    HEAL = "heal"  #: nothing, but the state does not know this version: a run died before it could say so
    REWRITE = "rewrite"  #: upstream edited the entry
    LOCK = "lock"  #: somebody edited the post


def compare(known: KnownEntry, *, disk_hash: bytes, same: bool, plain: bool, sealed: bool, learned: bool = False) -> Fate:
    """Return what becomes of a post; never is one rewritten that somebody edited (DESIGN 7).

    `same`: for a reader, the post says what it should; `sealed`: it proves by itself that nobody has edited it, whatever is
    known of it: this state may be an old one, and another machine have written it; `plain`: it is byte for byte what its entry
    renders to; `learned`: it is not the same, but only as `is_learned` says, which is no sign of a hand. A post without a seal
    that is not as the state knows it, and says something else, was edited by hand, or upstream changed it while the state was
    away: which of the two cannot be told, so it is kept.
    """
    at_rest = disk_hash == known.post_hash and not known.locked
    if sealed or (at_rest and known.raw_hash is not None):
        return Fate.REWRITE if not same else Fate.KEEP if at_rest else Fate.HEAL
    if (same or learned) and plain:
        return Fate.KEEP if at_rest else Fate.HEAL
    return Fate.LOCK
