"""What the kernel tells of processes: who belongs together, what they hold. Read from /proc, so Linux only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process that is not dead."""

    pid: int
    parent: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What a process holds at one moment."""

    resident_kib: int
    descriptors: int
    threads: int


def of_session(session: int) -> list[Process]:
    """Return the processes of a session, which for one that was started in its own is all that it has ever started."""
    found = []
    for folder in _PROC.iterdir():
        with suppress(OSError, ValueError):
            pid = int(folder.name)
            state, parent, _, owner = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()[:4]
            if int(owner) == session and state not in {"Z", "X"}:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                found.append(Process(pid=pid, parent=int(parent), command=command))
    return sorted(found, key=lambda process: process.pid)


def fork_server(session: int) -> int | None:
    """Return the process that workers are forked from, if there is one."""
    found = [process.pid for process in of_session(session) if process.parent == session and "forkserver" in process.command]
    return found[0] if found else None


def workers(session: int) -> list[int]:
    """Return the worker processes."""
    server = fork_server(session)
    return [process.pid for process in of_session(session) if process.parent == server]


def open_files(pid: int) -> list[str]:
    """Return what a process has open now: paths, and the kernel's words for what has none."""
    found = []
    for link in (_PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):
            found.append(str(link.readlink()))
    return found


def weigh(pid: int) -> Weight:
    """Return what a process holds now."""
    lines = dict(line.split(":", 1) for line in (_PROC / str(pid) / "status").read_text("utf-8").splitlines() if ":" in line)
    return Weight(
        resident_kib=int(lines["VmRSS"].split()[0]),
        descriptors=len(list((_PROC / str(pid) / "fd").iterdir())),
        threads=int(lines["Threads"]),
    )
