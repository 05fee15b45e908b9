"""How the polls of each day went, in the state: on SQLite here, on PostgreSQL where one is given."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from aggregator.model.poll import Outcome, OutputState, Poll, PollPace, Tally
from aggregator.store.opening import open_state
from aggregator.store.state import Batch, State
from tests.test_state import URL, postgresql, state

__all__ = ["postgresql", "state"]  # fixtures

THEN = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
TODAY = THEN.date()


def poll(outcome: Outcome, *, at: datetime = THEN, new: int = 0, elapsed_ms: int = 0, source_id: str = "s") -> Poll:
    """Return a poll."""
    return Poll(source_id=source_id, at=at, outcome=outcome, new=new, elapsed_ms=elapsed_ms)


def test_polls_are_counted_by_day(state: State) -> None:
    """Each day of UTC has its polls that went well and that failed, and its new entries, whatever transaction brought them."""
    for _ in range(2):
        state.save(
            Batch(
                polls=(
                    poll(Outcome.NEWS, new=3),
                    poll(Outcome.FAILED),
                    poll(Outcome.NOT_MODIFIED, at=THEN + timedelta(minutes=20)),
                    poll(Outcome.SAME, source_id="t"),
                )
            )
        )

    assert state.days.since(TODAY) == {
        "s": [
            Tally(day=TODAY, ok=2, failed=2, entries=6),
            Tally(day=TODAY + timedelta(days=1), ok=2, failed=0, entries=0),
        ],
        "t": [Tally(day=TODAY, ok=2, failed=0, entries=0)],
    }
    assert state.days.since(TODAY + timedelta(days=1), "s") == {"s": [Tally(day=date(2026, 3, 2), ok=2, failed=0, entries=0)]}
    assert state.days.since(TODAY, "nobody") == {}


def test_a_poll_that_was_held_back_counts_for_no_day(state: State) -> None:
    """A host that wants to be left alone has not failed, and has not answered well."""
    state.save(Batch(polls=(poll(Outcome.HELD),)))

    assert state.days.since(TODAY) == {}


def test_days_are_kept_for_two_months(state: State) -> None:
    """After a run, and in the daemon's upkeep, what is older than sixty days is forgotten."""
    for tidy in (lambda now: state.trim_history(["s"], now), state.tidy):
        state.save(Batch(polls=(poll(Outcome.SAME), poll(Outcome.SAME, at=THEN + timedelta(days=40)))))
        tidy(THEN + timedelta(days=60))
        assert [tally.day for tally in state.days.since(TODAY)["s"]] == [TODAY, TODAY + timedelta(days=40)]
        tidy(THEN + timedelta(days=61))
        assert [tally.day for tally in state.days.since(TODAY)["s"]] == [TODAY + timedelta(days=40)]


def test_a_state_of_the_layout_before_counts_the_polls_it_keeps(tmp_path: Path) -> None:
    """An upgrade does not begin with nothing: what the poll history reaches back to is counted, once."""
    opened = open_state(URL, tmp_path)
    opened.state.replace_entries((), profile="default")
    opened.state.save(Batch(polls=(poll(Outcome.NEWS, new=2), poll(Outcome.FAILED), poll(Outcome.HELD))))
    known = opened.state.days.since(TODAY)
    opened.state.close()
    with sqlite3.connect(tmp_path / "state" / "state.sqlite") as raw:
        raw.execute("update meta set value = '9' where name = 'version'")
        raw.execute("drop table days")
    raw.close()

    for _ in range(2):
        again = open_state(URL, tmp_path)
        assert again.state.days.since(TODAY) == known == {"s": [Tally(day=TODAY, ok=1, failed=1, entries=2)]}
        again.state.close()


def test_the_pace_of_a_source_is_one_that_was_measured(state: State) -> None:
    """Of twenty polls nineteen took no longer than p95; the share of 304 is among the answers only."""
    polls = [poll(Outcome.NOT_MODIFIED, elapsed_ms=10 * number) for number in range(1, 20)]
    polls += [poll(Outcome.FAILED, elapsed_ms=20_000), poll(Outcome.HELD, elapsed_ms=90_000)]
    polls += [poll(Outcome.FAILED, elapsed_ms=7, source_id="t")]
    state.save(Batch(polls=tuple(polls)))
    expected = PollPace(p95=timedelta(milliseconds=190), not_modified=1.0)

    assert state.days.paces() == {"s": expected, "t": PollPace(p95=timedelta(milliseconds=7), not_modified=None)}
    assert state.days.paces("s") == {"s": expected}


def test_a_refused_file_stays_refused_until_it_is_written(state: State) -> None:
    """News on top of it changes nothing in that; what only waits to be written is not refused."""
    state.published([OutputState(path="a", frame_hash=b"1", dirty=True, refused=True)], ())
    state.save(Batch(dirty_outputs=("a", "b")))
    known = state.outputs()
    assert {path: (each.dirty, each.refused) for path, each in known.items()} == {"a": (True, True), "b": (True, False)}

    state.published([OutputState(path="a", frame_hash=b"1", dirty=False)], ())
    assert state.outputs()["a"] == OutputState(path="a", frame_hash=b"1", dirty=False)
