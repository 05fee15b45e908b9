"""A person at a terminal: a command whose questions are answered through a pty, and what a command draws on one."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.upstream import Folder

#: Makes standard input the terminal that Ctrl-C and Ctrl-D come from, then becomes the command.
_TAKE_TERMINAL = (
    "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGINT, signal.SIG_DFL); "  # ignored in background jobs
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)

CTRL_C = "\x03"
Answer = str | Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """What came of it."""

    code: int
    stdout: str
    screen: str  #: what the terminal showed: questions, answers and talk

    @property
    def both(self) -> str:
        """Return everything that was said."""
        return self.stdout + self.screen


def talk(folder: Folder, words: Sequence[str], *answers: tuple[str, Answer]) -> Dialogue:
    """Run a command with a terminal for input and errors; each answer is typed once its question stands there.

    An answer may be a function, which is called while the command waits and returns what is typed.
    """
    ours, theirs = os.openpty()
    command = folder.command(*words)
    with subprocess.Popen(
        [command[0], "-c", _TAKE_TERMINAL, *command],
        env=folder.environment(TERM="xterm"),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            return _answered(process, ours, answers)
        finally:
            process.kill()
            os.close(ours)


class Drawing:
    """What a command draws on a terminal of its own, for standard output; it dies with the context."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        """Take the running command and our end of its terminal."""
        self.process = process
        self.raw = ""
        self._terminal = terminal
        self._decoder = getincrementaldecoder("utf-8")("replace")  # a character may come in two parts

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait until that text stands in what is drawn from now on."""
        seen, until = len(self.raw), time.monotonic() + seconds
        while text not in _plain(self.raw[seen:]):
            # What draws again and again never falls silent: the clock counts.
            assert time.monotonic() < until, f"{text!r} was never drawn; there stands:\n{self.raw[-2000:]}"
            assert self._hear(), f"{text!r} was never drawn; the end was:\n{self.raw[-2000:]}"

    def picture(self) -> list[str]:
        """Return the lines of the last picture, without colours."""
        return _plain(self.raw.rpartition("\x1b[H")[2]).replace("\r\n", "\n").split("\n")

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, as a window's edge does."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._terminal, keys.encode())

    def end(self) -> int:
        """Return the exit code, once all is read."""
        until = time.monotonic() + 30
        while self._hear():
            assert time.monotonic() < until, f"it does not end; there stands:\n{self.raw[-2000:]}"
        return self.process.wait(timeout=30)

    def _hear(self) -> bool:
        """Take in what comes next, within a while; False: nobody is there any more."""
        if not select.select([self._terminal], [], [], 30)[0]:
            return False
        try:
            self.raw += self._decoder.decode(os.read(self._terminal, 65536))
        except OSError:
            return False
        return True


@contextmanager
def drawn(
    folder: Folder, words: Sequence[str], *, columns: int, rows: int = 24, environment: Mapping[str, str] | None = None
) -> Iterator[Drawing]:
    """Run a command whose three streams are a terminal of that size."""
    ours, theirs = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    command = folder.command(*words)
    with subprocess.Popen(
        [command[0], "-c", _TAKE_TERMINAL, *command],
        env=folder.environment(**({"TERM": "xterm"} | dict(environment or {}))),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield Drawing(process, ours)
        finally:
            process.kill()
            os.close(ours)


def _plain(text: str) -> str:
    """Return a text without what moves, clears and colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def _answered(process: subprocess.Popen[bytes], terminal: int, answers: Sequence[tuple[str, Answer]]) -> Dialogue:
    screen, seen = "", 0
    for question, answer in answers:
        while question not in screen[seen:]:
            more = _read(terminal, 90)
            assert more, f"{question!r} was never asked; there stands:\n{screen}"
            screen += more
        seen = len(screen)
        time.sleep(0.2)  # nobody is faster; a Ctrl-C between the question and its read(2) would be lost
        typed = answer() if callable(answer) else answer
        os.write(terminal, typed.encode())
        while typed == CTRL_C and process.poll() is None and not select.select([terminal], [], [], 1)[0]:
            os.write(terminal, typed.encode())  # the machine is slower than that: a person would press it again
    while more := _read(terminal, 90):  # until the command is gone, and with it the other side
        screen += more
    code = process.wait(timeout=300)
    assert process.stdout is not None
    return Dialogue(code=code, stdout=process.stdout.read().decode(), screen=screen.replace("\r\n", "\n"))


def _read(terminal: int, seconds: float) -> str:
    """Return what comes next; "" if nothing does, or nobody is there any more."""
    if not select.select([terminal], [], [], seconds)[0]:
        return ""
    try:
        return os.read(terminal, 65536).decode("utf-8", "replace")
    except OSError:
        return ""
