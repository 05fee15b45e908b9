"""One request and its answer, as ASGI has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from urllib.parse import quote

from starlette.types import Scope, Send

from aggregator.serve.access import Access
from aggregator.serve.kept import SAFE, Header

#: Bytes that are handed on at once, so that no slow reader makes us hold a whole feed for it.
PIECE = 64 * 1024
ENDED: Header = (b"connection", b"close")
ASK_EACH_TIME: Header = (b"cache-control", b"no-cache")
NOT_KEPT: Header = (b"cache-control", b"no-store")
_TEXT: tuple[Header, ...] = (
    (b"content-type", b"text/plain; charset=utf-8"),
    *SAFE,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)
_LONGEST_WORD = 200


#: Status, headers and body of an answer.
Whole = tuple[int, list[Header], bytes]


def in_words(status: int, words: str, headers: Iterable[Header] = ()) -> Whole:
    """Return an answer in a few words."""
    body = (f"{words}\n" if status == 200 else f"{status} {words}\n").encode()  # noqa: PLR2004 - all is well
    return status, [*_TEXT, (b"content-length", b"%d" % len(body)), *headers], body


def missing() -> Whole:
    """Return what says that there is nothing."""
    return in_words(404, "there is no such feed or page; / lists those that there are", [ASK_EACH_TIME])


def removed() -> Whole:
    """Return what says that there was a feed, and that it will not come back (RFC 9110 §15.5.11)."""
    return in_words(410, "this feed is no more; / lists those that there are", [ASK_EACH_TIME])


class Exchange:
    """One request and its answer."""

    __slots__ = ("_answers", "asked", "method", "parts", "query", "sent", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        """Take the request."""
        asked: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            asked[name] = value if name not in asked else asked[name] + b", " + value  # RFC 9110 §5.3
        self.asked = asked
        self.method: str = scope["method"]
        self.query: bytes = scope["query_string"]
        self.parts: tuple[str, ...] = ()  #: of the path, behind a secret one; () as long as they are not known
        self.status = 0  #: of the answer; 0: none was begun
        self.sent = 0  #: bytes of the body
        self._answers = send

    def header(self, name: bytes) -> str:
        """Return what a header says, all of its lines in one; empty if it is not there."""
        value = self.asked.get(name)
        return "" if value is None else value.decode("latin-1")

    async def begin(self, status: int, headers: list[Header], body: bytes) -> None:
        """Send an answer. Who asks by HEAD gets no body; who sent one, which nobody reads, no second answer."""
        self.status = status
        if b"transfer-encoding" in self.asked or self.asked.get(b"content-length", b"0") != b"0":
            headers = [*headers, ENDED]
        await self._answers({"type": "http.response.start", "status": status, "headers": headers})
        if self.method == "HEAD":
            body = b""
        elif len(body) > PIECE:
            body = await self._send_pieces(body)
        self.sent += len(body)
        await self._answers({"type": "http.response.body", "body": body})

    async def _send_pieces(self, body: bytes) -> bytes:
        """Send all but the end, which is returned."""
        while len(body) - self.sent > PIECE:
            piece = body[self.sent : self.sent + PIECE]
            await self._answers({"type": "http.response.body", "body": piece, "more_body": True})
            self.sent += PIECE
            await asyncio.sleep(0)  # others have their turn, and that the client has left comes to be known
        return body[self.sent :]

    async def text(self, status: int, words: str, headers: Iterable[Header] = ()) -> None:
        """Send a few words."""
        await self.begin(*in_words(status, words, headers))

    def access(self, began: float) -> Access:
        """Return what a log is told; `began` is on the monotonic clock."""
        return Access(
            method=self.method[:20],
            path=("/" + quote("/".join(self.parts), safe="/"))[:_LONGEST_WORD],
            status=self.status,
            sent=self.sent,
            elapsed_ms=round((time.monotonic() - began) * 1000, 1),
            agent=self.header(b"user-agent")[:_LONGEST_WORD],
        )
