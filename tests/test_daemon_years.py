"""Years of bad upstreams in minutes: what a daemon holds after thousands of polls is what it held after the first ones."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import pytest

from aggregator.daemon.asks import Ask, ask_daemon
from aggregator.model.poll import Summary
from aggregator.publish.document import examine
from tests.chaos import Chaos
from tests.conftest import Sweep
from tests.daemon_play import Daemon, running
from tests.processes import Weight, of_session, open_files, weigh, workers
from tests.upstream import Folder, wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How long it is watched, in rounds in which every source is polled once."""

    sources: int
    warm_up: int  #: rounds until everything that is loaded when it is first needed is there, and caches are full
    window: int  #: rounds that are compared with as many others
    rounds: int  #: all of them
    growth: float  #: share that memory may have grown by

    @property
    def polls(self) -> int:
        """Return how many visits that is."""
        return self.sources * self.rounds


#: 1,000 polls to get warm, then 10,000, of which the last 1,000 are compared with the first.
WHOLE = Load(sources=200, warm_up=5, window=5, rounds=55, growth=0.05)
#: What shows only a leak that is big: memory is still finding its level.
SAMPLE = Load(sources=100, warm_up=2, window=2, rounds=6, growth=0.10)


@pytest.mark.timeout(3600)
def test_thousands_of_polls_leave_nothing_behind(
    tmp_path: Path, sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    """Whatever upstreams answer, and though workers are killed now and then: memory, open files and processes stay the same."""
    load = WHOLE if sweep.count(whole=WHOLE.polls, sampled=SAMPLE.polls) == WHOLE.polls else SAMPLE
    with Chaos(load.sources, sweep.seed) as chaos:
        folder = Folder(tmp_path / "project")
        folder.settings("fetch: {allow_private: [127.0.0.0/8], timeout: 2s, max_bytes: 1000000}")
        lines = [
            f"  {name}: {{feed: '{address}', categories: [news, c{number % 10}]}}\n"
            for number, (name, address) in enumerate(chaos.addresses().items())
        ]
        folder.sources("sources:\n" + "".join(lines))
        with running(folder, "--no-schedule", serves=True) as daemon:
            found = [_polled(folder, daemon, round_, load, sweep.seed) for round_ in range(load.rounds)]

            warm = found[load.warm_up :]
            before, after = (mean(each.resident_kib for each in part) for part in (warm[: load.window], warm[-load.window :]))
            said = f"{load.polls} polls: {before / 1024:.1f} MiB, at the end {after / 1024:.1f} MiB; {dict(chaos.told)}"
            record_property("table", said)
            assert after <= before * (1 + load.growth), said
            assert {each.descriptors for each in warm} == {warm[0].descriptors}
            assert not [line for line in daemon.polls() if line["kind"] == "bug"], "an internal error"

            chaos.calm = True
            summary = _ask(folder)
            assert (summary.failed, summary.held) == (0, 0), daemon.tail()
            assert daemon.stop() == 143
    for path, document in folder.files("public").items():
        if path.endswith(".atom"):
            assert examine(document).faults == (), path


def _polled(folder: Folder, daemon: Daemon, round_: int, load: Load, seed: int) -> Weight:
    """Have every source polled; return what the daemon holds afterwards."""
    if round_ > load.warm_up and round_ % 3 == 0:
        victim = random.Random(f"{seed} {round_}").choice(workers(daemon.pid))
        os.kill(victim, signal.SIGKILL)
    summary = _ask(folder)
    assert summary.due == load.sources
    # Its processes are these three kinds, and none is left over from one that was killed.
    jobs = len(os.sched_getaffinity(0))
    wait_until(lambda: len(of_session(daemon.pid)) == jobs + len(("itself", "fork server", "resource tracker")))
    # Between rounds, and when what they wrote is in the index for searching: what is open for the while is no leftover.
    wait_until(lambda: not [each for each in open_files(daemon.pid) if ".sqlite" in each])
    return weigh(daemon.pid)


def _ask(folder: Folder) -> Summary:
    answer = ask_daemon(folder.root, Ask(force=True))
    assert answer is not None
    assert answer.error is None
    assert answer.summary is not None
    return answer.summary
