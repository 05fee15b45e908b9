"""Clients that mean no good, or are badly made: others are served, and nobody gets what is not published (R86-R88)."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from aggregator.serve.connection import Connection
from aggregator.serve.server import Server, serve
from tests.conftest import Sweep
from tests.raw_http import ask, connect, everything, parse, raw

_FEED = b"<feed><title>one</title><link rel='self' href='https://news.example/feeds/all.atom'/></feed>"
_BIG = b"<feed>" + b"0123456789abcdef" * 262_144 + b"</feed>"  #: 4 MiB: more than a socket holds
_WHOLE = b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return a public folder in a project, beside all that a project has besides."""
    folder = tmp_path / "public"
    (folder / "feeds").mkdir(parents=True)
    for name, content in (("all.atom", _FEED), ("big.atom", _BIG)):
        (folder / "feeds" / name).write_bytes(content)
        os.utime(folder / "feeds" / name, (1_767_225_600,) * 2)
    for name in (".git/config", "state/state.sqlite", "config/site.yaml", "posts/a.md", "ledger.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("private")
    (folder / ".git").symlink_to(tmp_path / ".git")
    (folder / "state").symlink_to(tmp_path / "state")
    (folder / "feeds" / "state.atom").symlink_to(tmp_path / "state" / "state.sqlite")
    return folder


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    """Return a running server."""
    with serve(public) as running:
        yield running


def test_three_hundred_half_open_clients_hold_up_nobody(server: Server) -> None:
    """While 300 clients say nothing, half a request, or ask for more than they read, others are served at once."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server.port)) for _ in range(300)]
        for client in clients[100:200]:
            client.sendall(b"GET /feeds/all.atom HTTP/1.1\r\nX-")
        for client in clients[200:]:
            client.sendall(_WHOLE.replace(b"all", b"big"))
        began = time.monotonic()
        assert [ask(server.port).status for _ in range(20)] == [200] * 20
        assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "said",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"],
    ids=["nothing", "a letter", "half a head", "half a body"],
)
def test_who_does_not_go_on_is_hung_up_on(public: Path, said: bytes) -> None:
    """A client that stops in the middle is cut off when the server's patience ends, after an answer if it asked for one."""
    with serve(public, patience=0.2) as server, connect(server.port) as client:
        client.sendall(said)
        answer = everything(client)

    assert answer.startswith(b"HTTP/1.1 200") if b"Content-Length" in said else answer == b""


def test_a_head_that_trickles_in_is_not_waited_for(public: Path) -> None:
    """Patience is for the whole head: a byte now and then does not prolong it."""
    with serve(public, patience=0.3) as server, connect(server.port) as client:
        began = time.monotonic()
        try:
            for _ in range(600):
                client.sendall(b"X")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 20


def test_a_second_head_is_waited_for_no_longer_than_the_first(public: Path) -> None:
    """Also behind a whole request, half of one is cut off."""
    with serve(public, patience=0.2) as server, connect(server.port) as client:
        client.sendall(_WHOLE + b"GET /feeds/all.atom HT")
        answer = everything(client)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.endswith(_FEED)


def test_who_does_not_read_is_hung_up_on(public: Path) -> None:
    """A client that takes nothing of what it asked for is cut off, and what it did not take is not kept for it."""
    with serve(public, patience=0.2) as server, connect(server.port) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(20):
            client.sendall(_WHOLE.replace(b"all", b"big"))
        deadline = time.monotonic() + 30
        while _is_connected(server, client) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(everything(client)) < len(_BIG)


def _is_connected(server: Server, client: socket.socket) -> bool:
    own = client.getsockname()
    return any(each.transport.get_extra_info("peername") == own for each in list(server._uvicorn.server_state.connections))


def test_who_reads_slowly_gets_all_of_it(public: Path) -> None:
    """As long as a client goes on taking, it is not hung up on."""
    with serve(public, patience=0.8) as server, connect(server.port) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /feeds/big.atom HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got, began = b"", time.monotonic()
        while piece := client.recv(131_072):
            got += piece
            time.sleep(0.08)
        assert time.monotonic() - began > 0.8 * 2.5
    assert parse(got).body == _BIG


def test_requests_sent_at_once_are_answered_in_order(server: Server) -> None:
    """Several requests in one piece (RFC 9112 §9.3.2) get as many answers, in that order."""
    targets = [b"/feeds/all.atom", b"/feeds/none.atom", b"/healthz", b"/feeds/all.atom"]
    lines = [b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n" for target in targets]
    answer = raw(server.port, b"".join(lines))

    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 404, 200, 200]


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n X: folded\x00\r\n\r\n",
        b"GET  /feeds/all.atom HTTP/1.1\r\nHost: x\r\n\r\n",
        b"<script>alert(1)</script>\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=range(13),
)
def test_what_is_no_http_is_refused(server: Server, request_: bytes) -> None:
    """What cannot be read in one way only is refused in plain text, quotes nothing, and ends the connection."""
    answer = raw(server.port, request_)

    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 405", b"HTTP/1.1 501"}, answer[:80]
    assert b"text/plain" in answer
    assert b"nosniff" in answer
    assert b"script" not in answer
    assert ask(server.port).status == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /feeds/all.atom HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"a" * 300_000,
        b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n" + _WHOLE,
    ],
    ids=["bad chunk", "two lengths", "big body", "expect", "websocket", "h2c", "connect", "connect and go on"],
)
def test_bodies_and_tunnels_get_one_answer_at_most(server: Server, request_: bytes) -> None:
    """Nothing that follows a head with a body, or asks for a tunnel, is taken for a request."""
    with connect(server.port) as client:
        try:
            client.sendall(request_)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has hung up already
        answer = everything(client)

    assert answer.count(b"HTTP/1.1 ") <= 1
    assert answer[9:12] in {b"", b"200", b"400", b"405"}
    assert ask(server.port).status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/state/state.sqlite",
        "/state/state.atom",
        "/.git/config",
        "/.git/x.atom",
        "/feeds/state.atom",
        "/../state/state.sqlite",
        "/feeds/../../ledger.jsonl",
        "/%2e%2e/ledger.jsonl",
        "/feeds/%2E%2E/%2E%2E/config/site.yaml",
        "/feeds/..%2f..%2fconfig/site.yaml",
        "/feeds/..%5c..%5cconfig/site.yaml",
        "/%c0%ae%c0%ae/config/site.yaml",
        "/feeds//all.atom",
        "//feeds/all.atom",
        "/feeds/./all.atom",
        "/feeds/all.atom%00",
        "/feeds/all.atom%0a",
        "/feeds/all.atom;x=y",
        "/feeds/redirects.json",
        "/" + "../" * 500 + "etc/passwd",
        "/" + "a/" * 4000,
        "http://evil.example/../state/state.sqlite",
        "http://evil.example//state/state.sqlite",
        "file:///etc/passwd",
        "x:y",
        "/healthz/",
        "/static/../state/state.sqlite",
    ],
)
def test_nothing_but_what_is_published_is_there(server: Server, target: str) -> None:
    """Every spelling of a way to what is not published ends at 404, whatever the type that it asks for."""
    reply = ask(server.port, target)

    assert reply.status == 404
    assert b"private" not in reply.body
    assert reply.header("content-type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "lines",
    [
        (
            "X-Forwarded-Host: evil.example",
            "X-Forwarded-Proto: gopher",
            "X-Forwarded-Prefix: /evil",
            "X-Forwarded-For: 6.6.6.6",
        ),
        (
            "Forwarded: host=evil.example;proto=gopher",
            "X-Original-URL: /evil",
            "X-Rewrite-URL: /evil",
            "X-HTTP-Method-Override: PUT",
        ),
    ],
)
@pytest.mark.parametrize("target", ["/", "/feeds/all.atom", "http://evil.example/feeds/all.atom"])
def test_no_header_of_a_request_gets_into_an_answer(server: Server, target: str, lines: tuple[str, ...]) -> None:
    """Whatever host or proxy a request names, the answer is the same to the byte (R88)."""
    plain, forged = ask(server.port, target), ask(server.port, target, *lines, host="evil.example")

    assert forged.body == plain.body
    assert [each for each in forged.headers if each[0] != "date"] == [each for each in plain.headers if each[0] != "date"]


def test_a_redirect_names_no_host(server: Server, public: Path) -> None:
    """Where a feed is now is said by its path alone, so that no forged host gets into it."""
    (public / "feeds" / "redirects.json").write_text('{"feeds/old.atom": "feeds/all.atom"}')

    reply = ask(server.port, "/feeds/old.atom", "X-Forwarded-Host: evil.example", host="evil.example")

    assert reply.header("location") == "../feeds/all.atom"


def test_connections_beyond_the_most_cost_those_that_wait_longest(public: Path) -> None:
    """Where more connect than there is room for, who has said nothing for longest goes, and who asks is served."""
    with serve(public, patience=3600) as server, ExitStack() as stack:
        kind = server._uvicorn.config.http_protocol_class
        assert issubclass(kind, Connection)
        kind.most = 40
        idle = [stack.enter_context(connect(server.port)) for _ in range(80)]
        assert [ask(server.port).status for _ in range(5)] == [200] * 5
        assert everything(idle[0]) == b""
        assert len(server._uvicorn.server_state.connections) <= 41


def test_closing_waits_for_nobody(public: Path) -> None:
    """With clients in every state the end takes two seconds at most (here twice that, for a loaded machine)."""
    server = serve(public)
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server.port)) for _ in range(60)]
        for client in clients[20:40]:
            client.sendall(b"GET /fee")
        for client in clients[40:]:
            client.sendall(_WHOLE.replace(b"all", b"big"))
        assert ask(server.port).status == 200
        began = time.monotonic()
        server.close()
        took = time.monotonic() - began
    assert took < 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("serve")]


def test_answers_do_not_wait_for_late_acknowledgements(server: Server) -> None:
    """Head and body go out without Nagle's pause, which would be 40 ms for each answer on a connection that is kept."""
    with connect(server.port) as client:
        began = time.monotonic()
        for _ in range(50):
            client.sendall(_WHOLE)
            got = b""
            while not got.endswith(_FEED):
                got += client.recv(65536)
        assert time.monotonic() - began < 50 * 0.04


_WELL_MEANT = (
    _WHOLE,
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HEAD /healthz HTTP/1.0\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
    b"GET /feeds/big.atom HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
)
_PIECES = (b"\r\n", b"\0", b"\n", b": ", b"%00", b"\xff", b"HTTP/1.1", b" ", b"0\r\n\r\n")


@pytest.mark.sweep
def test_whatever_comes_is_no_bug(public: Path, sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    """Requests with bytes missing, added and mixed up get an answer or none; nothing fails inside, and no log says a word."""
    chance, told = random.Random(sweep.seed), list[str]()
    with serve(public, patience=0.2, tell=lambda text, _error: told.append(text)) as server:
        for _ in range(sweep.count(5000, 200)):
            said = b"".join(_garbled(chance) for _ in range(chance.choice([1, 1, 2, 4])))
            with connect(server.port) as client:
                try:
                    client.sendall(said)
                    if chance.random() < 0.8:
                        client.shutdown(socket.SHUT_WR)
                        everything(client)
                except OSError:
                    pass  # it has hung up already
        assert ask(server.port).status == 200
    assert told == []
    assert [record.getMessage() for record in caplog.records] == []


def _garbled(chance: random.Random) -> bytes:
    request = bytearray(chance.choice(_WELL_MEANT))
    for _ in range(chance.choice([0, 0, 1, 2, 5])):
        place = chance.randrange(len(request))
        match chance.randrange(3):
            case 0:
                del request[place]
            case 1:
                request[place:place] = bytes([chance.randrange(256)])
            case _:
                request[place:place] = chance.choice((*_PIECES, *_WELL_MEANT))
    return bytes(request)
