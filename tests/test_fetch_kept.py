"""How many connections a run keeps open for hosts that it may ask again."""

from __future__ import annotations

import asyncio

from aggregator.fetch.client import Client
from aggregator.model.fetched import Fetched
from tests.fetching import USER_AGENT, a_source, limits

_HOSTS = [f"127.9.{number // 100}.{number % 100 + 1}" for number in range(140)]
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: 6\r\n\r\n<rss/>"


class _Server:
    """Answers on many addresses, closes nothing, and counts what is open."""

    def __init__(self) -> None:
        self.open = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.open -= 1
        finally:
            writer.close()


def test_no_more_than_128_connections_are_kept() -> None:
    """However many hosts are polled, no more than 128 idle connections stay open: a process may often open 1,024 files."""
    server = _Server()

    async def run() -> int:
        async with await asyncio.start_server(server.answer, _HOSTS) as listening:
            places = [each.getsockname() for each in listening.sockets]
            sources = [a_source(f"http://{host}:{port}/") for host, port in places]
            async with Client(limits(allow_private=("127.9.0.0/16",)), user_agent=USER_AGENT) as client:
                for source in sources:
                    assert isinstance(await client.poll(source, None), Fetched)
                while server.open > 128:  # noqa: ASYNC110 - closed by us, not yet heard of by the server
                    await asyncio.sleep(0.01)
                return server.open

    assert asyncio.run(run()) == 128
