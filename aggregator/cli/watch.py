"""`aggregator status --watch`: the same, again and again, on the terminal's other screen.

What was there before comes back at the end. Each picture is written at once and over the last one, so nothing flickers; more
than fits is counted in the last line. A state that is not there yet, or is being rebuilt, is waited for.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Self

import click

from aggregator.cli import Invocation, clock
from aggregator.cli.columns import clip, wrap
from aggregator.cli.exits import EXIT_TERMINATED
from aggregator.cli.project import load
from aggregator.cli.status import read_report, screen_of_stdout
from aggregator.daemon.config_watch import ConfigWatch
from aggregator.errors import AggregatorError, ConfigError
from aggregator.model.settings import Settings
from aggregator.pipeline.effective import load_effective

_EVERY = 2.0  #: seconds
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"
_LINES_OF_AN_ERROR = 2


def watch_status(invocation: Invocation, *, failing: bool) -> None:
    """Draw until Ctrl-C, which ends it as it ends every command. Raises ConfigError where it cannot even begin."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        raise click.UsageError("--watch draws on a terminal, and there is none: leave it out, and ask as often as you like")
    settings, watch = load(invocation), ConfigWatch(invocation.config)
    refused: list[str] = []
    with _OtherScreen() as screen:
        while True:
            if watch.has_changed():
                watch.taken()
                try:
                    settings, refused = load(invocation), []
                except ConfigError as error:
                    refused = ["", "the new configuration is refused, this is the old one:", *_broken(str(error))]
            screen.draw([*_picture(settings, failing=failing), *refused])
            screen.wait(_EVERY)


def _picture(settings: Settings, *, failing: bool) -> list[str]:
    """Return the lines to draw, however many."""
    screen = replace(screen_of_stdout(), longest=_LINES_OF_AN_ERROR)
    now = clock.now()
    head = f"{now.astimezone():%H:%M:%S}  "
    try:
        report = read_report(load_effective(settings), now)
    except AggregatorError as error:
        return [f"{head}nothing can be shown yet", "", *_broken(str(error))]
    return [f"{head}{report.sentence}", "", *report.text(screen, failing=failing)]


def _broken(text: str) -> Iterator[str]:
    """Yield a message in lines that fit: it says at its end what to do."""
    for line in text.splitlines():
        yield from wrap(line, shutil.get_terminal_size().columns)


class _OtherScreen:
    """The terminal's other screen, for as long as the context lasts, however it ends; without a cursor."""

    def __enter__(self) -> Self:
        self._woken, waking = os.pipe()
        for end in (self._woken, waking):
            os.set_blocking(end, False)
        self._ends = (self._woken, waking)
        # A signal wakes the wait: another size is drawn at once. Its number goes through the pipe, so none is lost before it.
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        self._before = {
            signal.SIGWINCH: signal.signal(signal.SIGWINCH, lambda *_: None),
            signal.SIGTERM: signal.signal(signal.SIGTERM, _terminated),
            signal.SIGTSTP: signal.signal(signal.SIGTSTP, self._stop),
        }
        self._write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a terminal that is gone wants nothing back
            self._write(_LEAVE)
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in self._ends:
            os.close(end)

    def draw(self, lines: list[str]) -> None:
        """Put these lines over what stands there; what does not fit is counted."""
        size = shutil.get_terminal_size()
        if len(lines) > size.lines:
            kept = max(size.lines - 1, 0)
            lines = [*lines[:kept], f"... and {len(lines) - kept} lines more"]
        # What holds colours was made to fit.
        fitting = (line if "\x1b" in line else clip(line, size.columns) for line in lines)
        self._write(_HOME + f"{_END_OF_LINE}\n".join(fitting) + _END_OF_LINE + _REST)

    def wait(self, seconds: float) -> None:
        """Wait, or until a signal comes."""
        if select.select([self._woken], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self._woken, 4096)

    def _stop(self, *_: object) -> None:
        """Give the terminal back for as long as Ctrl-Z lasts."""
        self._write(_LEAVE)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)
        self._write(_ENTER)

    @staticmethod
    def _write(text: str) -> None:
        """Write past `sys.stdout`, which a signal may find in the middle of writing."""
        left = text.encode(sys.stdout.encoding, "backslashreplace")
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]


def _terminated(*_: object) -> None:
    sys.exit(EXIT_TERMINATED)
