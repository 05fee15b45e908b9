"""A person at a terminal: a command whose questions are answered through a pty, as soon as they are asked."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence
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
