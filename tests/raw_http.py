"""HTTP over a bare socket: what is sent is what a test wrote, and what comes back is looked at byte by byte."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urljoin

PATIENCE = 60.0  #: seconds after which a test that waits gives up


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer."""

    status: int
    headers: tuple[tuple[str, str], ...]  #: names in lower case, in the order sent
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the only header of that name, or None."""
        found = [value for known, value in self.headers if known == name.lower()]
        assert len(found) < 2, f"{name} stands twice: {found}"
        return found[0] if found else None

    def leads_from(self, target: str) -> str | None:
        """Return the address that it leads to, as seen from the one asked for; None: it leads nowhere."""
        location = self.header("location")
        return None if location is None else urljoin(target, location)


def connect(port: int) -> socket.socket:
    """Return a connection to this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def everything(client: socket.socket) -> bytes:
    """Return what comes until the other side hangs up, kindly or not."""
    got = b""
    try:
        while piece := client.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


def raw(port: int, request: bytes) -> bytes:
    """Send bytes, say that this is all, and return what comes back."""
    with connect(port) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return everything(client)


def ask(port: int, target: str = "/feeds/all.atom", *lines: str, method: str = "GET", host: str = "x") -> Reply:
    """Ask once, with these header lines."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines]
    with connect(port) as client:
        client.sendall("\r\n".join([*head, "", ""]).encode("latin-1"))
        return parse(everything(client))


def parse(answer: bytes) -> Reply:
    """Return the answer that these bytes are; there must be no more than one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith("HTTP/1.1 "), first
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    if ("transfer-encoding", "chunked") in headers:
        body = _joined(body)
    reply = Reply(status=int(first.split(" ", 2)[1]), headers=headers, body=body)
    length = reply.header("content-length")
    assert length is None or not body or int(length) == len(body)
    return reply


def _joined(chunks: bytes) -> bytes:
    """Return the body that came in chunks (RFC 9112 §7.1)."""
    body = b""
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size, 16)
        body, chunks = body + chunks[:length], chunks[length + 2 :]
    return body
