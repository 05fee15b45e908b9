"""`python -m benchmarks.simulate`: argv -> the table on stdout, or the page and its picture."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import commit
from benchmarks.simulate.plot import render_plot
from benchmarks.simulate.report import Facts, render_report, render_table
from benchmarks.simulate.run import World, simulate


def main() -> None:
    """Play every policy; print the table, or write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__)
    parser.add_argument("--sources", type=_positive, default=100_000, help="size of the world (default: 100000)")
    parser.add_argument("--days", type=_positive, default=2, help="that count, after one that does not (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same table (default: 1)")
    parser.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, help="processes (default: one per processor)")
    parser.add_argument("--report", type=Path, help="write this page, and a picture of the same name beside it")
    chosen = parser.parse_args()
    if chosen.report is not None and not chosen.report.parent.is_dir():
        parser.error(f"--report {chosen.report}: its folder is not there, and ten minutes from now is late to find out")
    world = World(sources=chosen.sources, days=chosen.days, seed=chosen.seed)
    tallies = simulate(world, jobs=chosen.jobs, say=lambda text: print(text, file=sys.stderr))
    if chosen.report is None:
        print(render_table(tallies, world))
        return
    picture = chosen.report.with_suffix(".svg")
    facts = Facts(
        day=datetime.now(UTC).date(),
        commit=commit(),
        plot=picture.name,
    )
    picture.write_text(render_plot(tallies, world), "utf-8")
    chosen.report.write_text(render_report(tallies, world, facts), "utf-8")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


if __name__ == "__main__":
    main()
