"""aiohttp, imported without loading the system's TLS roots.

aiohttp fills a default TLS context while it is imported: 30-50 ms that every run would pay, also one that asks no https
address. That default is never used here (`tls.py` makes ours, when the first https address is asked); as it stands
after this import it holds no roots, so it would trust nobody. All of `fetch` imports aiohttp from here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _no_roots() -> Iterator[None]:
    genuine = ssl.create_default_context
    ssl.create_default_context = _trust_nobody
    try:
        yield
    finally:
        ssl.create_default_context = genuine


def _trust_nobody(*_: object, **__: object) -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


with _no_roots():
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from httpx_aiohttp import AiohttpTransport

__all__ = ["AbstractResolver", "AiohttpTransport", "Connection", "ResolveResult", "ResponseHandler", "aiohttp"]
