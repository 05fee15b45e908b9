"""Every file call of a run, as the one it dies at, or the one that fails. The next run leaves no trace of it.

Killed is at each call that changes something: between two of these the disk does not change, so a kill at a call that only
reads or syncs leaves what one of its neighbours leaves. SQLite's calls are among them. Errors meet the calls that sync as
well, and, in a sweep of their own, those that read.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.conftest import Sweep
from tests.crash_scenarios import EARLIER, SCENARIOS, Stage, outcome, staged
from tests.faults import CHANGES, COUNT, KILL, ON, ONCE, READS, TORN, Fault, Ran

#: How it goes wrong -> the fault, and at every which call.
KINDS = {
    "killed": (Fault(action=KILL, mask=CHANGES), 1),
    "killed amid a write": (Fault(action=TORN, mask=CHANGES), 5),
    "disk full from there on": (Fault(action=ON, error=errno.ENOSPC), 5),
    "disk full once": (Fault(action=ONCE, error=errno.ENOSPC), 5),
    "I/O error": (Fault(action=ONCE, error=errno.EIO), 5),
    "I/O error while reading": (Fault(action=ONCE, error=errno.EIO, mask=READS), 15),
}
#: The long sweeps are cut into parts, for processes to share.
PARTS = {
    ("first sync", "killed"): 6,
    **{(name, "killed"): 3 for name in ("sync of news", "sync of news, volantis", "sync of news, build next")},
}
CASES = [
    pytest.param(name, kind, part, id=f"{name}-{kind}-{part}".replace(" ", "_").replace(",", ""))
    for name in SCENARIOS
    for kind in KINDS
    for part in range(PARTS.get((name, kind), 1))
]
Record: TypeAlias = Callable[[str, object], None]


class Stages:
    """The scenarios that were asked for, each made ready once."""

    def __init__(self, root: Path, running: ExitStack) -> None:
        self._root, self._running = root, running
        self._stages: dict[str, Stage] = {}

    def get(self, name: str) -> Stage:
        """Return a scenario, ready."""
        if name not in self._stages:
            place = self._root / str(len(self._stages))
            place.mkdir()
            self._stages[name] = self._running.enter_context(staged(place, SCENARIOS[name]))
        return self._stages[name]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with ExitStack() as running:
        yield Stages(tmp_path_factory.mktemp("crash"), running)


@pytest.mark.post_row("R56", "R58", "R61")
@pytest.mark.sampled(1)
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("name", "kind", "part"), CASES)
def test_whatever_a_run_dies_of_the_next_one_finishes_it(  # noqa: PLR0917 - pytest passes by name
    stages: Stages, sweep: Sweep, record_property: Record, name: str, kind: str, part: int
) -> None:
    """Killed or failing at any file call, then run again: nothing lost, double, dated anew, locked, or left lying about."""
    stage, (fault, every) = stages.get(name), KINDS[kind]
    words = stage.scenario.words
    stage.reset()
    whole = stage.faults.run(words, replace(fault, action=COUNT), SOURCE_DATE_EPOCH=EARLIER)
    assert whole.returncode == 0, whole.stderr
    points = range(1, whole.counted + 1, every)[part :: PARTS.get((name, kind), 1)]
    ends: Counter[int] = Counter()
    for at in sweep.sample(list(points), 2):
        stage.reset()
        ran = stage.faults.run(words, replace(fault, at=at), SOURCE_DATE_EPOCH=EARLIER)
        where = f"{kind} at call {at}, {ran.place}"
        ends[ran.returncode] += 1
        _check_end(ran, kind, where)
        is_dated = stage.is_dated()
        stage.finish(where)
        assert not list(stage.folder.root.rglob(".tmp-*")), where
        left, expected = outcome(stage.folder), stage.expected(dated_by_first=is_dated)
        assert left.files == expected.files, where
        assert left.state == expected.state, where
    calls = ", ".join(f"{call} {number}" for call, number in whole.calls.items())
    codes = ", ".join(f"exit {code}: {number}" for code, number in sorted(ends.items()))
    record_property("table", f"{whole.counted} calls that count; all: {calls}. Of {len(points)} points: {codes}")


def _check_end(ran: Ran, kind: str, where: str) -> None:
    """Check what the run itself said: killed, or done all the same, or 5 (3 where it was the config) with what to do."""
    if ran.place is None:
        assert ran.returncode == 0, ran.stderr  # it made fewer calls this time
        return
    if kind.startswith("killed"):
        assert ran.returncode == -9, where
        return
    assert ran.returncode in {0, 3, 5}, f"{where}: {ran.stderr}"
    assert "Traceback" not in ran.stderr, where
    assert "internal error" not in ran.stderr, where
    if ran.returncode:
        last = ran.stderr.splitlines()[-1].casefold()
        assert any(word in last for word in _REASONS), f"{where}: {last}"


#: Words of libc and of SQLite for a full disk and a faulty one. Where SQLite may not create, it tries to read only.
_REASONS = (
    "no space left on device",
    "is full",
    "input/output error",
    "i/o error",
    "unable to open database",
    "readonly database",
    "disk image is malformed",  # what SQLite makes of a page that it could not read: then the state is rebuilt
)
