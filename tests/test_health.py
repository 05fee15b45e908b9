"""How a source is doing, in one word: the same for `status` and for feeds/status.atom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.health import Health, contradicts, health, was_reachable
from aggregator.model.health import Kind
from aggregator.model.poll import SourceState
from aggregator.model.source import Source

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
