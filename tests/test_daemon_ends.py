"""How a daemon ends: at any moment, by any signal, with a disk that hangs; and what the next start makes of it."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.crash_scenarios import Outcome, outcome
from tests.daemon_play import Daemon, running
from tests.faults import CHANGES, HANG, SYNCS, Fault, Shim
from tests.processes import of_session
from tests.upstream import Folder, Upstream, item, wait_until

EPOCH = "1767225600"
SOURCES, ENTRIES = 5, 8
#: Seconds in which it must have ended.
PROMISED = 10.0
#: File calls that hang, by kind and number: of the state as it is made, of posts, of feeds.
_HANGS = ((SYNCS, 1), (SYNCS, 4), (SYNCS, 12), (CHANGES, 40), (CHANGES, 90))
MOMENTS = ("start", "asked", "posts", "feeds", "idle", "reload", "news")


@dataclass(slots=True)
class Stage:
    """A project with its upstream, and what undisturbed runs come to."""

    folder: Folder
    upstream: Upstream
    expected: Callable[[bool], Outcome]

    def lay_out(self, *, often: bool = False) -> None:
        """Write the sources down; `often`: each is due again after a second."""
        addresses = {f"s{number}": f"{self.upstream.address}/{number}" for number in range(SOURCES)}
        self.folder.sources_at(addresses, ", every: 1s" if often else "")

    def written(self) -> int:
        """Count finished files: posts and feeds."""
        return sum(len(list((self.folder.root / top).rglob("[!.]*.*"))) for top in ("posts", "public"))

    def bring_news(self) -> None:
        """Have upstream edit an entry, give another one a new id, and have a new one with and one without a date."""
        _serve(self.upstream, news=True)


def _serve(upstream: Upstream, *, news: bool) -> None:
    for number in range(SOURCES):
        first = 100 * number
        items = [item(first + entry, dated=entry % 3 > 0) for entry in range(ENTRIES)]
        if news:
            items[1] = item(first + 1, body="<p>Edited upstream.</p>")
            items[2] = items[2].replace(f">entry-{first + 2}<", f">renamed-{first + 2}<")
            items += [item(first + ENTRIES), item(first + ENTRIES + 1, dated=False)]
        upstream.feed(f"/{number}", "".join(items))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running_one:
        yield running_one


@pytest.fixture(scope="module")
def expected(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Outcome]:
    """What undisturbed runs of `sync` come to, without and with the news."""
    made: dict[bool, Outcome] = {}
    for news in (False, True):
        folder = Folder(tmp_path_factory.mktemp("undisturbed") / "project")
        Stage(folder, upstream, made.__getitem__).lay_out(often=news)
        for later in (False, True)[: 1 + news]:
            _serve(upstream, news=later)
            folder.sync("--force", SOURCE_DATE_EPOCH=EPOCH)
        made[news] = outcome(folder)
    return made.__getitem__


@pytest.fixture
def stage(tmp_path: Path, upstream: Upstream, expected: Callable[[bool], Outcome]) -> Stage:
    _serve(upstream, news=False)
    upstream.requests.clear()
    folder = Folder(tmp_path / "project")
    folder.settings("daemon: {debounce: 500ms}")
    made = Stage(folder, upstream, expected)
    made.lay_out()
    return made


@contextmanager
def _brought_to(moment: str, stage: Stage, chance: random.Random) -> Iterator[Daemon]:
    """Run a daemon until a moment of this kind."""
    if moment == "news":
        stage.lay_out(often=True)
    if moment == "asked":
        for path in chance.sample(sorted(stage.upstream.pages), 2):
            stage.upstream.pages[path].respond = _late(chance.uniform(0.3, 3.0))
    with running(stage.folder, ready=False, SOURCE_DATE_EPOCH=EPOCH) as daemon:
        if moment == "start":
            time.sleep(chance.uniform(0, 1.5))
        elif moment == "asked":
            wait_until(lambda: len(stage.upstream.requests) >= chance.randint(1, SOURCES))
            time.sleep(chance.uniform(0, 0.5))
        elif moment in {"posts", "feeds"}:
            posts = SOURCES * ENTRIES
            threshold = chance.randint(1, posts) if moment == "posts" else posts + chance.randint(0, 3 * SOURCES)
            wait_until(lambda: stage.written() >= threshold)
            time.sleep(chance.uniform(0, 0.03))
        else:
            daemon.wait_for_idle()
            _go_on(moment, stage, chance, daemon)
        yield daemon


def _go_on(moment: str, stage: Stage, chance: random.Random, daemon: Daemon) -> None:
    """Bring a daemon from its first rest to a later moment."""
    if moment == "reload":
        stage.folder.settings("daemon: {debounce: 1s}")
        daemon.send(signal.SIGHUP)
        time.sleep(chance.uniform(0, 0.3))
    elif moment == "news":
        asked = len(stage.upstream.requests)
        stage.bring_news()
        wait_until(lambda: len(stage.upstream.requests) > asked)
        time.sleep(chance.uniform(0, 1.5))
    else:
        time.sleep(chance.uniform(0, 1.5))


def _late(seconds: float) -> Callable[[Any], None]:
    def respond(handler: Any) -> None:
        time.sleep(seconds)
        handler.send_error(503)

    return respond


def _ended(daemon: Daemon, number: int = signal.SIGTERM, *, again: float | None = None) -> int:
    """End a daemon, which it must have done in time and with all its processes; `again`: tell it twice."""
    began = time.monotonic()
    daemon.send(number)
    if again is not None:
        time.sleep(again)
        daemon.send(number)
    code = daemon.process.wait(60)
    took = time.monotonic() - began
    assert took < PROMISED, f"it took {took:.1f} s: {daemon.tail()}"
    wait_until(lambda: not of_session(daemon.pid))
    if not any("cut short" in text for text in daemon.words()):
        assert not daemon.astray, daemon.astray  # else multiprocessing's own process says what was left to it
    return code


def _is_there(folder: Folder, wanted: Outcome) -> bool:
    return folder.files().keys() == wanted.files.keys() and outcome(folder).files == wanted.files


def _goes_on(stage: Stage, *, news: bool, with_daemon: bool) -> None:
    """Start anew, as a daemon or with `sync`: nothing is lost, double, or left lying about."""
    wanted = stage.expected(news)
    if with_daemon:
        with running(stage.folder, SOURCE_DATE_EPOCH=EPOCH) as daemon:
            wait_until(
                lambda: stage.folder.files().keys() == wanted.files.keys() and outcome(stage.folder).files == wanted.files
            )
            daemon.wait_for_idle()
            assert _ended(daemon) == 143
        assert not list(stage.folder.root.rglob(".tmp-*"))
    stage.folder.sync("--force", SOURCE_DATE_EPOCH=EPOCH)
    assert not list(stage.folder.root.rglob(".tmp-*"))
    found = outcome(stage.folder)
    assert found.files == wanted.files
    assert found.state == wanted.state


@pytest.mark.sampled(2)
@pytest.mark.parametrize("number", range(50))
def test_told_to_end_at_any_moment(stage: Stage, number: int) -> None:
    """SIGTERM at a random moment: it ends in time with 143, and the next start leaves what an undisturbed one leaves."""
    chance = random.Random(f"daemon ends {number}")
    moment = MOMENTS[number % len(MOMENTS)]
    with _brought_to(moment, stage, chance) as daemon:
        was_up = "READY=1" in daemon.told
        code = _ended(daemon, again=chance.uniform(0, 0.5) if number % 5 == 0 else None)
        # Before it can have said how it wishes to end, the kernel ends it: to a shell and to systemd this is 143 as well.
        assert code == 143 or (not was_up and code == -signal.SIGTERM), daemon.tail()
        assert not any("cut short" in text for text in daemon.words()), daemon.tail()
    for page in stage.upstream.pages.values():
        page.respond = None
    _goes_on(stage, news=moment == "news", with_daemon=number % 2 == 1 and moment != "asked")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("moment", ["asked", "idle"])
def test_a_person_ends_it_with_ctrl_c(stage: Stage, moment: str) -> None:
    """SIGINT ends it with 130, and one more on the way to that does no harm: a hand is often impatient."""
    chance = random.Random(moment)
    with _brought_to(moment, stage, chance) as daemon:
        daemon.wait_for_ready()
        assert _ended(daemon, signal.SIGINT, again=chance.uniform(0, 0.2)) == 130
        assert daemon.words()[-1] == "ended"


@pytest.mark.sampled(1)
@pytest.mark.parametrize("fault", [Fault(action=HANG, at=at, mask=mask) for mask, at in _HANGS], ids=str)
def test_a_disk_that_hangs_is_not_waited_for(stage: Stage, tmp_path: Path, fault: Fault) -> None:
    """SIGTERM while a file call never returns: what it could not finish is cut off, in time, and the next start has it."""
    shim = Shim(tmp_path, stage.folder)
    shim.arm(fault)
    with running(stage.folder, SOURCE_DATE_EPOCH=EPOCH, **shim.environment) as daemon:
        wait_until(lambda: shim.read()[2] is not None)
        time.sleep(0.2)
        assert _ended(daemon) == 143, shim.read()
    _goes_on(stage, news=False, with_daemon=False)


def test_a_log_that_nobody_reads_is_not_waited_for(stage: Stage) -> None:
    """SIGTERM while whoever should read the log does not, and its pipe is full: it ends in time all the same."""
    stage.lay_out(often=True)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    command = stage.folder.command("run", "--no-serve", "--log-format", "json")
    with subprocess.Popen(
        command, env=stage.folder.environment(SOURCE_DATE_EPOCH=EPOCH), stderr=writing, start_new_session=True
    ) as process:
        try:
            os.close(writing)
            wait_until(lambda: _unread(reading) >= 4096 - 600)
            time.sleep(1.5)
            began = time.monotonic()
            process.terminate()
            assert process.wait(60) == 143
            assert time.monotonic() - began < PROMISED
        finally:
            process.kill()
            os.close(reading)
    wait_until(lambda: not of_session(process.pid))


def _unread(reading: int) -> int:
    """Return how many bytes wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(reading, termios.FIONREAD, bytes(4)), sys.byteorder)
