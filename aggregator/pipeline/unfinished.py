"""What a run left that died while it wrote old posts anew -> rows of the state. The main process, before anything else is done.

The note says what each post was about to become (`pipeline.rewriting`). One that has become it was written by us, whatever
the state still says of it; one that has not is as it was, and waits for the same command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from aggregator.model.changes import PostRow
from aggregator.pipeline.jobs import PostsPlace
from aggregator.store.posts import post_hash, read_extra, read_post_file, row_of
from aggregator.store.profiles import PostFormatError, get_profile
from aggregator.store.state import Batch, State


def settle(state: State, place: PostsPlace, outputs_of: Callable[[Iterable[tuple[str, ...]]], tuple[str, ...]]) -> None:
    """Take over the posts that a dead run has written, and forget its note. Raises StoreError."""
    planned = state.unfinished()
    if planned is None:
        return
    profile = get_profile(place.profile, place.timezone)
    rows: list[PostRow] = []
    dirty: set[tuple[str, ...]] = set()
    for row in state.find(list(planned)):
        intent = planned[row.key]
        try:
            post = read_post_file(place.root, row.path)
            if post is None or post_hash(post) != intent.post_hash or intent.post_hash == row.post_hash:
                continue
            entry = profile.read(post, read_extra(place.archive, row.path, row.key, profile))
        except PostFormatError:
            continue  # its archive file is lost: publishing says so
        raw_hash = row.raw_hash if intent.same_version else None
        now = row_of(entry, row.path, intent.post_hash, raw_hash=raw_hash, dated=row.dated)
        rows.append(replace(now, key=row.key, source_id=row.source_id, entry_id=row.entry_id, noted=row.noted))
        dirty |= {row.categories, entry.categories}
    state.save(Batch(rows=tuple(rows), dirty_outputs=outputs_of(dirty), written_anew=True))
