"""What the visits of a run came to -> its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from aggregator.model.poll import Outcome, SourceEvent, Summary
from aggregator.pipeline.project import Project


def summarise(
    project: Project,
    events: Sequence[SourceEvent],
    coming: Mapping[str, datetime | None],
    *,
    due: int,
    expired: int,
    elapsed_ms: int,
    dry_run: bool,
) -> Summary:
    """Return the summary of a run; `coming` is when each of the chosen sources is polled next, by name."""
    first = min(((at, name) for name, at in coming.items() if at is not None), default=None)
    return Summary(
        sources=len(coming),
        due=due,
        news=sum(event.outcome is Outcome.NEWS for event in events),
        same=sum(event.outcome in {Outcome.SAME, Outcome.NOT_MODIFIED} for event in events),
        failed=sum(event.outcome is Outcome.FAILED for event in events),
        held=sum(event.outcome is Outcome.HELD for event in events),
        new=sum(event.new for event in events),
        updated=sum(event.updated for event in events),
        deleted=project.deleted,
        adopted=sum(event.adopted for event in events),
        expired=expired,
        outputs=project.outputs_written,
        refused=project.outputs_refused,
        still_in=len(project.still_in),
        next_poll=first[0] if first else None,
        next_source=first[1] if first else None,
        elapsed_ms=elapsed_ms,
        dry_run=dry_run,
        offline=bool(events) and all(event.kind in {"dns", "connect"} for event in events),
    )
