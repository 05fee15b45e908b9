"""When a daemon counts as alive: for the service manager that watches it, and for whoever asks its server."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.daemon import loop as module
from aggregator.daemon import service
from aggregator.daemon.asks import FOLDER
from aggregator.daemon.config_watch import ConfigWatch
from aggregator.daemon.loop import Daemon
from aggregator.daemon.service import Manager
from aggregator.model.poll import Event
from tests.daemon_play import PATIENCE, running
from tests.projects import settings_of
from tests.upstream import Folder, Upstream

_SILENCE = 2.0  #: seconds, for the quarter of an hour after which silence means that all is stuck


class _Watching(Manager):
    """A manager that counts how often it was told that work goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.told = 0

    def alive(self) -> None:
        self.told += 1


class _Deaf:
    def report(self, event: Event) -> None:
        pass

    def say(self, text: str, *, failed: bool = False, trace: BaseException | None = None) -> None:
        pass


def _play(root: Path, act: Callable[[Daemon, _Watching], Any]) -> None:
    """Run a daemon that has nothing to do, while something is done to it; it is not ended by a signal, which would end us."""
    settings, manager = settings_of(root, sources="sources: {}\n"), _Watching()

    async def run() -> None:
        daemon = Daemon(
            settings,
            ConfigWatch(root / "config"),
            lambda: settings,
            _Deaf(),
            now=lambda: datetime.now(UTC),
            stamp=lambda now: now,
            jobs=1,
            schedule=False,
            manager=manager,
        )
        running = asyncio.create_task(daemon.run())
        try:
            async with asyncio.timeout(PATIENCE):
                await act(daemon, manager)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(run())


async def _until(is_so: Callable[[], bool]) -> None:
    while True:
        if is_so():
            return
        await asyncio.sleep(0)


def test_a_disk_that_hangs_between_rounds_is_told_by_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manager hears that work goes on while there is none to do, and nothing any more once not even asks can be read."""
    monkeypatch.setattr(module, "_LONGEST_SILENCE", _SILENCE)
    hangs = tmp_path / FOLDER / "1-1.ask.json"  # a pipe: who reads it waits, as for a disk that does not answer
    hangs.parent.mkdir(parents=True)

    async def act(_: Daemon, manager: _Watching) -> None:
        await _until(lambda: manager.told > 2 * _SILENCE)
        os.mkfifo(hangs)
        try:
            told = -1
            while told != manager.told:
                told = manager.told
                await asyncio.sleep(_SILENCE)
        finally:
            os.close(os.open(hangs, os.O_RDWR | os.O_NONBLOCK))

    _play(tmp_path, act)


def test_a_daemon_that_rests_is_no_round_that_is_stuck(tmp_path: Path) -> None:
    """Whoever asks what it said last, while it does what it does at leisure, hears of now, not of the last round."""

    async def act(daemon: Daemon, _: _Watching) -> None:
        await asyncio.sleep(_SILENCE)
        await _until(lambda: (heard := daemon.heard) is not None and datetime.now(UTC) - heard < timedelta(seconds=_SILENCE))

    _play(tmp_path, act)


def test_a_manager_that_does_not_listen_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Once nothing more fits into its socket, what it is told is dropped after a moment."""
    monkeypatch.setattr(service, "_PATIENCE", 0.001)
    monkeypatch.chdir(tmp_path)  # whose path is too long for that of a socket
    monkeypatch.setenv("NOTIFY_SOCKET", "manager")
    ours, most = Manager(), int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text("ascii"))

    def tell() -> None:
        for _ in range(2 * most + 10):
            ours.alive()

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("manager")
        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        telling.join(PATIENCE)

        assert not telling.is_alive()


def test_a_fault_of_one_place_stands_in_the_status(folder: Folder, upstream: Upstream) -> None:
    """Whoever asks the manager sees it, and when the next round is, for as long as it lasts."""
    folder.sources_at({name: f"{upstream.address}/{name}" for name in "ab"}, "")
    (folder.root / "posts" / "news").mkdir(parents=True)
    (folder.root / "posts" / "news" / "b").write_text("no folder", "utf-8")
    with running(folder) as daemon:
        daemon.wait(lambda: [text for text in daemon.told if ", next " in text and "A file stands where a folder" in text])
        assert daemon.stop() == 143
