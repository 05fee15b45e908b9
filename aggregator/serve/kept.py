"""Bytes -> all that is sent of them, made once: tags, codings, headers. What was made is kept, the oldest unused goes first."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any, Generic, TypeVar

from aggregator.serve.site import Policy

Header = tuple[bytes, bytes]
K = TypeVar("K", bound=Hashable)

_SMALLEST = 512  #: bytes below which no coding is worth its header
_TELLS_NO_ONE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_OF_PAGES = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_OWN = "default-src 'none'; style-src 'self'; script-src 'self'; media-src http: https:;"
_POLICIES = {
    Policy.PAGE: f"{_OWN} img-src 'self' data:; {_OF_PAGES}",
    Policy.PICTURES: f"{_OWN} img-src 'self' data: http: https:; {_OF_PAGES}",
    # A feed opened in a browser must not act, whatever an upstream put into it; all that it may load is its own stylesheet.
    Policy.FEED: f"default-src 'none'; style-src 'self'; {_TELLS_NO_ONE}; sandbox",
    Policy.NOTHING: f"default-src 'none'; {_TELLS_NO_ONE}; sandbox",
}
#: What every answer carries: nothing is to be guessed, or told to third parties.
SAFE: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


def _brotli() -> Any:
    try:
        import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return None
    return brotli


@lru_cache(maxsize=1)
def codings() -> tuple[str, ...]:
    """Return the content codings that can be sent, the smallest first: br where its library is installed."""
    return ("br", "gzip") if _brotli() is not None else ("gzip",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One coding of one representation, as it goes out."""

    etag: bytes  #: strong (RFC 9110 §8.8.3)
    both: tuple[Header, ...]  #: what 200 and 304 say, besides Cache-Control
    only_whole: tuple[Header, ...]  #: what tells of the body
    body: bytes


class Prepared:
    """One representation of one resource in its codings; each of them has a tag of its own (RFC 9110 §8.8.3.3)."""

    __slots__ = ("_both", "_content", "_sent", "_tag", "_type", "max_age", "modified", "status")

    def __init__(
        self,
        content: bytes,
        kind: str,
        *,
        policy: Policy,
        mark: str = "",
        vary: str = "",
        modified: int | None = None,
        links: tuple[str, ...] = (),
        status: int = 200,
        max_age: int = 0,
    ) -> None:
        """Take the bytes and what is told of them; `mark` tells bytes apart that are the same under another type."""
        self.status = status
        self.modified = modified  #: seconds since 1970
        self.max_age = max_age
        self._content = content
        self._type = kind.encode()
        # Over the bytes: it survives a rebuild that changes nothing.
        self._tag = sha256(content).hexdigest()[:32] + mark
        both = [
            (b"vary", ("Accept-Encoding" + (f", {vary}" if vary else "")).encode()),
            *SAFE,
            (b"content-security-policy", _POLICIES[policy].encode()),
            *((b"link", link.encode("ascii")) for link in links),
        ]
        if modified is not None:
            both.append((b"last-modified", formatdate(modified, usegmt=True).encode()))
        self._both = both
        self._sent: dict[str | None, Sent] = {None: self._made(None, content)}

    @property
    def size(self) -> int:
        """Return how many bytes it keeps, about."""
        made = tuple(self._sent.values())  # another thread may be making one
        return sum(len(sent.body) for sent in made) + 2048

    def has(self, coding: str | None) -> bool:
        """Tell whether that coding was made already."""
        return coding in self._sent

    def make(self, coding: str | None) -> None:
        """Make a coding; what would not be smaller is sent as it is. Takes milliseconds: not for the loop."""
        if coding is None or coding in self._sent:
            return
        made = _encode(self._content, coding) if len(self._content) >= _SMALLEST else self._content
        self._sent[coding] = self._sent[None] if len(made) >= len(self._content) else self._made(coding, made)

    def sent(self, coding: str | None) -> Sent:
        """Return what goes out to who wants a coding, which was made."""
        return self._sent[coding]

    def _made(self, coding: str | None, body: bytes) -> Sent:
        end = {None: "", "gzip": "-gz", "br": "-br"}[coding]
        etag = f'"{self._tag}{end}"'.encode()
        whole = [(b"content-type", self._type), (b"content-length", b"%d" % len(body))]
        if coding is not None:
            whole.append((b"content-encoding", coding.encode()))
        return Sent(etag=etag, both=((b"etag", etag), *self._both), only_whole=tuple(whole), body=body)


def _encode(content: bytes, coding: str) -> bytes:
    if coding == "br":
        made: bytes = _brotli().compress(content, quality=5)
        return made
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)  # no name and no time in it: equal bytes give equal bytes
    return squeeze.compress(content) + squeeze.flush()


class Shelf(Generic[K]):
    """What was prepared, by what it was prepared from; bounded by bytes. May be used from any thread."""

    def __init__(self, max_bytes: int) -> None:
        """Take the bound; one thing that takes more than an eighth of it is not kept."""
        self._max = max_bytes
        self._held: OrderedDict[K, tuple[Hashable, Prepared, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def take(self, key: K, stamp: Hashable) -> Prepared | None:
        """Return what is kept under a key, if it was made from what is there now."""
        with self._lock:
            found = self._held.get(key)
            if found is None or found[0] != stamp:
                return None
            self._held.move_to_end(key)
            return found[1]

    def put(self, key: K, stamp: Hashable, prepared: Prepared) -> None:
        """Keep something; called again once more of its codings are made."""
        size = prepared.size
        with self._lock:
            if (old := self._held.pop(key, None)) is not None:
                self._bytes -= old[2]
            if size > self._max // 8:
                return
            self._held[key] = (stamp, prepared, size)
            self._bytes += size
            while self._bytes > self._max:
                _, (_, _, gone) = self._held.popitem(last=False)
                self._bytes -= gone
