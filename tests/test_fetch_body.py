"""Bodies: bounded on the wire, bounded in time, bounded when inflated; never taken for whole when they are not."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.parse.body import InflateError, inflate
from tests.fetching import a_source, failed, fetched, limits, poll, poll_all
from tests.raw_upstream import Exchange, Upstream, closing, reply

SHORT = timedelta(seconds=0.5)
HEAD = b"HTTP/1.1 200 OK\r\n"


def test_body_comes_as_sent() -> None:
    """A plain body is handed on with its headers, status and address, duplicates and odd bytes kept."""
    raw = HEAD + b"X-One: 1\r\nX-One: \xe9\r\nContent-Type: text/xml\r\nContent-Length: 6\r\n\r\n<rss/>"
    with Upstream(routes={"*": raw}) as upstream:
        answer = fetched(poll(upstream.address()))

    assert (answer.body, answer.coding, answer.status, answer.source_id) == (b"<rss/>", None, 200, "sample")
    assert answer.headers == (("x-one", "1"), ("x-one", "\xe9"), ("content-type", "text/xml"), ("content-length", "6"))
    assert answer.permanent_address is None
    assert answer.note is None


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n<rs\r\n3;x=y\r\ns/>\r\n0\r\n\r\n",
        HEAD + b"Connection: close\r\n\r\n<rss/>",
        b"HTTP/1.0 200 OK\r\n\r\n<rss/>",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100 + reply(200, b"<rss/>"),
        b"HTTP/1.1 203 Non-Authoritative\r\nContent-Length: 6\r\n\r\n<rss/>",
        HEAD + b"Content-Encoding: identity\r\nContent-Length: 6\r\n\r\n<rss/>",
    ],
)
def test_framings(raw: bytes) -> None:
    """Chunked, close-delimited, HTTP/1.0, hinted, transformed and identity-coded bodies are all read."""
    with Upstream(routes={"*": closing(raw)}) as upstream:
        answer = fetched(poll(upstream.address()))

    assert (answer.body, answer.coding) == (b"<rss/>", None)


def test_gzip_is_not_inflated_here() -> None:
    """A gzip body stays as it came, for the worker."""
    body = gzip.compress(b"<rss/>")
    with Upstream(routes={"*": reply(200, body, content_encoding="GZIP")}) as upstream:
        answer = fetched(poll(upstream.address()))

    assert (answer.body, answer.coding) == (body, "gzip")


@pytest.mark.rule("F26", "R9")
@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, gzip, gzip", "aws-chunked", "x" * 200])
def test_other_codings_are_refused(coding: str) -> None:
    """A coding that was not offered, or one within another, is a failure and not garbage."""
    with Upstream(routes={"*": reply(200, b"???", content_encoding=coding)}) as upstream:
        failed(poll(upstream.address()), "coding")


@pytest.mark.rule("R9")
def test_triple_gzip_bomb_is_refused() -> None:
    """255 bytes that would be 256 MB are refused for their nested coding, sent in one header or in three."""
    bomb = b"\0" * 2**24
    for _ in range(3):
        bomb = gzip.compress(bomb)
    assert len(bomb) < 300
    three = HEAD + b"Content-Encoding: gzip\r\n" * 3 + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb
    with Upstream(routes={"/one": reply(200, bomb, content_encoding="gzip,gzip,gzip"), "/three": three}) as upstream:
        failed(poll(upstream.address("/one")), "coding")
        failed(poll(upstream.address("/three")), "coding")


@pytest.mark.rule("F28", "R8", "R24")
def test_declared_size_is_believed() -> None:
    """A Content-Length above the limit is refused before the body is read."""
    with Upstream(routes={"*": HEAD + b"Content-Length: 1001\r\n\r\n"}) as upstream:
        failure = failed(poll(upstream.address(), settings=limits(max_bytes=1000)), "too-big")

    assert "1,000 bytes" in failure.message


def test_limit_itself_is_allowed() -> None:
    """A body of exactly the limit is read."""
    with Upstream(routes={"*": reply(200, b"x" * 1000)}) as upstream:
        assert len(fetched(poll(upstream.address(), settings=limits(max_bytes=1000))).body) == 1000


@pytest.mark.rule("F28", "R8")
@pytest.mark.parametrize("chunked", [False, True])
def test_endless_body_is_cut_at_the_limit(*, chunked: bool) -> None:
    """A body without end or size is refused at the limit, and the server can send no more."""

    def pour(exchange: Exchange) -> None:
        block = b"\0" * 65536
        exchange.send(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n"))
        exchange.pour(b"10000\r\n" + block + b"\r\n" if chunked else block)

    with Upstream(routes={"*": pour}) as upstream:
        failed(poll(upstream.address(), settings=limits(max_bytes=100_000)), "too-big")
        [exchange] = upstream.exchanges

    assert exchange.sent < 20_000_000


def test_empty_body_is_no_feed() -> None:
    """A 200 without a body is no feed."""
    with Upstream(routes={"*": reply(200, b"")}) as upstream:
        failed(poll(upstream.address()), "not-a-feed")


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Length: 100\r\n\r\n<rss>",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n50\r\n<rss>",
    ],
)
def test_truncated_body_is_told(raw: bytes) -> None:
    """A body that ends before its declared end is a failure, not a short feed."""
    with Upstream(routes={"*": closing(raw)}) as upstream:
        failed(poll(upstream.address()), "truncated")


def test_reset_within_a_body_is_told() -> None:
    """A connection that is torn down within a body is a truncation."""

    def tear(exchange: Exchange) -> None:
        exchange.send(HEAD + b"Content-Length: 100\r\n\r\n<rss>")
        exchange.upstream.stopping.wait(0.2)
        exchange.reset()

    with Upstream(routes={"*": tear}) as upstream:
        failed(poll(upstream.address()), "truncated")


@pytest.mark.rule("R5", "R11", "R24")
@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"<html>no http at all</html>\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n12345",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n123456",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc",
        HEAD + b"X-Long: " + b"a" * 200_000 + b"\r\nContent-Length: 1\r\n\r\nx",
        HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(5000)) + b"Content-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 " + b"a" * 200_000 + b"\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_broken_http_is_told(raw: bytes) -> None:
    """What is no HTTP, contradicts itself or floods us with headers is a protocol failure."""
    with Upstream(routes={"*": closing(raw)}) as upstream:
        failure = failed(poll(upstream.address()), "protocol")

    assert "aaaa" not in failure.message


@pytest.mark.rule("R5", "R7")
def test_a_chunk_that_breaks_the_protocol_is_told_at_once() -> None:
    """A bad chunk size in a body that is under way ends the poll then and there, not at its deadline, or never."""

    def script(exchange: Exchange) -> None:
        exchange.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        exchange.upstream.stopping.wait(0.2)
        exchange.send(b"ZZ\r\nabc")
        exchange.stall()

    with Upstream(routes={"*": script}) as upstream:
        failure = failed(poll(upstream.address()), "protocol")

    assert failure.message == "the body is not sent as HTTP demands"


@pytest.mark.rule("F19")
@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 O"])
def test_no_answer_is_a_connection_failure(raw: bytes) -> None:
    """A server that hangs up without an answer is asked once and told."""
    with Upstream(routes={"*": closing(raw)}) as upstream:
        failed(poll(upstream.address()), "connect")

    assert len(upstream.asked) == 1


def test_reset_before_an_answer_is_a_connection_failure() -> None:
    """A reset in place of an answer is told, and not tried again."""
    with Upstream(routes={"*": lambda exchange: exchange.reset()}) as upstream:
        failed(poll(upstream.address()), "connect")

    assert len(upstream.asked) == 1


def test_kept_connection_that_died_is_replaced() -> None:
    """A request that meets a kept connection closed by the server is sent again on a new one, and only then."""

    def hang_up(exchange: Exchange) -> None:
        exchange.close()

    with Upstream(routes={"*": [reply(200, b"x"), hang_up, reply(200, b"y")]}) as upstream:
        outcomes = poll_all([upstream.address()] * 2)

    assert [fetched(outcome).body for outcome in outcomes] == [b"x", b"y"]
    assert [asked.connection for asked in upstream.asked] == [1, 1, 2]


def _drip_body(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Content-Length: 1000\r\n\r\n")
    exchange.drip(b"x" * 1000, every=0.05)


def _drip_head(exchange: Exchange) -> None:
    exchange.drip(HEAD + b"X: y\r\n" * 1000, every=0.05)


def _hints_for_ever(exchange: Exchange) -> None:
    while exchange.open and not exchange.upstream.stopping.wait(0.01):
        exchange.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def _stall(exchange: Exchange) -> None:
    exchange.stall()


@pytest.mark.rule("F28", "R7")
@pytest.mark.parametrize("script", [_drip_body, _drip_head, _hints_for_ever, _stall])
def test_slowness_meets_the_deadline(script: object) -> None:
    """A server that drips its body or headers, hints for ever or says nothing is cut off at the total deadline."""
    assert callable(script)
    with Upstream(routes={"*": script}) as upstream:
        failure = failed(poll(upstream.address(), settings=limits(timeout=SHORT)), "timeout")

    assert failure.elapsed >= SHORT
    assert failure.elapsed < timedelta(seconds=20)  # on a busy machine; dripping goes on for 50


@pytest.mark.rule("F28", "R7")
def test_deadline_is_for_all_hops_together() -> None:
    """Redirects share one deadline: hops that are each fast enough are not so together."""

    def slow(location: str) -> object:
        def script(exchange: Exchange) -> None:
            exchange.upstream.stopping.wait(0.2)
            exchange.send(reply(302, b"", location=location))

        return script

    routes = {f"/{number}": slow(f"/{number + 1}") for number in range(5)} | {"/5": reply(200, b"x")}
    with Upstream(routes=routes) as upstream:  # type: ignore[arg-type]
        failed(poll(upstream.address("/0"), settings=limits(timeout=SHORT)), "timeout")


@pytest.mark.parametrize("status", [201, 204, 206, 300, 305, 400, 401, 403, 404, 410, 418, 451, 500, 599, 999])
def test_other_statuses_are_failures(status: int) -> None:
    """Any status but 200, 203 and 304 is a failure with its number, also where it carries a body."""
    with Upstream(routes={"*": reply(status, None if status == 204 else b"<rss/>")}) as upstream:
        failure = failed(poll(upstream.address()), "http")

    assert failure.status == status
    assert str(status) in failure.message


def test_status_is_named_by_us() -> None:
    """The message names the registered phrase, not what the server wrote beside the number."""
    with Upstream(routes={"*": b"HTTP/1.1 503 \x1b[31mhunter2\r\nContent-Length: 0\r\n\r\n"}) as upstream:
        failure = failed(poll(a_source(upstream.address())), "http")

    assert failure.message == "the server answered 503 (Service Unavailable)"


# -- inflate ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=500), min_size=1, max_size=4), st.binary(max_size=20))
def test_gzip_members_are_joined(parts: list[bytes], padding: bytes) -> None:
    """Members one after the other are one document; what follows the last one is left out."""
    body = b"".join(gzip.compress(part) for part in parts) + b"\0" + padding
    assert inflate(body, "gzip", 10_000) == b"".join(parts)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=2000), st.integers(0, 2500))
def test_inflating_keeps_its_limit(document: bytes, limit: int) -> None:
    """A document is given whole if it fits the limit, and refused if it does not."""
    body = gzip.compress(document)
    if len(document) <= limit:
        assert inflate(body, "gzip", limit) == document
    else:
        with pytest.raises(InflateError, match="after decompression"):
            inflate(body, "gzip", limit)


@pytest.mark.rule("F28", "R9")
def test_bomb_is_stopped_at_the_limit() -> None:
    """100 MB of zeros in 100 KB are refused at 10 MiB, in one member or in many, and never held in memory."""
    one = gzip.compress(b"\0" * 100_000_000, 9)
    many = gzip.compress(b"\0" * 1_000_000) * 100
    tracemalloc.start()
    for body in (one, many):
        with pytest.raises(InflateError, match="more than 10 MiB after decompression"):
            inflate(body, "gzip", 10 * 1024 * 1024)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 40_000_000


@pytest.mark.rule("R10")
def test_cut_gzip_is_told() -> None:
    """A gzip body that ends early is an error at every length, not a shorter document."""
    body = gzip.compress(bytes(range(256)) * 4)
    for length in range(2, len(body)):
        with pytest.raises(InflateError, match="cut short"):
            inflate(body[:length], "gzip", 10_000)


def test_damaged_gzip_is_told() -> None:
    """A gzip body with a wrong checksum or header is an error."""
    body = bytearray(gzip.compress(b"<rss/>"))
    body[-5] ^= 0xFF
    for damaged in (bytes(body), b"\x1f\x8b\x09" + b"\0" * 20):
        with pytest.raises(InflateError, match="damaged"):
            inflate(damaged, "gzip", 10_000)


@pytest.mark.parametrize("body", [b"<rss/>", b"", b"\x1f", zlib.compress(b"x")])
def test_wrong_label_is_forgiven(body: bytes) -> None:
    """A body that is labelled gzip and does not begin like it is taken as it is."""
    assert inflate(body, "gzip", 100) == body
    assert inflate(body, None, 100) == body


def test_plain_bodies_have_the_same_limit() -> None:
    """A body that needs no inflating may not be larger either."""
    with pytest.raises(InflateError):
        inflate(b"x" * 101, None, 100)
