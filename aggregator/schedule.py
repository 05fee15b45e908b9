"""What was learned -> when to poll next, and why. Pure: every instant is an argument, the spread comes from a hash.

The rule (docs/decisions/0007): a source's interval is its `every`; without one it is an hour until enough was seen, then what
the adaptive rule makes of it. Whatever the server asks for (max-age, Expires, Retry-After, ttl, sy:, skipHours, skipDays)
raises it, and nothing lowers it. A failure doubles it, up to a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from math import log, sqrt

from aggregator.model.changes import Hints
from aggregator.model.fetched import HostState
from aggregator.model.poll import SourceState
from aggregator.model.reason import Reason, told, units
from aggregator.model.source import Source

DEFAULT_EVERY = timedelta(minutes=60)  #: also the shortest interval that the adaptive rule chooses (conduct F12)
WITHOUT_VALIDATORS = timedelta(hours=3)  #: the shortest one where every poll costs the server a whole feed
LONGEST_INTERVAL = timedelta(hours=24)  #: of the adaptive rule, of back-off, and of what ttl and sy: may ask for
LONGEST_FRESHNESS = timedelta(days=30)  #: a max-age beyond this is somebody's mistake (conduct F8)

#: What is believed before anything was seen: 0.3 entries in two days.
_PRIOR_ENTRIES = 0.3
_PRIOR_DAYS = 2.0
#: How long a source must have been watched before its rhythm counts for more than the default.
_LEARNING_DAYS = 2.0
_HALF_LIFE_DAYS = 14.0
#: What was seen of a source that brings an entry a month, when it has just brought one: 1 + 0.5^(30/14) + 0.5^(60/14) + ...
_LEAST_SEEN = 1.25
_LONGEST_SILENCE_DAYS = 1000.0  #: what faded for longer cannot be told from nothing
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
#: A run started by a clock meets an interval within a minute: an hourly cron job polls what is due hourly each time.
_GRACE = timedelta(minutes=1)
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: When a source is due that was never asked.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The numbers of the square-root rule; each default is what we do, others are tried by `benchmarks/simulate`."""

    knob: float = 2.0  #: in square roots of a minute: what it buys stands in docs/scheduling.md
    floor: timedelta = DEFAULT_EVERY
    cap: timedelta = LONGEST_INTERVAL


#: The one that sources are polled by.
OUR_RULE = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The next poll of a source."""

    earliest: datetime | None  #: from when a run may take it along; None: not by itself
    at: datetime | None  #: when a scheduler takes it: `earliest`, spread out over the sources
    why: tuple[Reason, ...]

    @property
    def reason(self) -> str:
        """Return why, in words, for `status` and `plan`."""
        return told(self.why)

    def is_due(self, now: datetime) -> bool:
        """Tell whether a run that starts now polls it."""
        return self.earliest is not None and self.earliest <= now

    def has_come(self, now: datetime) -> bool:
        """Tell whether a scheduler takes it now."""
        return self.at is not None and self.at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """One thing that a poll has to wait for."""

    until: datetime
    why: Reason


_PAUSED = Reason(word="paused", text="paused")
_NEVER = Reason(word="never", text="never polled yet")
_SKIPPED_HOUR = Reason(word="skipped_hour", text="not in its skipHours")
_SKIPPED_DAY = Reason(word="skipped_day", text="not on its skipDays")
CLOCK_SET_BACK = Reason(word="clock", text="the clock was set back since the last poll")
SETTINGS_CHANGED = Reason(word="settings", text="its settings changed since the last poll")


def next_poll(
    source: Source,
    state: SourceState,
    held: HostState | None = None,
    *,
    now: datetime | None = None,
    rule: Rule = OUR_RULE,
) -> Next:
    """Return when a source is polled next, and which of all that it waits for comes last.

    `held` is the host that it would ask, if that wants to be left alone. `now` moves what is overdue out of an hour that the
    feed excludes: between two runs it may have become due and come into such an hour.
    """
    if source.paused:
        return Next(earliest=None, at=None, why=(_PAUSED,))
    if source.gone is not None:
        text = f"gone since {source.gone:%Y-%m-%d}: the server said so (410)"
        return Next(earliest=None, at=None, why=(Reason(word="gone", text=text, at=source.gone),))
    if state.last_poll is None:
        own = _Bound(until=AT_ONCE, why=_NEVER)
        base, grace = AT_ONCE, timedelta()
    else:
        base = state.last_poll
        own = _own(source, state, base, rule)
        grace = min(_GRACE, (own.until - base) / 10)
    bounds = _bounds(state, held, base)
    last = max((own, *bounds), key=lambda bound: bound.until)
    earliest = max([own.until - grace, *(bound.until for bound in bounds)])
    spread = (last.until - base) * 0.1 * _share(source.id) if state.last_poll is not None else timedelta()
    hints = state.hints
    at, skipped = _outside_skips(hints, last.until + spread, spread)
    earliest, _ = _outside_skips(hints, earliest, timedelta())
    if now is not None and earliest <= now:
        later, overdue = _outside_skips(hints, now, timedelta())
        if overdue is not None:
            earliest, skipped = later, overdue
            at, _ = _outside_skips(hints, max(at, now), spread)
    return Next(earliest=earliest, at=at, why=(last.why, skipped) if skipped else (last.why,))


def interval(source: Source, state: SourceState, *, rule: Rule = OUR_RULE) -> tuple[timedelta, Reason]:
    """Return how often a source is polled when nothing else stands in the way, and why."""
    if source.every is not None:
        return source.every, _every("every", source.every)
    validators = state.validators
    costly = state.last_success is not None and (
        validators is None or (validators.etag is None and validators.last_modified is None)
    )
    if state.watched < _LEARNING_DAYS:
        return _without_validators() if costly else (DEFAULT_EVERY, _every("default", DEFAULT_EVERY, " by default"))
    wait = adaptive_interval(state.arrivals, state.watched, source.weight, rule=rule)
    rate = rate_per_day(state.arrivals, state.watched)
    return _without_validators() if costly and wait < WITHOUT_VALIDATORS else (wait, _learned(wait, rate))


def rate_per_day(arrivals: float, watched: float) -> float:
    """Return the estimated number of new entries per day, from entries seen and days watched."""
    return (arrivals + _PRIOR_ENTRIES) / (watched + _PRIOR_DAYS)


def adaptive_interval(arrivals: float, watched: float, weight: float = 1.0, *, rule: Rule = OUR_RULE) -> timedelta:
    """Return the interval of the square-root rule.

    An entry waits for half an interval on average, so the least waiting for a given number of polls is an interval that
    falls with the square root of how often there is news, times how much that matters (docs/scheduling.md).
    """
    per_minute = rate_per_day(arrivals, watched) / (24 * 60)
    wait = timedelta(minutes=rule.knob / sqrt(per_minute * weight))
    return min(max(wait, rule.floor), rule.cap)


def learn(state: SourceState, new: int, now: datetime) -> tuple[float, float]:
    """Return (entries seen, days watched) after an answer with so many new entries, both fading by half in two weeks.

    What the very first answer holds is no news: it came about before anybody looked.
    """
    if state.last_success is None:
        return 0.0, 0.0
    days = max(0.0, (now - state.last_success) / _DAY)
    kept = 0.5 ** (days / _HALF_LIFE_DAYS)
    return state.arrivals * kept + new, state.watched * kept + (1 - kept) * _HALF_LIFE_DAYS / log(2)


def missed(state: SourceState) -> float:
    """Return how many entries a source would have brought since its last news, had it kept the rhythm that it had then.

    What was seen fades, and nothing has been added since: so what was known at that moment is known again. That it was watched
    as long as memory reaches is taken for granted, which makes less of its rhythm, never more. 0 where no rhythm was seen: less
    than about an entry a month.
    """
    if state.last_news is None or state.last_success is None:
        return 0.0
    days = min(max(0.0, (state.last_success - state.last_news) / _DAY), _LONGEST_SILENCE_DAYS)
    seen = state.arrivals / 0.5 ** (days / _HALF_LIFE_DAYS)
    return days * seen * log(2) / _HALF_LIFE_DAYS if seen >= _LEAST_SEEN else 0.0


def back_off(base: timedelta, failures: int) -> timedelta:
    """Return the wait after so many failures in a row: doubled by each, up to a day, never below the interval."""
    doubled: timedelta = base * 2 ** min(failures - 1, 20)
    return max(base, min(doubled, LONGEST_INTERVAL))


def forecast(source: Source, state: SourceState, held: HostState | None, *, now: datetime, until: datetime) -> Iterator[Next]:
    """Yield the polls of a source up to an instant, if each answer is like the last one and brings no news."""
    fresh_for = state.fresh_until - state.last_poll if state.fresh_until and state.last_poll else None
    while True:
        upcoming = next_poll(source, state, held, now=now)
        if upcoming.at is None or max(upcoming.at, now) > until:
            return
        yield upcoming
        at = max(upcoming.at, now)
        state = replace(
            state,
            last_poll=at,
            failures=state.failures + 1 if state.failures else 0,
            fresh_until=at + fresh_for if fresh_for is not None else None,
        )


def describe(span: timedelta) -> str:
    """Say a span as people do: 90 s, 30 min, 2 h 15 min, 3 d."""
    return " ".join(f"{number} {unit}" for number, unit in units(span))


def freshness(headers: Sequence[tuple[str, str]], now: datetime) -> timedelta | None:
    """Return how long an answer stays fresh: max-age less Age, else Expires (RFC 9111 §4.2); None if not said."""
    fields = dict(headers)
    for directive in ",".join(value for name, value in headers if name == "cache-control").split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.strip('"').isdecimal():
            age = fields.get("age", "")
            seconds = int(value.strip('"')[:10]) - (int(age[:10]) if age.isdecimal() else 0)
            return max(timedelta(), min(timedelta(seconds=seconds), LONGEST_FRESHNESS))
    expires = _http_date(fields.get("expires"))
    if expires is None:
        return None
    return max(timedelta(), min(expires - (_http_date(fields.get("date")) or now), LONGEST_FRESHNESS))


def _own(source: Source, state: SourceState, base: datetime, rule: Rule) -> _Bound:
    wait, why = interval(source, state, rule=rule)
    if state.failures:
        times = f"failed {state.failures} times in a row" if state.failures > 1 else "failed once"
        wait, why = back_off(wait, state.failures), Reason(word="failed", text=times, number=state.failures)
        # Jitter of up to a tenth, another one at each failure, or those that failed together would return together.
        wait += wait * 0.1 * _share(f"{source.id}\0{state.failures}")
    return _Bound(until=base + wait, why=why)


def _bounds(state: SourceState, held: HostState | None, base: datetime) -> list[_Bound]:
    """Return what the server asks for; none of it is ours to shorten."""
    found: list[_Bound] = []
    if state.fresh_until is not None and state.last_poll is not None:
        fresh = state.fresh_until - state.last_poll
        found.append(_Bound(until=state.fresh_until, why=Reason(word="fresh", text=f"fresh for {describe(fresh)}", span=fresh)))
    # Counted from when the feed said so: not from the start of that run, which may take minutes, nor from a poll that failed.
    said = base if state.last_success is None else state.last_success
    for minutes, name in ((state.hints.ttl_minutes, "ttl"), (state.hints.update_period_minutes, "sy:updatePeriod")):
        if minutes and state.last_poll is not None:
            wait = timedelta(minutes=min(minutes, LONGEST_INTERVAL // _MINUTE))
            why = Reason(word="asked", text=f"{name} {describe(wait)}", what=name, span=wait)
            found.append(_Bound(until=said + wait, why=why))
    if held is not None:
        until = held.closed_until
        text = f"{held.name} said {held.status} and wants to be left alone until {until:%Y-%m-%d %H:%M} UTC"
        why = Reason(word="closed", text=text, what=held.name, number=held.status, at=until)
        found.append(_Bound(until=until, why=why))
    return found


def _outside_skips(hints: Hints, at: datetime, spread: timedelta) -> tuple[datetime, Reason | None]:
    """Return the first moment from `at` on that the feed does not exclude (RSS 2.0 skipHours, skipDays; both in GMT).

    A feed that excludes every hour or every day has excluded none: it was surely not meant never to be read. What is moved to
    the end of the excluded time is spread over the hour that follows.
    """
    hours = frozenset(hints.skip_hours) if len(set(hints.skip_hours)) < 24 else frozenset()  # noqa: PLR2004
    days = frozenset(hints.skip_days) if len(set(hints.skip_days)) < 7 else frozenset()  # noqa: PLR2004
    moved, why = at, None
    while moved.hour in hours or _DAY_NAMES[moved.weekday()] in days:
        why = _SKIPPED_HOUR if moved.hour in hours else _SKIPPED_DAY
        moved = moved.replace(minute=0, second=0, microsecond=0) + _HOUR
    return (at, None) if why is None else (moved + min(spread, _HOUR * 0.9), why)


def _every(word: str, wait: timedelta, rest: str = "", number: int | None = None) -> Reason:
    return Reason(word=word, text=f"every {describe(wait)}{rest}", span=wait, number=number)


def _without_validators() -> tuple[timedelta, Reason]:
    return WITHOUT_VALIDATORS, _every("costly", WITHOUT_VALIDATORS, ": the server gives no validators")


def _learned(wait: timedelta, rate: float) -> Reason:
    days = round(1 / rate) if rate < 1 else 1
    if days > 1:
        return _every("learned_slowly", wait, f", learned from one new entry in {days} days", days)
    often = max(round(rate), 1)
    entries = f"{often} new entries a day" if often > 1 else "one new entry a day"
    return _every("learned", wait, f", learned from {entries}", often)


def _http_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None  # no date, or one outside the years that there are


def _share(seed: str) -> float:
    """Return a number between 0 and 1 that is always the same for one seed."""
    return float(int.from_bytes(sha256(seed.encode()).digest()[:4], "big") / 2**32)
