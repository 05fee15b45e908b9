"""The table of readers: printed after a run in which any of them read our feeds, and written down by `make readers`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

_COLUMNS = ("reader", "format", "id", "title", "link", "date", "author", "enclosure", "duration", "feed")


class ReaderTable:
    """Collects the property `reader` of the tests: a row of the table, with its place in it."""

    def __init__(self, config: pytest.Config, commit: Callable[[], str]) -> None:
        self._config = config
        self._commit = commit

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, and write it down where --reader-table says."""
        rows: list[tuple[int, dict[str, str]]] = []
        for word in ("passed", "failed"):
            for report in terminalreporter.stats.get(word, ()):
                found = dict(getattr(report, "user_properties", ())).get("reader")
                if report.when != "call" or found is None:
                    continue
                place, row = json.loads(found)
                rows.append((place, row if word == "passed" else row | {"id": "FAILED"}))
        if not rows:
            return
        lines = [f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
        for _, row in sorted(rows, key=lambda numbered: numbered[0]):
            lines.append(f"| {' | '.join(row.get(column, '') for column in _COLUMNS)} |")
        terminalreporter.section("readers")
        terminalreporter.write_line("\n".join(lines))
        if place := self._config.getoption("--reader-table"):
            Path(place).write_text(self._page(lines), "utf-8")

    def _page(self, table: list[str]) -> str:
        when = f"{datetime.now(UTC):%Y-%m-%d}, commit {self._commit()}"
        lines = [
            "# What feed readers make of our feeds",
            "",
            "A project with one entry for each way of reading wrongly (Chinese, `AT&T <b>` as a text, emoji, right to left,",
            "no author, several, two enclosures, a podcast, no date, no page, no text, an id that is no IRI, a long one) is",
            "synced, its feeds are served, and each reader is run as its users run it, with a home of its own. What it keeps",
            "is compared with what was published: `exact` is every entry's, character for character and to the second. Else it",
            "is that reader's own way, which is asserted as well (`tests/reader_expectations.py`), so that a change is seen.",
            f"`make readers` runs them and writes this table. Last run: {when}.",
            "",
            *table,
        ]
        return "\n".join(lines) + "\n"
