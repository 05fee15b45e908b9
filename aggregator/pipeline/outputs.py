"""One category's posts -> its feed on disk. Runs in a worker; idempotent.

    read posts -> select -> build -> gate -> swap

An unchanged feed is not rewritten, so its modification time means something to servers and readers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from aggregator.errors import PublishError
from aggregator.model.changes import SOME_VERSION, PostRow
from aggregator.model.entry import Entry
from aggregator.model.key import atom_id
from aggregator.model.output import Built, LeftOut, OutputEntry
from aggregator.normalise.sanitise import sanitise
from aggregator.pipeline.chain import with_chain
from aggregator.pipeline.jobs import OpmlJob, OutputJob, OutputResult
from aggregator.publish.atom import build_feed
from aggregator.publish.foreign import check_place
from aggregator.publish.gate import check_document, check_swap
from aggregator.publish.opml import render_opml
from aggregator.publish.select import published_id
from aggregator.publish.twins import build_twin, check_twin
from aggregator.store.files import read_file, write_file
from aggregator.store.posts import (
    Reader,
    check_identity,
    is_plain,
    is_unedited,
    post_hash,
    read_extra,
    read_post_file,
    reader_of,
    row_of,
)
from aggregator.store.profiles import PostFormatError, get_profile

#: Posts read by this worker, by their hash: a post that is its own and self-contained reads the same wherever it stands.
_READ: dict[bytes, Entry] = {}
_REMEMBERED = 4096


def publish_output(job: OutputJob) -> OutputResult:
    """Write one feed if its bytes changed. Raises StoreError if it cannot be written."""
    job = replace(job, frame=with_chain(job.frame, job.public))
    found = Found()
    collect(job, found, job.frame.max_entries)
    try:
        built = _build(job, found)
        if built.left_out:
            # Rare: then older entries take the places, as many as there are.
            collect(job, found, job.frame.max_entries + len(built.left_out))
            built = _build(job, found)
        if found.missing:
            return _result(job, found)  # whether they were deleted is not for one feed to say
        try:
            written, contents = _swap(job, built, found)
        except PublishError as error:
            if not error.faulty:
                raise
            found.leave_out(error.faulty)
            collect(job, found, job.frame.max_entries + len(built.left_out) + len(found.left_out))
            built = _build(job, found)
            written, contents = _swap(job, built, found)
    except PublishError as error:
        return replace(_result(job, found), refused=str(error), lost=error.lost)
    digests = {path: sha256(content).digest() for path, content in contents.items()} if job.frame.hubs else {}
    for path, formers in job.frame.former_files.items() if digests else ():
        digests |= dict.fromkeys(formers, digests[path])  # a topic of its own for whoever subscribed to it there
    return replace(_result(job, found, written=written, left_out=built.left_out), digests=digests)


def _build(job: OutputJob, found: Found) -> Built:
    built = build_feed(job.frame, found.entries, source_order=job.source_order, tombstones=job.tombstones)
    return replace(built, left_out=(*built.left_out, *found.left_out))


def _result(job: OutputJob, found: Found, *, written: tuple[str, ...] = (), left_out: tuple[LeftOut, ...] = ()) -> OutputResult:
    return OutputResult(
        path=job.frame.path,
        written=written,
        copies=_copy(job),
        left_out=left_out,
        missing=tuple(found.missing),
        unreadable=tuple(found.unreadable),
        edited=tuple(found.edited),
    )


def _copy(job: OutputJob) -> tuple[str, ...]:
    """Put the feed where it lay under former names, so that whoever still asks there goes on reading (decision 14)."""
    written: list[str] = []
    for path, formers in job.frame.former_files.items():
        content = read_file(job.public, path)
        for former in formers if content is not None else ():
            if content is not None and read_file(job.public, former) != content:
                write_file(job.public, former, content)
                written.append(former)
    return tuple(written)


class Found:
    """What reading the posts of one feed brought to light."""

    def __init__(self) -> None:
        self.entries: list[OutputEntry] = []
        self.missing: list[PostRow] = []
        self.unreadable: list[tuple[str, str]] = []
        self.broken: set[str] = set()  #: atom:ids of those
        self.edited: list[PostRow] = []
        self.ids: set[str] = set()
        self.moved: set[str] = set()  #: atom:ids whose posts a hand has put into another category
        self.looked_at = 0  #: rows
        self.left_out: list[LeftOut] = []  #: entries that only the look at the whole document has found to be bad

    def leave_out(self, faulty: Sequence[tuple[str, str]]) -> None:
        """Go on without these entries: a bad one costs itself only, also where nobody has foreseen how it is bad."""
        reasons = dict(faulty)
        bad = [item for item in self.entries if published_id(item) in reasons]
        self.entries = [item for item in self.entries if item not in bad]
        self.left_out += [
            LeftOut(key=item.key, source_id=item.entry.source_id, title=item.entry.title, reason=reasons[published_id(item)])
            for item in bad
        ]


def collect(job: OutputJob, found: Found, wanted: int) -> None:
    """Read posts, newest first, until so many different entries are there; the job names more than are needed."""
    for row in job.rows[found.looked_at :]:
        if len(found.ids) >= wanted:
            break
        found.looked_at += 1
        item = _item(job, row, found)
        if item is not None and item.entry.categories[: len(job.frame.category)] not in {job.frame.category, *job.frame.also}:
            found.moved.add(atom_id(row.source_id, row.entry_id))
        elif item is not None:
            found.entries.append(item)
            found.ids.add(atom_id(row.source_id, row.entry_id))


def _item(job: OutputJob, row: PostRow, found: Found) -> OutputEntry | None:
    place = job.place
    try:
        post = read_post_file(place.root, row.path)
        if post is None:
            found.missing.append(row)
            return None
        now_hash = post_hash(post)
        profile = get_profile(place.profile, place.timezone)
        extra = read_extra(place.archive, row.path, row.key, profile)
        entry = _parsed(reader_of(row.path, row.key, profile), now_hash, post, extra)
        check_identity(entry, row.path, row.key)
    except PostFormatError as error:
        found.unreadable.append((row.path, str(error)))
        found.broken.add(atom_id(row.source_id, row.entry_id))
        return None
    if now_hash != row.post_hash:
        sealed = is_unedited(row.path, row.key, post, extra)
        same_place = job.renamed.current(entry.categories) == row.categories
        plain = sealed or (same_place and is_plain(profile, entry, post))
        found.edited.append(_edited_row(row, entry, now_hash, plain=plain, sealed=sealed))
    if now_hash != row.post_hash or row.locked or row.raw_hash in {None, SOME_VERSION}:
        # Not known to be byte for byte what we wrote: then its HTML is anybody's. A seal says so, but anybody can make one.
        entry = replace(entry, content=sanitise(entry.content, entry.link))
    if job.renamed.steps:
        entry = replace(entry, categories=job.renamed.current(entry.categories))
    return OutputEntry(key=row.key, entry=entry)


def publish_opml(job: OpmlJob) -> OutputResult:
    """Write the list of feeds if its bytes changed, and before it where feeds with former names are now, and which are gone."""
    files = (pair for frame in job.frames for pair in frame.former_files.items())
    redirects = dict.fromkeys(job.gone) | {former: path for path, formers in files for former in formers}
    where = read_file(job.public, job.redirects)
    table = f"{json.dumps(redirects, ensure_ascii=False, indent=1, sort_keys=True)}\n".encode()
    moved = where != table if redirects else where is not None and where != b"{}\n"
    if moved:
        write_file(job.public, job.redirects, table)
    content = render_opml(job.site, job.frames)
    changed = read_file(job.public, job.path) != content
    if changed:
        write_file(job.public, job.path, content)
    return OutputResult(path=job.path, written=(job.path,) if changed else (), copies=(job.redirects,) if moved else ())


def _swap(job: OutputJob, built: Built, found: Found) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Put the feed in place of the old one, in every format, if the gate lets all of them.

    Returns the files that changed, and what each of the feed's files holds now.
    """
    frame = job.frame
    old = read_file(job.public, frame.path)
    contents = {frame.path: built.content} | {twin.path: build_twin(twin, frame, built) for twin in frame.twins}
    there = {frame.path: old} | {twin.path: read_file(job.public, twin.path) for twin in frame.twins}
    changed = {path for path in frame.files if contents[path] != there[path]}
    for path in frame.files:
        if path in changed:
            check_place(there[path], path, frame)
    if frame.path in changed:
        check_document(built.content, frame)
        if old is None:  # under a new name: then what subscribers had is in the place before
            old = next((content for path in frame.former if (content := read_file(job.public, path)) is not None), None)
        check_swap(
            old,
            built,
            output=frame.path,
            gone_on_purpose=job.gone_on_purpose | found.moved,
            unreadable=frozenset(found.broken),
        )
    for twin in frame.twins:
        if twin.path in changed:
            check_twin(contents[twin.path], twin, frame, built)
    written = tuple(path for path in frame.files if path in changed)
    for path in written:
        write_file(job.public, path, contents[path])
    return written, contents


def _parsed(reader: Reader, key: bytes, post: bytes, extra: bytes | None) -> Entry:
    """Read a post once for all the feeds it stands in: its own category, every prefix, and `all`."""
    entry = _READ.get(key)
    if entry is None or extra is not None:
        entry = reader.read(post, extra)
        if len(_READ) >= _REMEMBERED:
            _READ.clear()
        _READ[key] = entry
    return entry


def _edited_row(row: PostRow, entry: Entry, found: bytes, *, plain: bool, sealed: bool) -> PostRow:
    """Return the row of a post that changed behind the state's back: as it now reads, and still the same entry.

    What is sealed was written by us: by a run that died, by another machine, or by one before a hand that took its edit back.
    Of posts without a seal: what is not byte for byte what its entry renders to was edited by hand, and is not ours to write
    any more. What is (`plain`) may be our own: a run can die between a post and its transaction. Such a post is adopted, which
    protects a careful hand as well: nothing is written over it unless upstream says the same (`decide.compare`), and never
    what the settings say (`noted`). No run of ours changes the categories of a post with what upstream says.
    """
    if sealed:
        now = row_of(entry, row.path, found, raw_hash=SOME_VERSION)
        return replace(now, key=row.key, source_id=row.source_id, entry_id=row.entry_id)
    locked = row.locked or not plain
    now = row_of(entry, row.path, found, raw_hash=row.raw_hash if locked else None)
    noted = row.noted or not locked
    return replace(now, key=row.key, source_id=row.source_id, entry_id=row.entry_id, locked=locked, noted=noted)
