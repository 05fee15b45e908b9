"""A feed that needs writing -> the job for its worker: frame, rows, and what may vanish. The main process's side.

A job is made when a worker is free for it: those of a thousand feeds would hold a hundred thousand rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aggregator.model.key import atom_id
from aggregator.model.output import OutputFeed
from aggregator.pipeline.jobs import OutputJob
from aggregator.pipeline.newest import Newest
from aggregator.pipeline.retention import expired_ids

if TYPE_CHECKING:
    from aggregator.pipeline.project import Project


class OutputJobs:
    """Makes the jobs of one round of publishing."""

    def __init__(self, project: Project, frames: Sequence[OutputFeed]) -> None:
        """Take an open project and all its feeds."""
        self._project = project
        self._newest = Newest(
            project.state,
            most=2 * max(frame.max_entries for frame in frames),
            renamed=project.settings.renamed,
            hidden=project.gone_keys() | project.misnamed,
        )
        misnamed = project.state.find(sorted(project.misnamed)) if project.misnamed else ()
        self._gone = (
            project.gone_on_purpose() | expired_ids(project) | {atom_id(row.source_id, row.entry_id) for row in misnamed}
        )
        self._order = {source.id: number for number, source in enumerate(project.settings.sources)}

    def of(self, frame: OutputFeed, moved: frozenset[str] = frozenset()) -> OutputJob:
        """Return the job of one feed; `moved` are atom:ids that may vanish from this one as well."""
        project, rows = self._project, self._newest.rows_of(frame)
        return OutputJob(
            frame=frame,
            rows=rows,
            source_order={row.source_id: self._order.get(row.source_id, len(self._order)) for row in rows},
            place=project.place,
            public=project.public,
            gone_on_purpose=self._gone | moved,
            renamed=project.settings.renamed,
            tombstones=project.tombstones(frame),
        )
