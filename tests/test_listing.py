"""What lists of entries ask of the state's index, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aggregator.store.listing import Wanted
from aggregator.store.state import Batch, State
from tests.test_state import THEN, _row, postgresql, state

__all__ = ["postgresql", "state"]

LEAF, OTHER = ("news", "local"), ("code",)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def test_days_turn_where_they_are_told_to(state: State) -> None:
    """Entries of one day are counted together, by category and by source; a day may turn at several moments."""
    noon, night = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 23, tzinfo=UTC)
    old = datetime(1901, 12, 31, 23, 30, tzinfo=UTC)
    dates = [noon, noon + timedelta(hours=1), night, night + timedelta(hours=2), old, old + timedelta(minutes=45)]
    state.save(Batch(rows=tuple(_row(number, date=date) for number, date in enumerate(dates))))

    def counted(*turns: int) -> list[tuple[int, int]]:
        tallies = state.listing.tallies(turns)
        assert {tally.category for tally in tallies} == {LEAF}
        found = sorted((tally.first, tally.number) for tally in tallies)
        assert found == sorted(state.listing.tallies_of("s", turns))
        assert found == sorted(state.listing.tallies_by_source(turns)["s"])
        return found

    first = _seconds(old)
    assert counted(0) == [(first, 1), (first + 45 * 60, 1), (_seconds(noon), 3), (_seconds(night) + 7200, 1)]
    assert counted(22 * 3600) == [(first, 2), (_seconds(noon), 2), (_seconds(night), 2)]
    assert counted(0, 22 * 3600) == [
        (first, 1), (first + 45 * 60, 1), (_seconds(noon), 2), (_seconds(night), 1), (_seconds(night) + 7200, 1),
    ]  # fmt: skip


def test_categories_are_counted_by_spans(state: State) -> None:
    """Each category has a number for each span, also where there are many spans; what is kept no longer counts in none."""
    dates = [THEN + timedelta(hours=hours) for hours in (0, 1, 25, 26, 27, 500)]
    rows = [_row(number, date=date) for number, date in enumerate(dates)] + [_row(9, date=dates[2], categories=OTHER)]
    gone = [_row(10, date=dates[0], categories=OTHER), _row(11, date=dates[3]), _row(12, categories=("old",))]
    state.save(Batch(rows=(*rows, *gone)))
    state.expiry.mark([row.key for row in gone], folders=(), dirty=())
    days = [(_seconds(THEN) + 86400 * day, _seconds(THEN) + 86400 * (day + 1)) for day in range(450)]

    counts = state.listing.counts(days)
    assert counts.keys() == {LEAF, OTHER}
    assert [counts[LEAF][day] for day in (0, 1, 2, 20, 449)] == [2, 3, 0, 1, 0]
    assert [sum(counts[leaf]) for leaf in (LEAF, OTHER)] == [6, 1]
    assert state.listing.bounds() == (_seconds(dates[0]), _seconds(dates[-1]), 3)


def test_rows_come_from_either_end(state: State) -> None:
    """Newest or oldest first, ties by key, from so many on, and only those of the categories, source or time asked for."""
    rows = [_row(number, date=THEN + timedelta(minutes=number // 2)) for number in range(8)]
    rows += [
        _row(20, categories=OTHER, source_id="t"),
        _row(21, date=THEN + timedelta(days=1), categories=OTHER, source_id="t"),
    ]
    state.save(Batch(rows=tuple(rows)))

    def keys(wanted: Wanted, limit: int, **how: object) -> list[int]:
        return [int(row.key[3:]) for row in state.listing.rows(wanted, limit, **how)]  # type: ignore[arg-type]

    own = Wanted(categories=(LEAF,))
    assert keys(own, 3) == [7, 6, 5]
    assert keys(own, 3, skipped=2) == [5, 4, 3]
    assert keys(own, 3, skipped=1, oldest_first=True) == [1, 2, 3]
    assert keys(Wanted(categories=(LEAF, OTHER)), 2) == [21, 20]
    assert keys(Wanted(source_id="t"), 5) == [21, 20]
    begin, end = _seconds(THEN) + 60, _seconds(THEN) + 180
    assert keys(Wanted(categories=(LEAF, OTHER), since=begin, until=end), 9) == [5, 4, 3, 2]
    assert keys(Wanted(), 5) == []


def test_neighbours_and_portions_meet_every_entry_once(state: State) -> None:
    """Walked by neighbours in both directions, or read in portions, entries of one second are all met."""
    state.save(Batch(rows=tuple(_row(number, date=THEN + timedelta(seconds=number // 3)) for number in range(9))))
    listing = state.listing
    portion = listing.behind((LEAF,), None, 4)
    met = list(portion)
    while portion:
        portion = listing.behind((LEAF,), (_seconds(met[-1].date), met[-1].key), 4)
        met += portion
    assert [int(row.key[3:]) for row in met] == list(range(9))

    row = met[0]
    for expected in met[1:]:
        found = listing.beside(row, (LEAF,), newer=True)
        assert found == expected
        assert listing.beside(expected, (LEAF,), newer=False) == row
        row = expected
    assert listing.beside(row, (LEAF,), newer=True) is None


def test_more_categories_than_a_statement_holds_are_one_list(state: State) -> None:
    """Asked for 1,200 categories, rows, neighbours and portions are in the same order as for a few."""
    leaves = tuple(("many", f"{number:04}") for number in range(1200))
    state.save(Batch(rows=tuple(_row(number, categories=leaves[number]) for number in range(0, 1200, 40))))
    listing, wanted = state.listing, Wanted(categories=leaves)

    rows = listing.rows(wanted, 100, oldest_first=True)
    assert [int(row.key[3:]) for row in rows] == list(range(0, 1200, 40))
    assert listing.rows(wanted, 3, skipped=4) == rows[::-1][4:7]
    assert listing.behind(leaves, (_seconds(rows[4].date), rows[4].key), 3) == rows[5:8]
    assert listing.beside(rows[5], leaves, newer=True) == rows[6]


def test_what_is_kept_no_longer_is_not_listed(state: State) -> None:
    """A row on its way out is in no count, list, portion or walk."""
    rows = tuple(_row(number) for number in range(3))
    state.save(Batch(rows=rows))
    state.expiry.mark([rows[1].key], folders=(), dirty=())
    listing = state.listing

    assert [tally.number for tally in listing.tallies((0,))] == [2]
    assert listing.rows(Wanted(categories=(LEAF,)), 5) == [rows[2], rows[0]]
    assert listing.behind((LEAF,), None, 5) == [rows[0], rows[2]]
    assert listing.beside(rows[0], (LEAF,), newer=True) == rows[2]
    assert listing.keys("", 5) == [rows[0].key, rows[2].key]
    assert listing.keys(rows[0].key, 5) == [rows[2].key]
