"""The machine: clock, time zones, encoding, open files, memory."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aggregator
from aggregator.doctor.finding import Findings, Situation, fail, ok, warn
from aggregator.model.settings import FetchSettings
from aggregator.schedule import describe
from aggregator.workers import MEMORY_BYTES

_SLACK = timedelta(minutes=2)
#: Connections that are kept although idle, and what a run holds besides: the state, files being written, workers.
_IDLE, _OWN = 128, 78
_LEAST_MEMORY = 256 * 1024 * 1024
_MIB = 1024 * 1024


def clock(situation: Situation) -> Findings:
    """Compare the clock with the times of files, and ask whether a time service keeps it."""
    now = situation.now
    installed = _time(Path(aggregator.__file__))
    if installed is not None and now < installed - timedelta(days=1):  # a day, since archives know no zones
        text = f"the clock says {now:%Y-%m-%d %H:%M} UTC, and this program was installed on {installed:%Y-%m-%d}"
        yield fail("clock", text, "set the clock: with a wrong one certificates do not hold, and new entries are misdated")
        return
    times = [(time, path) for path in _written(situation) if (time := _time(path)) is not None]
    latest, path = max(times, default=(now, situation.root))
    if latest > now + _SLACK:
        where = os.path.relpath(path, situation.root)
        text = f"{where} was written {describe(latest - now)} from now: the clock was set back, or another machine wrote it"
        yield warn("clock", text, "see that the clock is right; due times mend themselves")
    elif _is_adrift(situation):
        text = "no time service keeps the clock, says timedatectl"
        yield warn("clock", text, "switch one on: timedatectl set-ntp true")
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, and no file is of later")


def _written(situation: Situation) -> Iterator[Path]:
    """Yield files that runs write, few but telling, and those of the configuration."""
    yield situation.root / "ledger.jsonl"
    for folder, pattern in ((situation.root / "state", "*"), (situation.config, "**/*.yaml")):
        yield from folder.glob(pattern)
    if situation.settings is not None:
        yield from (situation.root / situation.settings.public.dir / "feeds").glob("*.*")


def _time(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None  # gone meanwhile, or not for us to see: `disk` speaks of rights


def _is_adrift(situation: Situation) -> bool:
    command = shutil.which("timedatectl", path=situation.environ.get("PATH"))
    if command is None:
        return False
    try:
        asked = [command, "show", "--property=NTPSynchronized", "--value"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == "no"


def zones(situation: Situation) -> Findings:
    """See whether zones are known, and whether TZ names one: the C library takes UTC for a name that it does not know."""
    name = situation.environ.get("TZ", "").removeprefix(":")
    site = situation.settings.site.timezone if situation.settings is not None else "UTC"
    # `CST-8` is a rule in itself, and a path names a file.
    if name and not name.startswith("/") and not re.search(r"[0-9]", name) and not _knows_zone(name):
        yield warn(
            "zones", f"TZ is {name}, which no time zone is called: local times are UTC", "name one such as Asia/Shanghai"
        )
    else:
        yield ok("zones", f"site.timezone is {site}, local times are {name or 'those of the machine'}")


def _knows_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def encoding(situation: Situation) -> Findings:  # noqa: ARG001 - as all checks
    """See whether file names can be in every script."""
    names, said = sys.getfilesystemencoding(), sys.stderr.encoding or "none"
    advice = "set LANG=C.UTF-8 (in a unit: Environment=LANG=C.UTF-8; in cron: LANG=C.UTF-8 on a line of its own)"
    if names.lower() != "utf-8":
        yield fail("encoding", f"file names are written in {names}: posts in other scripts cannot be named", advice)
    elif said.lower() not in {"utf-8", "utf8"}:
        yield warn("encoding", f"messages are written in {said}: what it does not have is shown as escapes", advice)
    else:
        yield ok("encoding", "UTF-8")


def open_files(situation: Situation) -> Findings:
    """Compare the limit of open files with what a run may want."""
    fetch = situation.settings.fetch if situation.settings is not None else FetchSettings()
    needed = fetch.concurrency + _IDLE + _OWN
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        text = f"{soft} files may be open at once; with fetch.concurrency {fetch.concurrency} a run may want {needed}"
        advice = "raise it (ulimit -n 1024; in a unit: LimitNOFILE=1024), or lower fetch.concurrency"
        yield warn("open-files", text, advice)
    else:
        limit = "any number of" if soft == resource.RLIM_INFINITY else str(soft)
        yield ok("open-files", f"{limit} files may be open at once, {needed} will do")


def memory(situation: Situation) -> Findings:  # noqa: ARG001 - as all checks
    """Compare what memory there is with what a run needs."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    free = min((found for found in (_available(), _left_in_group()) if found is not None), default=None)
    if hard != resource.RLIM_INFINITY and hard < MEMORY_BYTES:
        text = f"processes may use {hard // _MIB} MiB of address space; a worker has {MEMORY_BYTES // _MIB} without that limit"
        yield warn("memory", text, "take it away (ulimit -v unlimited); MemoryMax= of a unit bounds all of them together")
    elif free is not None and free < _LEAST_MEMORY:
        text = f"{free // _MIB} MiB are free, and a run with news may want {_LEAST_MEMORY // _MIB}"
        yield warn("memory", text, "give it more, or let one worker do: --jobs 1")
    else:
        yield ok("memory", "how much is free is not known here" if free is None else f"{free // _MIB} MiB free")


def _available() -> int | None:
    try:
        found = re.search(r"^MemAvailable:\s*([0-9]+) kB", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _left_in_group() -> int | None:
    """Return what the control group's limit leaves (version 2); the page cache that counts in it makes way."""
    try:
        group = Path("/proc/self/cgroup").read_text("utf-8").rpartition("0::")[2].strip()
        place = Path(f"/sys/fs/cgroup{group}")
        limit = (place / "memory.max").read_text("ascii").strip()
        stat = (place / "memory.stat").read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return None
    anonymous = re.search(r"^anon ([0-9]+)", stat, re.MULTILINE)
    return int(limit) - int(anonymous[1]) if limit.isdecimal() and anonymous else None
