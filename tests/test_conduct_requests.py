"""What one poll says to a server, how often, and what of it is kept to itself: from the YAML to the bytes on the wire."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import __version__
from aggregator.fetch.lean_aiohttp import AbstractResolver, ResolveResult
from aggregator.model.poll import Outcome
from tests.fetching import Names, a_source, failed, fetched, limits, poll, poll_all
from tests.raw_upstream import Exchange, Script, Upstream, closing, reply
from tests.timeline import FEED, Timeline, asked_at, feed

TARGETS = [
    "/feed?x=%2F&z=%41",
    "/feed?x=%2f&z=A",
    "/feed?sig=a%2Bb%3d%3D+c&t=~%7E",
    "/feed?a=[1]&b=(2)3*!$",
    "/feed?",
    "/feed?&&a=&=b",
    "/p;v=1/../q/./r//s?a=b?c/d",
    "/%7e%2F?%25",
    "/feed?utm_source=x&key=%E6%96%B0",
]


@pytest.mark.rule("F27")
def test_a_query_string_goes_out_byte_for_byte_as_configured(tmp_path: Path) -> None:
    """From the YAML to the request line nothing is quoted, unquoted, sorted, added or dropped, but the fragment."""
    with Upstream(routes={"*": feed()}) as upstream:
        sources = {f"s{number}": upstream.address(target) for number, target in enumerate(TARGETS)}
        timeline = Timeline(tmp_path, sources | {"fragment": upstream.address("/feed?y=%2F#x=%2F")})
        events = timeline.sync(0)

    lines = {asked.raw.split(b"\r\n", 1)[0] for asked in upstream.asked}
    assert {event.outcome for event in events.values()} <= {Outcome.NEWS, Outcome.SAME}
    assert lines == {f"GET {target} HTTP/1.1".encode() for target in [*TARGETS, "/feed?y=%2F"]}


@pytest.mark.rule("F24")
@pytest.mark.parametrize(
    ("configured", "sent"),
    [
        ("", f"feed-aggregator/{__version__} (+https://news.example/)"),
        (", subscribers: 12", f"feed-aggregator/{__version__} (+https://news.example/; 12 subscribers)"),
        (", subscribers: 1", f"feed-aggregator/{__version__} (+https://news.example/; 1 subscriber)"),
        (", subscribers: 12, user_agent: mine/1 (+https://me.example/)", "mine/1 (+https://me.example/)"),
    ],
)
def test_the_user_agent_says_who_asks_and_for_how_many(tmp_path: Path, configured: str, sent: str) -> None:
    """Name, version, where to find us and the number of our readers; the whole, or one source's, can be set in the config."""
    with Upstream(routes={"*": feed()}) as upstream:
        timeline = Timeline(
            tmp_path,
            {"a": upstream.address("/a"), "b": upstream.address("/b")},
            b=", headers: {User-Agent: other/2}",
        )
        timeline.settings(configured)
        timeline.sync(0)

    agents = {asked.target: asked.all("User-Agent") for asked in upstream.asked}
    assert agents == {b"/a": [sent.encode()], b"/b": [b"other/2"]}


@pytest.mark.rule("F25", "R14")
def test_no_cookie_passes_from_poll_to_poll_or_from_source_to_source(tmp_path: Path) -> None:
    """What Set-Cookie says is forgotten, within a run and between runs; a configured Cookie is sent for its own source."""
    setting = {"set_cookie": "sid=1; Path=/; Max-Age=9999"}
    with Upstream(routes={"*": feed(FEED, **setting)}) as upstream:
        address = upstream.address("/one", host="shop.example")  # for a bare address no jar would keep a cookie
        other = a_source(upstream.address("/two", host="shop.example"), id="other")
        names = Names(shop_example=["127.0.0.2"])
        poll_all([address, other, address], settings=limits(gap=timedelta()), resolver=names)
        timeline = Timeline(
            tmp_path, {"a": upstream.address("/a"), "b": upstream.address("/b")}, b=", headers: {Cookie: own=1}, every: 1h"
        )
        for hours in (0, 4):
            timeline.sync(hours)

    sent = {(asked.target, asked.header("Cookie")) for asked in upstream.asked}
    assert sent == {(b"/one", None), (b"/two", None), (b"/a", None), (b"/b", b"own=1")}
    assert {asked.header("Referer") for asked in upstream.asked} == {None}


def test_a_poll_leaves_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What sends the requests writes none of them down: it would be a line a poll, with an address that nobody asked."""
    with Upstream(routes={"*": feed(FEED)}) as upstream, caplog.at_level("INFO"):
        fetched(poll(upstream.address("/feed")))

    assert [record.name for record in caplog.records] == []


def stall(exchange: Exchange) -> None:
    exchange.stall()


def reset(exchange: Exchange) -> None:
    exchange.reset()


@pytest.mark.rule("F19")
@pytest.mark.parametrize(
    "answer",
    [
        feed(), reply(404, b""), reply(405, b"", allow="HEAD"), reply(500, b""), reply(503, b""), closing(b""), reset, stall,
        closing(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<rss"), closing(b"nonsense\r\n\r\n"), reply(200, b""),
        reply(401, b"", www_authenticate="Basic"), reply(406, b""), reply(408, b""), reply(421, b""), reply(425, b""),
    ],
)  # fmt: skip
def test_one_poll_is_one_get(tmp_path: Path, answer: Script) -> None:
    """Whatever the server answers, or if it answers nothing, it is asked once: no HEAD, no second try, no other spelling."""
    with Upstream(routes={"*": answer}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        timeline.sync(1 / 120)

    assert [asked.raw.split(b"\r\n", 1)[0] for asked in upstream.asked] == [b"GET /a HTTP/1.1"]
    assert upstream.connections == 1


class Silent(AbstractResolver):
    """A name server that does not answer."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Think about it."""
        del host, port, family
        await asyncio.sleep(60)
        return []

    async def close(self) -> None:
        """Hold nothing."""


@pytest.mark.rule("F28")
def test_connecting_has_a_limit_of_its_own() -> None:
    """Five seconds without a connection are enough, however long a whole answer may take."""
    began = time.monotonic()
    failure = failed(poll("http://name.example/", settings=limits(timeout=timedelta(seconds=20)), resolver=Silent()), "timeout")

    assert failure.message == "no connection could be made in time"
    assert 4.5 < time.monotonic() - began < 15


@pytest.mark.rule("R11")
def test_headers_are_counted_and_measured() -> None:
    """Two hundred fields, or one of 30,000 bytes, are taken; three hundred, or one of 40,000, are refused in words."""
    long, many = (
        [b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: 1\r\n\r\nx" for head in heads]
        for heads in (
            [b"Content-Security-Policy: " + b"x" * size + b"\r\n" for size in (30_000, 40_000)],
            [b"".join(b"X-%d: y\r\n" % number for number in range(count)) for count in (200, 300)],
        )
    )
    routes = {f"/{number}": closing(raw) for number, raw in enumerate([*long, *many])}
    with Upstream(routes=routes) as upstream:
        taken, too_long, few, too_many = poll_all([upstream.address(f"/{number}") for number in range(4)])

    assert [fetched(outcome).body for outcome in (taken, few)] == [b"x", b"x"]
    assert failed(too_long, "protocol").message == "the answer holds a header that is too long"
    assert failed(too_many, "protocol").message == "the answer holds too many headers"


@pytest.mark.rule("F12")
def test_polls_are_an_hour_apart_or_three_where_each_costs_a_whole_feed(tmp_path: Path) -> None:
    """Without settings: sixty minutes, three hours for a server that gives no validators; less only where a person says so."""
    routes = {"/a": feed(etag='"1"'), "/b": feed(), "/c": feed()}
    with Upstream(routes=routes) as upstream:
        timeline = Timeline(tmp_path, {name: upstream.address(f"/{name}") for name in "abc"}, c=", every: 10m")
        due = {hours: "".join(sorted(timeline.sync(hours))) for hours in (0, 0.1, 0.2, 0.9, 1.1, 2.9, 3.1)}

    assert due == {0: "abc", 0.1: "", 0.2: "c", 0.9: "c", 1.1: "ac", 2.9: "ac", 3.1: "bc"}
    assert asked_at(upstream, "/b") == 2
