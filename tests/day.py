"""A simulated day: sources of every temper on many loopback hosts, polled by the real pipeline every five minutes.

Everything but the clock is real: sockets, files, SQLite, worker processes; each run opens the project anew, as cron would. The
servers know the simulated time, note each request with it, and have `day_rules.Judge` judge what they see.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from aggregator.model.poll import Begin, Event, Outcome, SourceEvent
from aggregator.pipeline.project import open_project
from aggregator.pipeline.sync import SyncRequest, run_sync
from aggregator.settings import load_settings
from tests.day_rules import Book, Judge, Said
from tests.day_sources import START, DaySource, Trouble, http_date
from tests.raw_upstream import Exchange, Upstream, reply
from tests.upstream import SITE_ID

STEP = timedelta(minutes=5)
#: What a request takes at least, so that two at once are seen.
_ANSWERING = 0.003
_PAGE = b"<html><head><title>Just a moment...</title></head><body>We will be back.</body></html>"
_SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}


class Day:
    """The hosts, the project that polls their sources, and what came of it. A context manager."""

    def __init__(self, root: Path, sources: Sequence[DaySource]) -> None:
        """Take an empty folder and the sources."""
        self.root = root
        self.sources = {source.name: source for source in sources}
        self.judge = Judge((source.name, _book(source)) for source in sources)
        self.served: set[str] = set()  #: ids of the entries that stood in a feed
        self.runs = 0
        self.held = 0  #: visits given up in a run, since the host closed while others waited
        self.bugs: list[str] = []
        self._kept: set[tuple[str, int]] = set()  #: connections that have served a request
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._run = START
        self._began = 0.0

    def __enter__(self) -> Self:
        """Start the hosts and write the config."""
        hosts = sorted(self.judge.hosts)
        self._hosts = {host: self._stack.enter_context(Upstream(routes={"*": self._script(host)}, host=host)) for host in hosts}
        (self.root / "config" / "sources").mkdir(parents=True)
        limits = ", ".join(f"{host}: {{per_host: 1, gap: 0s}}" for host in hosts)
        (self.root / "config" / "settings.yaml").write_text(
            f"site: {{id: '{SITE_ID}', title: T, url: 'https://news.example/'}}\nposts: {{durable: false}}\n"
            f"fetch: {{allow_private: [127.0.1.0/24], timeout: 10s, hosts: {{{limits}}}}}\n",
            "utf-8",
        )
        lines = [f"  {source.name}: {self._configured(source)}\n" for source in self.sources.values()]
        (self.root / "config" / "sources" / "all.yaml").write_text("sources:\n" + "".join(lines), "utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the hosts."""
        self._stack.close()

    def play(self, length: timedelta, seed: int) -> None:
        """Run a sync every five minutes, up to 20 seconds late, each in a project opened anew."""
        chance = random.Random(seed)
        for number in range(length // STEP):
            self._run = START + number * STEP + timedelta(seconds=chance.randint(0, 20))
            self.judge.begin(self._run)
            self._began = time.monotonic()
            settings = load_settings(self.root, self.root / "config", {})
            with open_project(settings, self._report, self._run) as project:
                run_sync(project, SyncRequest(now=self._run, stamp=self._run, jobs=1), self._report)
            self.judge.end()
            self.runs += 1

    def posts(self) -> int:
        """Return how many posts were written."""
        return sum(1 for _ in (self.root / "posts").rglob("*.md"))

    def _configured(self, source: DaySource) -> str:
        every = f", every: {source.every}" if source.every else ""
        category = f"c{int(source.name[1:]) % 4}"
        return f"{{feed: '{self._hosts[source.host].address(f'/{source.name}')}', categories: [{category}]{every}}}"

    def _report(self, event: Event) -> None:
        if isinstance(event, Begin):
            self._began = time.monotonic()  # the run's own clock has just started, too
        if isinstance(event, SourceEvent):
            if event.outcome is Outcome.HELD:
                self.held += 1
                self.judge.held(event.source_id)
            self.bugs += [f"{event.source_id}: {event.trace}"] if event.trace else []

    def _now(self) -> datetime:
        """Return the simulated time in whole seconds, as HTTP counts it."""
        return self._run + timedelta(seconds=int(time.monotonic() - self._began))

    def _script(self, host: str) -> Callable[[Exchange], None]:
        """Return what a host does with each request: judge it, take a moment, answer, and be done with the last byte.

        Of an answer that is no 200 that is the last byte of the head: nobody has to read the rest.
        """

        def script(exchange: Exchange) -> None:
            source = self.sources[exchange.asked.target.decode().split("/")[1]]
            etag, modified = (_text(exchange.asked.header(name)) for name in ("if-none-match", "if-modified-since"))
            at = self._now()
            with self._lock:
                self.judge.asked(source.name, host, at, etag, modified)
            time.sleep(_ANSWERING)
            said, data = self._answer(source, host, at, etag, modified)
            last = data.index(b"\r\n\r\n") + 4 if said.status not in {0, 200} else len(data)
            exchange.send(data[: last - 1])
            with self._lock:
                connection = (host, exchange.asked.connection)
                self.judge.said(source.name, host, at, said, kept=connection in self._kept)
                self._kept.add(connection)
                if said.feed:
                    self.served.update(source.body(at)[2])
            if said.status:
                exchange.send(data[last - 1 :])
            else:
                exchange.reset()

        return script

    def _answer(self, source: DaySource, host: str, at: datetime, etag: str | None, modified: str | None) -> tuple[Said, bytes]:
        if source.target is not None and host != source.target and at >= source.leaves:
            status = 301 if source.permanent else 302
            place = self._hosts[source.target].address(f"/{source.name}/there")
            return Said(status=status), reply(status, b"moved", location=place)
        trouble = next((one for one in source.troubles if one.since <= at < one.until), None)
        headers = _freshness_headers(source, at)
        if trouble is not None:
            return _trouble(source, trouble, at, headers)
        body, changed, _ = source.body(at)
        tag = f'"{sha256(body).hexdigest()[:12]}"' if source.etag else None
        date = http_date(changed) if source.modified else None
        headers |= {"etag": tag} if tag else {}
        headers |= {"last_modified": date} if date else {}
        said = Said(
            status=200,
            feed=True,
            etag=tag,
            modified=date,
            fresh=_fresh(source),
            ttl=source.ttl,
            skip_hours=source.skip_hours,
            skip_days=source.skip_days,
        )
        if (tag and tag == etag) or (date and not tag and date == modified):
            if source.silent_304:
                return Said(status=304), reply(304)
            return replace(said, status=304, feed=False), reply(304, **headers)
        return said, reply(200, body, content_type="application/rss+xml", **headers)


def _trouble(source: DaySource, trouble: Trouble, at: datetime, headers: dict[str, Any]) -> tuple[Said, bytes]:
    match trouble.kind:
        case "seconds":
            wait = str(trouble.wait)
            return Said(status=trouble.status, wait=trouble.wait), reply(trouble.status, b"later", retry_after=wait)
        case "date":
            date = http_date(at + timedelta(seconds=trouble.wait))
            return Said(status=trouble.status, wait=trouble.wait), reply(trouble.status, b"later", retry_after=date)
        case "bare":
            return Said(status=429), reply(429, b"too many")
        case "500":
            return Said(status=500), reply(500, b"oops")
        case "page":
            page = reply(200, _PAGE, content_type="text/html", etag='"page"', **headers)
            return Said(status=200, fresh=_fresh(source)), page
    return Said(status=0), b"HTTP/1.1 200 OK\r\n"


def _freshness_headers(source: DaySource, at: datetime) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if source.max_age is not None:
        headers = {"cache_control": f"public, max-age={source.max_age}", "expires": http_date(at + timedelta(days=4))}
    if source.age is not None:
        headers["age"] = str(source.age)
    if source.expires is not None:
        headers = {"expires": http_date(at + timedelta(seconds=source.expires))}
        headers |= {"date": http_date(at)} if source.dated else {}
    return headers


def _fresh(source: DaySource) -> int | None:
    left = source.expires if source.max_age is None else source.max_age - (source.age or 0)
    return None if left is None else max(0, left)


def _book(source: DaySource) -> Book:
    every = int(source.every[:-1]) * _SPANS[source.every[-1]] if source.every else None
    return Book(host=source.host, target=source.target, every=every)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
