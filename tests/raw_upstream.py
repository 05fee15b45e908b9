"""A scripted upstream on a raw socket: it says byte for byte what a test wants, and remembers what it was asked.

Routes are bytes (sent as they are), a callable that is handed the `Exchange`, or a list of those, played in turn
with the last one repeating. It listens on a loopback address that the test allows (127.0.0.2 by default), so that
127.0.0.1 stays forbidden ground on which a second `Upstream` counts connections.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

Script = bytes | Callable[["Exchange"], None]
Route = Script | Sequence[Script]

_REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 429: "Too Many Requests"}


def reply(status: int = 200, body: bytes | None = None, **headers: str | bytes) -> bytes:
    """Build one response; `content_type="x"` becomes `Content-Type: x`; Content-Length is added for a body."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Whatever')}".encode()]
    for name, value in headers.items():
        raw = value if isinstance(value, bytes) else value.encode("utf-8")
        lines.append(name.replace("_", "-").title().encode() + b": " + raw)
    if body is not None or status not in (204, 304):
        lines.append(b"Content-Length: %d" % len(body or b""))
    return b"\r\n".join([*lines, b"", body or b""])


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came over the wire."""

    raw: bytes  #: the head, without the blank line
    at: float  #: monotonic seconds at which the head was complete
    connection: int  #: 1 for the first connection accepted

    @property
    def target(self) -> bytes:
        """Return what stands between method and version."""
        return self.raw.split(b"\r\n", 1)[0].split(b" ")[1]

    def all(self, name: str) -> list[bytes]:
        """Return every value of one header, untouched but for outer blanks."""
        wanted = name.lower().encode()
        pairs = (line.partition(b":") for line in self.raw.split(b"\r\n")[1:])
        return [value.strip(b" \t") for key, _, value in pairs if key.lower() == wanted]

    def header(self, name: str) -> bytes | None:
        """Return the first value of one header, or None."""
        values = self.all(name)
        return values[0] if values else None


@dataclass(kw_only=True)
class Exchange:
    """What a scripted route may do with one connection after one request."""

    asked: Asked
    socket: socket.socket
    upstream: Upstream
    open: bool = True
    waiting: bool = True  #: for the first byte
    sent: int = 0  #: bytes handed to the kernel before the client went away

    def send(self, data: bytes) -> None:
        """Send bytes; a client that has gone away ends the exchange quietly."""
        self.upstream.begin_answer(self)
        try:
            self.socket.sendall(data)
            self.sent += len(data)
        except OSError:
            self.open = False

    def drip(self, data: bytes, *, every: float) -> None:
        """Send one byte at a time until the client leaves or the server stops."""
        for index in range(len(data)):
            if not self.open or self.upstream.stopping.wait(every):
                break
            self.send(data[index : index + 1])

    def pour(self, chunk: bytes) -> None:
        """Send the same chunk for ever, until the client leaves or the server stops."""
        while self.open and not self.upstream.stopping.is_set():
            self.send(chunk)

    def stall(self, *, longest: float = 10) -> None:
        """Say nothing until the server stops."""
        self.upstream.stopping.wait(longest)

    def close(self) -> None:
        """Close the connection in an orderly way."""
        self.open = False

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open = False


def closing(data: bytes) -> Callable[[Exchange], None]:
    """Send bytes, then close the connection."""

    def script(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.close()

    return script


@dataclass(kw_only=True)
class Upstream:
    """A server in threads, one per connection; use it as a context manager."""

    routes: Mapping[str, Route] = field(default_factory=dict)  #: by target; "*" stands for every other one
    host: str = "127.0.0.2"
    port: int = 0  #: 0 takes a free one
    tls: ssl.SSLContext | None = None
    greeting: bytes = b""  #: said at once to whoever connects, who is then hung up on
    asked: list[Asked] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0
    busiest: int = 0  #: most requests that waited for their first byte at one moment
    stopping: threading.Event = field(default_factory=threading.Event)
    _busy: int = 0
    _played: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Listen on a free port."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen(128)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Stop, close everything and wait for the threads."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets, threads = list(self._sockets), list(self._threads)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=10)

    def address(self, target: str = "/feed", *, host: str | None = None) -> str:
        """Return the address of a target on this server, optionally under another spelling of its host."""
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{name}:{self.port}{target}"

    def begin_answer(self, exchange: Exchange) -> None:
        """Note that a request waits no longer; before its first byte, since the client may go on as soon as it has it."""
        with self._lock:
            self._busy -= exchange.waiting
            exchange.waiting = False

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._sockets.append(connection)
            self._start(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.greeting:
                connection.sendall(self.greeting)
                return
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._sockets.append(connection)
            while (asked := self._read(connection, number)) and self._answer(asked, connection):
                pass
        except OSError:
            return
        finally:
            connection.close()

    def _read(self, connection: socket.socket, number: int) -> Asked | None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return None
            head += data
        return Asked(raw=head.partition(b"\r\n\r\n")[0], at=time.monotonic(), connection=number)

    def _answer(self, asked: Asked, connection: socket.socket) -> bool:
        exchange = Exchange(asked=asked, socket=connection, upstream=self)
        script = self._script(asked, exchange)
        try:
            if isinstance(script, bytes):
                exchange.send(script)
            else:
                script(exchange)
        finally:
            self.begin_answer(exchange)
        return exchange.open and not self.stopping.is_set()

    def _script(self, asked: Asked, exchange: Exchange) -> Script:
        target = asked.target.decode("latin-1")
        with self._lock:
            self.asked.append(asked)
            self.exchanges.append(exchange)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            name = target if target in self.routes else "*"
            turn = self._played[name] = self._played.get(name, -1) + 1
        route = self.routes.get(name, reply(404))
        if isinstance(route, bytes) or callable(route):
            return route
        return route[min(turn, len(route) - 1)]
