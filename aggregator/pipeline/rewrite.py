"""Posts on disk -> the same posts as today's settings would have them. Runs in a worker; idempotent.

What follows the settings: categories, byline, the feed's title, a note on rights where there are none, and the look that the
profile gives. What never does: content, dates, ids and paths. A post that somebody edited stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry
from aggregator.model.renames import Renames
from aggregator.model.source import Source
from aggregator.normalise.text import MAX_TITLE, shorten
from aggregator.pipeline.jobs import RewriteJob, Rewritten
from aggregator.store.posts import (
    check_identity,
    is_adopted,
    is_plain,
    is_unedited,
    post_hash,
    read_extra,
    read_post_file,
    reader_of,
    row_of,
    write_post,
)
from aggregator.store.profiles import PostFormatError, Profile, Rendered, get_profile


def rewrite_posts(job: RewriteJob) -> Rewritten:
    """Look at the posts, or write those that are planned. Raises StoreError if one cannot be written."""
    profile = get_profile(job.place.profile, job.place.timezone)
    rows: list[PostRow] = []
    kept: list[str] = []
    unreadable: list[tuple[str, str]] = []
    for row in job.rows:
        try:
            post = read_post_file(job.place.root, row.path)
            if post is None:
                continue  # whether it was deleted or is not mounted is found out elsewhere
            extra = read_extra(job.place.archive, row.path, row.key, profile)
            entry = reader_of(row.path, row.key, profile).read(post, extra)
            check_identity(entry, row.path, row.key)
        except PostFormatError as error:
            unreadable.append((row.path, str(error)))
            continue
        wanted = as_today(entry, job.sources.get(row.source_id), job.renamed)
        found = post_hash(post)
        if not is_unedited(row.path, row.key, post, extra) and not _is_ours(profile, row, entry, post=post, found=found):
            if wanted != entry and not is_adopted(row.path, row.key):
                kept.append(row.path)
            continue
        rendered = profile.render(wanted)
        there = rendered == Rendered(post=post, extra=extra)
        if job.planned is not None:
            planned = job.planned[row.key]
            if planned.post_hash == post_hash(rendered.post):  # else it was changed since it was looked at
                if not there:
                    write_post(job.place.root, row.path, rendered, job.place.archive)
                rows.append(planned)
            continue
        if there:
            continue
        # The raw hash counts for the bytes that it was stored with, not for what was found in their place.
        raw_hash = row.raw_hash if found == row.post_hash else None
        now = row_of(wanted, row.path, post_hash(rendered.post), raw_hash=raw_hash, dated=row.dated)
        rows.append(replace(now, key=row.key, source_id=row.source_id, entry_id=row.entry_id, noted=row.noted))
    return Rewritten(rows=tuple(rows), kept=tuple(kept), unreadable=tuple(unreadable))


def as_today(entry: Entry, source: Source | None, renamed: Renames) -> Entry:
    """Return the entry as the settings would have it; without its source only its category's name can follow.

    A title or byline that the settings do not give is upstream's and stays. So do rights that are there: whether they are
    upstream's own or an earlier note cannot be told.
    """
    entry = replace(entry, categories=renamed.current(entry.categories))
    if source is None:
        return entry
    feed = replace(entry.feed, title=shorten(source.title, MAX_TITLE)) if source.title else entry.feed
    return replace(
        entry,
        categories=source.categories,
        feed=feed,
        author=source.author or source.title or feed.title,
        rights=entry.rights or feed.rights or source.rights.note,
    )


def _is_ours(profile: Profile, row: PostRow, entry: Entry, *, post: bytes, found: bytes) -> bool:
    """Tell whether a post without a seal may be written: as we left it, or in our very form when it was indexed.

    What has changed since may be a careful hand's, also where publishing has noted it already: that keeps our form.
    """
    if row.locked or row.noted or found != row.post_hash:
        return False
    return row.raw_hash is not None or is_plain(profile, entry, post)
