"""A changed topic -> one POST to a hub (WebSub §6), through the guard, the limits and the TLS of every other request.

What a hub is sent is the form that PubSubHubbub 0.4 gave it, which every public hub takes: hub.mode=publish and hub.url, the
topic's address. Nothing is followed, kept or looked into; a 2xx means that the hub knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import httpx
import yarl

from aggregator.fetch.address import Target, parse_target, redact, resolve_location
from aggregator.fetch.exchange import last_value, spell_status
from aggregator.fetch.fault import Fault
from aggregator.fetch.guard import Dial, Guard
from aggregator.fetch.hosts import Gates
from aggregator.fetch.lean_aiohttp import AbstractResolver
from aggregator.fetch.resolver import ThreadResolver
from aggregator.fetch.retry_after import parse_retry_after, spell_wait
from aggregator.fetch.tls import Tls
from aggregator.fetch.transport import Transport, open_client, open_session
from aggregator.model.fetched import HostState
from aggregator.model.ping import LATE, Refused
from aggregator.model.settings import FetchSettings

#: Hubs take a ping at once and do their work later; who says nothing for so long is down.
_DEADLINE = timedelta(seconds=10)
_CONNECT_SECONDS = 5.0
#: So much of an answer is read, for the connection's sake.
_MOST_BYTES = 64 * 1024
_PATIENCE_SECONDS = 1.0
_FOR_GOOD = frozenset({301, 308})
_PLEASE_WAIT = frozenset({429, 503})
#: The hub's own front says that it is down.
_DOWN = frozenset({502, 503, 504})
_LONGEST = 200
_NOWHERE = httpx.URL("http://hub.invalid/")


class Notifier:
    """Tells hubs; an async context manager that owns every connection."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        hosts: Iterable[HostState] = (),
        resolver: AbstractResolver | None = None,
        deadline: timedelta = _DEADLINE,
    ) -> None:
        """Take the limits, who we say we are, the caller's clock, and the hosts that want to be left alone.

        The gap between requests to one host does not count, unless it is set for that host: a hub asks to be told.
        """
        self._user_agent = user_agent.encode("utf-8")
        self._now = now
        self._deadline = min(deadline, settings.timeout)
        self._gates = Gates(replace(settings, gap=timedelta()), now=now, closed=hosts)
        connect = min(_CONNECT_SECONDS, self._deadline.total_seconds())
        session = open_session(Guard(settings.allow_private), resolver or ThreadResolver(), connect)
        self._http = open_client(Transport(session, Tls(), None))

    async def __aenter__(self) -> Self:
        """Open nothing yet: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._http.aclose()

    def hosts(self) -> tuple[HostState, ...]:
        """Return what was learned about hosts that want to be left alone, or do so no more; to be remembered."""
        return tuple(self._gates.news.values())

    async def tell(self, hub: str, topic: str, *, wait_seconds: float) -> Refused | None:
        """Tell a hub that a topic has changed; None means that it knows. Never raises for what a hub can do.

        Its turn must come within so many seconds, or it is not asked (LATE).
        """
        try:
            await self._pass(parse_target(hub), topic, wait_seconds)
        except ValueError as error:
            return Refused(kind="protocol", message=f"the address cannot be requested: {error}", whole=True)
        except Fault as fault:
            # But for an answer about this one topic, the next one would meet with the same.
            whole = fault.kind != "http" or fault.status in _DOWN | _PLEASE_WAIT
            return Refused(kind=fault.kind, message=fault.message, whole=whole)
        return None

    async def _pass(self, target: Target, topic: str, wait_seconds: float) -> None:
        gate = self._gates.to(target.host)
        try:
            async with asyncio.timeout(wait_seconds):
                closed = await gate.enter()
        except TimeoutError:
            raise Fault(LATE, "its turn did not come in time: see fetch.hosts") from None
        if closed is not None:
            wait = spell_wait(closed.wait)
            raise Fault("held", f"not asked: {target.host} said {closed.status} and is left alone for {wait}")
        try:
            await self._within_deadline(target, topic)
        except Fault as fault:
            if fault.kind == "http" and fault.status in _PLEASE_WAIT:
                self._gates.refused(target.host, fault.status, fault.retry_after)
            raise
        else:
            self._gates.answered(target.host)
        finally:
            gate.leave()

    async def _within_deadline(self, target: Target, topic: str) -> None:
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                response = await self._http.send(self._request(target, topic), stream=True)
        except TimeoutError:
            raise Fault("timeout", f"no answer within {spell_wait(self._deadline)}") from None
        try:
            if not response.is_success:
                raise self._refused(target, response)
            await _drop(response)
        finally:
            await response.aclose()

    def _request(self, target: Target, topic: str) -> httpx.Request:
        headers = [
            (b"User-Agent", self._user_agent),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"identity"),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
        ]
        content = urlencode({"hub.mode": "publish", "hub.url": topic}).encode("ascii")
        address = yarl.URL(target.text, encoded=True)
        extensions = {"target": address, "dial": Dial(path=target.path), "content": content}
        return httpx.Request("POST", _NOWHERE, headers=headers, stream=httpx.ByteStream(b""), extensions=extensions)

    def _refused(self, target: Target, response: httpx.Response) -> Fault:
        status = response.status_code
        if response.is_redirect or response.extensions["location"]:
            return _sent_on(target, status, response.extensions["location"])
        headers = tuple((name.lower(), value) for name, value in response.headers.raw)
        wait = parse_retry_after(last_value(headers, b"retry-after"), self._now())
        asks = f"; it asks to wait {spell_wait(wait)}" if wait is not None else ""
        return Fault("http", f"the hub answered {spell_status(status)}{asks}", status=status, retry_after=wait)


def _sent_on(target: Target, status: int, places: list[bytes]) -> Fault:
    """Return the fault of a redirect: a POST is not repeated elsewhere unasked (RFC 9110 §15.4)."""
    said = f"the hub answered {spell_status(status)}"
    try:
        place = resolve_location(target, places[0]) if places else None
    except Fault as fault:
        return Fault("redirect", f"{said}: {fault.message}", status=status)
    if place is None or place.text == target.text:
        return Fault("redirect", f"{said} without saying where it is now", status=status)
    where = redact(place.text)
    shown = where if len(where) <= _LONGEST else f"{where[:_LONGEST]}..."
    what = f"it is at {shown} now: put that into public.hubs" if status in _FOR_GOOD else f"it sends on to {shown}"
    return Fault("redirect", f"{said}: {what}; a ping follows no redirect", status=status)


async def _drop(response: httpx.Response) -> None:
    """Read an answer that is short, so that its connection serves for the next ping; what it says is nobody's concern."""
    size = 0
    with suppress(Fault, TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > _MOST_BYTES:
                    return
