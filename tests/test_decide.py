"""What becomes of an entry, from what is known of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.decide import Fate, Verdict, compare, is_learned, judge, merge
from aggregator.model.changes import KnownEntry
from aggregator.model.entry import Entry, Episode, Feed, SafeHtml

THEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KNOWN = KnownEntry(raw_hash=b"raw", link_hash=b"link", path="a/b-0.md", post_hash=b"post", locked=False)
ENTRY = Entry(
    id="1",
    source_id="s",
    title="t",
    categories=("news",),
    content=SafeHtml("<p>x</p>"),
    published=THEN,
    first_seen=None,
    feed=Feed(title="f"),
    author="byline",
)


@pytest.mark.parametrize(
    ("known", "raw_hash", "verdict"),
    [
        (None, b"raw", Verdict.NEW),
        (KNOWN, b"raw", Verdict.KNOWN),
        (KNOWN, b"other", Verdict.CHANGED),
        (replace(KNOWN, raw_hash=None), b"raw", Verdict.CHANGED),
        (replace(KNOWN, locked=True), b"other", Verdict.NOTED),
        (replace(KNOWN, locked=True), b"raw", Verdict.KNOWN),
    ],
)
def test_verdicts(known: KnownEntry | None, raw_hash: bytes, verdict: Verdict) -> None:
    """New, known, changed, or only noted because the post is somebody's own."""
    assert judge(known, raw_hash) is verdict


def test_an_update_moves_neither_dates_nor_the_owners_fields() -> None:
    """`published`, categories and byline stay as they were when upstream sends a new version (RFC 4287 §4.2.9).

    A later date that upstream gives becomes `updated`: some feeds have only one date, and move it.
    """
    new = replace(ENTRY, title="new", published=THEN + timedelta(days=1), categories=("other",), author="new byline")

    assert merge(new, ENTRY) == replace(ENTRY, title="new", updated=THEN + timedelta(days=1))


def test_an_update_keeps_the_first_seen_time() -> None:
    """An entry without a date keeps the one it was given when it was first seen."""
    old = replace(ENTRY, published=None, first_seen=THEN)
    new = replace(ENTRY, published=None, first_seen=THEN + timedelta(days=9), title="new")

    assert merge(new, old).first_seen == THEN


def test_an_update_is_never_older_than_the_entry() -> None:
    """Upstream's `updated` counts only when it is later than the date of the post, and never goes back."""
    new = replace(ENTRY, title="new")

    assert merge(replace(new, updated=THEN - timedelta(days=1)), ENTRY).updated is None
    assert merge(replace(new, updated=THEN + timedelta(days=1)), ENTRY).updated == THEN + timedelta(days=1)
    assert merge(new, replace(ENTRY, updated=THEN + timedelta(days=2))).updated == THEN + timedelta(days=2)


@pytest.mark.parametrize(
    "dates",
    [
        {"updated": THEN + timedelta(days=1)},
        {"published": THEN + timedelta(days=1)},
        {"published": THEN - timedelta(days=400)},
        {"published": None, "first_seen": THEN + timedelta(days=1)},
    ],
)
def test_a_date_alone_changes_nothing(dates: dict[str, datetime | None]) -> None:
    """An entry of which upstream moved only dates stays as it is, `updated` too."""
    for old in (ENTRY, replace(ENTRY, published=None, first_seen=THEN), replace(ENTRY, updated=THEN + timedelta(hours=1))):
        assert merge(replace(ENTRY, **dates), old) == old  # type: ignore[arg-type]


def test_equal_updated_does_not_hide_a_change() -> None:
    """An entry whose text changed while its `updated` stayed gets the new text and keeps that `updated`."""
    old = replace(ENTRY, updated=THEN + timedelta(days=1))
    new = replace(old, content=SafeHtml("<p>y</p>"))

    assert merge(new, old) == new


def test_a_feed_that_renames_itself_updates_no_entry() -> None:
    """What a post says about its feed is renewed without a move of `updated`."""
    new = replace(ENTRY, feed=Feed(title="g"), updated=THEN + timedelta(days=1))

    assert merge(new, ENTRY) == replace(ENTRY, feed=Feed(title="g"))


def test_only_upstreams_own_word_tells_of_a_change() -> None:
    """A later date whose year we added or mended is no claim of a change; one that upstream wrote is."""
    new = replace(ENTRY, title="new", published=THEN + timedelta(days=365))

    assert merge(new, ENTRY).updated == THEN + timedelta(days=365)
    assert merge(new, ENTRY, dated_by_upstream=False) == replace(ENTRY, title="new")


@pytest.mark.parametrize(
    ("known", "disk_hash", "same", "plain", "fate"),
    [
        (KNOWN, b"post", False, True, Fate.REWRITE),
        (KNOWN, b"post", True, True, Fate.KEEP),
        (KNOWN, b"edited", False, True, Fate.LOCK),
        (KNOWN, b"edited", True, False, Fate.LOCK),
        (KNOWN, b"edited", True, True, Fate.HEAL),
        (replace(KNOWN, raw_hash=None), b"post", False, True, Fate.LOCK),
        (replace(KNOWN, raw_hash=None), b"post", True, False, Fate.LOCK),
        (replace(KNOWN, raw_hash=None), b"post", True, True, Fate.KEEP),
    ],
    ids=[
        *("ours", "equal", "edited by hand", "keys added by hand", "written by a run that died"),
        *("adopted and different", "adopted, with keys of somebody's", "adopted and equal"),
    ],
)
def test_only_a_post_that_is_ours_is_rewritten(
    known: KnownEntry, disk_hash: bytes, *, same: bool, plain: bool, fate: Fate
) -> None:
    """A post is rewritten only if it is byte for byte what we last wrote, and a reader would notice."""
    assert compare(known, disk_hash=disk_hash, same=same, plain=plain, sealed=False) is fate


@pytest.mark.parametrize(
    ("known", "disk_hash", "same", "fate"),
    [
        (KNOWN, b"post", False, Fate.REWRITE),
        (KNOWN, b"post", True, Fate.KEEP),
        (KNOWN, b"other", False, Fate.REWRITE),
        (KNOWN, b"other", True, Fate.HEAL),
        (replace(KNOWN, raw_hash=None), b"post", False, Fate.REWRITE),
        (replace(KNOWN, raw_hash=None), b"post", True, Fate.KEEP),
        (replace(KNOWN, locked=True), b"post", False, Fate.REWRITE),
        (replace(KNOWN, locked=True), b"post", True, Fate.HEAL),
    ],
)
def test_a_sealed_post_is_ours_whatever_is_known(known: KnownEntry, disk_hash: bytes, *, same: bool, fate: Fate) -> None:
    """A post that proves that nobody edited it follows upstream: after a lost state, or another machine's run."""
    assert compare(known, disk_hash=disk_hash, same=same, plain=True, sealed=True) is fate


@pytest.mark.parametrize(
    ("known", "disk_hash", "plain", "sealed", "fate"),
    [
        (KNOWN, b"post", True, True, Fate.REWRITE),
        (KNOWN, b"post", True, False, Fate.REWRITE),
        (KNOWN, b"other", True, True, Fate.REWRITE),
        (KNOWN, b"other", True, False, Fate.HEAL),
        (replace(KNOWN, raw_hash=None), b"post", True, True, Fate.REWRITE),
        (replace(KNOWN, raw_hash=None), b"post", True, False, Fate.KEEP),
        (KNOWN, b"edited", False, False, Fate.LOCK),
    ],
)
def test_a_post_that_lacks_its_episode_is_no_edited_one(
    known: KnownEntry, disk_hash: bytes, *, plain: bool, sealed: bool, fate: Fate
) -> None:
    """A post of before episodes were read gets what it lacks where it is surely ours, and is locked only if it was edited."""
    assert compare(known, disk_hash=disk_hash, same=False, plain=plain, sealed=sealed, learned=True) is fate


def test_an_episode_is_learned_where_nothing_else_is_new() -> None:
    """Only what the post does not say at all is learned: noise beside it counts for nothing, an edit for an edit."""
    new = replace(ENTRY, episode=Episode(duration=9))

    assert is_learned(new, ENTRY)
    assert is_learned(replace(new, content=SafeHtml("<p> x</p>"), updated=THEN + timedelta(days=1)), ENTRY)
    assert not is_learned(replace(new, title="new"), ENTRY)
    assert not is_learned(replace(new, episode=Episode(duration=8)), new)
    assert not is_learned(ENTRY, new)
    assert not is_learned(ENTRY, ENTRY)
