"""Messages about a source -> what may be published of them. Pure.

What `fetch` says is free of secrets already. This is the second net, for what goes into a public file: whatever of the
source's secrets still stands in a text is taken out, and every address in it is shown as `fetch` shows addresses. Names of
machines within one's own network are nobody else's business either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from aggregator.fetch.address import redact
from aggregator.model.hosts import is_private_host
from aggregator.model.source import Source

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s<>\"'`]+", re.IGNORECASE)
#: What stands for an address within this network, path and all.
HIDDEN = "a private address"
_BEFORE = r"(?:\b[a-z][a-z0-9+.-]*://|(?<![\w.-]))"
_BEHIND = r"(?![\w-]|\.\w)(?::\d+)?(?:/[^\s,;:)'\"]*)?"
_NUMBERS = re.compile(rf"{_BEFORE}(?P<number>\d{{1,3}}(?:\.\d{{1,3}}){{3}}){_BEHIND}", re.IGNORECASE)
#: A shorter text stands in too many words by chance to be taken out of them.
_SHORTEST = 4
#: Of a user's name, which may be a token: a name such as `feeds` is none.
_SHORTEST_NAME = 8
_SCHEMES_OF_AUTH = ("Basic ", "Bearer ", "Token ")


def without_secrets(text: str, source: Source) -> str:
    """Return the text with every secret of the source, and of every address in it, masked."""
    text = _ADDRESS.sub(lambda found: redact(found[0]), text)
    spellings = {form for secret in _secrets(source) for form in (secret, quote(secret, safe=""), unquote(secret))}
    for secret in sorted(spellings, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return text


def for_everybody(text: str, source: Source) -> str:
    """Return the text for a public file: without secrets, and without the names of machines that only this network knows."""
    text = without_secrets(text, source)
    for host in sorted({name for name in _hosts(source) if is_private_host(name)}, key=len, reverse=True):
        name = rf"\[?{re.escape(host)}\]?"
        if "." not in host and ":" not in host:
            # A word such as `feeds` is a host only where an address says so.
            name = rf"(?:(?<=://){name}|{name}(?=:\d))"
        text = re.sub(rf"{_BEFORE}{name}{_BEHIND}", HIDDEN, text, flags=re.IGNORECASE)
    return _NUMBERS.sub(lambda found: HIDDEN if is_private_host(found["number"]) else found[0], text)


def is_open(address: str) -> bool:
    """Tell whether an address holds nothing that would be masked."""
    return redact(address) == address.partition("#")[0]


def _hosts(source: Source) -> Iterator[str]:
    """Yield the hosts of the source's addresses and of its proxy."""
    addresses = [*source.addresses, *([source.proxy.reveal()] if source.proxy is not None else [])]
    for address in addresses:
        try:
            yield urlsplit(address).hostname or "localhost"
        except ValueError:
            continue


def _secrets(source: Source) -> Iterator[str]:
    for _, value in source.headers:
        yield value.reveal()
        yield from (value.reveal().removeprefix(scheme) for scheme in _SCHEMES_OF_AUTH)
    if source.auth is not None:
        yield from (*_name(source.auth.username), source.auth.password.reveal())
    if source.proxy is not None:
        yield source.proxy.reveal()
        yield from _of_address(source.proxy.reveal())
    for address in source.addresses:
        yield from _of_address(address)


def _of_address(address: str) -> Iterator[str]:
    """Yield user, password and the values that are masked where the address is shown."""
    try:
        parts = urlsplit(address)
        yield from (*_name(parts.username), parts.password or "")
    except ValueError:
        return
    shown = redact(address)
    yield from (value for _, value in parse_qsl(parts.query, keep_blank_values=False) if value not in shown)


def _name(user: str | None) -> tuple[str, ...]:
    return (user,) if user is not None and len(user) >= _SHORTEST_NAME else ()
