"""429, 503, 410, redirects and failures from poll to poll, over raw sockets and a fake clock (F9-F11, F20-F23, R16-R20)."""

from __future__ import annotations

import socket
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from aggregator.model.poll import Outcome
from tests.fetching import free_port
from tests.raw_upstream import Exchange, Route, Upstream, reply
from tests.timeline import FEED, MORE, START, Timeline, asked_at, content_of, feed


def at(hours: float) -> str:
    """Return a moment as an HTTP-date."""
    return format_datetime(START + timedelta(hours=hours), usegmt=True)


@pytest.mark.rule("F9", "F10", "R16", "R23")
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wait", ["36000", at(12)], ids=["seconds", "date"])
def test_a_host_that_asks_for_silence_gets_it_from_all_of_its_sources(tmp_path: Path, status: int, wait: str) -> None:
    """Not one request for ten hours, whichever source and whichever process; then all of them again."""
    routes: dict[str, Route] = {"/a": [feed(), reply(status, b"", retry_after=wait), feed()], "*": feed()}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {name: upstream.address(f"/{name}") for name in "abc"}, a=", every: 1h", c=", every: 4h")
        timeline.sync(0)
        timeline.sync(2, "a")
        before = len(upstream.asked)
        silent = [timeline.sync(hours) for hours in (2.2, 5, 11.9)]
        reasons = {timeline.next(name, 3).reason for name in "abc"}
        quiet = len(upstream.asked)
        after = timeline.sync(12.1)

    assert silent == [{}, {}, {}]
    assert quiet == before == 4
    assert set(after) == {"a", "b", "c"}
    assert reasons == {f"127.0.0.2 said {status} and wants to be left alone until 2026-03-02 12:00 UTC"}


@pytest.mark.rule("F10", "R23")
def test_sources_of_a_closed_host_are_held_and_have_not_failed(tmp_path: Path) -> None:
    """Who comes after a 429 in the same run is not asked, counts no failure, and the run does not end as failed."""
    with Upstream(routes={"*": reply(429, b"", retry_after="600")}) as upstream:
        timeline = Timeline(tmp_path, {name: upstream.address(f"/{name}") for name in "abcdefgh"})
        timeline.settings(", hosts: {127.0.0.2: {per_host: 1}}")
        events = timeline.sync(0)

    outcomes = sorted(event.outcome.value for event in events.values())
    assert len(upstream.asked) == 1
    assert outcomes == ["failed"] + ["held"] * 7
    held = next(event for event in events.values() if event.outcome is Outcome.HELD)
    assert held.message == "not asked: 127.0.0.2 said 429 and is left alone for 10 min"
    assert held.failures == 0


@pytest.mark.rule("R16")
@pytest.mark.parametrize(
    ("wait", "early", "late"),
    [("99999999999999999999", 24 * 29.9, 24 * 30.1), ("-5", 0.01, 0.02), ("0", 0.01, 0.02)],
)
def test_absurd_waits_are_bounded(tmp_path: Path, wait: str, early: float, late: float) -> None:
    """A Retry-After counts for at least a minute and at most thirty days; the source that was refused backs off besides."""
    with Upstream(routes={"/a": reply(503, b"", retry_after=wait), "/b": feed()}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        timeline.sources({"a": upstream.address("/a"), "b": upstream.address("/b")})
        due = ["b" in timeline.sync(hours) for hours in (early, late)]

    assert due == [False, True]


@pytest.mark.rule("F11")
def test_429_without_a_wait_doubles_it_and_disables_nothing(tmp_path: Path) -> None:
    """The host is left alone for an hour, two, four ... a day, each with a jitter; a good answer ends it."""
    with Upstream(routes={"*": [reply(429, b"")] * 7 + [feed(), reply(429, b""), feed()]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 10m")
        now, waits = 0.0, []
        for _ in range(9):
            assert timeline.sync(now)
            coming = timeline.next("a", now).earliest
            assert coming is not None
            waits.append((coming - START) / timedelta(hours=1) - now)
            now += waits[-1] + 0.001
        last = timeline.sync(now)

    for wait, hours in zip(waits, (1, 2, 4, 8, 16, 24, 24, 10 / 60, 1), strict=True):
        assert hours * 0.89 <= wait <= hours * 1.1
    assert len({round(wait - round(wait), 4) for wait in waits[:5]}) == 5
    assert last["a"].outcome is not Outcome.FAILED


@pytest.mark.rule("F10", "R17")
def test_an_instance_that_fails_is_not_asked_each_time_its_neighbour_is_closed(tmp_path: Path) -> None:
    """One instance hangs up, the other wants to be left alone: that was a poll, and the next one waits for its interval."""

    def hang(exchange: Exchange) -> None:
        exchange.close()

    with Upstream(host="127.0.0.3", routes={"*": reply(429, b"", retry_after="36000")}) as busy, Upstream() as upstream:
        upstream.routes = {"*": hang}
        timeline = Timeline(tmp_path, {"a": "hub:/a"}, a=", every: 1h, allow_private: [127.0.0.3]")
        file = timeline.root / "config" / "sources" / "all.yaml"
        bases = f"bases: {{hub: ['{upstream.address('')}', '{busy.address('')}']}}\n"
        file.write_text(bases + file.read_text("utf-8"), "utf-8")
        due = sum(bool(timeline.sync(tick / 10)) for tick in range(80))

    assert len(upstream.asked) == due <= 8
    assert len(busy.asked) == 1


@pytest.mark.rule("F9", "F10")
def test_a_dry_run_hears_a_refusal_as_well(tmp_path: Path) -> None:
    """`sync --dry-run` stores nothing of a feed, but a host that asked it for silence gets that from the next run too."""
    with Upstream(routes={"*": reply(429, b"", retry_after="36000")}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0, dry_run=True)
        later = [timeline.sync(hours, dry_run=dry) for hours, dry in ((0.1, True), (2, False), (9.9, False))]

    assert later == [{}, {}, {}]
    assert len(upstream.asked) == 1


@pytest.mark.rule("F20", "R19")
@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_is_saved_when_it_has_lasted(tmp_path: Path, status: int) -> None:
    """After three equal sightings over two days the new address is asked directly; the ledger says so, the config is left."""
    routes = {"/old": reply(status, location="/new"), "/new": feed(etag='"1"')}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/old")})
        first = timeline.sync(0)["a"]
        timeline.sync(24)
        before = timeline.ledger()
        proven = timeline.sync(49)["a"]
        after = timeline.ledger()
        timeline.sync(60)
        config = (timeline.root / "config" / "sources" / "all.yaml").read_text("utf-8")
        place = upstream.address("/new")

    assert before == ""
    assert f'"new": "{place}"' in after
    assert f"it has moved for good, to {place}" in first.warnings[0]
    assert "asked there from now on" in proven.warnings[0]
    assert [asked.target for asked in upstream.asked] == [b"/old", b"/new"] * 3 + [b"/new"]
    assert "/old" in config
    assert timeline.posts() == 2


@pytest.mark.rule("F8", "F20")
def test_a_move_makes_no_poll_of_its_own(tmp_path: Path) -> None:
    """What the new address has just said of itself still counts when it is asked directly: its freshness and its validators."""
    new = feed(etag='"1"', cache_control="max-age=36000")
    with Upstream(routes={"/old": reply(301, location="/new"), "/new": new}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/old")})
        due = [len(timeline.sync(hours)) for hours in (0, 24, 49, 49.1, 58.9, 59.1)]

    assert due == [1, 1, 1, 0, 0, 1]
    assert upstream.asked[-1].target == b"/new"
    assert upstream.asked[-1].header("if-none-match") == b'"1"'


@pytest.mark.rule("F9", "F10", "R17")
def test_a_redirect_to_a_closed_host_is_waited_for(tmp_path: Path) -> None:
    """Whoever redirected there before is not asked meanwhile; who is found to do so counts as polled, and is left alone too."""
    with Upstream(host="127.0.0.3") as closed, Upstream() as upstream:
        closed.routes = {"/c": [feed(), reply(429, b"", retry_after="36000"), feed()], "*": feed()}
        upstream.routes = {f"/{name}": reply(302, location=closed.address(f"/{name}")) for name in "ab"}
        known = {"a": upstream.address("/a"), "c": closed.address("/c")}
        timeline = Timeline(tmp_path, known, a=", every: 1h", b=", every: 1h", c=", every: 1h")
        timeline.settings(", hosts: {127.0.0.3: {per_host: 1}}", private="127.0.0.2, 127.0.0.3")
        timeline.sync(0)
        timeline.sync(1.5, "c")
        timeline.sources(known | {"b": upstream.address("/b")}, a=", every: 1h", b=", every: 1h", c=", every: 1h")
        events = [timeline.sync(1.5 + number / 4) for number in range(40)]
        asked, silent = [asked_at(upstream, f"/{name}") for name in "ab"], len(closed.asked)
        after = timeline.sync(11.6)

    assert [set(event) for event in events[:6]] == [{"b"}, set(), set(), set(), {"b"}, set()]
    assert {event.outcome for found in events for event in found.values()} == {Outcome.HELD}
    assert (events[0]["b"].message or "").endswith("not asked: 127.0.0.3 said 429 and is left alone for 10 h")
    assert (asked, silent) == ([1, 10], 3)
    assert set(after) == {"a", "b", "c"}


@pytest.mark.rule("F20", "R19")
@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_temporary_redirect_is_never_saved(tmp_path: Path, status: int) -> None:
    """However long it lasts, the configured address is asked."""
    with Upstream(routes={"/old": reply(status, location="/new"), "/new": feed()}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/old")})
        for hours in (0, 24, 49, 72, 96):
            timeline.sync(hours)

    assert asked_at(upstream, "/old") == 5
    assert timeline.ledger() == ""


@pytest.mark.rule("F20", "R19")
def test_a_redirect_to_no_feed_is_never_saved(tmp_path: Path) -> None:
    """A login page behind a 301 is a failure, and no sighting."""
    routes = {"/old": reply(301, location="/new"), "/new": reply(200, b"<html><title>Log in</title></html>")}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/old")})
        for hours in (0, 30, 60, 90, 120, 150):
            timeline.sync(hours)

    assert asked_at(upstream, "/old") == 6
    assert timeline.ledger() == ""


@pytest.mark.rule("F22", "R20")
def test_410_ends_polling_and_keeps_the_entries(tmp_path: Path) -> None:
    """It is said once, stands in the ledger, outlives a lost state; named with --force the source is asked, and may return."""
    with Upstream(routes={"/a": [feed(etag='"1"'), reply(410, b"gone"), feed(MORE)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        before = timeline.files()
        said = timeline.sync(2)["a"]
        (timeline.root / "state" / "state.sqlite").unlink()
        silent = [timeline.sync(hours) for hours in (3, 24, 24 * 30, 24 * 365)]
        forced = timeline.sync(24 * 365, force=True)
        kept = timeline.files()
        back = timeline.sync(24 * 366, "a", force=True)["a"]
        again = timeline.sync(24 * 367)

    assert "the server answered 410 (Gone); it is not asked again and its posts stay" in (said.message or "")
    assert (silent, forced) == ([{}] * 4, {})
    assert content_of(kept) == content_of(before)
    assert back.warnings[0].startswith("it answers again, although it said on 2026-03-02")
    assert timeline.posts() == 3
    assert '"gone"' not in timeline.ledger()
    assert set(again) == {"a"}


@pytest.mark.rule("F22", "R20")
@pytest.mark.parametrize(("status", "gone"), [(302, False), (307, False), (301, True), (308, True)])
def test_410_counts_for_the_address_that_says_it(tmp_path: Path, status: int, *, gone: bool) -> None:
    """Behind a temporary redirect it is a failure like others: where that leads today says nothing of the feed."""
    with Upstream(routes={"/a": reply(status, location="/b"), "/b": reply(410, b"")}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        again = timeline.sync(24)

    assert ('"gone"' in timeline.ledger()) is gone
    assert bool(again) is not gone


@pytest.mark.rule("F22", "R20")
def test_410_of_one_instance_is_not_that_of_all(tmp_path: Path) -> None:
    """A source with several instances is asked on when one of them says that it is gone."""
    with Upstream(routes={"*": reply(410, b"")}) as upstream:
        timeline = Timeline(tmp_path, {"a": "base:/f"})
        path = timeline.root / "config" / "sources" / "all.yaml"
        bases = f"bases: {{base: ['{upstream.address('/one')}', '{upstream.address('/two')}']}}\n"
        path.write_text(bases + path.read_text("utf-8"), "utf-8")
        timeline.sync(0)

    assert timeline.ledger() == ""


@pytest.mark.rule("F22", "R17", "R20")
@pytest.mark.sampled(2)
@pytest.mark.parametrize("status", [401, 403, 404, 500, 502])
def test_other_refusals_back_off_and_stay_enabled(tmp_path: Path, status: int) -> None:
    """A week of them costs some ten polls, never two within an hour; the posts stay, and the day it works it works."""
    with Upstream(routes={"/a": [feed()] + [reply(status, b"")] * 100}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 1h")
        hours = [hour for hour in range(24 * 7) if timeline.sync(hour)]
        before = timeline.files()
        upstream.routes = {"/a": feed(MORE)}
        back = timeline.sync(24 * 9)["a"]

    assert 10 <= len(hours) <= 14
    assert back.outcome is Outcome.NEWS
    assert {path: before[path] for path in before if path.startswith("posts/")}.items() <= timeline.files().items()


def reset(exchange: Exchange) -> None:
    exchange.reset()


def hang_up(exchange: Exchange) -> None:
    exchange.close()


@pytest.mark.rule("R17")
@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "fault", [reply(500, b""), hang_up, reset, b"nonsense\r\n\r\n"], ids=["500", "empty", "reset", "garbage"]
)
def test_no_failure_makes_a_loop(tmp_path: Path, fault: object) -> None:
    """However a server fails, a day of runs every ten minutes asks it six times, and what was published stays."""
    with Upstream(routes={"/a": [feed(), fault]}) as upstream:  # type: ignore[list-item]
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 1h")
        timeline.sync(0)
        before = timeline.files()
        due = [
            tick / 6
            for tick in range(6, 24 * 6)
            if timeline.next("a", tick / 6).is_due(START + timedelta(hours=tick / 6)) and timeline.sync(tick / 6)
        ]

    assert 4 <= len(due) <= 6
    assert content_of(timeline.files()) == content_of(before)


@pytest.mark.rule("R17")
def test_a_server_that_is_not_there_backs_off_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection and a name that does not exist are failures like others, told by their kind."""

    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")  # in place of a name server, which lies off the loopback range

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with free_port() as port:
        timeline = Timeline(tmp_path, {"a": f"http://127.0.0.2:{port}/", "b": "http://nowhere.invalid/"})
        events = timeline.sync(0)
        soon = timeline.sync(0.9)
        later = timeline.sync(1.2)

    assert {name: event.kind for name, event in events.items()} == {"a": "connect", "b": "dns"}
    assert soon == {}
    assert {event.failures for event in later.values()} == {2}


@pytest.mark.rule("F23")
def test_what_a_feed_says_of_its_address_is_reported_and_not_followed(tmp_path: Path) -> None:
    """Neither itunes:new-feed-url nor another self link changes where the source is asked; both are told."""
    podcast = FEED.replace(
        b'<rss version="2.0"><channel>',
        b'<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:atom="http://www.w3.org/2005/Atom">'
        b"<channel><itunes:new-feed-url>https://elsewhere.example/feed</itunes:new-feed-url>"
        b'<atom:link rel="self" href="https://one.example/feed"/>',
    )
    with Upstream(routes={"/a": [feed(podcast), feed(podcast.replace(b"//one.", b"//two."))]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        first, second = (timeline.sync(hours)["a"].warnings for hours in (0, 4))
        timeline.sync(8)

    assert first == (
        "the feed says that its address is now https://elsewhere.example/feed (itunes:new-feed-url); it is yours to follow",
    )
    assert (
        "the feed calls itself https://two.example/feed now, before https://one.example/feed; it is yours to follow" in second
    )
    assert asked_at(upstream, "/a") == len(upstream.asked) == 3
