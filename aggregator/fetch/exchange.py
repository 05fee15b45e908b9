"""One address -> one answer: redirects followed by hand, the body read within its bounds, everything within one deadline.

Waiting for a turn at a host is no part of an exchange: the deadline stands still there. Bodies are not inflated here;
that is for a worker that may be killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil
from typing import cast

import httpx
import yarl

from aggregator.fetch.address import Target, resolve_location
from aggregator.fetch.fault import Fault
from aggregator.fetch.guard import Dial
from aggregator.fetch.headers import request_headers
from aggregator.fetch.hosts import Closed, Gates
from aggregator.fetch.retry_after import parse_retry_after, spell_wait
from aggregator.model.fetched import Validators
from aggregator.model.settings import FetchSettings
from aggregator.model.source import Source

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_NOT_MODIFIED = 304
_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since"})
#: Statuses whose body is the feed; 203 is a 200 that a proxy has been at (RFC 9110 §15.3.4).
_WITH_FEED = frozenset({200, 203})
#: What has changed since the version that we named, no more (RFC 3229 §10.4.1).
_DELTA = 226
#: Statuses with which a host may ask for silence (RFC 9110 §10.2.3, RFC 6585 §4).
_PLEASE_WAIT = frozenset({429, 503})

#: What httpx believes to ask. The address stands in the extensions, for `Transport` alone: httpx would quote it anew,
#: write it into its log, and take 0.1 ms for that.
_NOWHERE = httpx.URL("http://upstream.invalid/")
_NO_BODY = httpx.ByteStream(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the last hop said."""

    status: int  #: 200, 203, 226 or 304
    target: Target  #: of the last hop
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes  #: as it came over the wire; empty for 304
    coding: str | None
    moved: bool  #: there were redirects, and each one was permanent
    redirected: bool = False


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One poll of one address, from its first hop to its last."""

    source: Source
    home: Target
    validators: Validators | None
    settings: FetchSettings
    user_agent: str
    http: httpx.AsyncClient
    gates: Gates
    slots: asyncio.Semaphore
    now: Callable[[], datetime]  #: aware; what a Retry-After that is a date is measured by
    admit: Callable[[], Awaitable[object]]  #: waits while whoever takes the bodies has too many
    check: Callable[[Target], None]  #: raises Fault for a target that must not even be named to a proxy
    conditional: bool = False  #: the last request carried validators
    permanent: bool = True  #: no redirect so far was a temporary one
    spent: float = 0.0  #: seconds, waiting for turns left out
    _seen: set[str] = field(default_factory=set)

    async def run(self) -> Answer:
        """Follow the address to its answer.

        Raises:
            Fault: there is none that can be used.
        """
        target = self.home
        for hop in range(_MOST_REDIRECTS + 1):
            self._seen.add(target.text)
            answer = await self._hop(target, onward=hop > 0)
            if isinstance(answer, Answer):
                return replace(answer, moved=self.permanent and hop > 0, redirected=hop > 0)
            self.permanent = self.permanent and answer.status in _PERMANENT
            target = self._follow(target, answer)
        raise Fault("redirect", f"the server redirects more than {_MOST_REDIRECTS} times")

    def _follow(self, base: Target, redirect: _Redirect) -> Target:
        if redirect.location is None:
            raise Fault("redirect", f"the server answered {redirect.status} without saying where to go")
        target = resolve_location(base, redirect.location)
        if base.scheme == "https" and target.scheme == "http":
            raise Fault("redirect", f"the server redirects from https to http, on {target.host}; that is not followed")
        if target.text in self._seen:
            raise Fault("redirect", "the server redirects in a circle")
        return target

    async def _hop(self, target: Target, *, onward: bool) -> Answer | _Redirect:
        self.check(target)
        gate = self.gates.to(target.host)
        if (closed := await gate.enter(onward=onward)) is not None:
            raise _not_asked(target, closed, onward=onward)
        asked = False
        try:
            async with self.slots:
                await self.admit()
                asked = True
                answer = await self._within_deadline(target)
        except Fault as fault:
            if fault.kind == "http" and fault.status in _PLEASE_WAIT:
                fault.retry_after = self.gates.refused(target.host, fault.status, fault.retry_after)
            raise
        else:
            self.gates.answered(target.host)
            return answer
        finally:
            gate.leave(asked=asked)

    async def _within_deadline(self, target: Target) -> Answer | _Redirect:
        loop = asyncio.get_running_loop()
        started = loop.time()
        limit = self.settings.timeout.total_seconds()
        try:
            async with asyncio.timeout(limit - self.spent):
                return await self._ask(target)
        except TimeoutError:
            raise Fault("timeout", f"no complete answer within {spell_wait(self.settings.timeout)}") from None
        finally:
            self.spent += loop.time() - started

    async def _ask(self, target: Target) -> Answer | _Redirect:
        request = httpx.Request(
            "GET",
            _NOWHERE,
            headers=request_headers(self.source, target, self.home, self.validators, self.user_agent),
            stream=_NO_BODY,
            extensions={"target": yarl.URL(target.text, encoded=True), "dial": Dial(path=target.path)},
        )
        names = {name.lower() for name, _ in request.headers.raw}
        self.conditional = bool(names & _CONDITIONS)
        response = await self.http.send(request, stream=True)
        try:
            return await self._read(target, response)
        finally:
            await response.aclose()

    async def _read(self, target: Target, response: httpx.Response) -> Answer | _Redirect:
        status = response.status_code
        if status in _REDIRECTS:
            places = response.extensions["location"]
            return _Redirect(status=status, location=places[0] if places else None)
        headers = tuple((name.lower(), value) for name, value in response.headers.raw)
        coding, body = None, b""
        if status in _WITH_FEED or (status == _DELTA and self._is_asked_delta(headers)):
            coding = _coding(headers)
            body = await _read_body(response, headers, self.settings.max_bytes)
        elif status != _NOT_MODIFIED:
            raise _refused(status, headers, self.now())
        elif not self.conditional:
            raise Fault("protocol", "the server answered 304 (Not Modified) to a request without conditions", status=304)
        return Answer(status=status, target=target, headers=headers, body=body, coding=coding, moved=False)

    def _is_asked_delta(self, headers: tuple[tuple[bytes, bytes], ...]) -> bool:
        """Tell whether a 226 is what we asked for: entries that came since, of a version that we named."""
        words = {word.strip().lower() for name, value in headers if name == b"im" for word in value.split(b",")}
        if self.conditional and self.validators is not None and self.validators.etag is not None and words == {b"feed"}:
            return True
        raise Fault("protocol", "the server answered 226 (IM Used) with a change that was not asked for", status=_DELTA)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Redirect:
    status: int
    location: bytes | None


def last_value(headers: tuple[tuple[bytes, bytes], ...], name: bytes) -> bytes | None:
    """Return the value of a header, the last if it was sent twice; None if it is missing or empty."""
    return next((value for key, value in reversed(headers) if key == name), None) or None


def _coding(headers: tuple[tuple[bytes, bytes], ...]) -> str | None:
    """Return how the body is coded; only gzip was offered, once (RFC 9110 §12.5.3)."""
    values = [value for key, value in headers if key == b"content-encoding"]
    words = [word.strip().lower() for value in values for word in value.split(b",")]
    codings = [word for word in words if word not in {b"", b"identity"}]
    if not codings:
        return None
    if codings in ([b"gzip"], [b"x-gzip"]):
        return "gzip"
    named = b", ".join(codings)[:60].decode("ascii", "backslashreplace")
    raise Fault("coding", f"the body is coded as {named!r}; only gzip was offered")


async def _read_body(response: httpx.Response, headers: tuple[tuple[bytes, bytes], ...], max_bytes: int) -> bytes:
    """Read a body up to its limit and not one byte further."""
    declared = last_value(headers, b"content-length")
    if declared is not None and declared.isdigit() and len(declared) < 20 and int(declared) > max_bytes:  # noqa: PLR2004
        raise _too_big(max_bytes)
    chunks: list[bytes] = []
    size = 0
    async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as stream:
        async for chunk in stream:
            size += len(chunk)
            if size > max_bytes:
                raise _too_big(max_bytes)
            chunks.append(chunk)
    if not size:
        raise Fault("not-a-feed", "the server sent an empty body", status=response.status_code)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_big(max_bytes: int) -> Fault:
    return Fault("too-big", f"the body is larger than fetch.max_bytes ({max_bytes:,} bytes)")


def _refused(status: int, headers: tuple[tuple[bytes, bytes], ...], now: datetime) -> Fault:
    wait = parse_retry_after(last_value(headers, b"retry-after"), now)
    asks = f"; it asks to wait {spell_wait(wait)}" if wait is not None else ""
    return Fault("http", f"the server answered {spell_status(status)}{asks}", status=status, retry_after=wait)


def _not_asked(target: Target, closed: Closed, *, onward: bool) -> Fault:
    what = "the server redirects to a host that is not asked" if onward else "not asked"
    return Fault(
        "held",
        f"{what}: {target.host} said {closed.status} and is left alone for {spell_wait(closed.wait)}",
        status=closed.status,
        retry_after=timedelta(seconds=ceil(closed.wait.total_seconds())),
    )


def spell_status(status: int) -> str:
    """Return a status with its registered name; what the server wrote beside it is not repeated."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
