"""The longer questions to the state, as statements that run on SQLite and PostgreSQL alike, and what their rows say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from aggregator.model.changes import PostRow
from aggregator.model.poll import Outcome, PollCounts
from aggregator.store.tables import entries_table, polls_table


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


def posts_like(keys: Sequence[str], ids: Sequence[str], links: Sequence[bytes]) -> sa.Select[Any]:
    """Return the question which posts have one of these keys, upstream ids or link hashes."""
    column = entries_table.c
    asked = ((column.key, keys), (column.entry_id, ids), (column.link_hash, links))
    wanted = [each.in_(values) for each, values in asked if values]
    return sa.select(entries_table).where(sa.or_(sa.false(), *wanted)).order_by(column.date.desc(), column.key.desc())


def posts_holding(text: str, limit: int) -> sa.Select[Any]:
    """Return the question which posts have this text in their title, path or upstream id, in any case."""
    column = entries_table.c
    held = [each.icontains(text, autoescape=True) for each in (column.title, column.path, column.entry_id)]
    return sa.select(entries_table).where(sa.or_(*held)).order_by(column.date.desc(), column.key.desc()).limit(limit)


def posts_before(row: PostRow, categories: Sequence[str]) -> sa.Select[Any]:
    """Return the question how many posts of these categories, as stored, are newer than one post, ties by key."""
    column = entries_table.c
    date = int(row.date.timestamp())
    newer = sa.or_(column.date > date, sa.and_(column.date == date, column.key > row.key))
    return sa.select(sa.func.count()).select_from(entries_table).where(column.category.in_(categories), newer)
