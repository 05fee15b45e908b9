"""The table of agreement: printed after a run that read anything on both roads, and written down by `make agreement`."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "agreement"
#: Reasons that are named; what is rarer is added up.
_NAMED = 40

INTRO = """\
Every document is read twice: with the fast reader switched on, and with feedparser for everything. What the fast reader
takes must be equal in every field of the parsed feed, warnings too, and in what normalisation makes of it: ids, keys, hashes,
entries. What it is not sure of it hands over, and then there is one road only. A mutant is one of these documents with up to a
dozen changes: elements in other places, orders and numbers, other names, prefixes, namespaces and attributes, texts written
otherwise, xml:base and xml:lang, other types and encodings, single bytes. What was grown consists of the elements and
attributes that the fast path has rules for, in every order, number and nesting.

The rows `shapes` (what the programs write that most feeds come from), `node-feedparser` (captures), `demo` and `farm` (of the
benchmark) are ordinary feeds; the other corpora are collections of oddities, one in each file. A format of another age is
Atom 0.3, RSS 0.90 or CDF; in angle brackets stands an element where it has no meaning, or one that only feedparser reads."""


@dataclass(slots=True)
class Row:
    """One corpus, or its mutants."""

    documents: int = 0
    well_formed: int = 0  #: as expat sees it; nothing else is for the fast path
    taken: int = 0
    differences: int = 0
    reasons: Counter[str] = field(default_factory=Counter)  #: for handing over what is well-formed

    def as_json(self) -> str:
        """Write it down for the summary, which may run in another process."""
        return json.dumps([self.documents, self.well_formed, self.taken, self.differences, self.reasons])

    def add(self, text: str) -> None:
        """Add what `as_json` wrote."""
        documents, well_formed, taken, differences, reasons = json.loads(text)
        self.documents += documents
        self.well_formed += well_formed
        self.taken += taken
        self.differences += differences
        self.reasons.update(reasons)


class AgreementTable:
    """Collects the property `agreement` of tests, which starts with a row's name."""

    def __init__(self, config: pytest.Config, commit: Callable[[], str]) -> None:
        self._config = config
        self._commit = commit

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, and write it down where --agreement-table says."""
        rows: dict[str, Row] = {}
        for word in ("passed", "failed"):
            for report in terminalreporter.stats.get(word, ()):
                found = dict(getattr(report, "user_properties", ())).get(PROPERTY)
                if found is not None and report.when == "call":
                    name, _, counts = found.partition("\n")
                    rows.setdefault(name, Row()).add(counts)
        if not rows:
            return
        lines = table(rows)
        terminalreporter.section("fast path and feedparser")
        terminalreporter.write_line("\n".join(lines))
        if place := self._config.getoption("--agreement-table"):
            seed = self._config.option.sweep_seed
            when = f"{datetime.now(UTC):%Y-%m-%d}, commit {self._commit()}, Python {platform.python_version()}"
            last = f"`make agreement` reads them all and writes this table. Last run: {when}, seed {seed}."
            Path(place).write_text("\n".join(["# Agreement", "", INTRO, "", last, "", *lines]) + "\n", "utf-8")


def table(rows: dict[str, Row]) -> list[str]:
    """Write the rows and the reasons as Markdown."""
    lines = ["| documents | read | well-formed | taken | handed over | share | differences |", "|---|---|---|---|---|---|---|"]
    reasons: Counter[str] = Counter()
    for name, row in sorted(rows.items()):
        handed = row.well_formed - row.taken
        share = f"{handed / row.well_formed:.1%}" if row.well_formed else "-"
        lines.append(
            f"| {name} | {row.documents:,} | {row.well_formed:,} | {row.taken:,} | {handed:,} | {share} | {row.differences:,} |"
        )
        if name != "grown" and "mutants" not in name:
            reasons += row.reasons
    lines += [
        "",
        "Why well-formed documents are handed over, mutants and what was grown left out:",
        "",
        "| reason | documents |",
        "|---|---|",
    ]
    named = reasons.most_common(_NAMED)
    lines += [f"| {reason.replace('|', '/')} | {count:,} |" for reason, count in named]
    if rest := len(reasons) - len(named):
        lines.append(f"| {rest} rarer ones | {reasons.total() - sum(count for _, count in named):,} |")
    return lines
