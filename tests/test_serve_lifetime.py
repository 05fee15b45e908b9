"""Where a server listens, whom it does not wait for, and how it ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import AggregatorError
from aggregator.serve.server import Server, serve
from tests.public_folder import get, make_public


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return a public folder with three feeds and their list, beside files that nobody may have."""
    return make_public(tmp_path)


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    """Return a running server of that folder."""
    with serve(public) as running:
        yield running


def test_only_this_machine_by_default(server: Server) -> None:
    """Without being told otherwise the server listens on loopback only, and says where."""
    assert server.url == f"http://127.0.0.1:{server.port}/"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=5).close()


def test_ipv6_loopback(public: Path) -> None:
    """The server can listen on ::1, where the machine has it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with serve(public, host="::1") as server:
        answer: Any
        with socket.create_connection(("::1", server.port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = client.recv(15)

    assert answer.startswith(b"HTTP/1.1 200")
    assert server.url.startswith("http://[::1]:")


def test_port_in_use_is_told(server: Server, public: Path) -> None:
    """A port that is taken is an error that names it and says what to do."""
    with pytest.raises(AggregatorError, match=rf"127\.0\.0\.1 port {server.port}: .*Choose another"):
        serve(public, port=server.port)
    with pytest.raises(AggregatorError, match="port 70000"):
        serve(public, port=70000)


def test_connection_is_kept_for_the_next_request(server: Server) -> None:
    """One connection serves several requests, also after a 304."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        for headers in ({}, {"If-None-Match": "*"}, {}):
            connection.request("GET", "/feeds/all.atom", headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == (304 if headers else 200)
    finally:
        connection.close()


def test_half_open_clients_hold_up_nobody(server: Server) -> None:
    """While a hundred clients say nothing, or half a request, others are served."""
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(100)]
    try:
        for client in clients[:50]:
            client.sendall(b"GET /feeds/all.atom HT")
        assert [get(server, "/feeds/all.atom")[0].status for _ in range(5)] == [200] * 5
    finally:
        for client in clients:
            client.close()


def test_silent_client_is_hung_up_on(public: Path) -> None:
    """A client that says nothing, or stops in the middle, is cut off when the server's patience ends."""
    with serve(public, patience=0.1) as server:
        for said in (b"", b"GET /feeds/all.atom HTTP/1.1\r\nHost:"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=120) as client:
                client.sendall(said)
                assert client.recv(1) == b""


def test_closing_does_not_wait_for_clients(public: Path) -> None:
    """Closing cuts off whoever is still connected, frees the port and ends every thread."""
    before = set(threading.enumerate())
    server = serve(public, patience=3600)
    port = server.port
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        client.sendall(b"GET /feeds/all.atom HTTP/1.1\r\n")
        assert get(server, "/feeds/all.atom")[0].status == 200
        server.close()
        server.close()
        assert client.recv(1) == b""
    finally:
        client.close()
    assert set(threading.enumerate()) <= before
    with serve(public, port=port) as again:
        assert again.port == port


def test_wait_ends_when_the_server_is_closed(public: Path) -> None:
    """Whoever waits for the server goes on when another thread closes it."""
    server = serve(public)
    waiter = threading.Thread(target=server.wait)
    waiter.start()
    server.close()
    waiter.join(timeout=10)

    assert not waiter.is_alive()
