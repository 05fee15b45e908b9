"""The public folder and a site -> a server, in a thread of its own: Starlette's application on uvicorn.

127.0.0.1 unless told otherwise, no configuration, no signals, no log unless one is given. The address is bound before anything
else begins, so that what is wrong with it is told in words, and to whoever asked.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

import h11
import uvicorn

from aggregator.errors import AggregatorError
from aggregator.serve.access import Access
from aggregator.serve.app import Application
from aggregator.serve.connection import Connection
from aggregator.serve.page import FeedsSite
from aggregator.serve.site import Site
from aggregator.serve.tree import PublicTree

#: Seconds that a client may take for the head of a request.
_PATIENCE = 10.0
_KEPT_ALIVE = 15  #: seconds that a connection may rest between two requests
_LONGEST_HEAD = 16 * 1024  #: bytes
_BACKLOG = 512
_LAST_PORT = 65535
_MOST_CONNECTIONS = 1000
_READERS = 2  #: threads that read files
_MAKERS = 4  #: threads that make pages
_LAST_WORDS = 0.5  #: seconds that answers get which are on their way when the server ends
_AN_END = 1.5  #: seconds after which a thread that still works is not waited for

Log = Callable[[Access], None]
Tell = Callable[[str, BaseException | None], None]


class Options(TypedDict, total=False):
    """What a server may be given besides a folder and an address."""

    site: Site | None  #: its pages; None: one that names the feeds
    patience: float  #: seconds that a client may take to ask
    secret: str | None  #: the first part of every address
    log: Log | None  #: takes each request
    tell: Tell | None  #: hears what went wrong


class Server:
    """A running server; a context manager that closes it."""

    def __init__(self, listening: socket.socket, public: Path, options: Options) -> None:
        """Start answering at a socket that is bound, in a thread of its own."""
        self._socket_path = str(listening.getsockname()) if listening.family == socket.AF_UNIX else None
        self._address: Any = listening.getsockname()
        self._started: Future[None] = Future()
        self._threads = (ThreadPoolExecutor(_READERS, "serve-files"), ThreadPoolExecutor(_MAKERS, "serve-pages"))
        self._application = Application(
            PublicTree(public),
            options.get("site") or FeedsSite(PublicTree(public)),
            readers=self._threads[0],
            makers=self._threads[1],
            secret=options.get("secret"),
            log=options.get("log"),
            tell=(tell := options.get("tell")),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._uvicorn = _Uvicorn(self._application, options.get("patience", _PATIENCE))
        self._tell = tell
        self._thread = Thread(target=self._run, args=(listening,), daemon=True, name="serve")
        self._thread.start()
        self._started.result()

    @property
    def port(self) -> int:
        """Return the port that was bound, also when 0 was asked for."""
        port: int = self._address[1]
        return port

    @property
    def url(self) -> str:
        """Return the address of the index page, without a secret; of a socket in the file system, its path."""
        if self._socket_path is not None:
            return f"unix:{self._socket_path}"
        host = str(self._address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @property
    def tally(self) -> Mapping[str, int]:
        """Return how many requests were answered, by the class of their status: 2xx, 3xx, 4xx, 5xx."""
        return self._application.tally

    def show(self, site: Site) -> None:
        """Answer with another site from now on."""
        self._application.site = site

    def wait(self) -> None:
        """Block until another thread closes the server, or the user interrupts."""
        self._thread.join()

    def close(self) -> None:
        """Stop listening, hang up on whoever is connected, end every thread; a second call does nothing."""
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # it has ended by itself just now
                self._loop.call_soon_threadsafe(self._uvicorn.ending.set)
        self._thread.join()
        if self._socket_path is not None:
            Path(self._socket_path).unlink(missing_ok=True)
        for pool in self._threads:
            pool.shutdown(wait=False, cancel_futures=True)
        waiting = Thread(target=self._await_threads, daemon=True)  # a disk that hangs is not waited for
        waiting.start()
        waiting.join(_AN_END)

    def _await_threads(self) -> None:
        for pool in self._threads:
            pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self, listening: socket.socket) -> None:
        try:
            with listening:
                asyncio.run(self._serve(listening))
        except BaseException as error:  # noqa: BLE001 - whoever started us raises it
            if self._started.done():
                if self._tell is not None:
                    self._tell(f"the server has ended: {type(error).__name__}: {error}", error)
            else:
                self._started.set_exception(error)

    async def _serve(self, listening: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._heard)
        await self._uvicorn.serve([listening], self._started)

    def _heard(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of what went wrong outside of any request; a client that leaves in the middle is no news."""
        error = context.get("exception")
        if self._tell is not None and error is not None and not isinstance(error, OSError):
            self._tell(f"internal error, a bug of aggregator: {type(error).__name__}: {error}", error)


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, that ends when it is told to and not a moment later."""

    def __init__(self, application: Application, patience: float) -> None:
        # What uvicorn would say of clients is no news, and its log is not ours.
        for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        kind = type("Connection", (Connection,), {"patience": patience, "most": _room()})
        super().__init__(
            uvicorn.Config(
                application,
                http=kind,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=[("server", "feed-aggregator")],
                timeout_keep_alive=_KEPT_ALIVE,
                h11_max_incomplete_event_size=_LONGEST_HEAD,
                backlog=_BACKLOG,
            )
        )
        self._look_every = min(1.0, patience / 4)
        self._begun: Future[None] | None = None
        self.ending = asyncio.Event()

    async def serve(self, sockets: list[socket.socket] | None = None, begun: Future[None] | None = None) -> None:
        """Serve until `ending` is set; `begun` is done once it answers."""
        self._begun = begun
        await super().serve(sockets)

    async def main_loop(self) -> None:
        """Keep the date of answers right, and hang up on clients that keep us waiting."""
        await self.on_tick(0)
        if self._begun is not None:
            self._begun.set_result(None)
        told = asyncio.get_running_loop().time()
        while not self.ending.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), self._look_every)
            now = asyncio.get_running_loop().time()
            if now - told >= 1:
                await self.on_tick(0)
                told = now
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection) and connection.overdue(now):
                    connection.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers that are on their way come to their end if that is soon, and hang up."""
        del sockets  # whoever bound them closes them
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            with suppress(h11.LocalProtocolError):  # it is at an end already
                connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_LAST_WORDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in self.server_state.tasks:
            task.cancel()
        await asyncio.sleep(0)  # what was hung up on is told so


def _room() -> int:
    """Return how many connections there may be at once: half of the files that this process may open, at most."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, max(16, soft // 2))


def serve(public: Path, *, host: str = "127.0.0.1", port: int = 0, **options: Unpack[Options]) -> Server:
    """Serve the folder, and the site's pages, until closed; port 0 takes a free one.

    Raises: AggregatorError if the address cannot be listened at.
    """
    try:
        return Server(_bound(host, port), public, options)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AggregatorError(f"cannot listen at {host} port {port}: {reason}. Choose another address or port.") from error


def serve_at_path(public: Path, path: Path, **options: Unpack[Options]) -> Server:
    """Serve as `serve` does, at a socket in the file system. One that nobody listens at any more is replaced.

    Raises: AggregatorError if that cannot be.
    """
    try:
        _clear(path)
        return Server(_bound_at(path), public, options)
    except OSError as error:
        reason = error.strerror or str(error)
        raise AggregatorError(f"cannot listen at {path}: {reason}. Choose another path.") from error


def _bound(host: str, port: int) -> socket.socket:
    if port > _LAST_PORT:  # looking it up would take another one for it
        raise OverflowError(f"ports end at {_LAST_PORT}")
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    # With its protocol named, or asyncio leaves Nagle's algorithm on, and the body waits 40 ms for the client's late ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _bound_at(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _clear(path: Path) -> None:
    """Remove a socket that was left behind; raises OSError for anything else that is there."""
    if not path.is_socket():
        return  # what else lies there, binding finds out
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
        try:
            attempt.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
