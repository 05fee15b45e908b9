"""One fetched body -> posts on disk and the rows that describe them. Runs in a worker, on hostile bytes.

    inflate -> parse -> identify -> recognise -> normalise -> decide -> render -> write

All but the last step stand under the feed's own deadline; nothing is written before all of them are done, so that a body
that kills its worker has changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aggregator.decide import Fate, Verdict, compare, is_another, is_learned, judge, merge
from aggregator.decide.noise import same_for_readers
from aggregator.decide.retention import admit, rank
from aggregator.model.changes import SOME_VERSION, Changes, KnownEntry, PostRow, Skipped
from aggregator.model.entry import Entry
from aggregator.model.key import entry_key
from aggregator.normalise import Identified, choose_date, date_habits, explain_date, normalise_feed
from aggregator.normalise.dropped import find_dropped
from aggregator.parse import NotAFeedError, UnreadableFeedError, parse_feed
from aggregator.parse.body import InflateError, inflate
from aggregator.parse.limits import MAX_ENTRIES
from aggregator.pipeline.document import Document
from aggregator.pipeline.jobs import OWN_FEED, SOMEBODY_ELSE, DigestJob, NewNames, Unreadable
from aggregator.store.paths import post_path
from aggregator.store.posts import is_plain, is_unedited, post_hash, read_extra, read_post_file, reader_of, row_of, write_post
from aggregator.store.profiles import PostFormatError, Profile, Rendered, get_profile
from aggregator.workers import arm_deadline, disarm_deadline

_TO_NORMALISE = (Verdict.NEW, Verdict.CHANGED)
_NAMED = 3
_KEPT = "the post cannot be read and is kept as it is: {}"
_EMPTY_AND_ALIAS = "the post is empty and is kept as it is: its entry comes under another id now, so it cannot be written anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """A post that is to be written once the whole feed is understood."""

    entry: Entry
    item: Identified
    path: str
    rendered: Rendered
    is_new: bool
    in_place: bool = True  #: something stands where it goes
    dated: str | None = None  #: how the date of a new post was chosen


class Draft:
    """What a digest has found so far."""

    def __init__(self) -> None:
        self.posts: dict[str, tuple[str, Rendered]] = {}  #: path and bytes for new entries, by key, where made in advance
        self.writes: list[_Write] = []
        self.adopted: list[PostRow] = []
        self.healed: list[PostRow] = []  #: rewritten by a run that died before it could say so
        self.noted: list[tuple[str, bytes]] = []
        self.locked: list[str] = []
        self.skipped: list[Skipped] = []
        self.told: list[str] = []  #: what was recognised, in words
        self.dropped: list[str] = []  #: addresses that are none, in words
        self.noise = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A body that has been read to its end and decided about; nothing is written yet."""

    document: Document
    draft: Draft
    turned_away: tuple[tuple[str, str], ...]


def digest(job: DigestJob) -> Changes | NewNames | Unreadable:
    """Turn one body into posts; returns only what is news. Raises StoreError if a post cannot be written."""
    found = understand(job)
    return carry_out(found) if isinstance(found, Understood) else found


def understand(job: DigestJob) -> Understood | NewNames | Unreadable:
    """Read a body and decide about its entries, under the feed's own deadline; writes nothing."""
    arm_deadline()
    try:
        body = inflate(job.body, job.coding, job.max_bytes)
        parsed = parse_feed(body, job.headers, address=job.final_address, limit=job.limit or MAX_ENTRIES)
        feed = normalise_feed(parsed, job.source, address=job.final_address)
        if parsed.id in job.own_feeds:
            return Unreadable(kind="own-feed", message=OWN_FEED)
        document = Document(job, parsed, feed)
        items = document.items()
        if document.names is not None:
            return document.names
        if job.moving and job.known and items and not any(item.key in job.known for item in items):
            return Unreadable(kind="redirect", message=SOMEBODY_ELSE.format(job.final_address.partition("?")[0]))
        draft = _plan(document, items)
        return Understood(document=document, draft=draft, turned_away=_turn_away(job, draft))
    except InflateError as error:
        return Unreadable(kind=error.kind, message=str(error))
    except NotAFeedError as error:
        return Unreadable(kind="parse" if isinstance(error, UnreadableFeedError) else "not-a-feed", message=str(error))
    finally:
        disarm_deadline()


def carry_out(understood: Understood) -> Changes:
    """Write the posts that were decided about. Raises StoreError."""
    document, draft = understood.document, understood.draft
    job, parsed, feed = document.job, document.parsed, document.feed
    # All posts, then all rows: as in `_plan`.
    hashes = [_write(job, write) for write in draft.writes]
    pairs = [(write, _row(write, written)) for write, written in zip(draft.writes, hashes, strict=True)]
    return Changes(
        source_id=job.source.id,
        feed_title=feed.title,
        feed_link=feed.link,
        format=parsed.format,
        new=tuple(row for write, row in pairs if write.is_new) + tuple(draft.adopted),
        updated=tuple(row for write, row in pairs if not write.is_new) + tuple(draft.healed),
        adopted=len(draft.adopted),
        noted=tuple(draft.noted),
        locked=tuple(draft.locked),
        skipped=tuple(draft.skipped),
        warnings=(*parsed.warnings, *document.told, *draft.told, *_first(draft.dropped)),
        noise=draft.noise,
        turned_away=understood.turned_away,
        entries=len(parsed.entries),
        complete=parsed.complete,
        hints=parsed.hints,
    )


def _first(words: list[str]) -> list[str]:
    """Return the first few of what may be said of every entry of a feed."""
    return words if len(words) <= _NAMED else [*words[:_NAMED], f"and {len(words) - _NAMED} more such addresses"]


def _plan(document: Document, items: Sequence[Identified]) -> Draft:
    """Decide about every entry; touches the disk only to read posts that upstream has changed."""
    draft = Draft()
    job = document.job
    # Each step for all of them before the next one, for the processor's caches: that saves a third of what follows.
    document.normalise([item for item in items if judge(job.known.get(item.key), item.raw_hash) in _TO_NORMALISE])
    profile = get_profile(job.place.profile, job.place.timezone)
    for item in items:
        if item.key not in job.known and isinstance(entry := document.normal(item), Entry):
            draft.posts[item.key] = _new_post(profile, item, entry)
    for item in items:
        plan_entry(document, item, draft)
    return draft


def _turn_away(job: DigestJob, draft: Draft) -> tuple[tuple[str, str], ...]:
    """Take out of the draft the new posts that there is no room for; return those that no date will tell next time."""
    if job.room is None:
        return ()
    new = [write for write in draft.writes if write.is_new]
    undated = {write.item.key for write in new if write.entry.first_seen is not None}
    ranks = [
        rank(write.entry.date, write.item.key, place=place if write.item.key in undated else None)
        for place, write in enumerate(new)
    ]
    out = {write.item.key: write.entry.id for write, fits in zip(new, admit(ranks, job.room), strict=True) if not fits}
    draft.writes = [write for write in draft.writes if write.item.key not in out]
    return tuple((key, entry_id) for key, entry_id in out.items() if key in undated)


def plan_entry(document: Document, item: Identified, draft: Draft) -> None:
    """Decide about one entry."""
    job = document.job
    known = job.known.get(item.key)
    verdict = judge(known, item.raw_hash)
    if verdict is Verdict.KNOWN:
        return
    if verdict is Verdict.NOTED and known is not None and not known.path:
        draft.noted.append((item.key, item.raw_hash))  # taken out of the archive
        return
    profile = get_profile(job.place.profile, job.place.timezone)
    entry = document.normal(item)
    if isinstance(entry, Skipped):
        _plan_skipped(item, entry, known=known, draft=draft)
        return
    draft.dropped += find_dropped(item.entry, entry, job.final_address)
    if known is None:
        _plan_new(job, profile, item, entry, draft=draft)
    else:
        _plan_changed(job, profile, item, entry, known=known, draft=draft)


def _plan_skipped(item: Identified, skip: Skipped, *, known: KnownEntry | None, draft: Draft) -> None:
    """Leave the entry out; what was published of it stays as it is, and is said once."""
    if known is None:
        draft.skipped.append(skip)
        return
    draft.skipped.append(replace(skip, reason=f"{skip.reason}; its post is kept as it is"))
    if known.raw_hash is not None:  # a post that was adopted is still to be compared with what upstream sends
        draft.noted.append((item.key, item.raw_hash))


def _new_post(profile: Profile, item: Identified, entry: Entry) -> tuple[str, Rendered]:
    """Return where the post of a new entry goes, and what it will hold."""
    return post_path(entry.categories, entry.title, item.key, profile.name_start(entry)), profile.render(entry)


def _plan_new(job: DigestJob, profile: Profile, item: Identified, entry: Entry, *, draft: Draft) -> None:
    path, rendered = draft.posts.get(item.key) or _new_post(profile, item, entry)
    try:
        there = read_post_file(job.place.root, path)
    except PostFormatError as error:
        draft.skipped.append(Skipped(entry=path, reason=_KEPT.format(error)))
        return
    if there is not None:
        try:
            extra = read_extra(job.place.archive, path, item.key, profile)
            old = profile.read(there, extra)
        except PostFormatError as error:
            if not _cut_short(there, rendered.post):
                draft.skipped.append(Skipped(entry=path, reason=_KEPT.format(error)))
                return
        else:
            if entry_key(old.source_id, old.id) != item.key:
                draft.skipped.append(Skipped(entry=path, reason="a post of another entry stands in its place and is kept"))
                return
            # What is not byte for byte ours is compared, and its HTML checked, as something that came from outside.
            ours = SOME_VERSION if is_unedited(path, item.key, there, extra) else None
            raw_hash = item.raw_hash if there == rendered.post else ours
            draft.adopted.append(row_of(old, path, post_hash(there), raw_hash=raw_hash))
            return
    _, dated = explain_date(item.entry, date_habits(job.source), job.now)
    in_place = there is not None
    draft.writes.append(
        _Write(entry=entry, item=item, path=path, rendered=rendered, is_new=True, in_place=in_place, dated=dated)
    )


def _cut_short(there: bytes, should_be: bytes) -> bool:
    """Tell whether a file is our own post as a power cut leaves it: empty, zeros, or a beginning of it."""
    return should_be.startswith(there.rstrip(b"\0"))


def _plan_changed(job: DigestJob, profile: Profile, item: Identified, entry: Entry, *, known: KnownEntry, draft: Draft) -> None:
    noted = (item.key, item.raw_hash)
    try:
        there = read_post_file(job.place.root, known.path)
    except PostFormatError as error:
        _plan_unreadable(item, known, error, draft=draft)
        return
    if there is None:
        # Deleted by hand, or the folder is not mounted: either way not ours to bring back here.
        draft.noted.append(noted)
        return
    try:
        extra = read_extra(job.place.archive, known.path, item.key, profile)
        old = reader_of(known.path, item.key, profile).read(there, extra)
    except PostFormatError as error:
        if not there.strip(b"\0") and not known.locked:
            if entry_key(job.source.id, item.id) != item.key:
                # Under an alias: the id that belongs to the post's name was in the post alone. It may still come itself.
                draft.skipped.append(Skipped(entry=known.path, reason=_EMPTY_AND_ALIAS))
                return
            draft.writes.append(_Write(entry=entry, item=item, path=known.path, rendered=profile.render(entry), is_new=False))
            return
        _plan_unreadable(item, known, error, draft=draft)
        return
    sealed = is_unedited(known.path, item.key, there, extra)
    if is_another(entry, old):
        _plan_apart(job, profile, item, entry, draft=draft)
    elif known.locked and not sealed:
        draft.noted.append(noted)
    else:
        date = choose_date(item.entry, date_habits(job.source), job.now)
        merged = merge(entry, old, dated_by_upstream=date.is_upstreams)
        learned = is_learned(merged, old)
        if learned:
            merged = replace(old, episode=merged.episode)
        fate = compare(
            known,
            disk_hash=post_hash(there),
            same=same_for_readers(merged, old),
            plain=is_plain(profile, old, there),
            sealed=sealed,
            learned=learned,
        )
        _plan_version(profile, item, merged, old, there=there, known=known, fate=fate, draft=draft)


def _plan_unreadable(item: Identified, known: KnownEntry, error: PostFormatError, *, draft: Draft) -> None:
    """Leave the post of a known entry as it is; it is said once."""
    draft.noted.append((item.key, item.raw_hash))
    if not known.locked:
        draft.locked.append(item.key)
        draft.skipped.append(Skipped(entry=known.path, reason=_KEPT.format(error)))


def _plan_version(
    profile: Profile,
    item: Identified,
    merged: Entry,
    old: Entry,
    *,
    there: bytes,
    known: KnownEntry,
    fate: Fate,
    draft: Draft,
) -> None:
    """Plan what becomes of the post `there`, which says `old` and should say `merged`."""
    if fate is Fate.REWRITE:
        draft.writes.append(_Write(entry=merged, item=item, path=known.path, rendered=profile.render(merged), is_new=False))
        return
    if fate is Fate.HEAL:
        draft.healed.append(row_of(old, known.path, post_hash(there), raw_hash=item.raw_hash))
        return
    draft.noted.append((item.key, item.raw_hash))
    if fate is Fate.LOCK:
        draft.locked.append(item.key)
    elif known.raw_hash not in {None, SOME_VERSION}:
        draft.noise += 1


def _plan_apart(job: DigestJob, profile: Profile, item: Identified, entry: Entry, *, draft: Draft) -> None:
    """Plan an entry that upstream gave the id of another one: that one's post stays."""
    apart = item.apart(job.source.id)
    if apart.key in job.known:
        return
    draft.told.append(
        f"the id {item.id!r} was given to another entry: title, link, date and text are different ones; "
        f"that one is kept beside it as {apart.id!r}"
    )
    _plan_new(job, profile, apart, replace(entry, id=apart.id), draft=draft)


def _write(job: DigestJob, write: _Write) -> bytes:
    """Write the post; return its hash."""
    if job.dry_run:
        return post_hash(write.rendered.post)
    return write_post(job.place.root, write.path, write.rendered, job.place.archive, in_place=write.in_place)


def _row(write: _Write, written: bytes) -> PostRow:
    return row_of(write.entry, write.path, written, raw_hash=write.item.raw_hash, dated=write.dated)
