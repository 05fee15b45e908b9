"""A table of numbered facts -> the tests that play them -> how that ended; written down by one command.

A test carries `@pytest.mark.<mark>(<row>, ...)` for every row that it would fail without. With the table's option the table is
also written down; a row that no test has shown to be true is named, and fails the run.
"""

from __future__ import annotations

import ast
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

Results = dict[str, dict[str, set[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkTable:
    """What a table is about."""

    mark: str  #: of the tests: `rule` for @pytest.mark.rule
    option: str  #: that writes it: `--rule-table`
    rows: Mapping[str, str]  #: number -> what is true, in short
    title: str
    intro: tuple[str, ...]  #: lines above the table; the date of the run is added to the last one
    column: str = "what is true"

    def read(self, stats: Mapping[str, Sequence[Any]]) -> Results:
        """Return row -> test -> how its cases ended, from what the terminal reporter has collected."""
        results: Results = {number: {} for number in self.rows}
        for word in ("passed", "failed", "error", "skipped"):
            for report in stats.get(word, ()):
                numbers = dict(getattr(report, "user_properties", ())).get(self.mark, "")
                test = report.nodeid.partition("[")[0].rpartition("/")[2]
                for number in filter(None, numbers.split(",")):
                    results[number].setdefault(test, set()).add("failed" if word == "error" else word)
        return results

    def render(self, results: Results) -> list[str]:
        """Write the table as Markdown."""
        lines = [f"| row | {self.column} | played by | result |", "|---|---|---|---|"]
        for number, fact in self.rows.items():
            tests = results[number]
            lines.append(f"| {number} | {fact} | {', '.join(f'`{test}`' for test in sorted(tests))} | {result_of(tests)} |")
        return lines

    def unplayed(self, results: Results) -> list[str]:
        """Return the rows that no test has shown to be true."""
        return [number for number in self.rows if not result_of(results[number]).startswith("passed")]

    def marked(self, path: Path) -> set[str]:
        """Return the rows that a module's tests say they play."""
        return {
            str(argument.value)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{self.mark}"
            for argument in node.args
            if isinstance(argument, ast.Constant)
        }


def result_of(tests: Mapping[str, set[str]]) -> str:
    """Say how a row ended: it has passed if a test that plays it ran, and none of them failed."""
    words = {word for found in tests.values() for word in found}
    if not words:
        return "MISSING"
    if "failed" in words:
        return "failed"
    if "passed" not in words:
        return "skipped"
    return "passed, in part skipped" if "skipped" in words else "passed"


class MarkPlugin:
    """Collects who plays what while the tests run."""

    def __init__(self, config: pytest.Config, table: MarkTable) -> None:
        self._table = table
        self._place = config.getoption(table.option)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let each test report the rows that it plays."""
        for item in items:
            numbers = [str(number) for mark in item.iter_markers(self._table.mark) for number in mark.args]
            for number in numbers:
                assert number in self._table.rows, f"{item.nodeid}: there is no row {number}"
            if numbers:
                item.user_properties.append((self._table.mark, ",".join(numbers)))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that was to play every row and did not; here, since the summary comes too late for that."""
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if not self._place or reporter is None or hasattr(session.config, "workerinput"):
            return
        if self._table.unplayed(self._table.read(reporter.stats)) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, and write it down."""
        if not self._place:
            return
        results = self._table.read(terminalreporter.stats)
        lines = self._table.render(results)
        terminalreporter.section(self._table.title.lower())
        terminalreporter.write_line("\n".join(lines))
        if missing := self._table.unplayed(results):
            terminalreporter.write_line(f"not shown to be true: {', '.join(missing)}")
        if self._place != "-":
            when = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}"
            *above, last = self._table.intro
            page = [f"# {self._table.title}", "", *above, f"{last} Last run: {when}.", "", *lines]
            Path(self._place).write_text("\n".join(page) + "\n", "utf-8")
