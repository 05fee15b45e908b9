"""Runs one command and measures its whole tree of processes.

In: argv and environment. Out: wall time, CPU time and peak memory, of the command and of everything it started, also
what outlives it. Linux only (`/proc`, subreaper).
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE_SECONDS = 0.05
_ORPHAN_SECONDS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class CommandError(Exception):
    """The command failed, so its time means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run cost."""

    wall_seconds: float
    cpu_seconds: float  #: user and system, whole tree
    main_cpu_seconds: float  #: of the command's own process, children apart; sampled
    peak_bytes: int  #: resident, summed over the tree (shared pages count in each process), sampled
    main_peak_bytes: int  #: resident, of the command's own process


def become_reaper() -> None:
    """Let processes whose parent ended become ours, so that their CPU time can be counted too."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def measure(argv: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run the command to its end; its output goes to `cwd`/output.

    Raises:
        CommandError: it did not exit with 0.
    """
    with (cwd / "output").open("ab") as output:
        start = time.monotonic()
        # A group of its own: what outlives the command is found by it.
        process = subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
        )
        sampler = _Sampler(process.pid)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # Ctrl-C reaches our group only
            raise
        wall_seconds = time.monotonic() - start
    sampler.stop()
    process.returncode = os.waitstatus_to_exitcode(status)  # so that subprocess does not wait for it again
    cpu_seconds = usage.ru_utime + usage.ru_stime + _reap_orphans(process.pid)
    if process.returncode != 0:
        said = (cwd / "output").read_text("utf-8", "replace").strip().rpartition("\n")[2]
        raise CommandError(
            f"{' '.join(argv)} ended with {process.returncode}: {said or 'no word'}; all of it: {cwd / 'output'}"
        )
    # Of the largest process in it: a command that ends before the first look at it was not seen by the sampler.
    largest_bytes = usage.ru_maxrss * 1024
    return Cost(
        wall_seconds=wall_seconds,
        cpu_seconds=cpu_seconds,
        main_cpu_seconds=sampler.main_cpu_seconds,
        peak_bytes=max(sampler.peak_bytes, largest_bytes),
        main_peak_bytes=sampler.main_peak_bytes or largest_bytes,
    )


def _reap_orphans(group: int) -> float:
    """Wait for what the command left running (a forkserver ends after its parent); return its CPU seconds."""
    cpu_seconds = 0.0
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while time.monotonic() < deadline:
        try:
            pid, _, usage = os.wait4(-group, os.WNOHANG)
        except ChildProcessError:
            return cpu_seconds
        if pid == 0:
            time.sleep(0.01)
        else:
            cpu_seconds += usage.ru_utime + usage.ru_stime
    raise CommandError(f"processes of group {group} still run {_ORPHAN_SECONDS:.0f} s after their command ended")


class _Sampler:
    """Adds up the resident memory of a process and its descendants, again and again, and keeps the maximum.

    Of the process itself it keeps what it had used when it was last seen.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self.peak_bytes = self.main_peak_bytes = 0
        self.main_cpu_seconds = 0.0
        self._done = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(_resident_bytes(pid) for pid in _tree(self._root)))
            self.main_peak_bytes = max(self.main_peak_bytes, _high_water_bytes(self._root))
            self.main_cpu_seconds = max(self.main_cpu_seconds, _cpu_seconds(self._root))


def _tree(root: int) -> list[int]:
    """Return the process and its descendants, as far as they live."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
    return found


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):  # it has just ended
        return 0


def _high_water_bytes(pid: int) -> int:
    """Return the most that a process ever had resident: the kernel remembers it, so no peak between two looks is missed."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, its children apart."""
    try:
        # The name, in brackets, may hold anything; utime and stime are the 12th and 13th field after it (proc_pid_stat(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
