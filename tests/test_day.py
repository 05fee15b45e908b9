"""One simulated day against what the servers saw: the table that `make day` writes to docs/conduct-day.md."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import Sweep
from tests.day import Day
from tests.day_rules import FAULTS, table
from tests.day_sources import TEMPERS, draw


@pytest.mark.rule("F8", "F9", "F10", "F13", "F14", "F17", "R17", "R23")
@pytest.mark.timeout(900)
def test_a_day_goes_by_without_one_impolite_request(
    tmp_path: Path, sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    """In a day of runs no request comes too early, too often or beside another one, and no source is forgotten."""
    count = sweep.count(200, 40)
    length = timedelta(hours=24 if count == 200 else 12)
    sources = draw(sweep.seed, count, max(5, count // 10), length)
    with Day(tmp_path / "project", sources) as day:
        day.play(length, sweep.seed)

    tallies = day.judge.tallies
    groups = [(temper, [tallies[one.name] for one in sources if one.temper == temper]) for temper in TEMPERS]
    hosts = len({one.host for one in sources})
    facts = (
        f"{count} sources on {hosts} hosts, {day.runs} runs over {length // timedelta(hours=1)} simulated hours, "
        f"{day.held} visits given up since the host had closed meanwhile"
    )
    record_property("day", "\n".join((facts, *table([group for group in groups if group[1]], length / timedelta(days=1)))))
    assert day.bugs == []
    assert {fault: sum(tally.faults[fault] for tally in tallies.values()) for fault in FAULTS} == dict.fromkeys(FAULTS, 0), (
        "\n".join(day.judge.told[:20])
    )
    assert max(host.busiest for host in day.judge.hosts.values()) == 1
    assert day.posts() == len(day.served)
