"""The public folder -> a small HTTP server for one machine: the feeds, their list, and a page at `/` that names them.

Meant for `demo` and for looking at one's own feeds: 127.0.0.1 unless told otherwise, no configuration, no log. It answers
only for feeds (`.atom`, `.rss`, `.json`), `.opml` and `.css` files inside the folder, never for anything hidden or linked from
elsewhere, never lists a directory, never writes. Where a feed lay before its category was renamed, it answers 301. A feed that
a browser opens as a page has the same bytes under a type that browsers show.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote_to_bytes

from aggregator.errors import AggregatorError
from aggregator.serve.links import feed_links
from aggregator.serve.page import INDEX_POLICY, render_index
from aggregator.serve.tree import Document, PublicTree

#: Seconds that a client may keep silent.
_PATIENCE = 10.0
_INDEX_TYPE = "text/html; charset=utf-8"
#: A feed opened in a browser must not act, whatever an upstream put into it; all that it may load is its own stylesheet.
_FEED_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
_ALLOWED = "GET, HEAD"
#: In what a browser is asked to put the answer: `document` is a page that a person goes to (Fetch Metadata §2.1).
_ASKED_AS = "Sec-Fetch-Dest"


class Server:
    """A running server; a context manager that closes it."""

    def __init__(self, http: _Http) -> None:
        """Start answering in a thread of its own."""
        self._http = http
        self._thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="serve")
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port that was bound, also when 0 was asked for."""
        port: int = self._http.server_address[1]
        return port

    @property
    def url(self) -> str:
        """Return the address of the index page; of a socket in the file system, its path."""
        if isinstance(self._http.server_address, str):
            return f"unix:{self._http.server_address}"
        host = str(self._http.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def wait(self) -> None:
        """Block until another thread closes the server, or the user interrupts."""
        self._thread.join()

    def close(self) -> None:
        """Stop listening, hang up on whoever is connected, end every thread; a second call does nothing."""
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def serve(public: Path, *, host: str = "127.0.0.1", port: int = 0, patience: float = _PATIENCE) -> Server:
    """Serve the folder until closed; port 0 takes a free one, `patience` is how many seconds a client may keep silent.

    Raises: AggregatorError if the address cannot be listened at.
    """
    try:
        return Server(_Http(PublicTree(public), (host, port), patience))
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise AggregatorError(f"cannot listen at {host} port {port}: {reason}. Choose another address or port.") from error


def serve_at_path(public: Path, path: Path, *, patience: float = _PATIENCE) -> Server:
    """Serve the folder at a socket in the file system, until closed. A socket that nobody listens at any more is replaced.

    Raises: AggregatorError if that cannot be.
    """
    try:
        _clear(path)
        return Server(_Http(PublicTree(public), str(path), patience))
    except OSError as error:
        reason = error.strerror or str(error)
        raise AggregatorError(f"cannot listen at {path}: {reason}. Choose another path.") from error


def _clear(path: Path) -> None:
    """Remove a socket that was left behind; raises OSError for anything else that is there."""
    if not path.is_socket():
        return  # what else lies there, binding finds out
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as attempt:
        try:
            attempt.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)


class _Http(ThreadingHTTPServer):
    """The listener; knows its connections, so that closing does not wait for clients."""

    daemon_threads = False  # they are joined on closing, after their connections were cut
    request_queue_size = 128

    def __init__(self, tree: PublicTree, place: tuple[str, int] | str, patience: float) -> None:
        self.tree = tree
        self.patience = patience
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        if isinstance(place, str):
            self.address_family = socket.AF_UNIX
            self.allow_reuse_port = False
        elif ":" in place[0]:
            self.address_family = socket.AF_INET6
        address: Any = place  # a path is the address of AF_UNIX, which the base class is not told of
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the base class's reverse look-up of the host's name, which can stall offline."""
        TCPServer.server_bind(self)
        if not isinstance(self.server_address, str):
            self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def server_close(self) -> None:
        """Close, and leave no socket behind."""
        super().server_close()
        if isinstance(self.server_address, str):
            Path(self.server_address).unlink(missing_ok=True)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then hand it to a thread."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End every conversation, so that its thread wakes up and ends."""
        with self._lock:
            for connection in self._connections:
                _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that leaves in the middle is no news."""


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the client was faster
        return


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: _Http
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # 0.9 would answer broken requests without status and headers
    server_version = "feed-aggregator"
    sys_version = ""
    disable_nagle_algorithm = True  # head and body go out apart: the second would wait for the client's late ACK, 40 ms

    def setup(self) -> None:
        """Bound every wait for this client."""
        super().setup()
        self.connection.settimeout(self.server.patience)

    def do_GET(self) -> None:
        """Answer with a document, or 304 if the client has it already."""
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # what follows is a body, not the next request
        moved = self._moved()
        if moved is not None:
            self._send_elsewhere(moved)
            return
        document, policy = self._find()
        if document is not None and document.page_type is not None and self.headers.get(_ASKED_AS) == "document":
            document = replace(document, type=document.page_type)
        if document is None:
            self.send_error(HTTPStatus.NOT_FOUND, "there is no such feed; / lists those that there are")
        elif self._is_current(document):
            self._send_head(HTTPStatus.NOT_MODIFIED, document, policy)
        else:
            self._send_head(HTTPStatus.OK, document, policy)
            if self.command != "HEAD":
                self.wfile.write(document.content)

    do_HEAD = do_GET  # noqa: N815 - the base class's names

    def _refuse(self) -> None:
        """Answer any other known method with 405 and the methods that work (RFC 9110 §15.5.6)."""
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, f"only {_ALLOWED}")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error as plain text and hang up, since an unread body may follow."""
        del explain
        text = message or HTTPStatus(code).phrase
        body = f"{int(code)} {text if text.isprintable() else ascii(text)}\n".encode("utf-8", "replace")
        self.close_connection = True
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", _ALLOWED)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def end_headers(self) -> None:
        """Add what every answer carries: nothing is to be guessed, framed or told to third parties."""
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _moved(self) -> str | None:
        path = _decoded_path(self.path)
        return self.server.tree.moved(path) if path else None

    def _send_elsewhere(self, path: str) -> None:
        """Say that the feed has another address for good (RFC 9110 §15.4.2)."""
        address = "/" + quote(path, safe="/")
        body = f"{HTTPStatus.MOVED_PERMANENTLY.value} the feed is at {address} now\n".encode()
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", address)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        # A category may get its old name back: who had kept both answers would go in circles.
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _find(self) -> tuple[Document | None, str]:
        path = _decoded_path(self.path)
        if path == ():
            content = render_index(self.server.tree.feeds(), self.server.tree.lists())
            return Document(content=content, type=_INDEX_TYPE, modified=None), INDEX_POLICY
        return (self.server.tree.read(path) if path else None), _FEED_POLICY

    def _is_current(self, document: Document) -> bool:
        """Tell whether the client's copy is this one; the tag beats the date (RFC 9110 §13.2.2)."""
        tags = self.headers.get_all("If-None-Match")
        if tags is not None:
            asked = {tag.strip().removeprefix("W/") for line in tags for tag in line.split(",")}
            return "*" in asked or _etag(document) in asked
        since = self.headers.get("If-Modified-Since")
        if since is None or document.modified is None:
            return False
        try:
            return document.modified <= int(parsedate_to_datetime(since).timestamp())
        except (ValueError, OverflowError):
            return False  # an invalid date is ignored (RFC 9110 §13.1.3)

    def _send_head(self, status: HTTPStatus, document: Document, policy: str) -> None:
        self.send_response(status)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", document.type)
            self.send_header("Content-Length", str(len(document.content)))
        self.send_header("ETag", _etag(document))
        self.send_header("Cache-Control", "no-cache")  # keep it, but ask: a 304 costs nothing here
        if document.page_type is not None:
            self.send_header("Vary", _ASKED_AS)
        if document.modified is not None:
            self.send_header("Last-Modified", formatdate(document.modified, usegmt=True))
        self.send_header("Content-Security-Policy", policy)
        for link in feed_links(document.content) if document.type != _INDEX_TYPE else ():
            self.send_header("Link", link)
        self.end_headers()


def _etag(document: Document) -> str:
    """Return a strong tag over the bytes: it survives a rebuild that changes nothing (RFC 9110 §8.8.3).

    The same bytes under another type are another representation, which has a tag of its own (§8.8.3.3).
    """
    mark = "-page" if document.type == document.page_type else ""
    return f'"{sha256(document.content).hexdigest()[:32]}{mark}"'


def _decoded_path(target: str) -> tuple[str, ...] | None:
    """Return the parts of a request target, `()` for the index, None for what can name no file of ours.

    Each part is decoded once and for itself, so that an encoded slash never separates.
    """
    path = target.partition("?")[0].partition("#")[0]
    if path.lower().startswith(("http://", "https://")):  # absolute form (RFC 9112 §3.2.2)
        path = "/" + path.split("/", 3)[3] if path.count("/") >= 3 else "/"  # noqa: PLR2004 - scheme, "", host, path
    if not path.startswith("/"):
        return None
    if path == "/":
        return ()
    try:
        return tuple(unquote_to_bytes(part).decode("utf-8") for part in path[1:].split("/"))
    except UnicodeDecodeError:
        return None
