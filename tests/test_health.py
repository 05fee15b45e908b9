"""How a source is doing, in one word: the same for `status` and for feeds/status.atom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.health import Health, contradicts, health, was_reachable
from aggregator.model.health import Kind
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.schedule import learn

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOURCE = Source(id="a", feed="http://a.example/", addresses=("http://a.example/",), categories=("news",))
FINE = SourceState(id="a", last_poll=NOW, last_success=NOW)


def failed(times: int, hours: float | None, **more: object) -> SourceState:
    """Return the state after so many failures in a row, so many hours after the last success, if there was one."""
    success = None if hours is None else NOW - hours * HOUR
    facts = {"last_kind": "http", "last_status": 500} | more
    return replace(FINE, failures=times, last_success=success, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (SourceState(id="a"), Health.NEW),
        (FINE, Health.OK),
        (failed(1, 1), Health.RETRYING),
        (failed(2, 100), Health.RETRYING),
        (failed(3, 5.9), Health.RETRYING),
        (failed(3, 6), Health.FAILING),
        (failed(30, 5.9), Health.RETRYING),
        (failed(1, None), Health.RETRYING),
        (failed(2, None), Health.RETRYING),
        (failed(3, None), Health.FAILING),
        (failed(1, 1, last_status=503), Health.WAITING),
        (failed(2, 100, last_status=429), Health.WAITING),
        (failed(3, 5, last_status=429), Health.WAITING),
        (failed(3, 6, last_status=429), Health.FAILING),
        (failed(3, 6, last_status=410), Health.FAILING),
        (failed(9, 90, last_kind="posts", last_status=200), Health.RETRYING),
        (failed(9, 90, last_kind="not-a-feed", last_status=200), Health.FAILING),
        (failed(9, 90, last_kind="bug", last_status=None), Health.FAILING),
    ],
)
def test_the_word_for_a_state(state: SourceState, word: Health) -> None:
    """Failing: three polls in a row have failed, and six hours have gone by without a success; less may pass."""
    assert health(SOURCE, state) is word


@pytest.mark.parametrize("state", [SourceState(id="a"), FINE, failed(9, 90)])
def test_what_is_not_asked_does_not_fail(state: SourceState) -> None:
    """A paused source is paused and one that is gone is gone, whatever its last poll came to."""
    assert health(replace(SOURCE, paused=True), state) is Health.PAUSED
    assert health(replace(SOURCE, gone=NOW), state) is Health.GONE
    assert health(replace(SOURCE, gone=NOW, paused=True), state) is Health.PAUSED


@pytest.mark.parametrize(
    ("state", "said", "news"),
    [
        (failed(3, 6), {}, True),
        (failed(3, 6), {"b": Kind.FAILING}, True),
        (failed(3, 6), {"a": Kind.FAILING}, False),
        (failed(3, 6), {"a": Kind.GONE}, True),
        (failed(1, 6), {}, False),
        (failed(1, 6), {"a": Kind.FAILING}, False),
        (FINE, {}, False),
        (FINE, {"a": Kind.FAILING}, True),
        (FINE, {"a": Kind.GONE}, True),
        (SourceState(id="a"), {"a": Kind.FAILING}, False),
    ],
)
def test_only_what_contradicts_the_last_word_is_news(state: SourceState, said: dict[str, Kind], *, news: bool) -> None:
    """It fails and was not said to, or it answers and was said to fail or to be gone; all else was said already."""
    assert contradicts(state, said) is news


@pytest.mark.parametrize(
    ("hours", "reachable"),
    [
        ([], False),
        ([-1], False),
        ([-1, 8], False),
        ([-0.1], True),
        ([3], True),
        ([-9, 3, 12], True),
        ([7.1], True),
        ([7.2], False),
    ],
)
def test_a_failure_counts_while_others_are_reached(hours: list[float], *, reachable: bool) -> None:
    """Some other host must have been reached between the first and the last that count: before and after say nothing."""
    assert was_reachable(NOW, NOW + 7 * HOUR, [NOW + each * HOUR for each in hours]) is reachable


def played(rhythm: Callable[[int], int], days: int) -> SourceState:
    """Return the state after so many days, polled twice a day; `rhythm` says how many entries a day brings."""
    state = replace(FINE, last_success=NOW, last_poll=NOW)
    for half in range(1, 2 * days + 1):
        now = NOW + half * 12 * HOUR
        new = rhythm(half // 2) if half % 2 == 0 else 0
        arrivals, watched = learn(state, new, now)
        news = now if new else state.last_news
        state = replace(state, arrivals=arrivals, watched=watched, last_success=now, last_poll=now, last_news=news)
    return state


@pytest.mark.parametrize(
    ("rhythm", "last", "known_at"),
    [
        (lambda _: 20, 100, 35),
        (lambda _: 1, 100, 35),
        (lambda day: day % 7 == 0, 98, 59),
        (lambda day: day % 14 == 0, 98, 101),
        (lambda _: 1, 2, 104),
    ],
    ids=["twenty a day", "one a day", "one a week", "one in two weeks", "two entries ever"],
)
def test_a_source_that_has_stopped_is_quiet(rhythm: Callable[[int], int], last: int, known_at: int) -> None:
    """It is told once ten entries are missed and five weeks have gone by, and from then on, however long it lasts."""

    def stopped(day: int) -> int:
        return int(rhythm(day)) if day <= last else 0

    for silence in (known_at - 2, known_at + 2, 400, 900):
        word = health(SOURCE, played(stopped, last + silence))
        assert word is (Health.OK if silence < known_at else Health.QUIET), silence


@pytest.mark.parametrize(
    "rhythm",
    [
        lambda day: 20 * (day % 7 == 0),
        lambda day: 30 * (day % 31 == 0),
        lambda day: day % 31 == 0,
        lambda day: day % 120 == 0,
        lambda day: 5 * (day % 40 > 10),
        lambda _: 0,
    ],
    ids=["weekly issue", "monthly issue", "one a month", "one in four months", "a month of holidays", "nothing ever"],
)
def test_a_source_that_keeps_its_rhythm_is_not_quiet(rhythm: Callable[[int], int]) -> None:
    """Weekends, holidays and issues that bring all at once are no silence; where there never was a rhythm none is missed."""
    assert {health(SOURCE, played(lambda day: int(rhythm(day)), days)) for days in range(200, 330, 5)} == {Health.OK}


def test_a_failure_comes_before_silence() -> None:
    """Whether it still brings something is not known of a source that does not answer."""
    silent = played(lambda day: day < 100, 200)
    assert health(SOURCE, silent) is Health.QUIET
    assert health(SOURCE, replace(silent, failures=1, last_kind="http")) is Health.RETRYING
