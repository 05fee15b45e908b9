"""Between `sync` and a daemon that runs beside it: an ask goes in as a file, events and the summary come back as another.

Files in state/asks, which only this project's owner can write to: they need no socket, whose path would have to be short,
and reach over whatever shares the folder. Written whole and renamed, so that no half of one is read.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aggregator.model.poll import Event, Summary
from aggregator.model.telling import as_json, from_json
from aggregator.store.lock import daemon_holder

FOLDER = "state/asks"
_ASK, _ANSWER, _DRAFT = ".ask.json", ".answer.json", ".new"
_JUST_NOW = 60.0  #: seconds: a `sync` may meet a daemon that is only starting
_LONGEST_WAIT = 3600.0  #: seconds after which nobody waits any more for an answer
_LOOK_EVERY = 0.05  #: seconds
_SILENT = "it has not answered within an hour. Its log says what it does, or what keeps it from answering"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What `sync` would have done itself."""

    sources: tuple[str, ...] = ()  #: () means all
    force: bool = False
    no_cache: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it."""

    events: tuple[Event, ...]
    summary: Summary | None  #: None: it could not be done
    error: str | None = None  #: why not, in words


class AskBox:
    """The daemon's side."""

    def __init__(self, root: Path) -> None:
        """Take the project folder; what was left by those who are gone goes, but not what was just asked."""
        self._folder = root / FOLDER
        with suppress(OSError):  # made by root, who asks, it would be one from which we could take nothing
            self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep(older_than=_JUST_NOW)

    def take(self) -> tuple[str, Ask] | None:
        """Return the ask that has waited longest, and its name; None: there is none. What is no ask is thrown away."""
        for path in sorted(self._files(_ASK), key=_age):
            try:
                found = json.loads(path.read_bytes())
                ask = Ask(
                    sources=tuple(str(each) for each in found["sources"]),
                    force=bool(found["force"]),
                    no_cache=bool(found["no_cache"]),
                    limit=None if found["limit"] is None else int(found["limit"]),
                )
            except FileNotFoundError:
                continue  # who asked has gone
            except OSError as error:
                if _remove(path):
                    self._refuse(path, f"what it is asked cannot be read: {error.strerror}. Ask as the user that it runs as")
                continue
            except (ValueError, KeyError, TypeError, RecursionError):
                _remove(path)
                continue
            if not _remove(path):
                continue  # or it would be done again and again
            return path.name.removesuffix(_ASK), ask
        return None

    def answer(self, name: str, answer: Answer) -> None:
        """Leave the answer where it is waited for; raises OSError."""
        self._sweep(older_than=_LONGEST_WAIT)
        lines: dict[str, Any] = {"events": [as_json(event) for event in answer.events], "error": answer.error}
        lines["summary"] = None if answer.summary is None else as_json(answer.summary)
        _write(self._folder / f"{name}{_ANSWER}", lines)

    def _refuse(self, path: Path, why: str) -> None:
        with suppress(OSError):
            self.answer(path.name.removesuffix(_ASK), Answer(events=(), summary=None, error=why))

    def _sweep(self, *, older_than: float) -> None:
        """Remove answers that nobody has fetched, asks and halves of either."""
        before = time.time_ns() - int(older_than * 1e9)
        for path in self._files(_ASK, _ANSWER, _DRAFT):
            if _age(path)[0] <= before:
                _remove(path)

    def _files(self, *endings: str) -> Iterator[Path]:
        with suppress(OSError):  # nobody has asked yet, or nobody can: polling goes on
            # A folder by that name is nobody's ask, and would be in the way for ever.
            yield from [path for path in self._folder.iterdir() if path.name.endswith(endings) and not path.is_dir()]


def ask_daemon(
    root: Path, ask: Ask, *, sleep: Callable[[float], None] = time.sleep, patience: float = _LONGEST_WAIT
) -> Answer | None:
    """Have the daemon of this project do it, and wait for the end, no longer than an hour; None: none runs, or not any more.

    Raises OSError where the folder cannot be written to.
    """
    if (whose := daemon_holder(root)) is None:
        return None
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{os.getpid()}-{time.time_ns()}"
    asked, answered = folder / f"{name}{_ASK}", folder / f"{name}{_ANSWER}"
    try:
        _write(asked, asdict(ask))
        ends = time.monotonic() + patience
        while not answered.exists():
            if time.monotonic() >= ends:  # its disk may be full: cron would start one more each time
                return Answer(events=(), summary=None, error=_SILENT)
            # Another one in its place knows nothing of what this one has taken.
            if daemon_holder(root) != whose and not answered.exists():
                return None
            sleep(_LOOK_EVERY)
        found = json.loads(answered.read_bytes())
    finally:
        for path in (asked, answered):
            path.unlink(missing_ok=True)
    return Answer(
        events=tuple(from_json(event) for event in found["events"]),
        summary=None if found["summary"] is None else from_json(found["summary"]),
        error=found["error"],
    )


def _write(path: Path, found: Mapping[str, Any]) -> None:
    draft = path.with_name(f".{path.name}{_DRAFT}")
    draft.write_text(json.dumps(found, ensure_ascii=False), "utf-8")
    draft.replace(path)


def _remove(path: Path) -> bool:
    """Remove a file; returns whether it is gone. One that cannot be is in nobody's way."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _age(path: Path) -> tuple[int, str]:
    try:
        return path.lstat().st_mtime_ns, path.name
    except OSError:
        return 0, path.name
