"""How the polls of each day went, source by source, in the state. A part of `State`.

The poll history reaches back a hundred polls, which at two an hour are two days; these counts reach back two months, at one row
a day. They are written with the polls, so that they tell the same. A day that has no row is not known: nothing was polled, or
the state was lost since.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from aggregator.model.poll import Outcome, Poll, PollPace, Tally
from aggregator.store.tables import days_table, polls_table

KEPT = timedelta(days=60)
_EPOCH = date(1970, 1, 1)
_SECONDS = 86_400
_WELL = (Outcome.NEWS, Outcome.SAME, Outcome.NOT_MODIFIED)


class Days:
    """Each method is one named operation and one transaction."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """Take what opens a transaction."""
        self._transaction = transaction

    def since(self, day: date, source_id: str | None = None) -> dict[str, list[Tally]]:
        """Return what is known of each day from this one on, oldest first, by source; of all sources or of one."""
        column = days_table.c
        first = number_of(day)
        query = sa.select(days_table).order_by(column.day)
        if source_id is None:
            query = query.where(column.day >= first)
        else:  # day by day, since the key begins with it
            query = query.where(column.day.in_(range(first, first + KEPT.days + 2)), column.source_id == source_id)
        found: defaultdict[str, list[Tally]] = defaultdict(list)
        with self._transaction() as run:
            for number, name, ok, failed, entries in run.execute(query).all():  # one by one they cost three times as much
                found[name].append(Tally(day=_day(number), ok=ok, failed=failed, entries=entries))
        return dict(found)

    def paces(self, source_id: str | None = None) -> dict[str, PollPace]:
        """Return what the kept polls of each source took, of all sources or of one; those that were held back do not count."""
        column = polls_table.c
        query = sa.select(column.source_id, column.outcome, column.elapsed_ms).where(column.outcome != Outcome.HELD.value)
        if source_id is not None:
            query = query.where(column.source_id == source_id)
        # Put in order here: twice as quick as the database's own windows, which sort all polls of all sources at once.
        found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        with self._transaction() as run:
            for name, outcome, elapsed_ms in run.execute(query).all():
                found[name].append((outcome, elapsed_ms))
        return {name: _pace(polls) for name, polls in found.items()}


def tallies(polls: Iterable[Poll]) -> list[dict[str, Any]]:
    """Return the rows that count polls, one for each day and source; one whose host asked to be left alone is neither."""
    counts: dict[tuple[int, str], Counter[str]] = {}
    for poll in polls:
        if poll.outcome is Outcome.HELD:
            continue
        found = counts.setdefault((int(poll.at.timestamp()) // _SECONDS, poll.source_id), Counter())
        found["failed" if poll.outcome is Outcome.FAILED else "ok"] += 1
        found["entries"] += poll.new
    return [
        {"day": day, "source_id": source_id, "ok": found["ok"], "failed": found["failed"], "entries": found["entries"]}
        for (day, source_id), found in counts.items()
    ]


def count_history(run: sa.Connection) -> None:
    """Count the polls that are kept: what is known when a state gets the table."""
    column = polls_table.c
    day = column.at // _SECONDS
    ok = sa.func.sum(sa.case((column.outcome.in_([word.value for word in _WELL]), 1), else_=0))
    failed = sa.func.sum(sa.case((column.outcome == Outcome.FAILED.value, 1), else_=0))
    counted = sa.select(day, column.source_id, ok, failed, sa.func.sum(column.new)).group_by(day, column.source_id)
    asked = counted.where(column.outcome != Outcome.HELD.value)
    run.execute(sa.insert(days_table).from_select(["day", "source_id", "ok", "failed", "entries"], asked))


def forget_old(run: sa.Connection, now: datetime) -> None:
    """Forget days that are kept no longer; where there is none, nothing is written."""
    last = int((now - KEPT).timestamp()) // _SECONDS
    oldest = run.execute(sa.select(days_table.c.day).order_by(days_table.c.day).limit(1)).scalar()
    if oldest is not None and oldest < last:
        run.execute(sa.delete(days_table).where(days_table.c.day < last))


@lru_cache(maxsize=128)
def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def number_of(day: date) -> int:
    """Return how a day is stored."""
    return (day - _EPOCH).days


def _pace(polls: list[tuple[str, int]]) -> PollPace:
    """Return what these polls took; the 95th percentile is a time that was measured, the first that 19 of 20 do not exceed."""
    times = sorted(elapsed_ms for _, elapsed_ms in polls)
    answers = [outcome for outcome, _ in polls if outcome != Outcome.FAILED]
    return PollPace(
        p95=timedelta(milliseconds=times[-(-len(times) * 19 // 20) - 1]),
        not_modified=answers.count(Outcome.NOT_MODIFIED) / len(answers) if answers else None,
    )
