"""stdout and stderr of the command, where what they lead to may fail: data that is lost is told, talk that is lost is not.

A full disk behind `> list.txt` ends a command with words and the exit code of a disk; behind `2> log.txt` it ends nothing: what
is told of the work is not the work. A reader that has gone is an affair of click on stdout, and of nobody on stderr.
"""

from __future__ import annotations

import errno
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING

from aggregator.errors import StoreError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Data(FileIO):
    """Where the answer of a command goes."""

    _has_failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or raise StoreError, once: what Python has still to write when it ends is lost with the rest."""
        if self._has_failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            self._has_failed = True
            reason = (error.strerror or str(error)).lower()
            raise StoreError(f"cannot write what was asked for to stdout: {reason}", path="stdout") from error


class _Talk(FileIO):
    """Where all other words go."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def prepare_streams() -> None:
    """Take the process's own streams over; others, such as a test's, stay as they are.

    Titles are in every script: a terminal that knows less shows escapes instead of ending the run.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is sys.__stdout__ and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout = _over(_Data(1, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__ and isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = _over(_Talk(2, "w", closefd=False), sys.stderr)


def _over(raw: FileIO, like: TextIOWrapper) -> TextIOWrapper:
    lines = like.line_buffering or like.write_through  # PYTHONUNBUFFERED
    return TextIOWrapper(BufferedWriter(raw), encoding=like.encoding, errors=like.errors, line_buffering=lines)
