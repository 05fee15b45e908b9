"""What was learned -> when to poll next, and why. Pure: `now` is an argument, the spread comes from a hash.

The rule so far (DESIGN 14): `every`, else an hour, or three where the server gives no validators; raised, never lowered, by
what the server asks for (max-age, Expires, Retry-After, ttl, sy:); doubled by each failure in a row up to a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

from aggregator.model.changes import Hints

DEFAULT_EVERY = timedelta(minutes=60)
WITHOUT_VALIDATORS = timedelta(hours=3)
LONGEST_BACK_OFF = timedelta(hours=24)
LONGEST_FRESHNESS = timedelta(days=30)  #: a max-age beyond this is somebody's mistake (conduct F8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The next poll of a source."""

    at: datetime
    reason: str  #: in words, for `status` and `plan`


def next_after_success(
    *,
    source_id: str,
    every: timedelta | None,
    has_validators: bool,
    headers: Sequence[tuple[str, str]],
    hints: Hints,
    now: datetime,
) -> Next:
    """Return the next poll after an answer, 304 included."""
    if every is not None:
        wait, reason = every, f"every {describe(every)}"
    elif has_validators:
        wait, reason = DEFAULT_EVERY, f"every {describe(DEFAULT_EVERY)} by default"
    else:
        wait, reason = WITHOUT_VALIDATORS, f"every {describe(WITHOUT_VALIDATORS)}: the server gives no validators"
    for demand, words in _demands(headers, hints, now):
        if demand > wait:
            wait, reason = demand, f"{words} {describe(demand)}"
    return Next(at=now + _spread(source_id, wait), reason=reason)


def next_after_failure(
    *, source_id: str, every: timedelta | None, failures: int, retry_after: timedelta | None, now: datetime
) -> Next:
    """Return the next poll after the `failures`-th failure in a row (1 is the first)."""
    base = every or DEFAULT_EVERY
    wait = max(base, min(base * 2 ** min(failures - 1, 10), LONGEST_BACK_OFF))
    reason = f"failed {failures} times in a row" if failures > 1 else "failed once"
    if retry_after is not None and retry_after > wait:
        return Next(at=now + min(retry_after, LONGEST_FRESHNESS), reason=f"the server asked for {describe(retry_after)}")
    return Next(at=now + _spread(f"{source_id}\0{failures}", wait), reason=reason)


def describe(span: timedelta) -> str:
    """Say a span as people do: 90 s, 30 min, 2 h 15 min, 3 d."""
    seconds = round(span.total_seconds())
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 120:  # noqa: PLR2004
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _demands(headers: Sequence[tuple[str, str]], hints: Hints, now: datetime) -> tuple[tuple[timedelta, str], ...]:
    found: list[tuple[timedelta, str]] = []
    fresh = freshness(headers, now)
    if fresh is not None:
        found.append((fresh, "fresh for"))
    if hints.ttl_minutes:
        found.append((min(timedelta(minutes=hints.ttl_minutes), LONGEST_BACK_OFF), "ttl"))
    if hints.update_period_minutes:
        found.append((min(timedelta(minutes=hints.update_period_minutes), LONGEST_BACK_OFF), "sy:updatePeriod"))
    return tuple(found)


def freshness(headers: Sequence[tuple[str, str]], now: datetime) -> timedelta | None:
    """Return how long an answer stays fresh: max-age less Age, else Expires (RFC 9111 §4.2); None if not said."""
    fields = dict(headers)
    for directive in ",".join(value for name, value in headers if name == "cache-control").split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.strip('"').isdecimal():
            age = fields.get("age", "")
            seconds = int(value.strip('"')[:10]) - (int(age[:10]) if age.isdecimal() else 0)
            return max(timedelta(), min(timedelta(seconds=seconds), LONGEST_FRESHNESS))
    expires, date = (_http_date(fields.get(name)) for name in ("expires", "date"))
    if expires is None:
        return None
    return max(timedelta(), min(expires - (date or now), LONGEST_FRESHNESS))


def _http_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None  # no date, or one outside the years that there are


def _spread(seed: str, wait: timedelta) -> timedelta:
    """Lengthen the wait by up to a tenth, always the same tenth for one source, so that polls do not bunch at :00."""
    share = int.from_bytes(sha256(seed.encode()).digest()[:4], "big") / 2**32
    return wait + wait * 0.1 * share
