"""What Prometheus is told, read with its own parser; and whether a server is ready."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aggregator.cli.measuring import wanted_metrics
from aggregator.errors import ConfigError
from aggregator.model.page import Day, Link, SourceLine, StatusPage
from aggregator.model.poll import Begin, Event, Outcome, OutputEvent, SourceEvent, Summary
from aggregator.model.reason import Reason
from aggregator.model.settings import ServerSettings, Settings, Site
from aggregator.pipeline.metrics import CONTENT_TYPE, Metrics
from aggregator.pipeline.readiness import STUCK, Standing, obstacles

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def line(name: str, **changes: object) -> SourceLine:
    """Return the line of a source that is well."""
    given: dict[str, object] = {
        "source": Link(title="A title", href=f"/s/{name}/"),
        "home": None,
        "health": "ok",
        "posts": 7,
        "last_success": NOW,
        "last_news": None,
        "failing_since": None,
        "failures": 0,
        "error": None,
        "status": 200,
        "next_poll": NOW,
        "kind": None,
        "why": (Reason(word="every", text="every 60 min", span=timedelta(hours=1)),),
        "days": (
            Day(day=date(2026, 11, 26), ok=0, failed=0, entries=0),
            Day(day=date(2026, 11, 27), ok=1, failed=2, entries=3),
        ),
        "p95_ms": 120,
        "not_modified": 1 / 3,
        "warnings": (),
    }
    return SourceLine(**(given | changes))  # type: ignore[arg-type]


def page(*lines: SourceLine) -> StatusPage:
    """Return a status page."""
    return StatusPage(
        lines=lines, posts_today=3, posts_week=9, next_poll=NOW, last_poll=None, refused=("feeds/a.atom", "feeds/b.atom")
    )


def told(metrics: Metrics, of: StatusPage | None = None) -> dict[str, float]:
    """Return every sample of ours, by name and labels."""
    families = text_string_to_metric_families(metrics.text(of).decode())
    return {
        f"{sample.name}{sorted(sample.labels.values()) or ''}": sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("aggregator_") and not sample.name.endswith("_bucket")
    }


def visit(outcome: Outcome, **changes: object) -> Event:
    """Return what one visit came to."""
    return SourceEvent(source_id="a", outcome=outcome, next_poll=None, next_reason="", **changes)  # type: ignore[arg-type]


def test_all_words_are_there_from_the_start() -> None:
    """A counter that first appears with the first failure shows no rise: each begins at zero."""
    found = told(Metrics())

    assert {name: value for name, value in found.items() if "_total" in name} == {
        **{f"aggregator_polls_total['{outcome.value}']": 0.0 for outcome in Outcome},
        **{f"aggregator_entries_total['{word}']": 0.0 for word in ("new", "updated")},
        **{f"aggregator_files_total['{word}']": 0.0 for word in ("written", "refused")},
        **{f"aggregator_http_requests_total['{number}xx']": 0.0 for number in range(1, 6)},
    }
    assert not [name for name in found if "created" in name]


def test_what_happens_is_counted() -> None:
    """Polls by outcome, entries, files, rounds and requests; what was only held back took no time."""
    metrics = Metrics()
    for event in (
        Begin(due=3),
        visit(Outcome.NEWS, new=2, updated=1, elapsed_ms=500),
        visit(Outcome.FAILED, elapsed_ms=1500),
        visit(Outcome.HELD),
        OutputEvent(path="feeds/a.atom", changed=True),
        OutputEvent(path="feeds/b.atom", changed=False),
        OutputEvent(path="feeds/c.atom", changed=False, refused="no"),
        Summary(elapsed_ms=2500),
    ):
        metrics.heard(event)
    for status in (200, 304, 404, 404, 500):
        metrics.answered(status)

    found = told(metrics)
    assert {name: value for name, value in found.items() if value and "build" not in name} == {
        "aggregator_polls_total['news']": 1,
        "aggregator_polls_total['failed']": 1,
        "aggregator_polls_total['held']": 1,
        "aggregator_entries_total['new']": 2,
        "aggregator_entries_total['updated']": 1,
        "aggregator_files_total['written']": 1,
        "aggregator_files_total['refused']": 1,
        "aggregator_round_seconds_count": 1,
        "aggregator_round_seconds_sum": 2.5,
        "aggregator_poll_seconds_count": 2,
        "aggregator_poll_seconds_sum": 2,
        "aggregator_http_requests_total['2xx']": 1,
        "aggregator_http_requests_total['3xx']": 1,
        "aggregator_http_requests_total['4xx']": 2,
        "aggregator_http_requests_total['5xx']": 1,
    }


def test_the_state_of_the_sources_is_told_when_somebody_looks() -> None:
    """Sources by state, and of each its posts, failures and last success; what was never has no number."""
    metrics = Metrics()
    ill = line('odd"name\\', health="failing", failures=4, last_success=None, posts=0)
    found = told(metrics, page(line("a", last_news=NOW - timedelta(days=1)), ill))

    assert (found["aggregator_sources['ok']"], found["aggregator_sources['failing']"], found["aggregator_sources['new']"]) == (
        1,
        1,
        0,
    )
    assert found["aggregator_refused_files"] == 2
    assert found["aggregator_next_poll_timestamp_seconds"] == NOW.timestamp()
    assert "aggregator_last_poll_timestamp_seconds" not in found
    odd = repr('odd"name\\')
    assert (found["aggregator_source_posts['a']"], found[f"aggregator_source_posts[{odd}]"]) == (7, 0)
    assert found[f"aggregator_source_failures[{odd}]"] == 4
    assert found["aggregator_source_last_success_timestamp_seconds['a']"] == NOW.timestamp()
    assert f"aggregator_source_last_success_timestamp_seconds[{odd}]" not in found
    assert found["aggregator_source_last_news_timestamp_seconds['a']"] == NOW.timestamp() - 86_400
    assert "aggregator_sources['ok']" not in told(metrics)


def test_the_process_tells_of_itself() -> None:
    """Memory, processor time and open files, in the names that everybody's dashboards know."""
    text = Metrics().text(None).decode()

    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "python_info"} <= {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_two_daemons_in_one_process_count_for_themselves() -> None:
    """Nothing is registered globally: a second set of numbers begins at zero, and does not clash with the first."""
    first, second = Metrics(), Metrics()
    first.answered(200)

    assert told(first)["aggregator_http_requests_total['2xx']"] == 1
    assert told(second)["aggregator_http_requests_total['2xx']"] == 0


def test_numbers_are_counted_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default; on without the package is a fault of the configuration that says what to install."""
    site = Site(id="urn:uuid:1", title="t", url="https://site.example/")
    off = Settings(root=Path("/nowhere"), site=site)
    on = replace(off, server=ServerSettings(metrics=True))

    assert wanted_metrics(off) is None
    assert isinstance(wanted_metrics(on), Metrics)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "aggregator.pipeline.metrics")
    with pytest.raises(ConfigError, match=r"prometheus-client[\s\S]*feed-aggregator\[metrics\]"):
        wanted_metrics(on)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing(now=NOW), None),
        (Standing(now=NOW, heard=NOW - STUCK), None),
        (Standing(now=NOW, heard=NOW - STUCK - timedelta(minutes=5)), "has said nothing for 20 min"),
        (Standing(now=NOW, state_problem="it is locked"), "the state cannot be read: it is locked"),
        (Standing(now=NOW, has_feeds=False), "no feed is published yet"),
    ],
)
def test_what_keeps_a_server_from_being_ready(standing: Standing, words: str | None) -> None:
    """A state out of reach, no feed, a daemon that hangs; a source that fails does not."""
    found = obstacles(standing)
    assert (words is None and found == ()) or (words is not None and len(found) == 1 and words in found[0])
