"""The work: whether the state can be read, whether a daemon runs, and whether what is due is polled."""

from __future__ import annotations

import os
import sqlite3
from datetime import timedelta
from pathlib import Path

from aggregator.doctor.finding import Findings, Level, Situation, fail, ok, warn
from aggregator.errors import NoStateError, StoreError
from aggregator.model.settings import Settings
from aggregator.pipeline.planning import upcoming
from aggregator.schedule import describe
from aggregator.store.lock import daemon_runs
from aggregator.store.opening import open_state

#: What is due longer than this, while nothing at all is polled, is not being worked on. Upstreams that fail do not count: they
#: are polled too.
_DAEMON_LAG, _RUN_LAG = timedelta(minutes=30), timedelta(days=1)
_HEADER = 20
_WAL = 2


def state(situation: Situation) -> Findings:
    """See whether the state can be read, and what SQLite makes of the disk."""
    library = f"SQLite {sqlite3.sqlite_version}"
    if situation.settings is None:
        return
    url = situation.settings.state.url.reveal()
    try:
        opened = open_state(url, situation.root, create=False)
    except NoStateError:
        yield ok("state", f"none yet, the first sync makes it; {library}")
        return
    except StoreError as error:
        yield fail("state", str(error), "do what it says; nothing that posts and ledger hold is in danger")
        return
    opened.state.close()
    if not url.startswith("sqlite"):
        yield ok("state", "in PostgreSQL")
        return
    path = situation.root / (url.partition("///")[2] or "state/state.sqlite")
    if _journal(path) not in {_WAL, None}:
        text = f"{library} keeps no write-ahead log for {os.path.relpath(path, situation.root)}"
        yield warn(
            "state", text, "the file system does not let it, as network file systems do: put the project on another disk"
        )
    else:
        yield ok("state", f"readable; {library}")


def _journal(path: Path) -> int | None:
    """Return the version of the file format, 2 with a write-ahead log (https://sqlite.org/fileformat2.html, 1.3.3)."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError:
        return None
    return header[18] if len(header) == _HEADER else None


def daemon(situation: Situation) -> Findings:
    """Tell whether a daemon runs."""
    yield ok("daemon", "one runs" if daemon_runs(situation.root) else "none runs")


def polls(situation: Situation) -> Findings:
    """See whether what is due is polled, by the daemon or by whatever runs `sync`."""
    if situation.settings is None or not situation.settings.sources:
        return
    lag = _DAEMON_LAG if daemon_runs(situation.root) else _RUN_LAG
    late = _late(situation, situation.settings, lag)
    if late is None:
        yield ok("polls", "nothing is overdue")
    else:
        advice = "see whether cron, the timer or the daemon runs: aggregator plan, and the log"
        yield warn("polls", late, advice)


def alive(situation: Situation) -> Findings:
    """Judge only whether a daemon runs and does its work: for health checks.

    Neither an upstream that fails nor a configuration that was edited badly makes it unwell: with the one it goes on polling,
    with the other it goes on as it was, and to start it again would end that.
    """
    if not daemon_runs(situation.root):
        yield fail("daemon", "no daemon runs", "start it: aggregator run")
    elif situation.settings is None:
        yield warn("daemon", "one runs, with an older configuration", "the present one cannot be used: aggregator check config")
    elif (late := _unread(situation)) or (late := _late(situation, situation.settings, _DAEMON_LAG)):
        yield fail("daemon", f"one runs, but {late}", "look at its log, and start it again")
    else:
        yield ok("daemon", "one runs, and nothing is overdue")


def _unread(situation: Situation) -> str | None:
    return next((each.text for each in state(situation) if each.level is Level.FAIL), None)


def _late(situation: Situation, settings: Settings, lag: timedelta) -> str | None:
    """Return what is overdue, in words: sources that are due for so long, while none is polled; None: nothing, or not known."""
    try:
        opened = open_state(settings.state.url.reveal(), situation.root, create=False)
    except StoreError:
        return None  # no state yet, or `state` has told
    try:
        known, hosts = opened.state.sources(), opened.state.hosts()
    finally:
        opened.state.close()
    last = max((each.last_poll for each in known.values() if each.last_poll), default=None)
    if last is None or situation.now - last <= lag:
        return None
    then = situation.now - lag
    due = [source for source in settings.sources if upcoming(source, known.get(source.id), hosts, then).is_due(then)]
    if not due:
        return None
    who = due[0].name if len(due) == 1 else f"{len(due)} sources"
    return f"{who} {'is' if len(due) == 1 else 'are'} due, and nothing was polled for {describe(situation.now - last)}"
