"""The table of posts: every row is carried by some test."""

from __future__ import annotations

from pathlib import Path

from tests.post_rows import POSTS, ROWS

TESTS = Path(__file__).parent
#: What the table's introduction says it leaves out.
OTHER_THINGS = {22, 42, 44}


def test_every_row_of_the_posts_is_carried_by_a_test() -> None:
    """No row is without a test that says that it plays it, and none is played that is not there."""
    carried = {row for path in TESTS.glob("test_*.py") for row in POSTS.marked(path)}

    assert [row for row in ROWS if row not in carried] == []
    assert carried <= set(ROWS)


def test_the_table_has_every_row_about_posts() -> None:
    """R47 to R65 and D1 to D46, each once, but for those that are about other things."""
    expected = [f"R{number}" for number in range(47, 66)]
    expected += [f"D{number}" for number in range(1, 47) if number not in OTHER_THINGS]

    assert list(ROWS) == expected
    assert all(f"D{number}" in " ".join(POSTS.intro) for number in OTHER_THINGS)
