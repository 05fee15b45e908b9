"""The table of conduct: which row of the rules is played by which test, and how that ended (`make conduct`).

A test carries `@pytest.mark.rule("F1", ...)` for every row that it would fail without. With --rule-table the table is also
written down; a row that no test has shown to be true is named, and fails the run.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

#: What the rows say, in short; their sources stand in docs/conduct.md's own words.
ROWS: dict[str, str] = {
    "F1": "validators go back exactly as received",
    "F2": "both validators are stored whenever a body is",
    "F3": "also when the body is byte-equal to the last one",
    "F4": "a 304 refreshes validators and freshness",
    "F5": "a header missing from a 200 clears the stored one; no date is invented",
    "F6": "validators are stored only after the body was parsed and saved",
    "F7": "validators belong to the final address and the source's settings",
    "F8": "no poll before max-age less Age, or Expires, ends; 30 days at most",
    "F9": "Retry-After is obeyed, as seconds and as a date, on 429 and 503",
    "F10": "and by every source on that host",
    "F11": "429 disables nothing; without Retry-After the wait grows, with jitter",
    "F12": "an hour by default, three without validators",
    "F13": "ttl and sy: raise the interval and never lower it",
    "F14": "no poll in skipHours or on skipDays",
    "F15": "--force still sends validators; due times survive restarts",
    "F16": "polls spread out",
    "F17": "one request at a time per host, with a gap",
    "F18": "two runs do not poll at the same time",
    "F19": "one poll is one GET",
    "F20": "301 and 308 are saved after equal sightings over 48 hours",
    "F21": "five redirects, no circles, no downgrade, no secret across origins",
    "F22": "410 ends polling and keeps entries; 401, 403, 404 back off",
    "F23": "itunes:new-feed-url and a changed self link are reported, not followed",
    "F24": "the User-Agent says who we are",
    "F25": "no cookies, no Referer",
    "F26": "Accept names feeds; only the offered coding is taken",
    "F27": "the address is requested as written, without its fragment",
    "F28": "time and size are bounded, and too big is an error",
    "F29": "every hop's resolved address is checked",
    "F30": "HTML, an empty body or an empty feed remove nothing",
    "F31": "226 is merged as a delta, and asked for only then",
    "R1": "no private address in any spelling, nor by redirect",
    "R2": "what was checked is what is connected to",
    "R3": "address classes that look global are refused as well",
    "R4": "redirect chains, circles and schemes",
    "R5": "failures outside the HTTP library's error tree cost one poll",
    "R6": "an ETag of any bytes",
    "R7": "slowness of every kind meets one deadline",
    "R8": "a body is cut off at its limit",
    "R9": "decompression bombs and unknown codings",
    "R10": "a truncated body changes nothing",
    "R11": "floods of headers",
    "R12": "TLS is verified; an exception is per source and loud",
    "R13": "secrets stay with their origin and out of every output",
    "R14": "no cookie passes from one source to another",
    "R15": "proxies only where configured",
    "R16": "Retry-After is bounded and outlives a restart",
    "R17": "failures back off and never loop",
    "R18": "304 changes nothing; after a loss the whole feed is asked for",
    "R19": "temporary redirects are never saved",
    "R20": "410 ends polling, 404 does not; entries stay",
    "R21": "a page that is no feed is an error, and its validators are not kept",
    "R22": "a wrong Content-Type is read all the same, and noted",
    "R23": "many feeds on one host",
    "R24": "broken Content-Length",
}


Results = dict[str, dict[str, set[str]]]


def read_results(stats: Mapping[str, Sequence[Any]]) -> Results:
    """Return row -> test -> how its cases ended, from what the terminal reporter has collected."""
    results: Results = {number: {} for number in ROWS}
    for word in ("passed", "failed", "error", "skipped"):
        for report in stats.get(word, ()):
            numbers = dict(getattr(report, "user_properties", ())).get("rules", "")
            test = report.nodeid.partition("[")[0].rpartition("/")[2]
            for number in filter(None, numbers.split(",")):
                results[number].setdefault(test, set()).add("failed" if word == "error" else word)
    return results


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


def render_table(results: Results) -> list[str]:
    """Write the table as Markdown."""
    lines = ["| row | what is true | played by | result |", "|---|---|---|---|"]
    for number, fact in ROWS.items():
        tests = results[number]
        lines.append(f"| {number} | {fact} | {', '.join(f'`{test}`' for test in sorted(tests))} | {result_of(tests)} |")
    return lines


def unplayed(results: Results) -> list[str]:
    """Return the rows that no test has shown to be true."""
    return [number for number in ROWS if not result_of(results[number]).startswith("passed")]


class RuleTable:
    """Collects who plays what while the tests run."""

    def __init__(self, config: pytest.Config) -> None:
        self._place = config.getoption("--rule-table")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let each test report the rows that it plays."""
        for item in items:
            numbers = [number for mark in item.iter_markers("rule") for number in mark.args]
            for number in numbers:
                assert number in ROWS, f"{item.nodeid}: there is no row {number}"
            if numbers:
                item.user_properties.append(("rules", ",".join(numbers)))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that was to play every row and did not; here, since the summary comes too late for that."""
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if not self._place or reporter is None or hasattr(session.config, "workerinput"):
            return
        if unplayed(read_results(reporter.stats)) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, and write it down."""
        if not self._place:
            return
        results = read_results(terminalreporter.stats)
        lines = render_table(results)
        terminalreporter.section("conduct")
        terminalreporter.write_line("\n".join(lines))
        if missing := unplayed(results):
            terminalreporter.write_line(f"not shown to be true: {', '.join(missing)}")
        if self._place != "-":
            when = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}"
            page = [
                "# Conduct",
                "",
                "How upstreams are treated, row by row: the rules of a polite fetcher (F) and the faults and attacks that",
                "it has to bear (R), each played by a test over real sockets or on the production planner.",
                f"`make conduct` runs them and writes this table; a row that is not played fails it. Last run: {when}.",
                "",
                *lines,
            ]
            Path(self._place).write_text("\n".join(page) + "\n", "utf-8")
