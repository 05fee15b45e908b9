"""Due times and their reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.changes import Hints
from aggregator.model.fetched import HostState, Validators
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.schedule import (
    AT_ONCE,
    DEFAULT_EVERY,
    LONGEST_INTERVAL,
    Next,
    back_off,
    describe,
    forecast,
    freshness,
    next_poll,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a Sunday
HOUR = timedelta(hours=1)
VALIDATORS = Validators(address="https://a.example/feed", etag=b'"1"')
SOURCE = Source(id="a", feed="https://a.example/feed", addresses=("https://a.example/feed",), categories=("news",))
STATE = SourceState(id="a", last_poll=NOW, last_success=NOW, validators=VALIDATORS)


def source(**changes: object) -> Source:
    return replace(SOURCE, **changes)  # type: ignore[arg-type]


def state(**changes: object) -> SourceState:
    return replace(STATE, **changes)  # type: ignore[arg-type]


def about(found: Next, wait: timedelta) -> bool:
    """A scheduler's time may be up to a tenth later, so that sources spread out; a run may be a minute early, no more."""
    assert found.at is not None
    assert found.earliest is not None
    return NOW + wait <= found.at <= NOW + wait * 1.1 and NOW + wait - timedelta(minutes=1) <= found.earliest <= NOW + wait


@pytest.mark.rule("F12", "F13")
@pytest.mark.parametrize(
    ("mine", "learned", "wait", "reason"),
    [
        ({}, {}, HOUR, "every 60 min by default"),
        ({}, {"validators": None}, 3 * HOUR, "every 3 h: the server gives no validators"),
        ({"every": HOUR / 2}, {}, HOUR / 2, "every 30 min"),
        ({"every": HOUR / 2}, {"validators": None}, HOUR / 2, "every 30 min"),
        ({"every": HOUR}, {"fresh_until": NOW + 2 * HOUR}, 2 * HOUR, "fresh for 2 h"),
        ({"every": 3 * HOUR}, {"fresh_until": NOW + HOUR}, 3 * HOUR, "every 3 h"),
        ({"every": HOUR}, {"hints": Hints(ttl_minutes=240)}, 4 * HOUR, "ttl 4 h"),
        ({"every": HOUR}, {"hints": Hints(ttl_minutes=5)}, HOUR, "every 60 min"),
        ({"every": HOUR}, {"hints": Hints(update_period_minutes=1440)}, 24 * HOUR, "sy:updatePeriod 24 h"),
        ({"every": HOUR}, {"hints": Hints(ttl_minutes=10**30)}, 24 * HOUR, "ttl 24 h"),
    ],
)
def test_interval_is_raised_by_the_server_and_never_lowered(
    mine: dict[str, object], learned: dict[str, object], wait: timedelta, reason: str
) -> None:
    """`every`, or the default, is the floor; what the server asks for can only lengthen it."""
    found = next_poll(source(**mine), state(**learned))

    assert about(found, wait)
    assert found.reason == reason


@pytest.mark.rule("F8", "F13")
def test_what_the_server_asks_for_is_kept_to_the_second() -> None:
    """The minute by which a run may be early is ours to give, not the server's: freshness holds to its end."""
    found = next_poll(source(every=HOUR), state(fresh_until=NOW + 2 * HOUR))
    late = timedelta(seconds=40)  # into its run came the answer
    told = next_poll(source(every=HOUR), state(last_success=NOW + late, hints=Hints(ttl_minutes=240)))

    failing = state(last_poll=NOW + 3 * HOUR, last_success=NOW + late, failures=1, hints=Hints(ttl_minutes=240))

    assert found.earliest == NOW + 2 * HOUR
    assert told.earliest == NOW + late + 4 * HOUR
    assert next_poll(source(every=HOUR / 2), failing).earliest == NOW + late + 4 * HOUR


@pytest.mark.rule("F8")
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


@pytest.mark.rule("R17")
def test_failures_wait_longer_each_time_up_to_a_day() -> None:
    """Each failure in a row doubles the wait, which never passes a day, with a jitter of at most a tenth."""
    for failures, hours in zip(range(1, 9), (1, 2, 4, 8, 16, 24, 24, 24), strict=True):
        found = next_poll(source(every=HOUR), state(failures=failures))

        assert found.earliest is not None
        assert NOW + hours * HOUR - timedelta(minutes=1) <= found.earliest <= NOW + hours * HOUR * 1.1
    assert next_poll(source(every=HOUR), state(failures=3)).reason == "failed 3 times in a row"


def test_sources_that_failed_together_return_apart() -> None:
    """The jitter differs from source to source and from failure to failure."""
    times = {next_poll(source(id=f"s{number}", every=HOUR), state(failures=1)).at for number in range(50)}

    assert len(times) == 50


def test_a_failing_source_with_a_long_interval_is_not_polled_earlier_for_it() -> None:
    """A source polled every two days is not asked daily because it failed."""
    assert back_off(48 * HOUR, 3) == 48 * HOUR


@pytest.mark.rule("F9")
def test_a_closed_host_is_waited_for_to_the_second() -> None:
    """The server's wish is kept, also when the interval would end earlier, and the reason names the host (RFC 9110 §10.2.3)."""
    held = HostState(name="a.example", closed_until=NOW + 5 * HOUR, status=429)

    found = next_poll(source(every=HOUR), state(failures=1), held)

    assert found.earliest == NOW + 5 * HOUR
    assert found.reason == "a.example said 429 and wants to be left alone until 2026-11-22 17:00 UTC"


@pytest.mark.rule("F14")
@pytest.mark.parametrize(
    ("hints", "first", "why"),
    [
        (Hints(skip_hours=(12, 13, 14)), datetime(2026, 11, 22, 15, tzinfo=UTC), "every 60 min, not in its skipHours"),
        (Hints(skip_days=("Sunday",)), datetime(2026, 11, 23, 0, tzinfo=UTC), "every 60 min, not on its skipDays"),
        (
            Hints(skip_hours=(0, 1), skip_days=("Sunday", "Tuesday")),
            datetime(2026, 11, 23, 2, tzinfo=UTC),
            "every 60 min, not in its skipHours",
        ),
        (Hints(skip_hours=(11, 15)), None, "every 60 min"),
        (Hints(skip_hours=tuple(range(24))), None, "every 60 min"),
        (Hints(skip_days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")), None, "every 60 min"),
    ],
)
def test_excluded_hours_and_days_are_left_out(hints: Hints, first: datetime | None, why: str) -> None:
    """The poll moves to the first hour that the feed does not exclude; a feed that excludes everything has excluded nothing."""
    found = next_poll(source(every=HOUR), state(hints=hints))

    assert found.reason == why
    if first is None:
        assert about(found, HOUR)
    else:
        assert found.earliest == first
        assert found.at is not None
        assert first <= found.at < first + HOUR


@pytest.mark.rule("F14")
@given(
    hours=st.sets(st.integers(0, 23), max_size=23),
    days=st.sets(st.integers(0, 6), max_size=6),
    minutes=st.integers(1, 60 * 24 * 9),
)
@settings(deadline=None, max_examples=150)
def test_no_poll_falls_into_excluded_time(hours: set[int], days: set[int], minutes: int) -> None:
    """Whatever a feed excludes, neither a run nor a scheduler comes then, and it is not waited for longer than eight days."""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    hints = Hints(skip_hours=tuple(hours), skip_days=tuple(names[day] for day in days))

    found = next_poll(source(every=timedelta(minutes=minutes)), state(hints=hints))

    for at in (found.earliest, found.at):
        assert at is not None
        assert at.hour not in hours
        assert at.weekday() not in days
        assert at < NOW + timedelta(minutes=minutes) * 1.1 + timedelta(days=8)


@pytest.mark.rule("F14")
def test_what_became_due_before_an_excluded_hour_waits_for_its_end() -> None:
    """Due at 12:58, looked at by a run at 13:00: if the feed excludes that hour, neither a run nor a forecast polls it then."""
    one, known = source(every=timedelta(minutes=59)), state(hints=Hints(skip_hours=(13,)))
    found = next_poll(one, known, now=NOW + HOUR)
    [first, *_] = forecast(one, known, None, now=NOW + HOUR, until=NOW + 5 * HOUR)

    assert next_poll(one, known).is_due(NOW + HOUR)
    assert not found.is_due(NOW + HOUR)
    assert found.earliest == NOW + 2 * HOUR
    assert found.reason == "every 59 min, not in its skipHours"
    assert first == found
    assert next_poll(one, known, now=NOW + 2 * HOUR).is_due(NOW + 2 * HOUR)


@pytest.mark.rule("F14")
def test_a_run_that_comes_late_waits_for_excluded_time_to_end() -> None:
    """What was due before an excluded hour and is taken along only within it is not: the scheduled poll moves behind it."""
    hints = Hints(skip_hours=(14, 15), skip_days=("Monday",))
    before, within, monday = (
        next_poll(source(every=HOUR), state(hints=hints), now=NOW + hours * HOUR) for hours in (1.9, 2.5, 12.5)
    )

    assert before.is_due(NOW + 1.9 * HOUR)
    assert not within.is_due(NOW + 2.5 * HOUR)
    assert (within.earliest, within.reason) == (NOW + 4 * HOUR, "every 60 min, not in its skipHours")
    assert (monday.earliest, monday.reason) == (NOW + 36 * HOUR, "every 60 min, not on its skipDays")


@pytest.mark.rule("F16")
def test_sources_spread_out_and_each_keeps_its_place() -> None:
    """Two hundred sources polled at once are due at two hundred different times, and at the same ones every time."""
    sources = [source(id=f"s{number}") for number in range(200)]
    first, again = ([next_poll(one, state()).at for one in sources] for _ in range(2))
    minutes = {at.replace(second=0) for at in first if at is not None}

    assert first == again
    assert len(set(first)) == 200
    assert len(minutes) >= 6


@pytest.mark.rule("F16")
def test_polls_of_many_sources_come_apart_over_the_interval() -> None:
    """Three hundred hourly sources, all polled at the same second, are asked all around the hour two days later."""
    until = NOW + 49 * HOUR
    minutes = [
        coming.at.minute
        for number in range(300)
        for coming in forecast(source(id=f"s{number}", every=HOUR), state(), None, now=NOW, until=until)
        if coming.at is not None and coming.at >= until - HOUR
    ]
    busiest = max(minutes.count(minute) for minute in range(60))

    assert len(minutes) >= 270
    assert len(set(minutes)) >= 55
    assert busiest <= 20


def test_a_source_never_asked_is_due_at_once() -> None:
    """What has no history waits for nothing but a closed host."""
    held = HostState(name="a.example", closed_until=NOW + HOUR, status=429)

    found = next_poll(SOURCE, SourceState(id="a"))
    assert (found.earliest, found.at, found.reason) == (AT_ONCE, AT_ONCE, "never polled yet")
    assert next_poll(SOURCE, SourceState(id="a"), held).earliest == NOW + HOUR


def test_paused_and_gone_sources_are_never_due() -> None:
    """Neither is polled by itself, and the reason says why."""
    paused, gone = (next_poll(source(paused=True), STATE), next_poll(source(gone=NOW), STATE))

    assert not paused.is_due(NOW + 999 * HOUR)
    assert not gone.is_due(NOW + 999 * HOUR)
    assert (paused.reason, gone.reason) == ("paused", "gone since 2026-11-22: the server said so (410)")


def test_a_forecast_repeats_what_was_learned() -> None:
    """Over a day a source with six hours of freshness is polled about four times, the failing one more and more seldom."""
    calm = list(forecast(source(every=HOUR), state(fresh_until=NOW + 6 * HOUR), None, now=NOW, until=NOW + 25 * HOUR))
    failing = list(forecast(source(every=HOUR), state(failures=1), None, now=NOW, until=NOW + 25 * HOUR))

    assert [one.reason for one in calm] == ["fresh for 6 h"] * len(calm)
    assert len(calm) in {3, 4}
    assert [one.reason.split()[1] for one in failing] == ["once", "2", "3", "4"]
    assert not list(forecast(source(paused=True), STATE, None, now=NOW, until=NOW + 25 * HOUR))


def test_a_forecast_of_the_past_begins_now() -> None:
    """What is long overdue is polled once now, and from there on at its interval."""
    found = list(forecast(source(every=HOUR), state(last_poll=NOW - 99 * HOUR), None, now=NOW, until=NOW + 2.5 * HOUR))

    assert len(found) == 3


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


def test_bounds_of_the_adaptive_rule_stand_in_the_right_order() -> None:
    """The default is also the shortest interval that is ever learned (conduct F12)."""
    assert DEFAULT_EVERY == HOUR < LONGEST_INTERVAL
