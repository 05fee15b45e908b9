"""What is said in a request, and to whom. Pure.

Secrets go to the source's own origin and nowhere else: a redirect to another scheme, host or port gets neither
credentials nor the source's own headers. Values are bytes from start to end; what a server called an ETag is handed
back as it came, whatever its bytes.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache

from aggregator import __version__
from aggregator.fetch.address import Target
from aggregator.fetch.fault import Fault
from aggregator.model.fetched import Validators
from aggregator.model.source import Source

Headers = list[tuple[bytes, bytes]]

_ACCEPT = (
    b"application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    b"application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.9, */*;q=0.1"
)
#: Not secret by nature, so a source's own value holds across origins.
_HARMLESS = frozenset({b"user-agent", b"accept", b"accept-language"})
#: How the message is framed and coded is between us and the wire (RFC 9110 §7.6.1); a source cannot set these.
_OURS = frozenset(
    b"host connection content-length transfer-encoding te upgrade expect accept-encoding if-none-match "
    b"if-modified-since range a-im".split()
)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def default_user_agent(site_url: str, subscribers: int | None = None) -> str:
    """Return who we say we are: name, version, where to find the person behind it, and for how many readers we come."""
    readers = "" if subscribers is None else f"; {subscribers} subscriber{'' if subscribers == 1 else 's'}"
    return f"feed-aggregator/{__version__} (+{site_url}{readers})"


def request_headers(source: Source, target: Target, home: Target, validators: Validators | None, user_agent: str) -> Headers:
    """Return the headers of a request to `target`, one hop of a poll that began at `home`.

    Raises:
        Fault: a configured header cannot be sent.
    """
    own = target.origin == home.origin
    headers = {b"user-agent": _encoded(user_agent), b"accept": _ACCEPT, b"accept-encoding": b"gzip"}
    if own and (credentials := _credentials(source, home)) is not None:
        headers[b"authorization"] = _basic(*credentials)
    for name, value in source.headers:
        key = name.lower().encode("utf-8")
        if key not in _OURS and (own or key in _HARMLESS):
            headers[key] = _configured(key, value.reveal())
    # Validators belong to one address: what they say of another one would be made up (RFC 9111 §4.1).
    if validators is not None and target.text != (validators.final or home.text):
        validators = None
    if validators is not None and validators.etag is not None:
        headers[b"if-none-match"] = validators.etag
        # Only a server that knows which version we have can send what came since (RFC 3229 §10.5.3).
        headers[b"a-im"] = b"feed"
    if validators is not None and validators.last_modified is not None:
        headers[b"if-modified-since"] = validators.last_modified
    return [(_spelled(name), value) for name, value in headers.items()]


@lru_cache(maxsize=256)
def _spelled(name: bytes) -> bytes:
    return b"A-IM" if name == b"a-im" else name.title()


@lru_cache(maxsize=8)
def _encoded(text: str) -> bytes:
    return text.encode("utf-8")


def _credentials(source: Source, home: Target) -> tuple[str, str] | None:
    if source.auth is not None:
        return source.auth.username, source.auth.password.reveal()
    return home.credentials


def _basic(user: str, password: str) -> bytes:
    """RFC 7617, in UTF-8."""
    return b"Basic " + b64encode(f"{user}:{password}".encode())


def _configured(name: bytes, text: str) -> bytes:
    value = text.strip().encode("utf-8")
    if _TOKEN.fullmatch(name) is None or _CONTROL.search(value) is not None:
        shown = name.decode("ascii", "backslashreplace")
        raise Fault("protocol", f"the configured header {shown!r} cannot be sent: its name or value holds a bad character")
    return value
