"""One ping: what goes over the wire, and what an answer comes to."""

from __future__ import annotations

import asyncio
import socketserver
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, cast

import pytest

from aggregator.fetch.notify import Notifier
from aggregator.model.ping import Refused
from tests.fetching import Names, limits

TOPIC = "https://news.example/feeds/%E6%96%B0.atom?a=1&b=2"
FORM = b"hub.mode=publish&hub.url=https%3A%2F%2Fnews.example%2Ffeeds%2F%25E6%2596%25B0.atom%3Fa%3D1%26b%3D2"
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class RawHub:
    """A hub on a raw socket that notes each request byte for byte, and its connection. A context manager."""

    def __init__(self, answer: bytes | Callable[[Any], None] = TAKEN) -> None:
        self.taken: list[tuple[int, bytes]] = []
        connections = iter(range(1, 1000))
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                number = next(connections)
                while head := outer._head(self.rfile):
                    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                    outer.taken.append((number, head + self.rfile.read(int(length.partition(b":")[2]))))
                    if not isinstance(answer, bytes):
                        answer(self.wfile)
                        return
                    self.wfile.write(answer)

        class Server(socketserver.ThreadingTCPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing of a client that leaves."""

        self._server = Server(("127.0.0.2", 0), Handler)
        self._server.daemon_threads = True

    def address(self, target: str = "/push") -> str:
        """Return its address."""
        return f"http://127.0.0.2:{self._server.server_address[1]}{target}"

    @staticmethod
    def _head(stream: Any) -> bytes:
        lines: list[bytes] = []
        while (line := stream.readline()) and line != b"\r\n":
            lines.append(line)
        return b"".join([*lines, line]) if lines else b""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def tell(*hubs: str, user_agent: str = "planet/1 (+https://news.example/)", **how: Any) -> list[Refused | None]:
    """Tell hubs of one topic, one after the other."""
    settings = how.pop("settings", None) or limits()

    async def run() -> list[Refused | None]:
        async with Notifier(settings, user_agent=user_agent, now=lambda: datetime.now(UTC), **how) as notifier:
            return [await notifier.tell(hub, TOPIC, wait_seconds=5) for hub in hubs]

    return asyncio.run(run())


def refused(hub: str, **how: Any) -> Refused:
    """Expect a refusal, told in one line."""
    [answer] = tell(hub, **how)
    assert answer is not None
    assert "\n" not in answer.message
    return answer


def test_a_ping_is_one_form() -> None:
    """A ping is a POST of two fields, encoded once, without cookie, referrer or credentials."""
    with RawHub() as hub:
        assert tell(hub.address("/push?x=%2F&y=%7e")) == [None]
        [(_, sent)] = hub.taken
    head, _, body = sent.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")

    assert line == b"POST /push?x=%2F&y=%7e HTTP/1.1"
    assert body == FORM
    assert {name.lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)} == {
        b"host": hub.address().encode().split(b"/")[2],
        b"user-agent": b"planet/1 (+https://news.example/)",
        b"accept": b"*/*",
        b"accept-encoding": b"identity",
        b"content-type": b"application/x-www-form-urlencoded",
        b"content-length": b"%d" % len(FORM),
    }


def test_what_the_library_would_change_goes_out_as_it_is() -> None:
    """An empty query and a name beyond ASCII are sent byte for byte, and the form behind them is whole; the next ping too."""
    with RawHub() as hub:
        assert tell(hub.address("/push?"), hub.address(), user_agent="行星/1") == [None, None]
        first, second = (sent for _, sent in hub.taken)

    assert first.startswith(b"POST /push? HTTP/1.1\r\n")
    assert second.startswith(b"POST /push HTTP/1.1\r\n")
    for sent in (first, second):
        assert "User-Agent: 行星/1".encode() in sent
        assert sent.endswith(b"\r\n\r\n" + FORM)


def test_pings_share_a_connection_without_a_gap() -> None:
    """Several pings to one hub go over one connection, one after the other and at once: a hub asks to be told."""
    with RawHub() as hub:
        began = time.monotonic()
        address = hub.address().replace("127.0.0.2", "hub.example")
        resolver = Names(hub_example=["127.0.0.2"])
        assert tell(*[address] * 5, settings=limits(gap=timedelta(seconds=5)), resolver=resolver) == [None] * 5

        assert time.monotonic() - began < 2
        assert [number for number, _ in hub.taken] == [1] * 5


@pytest.mark.parametrize(("status", "whole"), [(400, False), (403, False), (500, False), (502, True), (503, True), (429, True)])
def test_an_error_is_told(status: int, *, whole: bool) -> None:
    """Any status that is no success is a refusal with its name: of the hub as a whole where its front or its limits speak."""
    with RawHub(b"HTTP/1.1 %d Whatever\r\nContent-Length: 4\r\n\r\nnope" % status) as hub:
        answer = refused(hub.address())

    assert answer.message.startswith(f"the hub answered {status} (")
    assert "nope" not in answer.message
    assert (answer.kind, answer.whole) == ("http", whole)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (b"https://elsewhere.example/push?key=hunter2", "it is at https://elsewhere.example/push?key=*** now"),
        (b"//u:hunter2@elsewhere.example/", "it is at http://elsewhere.example/ now"),
        (b"javascript:alert(1)", "the server redirects to a javascript: address"),
        (b"/" + b"x" * 5000, "xxx... now"),
        (b"", "without saying where it is now"),
        (b"/push", "without saying where it is now"),
        (b"\xff\x1b[2J", "%FF%1B[2J now"),
    ],
)
def test_a_redirect_is_not_followed(location: bytes, said: str) -> None:
    """A redirect is a refusal that names the new address, without secrets, cut where it is long; nothing is sent there."""
    with RawHub(b"HTTP/1.1 308 Permanent Redirect\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n") as hub:
        answer = refused(hub.address())

        assert len(hub.taken) == 1
    assert said in answer.message
    assert "hunter2" not in answer.message
    assert len(answer.message) < 400
    assert answer.whole


def _endless(wfile: Any) -> None:
    wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(1000):
        wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def _silent(wfile: Any) -> None:
    wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    time.sleep(3)


def _broken(wfile: Any) -> None:
    wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")


@pytest.mark.parametrize("answer", [_endless, _silent, _broken])
def test_what_a_hub_says_beside_its_status_is_nothing(answer: Callable[[Any], None]) -> None:
    """After a 2xx the hub knows, whatever becomes of the body: no more than 64 KiB and a second is spent on it."""
    with RawHub(answer) as hub:
        began = time.monotonic()
        assert tell(hub.address()) == [None]

    assert time.monotonic() - began < 2.5


def test_silence_ends() -> None:
    """A hub that does not answer is given up after its deadline."""
    with RawHub(lambda _: time.sleep(2)) as hub:
        answer = refused(hub.address(), deadline=timedelta(milliseconds=300))

    assert (answer.kind, answer.message, answer.whole) == ("timeout", "no answer within 1 s", True)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the server closed the connection without an answer"),
        (b"SSH-2.0-x\r\n\r\n", "the answer is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 50_000 + b"\r\n\r\n", "the answer holds a header that is too long"),
    ],
)
def test_what_is_no_hub(answer: bytes, message: str) -> None:
    """An answer that is none is a refusal in words."""
    with RawHub(lambda wfile: cast("None", wfile.write(answer))) as hub:
        assert refused(hub.address()).message == message


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:9/", "the host leads to 127.0.0.1 (loopback), which is not public"),
        ("http://[::1]:9/", "the host leads to ::1 (loopback), which is not public"),
        ("http://10.0.0.1/", "the host leads to 10.0.0.1 (private), which is not public"),
        ("http://127.0.0.2:1/", "no connection to the host: connection refused"),
        ("ftp://hub.example/", "the address cannot be requested: it is not an http or https address"),
    ],
)
def test_where_no_hub_can_be_reached(address: str, message: str) -> None:
    """A hub that cannot be connected to, or must not be, is a refusal of the whole hub."""
    answer = refused(address)

    assert answer.message.startswith(message)
    assert answer.whole
