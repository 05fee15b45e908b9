"""/status.json: the promised form of the status page, for programs."""

from __future__ import annotations

import json

from aggregator.health import Health
from aggregator.pipeline.site_json import VERSION, status_json
from tests.test_metrics import NOW, line, page


def test_the_form_is_as_promised() -> None:
    """Every name that docs/operations.md promises is there, with what a page shows; days of which nothing is known are not."""
    said = json.loads(status_json(page(line("a", last_news=NOW))))

    assert said == {
        "version": VERSION,
        "sources": {word.value: int(word is Health.OK) for word in Health},
        "new_entries": {"today": 3, "seven_days": 9},
        "last_poll": None,
        "next_poll": "2026-11-26T12:00:00Z",
        "refused": ["feeds/a.atom", "feeds/b.atom"],
        "lines": [
            {
                "id": "a",
                "title": "A title",
                "page": "/s/a/",
                "home": None,
                "state": "ok",
                "posts": 7,
                "last_success": "2026-11-26T12:00:00Z",
                "last_news": "2026-11-26T12:00:00Z",
                "failing_since": None,
                "failures": 0,
                "error": None,
                "http_status": 200,
                "next_poll": "2026-11-26T12:00:00Z",
                "next_reason": "every 60 min",
                "p95_ms": 120,
                "not_modified": 0.333,
                "warnings": [],
                "days": [{"day": "2026-11-27", "ok": 1, "failed": 2, "entries": 3}],
            }
        ],
    }


def test_equal_facts_give_equal_bytes() -> None:
    """Nothing in it counts from now, and texts of any script and kind stay JSON."""
    odd = line("a", error='横琴 "\u2028</script>\ud800')
    assert status_json(page(odd)) == status_json(page(odd))
    assert json.loads(status_json(page(odd)))["lines"][0]["error"].startswith('横琴 "')
