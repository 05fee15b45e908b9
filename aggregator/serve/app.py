"""The application: a request -> the answer that HTTP's rules ask for (conduct P26-P30). ASGI, on Starlette.

What can be asked for is a short list: the files of the public folder that `tree` lets out, what the site answers, and how the
process is. Nothing is looked up by a path that a client made. No link or host in an answer comes from a request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from hmac import compare_digest
from typing import TypeVar
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from aggregator.serve.kept import SAFE, Header, Prepared, Shelf, codings
from aggregator.serve.links import feed_links
from aggregator.serve.negotiate import choose_coding, choose_languages, decoded_path, is_current
from aggregator.serve.site import Answer, Policy, Site
from aggregator.serve.tree import PublicTree

T = TypeVar("T")

_ALLOWED = "GET, HEAD"
_TEXT = "text/plain; charset=utf-8"
#: In what a browser is asked to put the answer: `document` is a page that a person goes to (Fetch Metadata §2.1).
_ASKED_AS = b"sec-fetch-dest"
_PIECE = 64 * 1024  #: bytes that are handed on at once, so that no slow reader makes us hold a whole feed for it
_FILES_BYTES = 32 * 1024 * 1024  #: that are kept of files, codings included
_PAGES_BYTES = 16 * 1024 * 1024  #: and of pages
_LONGEST_QUERY = 2048
_MOST_FIELDS = 8
_VERSION_EVERY = 1.0  #: seconds for which the site's version is believed
_RENDER_WITHIN = 20.0  #: seconds after which a page is given up
_ENDED = (b"connection", b"close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One request that was answered, for a log. It holds no query and no secret."""

    method: str
    path: str
    status: int
    sent: int  #: bytes of the body
    elapsed_ms: float
    agent: str  #: what the client calls itself


class Application:
    """All that one server answers."""

    def __init__(
        self,
        tree: PublicTree,
        site: Site,
        threads: Executor,
        *,
        secret: str | None = None,
        log: Callable[[Access], None] | None = None,
        tell: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        """Take what is served; `secret` is the first part of every address; `tell` hears of bugs."""
        self.tally = dict.fromkeys(("2xx", "3xx", "4xx", "5xx"), 0)
        self._tree = tree
        self._site = site
        self._threads = threads
        self._secret = None if secret is None else secret.encode()
        self._log = log
        self._tell = tell
        self._files: Shelf[tuple[tuple[str, ...], bool]] = Shelf(_FILES_BYTES)
        self._pages: Shelf[object] = Shelf(_PAGES_BYTES)
        self._version, self._version_at = "", float("-inf")
        self._cache_control: dict[int, bytes] = {}
        routes = [Route("/healthz", _Endpoint(self._healthz)), Route("/readyz", _Endpoint(self._readyz))]
        self._routed = Starlette(routes=routes)
        self._routed.router.redirect_slashes = False
        self._routed.router.default = self._anything

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.monotonic()
        exchange = Exchange(scope, send)
        scope["exchange"] = exchange
        try:
            await self._answer(scope, exchange, receive)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if self._tell is not None:
                self._tell(f"internal error, a bug of aggregator: {type(error).__name__}: {error}", error)
            if exchange.status:
                raise  # the answer has begun: only the end of the connection can say it now
            await exchange.text(500, "something is wrong here; it was told to whoever runs this")
        self.tally[f"{exchange.status // 100}xx"] += 1
        if self._log is not None:
            self._log(exchange.access(began))

    async def _answer(self, scope: Scope, exchange: Exchange, receive: Receive) -> None:
        if exchange.method not in {"GET", "HEAD"}:
            headers = [(b"allow", _ALLOWED.encode()), _ENDED]  # a body that nobody reads may follow
            await exchange.text(405, f"only {_ALLOWED}", headers)
            return
        parts = decoded_path(scope["raw_path"].decode("latin-1"))
        if parts is not None and self._secret is not None:
            parts = self._behind_secret(parts)
        if parts is None:
            await exchange.missing()
            return
        exchange.parts = parts
        scope["path"] = "/" + "/".join(parts)
        await self._routed(scope, receive, _unheard)

    def _behind_secret(self, parts: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the parts behind the secret one, None if that is not there. Takes as long for a near miss as for any."""
        said = parts[0].encode() if parts else b""
        if not compare_digest(said, self._secret or b"") or len(parts) == 1:
            return None
        return () if parts[1:] == ("",) else parts[1:]

    # -- what there is ----------------------------------------------------------------------------------------------

    async def _healthz(self, exchange: Exchange) -> None:
        await exchange.text(200, "ok", _NOT_KEPT)

    async def _readyz(self, exchange: Exchange) -> None:
        troubles = await self._in_thread(self._site.troubles)
        await exchange.text(503 if troubles else 200, "\n".join(troubles) or "ready", _NOT_KEPT)

    async def _anything(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Answer with a file, where it lay before, what the site has, or 404."""
        exchange: Exchange = scope["exchange"]
        parts = exchange.parts
        if self._tree.may_hold(parts):
            if (moved := self._tree.moved(parts)) is not None:
                await self._send_elsewhere(exchange, moved)
                return
            coding = choose_coding(exchange.header(b"accept-encoding"), codings())
            as_page = exchange.header(_ASKED_AS) == "document"
            prepared = await self._file(parts, coding, as_page=as_page)
            if prepared is not None:
                await self._send(exchange, prepared, coding, self._max_age_of(parts))
                return
        await self._page(exchange)

    async def _file(self, parts: tuple[str, ...], coding: str | None, *, as_page: bool) -> Prepared | None:
        stamp = self._tree.stamp(parts)
        if stamp is not None:
            prepared = self._files.take((parts, as_page), stamp)
            if prepared is not None and prepared.has(coding):
                return prepared
        return await self._in_thread(lambda: self._prepare_file(parts, coding, as_page))

    def _prepare_file(self, parts: tuple[str, ...], coding: str | None, as_page: bool) -> Prepared | None:  # noqa: FBT001
        stamp = self._tree.stamp(parts)  # before the bytes are read: what comes in between has another one
        prepared = None if stamp is None else self._files.take((parts, as_page), stamp)
        if prepared is None:
            document = self._tree.read(parts)
            if document is None:
                return None
            shown = document.page_type if as_page else None
            prepared = Prepared(
                document.content,
                shown or document.type,
                policy=Policy.FEED,
                mark="-page" if shown else "",
                vary="" if document.page_type is None else "Sec-Fetch-Dest",
                modified=document.modified,
                links=feed_links(document.content),
            )
        prepared.make(coding)
        if stamp is not None:
            self._files.put((parts, as_page), stamp, prepared)
        return prepared

    def _max_age_of(self, parts: tuple[str, ...]) -> int:
        return self._site.max_age(parts)

    async def _page(self, exchange: Exchange) -> None:
        query = _fields(exchange.query)
        offered = self._site.languages
        languages = choose_languages(exchange.header(b"accept-language"), query.get("lang", ""), offered)
        coding = choose_coding(exchange.header(b"accept-encoding"), codings())
        key = (exchange.parts, tuple(query.items()), languages)
        try:
            async with asyncio.timeout(_RENDER_WITHIN):
                found = await self._in_thread(lambda: self._prepare_page(key, query, languages, coding))
        except TimeoutError:
            await exchange.text(503, "this takes too long just now", [(b"retry-after", b"60"), *_NOT_KEPT])
            return
        if found is None:
            await exchange.missing()
        elif isinstance(found, str):
            await self._send_elsewhere(exchange, found)
        else:
            await self._send(exchange, found, coding, found.max_age)

    def _prepare_page(
        self,
        key: tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]],
        query: Mapping[str, str],
        languages: tuple[str, ...],
        coding: str | None,
    ) -> Prepared | str | None:
        version = self._version_now()
        prepared = self._pages.take(key, version)
        if prepared is None:
            answer = self._site.find(key[0], query, languages)
            if answer is None:
                return None
            if answer.location is not None:
                return answer.location
            prepared = _prepared(answer)
        prepared.make(coding)
        if version:
            self._pages.put(key, version, prepared)
        return prepared

    def _version_now(self) -> str:
        if (now := time.monotonic()) - self._version_at >= _VERSION_EVERY:
            self._version, self._version_at = self._site.version(), now
        return self._version

    # -- how it is sent ---------------------------------------------------------------------------------------------

    async def _send(self, exchange: Exchange, prepared: Prepared, coding: str | None, max_age: int) -> None:
        coding = prepared.choice(coding)
        control = self._cache_control.get(max_age)
        if control is None:
            self._cache_control[max_age] = control = _cache_control(max_age, is_private=self._secret is not None)
        headers = [*prepared.head(coding), (b"cache-control", control)]
        tags, since = exchange.headers(b"if-none-match"), exchange.header(b"if-modified-since") or None
        if prepared.status == 200 and is_current(prepared.etag(coding), prepared.modified, tags, since):  # noqa: PLR2004
            await exchange.begin(304, headers, None)
            return
        body = prepared.body(coding)
        headers += [(b"content-type", prepared.type.encode()), (b"content-length", b"%d" % len(body))]
        if coding is not None:
            headers.append((b"content-encoding", coding.encode()))
        await exchange.begin(prepared.status, headers, body)

    async def _send_elsewhere(self, exchange: Exchange, path: str) -> None:
        """Say that something has another address for good (RFC 9110 §15.4.2)."""
        address = "/" + quote(path, safe="/")
        if self._secret is not None:
            address = f"/{quote(self._secret)}{address}"
        # A category may get its old name back: who had kept both answers would go in circles.
        await exchange.text(301, f"it is at {address} now", [(b"location", address.encode()), _ASK_EACH_TIME])

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


_ASK_EACH_TIME: Header = (b"cache-control", b"no-cache")
_NOT_KEPT: list[Header] = [(b"cache-control", b"no-store")]


class Exchange:
    """One request and its answer."""

    __slots__ = ("_answers", "_headers", "_sent", "method", "parts", "query", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        """Take the request."""
        self._headers: list[Header] = scope["headers"]
        self._answers = send
        self._sent = 0
        self.method: str = scope["method"]
        self.query: bytes = scope["query_string"]
        self.parts: tuple[str, ...] = ()
        self.status = 0  #: of the answer; 0: none was begun

    def header(self, name: bytes) -> str:
        """Return what a header says, all of its lines in one (RFC 9110 §5.3)."""
        return ", ".join(self.headers(name))

    def headers(self, name: bytes) -> list[str]:
        """Return each line of a header."""
        return [value.decode("latin-1") for known, value in self._headers if known == name]

    async def begin(self, status: int, headers: list[Header], body: bytes | None) -> None:
        """Send an answer; None: it has no body and no length of one."""
        self.status = status
        if self._has_body():
            headers = [*headers, _ENDED]  # what follows is a body, not the next request
        await self._answers({"type": "http.response.start", "status": status, "headers": headers})
        if body is None or self.method == "HEAD":
            body = b""
        view = memoryview(body)
        for start in range(0, len(body) - _PIECE, _PIECE):
            await self._answers({"type": "http.response.body", "body": bytes(view[start : start + _PIECE]), "more_body": True})
            self._sent += _PIECE
        rest = bytes(view[self._sent :]) if self._sent else body
        await self._answers({"type": "http.response.body", "body": rest})
        self._sent += len(rest)

    def _has_body(self) -> bool:
        length = self.header(b"content-length")
        return length not in {"", "0"} or bool(self.headers(b"transfer-encoding"))

    async def text(self, status: int, words: str, headers: Iterable[Header] = ()) -> None:
        """Send a few words."""
        body = f"{words}\n" if status == 200 else f"{status} {words}\n"  # noqa: PLR2004 - all is well
        own = [(b"content-type", _TEXT.encode()), (b"content-length", b"%d" % len(body.encode())), *SAFE, _TEXT_POLICY]
        await self.begin(status, [*own, *headers], body.encode())

    async def missing(self) -> None:
        """Say that there is nothing."""
        await self.text(404, "there is no such feed or page; / lists those that there are", [_ASK_EACH_TIME])

    def access(self, began: float) -> Access:
        """Return what a log is told."""
        agent = self.header(b"user-agent")[:200]
        path = "/" + quote("/".join(self.parts), safe="/")
        elapsed = (time.monotonic() - began) * 1000
        return Access(
            method=self.method[:20], path=path, status=self.status, sent=self._sent, elapsed_ms=round(elapsed, 1), agent=agent
        )


_TEXT_POLICY: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox")


async def _unheard(_message: Message) -> None:
    """Take what Starlette itself would say of an error: an exchange says that."""


class _Endpoint:
    """A fixed address; a class, so that Starlette hands the request through as it is."""

    def __init__(self, answer: Callable[[Exchange], Awaitable[None]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        await self._answer(scope["exchange"])


def _prepared(answer: Answer) -> Prepared:
    return Prepared(
        answer.content,
        answer.type,
        policy=answer.policy,
        vary="Accept-Language" if answer.by_language else "",
        status=answer.status,
        max_age=_FOR_EVER if answer.is_lasting else answer.max_age,
    )


_FOR_EVER = 365 * 24 * 3600


def _cache_control(max_age: int, *, is_private: bool) -> bytes:
    if max_age <= 0:
        return b"no-cache"  # keep it, but ask: a 304 costs nothing here
    words = [*(["private"] if is_private else []), f"max-age={max_age}", *(["immutable"] if max_age == _FOR_EVER else [])]
    return ", ".join(words).encode()


def _fields(query: bytes) -> dict[str, str]:
    """Return the fields of a query, the first of each name; what is too long or too much is left out."""
    if not query or len(query) > _LONGEST_QUERY:
        return {}
    try:
        found = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        return {}
    return dict(reversed(found))
