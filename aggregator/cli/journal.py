"""What a daemon tells: one event, one line. Text for a terminal, a JSON object for whatever gathers logs; both on stderr.

A line is one line whatever an upstream wrote: what could move a terminal's cursor or begin another line is shown escaped. A
thread of its own writes them, so that who tells never waits for who reads: a log that nobody reads stops nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from queue import Full, Queue
from select import select
from traceback import format_exception
from types import TracebackType
from typing import Any, Self

from aggregator.cli.console import MARKS, what_came
from aggregator.model.poll import Begin, Event, HubEvent, Note, Outcome, OutputEvent, PostExpired, SourceEvent
from aggregator.model.telling import as_json
from aggregator.serve.access import Access

_NAMED = 3
_MOST_WAITING = 10_000  #: lines that are not read yet; what comes beyond that is lost, and counted
_LAST_WORDS = 1.0  #: seconds that the end waits for lines to be read
LOG_FORMATS = ("auto", "text", "json")


class Journal(AbstractContextManager["Journal"]):
    """Takes events and words; may be called from any thread. Its lines are written by the end of the block at the latest."""

    def __init__(self, *, as_text: bool, quiet: bool, verbosity: int, descriptor: int = 2) -> None:
        """Take the form, how much is told (-q only what went wrong, -v each file, -vv tracebacks), and where: stderr.

        Not by way of `sys.stderr`: a thread that waits in there for a reader would be in the way of the interpreter's end.
        """
        self._descriptor = descriptor
        self._as_text = as_text
        self._quiet = quiet
        self._verbosity = verbosity
        self._waiting: Queue[str | None] = Queue(_MOST_WAITING)
        self._lost = 0
        self._writer = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(Full):  # nobody reads: there is nobody to wait for
            self._waiting.put_nowait(None)
            self._writer.join(_LAST_WORDS)

    @classmethod
    def on_stderr(cls, log_format: str, *, quiet: bool, verbosity: int) -> Journal:
        """Return one in the form that was asked for, of `LOG_FORMATS`."""
        as_text = sys.stderr.isatty() if log_format == "auto" else log_format == "text"
        return cls(as_text=as_text, quiet=quiet, verbosity=verbosity)

    @property
    def request_log(self) -> Callable[[Access], None] | None:
        """Return what takes each request that was answered; None unless -v was given."""
        return self._request if self._verbosity and not self._quiet else None

    def tell_fault(self, text: str, error: BaseException | None) -> None:
        """Tell what is wrong with the server."""
        self.say(text, failed=True, trace=error)

    def _request(self, access: Access) -> None:
        if self._as_text:
            self._write(f"  {access.method} {access.path} {access.status} {access.sent} bytes {access.elapsed_ms:.0f} ms")
        else:
            self._write_json("debug", {"event": "request", **asdict(access)})

    def say(self, text: str, *, failed: bool = False, trace: BaseException | None = None) -> None:
        """Tell something about the daemon itself."""
        if self._quiet and not failed:
            return
        words = "".join(format_exception(trace)) if trace is not None and self._verbosity > 1 else None
        if self._as_text:
            for line in (words or "").splitlines():
                self._write(line)
            for line in text.splitlines():
                self._write(f"{'✗' if failed else '·'} {line}")
        else:
            found = {"event": "daemon", "message": text} | ({"trace": words} if words else {})
            self._write_json("error" if failed else "info", found)

    def report(self, event: Event) -> None:
        """Tell one event of a round."""
        level = _level(event)
        if isinstance(event, Begin) or (level == "debug" and not self._verbosity) or (self._quiet and level != "error"):
            return
        if self._as_text:
            for line in _lines(event):
                self._write(line)
            if isinstance(event, SourceEvent) and event.trace and self._verbosity > 1:
                for line in event.trace.splitlines():
                    self._write(line)
        else:
            found = as_json(event)
            if isinstance(event, SourceEvent):
                found["event"] = "poll"
                if self._verbosity <= 1:
                    del found["trace"]
            self._write_json(level, found)

    def _write(self, text: str) -> None:
        now = datetime.now().astimezone()
        self._put(f"{now:%Y-%m-%d %H:%M:%S} {_printable(text)}\n")

    def _write_json(self, level: str, found: dict[str, Any]) -> None:
        head = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level}
        # In ASCII: neither a control character nor a line separator of Unicode gets through as itself.
        self._put(json.dumps(head | found, ensure_ascii=True) + "\n")

    def _put(self, line: str) -> None:
        try:
            self._waiting.put_nowait(line)
        except Full:
            self._lost += 1

    def _write_all(self) -> None:
        while (line := self._waiting.get()) is not None:
            # Whoever reads the log may have gone, or its disk be full: no reason to stop polling.
            with suppress(OSError):
                rest = line.encode("utf-8", "backslashreplace")
                while rest:
                    try:
                        rest = rest[os.write(self._descriptor, rest) :]
                    except BlockingIOError:  # somebody else with this pipe or terminal has made it so
                        select([], [self._descriptor], [])
            lost, self._lost = self._lost, 0
            if lost:
                self.say(f"{lost} lines of this log are lost: it was read too slowly", failed=True)


def _level(event: Event) -> str:
    if isinstance(event, SourceEvent):
        return "error" if event.outcome is Outcome.FAILED else "info"
    if isinstance(event, OutputEvent):
        return "error" if event.refused is not None else "info" if event.warnings else "debug"
    if isinstance(event, HubEvent):
        return "error" if event.given_up or event.waiting else "debug"
    return "debug" if isinstance(event, PostExpired) else "info"


def _lines(event: Event) -> list[str]:
    if isinstance(event, SourceEvent):
        lines = [f"{MARKS[event.outcome]} {event.source_id}  {what_came(event)}"]
        return lines + [f"  {event.source_id}: {warning}" for warning in event.warnings]
    if isinstance(event, OutputEvent):
        what = f"✗ {event.refused}" if event.refused is not None else f"{'✓' if event.changed else '='} {event.path}"
        return [what, *(f"  {event.path}: {warning}" for warning in event.warnings)]
    if isinstance(event, PostExpired):
        return [f"- {event.path}"]
    if isinstance(event, HubEvent):
        return [_hub(event)]
    return [event.text] if isinstance(event, Note) else []


def _hub(event: HubEvent) -> str:
    if event.given_up:
        names = ", ".join(event.given_up[:_NAMED]) + (", ..." if len(event.given_up) > _NAMED else "")
        return f"✗ hub {event.hub}: given up after 24 hours: {names}: {event.message}. Is this hub still there? See public.hubs"
    if event.waiting:
        return f"✗ hub {event.hub}: not told yet of {event.waiting} files: {event.message}; tried again"
    return f"✓ hub {event.hub}: told of {', '.join(event.told)}"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\u200d" else char.encode("unicode_escape").decode() for char in text)
