"""Moves an old site's posts in: reads them in workers, writes their archive files, indexes them. The posts are never touched.

Order of writes: the archive files, made durable; then the state, which is made of them and the posts (`index`). A run that dies
in between is finished by the next import, or by the next sync, which finds the files by their folder's time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from aggregator.errors import StoreError
from aggregator.model.poll import Event
from aggregator.model.settings import Settings
from aggregator.pipeline.adopting import Adoption, AdoptionPlan, Standing, plan_adoption
from aggregator.pipeline.jobs import POSTS_PER_INDEX_JOB, OldFile, OldPostsJob, PostsPlace, run_old_posts
from aggregator.pipeline.project import Project
from aggregator.store.files import make_durable, sweep_leftovers, write_file
from aggregator.store.ledger import Ledger, Takedown
from aggregator.store.posts import ADOPTED, adopted_path, list_adopted, list_pages, read_post_file
from aggregator.store.profiles import PostFormatError
from aggregator.workers import WorkerDiedError, Workers


async def plan_moving_in(
    workers: Workers, place: PostsPlace, settings: Settings, ledger: Ledger, now: datetime
) -> AdoptionPlan:
    """Return what becomes of every file below the posts folder; `settings` are the effective ones. Raises StoreError."""
    paths = list(list_pages(place.root))
    whole = OldPostsJob(place=place, paths=(), zone=settings.site.timezone, now=now)
    step = POSTS_PER_INDEX_JOB
    jobs = [replace(whole, paths=tuple(paths[at : at + step])) for at in range(0, len(paths), step)]
    found = await workers.each(partial(_read, workers), jobs)
    standing = Standing(paths=_adopted_paths(place), banned=frozenset(line.key for line in ledger.of(Takedown)))
    return plan_adoption([file for files in found for file in files], settings, standing)


async def move_in(project: Project, workers: Workers, plan: AdoptionPlan, report: Callable[[Event], None]) -> None:
    """Adopt the posts: archive files first, durably, then the state. Raises StoreError."""
    archive = project.place.archive
    sweep_leftovers(archive / ADOPTED, older_than_ns=project.began_ns)
    wanted: list[tuple[Adoption, str]] = [(row, adopted_path(row.key)) for row in plan.rows if row.extra and row.key]
    for row, path in wanted:
        write_file(archive, path, row.extra or b"")
    make_durable(archive, [path for _, path in wanted])
    await project.look_through_adopted(workers, report, again={row.key for row, _ in wanted if row.key})


async def _read(workers: Workers, job: OldPostsJob) -> Sequence[OldFile]:
    """Read some files; one that kills its worker is found by asking for each alone."""
    try:
        return await workers.run(run_old_posts, job)
    except WorkerDiedError as error:
        if len(job.paths) == 1:
            return (OldFile(path=job.paths[0], unreadable=str(error)),)
    return [file for path in job.paths for file in await _read(workers, replace(job, paths=(path,)))]


def _adopted_paths(place: PostsPlace) -> dict[str, str]:
    """Return the paths of adopted posts by key, as their archive files say."""
    from aggregator.store.profiles.adopted import path_of

    paths = {}
    for key in list_adopted(place.archive):
        file = adopted_path(key)
        try:
            paths[key] = path_of(read_post_file(place.archive, file))
        except PostFormatError as error:
            message = f"{place.archive.name}/{file}: {error}; take it from the last commit, or delete it to adopt its post anew"
            raise StoreError(message, path=place.archive / file) from error
    return paths
