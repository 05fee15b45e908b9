"""The runs that the crash sweep cuts off: each a project made ready, a command, and what it must come to in the end."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import Faults
from tests.upstream import Folder, Upstream, item

#: Two clocks, for entries without a date: that of the run that is cut off, and that of the one after it.
EARLIER, LATER = "1767225600", "1767312000"
SYNC = ("sync", "--force", "--jobs", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One command on a project that was made ready for it."""

    words: tuple[str, ...]
    prepare: Callable[[Folder, Upstream], None]
    after: tuple[tuple[str, ...], ...] = (SYNC,)  #: the clean run that follows the fault
    undated: str = ""  #: beginning of the name of the one post that the command itself dates
    settings: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a project comes to: its files, and what its state says of them."""

    files: dict[str, bytes]
    state: dict[str, list[Any]]


class Stage:
    """A scenario with its upstream running, and the outcomes of undisturbed runs."""

    def __init__(self, root: Path, scenario: Scenario, upstream: Upstream) -> None:
        self.scenario = scenario
        self.folder = Folder(root / "run" / "project")
        self.faults = Faults(root, self.folder)
        self._ready = root / "ready"
        self._outcomes: dict[bool, Outcome] = {}
        self.folder.settings(scenario.settings)
        self.folder.sources_at({name: f"{upstream.address}/{name}" for name in "abc"})
        for name, first in zip("abc", (0, 10, 20), strict=True):
            upstream.feed(f"/{name}", "".join(item(first + number, dated=first + number != 2) for number in range(3)))
        scenario.prepare(self.folder, upstream)
        shutil.copytree(self.folder.root, self._ready)

    def reset(self) -> Folder:
        """Make the project ready again."""
        shutil.rmtree(self.folder.root)
        shutil.copytree(self._ready, self.folder.root)
        return self.folder

    def expected(self, *, dated_by_first: bool) -> Outcome:
        """Return what undisturbed runs come to, with the undated entry seen first by the first run or by the second.

        The project is used for it, so look at what is there before.
        """
        if dated_by_first not in self._outcomes:
            self.reset()
            first = self.faults.run(self.scenario.words, SOURCE_DATE_EPOCH=EARLIER if dated_by_first else LATER)
            assert first.returncode == 0, first.stderr
            self.finish("undisturbed")
            self._outcomes[dated_by_first] = outcome(self.folder)
        return self._outcomes[dated_by_first]

    def finish(self, where: str) -> None:
        """Run what follows a fault; it must succeed."""
        for words in self.scenario.after:
            done = self.faults.run(words, SOURCE_DATE_EPOCH=LATER)
            assert done.returncode == 0, f"{where}: {done.stderr}"

    def is_dated(self) -> bool:
        """Tell whether the post that the command dates is on the disk."""
        undated = self.scenario.undated
        return not undated or any((self.folder.root / "posts").rglob(f"{undated}*.md"))


@contextmanager
def staged(root: Path, scenario: Scenario) -> Iterator[Stage]:
    """Run the scenario's upstream and make its project ready."""
    with Upstream() as upstream:
        stage = Stage(root, scenario, upstream)
        with stage.faults:
            yield stage


def outcome(folder: Folder) -> Outcome:
    """Return what the project has come to."""
    files = folder.files()
    if "ledger.jsonl" in files:
        files["ledger.jsonl"] = _without_times(files["ledger.jsonl"])
    return Outcome(files=files, state=_state(folder))


def _without_times(ledger: bytes) -> bytes:
    """Return the ledger without when its lines were noted, which is the clock's."""
    rows = [json.loads(line) for line in ledger.splitlines()]
    return "\n".join(json.dumps({key: value for key, value in row.items() if key != "at"}) for row in rows).encode()


#: What the state must say again. Times of polls are the clock's; how a date was chosen (`dated`) is forgotten when a post is
#: adopted, as documented; what was recognised (`warnings`) is told once, by whichever run wrote it into the ledger.
_QUERIES = {
    "entries": "select key, source_id, entry_id, path, raw_hash, link_hash, post_hash, date, category, title, locked, noted,"
    " traits from entries order by key",
    "categories": "select category from categories order by category",
    "outputs": "select path, frame_hash, dirty from outputs order by path",
    "sources": "select id, fingerprint, etag, body_hash, failures from sources order by id",
    "open folders": "select path from folders where mtime_ns is null",
    "closed folders": "select path from folders order by path",
}


def _state(folder: Folder) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(folder.root / "state" / "state.sqlite")) as raw:
        return {name: raw.execute(query).fetchall() for name, query in _QUERIES.items()}


def _nothing(_folder: Folder, _upstream: Upstream) -> None:
    """Leave the project as it is: the first sync is the one to be cut off."""


def _news(folder: Folder, upstream: Upstream) -> None:
    """Sync; then upstream edits an entry, gives another one a new id, and has two new ones, one without a date."""
    folder.sync(SOURCE_DATE_EPOCH=EARLIER)
    upstream.feed("/a", item(0, body="<p>Edited upstream.</p>") + item(1) + item(2, dated=False) + item(3))
    upstream.feed("/b", item(10) + item(11).replace(">entry-11<", ">renamed-11<") + item(12) + item(13, dated=False))


def _overflow(folder: Folder, upstream: Upstream) -> None:
    """Sync with feeds that hold two entries, so that pages of an archive are due."""
    upstream.feed("/a", "".join(item(number, dated=number != 2) for number in range(6)))
    folder.sync(SOURCE_DATE_EPOCH=EARLIER)


def _hands(folder: Folder, upstream: Upstream) -> None:
    """Sync; then somebody edits a post, and the site gets another title, so that every feed is to be written."""
    folder.sync(SOURCE_DATE_EPOCH=EARLIER)
    [post] = (folder.root / "posts/news/c").glob("entry-21-*.md")
    post.write_text(post.read_text("utf-8").replace("Text of entry 21.", "My own words."), "utf-8")
    folder.settings("public: {entries: 7}")
    del upstream


def _settings(folder: Folder, upstream: Upstream) -> None:
    """Sync; then a source gets another category and title, so that its posts are to be written anew and its feed loses half."""
    folder.sync(SOURCE_DATE_EPOCH=EARLIER)
    folder.sources_at({name: f"{upstream.address}/{name}" for name in "abc"})
    sources = folder.root / "config" / "sources" / "all.yaml"
    text = sources.read_text("utf-8").replace("[news, a]", "[tech, a], title: Better")
    sources.write_text(text.replace("[news, c]", "[tech, c]"), "utf-8")


def _synced(folder: Folder, upstream: Upstream) -> None:
    """Sync, and no more."""
    folder.sync(SOURCE_DATE_EPOCH=EARLIER)
    del upstream


_ANEW, _RENAME = ("build", "--posts", "--jobs", "1"), ("category", "rename", "news", "media", "--jobs", "1")
_BUILD, _REINDEX = ("build", "--jobs", "1"), ("reindex", "--jobs", "1")
SCENARIOS = {
    "first sync": Scenario(words=SYNC, prepare=_nothing, undated="entry-2-"),
    "sync of news": Scenario(words=SYNC, prepare=_news, undated="entry-13-"),
    "sync of news, volantis": Scenario(words=SYNC, prepare=_news, undated="entry-13-", settings="posts: {profile: volantis}"),
    "sync of news, build next": Scenario(words=SYNC, prepare=_news, after=(_BUILD, SYNC), undated="entry-13-"),
    "archives": Scenario(words=_BUILD, prepare=_overflow, after=(_BUILD, SYNC), settings="public: {entries: 2}"),
    "build": Scenario(words=_BUILD, prepare=_hands, after=(_BUILD, SYNC)),
    "posts anew": Scenario(words=_ANEW, prepare=_settings, after=(_ANEW, SYNC)),
    "posts anew, volantis": Scenario(
        words=_ANEW, prepare=_settings, after=(_ANEW, SYNC), settings="posts: {profile: volantis}"
    ),
    "category rename": Scenario(words=_RENAME, prepare=_synced, after=(_RENAME, SYNC)),
    "reindex": Scenario(words=_REINDEX, prepare=_hands, after=(_REINDEX, SYNC)),
}
