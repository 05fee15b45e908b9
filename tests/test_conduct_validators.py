"""Validators and freshness from poll to poll, over raw sockets and a fake clock (conduct F1-F8, F15)."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from aggregator.model.poll import Outcome
from tests.raw_upstream import Asked, Route, Upstream, reply
from tests.timeline import FEED, MORE, Timeline, asked_at, feed
from tests.upstream import Folder, wait_until

ODD = b'W/"\xe9 "'
YESTERDAY = "Sun, 01 Mar 2026 00:00:00 GMT"
TODAY = "Mon, 02 Mar 2026 00:00:00 GMT"


def conditions(asked: Asked) -> tuple[bytes | None, bytes | None]:
    return asked.header("If-None-Match"), asked.header("If-Modified-Since")


@pytest.mark.rule("F1", "F2", "F3", "R6")
def test_both_validators_are_stored_from_every_body_and_go_back_as_they_came(tmp_path: Path) -> None:
    """Whatever bytes they are, also when only one of them changed or the body is the same."""
    routes = {
        "/a": [
            b"HTTP/1.1 200 OK\r\nETag: " + ODD + b"\r\nLast-Modified: " + YESTERDAY.encode()
            + b"\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(FEED) + FEED,
            feed(etag='"same-body"', last_modified=YESTERDAY),
            feed(MORE, etag='"same-body"', last_modified=TODAY),
            reply(304),
        ]
    }  # fmt: skip
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        outcomes = [timeline.sync(hours)["a"].outcome for hours in (0, 2, 4, 6)]

    assert outcomes == [Outcome.NEWS, Outcome.SAME, Outcome.NEWS, Outcome.NOT_MODIFIED]
    assert [conditions(asked) for asked in upstream.asked] == [
        (None, None),
        (ODD, YESTERDAY.encode()),
        (b'"same-body"', YESTERDAY.encode()),
        (b'"same-body"', TODAY.encode()),
    ]


@pytest.mark.rule("F4", "F8")
def test_a_304_refreshes_validators_and_freshness(tmp_path: Path) -> None:
    """What a 304 says of the stored answer counts from then on: its ETag is sent next, its max-age is waited for."""
    routes = {"/a": [feed(etag='"1"'), reply(304, etag='"2"', cache_control="max-age=36000"), reply(304)]}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        due = [len(timeline.sync(hours)) for hours in (0, 2, 11.9, 12.1)]

    assert due == [1, 1, 0, 1]
    assert conditions(upstream.asked[2]) == (b'"2"', None)


@pytest.mark.rule("F5")
def test_a_validator_missing_from_a_body_is_forgotten(tmp_path: Path) -> None:
    """No date of our own takes its place: neither 1970 nor now."""
    routes = {"/a": [feed(etag='"1"', last_modified=TODAY), feed(MORE, etag='"2"'), feed(FEED), feed(FEED)]}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        for hours in (0, 2, 4, 8):
            timeline.sync(hours)

    assert [conditions(asked) for asked in upstream.asked[2:]] == [(b'"2"', None), (None, None)]


@pytest.mark.rule("F6", "F30", "R21")
@pytest.mark.parametrize(
    "broken",
    [
        reply(200, b"<html><head><title>Just a moment...</title></head><body>login</body></html>", etag='"broken"'),
        reply(200, b'{"error": "captcha"}', content_type="application/json", etag='"broken"'),
        reply(200, b"", etag='"broken"'),
        reply(200, FEED[:-60], content_type="application/rss+xml", etag='"broken"'),
        reply(200, b"\x1f\x8b\x08\x00garbage", content_encoding="gzip", etag='"broken"'),
    ],
    ids=["page", "json", "empty", "cut-feed", "bad-gzip"],
)
def test_a_body_that_is_no_feed_is_not_remembered_as_current(tmp_path: Path, broken: bytes) -> None:
    """Its validators are not stored, and nothing that was stored is touched: the good ones are sent again."""
    routes = {"/a": [feed(etag='"good"'), broken, feed(etag='"good"')]}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        before = timeline.files()
        event = timeline.sync(2)["a"]
        timeline.sync(8)

    # A cut feed may still be read as far as it goes; then it is no news, and its validators are kept no more than of a failure.
    assert event.outcome is Outcome.FAILED or not event.posts
    assert timeline.files() == before
    assert conditions(upstream.asked[2]) == (b'"good"', None)


@pytest.mark.rule("F7")
@pytest.mark.parametrize("more", [", headers: {X-Key: other}", ", limit: 1", ", auth: {username: u, password: p}"])
def test_other_settings_make_one_full_request(tmp_path: Path, more: str) -> None:
    """Validators belong to what was asked for: with other headers, limits or credentials they are void, once."""
    with Upstream(routes={"/a": feed(etag='"1"')}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        timeline.sources({"a": upstream.address("/a")}, a=more)
        timeline.sync(0.5)
        timeline.sync(2)

    assert [conditions(asked)[0] for asked in upstream.asked] == [None, None, b'"1"']


@pytest.mark.rule("F7")
def test_validators_belong_to_the_end_of_a_redirect(tmp_path: Path) -> None:
    """They are sent where they came from and nowhere else, also when the redirect leads elsewhere later."""
    routes: dict[str, Route] = {
        "/a": [reply(302, location="/one"), reply(302, location="/one"), reply(302, location="/two")],
        "/one": [feed(etag='"one"'), reply(304)],
        "/two": feed(etag='"two"'),
    }
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        for hours in (0, 2, 4):
            timeline.sync(hours)

    assert [(asked.target, conditions(asked)[0]) for asked in upstream.asked] == [
        (b"/a", None), (b"/one", None),
        (b"/a", None), (b"/one", b'"one"'),
        (b"/a", None), (b"/two", None),
    ]  # fmt: skip


@pytest.mark.rule("F8")
@pytest.mark.parametrize(
    ("headers", "early", "late"),
    [
        ({"cache_control": "public, max-age=21600"}, 5.9, 6.7),
        ({"cache_control": "max-age=21600", "age": "7200"}, 3.9, 4.5),
        ({"date": TODAY, "expires": "Mon, 02 Mar 2026 08:00:00 GMT"}, 7.9, 8.9),
        ({"cache_control": "max-age=99999999999"}, 24 * 29.9, 24 * 33.1),
        ({"cache_control": "max-age=soon", "expires": "0"}, 0.9, 1.2),
    ],
)
def test_no_poll_before_freshness_ends(tmp_path: Path, headers: dict[str, str], early: float, late: float) -> None:
    """max-age less Age, else Expires, is waited for, thirty days at most; what cannot be read counts for nothing."""
    with Upstream(routes={"/a": feed(FEED, etag='"1"', **headers)}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 1h")
        due = [len(timeline.sync(hours)) for hours in (0, early, late)]

    assert due == [1, 0, 1]


@pytest.mark.rule("F4", "F8")
def test_a_304_that_says_nothing_renews_the_freshness_that_was_said(tmp_path: Path) -> None:
    """The stored answer keeps its max-age (RFC 9111 §3.2), also through failures; a body without one ends it."""
    first, bare = feed(etag='"1"', cache_control="max-age=21600"), reply(304)
    with Upstream(routes={"/a": [first, bare, reply(500, b""), bare, feed(MORE), feed(FEED)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 1h")
        due = [len(timeline.sync(hours)) for hours in (0, 6.1, 12, 12.2, 13.5, 19.4, 19.6, 20.7)]

    assert due == [1, 1, 0, 1, 1, 0, 1, 1]


@pytest.mark.rule("F8", "R21")
def test_a_page_that_is_no_feed_is_not_asked_for_again_while_it_is_fresh(tmp_path: Path) -> None:
    """A 200 says how long it holds whatever it carries; a 304 after it says nothing of that page."""
    page = reply(200, b"<html><title>Back soon</title></html>", cache_control="max-age=21600")
    with Upstream(routes={"/a": [feed(etag='"1"'), page, reply(304)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 1h")
        due = [len(timeline.sync(hours)) for hours in (0, 1, 3, 6.9, 7.1, 8.2)]

    assert due == [1, 1, 0, 0, 1, 1]


@pytest.mark.rule("F15")
def test_force_still_sends_validators_and_restarts_poll_nothing_early(tmp_path: Path) -> None:
    """Each sync here is a process that starts anew: nothing is asked before its time, and --force asks conditionally."""
    with Upstream(routes={"/a": [feed(etag='"1"'), reply(304), feed(etag='"1"')]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        for hours in (0, 0.1, 0.2, 0.5, 0.9):
            timeline.sync(hours)
        quiet = len(upstream.asked)
        timeline.sync(0.9, force=True)
        timeline.sync(0.95, force=True, no_cache=True)

    assert quiet == 1
    assert [conditions(asked)[0] for asked in upstream.asked[1:]] == [b'"1"', None]


@pytest.mark.rule("F15")
def test_a_run_that_is_killed_while_it_waits_does_not_ask_twice(tmp_path: Path) -> None:
    """What was polled is saved while slow servers are waited for, so a crash loop asks only those again."""
    folder = Folder(tmp_path / "project")
    folder.settings("fetch: {allow_private: [127.0.0.2], timeout: 60s}")
    with Upstream(routes={"/fast": feed(), "/slow": lambda exchange: exchange.stall(longest=60)}) as upstream:
        folder.sources_at({"fast": upstream.address("/fast"), "slow": upstream.address("/slow")})
        for seconds in (8, 0.5):
            run = subprocess.Popen(folder.command("sync"), env=folder.environment(), stderr=subprocess.DEVNULL)
            asked = asked_at(upstream, "/slow")
            wait_until(lambda before=asked: asked_at(upstream, "/slow") > before)  # type: ignore[misc]
            time.sleep(seconds)
            run.kill()
            run.wait()

    assert sorted(asked.target for asked in upstream.asked) == [b"/fast", b"/slow", b"/slow"]


@pytest.mark.rule("F13", "F14")
@pytest.mark.parametrize(
    ("element", "early", "late"),
    [
        ("<ttl>240</ttl>", 3.9, 4.5),
        ("<ttl>1</ttl>", 0.9, 1.2),
        ("<skipHours><hour>1</hour><hour>2</hour><hour>24</hour></skipHours>", 2.9, 4),
        ("<skipDays><day>Monday</day></skipDays>", 23.9, 25),
    ],
)
def test_what_a_feed_asks_for_is_kept(tmp_path: Path, element: str, early: float, late: float) -> None:
    """A ttl raises the interval and never lowers it; in skipHours and on skipDays nothing is asked (24 is midnight)."""
    body = FEED.replace(b"<channel>", f"<channel>{element}".encode())
    with Upstream(routes={"/a": feed(body, etag='"1"')}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 1h")
        due = [len(timeline.sync(hours)) for hours in (0, early, late)]

    assert due == [1, 0, 1]


@pytest.mark.rule("F8")
def test_the_freshness_of_a_page_is_not_that_of_the_feed(tmp_path: Path) -> None:
    """A maintenance page with a max-age, then an outage of days, then a 304: the next poll is an hour away, not days."""
    page = reply(200, b"<html><title>Down</title></html>", content_type="text/html", cache_control="max-age=60")
    routes = {"/a": [feed(etag='"1"'), page, reply(502, b""), reply(304), reply(304)]}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=", every: 1h")
        due = [len(timeline.sync(hours)) for hours in (0, 24, 48, 24 * 20, 24 * 20 + 1.2)]

    assert due == [1] * 5
