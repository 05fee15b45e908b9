"""`python -m benchmarks.bench`, which `make bench` runs: everything side by side in one run, and a page about it.

In: sizes and a part to do. Out: Markdown on stdout or, with --report, a page and the picture beside it.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import tempfile
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

import click

from benchmarks.machine import describe
from benchmarks.measure import CommandError, become_reaper
from benchmarks.plot import render_plot
from benchmarks.programs import NEWSBOAT, READER, READER_PYTHON, ROOT
from benchmarks.report import render_report
from benchmarks.results import Results, load_results, save_results
from benchmarks.run import ensure_farm, run_scenario
from benchmarks.scenarios import Scenario, Sizes, plan_scenarios, without
from benchmarks.serving import load as load_serving

_SCENARIOS = ("peers", "hosts", "many", "archive")
_RESULTS = "results.json"
_DEFAULTS = Sizes()


@click.command()
@click.option("--only", type=click.Choice(_SCENARIOS), multiple=True, help="Scenarios to run. [default: all of them]")
@click.option("--without", "left_out", type=click.Choice(["newsboat", "reader"]), multiple=True, help="A peer to leave out.")
@click.option("--sources", type=click.IntRange(20), default=_DEFAULTS.sources, show_default=True)
@click.option("--many", type=click.IntRange(20), default=_DEFAULTS.many, show_default=True, help="Sources where they are many.")
@click.option(
    "--archive-sources",
    type=click.IntRange(20),
    default=_DEFAULTS.archive_sources,
    show_default=True,
    help="Sources where archives are large.",
)
@click.option("--runs", type=click.IntRange(1), default=_DEFAULTS.runs, show_default=True, help="Runs of what is quick.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--port", type=click.IntRange(1024, 65_535), default=18_080, show_default=True)
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Where farms are kept. [default: in the system's temporary folder]"
)
@click.option("--work", type=click.Path(path_type=Path), help="A new folder for what is made. [default: a temporary one]")
@click.option("--again", type=click.Path(path_type=Path, exists=True), help="Measure nothing; take this results.json.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the page here, and the picture beside it."
)
def main(
    *,
    only: tuple[str, ...],
    left_out: tuple[str, ...],
    sources: int,
    many: int,
    archive_sources: int,
    runs: int,
    seed: int,
    port: int,
    cache: Path | None,
    work: Path | None,
    again: Path | None,
    report: Path | None,
) -> None:
    """Measure this project, its peers and the floor on one farm, and say which bars are met."""
    if again:
        _write(load_results(again), report)
        return
    become_reaper()
    sizes = Sizes(sources=sources, many=many, archive_sources=archive_sources, runs=runs)
    chosen = [without(scenario, left_out) for scenario in plan_scenarios(sizes) if not only or scenario.name in only]
    _require_tools(chosen)
    work = (work or Path(tempfile.mkdtemp(prefix="aggregator-bench-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    cache = cache or Path(tempfile.gettempdir()) / "aggregator-farms"
    programs = {entrant.program.name for scenario in chosen for entrant in scenario.entrants}
    results = Results(
        day=datetime.now(UTC).date(),
        phrases=tuple(describe(work, programs=programs)),
        seed=seed,
        sizes=sizes,
        arguments=_arguments(only, left_out, sizes, seed),
    )
    compileall.compile_dir(ROOT / "aggregator", quiet=1)  # an installed package is compiled, so no run pays for it
    try:
        for scenario in chosen:
            run_scenario(scenario, ensure_farm(cache, sources=scenario.sources, seed=seed, port=port), work, results)
        if not only:
            results.stages = _stages(ensure_farm(cache, sources=sizes.sources, seed=seed, port=port), work)
    finally:
        save_results(results, work / _RESULTS)
        click.echo(f"left for a look, delete it when you like: {work}; the results: {work / _RESULTS}", err=True)
    _write(results, report)


def _write(results: Results, report: Path | None) -> None:
    """Write the page and the picture, or print the page."""
    scenarios = plan_scenarios(results.sizes)
    if report is None:
        click.echo(render_report(results, scenarios, serving=load_serving()))
        return
    picture = report.with_suffix(".svg")
    report.write_text(render_report(results, scenarios, plot=picture.name, serving=load_serving()), "utf-8")
    picture.write_text(render_plot(results, scenarios), "utf-8")


def _require_tools(scenarios: list[Scenario]) -> None:
    """Say at once what is missing, not after minutes."""
    programs = {entrant.program.name for scenario in scenarios for entrant in scenario.entrants}
    missing = [] if which("nginx") else ["nginx is not on the PATH"]
    if NEWSBOAT.name in programs and not which("newsboat"):
        missing.append("newsboat is not on the PATH (or give --without newsboat)")
    if READER.name in programs and not READER_PYTHON.exists():
        missing.append("reader is not installed: make .venv/readers/reader/.done (or give --without reader)")
    if missing:
        raise click.ClickException("; ".join(missing))


def _arguments(only: tuple[str, ...], left_out: tuple[str, ...], sizes: Sizes, seed: int) -> str:
    """Return what has to be added to `make bench` to repeat this."""
    words = [f"--only {name}" for name in only] + [f"--without {name}" for name in left_out]
    words += [
        f"--{part.name.replace('_', '-')} {getattr(sizes, part.name)}"
        for part in fields(Sizes)
        if getattr(sizes, part.name) != part.default
    ]
    words += [f"--seed {seed}"] if seed != 1 else []
    return f' BENCH_ARGS="{" ".join(words)}"' if words else ""


def _stages(farm: Path, work: Path) -> str:
    """Return what the stages of a cold sync cost."""
    argv = [sys.executable, "-m", "benchmarks.stages", "--farm", str(farm), "--work", str(work / "stages")]
    return subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks.bench")
    except (CommandError, RuntimeError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
