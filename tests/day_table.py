"""The table of the simulated day: printed after a run that played it, and written down by `make day`."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.day_rules import FAULTS


class DayTable:
    """Shows the property `day` of the test that played it: a line of facts, then the table."""

    def __init__(self, config: pytest.Config, commit: Callable[[], str]) -> None:
        self._config = config
        self._commit = commit

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, and write it down where --day-table says."""
        reports = [report for word in ("passed", "failed") for report in terminalreporter.stats.get(word, ())]
        for report in reports:
            found = dict(getattr(report, "user_properties", ())).get("day")
            if report.when != "call" or found is None:
                continue
            terminalreporter.section("a simulated day")
            terminalreporter.write_line(found)
            if place := self._config.getoption("--day-table"):
                Path(place).write_text(self._page(found), "utf-8")

    def _page(self, found: str) -> str:
        facts, _, table = found.partition("\n")
        when = f"{datetime.now(UTC):%Y-%m-%d}, commit {self._commit()}, Python {platform.python_version()}"
        lines = [
            "# A simulated day",
            "",
            "Sources of every temper on loopback hosts, polled by the real pipeline over real sockets: a run every five",
            "minutes, each in a project opened anew; only the clock is simulated. Each server notes what it is asked and",
            "when, and a judge that knows none of our code (`tests/day_rules.py`) holds it against what was sent before.",
            f"`make day` plays it and writes this table. Last run: {when}, seed {self._config.option.sweep_seed}; {facts}.",
            "",
            table,
            "",
            "What is counted, for each source and its hosts; conditional and 304 are shares of the polls:",
            "",
            *(f"- **{name}**: {words}." for name, words in FAULTS.items()),
        ]
        return "\n".join(lines) + "\n"
