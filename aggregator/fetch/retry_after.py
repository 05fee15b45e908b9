"""Retry-After as servers write it -> a wait, and the words for it. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: No server is believed to mean more; the same bound as for max-age.
LONGEST = timedelta(days=30)
_SECONDS = re.compile(rb"[+-]?[0-9]{1,12}")


def parse_retry_after(value: bytes | None, now: datetime) -> timedelta | None:
    """Return the wait that a server asks for (RFC 9110 §10.2.3), between nothing and 30 days; None if it names none."""
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        wait = timedelta(seconds=int(text))
    elif text.isdigit():
        wait = LONGEST
    else:
        try:
            until = parsedate_to_datetime(text.decode("latin-1"))
        except (ValueError, OverflowError):
            return None
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta()), LONGEST)


def spell_wait(wait: timedelta) -> str:
    """Return a duration in one unit, rounded up: `45 s`, `10 min`, `3 h`, `2 d`."""
    seconds = wait.total_seconds()
    for unit, size, limit in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds <= size * limit:
            return f"{-int(-seconds // size)} {unit}"
    return f"{-int(-seconds // 86400)} d"
