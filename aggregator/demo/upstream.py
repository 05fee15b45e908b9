"""The demo's upstream: ten sources, their pictures and their pages on a loopback address.

In: the instant that stands for "now" in the feeds. Out: HTTP answers as a well-behaved server gives them: validators,
304 (RFC 9110 §15.4.5), gzip when asked, one 503 and one 301. It never listens beyond loopback and never reads a clock
for what it serves.
"""

from __future__ import annotations

import gzip
import html
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from aggregator.demo.feeds import FAILING_PATH, FEEDS, MOVED_PATH, MOVED_TO, render_feed
from aggregator.demo.media import draw_png, draw_svg, play_wav

_HOST = "127.0.0.1"
_RETRY_AFTER_SECONDS = 600
_MEDIA: dict[str, tuple[Callable[[str], bytes], str]] = {
    "/pictures/*.png": (draw_png, "image/png"),
    "/icons/*.svg": (draw_svg, "image/svg+xml"),
    "/sounds/*.wav": (play_wav, "audio/wav"),
}
_PAGE = re.compile(r"/[a-z0-9/._-]+")
_SMALL = 200  #: bytes under which gzip gains nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one path answers, before the request's conditions are looked at."""

    status: HTTPStatus
    body: bytes
    type: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def etag(self) -> str:
        """Return a weak tag: the same one stands for the plain and the gzipped form (RFC 9110 §8.8.1)."""
        return f'W/"{sha256(self.body).hexdigest()[:16]}"'


def make_answers(*, here: str, base: datetime) -> dict[str, Answer]:
    """Make the feeds' answers by path."""
    answers = {
        feed.path: Answer(status=HTTPStatus.OK, body=render_feed(feed, here=here, base=base), type=feed.type) for feed in FEEDS
    }
    answers[FAILING_PATH] = Answer(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        body=b"The attic is being tidied. Come back in ten minutes.\n",
        type="text/plain; charset=utf-8",
        headers=(("Retry-After", str(_RETRY_AFTER_SECONDS)),),
    )
    answers[MOVED_PATH] = Answer(
        status=HTTPStatus.MOVED_PERMANENTLY,
        body=b"This feed has moved.\n",
        type="text/plain; charset=utf-8",
        headers=(("Location", MOVED_TO),),
    )
    return answers


def make_other(path: str) -> Answer:
    """Draw a picture, play a chime, or stand in for the page of an entry."""
    for pattern, (make, type_) in _MEDIA.items():
        if PurePosixPath(path).match(pattern):
            name = path.rpartition("/")[2]
            return Answer(status=HTTPStatus.OK, body=make(name), type=type_)
    if _PAGE.fullmatch(path) is None:
        return Answer(status=HTTPStatus.NOT_FOUND, body=b"Nothing here.\n", type="text/plain; charset=utf-8")
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>An original page of the demo</title>'
        f"<p>This page stands for the original at <code>{html.escape(path)}</code>. "
        "The demo's upstream invents its news, and has no more of it than the feeds tell.</p></html>\n"
    )
    return Answer(status=HTTPStatus.OK, body=body.encode(), type="text/html; charset=utf-8")


def is_known(*, tags: str | None, since: str | None, etag: str, modified: datetime) -> bool:
    """Tell whether the caller has it already (RFC 9110 §13.2.2).

    `tags` is If-None-Match, and decides; `since` is If-Modified-Since, and counts only without tags.
    """
    if tags is not None:
        wanted = etag.removeprefix("W/")
        return tags.strip() == "*" or wanted in {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    if since is None:
        return False
    try:
        return parsedate_to_datetime(since) >= modified
    except (TypeError, ValueError):
        return False  # "a recipient MUST ignore [it] if the received field value is not a valid HTTP-date" (§13.1.3)


class Upstream:
    """A server in a thread of its own; a context manager.

    Attributes:
        address: `http://127.0.0.1:PORT`, without a slash at the end.
    """

    def __init__(self, *, base: datetime) -> None:
        """Bind a free port and begin to serve; `base` is the newest date the feeds may carry."""
        self._server = _Server((_HOST, 0), _Handler)
        self.address = f"http://{_HOST}:{self._server.server_address[1]}"
        self._server.base = base.replace(microsecond=0)
        self._server.answers = make_answers(here=self.address, base=base)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="demo-upstream", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        """Return itself; it serves already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # an idle kept-alive connection must not hold up the end
    answers: dict[str, Answer]
    base: datetime

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a caller hangs up, as a killed run does."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer with a body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer as GET would, without the body."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        """Say nothing: the demo's terminal belongs to the sync."""

    def _answer(self, *, with_body: bool) -> None:
        path = urlsplit(self.path).path
        answer = self.server.answers.get(path) or make_other(path)
        ok = answer.status is HTTPStatus.OK
        if ok and self._is_known(answer):
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self._send_validators(answer)
            self.end_headers()
            return
        body = answer.body
        zipped = self._wants_gzip() and len(body) > _SMALL and not answer.type.startswith(("image/png", "audio/"))
        if zipped:
            body = gzip.compress(body, mtime=0)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        if ok:
            self._send_validators(answer)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _is_known(self, answer: Answer) -> bool:
        tags, since = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        return is_known(tags=tags, since=since, etag=answer.etag, modified=self.server.base)

    def _send_validators(self, answer: Answer) -> None:
        self.send_header("ETag", answer.etag)
        self.send_header("Last-Modified", format_datetime(self.server.base, usegmt=True))
        self.send_header("Vary", "Accept-Encoding")

    def _wants_gzip(self) -> bool:
        return "gzip" in self.headers.get("Accept-Encoding", "").lower()
