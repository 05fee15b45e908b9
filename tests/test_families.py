"""The table of broken feeds: every family is carried by some test."""

from __future__ import annotations

from pathlib import Path

from tests.families import FAMILIES, ROWS

TESTS = Path(__file__).parent


def test_every_family_is_carried_by_a_test() -> None:
    """All 45 families are marked on tests, and none that is not there."""
    carried = {number for path in TESTS.glob("test_*.py") for number in FAMILIES.marked(path)}

    assert list(ROWS) == [str(number) for number in range(1, 46)]
    assert sorted(carried, key=int) == list(ROWS)
