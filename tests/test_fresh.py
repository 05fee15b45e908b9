"""The keys of what a run has written: a set that is asked seldom and grows in between."""

from __future__ import annotations

import sys
from array import array

from aggregator.pipeline.fresh import FreshKeys


def test_it_knows_what_it_was_given_and_nothing_else() -> None:
    """Keys are found whenever they came, before or after the first question."""
    keys = FreshKeys()
    keys.add(["a", "b"])
    assert "a" in keys
    keys.add(["c"])

    assert [key in keys for key in ("a", "b", "c", "d")] == [True, True, True, False]


def test_a_key_that_nobody_asks_for_costs_eight_bytes() -> None:
    """Until it is asked it holds numbers only: a first run of 10,000 sources takes 300,000 keys."""
    keys = FreshKeys()
    keys.add(str(number) for number in range(10_000))

    [numbers] = [each for each in vars(keys).values() if isinstance(each, array)]
    assert len(numbers) == 10_000
    assert sum(map(sys.getsizeof, vars(keys).values())) < 10_000 * 10
