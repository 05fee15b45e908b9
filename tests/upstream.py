"""A fake upstream over real HTTP on loopback, and a project folder that polls it: what end-to-end tests are made of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from lxml import etree

from aggregator.cli import main

ATOM = {"a": "http://www.w3.org/2005/Atom"}
#: Set for the whole session: every command is a process, as its users run it.
PROCESSES = "TESTS_RUN_PROCESSES"
_STAMP = "SOURCE_DATE_EPOCH"
SITE_ID = "urn:uuid:0f9d1c3a-5b52-4c4e-9a53-3f7f3d1c2b10"


@dataclass(slots=True)
class Page:
    """What one path answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    validators: bool = True  #: send an ETag and honour it
    respond: Callable[[Any], None] | None = None  #: takes over the whole answer


@dataclass(slots=True)
class Request:
    """What an upstream was asked."""

    path: str
    headers: Mapping[str, str]
    status: int


class _Server(ThreadingHTTPServer):
    """A server whose clients may leave."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show the bugs of tests, not a client that has gone: the lines would stand among those of the command under test."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Upstream:
    """Serves `pages`, notes `requests`. A context manager."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def feed(self, path: str, items: str = "", **changes: Any) -> Page:
        """Serve an RSS feed of these <item> elements."""
        self.pages[path] = Page(body=rss(items), headers={"Content-Type": "application/rss+xml"}, **changes)
        return self.pages[path]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        page = self.pages.get(handler.path, Page(status=404, body=b"nothing here"))
        tag = f'"{sha256(page.body).hexdigest()[:16]}"'
        known = page.validators and handler.headers.get("If-None-Match") == tag
        status = 304 if known and page.status == 200 else page.status
        self.requests.append(Request(path=handler.path, headers=dict(handler.headers.items()), status=status))
        if page.respond is not None:
            page.respond(handler)
            handler.close_connection = True
            return
        handler.send_response(status)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        if page.validators and page.status == 200:
            handler.send_header("ETag", tag)
        body = b"" if status == 304 else page.body
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def rss(items: str, title: str = "Upstream") -> bytes:
    """Return an RSS 2.0 document."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{title}</title><link>http://upstream.example/</link><description>d</description>{items}</channel></rss>"
    ).encode()


def item(number: int, *, title: str | None = None, body: str | None = None, dated: bool = True) -> str:
    """Return one <item>; without `dated` it carries no date."""
    date = format_datetime(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number), usegmt=True)
    return (
        f"<item><title>{title or f'Entry {number}'}</title><link>http://upstream.example/{number}</link>"
        f'<guid isPermaLink="false">entry-{number}</guid>'
        + (f"<pubDate>{date}</pubDate>" if dated else "")
        + f"<description><![CDATA[{body or f'<p>Text of entry {number}.</p>'}]]></description></item>"
    )


class Folder:
    """A project folder, and the command run on it as a user would: in a process of its own with an empty HOME."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "config" / "sources").mkdir(parents=True)
        self.settings()

    def settings(self, more: str = "") -> None:
        """Write settings.yaml."""
        (self.root / "config" / "settings.yaml").write_text(
            f"site: {{id: '{SITE_ID}', title: Test site, url: 'https://news.example/', author: Tester}}\n"
            f"{'' if 'fetch:' in more else 'fetch: {allow_private: [127.0.0.0/8]}'}\n{more}\n",
            "utf-8",
        )

    def sources(self, text: str) -> None:
        """Write the sources' file."""
        (self.root / "config" / "sources" / "all.yaml").write_text(text, "utf-8")

    def sources_at(self, addresses: Mapping[str, str], more: str = "") -> None:
        """Write one source for each id and address."""
        lines = [f"  {name}: {{feed: '{address}', categories: [news, {name}]{more}}}" for name, address in addresses.items()]
        self.sources("sources:\n" + "\n".join(lines) + "\n")

    def command(self, *words: str) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "aggregator", "-C", str(self.root), *words]

    def environment(self, **more: str) -> dict[str, str]:
        """Return a clean environment with an empty HOME."""
        home = self.root.parent / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ}
        return {**kept, "HOME": str(home), **more}

    def run(self, *words: str, seconds: float = 100, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, which must come within so many seconds.

        With an environment, or under --processes (CI), it is a process; else it runs in this one, which is four times as fast.
        The one variable that is read anew by each command needs no process either.
        """
        if not environment.keys() - {_STAMP} and not os.environ.get(PROCESSES):
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                return self.here(*words)
        return subprocess.run(
            self.command(*words),
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=seconds,
            check=False,
        )

    def sync(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `sync` and expect it to succeed."""
        done = self.run("sync", *words, seconds=100, **environment)
        assert done.returncode == 0, done.stderr
        return done

    def here(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command in this process, which spares half a second: for commands that ask nobody and touch no signal."""
        out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main(["-C", str(self.root), *words])
        said = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]
        return subprocess.CompletedProcess(words, int(str(left.value.code)), *said)

    def copy(self, root: Path) -> Self:
        """Return a copy of the project, state and times included."""
        shutil.copytree(self.root, root)
        made = copy(self)
        made.root = root
        return made

    def files(self, *folders: str) -> dict[str, bytes]:
        """Return every file below these folders, by path; posts/, public/ and the ledger unless told otherwise."""
        found: dict[str, bytes] = {}
        for folder in folders or ("posts", "public", "archive", "ledger.jsonl"):
            place = self.root / folder
            for path in [place] if place.is_file() else sorted(place.rglob("*")):
                if path.is_file():
                    found[path.relative_to(self.root).as_posix()] = path.read_bytes()
        return found

    def times(self) -> dict[str, int]:
        """Return the modification time of everything below posts/ and public/."""
        return {
            path.relative_to(self.root).as_posix(): path.stat().st_mtime_ns
            for folder in ("posts", "public")
            for path in sorted((self.root / folder).rglob("*"))
        }


def unsealed(text: str) -> str:
    """Return a post without its seal, to compare what it says."""
    return re.sub(r"\n *seal: '[0-9a-f]{16}'(?=\n)", "", text)


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def titles(folder: Folder, feed: str) -> list[str]:
    root = etree.fromstring((folder.root / "public" / "feeds" / feed).read_bytes())
    return [str(title.text) for title in root.iterfind("a:entry/a:title", ATOM)]
