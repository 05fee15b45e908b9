"""Fixtures played as a user would meet them: each a source of one project, over HTTP, poll by poll, read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lxml import etree

from aggregator.model.entry import Entry
from aggregator.model.poll import Outcome, SourceEvent
from aggregator.publish.document import examine
from aggregator.store.profiles import get_profile
from tests.raw_upstream import Route, Script, Upstream
from tests.timeline import Timeline, feed
from tests.upstream import ATOM

#: What one poll is answered with: a document, a whole response (it begins with HTTP/), or a script.
Answer = bytes | str | Script
Answers = Answer | list[Answer]


class Play:
    """One project; each source answers with its document, or with one of a list at each poll."""

    def __init__(self, root: Path, upstream: Upstream, answers: Mapping[str, Answers], settings: Mapping[str, str]) -> None:
        self.upstream = upstream
        self.timeline = Timeline(root, {name: upstream.address(f"/{name}") for name in answers}, **settings)
        self.told: dict[str, SourceEvent] = {}

    def poll(self, hours: float = 0) -> dict[str, SourceEvent]:
        """Ask every source at this hour, due or not; return what became of each, and check what was published."""
        self.told = self.timeline.sync(hours, force=True)
        assert not {event.kind for event in self.told.values()} & _OURS, self.told
        for path, document in self.timeline.files().items():
            if path.endswith(".atom"):
                assert examine(document).faults == (), path
        return self.told

    def entries(self, name: str) -> list[Entry]:
        """Return what stands in the posts of a source, by id."""
        read = get_profile("default").read
        found = [read(post, None) for path, post in self.timeline.files().items() if path.startswith("posts/")]
        return sorted((entry for entry in found if entry.source_id == name), key=lambda entry: entry.id)

    def entry(self, name: str) -> Entry:
        """Return the only entry of a source."""
        [entry] = self.entries(name)
        return entry

    def published(self) -> dict[str, etree._Element]:
        """Return the entries of the feed of everything, by title."""
        root = etree.fromstring(self.timeline.files()["public/feeds/all.atom"])
        return {str(entry.findtext("a:title", "", ATOM)): entry for entry in root.iterfind("a:entry", ATOM)}

    def files(self) -> dict[str, bytes]:
        """Return posts and feeds by path."""
        return self.timeline.files()


#: What would be a fault of ours: a bug, or a reader that had to be killed.
_OURS = {"bug", "deadline", "memory", "crash", "stuck"}


@contextmanager
def play(root: Path, answers: Mapping[str, Answers], *, host: str = "127.0.0.2", **settings: str) -> Iterator[Play]:
    """Serve the documents and give the project that polls them; `settings` are added to a source's as YAML."""
    routes: dict[str, Route] = {
        f"/{name}": [_answer(one) for one in given] if isinstance(given, list) else _answer(given)
        for name, given in answers.items()
    }
    with Upstream(routes=routes, host=host) as upstream:
        yield Play(root, upstream, answers, settings)


def once(root: Path, answers: Mapping[str, Answers], **settings: str) -> Play:
    """Play a single poll of every source."""
    with play(root, answers, **settings) as played:
        played.poll()
    return played


def _answer(given: Answer) -> Script:
    if isinstance(given, str):
        given = given.encode()
    return feed(given) if isinstance(given, bytes) and not given.startswith(b"HTTP/") else given


__all__ = ["Answer", "Outcome", "Play", "once", "play"]
