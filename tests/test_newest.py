"""Which posts a feed's job names, and how little of the state is asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.changes import PostRow
from aggregator.model.output import OutputFeed
from aggregator.model.renames import NEVER, Rename, Renames
from aggregator.pipeline.newest import Newest
from tests.publish_records import make_frame

Leaf = tuple[str, ...]
_START = datetime(2026, 1, 1, tzinfo=UTC)
_LEAVES: list[Leaf] = [("a",), ("a", "b"), ("a", "c"), ("b",), ("b", "b", "b"), ("A",), ("c", "d")]


def _row(number: int, leaf: Leaf, hour: int) -> PostRow:
    return PostRow(
        key=f"key{number:09}",
        source_id="s",
        entry_id=f"urn:example:{number}",
        path=f"{number}.md",
        raw_hash=None,
        link_hash=b"",
        post_hash=b"",
        date=_START + timedelta(hours=hour),
        categories=leaf,
        title="t",
    )


class _Index:
    """A state that holds these posts, and counts what it is asked."""

    def __init__(self, rows: Iterable[PostRow]) -> None:
        self.rows = sorted(rows, key=lambda row: (row.date, row.key), reverse=True)
        self.asked: list[Leaf] = []

    def latest(self) -> Mapping[Leaf, datetime]:
        return {
            leaf: max(row.date for row in self.rows if row.categories == leaf) for leaf in {r.categories for r in self.rows}
        }

    def newest(self, leaf: Leaf, limit: int) -> list[PostRow]:
        self.asked.append(leaf)
        return [row for row in self.rows if row.categories == leaf][:limit]


def _newest(index: _Index, *, most: int = 8, hidden: frozenset[str] = frozenset(), renamed: Renames = NEVER) -> Newest:
    return Newest(index, most=most, renamed=renamed, hidden=hidden)


def _whole(index: _Index, frame: OutputFeed, most: int, hidden: frozenset[str]) -> tuple[PostRow, ...]:
    """Return the same rows by asking every category."""
    own, depth = {frame.category, *frame.also}, len(frame.category)
    leaves = {row.categories for row in index.rows if row.categories[:depth] in own}
    found = [row for leaf in leaves for row in index.newest(leaf, most) if row.key not in hidden]
    return tuple(sorted(found, key=lambda row: (row.date, row.key), reverse=True)[: 2 * frame.max_entries])


@settings(max_examples=200)
@given(
    posts=st.lists(st.tuples(st.sampled_from(_LEAVES), st.integers(0, 12)), max_size=40),
    category=st.sampled_from([(), ("a",), ("a", "b"), ("b",), ("x",)]),
    also=st.sampled_from([(), (("A",),)]),
    most=st.sampled_from([2, 4, 6]),
    hidden=st.sets(st.integers(0, 40), max_size=10),
)
def test_no_category_is_passed_over_that_has_something_to_say(
    posts: list[tuple[Leaf, int]], category: Leaf, also: tuple[Leaf, ...], most: int, hidden: set[int]
) -> None:
    """The posts are those that asking every category gives, in the same order."""
    index = _Index(_row(number, leaf, hour) for number, (leaf, hour) in enumerate(posts))
    frame = make_frame(category, max_entries=2, also=also if len(category) == 1 else ())
    keys = frozenset(f"key{number:09}" for number in hidden)

    assert _newest(index, most=most, hidden=keys).rows_of(frame) == _whole(index, frame, most, keys)


def test_a_feed_of_many_categories_asks_those_with_late_news() -> None:
    """With a hundred categories the feed of everything asks those that its entries stand in, and no others."""
    index = _Index(_row(number, (f"c{number % 100}",), number) for number in range(300))

    rows = _newest(index).rows_of(make_frame((), max_entries=4))

    assert [row.categories for row in rows] == [(f"c{number}",) for number in range(99, 91, -1)]
    assert len(index.asked) == len(rows)


def test_one_category_is_asked_once_for_all_its_feeds() -> None:
    """A category's posts are read once for its own feed, the one above it, and that of everything."""
    index = _Index(_row(number, ("a", "b"), number) for number in range(5))
    newest = _newest(index)

    for category in ((), ("a",), ("a", "b")):
        assert len(newest.rows_of(make_frame(category, max_entries=2))) == 4
    assert index.asked == [("a", "b")]


def test_posts_under_a_former_name_stand_under_the_new_one() -> None:
    """What a category was called before is asked for as well, and its posts are told under the name of today."""
    index = _Index([_row(1, ("old",), 1), _row(2, ("new",), 2)])
    renamed = Renames(steps=(Rename(old=("old",), new=("new",)),))

    rows = _newest(index, renamed=renamed).rows_of(make_frame(("new",), max_entries=2))

    assert [row.categories for row in rows] == [("new",), ("new",)]
