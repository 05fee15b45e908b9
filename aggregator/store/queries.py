"""The longer questions to the state, as statements that run on SQLite and PostgreSQL alike, and what their rows say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from aggregator.model.changes import PostRow
from aggregator.model.poll import Outcome, PollCounts
from aggregator.store.tables import LIVE, MARKED, REMOVED, categories_table, entries_table, live, polls_table

_CHUNK = 500  #: bound parameters per statement stay below SQLite's old limit of 999


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


def empty_categories() -> sa.Delete:
    """Return the order to forget categories in which no post is left."""
    left = sa.select(entries_table.c.key).where(entries_table.c.category == categories_table.c.category)
    return sa.delete(categories_table).where(~left.exists())


def posts_of(category: str, after: str, limit: int) -> sa.Select[Any]:
    """Return the question for the posts of one category, as stored, by key, those behind a key only."""
    column = entries_table.c
    query = sa.select(entries_table).where(column.category == category, live, column.key > after)
    return query.order_by(column.key).limit(limit)


def post_versions(after: str, limit: int) -> sa.Select[Any]:
    """Return the question what each post is indexed by for searching, by key, those behind a key only."""
    column = entries_table.c
    wanted = sa.select(column.key, column.post_hash, column.category, column.date).where(live, column.key > after)
    return wanted.order_by(column.key).limit(limit)


def posts_holding(text: str, limit: int) -> sa.Select[Any]:
    """Return the question which posts have this text in their title, path or upstream id, in any case."""
    column = entries_table.c
    held = [each.icontains(text, autoescape=True) for each in (column.title, column.path, column.entry_id)]
    return sa.select(entries_table).where(live, sa.or_(*held)).order_by(column.date.desc(), column.key.desc()).limit(limit)


def posts_before(row: PostRow, categories: Sequence[str]) -> sa.Select[Any]:
    """Return the question how many posts of these categories, as stored, are newer than one post, ties by key."""
    column = entries_table.c
    date = int(row.date.timestamp())
    newer = sa.or_(column.date > date, sa.and_(column.date == date, column.key > row.key))
    return sa.select(sa.func.count()).select_from(entries_table).where(column.category.in_(categories), live, newer)


def spans() -> sa.Select[Any]:
    """Return the question from when to when the posts of each source are dated, polled or not.

    It goes from source to source along the index and takes both ends of each, for to group would read the whole index.
    """
    column, later = entries_table.c, entries_table.alias().c
    sources = sa.select(sa.func.min(column.source_id).label("source_id")).cte("each_source", recursive=True)
    following = sa.select(sa.func.min(later.source_id)).where(later.source_id > sources.c.source_id).scalar_subquery()
    sources = sources.union_all(sa.select(following).where(sources.c.source_id.is_not(None)))
    own = sa.select(column.date).where(column.source_id == sources.c.source_id, live).limit(1)
    oldest, newest = own.order_by(column.date).scalar_subquery(), own.order_by(column.date.desc()).scalar_subquery()
    wanted = sa.select(sources.c.source_id, oldest.label("oldest"), newest.label("newest"))
    return wanted.where(sources.c.source_id.is_not(None))


def posts_beyond(source_id: str, since: datetime | None, entries: int | None, *, unsure: bool) -> sa.Select[Any]:
    """Return the question which unedited posts of a source are dated before `since`, or have so many newer ones beside them.

    Where the state was rebuilt since, or the post changed behind its back, nobody knows whether it was edited: `unsure` wants
    those as well.
    """
    column = entries_table.c
    own = [column.source_id == source_id, live, column.locked == 0]
    if not unsure:
        own += [column.raw_hash.is_not(None), column.noted == 0]
    beyond = []
    if since is not None:
        beyond.append(column.date < int(since.timestamp()))
    if entries is not None:
        peer = entries_table.alias().c
        newest = sa.select(peer.key).where(peer.source_id == source_id, peer.expired == LIVE)
        beyond.append(column.key.not_in(newest.order_by(peer.date.desc(), peer.key.desc()).limit(entries)))
    return sa.select(entries_table).where(*own, sa.or_(sa.false(), *beyond)).order_by(column.date, column.key)


def posts_leaving(stage: int) -> sa.Select[Any]:
    """Return the question which posts have come so far on their way out."""
    return sa.select(entries_table).where(is_leaving(stage)).order_by(entries_table.c.path)


def is_leaving(stage: int) -> sa.ColumnElement[bool]:
    """Return the condition that a post has come so far on its way out, said so that it is not looked for among all posts.

    SQLite takes the index `entries_leaving` only for who repeats its condition, in numbers: a bound one might be any.
    """
    column = entries_table.c.expired
    return sa.and_(column == stage, column.between(sa.literal_column(str(MARKED)), sa.literal_column(str(REMOVED))))


def known_paths(keys: Sequence[str]) -> sa.Select[Any]:
    """Return the question where the posts with these keys are; one whose file was removed is nowhere."""
    column = entries_table.c
    return sa.select(column.key, column.path).where(column.key.in_(keys), column.expired <= MARKED)


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in portions that fit into one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
