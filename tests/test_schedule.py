"""Due times and their reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.model.changes import Hints
from aggregator.schedule import Next, describe, freshness, next_after_failure, next_after_success

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _next(
    *,
    every: timedelta | None = None,
    has_validators: bool = True,
    headers: tuple[tuple[str, str], ...] = (),
    hints: Hints | None = None,
) -> Next:
    return next_after_success(
        source_id="a", every=every, has_validators=has_validators, headers=headers, hints=hints or Hints(), now=NOW
    )


def _about(at: datetime, wait: timedelta) -> bool:
    """A wait may be lengthened by up to a tenth, so that sources spread out; it is never shortened."""
    return NOW + wait <= at <= NOW + wait * 1.1


@pytest.mark.parametrize(
    ("given", "wait", "reason"),
    [
        ({}, HOUR, "every 60 min by default"),
        ({"has_validators": False}, 3 * HOUR, "every 3 h: the server gives no validators"),
        ({"every": HOUR / 2}, HOUR / 2, "every 30 min"),
        ({"every": HOUR, "headers": (("cache-control", "public, max-age=7200"),)}, 2 * HOUR, "fresh for 2 h"),
        ({"every": 3 * HOUR, "headers": (("cache-control", "max-age=60"),)}, 3 * HOUR, "every 3 h"),
        ({"every": HOUR, "hints": Hints(ttl_minutes=240)}, 4 * HOUR, "ttl 4 h"),
        ({"every": HOUR, "hints": Hints(ttl_minutes=5)}, HOUR, "every 60 min"),
        ({"every": HOUR, "hints": Hints(update_period_minutes=1440)}, 24 * HOUR, "sy:updatePeriod 24 h"),
        ({"every": HOUR, "hints": Hints(ttl_minutes=10**9)}, 24 * HOUR, "ttl 24 h"),
    ],
)
def test_interval_is_raised_by_the_server_and_never_lowered(given: dict[str, object], wait: timedelta, reason: str) -> None:
    """`every`, or the default, is the floor; what the server asks for can only lengthen it."""
    found = _next(**given)  # type: ignore[arg-type]

    assert _about(found.at, wait)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((("cache-control", "max-age=100"), ("age", "40")), timedelta(seconds=60)),
        ((("cache-control", "max-age=100"), ("age", "400")), timedelta()),
        ((("cache-control", "max-age=abc"),), None),
        ((("cache-control", 'max-age="100"'),), timedelta(seconds=100)),
        ((("cache-control", "max-age=99999999999999999999"),), timedelta(days=30)),
        ((("cache-control", "no-cache"), ("cache-control", "MAX-AGE=7")), timedelta(seconds=7)),
        ((("expires", "Sun, 22 Nov 2026 13:00:00 GMT"),), HOUR),
        ((("expires", "Sun, 22 Nov 2026 13:00:00 GMT"), ("date", "Sun, 22 Nov 2026 12:30:00 GMT")), HOUR / 2),
        ((("expires", "0"),), None),
        ((("expires", "Fri, 31 Dec 9999 23:59:59 -1200"),), None),
        ((("expires", "Fri, 31 Dec 99999999999 23:59:59 GMT"),), None),
        ((("expires", "Fri, 31 Dec 2026 23:59:59 +99999999"),), None),
        ((("expires", "-1"),), None),
        ((), None),
    ],
)
def test_freshness_reads_what_servers_send(headers: tuple[tuple[str, str], ...], wait: timedelta | None) -> None:
    """max-age less Age comes before Expires; nonsense counts as silence (RFC 9111 §4.2)."""
    assert freshness(headers, NOW) == wait


def test_failures_wait_longer_each_time_up_to_a_day() -> None:
    """Each failure in a row doubles the wait, which never passes a day and never falls below `every`."""
    waits = [
        next_after_failure(source_id="a", every=HOUR, failures=number, retry_after=None, now=NOW).at for number in range(1, 9)
    ]

    for at, hours in zip(waits, (1, 2, 4, 8, 16, 24, 24, 24), strict=True):
        assert _about(at, hours * HOUR)


def test_a_failing_source_with_a_long_interval_is_not_polled_earlier_for_it() -> None:
    """A source polled every two days is not asked daily because it failed."""
    found = next_after_failure(source_id="a", every=48 * HOUR, failures=3, retry_after=None, now=NOW)

    assert _about(found.at, 48 * HOUR)


def test_retry_after_is_obeyed_when_it_is_longer() -> None:
    """The server's wish is kept to the second, and says so (RFC 9110 §10.2.3)."""
    found = next_after_failure(source_id="a", every=HOUR, failures=1, retry_after=5 * HOUR, now=NOW)

    assert found == Next(at=NOW + 5 * HOUR, reason="the server asked for 5 h")


def test_sources_spread_out_and_each_keeps_its_place() -> None:
    """Two sources with one interval get different due times, and the same ones every time."""
    first, again, other = (
        next_after_success(source_id=name, every=HOUR, has_validators=True, headers=(), hints=Hints(), now=NOW).at
        for name in ("a", "a", "b")
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (90, "90 s"), (150, "2 min"), (3600, "60 min"), (7200, "2 h"), (8100, "2 h 15 min"), (90000, "25 h")],
)
def test_spans_are_said_as_people_say_them(seconds: int, text: str) -> None:
    """A span is rounded to what matters."""
    assert describe(timedelta(seconds=seconds)) == text


def test_spans_of_days() -> None:
    """From two days on, days are said."""
    assert describe(timedelta(days=3)) == "3 d"
    assert describe(timedelta(days=3, hours=5)) == "3 d 5 h"
