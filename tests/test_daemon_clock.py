"""`aggregator run` while the clock is set, and in nights that have an hour twice or not at all (tests/clock.c)."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from mmap import mmap
from pathlib import Path

import pytest

from aggregator.daemon.every import Every
from tests.conftest import absent, need
from tests.daemon_play import Daemon, Line, moment, running
from tests.upstream import Folder, Upstream, item, titles


class Clock:
    """The wall clock of what is started with `environment`."""

    def __init__(self, folder: Path) -> None:
        """Compile the shim; skip the test where that cannot be."""
        library, source = folder / "clock.so", Path(__file__).with_name("clock.c")
        command = [need("cc"), "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-o", str(library), str(source), "-ldl"]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        if made.returncode:
            absent(f"tests/clock.c cannot be compiled here: it is for Linux and glibc. {made.stderr[:500]}")
        off = folder / "off"
        off.write_bytes(bytes(8))
        with off.open("r+b") as file:
            self._off = mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFF": str(off)}

    def close(self) -> None:
        """Let go of the file."""
        self._off.close()

    def differ(self, by: timedelta) -> None:
        """Let it be so much ahead of the real one from now on."""
        self._off[:] = struct.pack("q", round(by.total_seconds()))

    def be(self, when: datetime) -> None:
        """Let it be that late now."""
        self.differ(when - datetime.now(UTC))


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    with closing(Clock(tmp_path)) as made:
        yield made


#: How late a poll may be on a machine that has much else to do; a step or a changed hour would cost far more.
_LATE = timedelta(seconds=40)
_DATES = re.compile(rb"<(updated|published)>[^<]*<")
_ENTRY = re.compile(rb"<entry>.*?</entry>", re.DOTALL)


def _dated(folder: Folder) -> dict[str, object]:
    """Return all that has a date of what is stored and published: posts, ledger, and each entry of each feed."""
    found: dict[str, object] = dict(folder.files("posts", "ledger.jsonl"))
    for path, document in folder.files("public").items():
        if path.endswith(".atom") and not path.endswith("status.atom"):
            found |= {f"{path} {_DATES.sub(b'', entry)!r}": _DATES.findall(entry) for entry in _ENTRY.findall(document)}
    return found


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "step",
    [timedelta(hours=1), timedelta(hours=-1), timedelta(days=30), timedelta(days=-30), timedelta(days=-20 * 365)],
    ids=lambda each: f"{each.total_seconds():.0f}s",
)
def test_a_clock_that_is_set_moves_nothing(folder: Folder, upstream: Upstream, clock: Clock, step: timedelta) -> None:
    """Set forth or back, and right again: polling resumes within one interval, and no date that was stored moves."""
    folder.settings("daemon: {debounce: 1s}")
    folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"}, ", every: 1s")
    with running(folder, environment=clock.environment) as daemon:
        daemon.wait_for_poll("a")
        daemon.wait_for_poll("b")
        daemon.wait_for_output("feeds/all.atom")
        for number, off in enumerate((step, timedelta())):
            before = _dated(folder)
            start = daemon.mark
            clock.differ(off)
            said = daemon.wait_for_words("the clock went", since=start)
            assert ("forward" in said) == ((off > timedelta()) if off else (step < timedelta()))
            _went_on(daemon, since=start)
            start = daemon.mark
            upstream.feed("/a", item(1) + item(2) + item(60 + number, dated=False) + item(3, dated=False))
            daemon.wait_for_output("feeds/news/a.atom", since=start)
            after = _dated(folder)
            assert len(after) > len(before)
            assert {name: after[name] for name in before if name != "ledger.jsonl"} == {
                name: before[name] for name in before if name != "ledger.jsonl"
            }
            assert f"Entry {60 + number}" in titles(folder, "news/a.atom")
        assert daemon.stop() == 143


def test_a_moment_that_was_missed_is_not_made_up_for() -> None:
    """A tick keeps its rhythm; after a step by half a century the next one is an interval away, and found at once."""
    every = Every(seconds=1, timezone=UTC)
    before, now = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)

    assert every.get_next_fire_time(now, now + timedelta(milliseconds=300)) == now + timedelta(seconds=1)
    assert every.get_next_fire_time(before, now) == now + timedelta(seconds=1)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("change", [datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)], ids=str)
def test_a_night_with_another_hour_is_like_any_other(
    folder: Folder, upstream: Upstream, clock: Clock, change: datetime
) -> None:
    """Where the clocks of Berlin change, each source is polled once per interval, before, over and after it."""
    folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"}, ", every: 2s")
    clock.be(change - timedelta(seconds=8))
    with running(folder, environment=clock.environment, TZ="Europe/Berlin") as daemon:
        daemon.wait(lambda: len([line for line in daemon.polls() if moment(line) > change]) >= 6)
        assert daemon.stop() == 143
    failed = [line for line in daemon.lines() if line["level"] == "error"]
    assert not [text for text in daemon.words() if text != "ended"], failed
    for source in ("a", "b"):
        polls = daemon.polls(source)
        assert moment(polls[0]) < change
        _once_each(polls)


def _went_on(daemon: Daemon, since: int) -> None:
    """See each source polled twice after the step, the second time when it is due by the clock as it stands now."""
    for source in ("a", "b"):
        daemon.wait(partial(_polled_again, daemon, source, since))
        _once_each(_after_step(daemon, source, since))


def _polled_again(daemon: Daemon, source: str, since: int) -> bool:
    return len(_after_step(daemon, source, since)) > 1


def _once_each(polls: list[Line]) -> None:
    for one, other in pairwise(polls):
        assert moment(one, "next_poll") <= moment(other) <= moment(one) + _LATE


def _after_step(daemon: Daemon, source: str, since: int) -> list[Line]:
    lines = daemon.lines(since=since)
    [said] = [number for number, line in enumerate(lines) if "the clock went" in str(line.get("message"))]
    return [line for line in lines[said:] if line["event"] == "poll" and line["source_id"] == source]
