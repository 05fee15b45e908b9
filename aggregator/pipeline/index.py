"""Posts on disk -> rows of the state: the job of `reindex`, and of a run that finds posts it does not know."""

from __future__ import annotations

from aggregator.model.changes import PostRow
from aggregator.model.key import entry_key, key_of_name
from aggregator.pipeline.jobs import Indexed, IndexJob
from aggregator.store.posts import archive_path, post_hash, read_bytes, row_of
from aggregator.store.profiles import PostFormatError, get_profile


def index_posts(job: IndexJob) -> Indexed:
    """Read posts into rows. Their raw hash is unknown, so the next poll compares them with what upstream says."""
    profile = get_profile(job.place.profile)
    rows: list[PostRow] = []
    unreadable: list[tuple[str, str]] = []
    for path in job.paths:
        name_key = key_of_name(path)
        there = read_bytes(job.place.root / path)
        if there is None or name_key is None:
            continue
        try:
            entry = profile.read(there, read_bytes(archive_path(job.place.archive, name_key)))
        except PostFormatError as error:
            unreadable.append((path, str(error)))
            continue
        if entry_key(entry.source_id, entry.id) != name_key:
            unreadable.append((path, "its id and source do not belong to the key in its name; was it copied?"))
            continue
        rows.append(row_of(entry, path, post_hash(there)))
    return Indexed(rows=tuple(rows), unreadable=tuple(unreadable))
