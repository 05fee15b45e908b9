"""Conditional requests, and what every request says and keeps to itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.fetch.headers import default_user_agent
from aggregator.model.fetched import NotModified, Validators
from aggregator.model.source import Auth, Secret
from tests.fetching import USER_AGENT, Names, a_source, failed, fetched, limits, poll, poll_all
from tests.raw_upstream import Upstream, reply

DATE = b"Mon, 01 Jan 2024 00:00:00 GMT"
ETAGS = [b'"abc"', b'W/"abc"', b"no-quotes", b'"\xe9"', b'"\xff\x80"', b'"\xe6\x96\xb0"', b'"a b,c"', b'"' + b"x" * 5000]


def _remembered(answer: NotModified | object) -> Validators:
    assert isinstance(answer, NotModified), answer
    return answer.validators


@pytest.mark.rule("F1", "R6")
@pytest.mark.parametrize("etag", ETAGS)
def test_validators_go_back_as_they_came(etag: bytes) -> None:
    """ETag and Last-Modified are sent back byte for byte, whatever bytes they are."""
    with Upstream(routes={"/feed": [reply(200, b"x", etag=etag, last_modified=DATE), reply(304)]}) as upstream:
        first = fetched(poll(upstream.address()))
        second = poll(upstream.address(), first.validators)

    assert first.validators == Validators(address=upstream.address(), etag=etag, last_modified=DATE)
    assert upstream.asked[1].all("if-none-match") == [etag]
    assert upstream.asked[1].all("if-modified-since") == [DATE]
    assert _remembered(second) == first.validators


@pytest.mark.rule("F1")
@pytest.mark.parametrize("kept", [None, DATE])
@pytest.mark.parametrize("etag", [b'"a\x7fb"', b'"a\x01b"', b'"\x00"'])
def test_a_validator_that_no_header_may_hold_is_not_sent(etag: bytes, kept: bytes | None) -> None:
    """One with a control character makes no later poll fail: the request goes out without it, the other one stays in it."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        address = upstream.address()
        fetched(poll(address, Validators(address=address, etag=etag, last_modified=kept)))

    assert upstream.asked[0].all("if-none-match") == []
    assert upstream.asked[0].all("if-modified-since") == ([kept] if kept else [])


def test_first_poll_is_unconditional() -> None:
    """Without validators no condition is sent."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        poll(upstream.address())

    assert upstream.asked[0].header("if-none-match") is None
    assert upstream.asked[0].header("if-modified-since") is None


@pytest.mark.rule("F5")
def test_missing_header_clears_its_validator() -> None:
    """A 200 that names no ETag or no Last-Modified leaves none stored, and none is invented."""
    sent = Validators(address="", etag=b'"old"', last_modified=DATE)
    with Upstream(routes={"/etag": reply(200, b"x", etag='"new"'), "/none": reply(200, b"x", etag="")}) as upstream:
        for target, expected in (("/etag", b'"new"'), ("/none", None)):
            address = upstream.address(target)
            old = Validators(address=address, etag=sent.etag, last_modified=sent.last_modified)
            assert fetched(poll(address, old)).validators == Validators(address=address, etag=expected)


@pytest.mark.rule("F4")
def test_304_refreshes_what_it_names() -> None:
    """A 304 replaces the validators that it carries and keeps the others."""
    with Upstream(routes={"*": reply(304, etag='"new"', cache_control="max-age=60")}) as upstream:
        old = Validators(address=upstream.address(), etag=b'"old"', last_modified=DATE)
        answer = poll(upstream.address(), old)

    assert _remembered(answer) == Validators(address=upstream.address(), etag=b'"new"', last_modified=DATE)
    assert isinstance(answer, NotModified)
    assert ("cache-control", "max-age=60") in answer.headers


@pytest.mark.rule("R18")
@pytest.mark.parametrize("extra", [b"unwanted body", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_304_with_a_body_is_a_304(extra: bytes) -> None:
    """A body after a 304 is against the protocol and changes nothing, on new and kept connections."""
    routes = [reply(304), reply(304) + extra, reply(304)]
    with Upstream(routes={"*": routes}) as upstream:
        old = Validators(address=upstream.address(), etag=b'"a"')
        answers = poll_all([upstream.address()] * 3, old)

    assert [_remembered(answer) for answer in answers] == [old] * 3


@pytest.mark.rule("R18")
def test_304_nobody_asked_for_is_a_failure() -> None:
    """A 304 to an unconditional request is no answer."""
    with Upstream(routes={"*": reply(304)}) as upstream:
        outcomes = poll_all([upstream.address()])
        empty = poll(upstream.address(), Validators(address=upstream.address()))

    assert failed(outcomes[0], "protocol").status == 304
    failed(empty, "protocol")


@pytest.mark.rule("F7")
def test_validators_of_another_address_stay_at_home() -> None:
    """Validators are sent only to the configured address that gave them."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        old = Validators(address=upstream.address("/other"), etag=b'"a"', last_modified=DATE)
        poll(upstream.address(), old)

    assert upstream.asked[0].header("if-none-match") is None


def test_credentials_do_not_part_validators_from_their_address() -> None:
    """The stored address names no password, and is recognised as the configured one all the same."""
    with Upstream(routes={"*": [reply(200, b"x", etag='"a"'), reply(304)]}) as upstream:
        address = upstream.address(host="me:hunter2@127.0.0.2")
        first = fetched(poll(address))
        second = poll(address, first.validators)

    assert "hunter2" not in repr((first, second))
    assert first.address == first.validators.address == upstream.address()
    assert upstream.asked[0].header("authorization") == b"Basic bWU6aHVudGVyMg=="
    assert upstream.asked[1].header("if-none-match") == b'"a"'
    assert b"hunter2" not in upstream.asked[0].raw


@pytest.mark.rule("F24", "F25", "F26")
def test_what_a_request_says() -> None:
    """A request names us, the feed types and gzip, and carries no cookie, referrer or anything else."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        poll(upstream.address())

    names = [line.partition(b":")[0].lower() for line in upstream.asked[0].raw.split(b"\r\n")[1:]]
    assert names == [b"host", b"user-agent", b"accept", b"accept-encoding"]
    assert upstream.asked[0].header("user-agent") == USER_AGENT.encode()
    assert upstream.asked[0].header("accept-encoding") == b"gzip"
    assert b"application/atom+xml" in (upstream.asked[0].header("accept") or b"")
    assert upstream.asked[0].raw.startswith(b"GET /feed HTTP/1.1\r\n")


def test_default_user_agent_names_program_and_site() -> None:
    """Who reads a log can tell what polled it and where to complain."""
    assert default_user_agent("https://site.example/").startswith("feed-aggregator/")
    assert default_user_agent("https://site.example/").endswith(" (+https://site.example/)")


@pytest.mark.rule("F25", "R14")
def test_cookies_are_not_returned() -> None:
    """A cookie that was set is never sent back: not at the next poll, not after a redirect."""
    routes = {
        "/feed": reply(302, b"", location="/next", set_cookie="sid=1; Path=/"),
        "/next": reply(200, b"x", set_cookie="sid=2; Path=/"),
    }
    with Upstream(routes=routes) as upstream:
        address = upstream.address(host="shop.example")  # for a bare address no jar would keep a cookie
        poll_all([address] * 2, settings=limits(gap=timedelta()), resolver=Names(shop_example=["127.0.0.2"]))

    assert len(upstream.asked) == 4
    assert [asked.header("cookie") for asked in upstream.asked] == [None] * 4


@pytest.mark.rule("F24", "F26")
def test_source_headers_and_auth_are_sent() -> None:
    """A source's own headers, user agent and Basic credentials reach its origin; what frames a message stays ours."""
    headers = tuple(
        (name, Secret(value))
        for name, value in (
            ("X-Api-Key", "k\N{LATIN SMALL LETTER E WITH ACUTE}y\n"),
            ("User-Agent", "other/1"),
            ("Host", "evil.example"),
            ("Accept-Encoding", "br"),
            ("Content-Length", "5"),
        )
    )
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        poll(a_source(upstream.address(), headers=headers, auth=Auth(username="me", password=Secret("pw"))))

    asked = upstream.asked[0]
    assert asked.header("x-api-key") == "k\N{LATIN SMALL LETTER E WITH ACUTE}y".encode()
    assert asked.header("authorization") == b"Basic bWU6cHc="
    assert asked.all("user-agent") == [b"other/1"]
    assert asked.all("host") == [f"127.0.0.2:{upstream.port}".encode()]
    assert asked.all("accept-encoding") == [b"gzip"]
    assert asked.header("content-length") is None


@pytest.mark.parametrize(
    ("name", "value"), [("X-Key", "hunter2\r\nEvil: 1"), ("X-Key", "hunter2\0"), ("X Key", "hunter2"), ("", "hunter2")]
)
def test_header_that_cannot_be_sent_is_told(name: str, value: str) -> None:
    """A configured header that would break the request fails its source, and its value is not shown."""
    with Upstream() as upstream:
        failure = failed(poll(a_source(upstream.address(), headers=((name, Secret(value)),))), "protocol")

    assert "hunter2" not in repr(failure)
    assert upstream.asked == []


def test_connection_is_kept_between_polls() -> None:
    """A second poll of the same host uses the connection of the first."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        poll_all([upstream.address("/a"), upstream.address("/b")])

    assert upstream.connections == 1
