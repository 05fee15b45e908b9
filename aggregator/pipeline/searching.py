"""The index for searching, brought up to what the state knows: a slice at a time, by whoever has time for it.

    state: key, hash, category, date of each post -> what the index has otherwise -> those posts read -> their words indexed

It goes over all posts by key and looks at none that is indexed as it is. What the state does not know any more is forgotten.
Nothing else depends on it: a file that is broken is made anew, a disk that is full is told, and feeds go out all the same.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock

from aggregator.errors import AggregatorError, NoStateError, PlaceError, StoreError
from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry
from aggregator.model.settings import Settings
from aggregator.pipeline.jobs import PostsPlace, posts_place
from aggregator.store.ledger import FILE_NAME, Deleted, Ledger, Takedown
from aggregator.store.opening import open_state
from aggregator.store.posts import read_post
from aggregator.store.profiles import PostFormatError, get_profile
from aggregator.store.search import LONGEST_TEXT, SEARCH_PATH, Document, SearchIndex, Version, copy_index, open_index
from aggregator.store.state import State
from aggregator.store.tables import category_text

SLICE = timedelta(seconds=0.5)  #: of work at a time
_COMPARED = 2000  #: posts at once
_READ = 50  #: posts between two looks at the clock, fewer where they are long; each such batch is one transaction
_LONG = 500_000  #: characters of text in a batch
_LONGEST_HTML = 10 * LONGEST_TEXT  #: characters of a post's content that are looked at
_REST = 1.0  #: seconds between two slices of a thread that has nothing else to do
_AFTER_TROUBLE = 60.0  #: seconds until the next slice after one that failed


class Searching:
    """One project's index, as one process keeps it. Threads may ask at once; slices come one after the other."""

    def __init__(self, path: Path, *, again: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where the index is, and after how long the state is compared anew though nobody has noted a change."""
        self.path = path
        self.problem: str | None = None  #: why the last slice came to nothing, in words
        self._again = again.total_seconds()
        self._clock = clock
        self._lock = Lock()
        self._after = ""  #: the key as far as this walk has come
        self._noted = True
        self._rest_until = float("-inf")

    def note(self) -> None:
        """Take it that posts have changed."""
        self._noted = True

    @property
    def is_due(self) -> bool:
        """Tell whether there is something to do."""
        if self.problem is not None:
            return self._clock() >= self._rest_until
        return self._noted or self._after != "" or self._clock() >= self._rest_until

    def slice(self, settings: Settings, length: timedelta | None = SLICE) -> bool:
        """Index for so long (None: until it is done); returns whether all posts are indexed now.

        What goes wrong stands in `problem`, and is tried again after a while. `settings` are those that count.
        """
        with self._lock:
            self._noted, noted = False, self._noted
            try:
                done = self._work(settings, length)
            except AggregatorError as error:
                self._noted, self._after = noted, ""
                self.problem = str(error)
                self._rest_until = self._clock() + _AFTER_TROUBLE
                return False
            self.problem = None
            self._rest_until = self._clock() + (self._again if done else 0)
            return done

    def _work(self, settings: Settings, length: timedelta | None) -> bool:
        ends = None if length is None else self._clock() + length.total_seconds()
        taken = hidden_keys(Ledger.load(settings.root / FILE_NAME))
        try:
            opened = open_state(settings.state.url.reveal(), settings.root, create=False)
        except NoStateError:
            return True  # what comes will be noted
        try:
            with open_index(self.path) as index:
                for reached in walk(opened.state, index, posts_place(settings), taken, after=self._after):
                    self._after = reached
                    if ends is not None and self._clock() >= ends:
                        return False
            self._after = ""
        finally:
            opened.state.close()
        return True


def hidden_keys(ledger: Ledger) -> frozenset[str]:
    """Return the keys of what somebody took out: nobody is to find it, whatever state and disk still hold."""
    lines: tuple[Takedown | Deleted, ...] = (*ledger.of(Takedown), *ledger.of(Deleted))
    return frozenset(line.key for line in lines)


def walk(state: State, index: SearchIndex, place: PostsPlace, hidden: Collection[str], *, after: str = "") -> Iterator[str]:
    """Make the index what the state says, behind a key; after each batch yield from where to go on. Raises StoreError."""
    while True:
        portion = state.versions(after, _COMPARED)
        until = portion[-1][0] if len(portion) == _COMPARED else None
        wanted = {
            key: Version(post_hash=post_hash, category=category, date=date)
            for key, post_hash, category, date in portion
            if key not in hidden
        }
        known = index.versions(after, until)
        index.remove(sorted(known.keys() - wanted.keys()))
        changed = sorted(key for key, version in wanted.items() if known.get(key) != version)
        for start in range(0, len(changed), _READ):
            batch = changed[start : start + _READ]
            yield from _indexed(state, index, place, batch)
        if until is None:
            return
        after = until
        yield after


def _indexed(state: State, index: SearchIndex, place: PostsPlace, keys: Sequence[str]) -> Iterator[str]:
    """Index posts by key, and yield the key up to which all is as it should be."""
    documents: list[Document] = []
    size = 0
    for row in sorted(state.find(keys), key=lambda row: row.key):
        if (document := _document(place, row)) is not None:
            documents.append(document)
            size += len(document.text)
        if size >= _LONG:
            index.put(documents)
            documents, size = [], 0
            yield row.key
    index.put(documents)
    yield keys[-1]


def forget(root: Path, keys: Sequence[str]) -> None:
    """Take posts out of the index at once, without a trace, where there is one. Raises StoreError."""
    path = root / SEARCH_PATH
    if keys and path.exists():
        with open_index(path) as index:
            index.remove(keys, without_trace=True)


def _document(place: PostsPlace, row: PostRow) -> Document | None:
    """Return a post as it is indexed; None where none is to be seen now. One that cannot be read has its title alone."""
    try:
        found = read_post(place.root, row.path, get_profile(place.profile, place.timezone), place.archive, key=row.key)
        if found is None:
            return None
        title, text = found.entry.title, text_of(found.entry)
    except PlaceError:
        return None
    except PostFormatError:
        title, text = row.title, ""
    version = Version(post_hash=row.post_hash, category=category_text(row.categories), date=int(row.date.timestamp()))
    return Document(key=row.key, source_id=row.source_id, version=version, title=title, text=text)


def text_of(entry: Entry) -> str:
    """Return what of an entry is searched beside its title, as one line."""
    from aggregator.normalise.text import html_to_line  # only where there is news

    content = entry.content if len(entry.content) <= _LONGEST_HTML else entry.content[:_LONGEST_HTML].rpartition("<")[0]
    parts = [html_to_line(content), entry.author or "", *(person.name for person in entry.authors)]
    parts += [tag.label or tag.term for tag in entry.tags]
    if entry.summary and entry.summary not in parts[0]:
        parts.append(entry.summary)
    return " ".join(part for part in parts if part)[:LONGEST_TEXT]


class OwnIndex:
    """The index of a server without a daemon: a thread keeps it, in the project or, where that is read-only, in a copy."""

    def __init__(self, settings: Callable[[], Settings], *, again: timedelta = timedelta(minutes=1)) -> None:
        """Take what returns the settings that count as they are now."""
        self._settings = settings
        folder = (settings().root / SEARCH_PATH).parent
        # Before the first sync, or with the state in PostgreSQL, there is no such folder: the index makes it.
        is_ours = os.access(folder if folder.exists() else folder.parent, os.W_OK)
        self._apart = None if is_ours else tempfile.mkdtemp(prefix="aggregator-search-")
        path = there = folder / "search.sqlite"
        if self._apart is not None:
            path = Path(self._apart) / there.name
            with suppress(StoreError):  # then all of it is indexed here
                copy_index(there, path)
        self.searching = Searching(path, again=again)
        self._end = Event()

    def run(self) -> None:
        """Index until `end` is called from another thread."""
        while not self._end.wait(_REST):
            while self.searching.is_due and not self._end.is_set():
                try:
                    settings = self._settings()
                except AggregatorError as error:
                    self.searching.problem = str(error)
                    break
                if self.searching.slice(settings):
                    break

    def end(self) -> None:
        """Make `run` return, and remove what was kept apart once it has."""
        self._end.set()

    def clear(self) -> None:
        """Remove what was kept apart; `run` has returned."""
        if self._apart is not None:
            shutil.rmtree(self._apart, ignore_errors=True)
