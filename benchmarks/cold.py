"""This project and newsboat on one farm, side by side, alternating: `python -m benchmarks.cold --farm DIR --runs 3`.

In: a farm. Out: a Markdown table on stdout. Each run works in a folder of its own and nothing is deleted between runs:
deleting files slows the creation of the next ones on some file systems, which would be measured as somebody's cost.
What was stored is counted after every run, so that a fast failure is no result.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import click

from benchmarks.farm.make import Counts, plan_sources, read_counts
from benchmarks.farm.nginx import running
from benchmarks.measure import CommandError, Cost, become_reaper, measure

_NEWSBOAT_CONFIG = "reload-threads 4\ndownload-retries 1\n"
#: rows per value of each index, as ANALYZE would find them on a full cache
_STATISTICS = (("idx_guid", "30000 1"), ("idx_feedurl", "30000 30"), ("idx_deleted", "30000 30000"))
_HERE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One run of the benchmark: its folder, its farm, and what was measured so far."""

    farm: Path
    counts: Counts
    work: Path  #: new; every measured command gets a folder below it
    newsboat_unaided: bool
    costs: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict(list))

    def folder(self, run: int, name: str) -> Path:
        """Make the folder of one program in one run."""
        folder = self.work / f"{run}-{name}"
        folder.mkdir()
        return folder

    def take(self, name: str, run: Callable[[], Cost]) -> None:
        """Measure, and say so."""
        cost = run()
        self.costs[name].append(cost)
        click.echo(f"{name}: {cost.wall_seconds:.2f} s wall, {cost.cpu_seconds:.2f} s CPU", err=True)


@click.command()
@click.option("--farm", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True)
@click.option("--work", type=click.Path(path_type=Path), help="A new folder for what is made. [default: a temporary one]")
@click.option("--newsboat-unaided", is_flag=True, help="Do not give newsboat's cache statistics (benchmarks/README.md).")
@click.option("--skip-newsboat", is_flag=True, help="Measure this project alone.")
def main(*, farm: Path, runs: int, work: Path | None, newsboat_unaided: bool, skip_newsboat: bool) -> None:
    """Measure a cold sync, a forced one without news, and the start-up."""
    become_reaper()
    work = work or Path(tempfile.mkdtemp(prefix="aggregator-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    counts = read_counts(farm)
    bench = Bench(farm=farm.resolve(), counts=counts, work=work.resolve(), newsboat_unaided=newsboat_unaided)
    host = plan_sources(1, seed=counts.seed)[0].host
    with running(farm, host=host, port=counts.port):
        for run in range(runs):
            if not skip_newsboat:
                _newsboat(bench, run)
            _ours(bench, run)
    click.echo(_render(bench))
    click.echo(f"left for a look, delete it when you like: {bench.work}", err=True)


def _newsboat(bench: Bench, run: int) -> None:
    folder = bench.folder(run, "newsboat")
    (folder / "config").write_text(_NEWSBOAT_CONFIG, encoding="utf-8")
    cache = folder / "fresh.db"
    options = ["-u", str(bench.farm / "urls"), "-c", str(cache), "-C", str(folder / "config")]
    environment = {**os.environ, "HOME": str(folder)}
    if not bench.newsboat_unaided:
        _prepare_cache(options, cache, environment)
    argv = ["newsboat", *options, "-x", "reload"]
    for name in ("newsboat, cold", "newsboat, nothing new"):
        bench.take(name, lambda: measure(argv, cwd=folder, env=environment))
        with closing(sqlite3.connect(cache)) as database:
            [stored] = database.execute("SELECT count(*) FROM rss_item").fetchone()
        _expect(stored, bench.counts.xml_entries, f"items in {cache}")


def _prepare_cache(options: list[str], cache: Path, environment: dict[str, str]) -> None:
    """Let newsboat make its tables, then tell SQLite what they will hold.

    Without statistics SQLite 3.40 answers "the items of this feed that are not deleted" by the index on `deleted`, that
    is by reading the whole table once per feed: four times the CPU. This is in newsboat's favour.
    """
    subprocess.run(["newsboat", *options, "-x", "print-unread"], env=environment, check=True, stdout=subprocess.DEVNULL)
    with closing(sqlite3.connect(cache)) as database, database:
        database.execute("ANALYZE")
        database.executemany("INSERT INTO sqlite_stat1 VALUES ('rss_item', ?, ?)", _STATISTICS)


def _ours(bench: Bench, run: int) -> None:
    folder = bench.folder(run, "aggregator")
    shutil.copytree(bench.farm / "project" / "config", folder / "config")
    command = [sys.executable, "-m", "aggregator"]
    environment = {**os.environ, "PYTHONPATH": str(_HERE)}
    for name, words in (
        ("aggregator, cold", ["-q", "-C", ".", "sync"]),
        ("aggregator, nothing new", ["-q", "-C", ".", "sync", "--force"]),
    ):
        argv = [*command, *words]
        bench.take(name, lambda argv=argv: measure(argv, cwd=folder, env=environment))  # type: ignore[misc]
        _expect(sum(1 for _ in (folder / "posts").rglob("*.md")), bench.counts.entries, f"posts in {folder}")
    if not any((folder / "public").rglob("*.atom")):
        raise CommandError(f"no feed was published in {folder}")
    bench.take("aggregator --help", lambda: measure([*command, "--help"], cwd=folder, env=environment))


def _expect(found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise CommandError(f"{found} {what}, where the farm has {wanted}: this run proves nothing")


def _render(bench: Bench) -> str:
    rows = [f"| {name} | {_cells(costs)} |" for name, costs in bench.costs.items()]
    ratios = [
        f"{scenario}: {_wall(bench, f'aggregator, {scenario}') / _wall(bench, f'newsboat, {scenario}'):.2f} of newsboat"
        for scenario in ("cold", "nothing new")
        if f"newsboat, {scenario}" in bench.costs
    ]
    counts = bench.counts
    return "\n".join(
        [
            (
                f"{counts.sources} feeds, {counts.entries} entries, {counts.bytes / 1e6:.0f} MB (newsboat: the "
                f"{counts.xml_sources} XML feeds, {counts.xml_entries} entries); medians; {os.cpu_count()} processors"
            ),
            _versions(bench),
            "",
            "| what | wall, s | CPU of the tree, s | peak memory of the tree, MB | wall of each run, s |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *ratios,
        ]
    )


def _cells(costs: list[Cost]) -> str:
    walls = [cost.wall_seconds for cost in costs]
    cpu = median(cost.cpu_seconds for cost in costs)
    peak = median(cost.peak_bytes for cost in costs) / 1e6
    return f"{median(walls):.2f} | {cpu:.2f} | {peak:.0f} | {', '.join(f'{wall:.2f}' for wall in walls)}"


def _wall(bench: Bench, name: str) -> float:
    return median(cost.wall_seconds for cost in bench.costs[name])


def _versions(bench: Bench) -> str:
    statistics = "as installed" if bench.newsboat_unaided else "its cache given statistics"
    parts = [
        _first_line([sys.executable, "-m", "aggregator", "--version"]),
        f"commit {_first_line(['git', 'describe', '--always', '--dirty', '--exclude=*'])}",
        f"Python {platform.python_version()}",
        f"Linux {platform.release().split('-')[0]}",
        _first_line(["nginx", "-v"]),
    ]
    if any(name.startswith("newsboat") for name in bench.costs):
        parts.append(f"{_first_line(['newsboat', '--version']).partition(' - ')[0]} ({statistics})")
    return "; ".join(parts)


def _first_line(argv: list[str]) -> str:
    done = subprocess.run(argv, cwd=_HERE, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks.cold")
    except (CommandError, RuntimeError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
