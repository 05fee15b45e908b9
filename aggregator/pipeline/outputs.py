"""One category's posts -> its feed on disk. Runs in a worker; idempotent.

    read posts -> select -> build -> gate -> swap

An unchanged feed is not rewritten, so its modification time means something to servers and readers.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from aggregator.errors import PublishError
from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry
from aggregator.model.output import OutputEntry
from aggregator.normalise.sanitise import sanitise
from aggregator.pipeline.jobs import OpmlJob, OutputJob, OutputResult
from aggregator.publish.atom import build_feed
from aggregator.publish.gate import check_swap
from aggregator.publish.opml import render_opml
from aggregator.store.files import read_file, write_file
from aggregator.store.posts import archive_path, post_hash, row_of
from aggregator.store.profiles import PostFormatError, get_profile


def publish_output(job: OutputJob) -> OutputResult:
    """Write one feed if its bytes changed. Raises StoreError if it cannot be written."""
    entries: list[OutputEntry] = []
    missing: list[str] = []
    unreadable: list[tuple[str, str]] = []
    edited: list[PostRow] = []
    for row in job.rows:
        post = read_file(job.place.root, row.path)
        if post is None:
            missing.append(row.path)
            continue
        try:
            entry = _parsed(job.place.profile, post, read_file(job.place.archive, archive_path(row.path)))
        except PostFormatError as error:
            unreadable.append((row.path, str(error)))
            continue
        found = post_hash(post)
        if found != row.post_hash:
            edited.append(_edited_row(row, entry, found))
        if found != row.post_hash or row.locked or row.raw_hash is None:
            # Not known to be byte for byte what we wrote: then its HTML is anybody's.
            entry = replace(entry, content=sanitise(entry.content, entry.link))
        entries.append(OutputEntry(key=row.key, entry=entry))
    result = OutputResult(
        path=job.frame.path,
        changed=False,
        missing=tuple(missing),
        unreadable=tuple(unreadable),
        edited=tuple(edited),
    )
    return _swap(job, entries, result)


def publish_opml(job: OpmlJob) -> OutputResult:
    """Write the list of feeds if its bytes changed."""
    content = render_opml(job.site, job.frames)
    changed = read_file(job.public, job.path) != content
    if changed:
        write_file(job.public, job.path, content)
    return OutputResult(path=job.path, changed=changed)


def _swap(job: OutputJob, entries: list[OutputEntry], result: OutputResult) -> OutputResult:
    old = read_file(job.public, job.frame.path)
    try:
        built = build_feed(job.frame, entries, source_order=job.source_order)
        if built.content == old:
            return replace(result, left_out=built.left_out)
        check_swap(old, built, output=job.frame.path, gone_on_purpose=job.gone_on_purpose)
    except PublishError as error:
        return replace(result, refused=str(error))
    write_file(job.public, job.frame.path, built.content)
    return replace(result, changed=True, left_out=built.left_out)


@lru_cache(maxsize=4096)
def _parsed(profile: str, post: bytes, extra: bytes | None) -> Entry:
    """Read a post once for all the feeds it stands in: its own category, every prefix, and `all`."""
    return get_profile(profile).read(post, extra)


def _edited_row(row: PostRow, entry: Entry, found: bytes) -> PostRow:
    """Return the row of a post that somebody edited: as it now reads, still the same entry, and not ours to write."""
    now = row_of(entry, row.path, found, raw_hash=row.raw_hash)
    return replace(now, key=row.key, source_id=row.source_id, entry_id=row.entry_id, locked=True)
