"""The table of conduct itself: every row is carried by some test, and a row that nothing shows to be true fails the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.mark_table import result_of
from tests.publishing_rows import PUBLISHING
from tests.rules import CONDUCT, ROWS

ROOT = Path(__file__).parents[1]


def test_every_row_is_carried_by_a_test() -> None:
    """No row of the table is without a test that says that it plays it, and none is played that is not there."""
    carried = {number for path in (ROOT / "tests").glob("test_*.py") for number in CONDUCT.marked(path)}

    assert [number for number in ROWS if number not in carried] == []
    assert carried <= set(ROWS)


def test_every_row_of_publishing_is_carried_by_a_test() -> None:
    """The same of the table of publishing."""
    carried = {number for path in (ROOT / "tests").glob("test_*.py") for number in PUBLISHING.marked(path)}

    assert [number for number in PUBLISHING.rows if number not in carried] == []
    assert carried <= set(PUBLISHING.rows)


def test_the_table_has_every_row_of_the_rules() -> None:
    """F1 to F31 and R1 to R24, each once."""
    assert list(ROWS) == [f"F{number}" for number in range(1, 32)] + [f"R{number}" for number in range(1, 25)]


@pytest.mark.parametrize(
    ("tests", "result"),
    [
        ({}, "MISSING"),
        ({"a": {"passed"}, "b": {"failed"}}, "failed"),
        ({"a": {"skipped"}}, "skipped"),
        ({"a": {"passed", "skipped"}}, "passed, in part skipped"),
        ({"a": {"passed"}, "b": {"passed"}}, "passed"),
    ],
)
def test_a_row_is_as_good_as_its_tests(tests: dict[str, set[str]], result: str) -> None:
    """One failure fails a row; a row whose tests were all skipped was not played."""
    assert result_of(tests) == result


def test_cases_of_a_test_are_told_by_its_name() -> None:
    """Whatever stands in a case's id, slashes and brackets too, it counts for its test."""
    reports = [
        SimpleNamespace(nodeid=f"tests/test_x.py::test_a[{case}]", user_properties=[("rule", "F1,R1")])
        for case in ("http://a/b[1]", "x")
    ]

    assert CONDUCT.read({"passed": reports[:1], "error": reports[1:]})["R1"] == {"test_x.py::test_a": {"passed", "failed"}}


def test_a_run_that_leaves_rows_out_fails(tmp_path: Path) -> None:
    """With --rule-table the exit code tells whether every row was played, also when each test that ran has passed."""
    table = tmp_path / "conduct.md"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--rule-table={table}",
        "tests/test_schedule.py::test_sources_spread_out_and_each_keeps_its_place",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    lines = table.read_text("utf-8").splitlines()

    assert done.returncode == 1, done.stdout
    assert "1 passed" in done.stdout
    assert next(line for line in lines if line.startswith("| F16 ")).endswith("| passed |")
    assert next(line for line in lines if line.startswith("| R1 ")).endswith("| MISSING |")
