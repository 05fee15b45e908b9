"""An upstream that answers each request in another way, most of them bad: what a daemon meets in years, in minutes.

What a source answers at its n-th poll follows from a seed, the source and n, so that a run can be had again. News comes at a
steady rate and each feed holds the same number of entries all the time: whatever grows is not owed to upstream.
"""

from __future__ import annotations

import gzip
import random
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Self

from tests.raw_upstream import Exchange, Upstream, reply
from tests.upstream import item, rss

_WINDOW = 10  #: entries in each feed
_XML = "application/rss+xml"
_BOMB = gzip.compress(b"<rss>" + b" " * 4_000_000)
_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + number, b"&%c;" % (97 + number) * 10) for number in range(9))
    + b"]><rss><channel><title>&j;</title></channel></rss>"
)


class Chaos:
    """Some sources, each on a loopback address of its own. A context manager."""

    def __init__(self, sources: int, seed: int) -> None:
        """Take how many sources there are, and what all that happens follows from."""
        self._seed = seed
        self._names = [f"s{number}" for number in range(sources)]
        self._polls: Counter[str] = Counter()
        self._newest: Counter[str] = Counter()  #: number of the newest entry, less the window
        self._edits: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.told: Counter[str] = Counter()  #: how often each kind was the answer
        self._upstream = Upstream(routes={"*": self._answer}, host="0.0.0.0")
        self.calm = False  #: from now on every answer is a feed

    def __enter__(self) -> Self:
        self._upstream.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._upstream.__exit__(None, None, None)

    def addresses(self) -> dict[str, str]:
        """Return the address of each source."""
        port = self._upstream.port
        hosts = (f"127.1.{number // 200}.{number % 200 + 1}" for number in range(len(self._names)))
        return {name: f"http://{host}:{port}/{name}" for name, host in zip(self._names, hosts, strict=True)}

    def _answer(self, exchange: Exchange) -> None:
        name = exchange.asked.target.decode("ascii", "replace").lstrip("/")
        with self._lock:
            self._polls[name] += 1
            rng = random.Random(f"{self._seed} {name} {self._polls[name]}")
            kind = "news" if self.calm else rng.choice(_KINDS)
            self.told[kind] += 1
            self._newest[name] += kind == "news"
            self._edits[name] += kind == "changed"
            # What waits for ever keeps a thread here: none is remembered by a test that makes ten thousand.
            self._upstream.asked.clear()
            self._upstream.exchanges.clear()
        _ANSWERS.get(kind, _feed)(exchange, self._feed(name), rng)
        if rng.random() < 0.5:
            exchange.close()

    def _feed(self, name: str) -> bytes:
        first = self._newest[name]
        body = f"<p>Edited {self._edits[name]} times. {'Some words of it. ' * 40}</p>"
        items = [item(number, body=body if number == first else None) for number in range(first, first + _WINDOW)]
        return rss("".join(items), title=f"Feed {name}")


_Answer = Callable[[Exchange, bytes, random.Random], None]


def _feed(exchange: Exchange, body: bytes, _: random.Random) -> None:
    tag = f'"{zlib.crc32(body):08x}"'
    if exchange.asked.header("If-None-Match") == tag.encode():
        exchange.send(reply(304, etag=tag))
    else:
        exchange.send(reply(200, body, content_type=_XML, etag=tag))


def _packed(exchange: Exchange, body: bytes, _: random.Random) -> None:
    exchange.send(reply(200, gzip.compress(body), content_type=_XML, content_encoding="gzip"))


def _unconditional(exchange: Exchange, body: bytes, _: random.Random) -> None:
    exchange.send(reply(200, body, content_type=_XML))


def _status(exchange: Exchange, _: bytes, rng: random.Random) -> None:
    exchange.send(reply(rng.choice([400, 401, 403, 404, 418, 451, 500, 502, 503, 504, 599]), b"no", content_type="text/plain"))


def _leave_me(exchange: Exchange, _: bytes, rng: random.Random) -> None:
    exchange.send(reply(rng.choice([429, 503]), b"", retry_after=str(rng.randrange(1, 100_000))))


def _garbage(exchange: Exchange, _: bytes, rng: random.Random) -> None:
    exchange.send(reply(200, rng.randbytes(rng.randrange(20_000)), content_type=_XML))


def _no_http(exchange: Exchange, _: bytes, rng: random.Random) -> None:
    exchange.send(rng.randbytes(200))
    exchange.close()


def _page(exchange: Exchange, _: bytes, rng: random.Random) -> None:
    words = f"<!doctype html><html><title>Down {rng.random()}</title><body>" + "<div>" * 300
    exchange.send(reply(200, words.encode(), content_type="text/html"))


def _nothing(exchange: Exchange, _: bytes, __: random.Random) -> None:
    exchange.send(reply(200, b"", content_type=_XML))


def _torn_document(exchange: Exchange, body: bytes, rng: random.Random) -> None:
    exchange.send(reply(200, body[: rng.randrange(1, len(body))], content_type=_XML))


def _cut_off(exchange: Exchange, body: bytes, rng: random.Random) -> None:
    answer = reply(200, body, content_type=_XML)
    exchange.send(answer[: rng.randrange(1, len(answer))])
    rng.choice([exchange.close, exchange.reset])()


def _reset(exchange: Exchange, _: bytes, __: random.Random) -> None:
    exchange.reset()


def _slow(exchange: Exchange, body: bytes, _: random.Random) -> None:
    answer = reply(200, body, content_type=_XML)
    for start in range(0, len(answer), 1000):
        exchange.upstream.stopping.wait(0.02)
        exchange.send(answer[start : start + 1000])


def _silent(exchange: Exchange, _: bytes, __: random.Random) -> None:
    exchange.stall(longest=3)
    exchange.close()


def _away(exchange: Exchange, _: bytes, rng: random.Random) -> None:
    target = exchange.asked.target.decode("ascii", "replace")
    where = rng.choice([target, "http://10.0.0.1/", "/x", "//", "gopher://a/", "http://nowhere.invalid/feed"])
    exchange.send(reply(rng.choice([301, 302, 303, 307, 308]), b"", location=where))


def _gzip_bomb(exchange: Exchange, _: bytes, __: random.Random) -> None:
    exchange.send(reply(200, _BOMB, content_type=_XML, content_encoding="gzip"))


def _torn_gzip(exchange: Exchange, body: bytes, rng: random.Random) -> None:
    packed = gzip.compress(body)
    exchange.send(reply(200, packed[: rng.randrange(len(packed))], content_type=_XML, content_encoding="gzip"))


def _laughs(exchange: Exchange, _: bytes, __: random.Random) -> None:
    exchange.send(reply(200, _LAUGHS, content_type=_XML))


def _long_head(exchange: Exchange, _: bytes, rng: random.Random) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * rng.choice([7000, 60_000]) + b"\r\n\r\n")
    exchange.close()


def _odd_validators(exchange: Exchange, body: bytes, rng: random.Random) -> None:
    tag = "".join(chr(rng.randrange(33, 255)) for _ in range(rng.randrange(300)))
    exchange.send(reply(200, body, content_type=_XML, etag=tag.encode("latin-1"), last_modified=str(rng.random())))


_ANSWERS: dict[str, _Answer] = {
    "gzip": _packed,
    "no validators": _unconditional,
    "status": _status,
    "leave me": _leave_me,
    "garbage": _garbage,
    "no HTTP": _no_http,
    "page": _page,
    "nothing": _nothing,
    "torn document": _torn_document,
    "cut off": _cut_off,
    "reset": _reset,
    "slow": _slow,
    "silent": _silent,
    "redirect": _away,
    "gzip bomb": _gzip_bomb,
    "torn gzip": _torn_gzip,
    "billion laughs": _laughs,
    "long head": _long_head,
    "odd validators": _odd_validators,
}
#: Drawn from: a third of the answers is what a good upstream says.
_KINDS = (*_ANSWERS, *("news", "changed", "same") * 3, "same")
