"""`aggregator plan` as a process: when, why, and what would be sent, from the same planner that `sync` obeys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.raw_upstream import Upstream, reply
from tests.timeline import FEED, RSS_TYPE
from tests.upstream import Folder


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "project")
    folder.settings("fetch: {allow_private: [127.0.0.2, 127.0.0.3]}")
    return folder


def planned(folder: Folder, *words: str) -> list[dict[str, Any]]:
    done = folder.here("plan", "--json", *words)
    assert done.returncode == 0, done.stderr
    lines: list[dict[str, Any]] = json.loads(done.stdout)
    return lines


def test_before_the_first_sync_everything_is_due(project: Folder) -> None:
    """Without a state each source is due now, since it was never polled; nothing is made or written by looking."""
    project.sources_at({"a": "http://127.0.0.2:9/a", "b": "http://127.0.0.2:9/b"})
    done = project.run("plan")

    assert done.returncode == 0, done.stderr
    assert [line.split("  ", 1)[1].strip() for line in done.stdout.splitlines()] == [
        "a  (never polled yet) · GET 127.0.0.2, unconditional",
        "b  (never polled yet) · GET 127.0.0.2, unconditional",
    ]
    assert done.stderr.strip() == "2 sources, 2 due now"
    assert not (project.root / "state").exists()


def test_each_line_says_when_why_and_what_would_be_sent(project: Folder) -> None:
    """After a sync: the interval, freshness, a closed host, a pause, conditions and own headers, never a secret's value."""
    fresh = reply(200, FEED, content_type=RSS_TYPE, etag='"1"', last_modified="Sun, 01 Mar 2026 00:00:00 GMT")
    long = reply(200, FEED, content_type=RSS_TYPE, etag='"1"', cache_control="max-age=36000")
    routes = {"/fresh": long, "*": fresh}
    refusal = {"*": reply(429, b"", retry_after="7200")}
    with (
        Upstream(routes=routes) as upstream,
        Upstream(host="127.0.0.3", routes=refusal) as busy,
    ):
        project.sources(
            "sources:\n"
            f"  every: {{feed: '{upstream.address('/every')}', categories: [x], every: 2h}}\n"
            f"  fresh: {{feed: '{upstream.address('/fresh')}', categories: [x]}}\n"
            f"  own: {{feed: '{upstream.address('/own')}', categories: [x], headers: {{X-Key: hunter2}}}}\n"
            f"  paused: {{feed: '{upstream.address('/paused')}', categories: [x], paused: true}}\n"
            f"  busy: {{feed: '{busy.address('/')}', categories: [x]}}\n"
        )
        project.sync()
    lines = {line["source"]: line for line in planned(project)}
    text = project.run("plan").stdout

    assert lines["every"]["reason"] == "every 2 h"
    assert lines["fresh"]["reason"] == "fresh for 10 h"
    assert lines["busy"]["reason"].startswith("127.0.0.3 said 429 and wants to be left alone until ")
    assert (lines["paused"]["at"], lines["paused"]["reason"]) == (None, "paused")
    assert lines["every"]["request"] == "conditional: If-None-Match, If-Modified-Since"
    assert lines["own"]["request"].endswith("; its own X-Key")
    assert [line.split()[3] if "in" in line else line.split()[1] for line in text.splitlines()][-1] == "paused"
    assert "hunter2" not in text


def test_the_forecast_counts_the_polls_to_come(project: Folder) -> None:
    """--for lists every poll of the span, at least the interval apart, and says how many there are."""
    with Upstream(routes={"*": reply(200, FEED, content_type=RSS_TYPE, etag='"1"')}) as upstream:
        project.sources_at({"a": upstream.address("/a")}, more=", every: 6h")
        project.sync()
    lines = planned(project, "--for", "24h")
    times = [datetime.fromisoformat(line["at"]) for line in lines]

    assert len(lines) == 3
    assert [line["first"] for line in lines] == [True, False, False]
    assert all(late - soon >= timedelta(hours=6) for soon, late in pairwise(times))
    assert max(times) <= datetime.now(UTC) + timedelta(hours=24)
    assert project.run("plan", "--for", "24h").stderr.strip() == "1 source: 3 polls in the next 24 h"


def test_a_wrong_word_is_named(project: Folder) -> None:
    """An unknown source and a span that is none are wrong usage: exit 2, with what there is."""
    project.sources_at({"a": "http://127.0.0.2:9/a"})
    unknown, span = project.run("plan", "nobody"), project.run("plan", "--for", "soon")

    assert (unknown.returncode, span.returncode) == (2, 2)
    assert 'there is no source "nobody"' in unknown.stderr
    assert "90m, 24h or 7d" in span.stderr


def test_without_sources_it_says_what_to_do(project: Folder) -> None:
    """An empty plan is no silence."""
    assert "aggregator source add ADDRESS" in project.run("plan").stderr


def test_what_is_planned_is_what_sync_does(project: Folder) -> None:
    """A source that the plan puts into the future is not polled by a sync now; --force polls it."""
    with Upstream(routes={"*": reply(200, FEED, content_type=RSS_TYPE, etag='"1"')}) as upstream:
        project.sources_at({"a": upstream.address("/a")})
        project.sync()
        [line] = planned(project)
        project.sync()
        quiet = len(upstream.asked)
        project.sync("--force")

    assert datetime.fromisoformat(line["at"]) > datetime.now(UTC)
    assert (quiet, len(upstream.asked)) == (1, 2)
