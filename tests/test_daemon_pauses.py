"""How long a daemon waits after rounds that failed."""

from __future__ import annotations

from aggregator.daemon.pauses import Pauses


def test_who_was_asked_in_vain_is_not_asked_each_minute() -> None:
    """What cannot be kept is asked for less and less often, once an hour at last, until a round goes well."""
    pauses = Pauses()

    assert [pauses.after(has_asked=True) / 60 for _ in range(8)] == [1, 2, 4, 8, 16, 32, 64, 64]
    pauses.over()
    assert pauses.after(has_asked=True) == 60


def test_what_fails_before_anybody_is_asked_is_tried_each_minute() -> None:
    """A database that is away costs upstreams nothing, and what they were asked in vain before is not forgotten by it."""
    pauses = Pauses()
    pauses.after(has_asked=True)

    assert [pauses.after(has_asked=False) for _ in range(9)] == [60] * 9
    assert pauses.after(has_asked=True) == 120
