"""A project whose feeds have archives, and a reader that walks them by the rules of RFC 5005."""

from __future__ import annotations

import asyncio
import shutil
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

import pytest
from lxml import etree

from aggregator.cli import main
from aggregator.model.poll import Event, Note, OutputEvent, Summary
from aggregator.pipeline.project import open_project
from aggregator.pipeline.publishing import publish_all
from aggregator.pipeline.sync import SyncRequest, run_sync
from aggregator.settings import load_settings
from aggregator.workers import Workers
from tests.upstream import SITE_ID, Upstream, rss

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARCHIVE = "{http://purl.org/syndication/history/1.0}archive"
SITE = "https://news.example/"


def dated(number: int, date: datetime, *, text: str = "", guid: str | None = None) -> str:
    """Return one <item> with its date."""
    return (
        f"<item><title>Entry {number}</title><link>http://upstream.example/{number}</link>"
        f'<guid isPermaLink="false">{guid or f"entry-{number}"}</guid><pubDate>{date:%a, %d %b %Y %H:%M:%S} GMT</pubDate>'
        f"<description><![CDATA[<p>Text of entry {number}. {text}</p>]]></description></item>"
    )


class Archive:
    """One project with sources by id, synced at moments that a test names."""

    def __init__(self, root: Path, upstream: Upstream, sources: Mapping[str, str], public: str = "{entries: 10}") -> None:
        """Take each source's category by its id."""
        self.root = root / "project"
        self.upstream = upstream
        (self.root / "config" / "sources").mkdir(parents=True)
        self.events: list[Event] = []
        self.settings(public)
        self.sources(sources)

    def settings(self, public: str = "{entries: 10}", *, site: str = SITE, title: str = "T", more: str = "") -> None:
        """Write settings.yaml."""
        (self.root / "config" / "settings.yaml").write_text(
            f"site: {{id: '{SITE_ID}', title: {title}, url: '{site}'}}\nfetch: {{allow_private: [127.0.0.0/8]}}\n"
            f"posts: {{durable: false{more}}}\npublic: {public}\n",
            "utf-8",
        )

    def sources(self, sources: Mapping[str, str]) -> None:
        """Write the sources' file anew."""
        lines = [
            f"  {name}: {{feed: '{self.upstream.address}/{name}', categories: [{category}]}}\n"
            for name, category in sources.items()
        ]
        (self.root / "config" / "sources" / "all.yaml").write_text("sources:\n" + "".join(lines), "utf-8")

    def send(self, name: str, *items: str) -> None:
        """Let an upstream have just these items."""
        page = self.upstream.feed(f"/{name}")
        page.body = rss("".join(items))

    def sync(self, now: datetime, *, jobs: int = 1) -> Summary:
        """Run a forced sync at this moment."""
        self.events = []
        with open_project(self._load(), self.events.append, now) as project:
            return run_sync(project, SyncRequest(now=now, stamp=now, force=True, jobs=jobs), self.events.append)

    def build(self, now: datetime, *, jobs: int = 1) -> int:
        """Build all feeds at this moment; return how many files were written."""

        async def run() -> None:
            with Workers(jobs) as workers:
                await project.look_everywhere(workers, self.events.append)
                await publish_all(project, workers, self.events.append)

        self.events = []
        with open_project(self._load(), self.events.append, now) as project:
            asyncio.run(run())
            project.close_folders()
            return project.outputs_written

    def copy(self, root: Path) -> Self:
        """Return a copy of the project, state and times included."""
        shutil.copytree(self.root, root)
        made = copy(self)
        made.root, made.events = root, []
        return made

    def post(self, number: int) -> Path:
        """Return the post of an entry."""
        [found] = (self.root / "posts").rglob(f"entry-{number}-*.md")
        return found

    def _load(self) -> Any:
        return load_settings(self.root, self.root / "config", {})

    @property
    def feeds(self) -> Path:
        """Return the folder of feeds."""
        return self.root / "public" / "feeds"

    def pages(self, feed: str = "news") -> list[str]:
        """Return the names of a feed's archive pages, sorted by name."""
        return sorted(path.name for path in (self.feeds / f"{feed}.archive").glob("*"))

    def closed(self) -> dict[str, tuple[bytes, int]]:
        """Return bytes and time of every archive page."""
        found = sorted(self.feeds.rglob("*.archive/*"))
        return {path.relative_to(self.feeds).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    def walk(self, feed: str = "news", former: str | None = None) -> Walk:
        """Walk a feed's archive as files."""
        return walk(f"{SITE}feeds/{feed}.atom", self.served, former=f"{SITE}feeds/{former}.atom")

    def served(self, address: str) -> bytes:
        """Return what lies at an address of the site."""
        return (self.root / "public" / unquote(address.removeprefix(SITE))).read_bytes()

    def document(self, address: str) -> Any:
        """Return the root of the document at an address of the site."""
        return etree.fromstring(self.served(address))

    def check(self) -> str:
        """Return what `check feeds` says; nothing if all is well."""
        out = StringIO()
        with redirect_stdout(out), redirect_stderr(StringIO()), pytest.raises(SystemExit) as left:
            main(["-C", str(self.root), "check", "feeds"])
        return "" if left.value.code == 0 else out.getvalue() or f"exit {left.value.code}"

    def told(self) -> list[str]:
        """Return what the last run said of its outputs."""
        outputs = [event for event in self.events if isinstance(event, OutputEvent)]
        notes = [event.text for event in self.events if isinstance(event, Note)]
        return [*notes, *(text for event in outputs for text in (*event.warnings, *filter(None, [event.refused])))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of an archived feed."""

    address: str
    root: Any
    ids: tuple[str, ...]

    def link(self, relation: str) -> str | None:
        """Return the address of its link of that relation."""
        found = [link.get("href") for link in self.root.iterchildren(f"{_ATOM}link") if link.get("rel") == relation]
        assert len(found) <= 1, (self.address, relation)
        return found[0] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What a reader finds that reconstructs the feed: the subscription document first, then its archive, newest page first."""

    documents: tuple[Document, ...]

    @property
    def live(self) -> Document:
        """Return the subscription document."""
        return self.documents[0]

    @property
    def pages(self) -> tuple[Document, ...]:
        """Return the archive documents."""
        return self.documents[1:]

    @property
    def ids(self) -> list[str]:
        """Return the id of every entry that the whole holds, as often as its archive documents hold it, else once."""
        archived = [each for page in self.pages for each in page.ids]
        return [each for each in self.live.ids if each not in set(archived)] + archived


def walk(address: str, get: Callable[[str], bytes], former: str | None = None) -> Walk:
    """Follow prev-archive links from a subscription document to the oldest archive document (RFC 5005 §4.2).

    What every document must be is asserted: the same feed, at the address that led there, an archive only behind the first.
    `former` is where the feed lay before it was renamed, which old pages may call the current one.
    """
    documents: list[Document] = []
    following: str | None = address
    while following is not None:
        assert following not in {document.address for document in documents}, f"a circle at {following}"
        root = etree.fromstring(get(following))
        ids = tuple(entry.findtext(f"{_ATOM}id") or "" for entry in root.iterchildren(f"{_ATOM}entry"))
        document = Document(address=following, root=root, ids=ids)
        assert document.link("self") == following
        assert (root.find(_ARCHIVE) is not None) == bool(documents)
        assert document.link("current") in ({address, former} if documents else {None})
        assert documents == [] or root.findtext(f"{_ATOM}id") == documents[0].root.findtext(f"{_ATOM}id")
        documents.append(document)
        following = document.link("prev-archive")
    return Walk(documents=tuple(documents))


def fetch(address: str) -> bytes:
    """Return what a web server answers."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own server
        found: bytes = answer.read()
    return found


def spread(start: datetime, end: datetime, number: int) -> list[datetime]:
    """Return so many moments between two, oldest first, evenly."""
    step = (end - start) / number
    return [(start + step * each).replace(microsecond=0) for each in range(number)]


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
