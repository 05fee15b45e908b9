"""Posts on disk -> rows of the state: the job of `reindex`, and of a run that finds posts it does not know."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.errors import PlaceError
from aggregator.model.changes import SOME_VERSION, PostRow
from aggregator.pipeline.jobs import Indexed, IndexJob, PostsPlace
from aggregator.store.posts import ADOPTED, adopted_path, read_post, read_post_file, row_of
from aggregator.store.profiles import PostFormatError, get_profile


def index_posts(job: IndexJob) -> Indexed:
    """Read posts into rows. Of what version each is, is unknown: the next poll compares them with what upstream says."""
    profile = get_profile(job.place.profile, job.place.timezone)
    rows: list[PostRow] = []
    unreadable: list[tuple[str, str]] = []
    wanted: list[tuple[str, str | None]] = [(path, None) for path in job.paths]
    for path, key in (*wanted, *_adopted(job.place, job.adopted, unreadable)):
        try:
            found = read_post(job.place.root, path, profile, job.place.archive, key=key)
        except PostFormatError as error:
            unreadable.append((path, str(error)))
            continue
        except PlaceError as error:
            if key is None:
                raise  # listed a moment ago: its folder is out of reach, and the run decides what follows
            unreadable.append((key, str(error)))  # where an archive file leads costs its own post only
            continue
        if found is not None:
            rows.append(row_of(found.entry, path, found.hash, raw_hash=SOME_VERSION if found.sealed else None))
        elif key is not None:
            unreadable.append((key, f"{job.place.root.name}/{path}: this adopted post is not there ({ADOPTED}/{key}.json)"))
    return Indexed(rows=tuple(rows), unreadable=tuple(unreadable))


def _adopted(place: PostsPlace, keys: tuple[str, ...], unreadable: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield path and key of adopted posts, as their archive files name them."""
    if not keys:
        return
    from aggregator.store.profiles.adopted import path_of

    for key in keys:
        file = adopted_path(key)
        try:
            yield path_of(read_post_file(place.archive, file)), key
        except (PostFormatError, PlaceError) as error:
            unreadable.append((file, f"{place.archive.name}/{file}: {error}"))
