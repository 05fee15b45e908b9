"""Posts on disk -> rows of the state: the job of `reindex`, and of a run that finds posts it does not know."""

from __future__ import annotations

from aggregator.model.changes import PostRow
from aggregator.pipeline.jobs import Indexed, IndexJob
from aggregator.store.posts import read_post, row_of
from aggregator.store.profiles import PostFormatError, get_profile


def index_posts(job: IndexJob) -> Indexed:
    """Read posts into rows. Their raw hash is unknown, so the next poll compares them with what upstream says."""
    profile = get_profile(job.place.profile, job.place.timezone)
    rows: list[PostRow] = []
    unreadable: list[tuple[str, str]] = []
    for path in job.paths:
        try:
            found = read_post(job.place.root, path, profile, job.place.archive)
        except PostFormatError as error:
            unreadable.append((path, str(error)))
            continue
        if found is not None:
            entry, post_hash = found
            rows.append(row_of(entry, path, post_hash))
    return Indexed(rows=tuple(rows), unreadable=tuple(unreadable))
