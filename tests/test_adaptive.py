"""The square-root rule against its closed forms (the shape of a policy simulator's checks, on the production functions)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.fetched import Validators
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.schedule import (
    DEFAULT_EVERY,
    LONGEST_INTERVAL,
    Rule,
    adaptive_interval,
    forecast,
    interval,
    learn,
    next_poll,
    rate_per_day,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SOURCE = Source(id="a", feed="https://a.example/feed", addresses=("https://a.example/feed",), categories=("news",))
VALIDATORS = Validators(address="https://a.example/feed", etag=b'"1"')
STATE = SourceState(id="a", last_poll=NOW, last_success=NOW, validators=VALIDATORS)
#: Long enough that the prior counts for nothing.
EVER = 10_000.0


def learned(per_day: float, weight: float = 1.0) -> timedelta:
    """Return the interval for a rate that is known well."""
    return adaptive_interval(per_day * EVER, EVER, weight)


def test_intervals_fall_with_the_square_root_of_the_rate() -> None:
    """Four times the news, or four times the weight, halves the interval, within its bounds of an hour and a day."""
    assert learned(0.2) / learned(0.8) == pytest.approx(2, rel=0.01)
    assert learned(0.2) / learned(0.2, weight=4) == pytest.approx(2, rel=0.01)
    assert learned(1000) == DEFAULT_EVERY
    assert learned(0.00001) == LONGEST_INTERVAL


@given(per_day=st.floats(1e-6, 1e5), weight=st.floats(0.01, 100), watched=st.floats(0, 1000))
@settings(deadline=None, max_examples=200)
def test_an_interval_is_the_knob_over_the_root_of_rate_and_weight(per_day: float, weight: float, watched: float) -> None:
    """I = clamp(2 / sqrt(rate x weight), an hour, a day) in minutes, where the rate is (entries + 0.3) / (days + 2)."""
    arrivals = per_day * watched
    rate = (arrivals + 0.3) / (watched + 2)

    minutes = min(max(2 / sqrt(rate / (24 * 60) * weight), 60), 24 * 60)

    assert rate_per_day(arrivals, watched) == pytest.approx(rate)
    assert adaptive_interval(arrivals, watched, weight) / timedelta(minutes=1) == pytest.approx(minutes, abs=1e-6)


@pytest.mark.parametrize(
    ("rule", "per_day", "wait"),
    [
        (Rule(knob=4), 0.25, timedelta(minutes=4 * sqrt(24 * 60 / 0.25))),
        (Rule(floor=timedelta(minutes=5)), 1e9, timedelta(minutes=5)),
        (Rule(cap=timedelta(hours=2)), 1e-9, timedelta(hours=2)),
    ],
    ids=["knob", "floor", "cap"],
)
def test_the_planner_goes_by_the_rule_that_it_is_given(rule: Rule, per_day: float, wait: timedelta) -> None:
    """`next_poll` takes knob, floor and cap from its argument, which only the simulator gives."""
    state = replace(STATE, arrivals=per_day * EVER, watched=EVER)

    at = next_poll(SOURCE, state, rule=rule).at

    assert at is not None
    assert wait * 0.999 <= at - NOW <= wait * 1.101


def test_the_rule_spends_its_polls_best() -> None:
    """Delay times budget is the least there is: the sums of rate times interval and of 1 / interval make (sum of roots)²."""
    rates = [0.02 * 1.1**number for number in range(30)]  # within the bounds
    minutes = [learned(rate) / timedelta(minutes=1) for rate in rates]

    spent = sum(rate * wait for rate, wait in zip(rates, minutes, strict=True)) * sum(1 / wait for wait in minutes)

    assert spent == pytest.approx(sum(map(sqrt, rates)) ** 2, rel=0.01)


def test_it_beats_fixed_polling_at_an_equal_budget() -> None:
    """With as many polls as the rule takes, polling everybody alike lets an entry wait longer, by a third and more."""
    chance = random.Random(7)
    rates = [exp(chance.gauss(-1.9, 1.6)) for _ in range(5000)]
    waits = [learned(rate) / timedelta(minutes=1) for rate in rates]
    budget = sum(1 / wait for wait in waits)

    adaptive = sum(rate * wait / 2 for rate, wait in zip(rates, waits, strict=True)) / sum(rates)
    fixed = len(rates) / budget / 2

    assert adaptive < fixed * 0.67


def test_fixed_polling_delays_an_entry_by_half_its_interval() -> None:
    """Entries that come at any time wait for half an interval on average, and for half of what spreading adds."""
    chance = random.Random(11)
    until = NOW + 5 * DAY
    delays: list[float] = []
    for number in range(40):
        source = replace(SOURCE, id=f"s{number}", every=timedelta(hours=1))
        polls = [found.at for found in forecast(source, STATE, None, now=NOW, until=until) if found.at is not None]
        for _ in range(100):
            published = NOW + (polls[-1] - NOW) * chance.random()
            delays.append(min(at - published for at in polls if at >= published) / timedelta(minutes=1))

    assert sum(delays) / len(delays) == pytest.approx(30 * 1.05, rel=0.1)


@pytest.mark.parametrize("per_day", [0.1, 1.0, 20.0])
def test_the_rate_is_learned_from_what_polls_bring(per_day: float) -> None:
    """After two months of polls the estimate stands near the rate with which entries really came."""
    chance = random.Random(3)
    state, now = STATE, NOW
    while now < NOW + 60 * DAY:
        wait, _ = interval(SOURCE, state)
        now += wait
        new = sum(chance.random() < per_day * wait / DAY / 50 for _ in range(50))
        arrivals, watched = learn(state, new, now)
        state = replace(state, arrivals=arrivals, watched=watched, last_success=now, last_poll=now)

    # Some 20 days count, so that a rare event is known only roughly.
    assert rate_per_day(state.arrivals, state.watched) == pytest.approx(per_day, rel=0.4, abs=0.08)


def test_the_past_fades() -> None:
    """Two weeks of silence halve what was seen before."""
    arrivals, watched = learn(replace(STATE, arrivals=10.0, watched=20.0), 0, NOW + 14 * DAY)

    assert arrivals == pytest.approx(5)
    assert watched == pytest.approx(10 + 14 / 2 / 0.6931, rel=0.01)


def test_the_first_answer_is_no_news() -> None:
    """What a feed held before anybody looked says nothing about its rhythm."""
    assert learn(SourceState(id="a"), 50, NOW) == (0.0, 0.0)


@pytest.mark.rule("F12")
def test_the_rule_waits_until_it_has_seen_enough() -> None:
    """For two days a source is polled hourly; then its rhythm counts, at most every three hours without validators."""
    fresh = interval(SOURCE, replace(STATE, arrivals=0.0, watched=1.9))
    quiet = interval(SOURCE, replace(STATE, arrivals=0.0, watched=20.0))
    busy = interval(SOURCE, replace(STATE, arrivals=900.0, watched=20.0))
    costly = interval(SOURCE, replace(STATE, arrivals=900.0, watched=20.0, validators=None))

    assert (fresh[0], fresh[1].text) == (timedelta(hours=1), "every 60 min by default")
    assert quiet[0] > timedelta(hours=10)
    assert quiet[1].text.endswith("learned from one new entry in 73 days")
    assert (busy[0], busy[1].text) == (timedelta(hours=1), "every 60 min, learned from 41 new entries a day")
    assert costly[0] == timedelta(hours=3)
