"""A project polled in process at moments that a test names, against a scripted upstream on 127.0.0.2.

Everything but the clock is real: sockets, files, SQLite, worker processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator.model.poll import Event, SourceEvent, SourceState
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.planning import upcoming
from aggregator.pipeline.project import open_project
from aggregator.pipeline.sync import SyncRequest, run_sync
from aggregator.schedule import Next
from aggregator.settings import load_settings
from aggregator.store.opening import open_state
from aggregator.store.state import State
from tests.raw_upstream import Upstream, reply
from tests.upstream import SITE_ID, item, rss

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # a Monday
FEED = rss(item(1) + item(2))
MORE = rss(item(1) + item(2) + item(3))
RSS_TYPE = "application/rss+xml"


def feed(body: bytes = FEED, **headers: str) -> bytes:
    """Return a 200 that carries a feed."""
    return reply(200, body, **{"content_type": RSS_TYPE, **headers})


class Timeline:
    """One project; hours count from START."""

    def __init__(self, root: Path, sources: Mapping[str, str], **more: str) -> None:
        """Take each source's address by its id; `more` is added to a source's settings as YAML."""
        self.root = root / "project"
        (self.root / "config" / "sources").mkdir(parents=True)
        self.events: list[Event] = []
        self.settings()
        self.sources(sources, **more)

    def settings(self, fetch: str = "", *, private: str = "127.0.0.2") -> None:
        """Write settings.yaml: no other private addresses may be reached."""
        (self.root / "config" / "settings.yaml").write_text(
            f"site: {{id: '{SITE_ID}', title: T, url: 'https://news.example/'}}\n"
            f"fetch: {{allow_private: [{private}], timeout: 5s{fetch}}}\nposts: {{durable: false}}\n",
            "utf-8",
        )

    def sources(self, sources: Mapping[str, str], **more: str) -> None:
        """Write the sources' file anew."""
        lines = [
            f"  {name}: {{feed: '{address}', categories: [news]{more.get(name, '')}}}\n" for name, address in sources.items()
        ]
        (self.root / "config" / "sources" / "all.yaml").write_text("sources:\n" + "".join(lines), "utf-8")

    def sync(self, hours: float, *names: str, **how: Any) -> dict[str, SourceEvent]:
        """Run a sync at this hour; return what became of each source that was due."""
        now = START + timedelta(hours=hours)
        settings = load_settings(self.root, self.root / "config", {})
        self.events = []
        with open_project(settings, self.events.append, now) as project:
            run_sync(project, SyncRequest(now=now, stamp=now, sources=names, jobs=1, **how), self.events.append)
        return {event.source_id: event for event in self.events if isinstance(event, SourceEvent)}

    def state(self, name: str) -> SourceState:
        """Return what is remembered of a source."""
        opened = self._open()
        try:
            return opened.sources()[name]
        finally:
            opened.close()

    def next(self, name: str, hours: float) -> Next:
        """Return when a source is polled next, as seen at this hour."""
        settings = load_effective(load_settings(self.root, self.root / "config", {}))
        [source] = [one for one in settings.sources if one.name == name]
        opened = self._open()
        try:
            return upcoming(source, opened.sources().get(source.id), opened.hosts(), START + timedelta(hours=hours))
        finally:
            opened.close()

    def files(self) -> dict[str, bytes]:
        """Return posts and feeds by path."""
        places = (self.root / "posts", self.root / "public")
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for place in places
            for path in sorted(place.rglob("*"))
            if path.is_file()
        }

    def posts(self) -> int:
        """Return how many posts there are."""
        return sum(path.startswith("posts/") for path in self.files())

    def ledger(self) -> str:
        """Return the ledger's text; empty where there is none."""
        path = self.root / "ledger.jsonl"
        return path.read_text("utf-8") if path.exists() else ""

    def _open(self) -> State:
        return open_state("sqlite:///state/state.sqlite", self.root, create=False).state


def asked_at(upstream: Upstream, target: str) -> int:
    """Return how often a target was asked for."""
    return sum(asked.target == target.encode() for asked in upstream.asked)


def content_of(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return these files but for the feed of health, which tells of sources and not of entries."""
    return {path: content for path, content in files.items() if not path.endswith("feeds/status.atom")}
