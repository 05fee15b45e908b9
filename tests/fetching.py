"""What the tests of `fetch` share: sources, limits, and polls of a scripted upstream."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from aggregator.fetch.client import Client, Outcome
from aggregator.fetch.lean_aiohttp import AbstractResolver, ResolveResult
from aggregator.model.fetched import Failed, Fetched, Validators
from aggregator.model.settings import FetchSettings
from aggregator.model.source import Source

#: Every address that a test may be polled on; 127.0.0.1 and ::1 are not among them.
ALLOWED = ("127.0.0.2/32", "127.0.0.3/32", "127.0.0.4/32")
USER_AGENT = "feed-aggregator/test (+https://site.example/)"


def a_source(*addresses: str, **fields: Any) -> Source:
    """Make a source of one or several instances."""
    name = fields.pop("id", "sample")
    return Source(id=name, feed=addresses[0], addresses=addresses, categories=("news",), **fields)


def limits(**fields: Any) -> FetchSettings:
    """Make settings that allow the scripted upstreams and nothing else that is private."""
    return FetchSettings(**{"allow_private": ALLOWED, "timeout": timedelta(seconds=5), **fields})


def poll(
    source: Source | str,
    validators: Validators | None = None,
    *,
    settings: FetchSettings | None = None,
    resolver: AbstractResolver | None = None,
    **how: Any,
) -> Outcome:
    """Poll once with a client of its own."""
    [outcome] = poll_all([source], validators, settings=settings, resolver=resolver, **how)
    return outcome


def poll_all(
    sources: Iterable[Source | str],
    validators: Validators | None = None,
    *,
    settings: FetchSettings | None = None,
    resolver: AbstractResolver | None = None,
    together: bool = False,
    **how: Any,
) -> list[Outcome]:
    """Poll with one client, one after the other or together."""
    wanted = [a_source(source) if isinstance(source, str) else source for source in sources]

    async def run() -> list[Outcome]:
        async with Client(settings or limits(), user_agent=USER_AGENT, resolver=resolver) as client:
            if together:
                return list(await asyncio.gather(*(client.poll(source, validators, **how) for source in wanted)))
            return [await client.poll(source, validators, **how) for source in wanted]

    return asyncio.run(run())


def fetched(outcome: Outcome) -> Fetched:
    """Expect a body."""
    assert isinstance(outcome, Fetched), outcome
    return outcome


def failed(outcome: Outcome, kind: str) -> Failed:
    """Expect a failure of one kind, told in one line."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.kind == kind, outcome
    assert "\n" not in outcome.message
    return outcome


class Names(AbstractResolver):
    """A resolver that plays scripted answers, in turn; the last one repeats."""

    def __init__(self, **answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): [one.split() for one in turns] for name, turns in answers.items()}

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the next answer for a name."""
        del family
        self.asked.append(host)
        turns = self._answers.get(host)
        if not turns:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""


@contextmanager
def free_port(host: str = "127.0.0.2") -> Iterator[int]:
    """Give a port on which nobody listens, and keep it from being taken."""
    with socket.socket() as holder:
        holder.bind((host, 0))
        yield holder.getsockname()[1]
