"""The status page -> /status.json: the same facts for programs, in a form that is promised. Pure.

The form is described in docs/operations.md. `version` goes up when something that was there is no more, or means something
else; new names may come at any time. Nothing in it counts from now, so that equal facts give equal bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

from aggregator.health import Health
from aggregator.model.page import Day, SourceLine, StatusPage
from aggregator.model.reason import told

VERSION = 1


def status_json(page: StatusPage) -> bytes:
    """Return the status of all sources as one JSON object, UTF-8, with a line's end."""
    words = Counter(line.health for line in page.lines)
    said = {
        "version": VERSION,
        "sources": {word.value: words[word.value] for word in Health},
        "new_entries": {"today": page.posts_today, "seven_days": page.posts_week},
        "last_poll": _instant(page.last_poll),
        "next_poll": _instant(page.next_poll),
        "refused": list(page.refused),
        "lines": [_line(line) for line in page.lines],
    }
    # Half a surrogate pair is no UTF-8; what Python puts in its place is just how JSON spells it.
    return f"{json.dumps(said, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def _line(line: SourceLine) -> dict[str, object]:
    return {
        "id": line.source.href.removeprefix("/s/").rstrip("/"),
        "title": line.source.title,
        "page": line.source.href,
        "home": line.home,
        "state": line.health,
        "posts": line.posts,
        "last_success": _instant(line.last_success),
        "last_news": _instant(line.last_news),
        "failing_since": _instant(line.failing_since),
        "failures": line.failures,
        "error": line.error,
        "http_status": line.status,
        "next_poll": _instant(line.next_poll),
        "next_reason": told(line.why),
        "p95_ms": line.p95_ms,
        "not_modified": None if line.not_modified is None else round(line.not_modified, 3),
        "warnings": list(line.warnings),
        "days": [_day(day) for day in line.days if is_known(day)],
    }


def is_known(day: Day) -> bool:
    """Tell whether anything is known of a day."""
    return bool(day.ok or day.failed)


def _day(day: Day) -> dict[str, object]:
    return {"day": day.day.isoformat(), "ok": day.ok, "failed": day.failed, "entries": day.entries}


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
