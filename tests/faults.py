"""Runs commands with `faults.c` between them and libc: their file calls below one folder are counted, and one fails or kills.

The control file is mapped by every process of a run, so the count is one for the main process, the fork server and the
workers. A kill takes the whole process group at once, as a power switch would.

Commands are forked from one process that has imported everything: a sweep starts thousands of them. What a run itself
starts (fork server, workers) is started as always.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

from tests.conftest import absent, need
from tests.upstream import Folder

READS, CHANGES, SYNCS = 1, 2, 4
COUNT, KILL, TORN, ONCE, ON, HANG = range(6)

_CALLS = (
    *("open", "opendir", "read", "stat", "readlink", "close", "creat", "write", "rename", "link", "unlink", "mkdir", "rmdir"),
    *("truncate", "utime", "fsync", "syncfs", "map"),
)
_CONTROL = struct.Struct("<QQiiii32I256s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, and at which call of the kinds in `mask`; the first call is 1."""

    at: int = 0  #: 0: nothing, only count
    action: int = COUNT
    error: int = 0  #: errno of ONCE and ON
    mask: int = CHANGES | SYNCS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a run ended and what was counted."""

    returncode: int
    stderr: str
    counted: int  #: calls of the kinds in the mask
    calls: dict[str, int]  #: by name, whatever the mask
    place: str | None  #: call and path of the fault; None: it was not reached


class Preload(TypedDict):
    """What puts the library there."""

    LD_PRELOAD: str
    CRASH_ROOT: str
    CRASH_CONTROL: str


class Shim:
    """The library between a command and libc, and the file that it is told by. `environment` puts it there."""

    def __init__(self, place: Path, folder: Folder) -> None:
        """Compile it into `place`, outside of the project; skip the test where that cannot be."""
        self._control = place / "control"
        library, source = place / "faults.so", Path(__file__).with_name("faults.c")
        command = [need("cc"), "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-o", str(library), str(source), "-ldl"]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        if made.returncode:
            absent(f"tests/faults.c cannot be compiled here: it is for Linux and glibc. {made.stderr[:500]}")
        self.environment = Preload(LD_PRELOAD=str(library), CRASH_ROOT=str(folder.root), CRASH_CONTROL=str(self._control))
        self.arm(Fault())

    def arm(self, fault: Fault) -> None:
        """Have this go wrong from now on; what was counted is forgotten. In place: who runs has the file mapped."""
        armed = _CONTROL.pack(0, fault.at, fault.action, fault.error, fault.mask, 0, *[0] * 32, b"")
        self._control.touch()
        with self._control.open("r+b") as file:
            file.write(armed)

    def read(self) -> tuple[int, dict[str, int], str | None]:
        """Return the number of calls of the kinds in the mask, that of each call, and where the fault was, if it was."""
        counted, _, _, _, _, hit, *rest = _CONTROL.unpack(self._control.read_bytes()[: _CONTROL.size])
        calls = {name: number for name, number in zip(_CALLS, rest, strict=False) if number}
        return counted, calls, bytes(rest[-1]).partition(b"\0")[0].decode("utf-8", "replace") if hit else None


class Faults:
    """Commands on one project folder, run with the shim in between. A context manager."""

    def __init__(self, place: Path, folder: Folder) -> None:
        """Compile the shim into `place`, outside of the project; skip the test where that cannot be."""
        self._shim, self._told = Shim(place, folder), place / "stderr"
        self._server = subprocess.Popen(
            [sys.executable, "-c", "from tests.faults import serve; serve()", str(folder.root), str(self._told)],
            env=folder.environment(**self._shim.environment),
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.communicate()

    def run(self, words: tuple[str, ...], fault: Fault | None = None, **environment: str) -> Ran:
        """Run the command to its end, whatever that is."""
        self._shim.arm(fault or Fault())
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps([words, environment]) + "\n")
        self._server.stdin.flush()
        returncode = int(self._server.stdout.readline())
        counted, calls, place = self._shim.read()
        return Ran(
            returncode=returncode,
            stderr=self._told.read_text("utf-8", "replace"),
            counted=counted,
            calls=calls,
            place=place,
        )


def serve() -> None:
    """Fork a command for each line of standard input, and say how it ended; the process that `Faults` starts."""
    from aggregator.cli import build, main, reindex, sync
    from aggregator.fetch import client
    from aggregator.pipeline import sync as pipeline

    del build, reindex, sync, client, pipeline  # imported for those who are forked
    root, told = sys.argv[1:]
    for line in sys.stdin:
        words, environment = json.loads(line)
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            os.environ.update(environment)
            for target, path in ((0, os.devnull), (1, os.devnull), (2, told)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), target)
            sys.argv = ["aggregator", "-C", root, *words]
            main()
        with suppress(ProcessLookupError, PermissionError):
            os.setpgid(child, child)
        _, status = os.waitpid(child, 0)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(status), flush=True)
