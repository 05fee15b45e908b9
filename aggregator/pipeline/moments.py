"""A project that lies there while others write to it -> what is known of it now, and a text that says which now that is.

Looks at the times of state, ledger and feeds, reads what changed, and keeps what depends on nothing that did. What cannot be
read leaves what was read before, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock

from aggregator.errors import ConfigError, LedgerError, NewerFormatError, StoreError
from aggregator.model.settings import Settings
from aggregator.pipeline.effective import effective
from aggregator.pipeline.page_places import Leaf, Places
from aggregator.pipeline.shown import Shown
from aggregator.pipeline.state_reader import StateReader
from aggregator.publish.addresses import output_path
from aggregator.store.ledger import FILE_NAME, Ledger

_SECOND = 1_000_000_000  #: nanoseconds


class Moments:
    """One project over time. Threads may ask at once."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        """Take what returns the settings as they are now: the same object as long as they are the same."""
        self._settings = settings
        self._lock = Lock()
        first = settings()
        self._reader = StateReader(first.state.url, first.root)
        self._told = first
        self._changes = 0  #: of the settings
        self._ledger: Ledger | None = None
        self._ledger_mark: object = ()
        self._ledger_problem: str | None = None
        self._config_problem: str | None = None
        self._counting: tuple[Settings, Ledger | None, Settings] | None = None
        self._places: tuple[Settings, Ledger | None, frozenset[Leaf], Places] | None = None
        self._now: tuple[str, Shown] | None = None

    @property
    def problem(self) -> str | None:
        """Return why less is known than there is, in words; None: nothing is known to be amiss."""
        return self._reader.problem or self._ledger_problem or self._config_problem

    @property
    def failures(self) -> int:
        """Return how many questions to the state had no answer, although it is there."""
        return self._reader.failures

    def close(self) -> None:
        """Let the state go."""
        self._reader.close()

    def now(self) -> tuple[str, Shown]:
        """Return which moment it is, and what is known in it."""
        settings = self._settings()
        with self._lock:
            if settings is not self._told:
                self._changes += 1
                self._told = settings
            self._look_at_ledger(settings.root / FILE_NAME)
            # A question that had no answer may have left a moment in which less is known than there is.
            marks = (self._changes, self._reader.mark(), self._ledger_mark, _published(settings), self._reader.failures)
            version = sha256(repr(marks).encode()).hexdigest()[:16]
            if self._now is None or self._now[0] != version:
                self._now = (version, Shown(self._effective(settings), self._ledger, self._reader, self._placed))
            return self._now

    def published(self) -> datetime | None:
        """Return when feeds were last written; None: never."""
        mark = _published(self._told)
        return None if mark is None else datetime.fromtimestamp(mark // _SECOND, UTC)

    def _look_at_ledger(self, path: Path) -> None:
        """Read the ledger if it changed; one that cannot be read leaves what the last one said."""
        try:
            found = path.stat()
            mark: object = (found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError:
            mark = None
        if mark == self._ledger_mark:
            return
        self._ledger_mark = mark
        try:
            self._ledger = Ledger.load(path)
            self._ledger_problem = None
        except StoreError as error:
            self._ledger_problem = str(error)
            if not isinstance(error, LedgerError | NewerFormatError):
                self._ledger_mark = ()  # it may be in reach again the next time

    def _effective(self, settings: Settings) -> Settings:
        """Return the settings that count with this ledger; the same object as long as both are the same."""
        if self._counting is None or self._counting[0] is not settings or self._counting[1] is not self._ledger:
            counting = settings
            self._config_problem = None
            if self._ledger is not None:
                try:
                    counting = effective(settings, self._ledger)
                except ConfigError as error:
                    self._config_problem = str(error)
            self._counting = (settings, self._ledger, counting)
        return self._counting[2]

    def _placed(self, settings: Settings, ledger: Ledger | None, leaves: frozenset[Leaf]) -> Places:
        """Return where pages are; what was made for the last moment, if nothing changed that counts."""
        last = self._places
        if last is not None and last[0] is settings and last[1] is ledger and last[2] == leaves:
            return last[3]
        places = Places(settings, leaves, ledger)
        self._places = (settings, ledger, leaves, places)
        return places


def _published(settings: Settings) -> int | None:
    """Return the time of the feed of everything, in nanoseconds."""
    try:
        return (settings.root / settings.public.dir / output_path((), ())).stat().st_mtime_ns
    except OSError:
        return None
