"""The longer questions to the state, as statements that run on SQLite and PostgreSQL alike, and what their rows say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from aggregator.model.poll import Outcome, PollCounts
from aggregator.store.tables import polls_table


def poll_counts(since: datetime) -> sa.Select[Any]:
    """Return the question what each source's kept history comes to."""
    column = polls_table.c
    before = sa.func.lag(column.at).over(partition_by=column.source_id, order_by=column.number)
    # A pause below nothing is a clock that was set back.
    pause = sa.case((column.at >= before, column.at - before)).label("pause")
    each = sa.select(column.source_id, column.at, column.outcome, column.conditional, pause)
    poll = each.subquery().c
    late = poll.at >= int(since.timestamp())
    return sa.select(
        poll.source_id,
        sa.func.count().label("polls"),
        sa.func.min(poll.at).label("oldest"),
        sa.func.sum(sa.case((late, 1), else_=0)).label("lately"),
        sa.func.sum(poll.conditional).label("conditional"),
        sa.func.sum(sa.case((poll.outcome == Outcome.NOT_MODIFIED.value, 1), else_=0)).label("not_modified"),
        sa.func.min(poll.pause).label("shortest"),
        sa.func.min(sa.case((late, poll.pause))).label("shortest_lately"),
    ).group_by(poll.source_id)


def counts_of(row: Any) -> PollCounts:
    """Return what a row of `poll_counts` says."""
    return PollCounts(
        polls=row.polls,
        oldest=datetime.fromtimestamp(row.oldest, UTC),
        lately=row.lately,
        conditional=row.conditional,
        not_modified=row.not_modified,
        shortest=None if row.shortest is None else timedelta(seconds=row.shortest),
        shortest_lately=None if row.shortest_lately is None else timedelta(seconds=row.shortest_lately),
    )
