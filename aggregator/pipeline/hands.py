"""What hands have done to posts since a moment, told by the times that the kernel keeps: nothing is read that was left alone.

A program that edits, deletes, adds or puts back a post cannot help but move the change time (ctime) of the file or its folder;
modification times it can set as it likes, and copies often do. The main process's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from aggregator.model.poll import Event
from aggregator.pipeline.frames import plan_frames
from aggregator.pipeline.project import Project
from aggregator.store.state import Batch
from aggregator.workers import Workers

_FACT = "hands_looked_for"  #: of the state: when they were last, in seconds since 1970


def look_for_hands(
    project: Project, workers: Workers, report: Callable[[Event], None], *, since: datetime, now: datetime
) -> bool:
    """Adopt posts that lie where none were known, note those that are gone, and mark the outputs of those that were touched.

    Since the moment that is given, or the last look if that was before it: another process may have been the last to look.
    Returns whether there is anything to publish. Raises StoreError.
    """
    asyncio.run(project.look_everywhere(workers, report))
    touched = _touched(project, min(since, _last_look(project) or since))
    project.state.save(Batch(dirty_outputs=touched))
    project.state.set_fact(_FACT, str(int(now.timestamp())))
    return bool(touched) or any(output.dirty for output in project.state.outputs().values())


def _last_look(project: Project) -> datetime | None:
    fact = project.state.fact(_FACT)
    return None if fact is None else datetime.fromtimestamp(int(fact), UTC)


def _touched(project: Project, since: datetime) -> tuple[str, ...]:
    """Return the outputs of which a post, of those that they hold, is missing or was touched since then."""
    since_ns = int(since.timestamp()) * 1_000_000_000
    frames = plan_frames(project.settings, project.state.leaves())
    most = max((frame.max_entries for frame in frames), default=0)
    found: set[tuple[str, ...]] = set()
    for leaf in project.state.leaves():
        for row in project.state.newest(leaf, most):
            try:
                if (project.place.root / row.path).stat().st_ctime_ns < since_ns:
                    continue
            except OSError:
                pass  # gone, or out of reach: publishing finds out which
            found.add(row.categories)
            break
    return project.outputs_of(found)
