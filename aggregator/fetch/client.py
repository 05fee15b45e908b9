"""Source + validators -> Fetched | NotModified | Failed: the door of `fetch`.

`Client.poll` never raises for anything that an upstream can do. It may be called for any number of sources at once: at
most `concurrency` requests run, and per host as many as its limits allow. It stores nothing, logs nothing and
looks into no body.
"""

from __future__ import annotations

import re
from asyncio import Semaphore
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from aggregator.fetch.address import Target, parse_target, redact, strip_credentials
from aggregator.fetch.exchange import Answer, Exchange, last_value
from aggregator.fetch.fault import Fault
from aggregator.fetch.guard import Guard, is_loopback
from aggregator.fetch.hosts import Gates, Paces
from aggregator.fetch.lean_aiohttp import AbstractResolver
from aggregator.fetch.resolver import ThreadResolver
from aggregator.fetch.tls import Tls
from aggregator.fetch.transport import Transport, open_client, open_session
from aggregator.model.fetched import Failed, Fetched, HostState, NotModified, Validators
from aggregator.model.settings import FetchSettings
from aggregator.model.source import Source

Outcome = Fetched | NotModified | Failed

_NOT_MODIFIED = 304
_SERVER_ERROR = 500
_CONNECT_SECONDS = 5.0
#: Said on each poll of a source whose owner has turned verification off.
_UNVERIFIED = "its TLS certificate is not checked (verify: false)"
#: The proxies that aiohttp speaks to.
_PROXY_SCHEMES = ("http://", "https://")
#: Failures after which another instance of the same source may be asked (DESIGN 14).
_MAY_PASS_OVER = frozenset({"dns", "connect", "tls", "timeout"})


class Client:
    """Polls sources; an async context manager that owns every connection."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        user_agent: str,
        resolver: AbstractResolver | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        hosts: Iterable[HostState] = (),
        insist: bool = False,
        paces: Paces | None = None,
    ) -> None:
        """Take the limits and who we say we are.

        `resolver` replaces the system's in tests; `now` is the caller's clock; `hosts` wanted to be left alone when last heard
        of, and are asked all the same by who has to `insist`; `paces` are when hosts were last asked by earlier clients of this
        process, which this one goes on with.
        """
        self._now = now
        self._settings = settings
        self._user_agent = user_agent
        self._resolver = resolver
        self._gates = Gates(settings, now=now, closed=hosts, insist=insist, paces=paces)
        self._slots = Semaphore(settings.concurrency)
        self._tls = Tls()
        self._unverified = Tls(verify=False)
        self._lines: dict[tuple[frozenset[str], str | None, bool], _Line] = {}
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open nothing yet: connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._closing.aclose()

    def hosts(self) -> tuple[HostState, ...]:
        """Return what was learned about hosts that want to be left alone, or do so no more; to be remembered."""
        return tuple(self._gates.news.values())

    @property
    def paces(self) -> Paces:
        """Return when hosts were last asked, for the client of the next run."""
        return self._gates.paces

    @property
    def heard(self) -> dict[str, HostState]:
        """Return the same by name, as it is at any moment; not to be changed."""
        return self._gates.news

    async def poll(
        self,
        source: Source,
        validators: Validators | None,
        *,
        prefer: str | None = None,
        exclude: frozenset[str] = frozenset(),
        admit: Callable[[], Awaitable[object]] | None = None,
    ) -> Outcome:
        """Visit a source once: its instances in turn, `prefer` first, none of `exclude`, until one has answered.

        Instances are named by `Fetched.address`, or as configured. The next one is asked only after a failure that is
        the instance's own: never after 403, 404, 410 or 429, which would be asking again for what was refused. `admit` is
        awaited before each request, to hold it back.
        """
        passed: list[str] = []
        elapsed = timedelta()
        outcome: Outcome | None = None
        for address in _in_turn(source.addresses, prefer, exclude):
            note = f"passed over {'; '.join(passed)}" if passed else None
            outcome = await self._poll_one(source, address, validators, elapsed=elapsed, note=note, admit=admit or _at_once)
            if not isinstance(outcome, Failed) or not _may_pass_over(outcome):
                break
            elapsed = outcome.elapsed
            passed.append(f"{_host(address)} ({outcome.message})")
        return _none_left(source) if outcome is None else _with_history(outcome, passed)

    async def _poll_one(
        self,
        source: Source,
        address: str,
        validators: Validators | None,
        *,
        elapsed: timedelta,
        note: str | None,
        admit: Callable[[], Awaitable[object]],
    ) -> Outcome:
        stored = strip_credentials(address)
        if validators is not None and strip_credentials(validators.address) != stored:
            validators = None  # they belong to another instance, or to what was configured before
        spent, conditional, own = 0.0, False, True
        try:
            exchange = self._exchange(source, address, _usable(validators), admit)
            try:
                answer = await exchange.run()
            finally:
                spent, conditional, own = exchange.spent, exchange.conditional, exchange.permanent
        except Fault as fault:
            return Failed(
                source_id=source.id,
                address=redact(address),
                kind=fault.kind,
                message=fault.message if source.verify or not spent else f"{fault.message}; {_UNVERIFIED}",
                status=fault.status,
                retry_after=fault.retry_after,
                conditional=conditional,
                own=own,
                elapsed=elapsed + timedelta(seconds=spent),
            )
        if not source.verify:
            note = f"{note}; {_UNVERIFIED}" if note else _UNVERIFIED
        elapsed += timedelta(seconds=spent)
        return _outcome(source.id, stored, validators, answer, elapsed=elapsed, note=note, conditional=conditional)

    def _exchange(
        self, source: Source, address: str, validators: Validators | None, admit: Callable[[], Awaitable[object]]
    ) -> Exchange:
        try:
            home = parse_target(address)
        except ValueError as error:
            raise Fault("protocol", f"the address cannot be requested: {error}") from error
        line = self._line(source)
        return Exchange(
            source=source,
            home=home,
            validators=validators,
            settings=self._settings,
            user_agent=self._user_agent,
            http=line.http,
            gates=self._gates,
            slots=self._slots,
            admit=admit,
            now=self._now,
            check=line.check,
        )

    def _line(self, source: Source) -> _Line:
        """Return the connections of a source: shared with those that trust alike, by the same proxy to the same networks."""
        allowed = frozenset(self._settings.allow_private) | frozenset(source.allow_private)
        tls = self._tls if source.verify else self._unverified
        proxy = source.proxy.reveal().strip() if source.proxy is not None else None
        key = (allowed, proxy, source.verify)
        if key not in self._lines:
            if proxy is not None and not proxy.lower().startswith(_PROXY_SCHEMES):
                raise Fault("connect", "the configured proxy is no http or https address")
            seconds = min(_CONNECT_SECONDS, self._settings.timeout.total_seconds())
            line = _Line(allowed, proxy, tls, self._resolver or ThreadResolver(), seconds)
            self._closing.push_async_callback(line.http.aclose)
            self._lines[key] = line
        return self._lines[key]


async def _at_once() -> None:
    """Hold nothing back."""


class _Line:
    """An HTTP client whose connections all obey one allow-list and go through one proxy, or none."""

    def __init__(
        self, allowed: frozenset[str], proxy: str | None, tls: Tls, resolver: AbstractResolver, connect_seconds: float
    ) -> None:
        self._guard = Guard(allowed)
        self._proxied = proxy is not None
        # With a proxy every connection goes to the proxy, which the owner has named: it is allowed wherever it stands.
        guard = Guard(("0.0.0.0/0", "::/0")) if self._proxied else self._guard
        self.http = open_client(Transport(open_session(guard, resolver, connect_seconds), tls, proxy))

    def check(self, target: Target) -> None:
        """Refuse a literal address before it is named to a proxy; what names lead to is then the proxy's to judge.

        But for names of this machine (RFC 6761 §6.3): they lead nowhere else.
        """
        if not self._proxied:
            return
        name = target.host.rstrip(".")
        place = "127.0.0.1" if _is_name(name) and is_loopback(name) else name
        word = None if _is_name(place) else self._guard.refusal(place)
        if word is not None:
            raise Fault("refused-address", f"{target.host} ({word}) is not public; allow_private can list exceptions")


def _is_name(host: str) -> bool:
    return ":" not in host and not host.replace(".", "").isdigit()


def _none_left(source: Source) -> Failed:
    address = redact(source.addresses[-1])
    return Failed(source_id=source.id, address=address, kind="not-a-feed", message="no instance is left to ask")


def _in_turn(addresses: tuple[str, ...], prefer: str | None, exclude: frozenset[str]) -> list[str]:
    """Order the instances; they are compared without credentials."""
    if len(addresses) == 1 and not exclude:
        return list(addresses)
    left_out = {strip_credentials(address) for address in exclude}
    left = [address for address in addresses if strip_credentials(address) not in left_out]
    first = [address for address in left if prefer is not None and strip_credentials(address) == strip_credentials(prefer)]
    return first[:1] + [address for address in left if address not in first[:1]]


def _may_pass_over(failed: Failed) -> bool:
    return failed.kind in _MAY_PASS_OVER or (failed.kind in {"http", "held"} and (failed.status or 0) >= _SERVER_ERROR)


def _host(address: str) -> str:
    try:
        return parse_target(address).root.partition("//")[2]
    except ValueError:
        return redact(address)


_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def _usable(validators: Validators | None) -> Validators | None:
    """Return validators that make a request conditional, or None.

    One with a control character, which no header may hold (RFC 9110 §5.5), is not sent: the request would be refused by our
    own library, at every poll from then on.
    """
    if validators is None:
        return None
    etag, modified = (None if _CONTROL.search(value or b"") else value for value in (validators.etag, validators.last_modified))
    return replace(validators, etag=etag, last_modified=modified) if etag or modified else None


def _outcome(
    source_id: str,
    address: str,
    sent: Validators | None,
    answer: Answer,
    *,
    elapsed: timedelta,
    note: str | None,
    conditional: bool,
) -> Fetched | NotModified:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers)
    etag = last_value(answer.headers, b"etag")
    modified = last_value(answer.headers, b"last-modified")
    moved = answer.target.text if answer.moved else None
    final = answer.target.text if answer.redirected else None
    if answer.status == _NOT_MODIFIED:
        old = sent or Validators(address=address)
        fresh = Validators(address=address, final=final, etag=etag or old.etag, last_modified=modified or old.last_modified)
        return NotModified(
            source_id=source_id,
            address=address,
            headers=headers,
            validators=fresh,
            permanent_address=moved,
            elapsed=elapsed,
            note=note,
        )
    return Fetched(
        source_id=source_id,
        address=address,
        final_address=answer.target.text,
        status=answer.status,
        headers=headers,
        body=answer.body,
        coding=answer.coding,
        validators=Validators(address=address, final=final, etag=etag, last_modified=modified),
        permanent_address=moved,
        conditional=conditional,
        elapsed=elapsed,
        note=note,
    )


def _with_history(outcome: Outcome, passed: list[str]) -> Outcome:
    """Name the earlier instances in the message of a poll that failed at all of them."""
    earlier = passed[:-1] if isinstance(outcome, Failed) and _may_pass_over(outcome) else passed
    if not isinstance(outcome, Failed) or not earlier:
        return outcome
    return replace(outcome, message=f"{outcome.message}; before that {'; '.join(earlier)}")
