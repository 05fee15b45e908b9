"""Bytes -> all that is sent of them, made once: tags, codings, headers. What was made is kept, the oldest unused goes first."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Hashable
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


class Prepared:
    """One representation of one resource in its codings; each of them has a strong tag of its own (RFC 9110 §8.8.3.3)."""

    __slots__ = ("_heads", "_tags", "_variants", "content", "max_age", "modified", "status", "type", "vary")

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
        self.content = content
        self.type = kind
        self.status = status
        self.modified = modified  #: seconds since 1970
        self.max_age = max_age
        vary = "Accept-Encoding" + (f", {vary}" if vary else "")
        digest = sha256(content).hexdigest()[:32]
        head = [(b"vary", vary.encode()), *SAFE, (b"content-security-policy", _POLICIES[policy].encode())]
        if modified is not None:
            head.append((b"last-modified", http_date(modified)))
        head += [(b"link", link.encode("ascii")) for link in links]
        ends = {None: "", "gzip": "-gz", "br": "-br"}
        self._tags = {coding: f'"{digest}{mark}{end}"' for coding, end in ends.items()}
        self._heads = {coding: [(b"etag", tag.encode()), *head] for coding, tag in self._tags.items()}
        self._variants: dict[str | None, bytes] = {None: content}

    @property
    def size(self) -> int:
        """Return how many bytes it keeps, about."""
        return sum(map(len, self._variants.values())) + 1024

    def has(self, coding: str | None) -> bool:
        """Tell whether that coding was made already."""
        return coding in self._variants

    def make(self, coding: str | None) -> None:
        """Make a coding; what would not be smaller is sent as it is. Takes milliseconds: not for the loop."""
        if coding in self._variants:
            return
        made = self.content
        if len(self.content) >= _SMALLEST:
            made = _encode(self.content, coding or "")
        self._variants[coding] = made if len(made) < len(self.content) else self.content

    def choice(self, coding: str | None) -> str | None:
        """Return the coding that is really sent to who wants this one."""
        return None if self._variants[coding] is self.content else coding

    def etag(self, coding: str | None) -> str:
        """Return the strong tag of a coding: it survives a rebuild that changes nothing (§8.8.3)."""
        return self._tags[coding]

    def head(self, coding: str | None) -> list[Header]:
        """Return the headers that 200 and 304 have in common, without Cache-Control."""
        return self._heads[coding]

    def body(self, coding: str | None) -> bytes:
        """Return the bytes in a coding."""
        return self._variants[coding]


def _encode(content: bytes, coding: str) -> bytes:
    if coding == "br":
        made: bytes = _brotli().compress(content, quality=5)
        return made
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)  # no name and no time in it: equal bytes give equal bytes
    return squeeze.compress(content) + squeeze.flush()


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> bytes:
    """Return a date as headers have it (RFC 9110 §5.6.7)."""
    from email.utils import formatdate

    return formatdate(seconds, usegmt=True).encode()


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
