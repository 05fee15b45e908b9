"""aiohttp, imported without loading the system's TLS roots.

aiohttp fills two default TLS contexts while it is imported: 30-50 ms that every run would pay, also one that asks no https
address. These defaults are never used here (`tls.py` makes ours, when the first https address is asked); as they stand
after this import they hold no roots, so they would trust nobody. All of `fetch` imports aiohttp from here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _no_roots() -> Iterator[None]:
    genuine = ssl.create_default_context
    ssl.create_default_context = _trust_nobody
    # Inherited from C: what is set here only hides it, and it is there again once that is deleted.
    ssl.SSLContext.set_default_verify_paths = _load_nothing  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        ssl.create_default_context = genuine
        del ssl.SSLContext.set_default_verify_paths


def _trust_nobody(*_: object, **__: object) -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _load_nothing(_: ssl.SSLContext) -> None:
    """Leave the context as empty as it is."""


with _no_roots():
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from httpx_aiohttp import AiohttpTransport

__all__ = ["AbstractResolver", "AiohttpTransport", "Connection", "ConnectionKey", "ResolveResult", "ResponseHandler", "aiohttp"]
