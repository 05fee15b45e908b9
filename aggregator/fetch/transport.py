"""One request -> one response: httpx over aiohttp's connections, with addresses and headers sent as they are written.

The stock transport re-quotes addresses, calls most failures a connect timeout, and lets aiohttp ask twice when a server
hangs up. This one sends bytes, raises `Fault` with a cause that can be read, and repeats a request only if it
went out on a kept connection that the server had already closed (RFC 9112 §9.3.1). It follows no redirect, keeps no
cookie, inflates nothing and reads nothing from the environment.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Any, cast

import httpx
import yarl

from aggregator.fetch.explain import explain
from aggregator.fetch.guard import DIAL, Dial, Guard
from aggregator.fetch.lean_aiohttp import (
    AbstractResolver,
    AiohttpTransport,
    Connection,
    ConnectionKey,
    ResponseHandler,
    aiohttp,
)
from aggregator.fetch.tls import Tls

#: A kept connection is used again for this long. Node, and so RSSHub, closes idle ones after 5 s.
_KEEP_SECONDS = 4.0
#: So many hosts' connections are kept at most: polls of ten thousand hosts may come faster than that time closes theirs, and a
#: process may often open no more than 1,024 files.
_MOST_KEPT = 128
# httpx writes a line for each request, with the address that it believes to ask (see `exchange`): of no use to anyone.
logging.getLogger("httpx").setLevel(logging.WARNING)

_HEAD_END = b"\r\n\r\n"
#: Longest status line and header field that is read, and how many fields. aiohttp's own limits (8,190 and 128) are met by
#: honest sites with a long Content-Security-Policy.
_LONGEST_FIELD = 32 * 1024
_MOST_FIELDS = 256


class Transport(AiohttpTransport):
    """Sends requests that carry `target` (yarl.URL, as encoded) and `dial` among their extensions, and `content` if they do."""

    def __init__(self, session: aiohttp.ClientSession, tls: Tls, proxy: str | None) -> None:
        # A context of its own keeps the base class from loading roots; the session decides about TLS.
        super().__init__(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, client=session)
        self._session = session
        self._tls = tls
        self._proxy = proxy

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its response, body unread.

        Raises:
            Fault: no response came back.
        """
        dial: Dial = request.extensions["dial"]
        token = DIAL.set(dial)
        try:
            answer = await self._send(request, dial)
        except (aiohttp.ClientError, OSError) as error:
            raise explain(error, dial, proxied=self._proxy is not None) from error
        finally:
            DIAL.reset(token)
        # httpx looks into Location even when it follows nothing, and fails on odd ones: it is kept from its sight.
        headers = [pair for pair in answer.raw_headers if pair[0].lower() != b"location"]
        location = [value for name, value in answer.raw_headers if name.lower() == b"location"]
        return httpx.Response(
            answer.status, headers=headers, stream=_Body(answer), request=request, extensions={"location": location}
        )

    async def _send(self, request: httpx.Request, dial: Dial) -> aiohttp.ClientResponse:
        target: yarl.URL = request.extensions["target"]
        # One character per byte, so that `_Request` can turn them back.
        headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw]
        verified = self._tls.context if target.scheme == "https" else True
        while True:
            dial.opened = 0
            try:
                return await self._session.request(
                    request.method,
                    target,
                    data=request.extensions.get("content"),
                    headers=headers,
                    allow_redirects=False,
                    ssl=verified,
                    proxy=self._proxy,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if dial.opened or dial.refused or isinstance(error, aiohttp.ClientConnectorError):
                    raise


class _NoCookies(httpx.Cookies):
    """A jar without a bottom."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Take nothing out of a response."""


class _ForgetfulClient(httpx.AsyncClient):
    """An httpx client that keeps no cookie; its own jar would parse every response to find that it may not."""

    _none = _NoCookies()

    @property
    def cookies(self) -> httpx.Cookies:
        """Return a jar that stays empty."""
        return self._none

    @cookies.setter
    def cookies(self, _cookies: object) -> None:
        raise AttributeError("this client keeps no cookies")


def open_client(transport: Transport) -> httpx.AsyncClient:
    """Return the client whose requests go out by this transport.

    It follows no redirect (`Exchange` does, one hop at a time) and sets no limit of time: one deadline stands around all hops.
    """
    return _ForgetfulClient(transport=transport, trust_env=False, timeout=None, follow_redirects=False)


class _Body(httpx.AsyncByteStream):
    """The body as it comes over the wire."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise explain(error, None) from error

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        self._answer.release()
        await self._answer.wait_for_close()


class _Request(aiohttp.ClientRequest):
    """A request whose head goes out byte for byte; aiohttp alone would write UTF-8 and drop an empty query."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the head, through `_ExactHead` where aiohttp would change it."""
        path = DIAL.get().path
        exact = self.url.raw_path_qs == path and all(value.isascii() for value in self.headers.values())
        protocol = conn.protocol
        if exact or protocol is None or protocol.transport is None:
            return await super().send(conn)
        genuine = protocol.transport
        protocol.transport = cast("asyncio.Transport", _ExactHead(protocol, genuine, path))
        try:
            return await super().send(conn)
        except BaseException:
            protocol.transport = genuine
            raise


class _ExactHead:
    """Stands before a transport until one request head is written, with what follows it at once, and puts its bytes right.

    A head that a body follows goes out with the body's first bytes, when `send` has returned already: so it steps aside itself.
    """

    def __init__(self, protocol: ResponseHandler, transport: asyncio.Transport, path: str) -> None:
        self._protocol = protocol
        self._transport = transport
        # An empty query is lost. A proxy is asked for the whole address (RFC 9112 §3.2.2), which ends in the same.
        self._written = f"{path.removesuffix('?')} HTTP/"
        self._meant = f"{path} HTTP/"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._protocol.transport = self._transport
        head, end, body = data.partition(_HEAD_END)
        line, blank, fields = head.decode("utf-8").partition("\r\n")
        exact = line.replace(self._written, self._meant) + blank + fields
        self._transport.write(exact.encode("latin-1") + end + body)

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))


class _Connection(ResponseHandler):
    """A connection that loses no response, and leaves no reader waiting, when the server breaks the protocol."""

    def data_received(self, data: bytes) -> None:
        """Take bytes from the wire.

        The head is read apart from what follows: a 304 that carries a body (against RFC 9110 §15.4.5) is still a 304.
        And a fault within a body, such as a bad chunk size, is told to the body's reader: aiohttp 3.14 tells it only to
        whoever waits for the next head, so the reader would sit there until its deadline.
        """
        at_head = self._payload is None or self._payload.is_eof()
        end = data.find(_HEAD_END) + len(_HEAD_END) if at_head and self._parser is not None else 0
        if len(_HEAD_END) <= end < len(data):
            super().data_received(data[:end])
            data = data[end:]
            if self.transport is None or self.transport.is_closing():
                return
        super().data_received(data)
        payload = self._payload
        if self._exception is not None and payload is not None and not payload.is_eof() and not payload.exception():
            payload.set_exception(aiohttp.ClientPayloadError("the body breaks the protocol"))


class _Connector(aiohttp.TCPConnector):
    """TCP connections of the class above."""

    def __init__(self, guard: Guard, resolver: AbstractResolver) -> None:
        super().__init__(
            socket_factory=guard,
            resolver=resolver,
            use_dns_cache=False,  # each connection goes by its own look-up, which the guard has just seen
            limit=0,  # the client counts; waiting here would count against a source
            keepalive_timeout=_KEEP_SECONDS,
        )
        self._factory = cast("partial[ResponseHandler]", partial(_Connection, loop=self._loop))

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        """Take a connection back, and close those of the host that was asked longest ago if too many are kept."""
        super()._release(key, protocol, should_close=should_close)
        if len(self._conns) > _MOST_KEPT:
            for idle, _ in self._conns.pop(next(iter(self._conns))):
                idle.close()


def open_session(guard: Guard, resolver: AbstractResolver, connect_seconds: float) -> aiohttp.ClientSession:
    """Return an aiohttp session that keeps no cookie, trusts no environment and asks once."""
    session = aiohttp.ClientSession(
        connector=_Connector(guard, resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        request_class=_Request,
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds),
        max_line_size=_LONGEST_FIELD,
        max_field_size=_LONGEST_FIELD,
        max_headers=_MOST_FIELDS,
    )
    session._retry_connection = False  # noqa: SLF001 - the only switch there is: one poll is one request
    return session
