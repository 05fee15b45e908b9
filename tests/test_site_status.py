"""How the sources of a site are doing, as everybody may read it: from settings, ledger and state alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.health import Health
from aggregator.model.changes import Hints
from aggregator.model.fetched import HostState, Validators
from aggregator.model.page import Link, ListPage
from aggregator.model.poll import Outcome, OutputState, Poll, SourceState
from aggregator.model.reason import told
from aggregator.model.settings import Settings, Site
from aggregator.model.source import Auth, Secret, Source
from aggregator.pipeline.finished import fingerprint
from aggregator.pipeline.site_status import DAYS, FACTS, POLLS, source_page, status_page
from aggregator.store.ledger import Gone, Ledger, Moved, Unstable
from aggregator.store.opening import open_state
from aggregator.store.state import Batch, State

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = Site(id="urn:uuid:1", title="Site", url="https://site.example/")
EMPTY = ListPage(path="/s/a/", title="A", cards=(), feed=None)


def source(name: str, **changes: object) -> Source:
    """Return a source with this name."""
    address = f"https://{name}.example/feed"
    plain = Source(id=name, feed=address, addresses=(address,), categories=("news",))
    return replace(plain, **changes)  # type: ignore[arg-type]


def learned(of: Source, **changes: object) -> SourceState:
    """Return what is known of a source that was polled an hour ago and is well."""
    then = NOW - HOUR
    state = SourceState(id=of.id, fingerprint=fingerprint(of), last_poll=then, last_success=then, last_status=200)
    return replace(state, **changes)  # type: ignore[arg-type]


def ill(of: Source, hours: float, **changes: object) -> SourceState:
    """Return what is known of a source that has failed for so many hours."""
    facts = {"failures": 5, "last_success": NOW - hours * HOUR, "last_kind": "http", "last_status": 500, "last_message": "500"}
    return learned(of, **(facts | changes))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state("sqlite:///state/state.sqlite", tmp_path)
    opened.state.replace_entries((), profile="default")
    yield opened.state
    opened.state.close()


def settings(root: Path, *sources: Source) -> Settings:
    """Return the settings of a site with these sources."""
    return Settings(root=root, site=SITE, sources=sources)


def ledger(root: Path, *lines: Gone | Moved | Unstable) -> Ledger:
    """Return a ledger that says this."""
    return Ledger(root / "ledger.jsonl", lines)


def test_the_worst_comes_first(tmp_path: Path, state: State) -> None:
    """Sources stand in the order of the words of `status`, those that are alike as they are configured."""
    sources = [source(name) for name in ("fine", "new", "ill", "fine2", "paused", "gone", "tried")]
    sources[4] = replace(sources[4], paused=True)
    sources[5] = replace(sources[5], gone=NOW)
    states = [learned(each) for each in sources if each.id not in {"new", "ill", "tried"}]
    states += [ill(sources[2], 30), ill(sources[6], 1)]
    state.save(Batch(sources=tuple(states)))

    page = status_page(settings(tmp_path, *sources), ledger(tmp_path), state, NOW)

    assert [(line.source.title, line.health) for line in page.lines] == [
        ("ill", Health.FAILING),
        ("gone", Health.GONE),
        ("tried", Health.RETRYING),
        ("new", Health.NEW),
        ("paused", Health.PAUSED),
        ("fine", Health.OK),
        ("fine2", Health.OK),
    ]


def test_the_last_thirty_days_are_shown(tmp_path: Path, state: State) -> None:
    """Thirty days end with today; what came before is not shown, and a day without a poll is neither well nor ill."""
    polls = [
        Poll(source_id="a", at=NOW - timedelta(days=30), outcome=Outcome.FAILED),
        Poll(source_id="a", at=NOW - timedelta(days=29), outcome=Outcome.NEWS, new=9),
        Poll(source_id="a", at=NOW - timedelta(days=6), outcome=Outcome.NEWS, new=4),
        Poll(source_id="a", at=NOW, outcome=Outcome.NEWS, new=2),
        Poll(source_id="a", at=NOW, outcome=Outcome.FAILED),
        Poll(source_id="b", at=NOW, outcome=Outcome.NEWS, new=1),
        Poll(source_id="removed", at=NOW, outcome=Outcome.NEWS, new=100),
    ]
    state.save(Batch(polls=tuple(polls)))

    page = status_page(settings(tmp_path, source("a"), source("b")), ledger(tmp_path), state, NOW)

    days = page.lines[0].days
    assert (len(days), days[0].day, days[-1].day) == (DAYS, NOW.date() - timedelta(days=29), NOW.date())
    assert {(number, day.ok, day.failed, day.entries) for number, day in enumerate(days) if day.ok or day.failed} == {
        (0, 1, 0, 9),
        (23, 1, 0, 4),
        (29, 1, 1, 2),
    }
    assert (page.posts_today, page.posts_week) == (3, 7)


def test_without_a_state_nothing_is_known(tmp_path: Path) -> None:
    """Every source is new, no day is well, and nothing is said of polls."""
    page = status_page(settings(tmp_path, source("a")), ledger(tmp_path), None, NOW)

    assert (page.posts_today, page.posts_week, page.next_poll, page.last_poll, page.refused) == (0, 0, None, None, ())
    (line,) = page.lines
    assert (line.health, line.next_poll, told(line.why)) == (Health.NEW, None, "never polled yet")
    assert {(day.ok, day.failed) for day in line.days} == {(0, 0)}
    assert (line.p95_ms, line.not_modified, line.error, line.failing_since) == (None, None, None, None)


def test_the_next_poll_is_that_of_the_source_that_comes_first(tmp_path: Path, state: State) -> None:
    """The page says when the next and the last poll of any source is; one that is paused has none."""
    soon, late, paused = source("soon", every=2 * HOUR), source("late", every=9 * HOUR), source("paused", paused=True)
    state.save(Batch(sources=(learned(soon), learned(late, last_poll=NOW - 2 * HOUR), learned(paused, last_poll=NOW))))

    page = status_page(settings(tmp_path, soon, late, paused), ledger(tmp_path), state, NOW)

    lines = {line.source.title: line for line in page.lines}
    assert page.next_poll is not None
    assert page.next_poll == lines["soon"].next_poll
    assert NOW < page.next_poll < NOW + 2 * HOUR
    assert (told(lines["soon"].why), lines["paused"].next_poll, told(lines["paused"].why)) == ("every 2 h", None, "paused")
    assert page.last_poll == NOW


def test_a_refused_file_is_named_and_one_that_waits_is_not(tmp_path: Path, state: State) -> None:
    """What is about to be written is no fault; what the gate refused is."""
    state.published([OutputState(path="feeds/b.atom", frame_hash=b"", dirty=True, refused=True)], (), dirty=["feeds/a.atom"])

    assert status_page(settings(tmp_path, source("a")), ledger(tmp_path), state, NOW).refused == ("feeds/b.atom",)


def test_a_line_says_since_when_and_why_a_source_fails(tmp_path: Path, state: State) -> None:
    """The last error in words, its status, the last success and the number of failures; of one that is well no old error."""
    a, b = source("a"), source("b", title="B's own")
    state.save(
        Batch(sources=(ill(a, 30), learned(b, last_message="a remark", feed_title="upstream's", feed_link="http://b.example/")))
    )

    bad, good = status_page(settings(tmp_path, b, a), ledger(tmp_path), state, NOW).lines

    assert (bad.error, bad.status, bad.failures, bad.failing_since) == ("500", 500, 5, NOW - 30 * HOUR)
    assert (good.error, good.failing_since) == (None, None)
    assert (good.source, good.home) == (Link(title="B's own", href="/s/b/"), "http://b.example/")


def test_no_secret_and_no_private_name_is_shown(tmp_path: Path, state: State) -> None:
    """Whatever an error, a warning, a remark or an address holds of secrets or of this network, no field of a page does."""
    own = Source(
        id="a",
        feed="http://user-name:pass-w0rd@rsshub.lan:1200/zaker?key=t0ken-123",
        addresses=("http://user-name:pass-w0rd@rsshub.lan:1200/zaker?key=t0ken-123",),
        categories=("news",),
        headers=(("Cookie", Secret("c00kie-value")),),
        auth=Auth(username="somebody", password=Secret("an0ther-one")),
    )
    said = "GET http://user-name:pass-w0rd@rsshub.lan:1200/zaker?key=t0ken-123 with c00kie-value, an0ther-one at 10.1.2.3: 500"
    known = ill(own, 30, last_message=said, warnings=(said,), feed_link="http://rsshub.lan:1200/?key=t0ken-123")
    host = HostState(name="rsshub.lan", closed_until=NOW + HOUR, status=503, strikes=1)
    polls = (Poll(source_id="a", at=NOW, outcome=Outcome.FAILED, message=said),)
    state.save(Batch(sources=(known,), hosts=(host,), polls=polls))
    moved = Moved(source="a", old=own.feed, new="http://rsshub.lan:1200/other?key=t0ken-123", at=NOW)
    told = ledger(tmp_path, moved)

    shown = repr((status_page(settings(tmp_path, own), told, state, NOW), source_page(told, state, own, EMPTY, NOW)))

    for secret in ("user-name", "pass-w0rd", "t0ken-123", "c00kie-value", "an0ther-one", "rsshub.lan", "10.1.2.3"):
        assert secret not in shown
    assert "a private address" in shown


def test_a_source_has_a_page_of_what_is_known(tmp_path: Path, state: State) -> None:
    """Its last twenty polls, newest first, its interval and why, and what its server and the ledger have said."""
    own = source("a", every=HOUR)
    host = HostState(name="a.example", closed_until=NOW + HOUR, status=429, strikes=1)
    known = learned(
        own,
        feed_title="Upstream's title",
        format="rss20",
        arrivals=20.0,
        watched=8.0,
        hints=Hints(ttl_minutes=30, skip_days=("Sunday",)),
        validators=Validators(address=own.feed, etag=b'"1"', last_modified=b"Thu"),
    )
    polls = tuple(
        Poll(source_id="a", at=NOW - number * HOUR, outcome=Outcome.SAME, elapsed_ms=5) for number in range(30, 0, -1)
    )
    state.save(Batch(sources=(known,), hosts=(host,), polls=polls))
    told = ledger(
        tmp_path,
        Moved(source="a", old=own.feed, new="https://b.example/feed?x=1", at=NOW),
        Gone(source="a", address=own.feed, at=NOW),
        Unstable(source="a", at=NOW),
        Unstable(source="b", at=NOW),
    )

    page = source_page(told, state, own, EMPTY, NOW)

    assert [poll.at for poll in page.polls] == [NOW - number * HOUR for number in range(1, POLLS + 1)]
    assert page.interval is not None
    assert (page.address, page.interval.text, page.line.p95_ms, page.line.not_modified) == (own.feed, "every 60 min", 5, 0.0)
    assert page.facts == (
        ("feed_title", "Upstream's title"),
        ("format", "rss20"),
        ("rhythm", "2.0"),
        ("validators", "ETag, Last-Modified"),
        ("asked_for", "ttl 30 min, skipDays Sunday"),
        ("moved", "2026-11-26 https://b.example/feed?..."),
        ("gone", "2026-11-26"),
        ("unstable", "2026-11-26"),
        ("hosts", "a.example: 429, 2026-11-26 13:30 UTC"),
    )
    assert [word for word, _ in page.facts] == list(FACTS)
    assert any("new ids again and again" in warning for warning in page.line.warnings)


def test_the_page_of_a_source_agrees_with_the_page_of_all(tmp_path: Path, state: State) -> None:
    """Both say the same of a source, though they ask the state differently."""
    own = source("a")
    state.save(Batch(sources=(ill(own, 30),), polls=(Poll(source_id="a", at=NOW, outcome=Outcome.FAILED, elapsed_ms=9),)))
    told = ledger(tmp_path, Unstable(source="a", at=NOW))

    (line,) = status_page(settings(tmp_path, own), told, state, NOW).lines
    assert source_page(told, state, own, EMPTY, NOW).line == line
