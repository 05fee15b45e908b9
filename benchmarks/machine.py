"""What a figure was measured with: versions, the machine's processors and its file system. Never the machine's name."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.programs import READER_PYTHON, ROOT


def describe(place: Path, *, programs: set[str]) -> Iterator[str]:
    """Yield a phrase for each thing that matters; of peers only those whose names begin one of `programs`."""
    yield f"commit {commit()}"
    yield f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before the run"
    yield f"Linux {platform.release().partition('-')[0]}, {file_system(place)}"
    yield f"Python {platform.python_version()}"
    yield _first_line([sys.executable, "-m", "aggregator", "--version"])
    yield _first_line(["nginx", "-v"]).replace("nginx version: ", "") + " on the same processors"
    if any(name.startswith("newsboat") for name in programs):
        yield _first_line(["newsboat", "--version"]).partition(" - ")[0]
    if "reader" in programs:
        version = "import importlib.metadata, platform; print(importlib.metadata.version('reader'), platform.python_version())"
        reader, python = _first_line([str(READER_PYTHON), "-c", version]).split()
        yield f"reader {reader} (Python {python}, in an environment of its own)"


def commit() -> str:
    """Return what was measured, and whether somebody had it under their hands."""
    return _first_line(["git", "describe", "--always", "--dirty", "--exclude=*"])


def file_system(place: Path) -> str:
    """Return what the kernel says that the folder lies on, and whether that keeps a journal."""
    here, found = place.resolve(), ("", "an unknown file system", "")
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        left, _, right = line.partition(" - ")
        point, kind, device = left.split()[4], right.split()[0], right.split()[1]
        if here.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, kind, Path(device).name)
    journal = "" if found[1] != "ext4" else ", journal" if any(Path("/proc/fs/jbd2").glob(f"{found[2]}-*")) else ", no journal"
    return f"{found[1]}{journal}"


def _first_line(argv: list[str]) -> str:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]
