"""One entry as it came + the post that is there -> what to write. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from aggregator.model.changes import KnownEntry
from aggregator.model.entry import Entry


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

    `published` never moves (RFC 4287 §4.2.9), nor does the time it was first seen; categories and byline are the owner's
    and follow settings only through `build --posts`. `updated` moves only when the entry itself changed (RFC 4287 §4.2.15: in
    a way that the publisher considers significant): many feeds date their entries anew on every fetch.

    `dated_by_upstream` is False where upstream did not write the date in full (its year or day was added or put right by us):
    such a date says nothing about a change.
    """
    # A feed that gives only `updated` arrives with it as `published`: then that is what moves.
    given = (new.updated, new.published if dated_by_upstream else None, old.updated)
    claims = [date for date in given if date is not None and date > old.date]
    merged = replace(
        new,
        published=old.published,
        first_seen=old.first_seen,
        categories=old.categories,
        author=old.author,
        updated=max(claims, default=None),
    )
    if replace(merged, updated=old.updated, feed=old.feed) == old:
        return replace(merged, updated=old.updated)
    return merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A post on disk against what it should be."""

    rewrite: bool
    locked: bool  #: found edited by hand


def compare(known: KnownEntry, *, on_disk: bytes, disk_hash: bytes, should_be: bytes) -> Comparison:
    """Return whether to rewrite a post that upstream changed; never one that somebody edited (DESIGN 7).

    A post that was adopted (its raw hash is unknown) and differs from what we would write was edited by hand, or upstream
    changed it while the state was away: which of the two cannot be told, so it is kept.
    """
    if on_disk == should_be:
        return Comparison(rewrite=False, locked=False)
    if known.raw_hash is None or disk_hash != known.post_hash:
        return Comparison(rewrite=False, locked=True)
    return Comparison(rewrite=True, locked=False)
