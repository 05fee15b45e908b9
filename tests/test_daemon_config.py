"""When a daemon reads its configuration again, and that a bug of ours in doing so is told and ends nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.daemon.config_watch import ConfigWatch
from aggregator.daemon.loop import Daemon
from aggregator.model.poll import Event
from aggregator.model.settings import Settings
from tests.daemon_play import PATIENCE, running
from tests.projects import settings_of, write
from tests.upstream import Folder, Upstream

SOURCES = "sources: {a: {feed: 'http://a.example/', categories: [news]}}\n"


def test_a_file_that_is_half_written_is_not_read(tmp_path: Path) -> None:
    """A configuration counts as changed once two looks in a row find the same: what is still being written is left alone."""
    watch = ConfigWatch(write(tmp_path, {"sources/a.yaml": SOURCES}) / "config")
    assert not watch.has_changed()
    for end in (5, 20, len(SOURCES)):
        write(tmp_path, {"sources/b.yaml": SOURCES[:end]})
        assert not watch.has_changed()

    assert watch.has_changed()
    watch.taken()
    assert not watch.has_changed()


def test_any_file_that_is_read_counts(tmp_path: Path) -> None:
    """Settings, categories and sources that change, come or go are a changed configuration; other files are not."""
    watch = ConfigWatch(write(tmp_path, {"sources/a.yaml": SOURCES}) / "config")
    (tmp_path / "config" / "sources" / "notes.txt").write_text("not ours")
    assert not watch.differs()
    for change in (
        lambda: write(tmp_path, {"categories.yaml": "{}\n"}),
        lambda: write(tmp_path, {"sources/b.yml": SOURCES}),
        (tmp_path / "config" / "sources" / "a.yaml").unlink,
        lambda: (tmp_path / "config" / "sources" / "b.yml").rename(tmp_path / "b.yml"),
        (tmp_path / "config" / "settings.yaml").unlink,
    ):
        change()
        assert watch.differs()
        watch.taken()


def test_rights_that_were_mended_and_times_that_were_kept_count(tmp_path: Path) -> None:
    """A file that may be read at last is a change, and so is one of the same length with the time that it had."""
    file = write(tmp_path, {"sources/a.yaml": SOURCES}) / "config" / "sources" / "a.yaml"
    watch = ConfigWatch(tmp_path / "config")
    before = file.stat()
    file.write_text(SOURCES.replace("news", "olds"), "utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watch.differs()
    watch.taken()
    file.chmod(0o600)

    assert watch.differs()


class _Ears:
    """Hears what is told of what has failed."""

    def __init__(self) -> None:
        self.failed: asyncio.Queue[str] = asyncio.Queue()

    def report(self, event: Event) -> None:
        pass

    def say(self, text: str, *, failed: bool = False, trace: BaseException | None = None) -> None:
        if failed:
            self.failed.put_nowait(f"{text} {trace!r}")


def test_a_bug_in_reading_the_configuration_is_told(tmp_path: Path) -> None:
    """It is called a bug of ours, the old configuration stays, and the daemon goes on to read it when told to again."""
    settings = settings_of(tmp_path, sources=SOURCES)

    def load() -> Settings:
        raise RuntimeError("boom")

    ears = _Ears()

    async def run() -> None:
        daemon = Daemon(
            settings,
            ConfigWatch(tmp_path / "config"),
            load,
            ears,
            now=lambda: datetime(2026, 3, 2, tzinfo=UTC),
            stamp=lambda now: now,
            jobs=1,
            schedule=False,
        )
        running = asyncio.create_task(daemon.run())  # not ended by a signal: that would end these tests as well
        await asyncio.sleep(0.1)
        async with asyncio.timeout(PATIENCE):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGHUP)
                assert await ears.failed.get() == _TOLD
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(run())


_TOLD = (
    "the old configuration stays: internal error, a bug of aggregator: RuntimeError: boom (-vv shows the traceback) "
    "RuntimeError('boom')"
)


def test_a_change_is_read_once(tmp_path: Path) -> None:
    """What SIGHUP has read while somebody else waited to read it is not read, nor refused, once more."""
    settings = settings_of(tmp_path, sources=SOURCES)
    read: list[str] = []

    def load() -> Settings:
        read.append((tmp_path / "config" / "sources" / "a.yaml").read_text("utf-8"))
        if len(read) == 1:
            time.sleep(_AGES)  # meanwhile the change comes, and a look after the other finds it
        return settings

    async def run() -> None:
        daemon = Daemon(
            settings,
            ConfigWatch(tmp_path / "config"),
            load,
            _Ears(),
            now=lambda: datetime(2026, 3, 2, tzinfo=UTC),
            stamp=lambda now: now,
            jobs=1,
            schedule=False,
        )
        running = asyncio.create_task(daemon.run())
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.2)
        write(tmp_path, {"sources/a.yaml": "changed"})
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(_AGES + 1.0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(run())
    assert read[1:] == ["changed"]


_AGES = 5.0  #: seconds: two looks at the configuration, and more


def test_what_was_read_last_counts(tmp_path: Path) -> None:
    """A second SIGHUP while the configuration is read: what the slower, older reading saw is not kept."""
    settings = settings_of(tmp_path, sources=SOURCES)
    began: list[float] = []
    told: asyncio.Queue[str] = asyncio.Queue()

    def load() -> Settings:
        began.append(time.monotonic())
        if len(began) > 1:
            return replace(settings, sources=())
        time.sleep(0.3)  # the files were read before the second signal came
        return replace(settings, daemon=replace(settings.daemon, debounce=timedelta(seconds=1)))

    class Ears:
        def report(self, event: Event) -> None:
            pass

        def say(self, text: str, *, failed: bool = False, trace: BaseException | None = None) -> None:
            del failed, trace
            told.put_nowait(text)

    async def run() -> list[str]:
        daemon = Daemon(
            settings,
            ConfigWatch(tmp_path / "config"),
            load,
            Ears(),
            now=lambda: datetime(2026, 3, 2, tzinfo=UTC),
            stamp=lambda now: now,
            jobs=1,
            schedule=False,
        )
        running = asyncio.create_task(daemon.run())
        async with asyncio.timeout(PATIENCE):
            for _ in range(2):
                await asyncio.sleep(0.1)
                os.kill(os.getpid(), signal.SIGHUP)
            heard = [await told.get() for _ in range(2)]
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return heard

    assert asyncio.run(run()) == ["new configuration: 1 source", "new configuration: 0 sources"]


@pytest.mark.parametrize("signals", [(), (signal.SIGHUP,)])
def test_what_happens_while_it_starts_is_not_missed(folder: Folder, upstream: Upstream, signals: tuple[int, ...]) -> None:
    """A source written down while the configuration is read for the first time is polled; a SIGHUP then ends nothing."""
    gate = folder.root / "password"
    os.mkfifo(gate)
    source = f"feed: '{upstream.address}/a', categories: [news]"
    folder.sources(f"sources:\n  a: {{{source}, auth: {{username: me, password: {{file: {gate}}}}}}}\n")
    with running(folder, ready=False) as daemon:
        with gate.open("w") as password:  # it has read the sources, and waits for this
            gate.unlink()
            gate.write_text("sesame")
            folder.sources(f"sources:\n  b: {{feed: '{upstream.address}/b', categories: [news]}}\n")
            for number in signals:
                daemon.send(number)
            password.write("sesame")

        daemon.wait_for_poll("b")
        assert daemon.stop() == 143
