"""Names -> addresses, through the system's resolver, each look-up in a thread of its own.

asyncio's default executor has a handful of threads: a few names whose servers do not answer would hold them all, and
healthy sources would run into their deadline waiting for a look-up. The threads are daemons, so a look-up that hangs
does not keep a finished run from ending. The results are judged by the guard, not here.
"""

from __future__ import annotations

import asyncio
import socket
import threading

from aggregator.fetch.lean_aiohttp import AbstractResolver, ResolveResult


class ThreadResolver(AbstractResolver):
    """getaddrinfo(3), off the event loop."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return every address of a name.

        Raises:
            OSError: it has none.
        """
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[ResolveResult]] = loop.create_future()

        def hand_over(result: list[ResolveResult] | OSError) -> None:
            if found.done():
                return
            if isinstance(result, OSError):
                found.set_exception(result)
            else:
                found.set_result(result)

        def look_up() -> None:
            result = _look_up(host, port, family)
            try:
                loop.call_soon_threadsafe(hand_over, result)
            except RuntimeError:  # the loop was closed while the name server was thinking
                return

        threading.Thread(target=look_up, name=f"look-up of {host}", daemon=True).start()
        return await found

    async def close(self) -> None:
        """Do nothing: no look-up is waited for."""


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult] | OSError:
    try:
        infos = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError:  # a label that is empty or longer than 63 characters
        return socket.gaierror(socket.EAI_NONAME, "not a valid name")
    return [
        ResolveResult(
            hostname=host,
            host=str(place[0]),
            port=int(place[1]),
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, place in infos
    ]
