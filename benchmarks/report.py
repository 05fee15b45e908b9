"""Results -> the Markdown of docs/performance.md (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from benchmarks.bars import judge
from benchmarks.run import Figure, Measured, Results
from benchmarks.scenarios import Scenario

COMMAND = "make bench"
_HEAD = """\
# Performance

Figures are worth something only side by side, on one machine, in one run; [benchmarks/README.md](../benchmarks/README.md)
says how they are made. This page is written by `make bench` and by nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a reader must know about a run to repeat it."""

    day: date
    phrases: Sequence[str]  #: versions and machine
    seed: int
    arguments: str  #: of the command, beyond the defaults
    plot: str | None  #: the picture's file name
    stages: str | None  #: Markdown of where a cold sync spends its time


def render_report(results: Results, scenarios: Sequence[Scenario], surroundings: Surroundings) -> str:
    """Return the whole page."""
    blocks = [_HEAD, *_about(surroundings), *_bars(results)]
    if surroundings.plot:
        blocks.append(
            f"![Wall time of each program, scenario by scenario; the figures stand in the tables]({surroundings.plot})"
        )
    for scenario in scenarios:
        if scenario.name in results.farms:
            blocks += _scenario(scenario, results)
    if surroundings.stages:
        blocks += ["## Where the rest goes", surroundings.stages.strip()]
    return "\n\n".join(blocks) + "\n"


def _about(surroundings: Surroundings) -> Iterator[str]:
    yield f"{surroundings.day:%Y-%m-%d}, {'; '.join(surroundings.phrases)}; seed {surroundings.seed}."
    yield f"    make bench{surroundings.arguments}"
    yield (
        "Wall and CPU are seconds, memory is megabytes; CPU and memory are those of the whole tree of processes, shared pages "
        "counted in each. Where a program ran more than once the median stands, and every wall time in the last column. After "
        "each run the stored entries and the server's answers were counted. Posts durable, feeds published, gate on, polite as "
        "it comes."
    )


def _bars(results: Results) -> Iterator[str]:
    yield "## The bars"
    lines = ["| wall time, unless it says otherwise | at most | measured | |", "|---|---|---|---|"]
    for outcome in judge(results):
        bar = outcome.bar
        found = "" if outcome.found is None else f"{_number(outcome.found)}{bar.unit}"
        wish = " (a wish)" if bar.wish else ""
        lines.append(f"| {bar.what}{wish} | {_number(bar.limit)}{bar.unit} | {found} | {outcome.word} |")
    yield "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.2f}"  # noqa: PLR2004 - three digits are enough


def _scenario(scenario: Scenario, results: Results) -> Iterator[str]:
    yield f"## {scenario.title}"
    yield f"{results.farms[scenario.name]}."
    yield f'    make bench BENCH_ARGS="--only {scenario.name}"'
    if scenario.notes:
        yield "\n".join(f"- {note}" for note in scenario.notes)
    lines = [
        "| | wall | CPU | memory of the tree | of the main process | answers | wall of each run |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in dict.fromkeys(step.name for step in scenario.steps if step.measured):
        rows = [
            (
                entrant.program.name,
                results.measured.get(Figure(scenario=scenario.name, step=step, program=entrant.program.name)),
            )
            for entrant in scenario.entrants
        ]
        lines.append(f"| **{step}** | | | | | | |")
        lines += [f"| {name} | {_cells(found)} |" for name, found in rows if found]
    yield "\n".join(lines)


def _cells(found: Sequence[Measured]) -> str:
    costs = [measured.cost for measured in found]
    walls = [cost.wall_seconds for cost in costs]
    answers = Counter(found[-1].answers)
    cells = (
        f"{median(walls):.2f}",
        f"{median(cost.cpu_seconds for cost in costs):.2f}",
        f"{median(cost.peak_bytes for cost in costs) / 1e6:.0f}",
        f"{median(cost.main_peak_bytes for cost in costs) / 1e6:.0f}",
        ", ".join(f"{count:,} × {status}" for status, count in sorted(answers.items())),
        ", ".join(f"{wall:.2f}" for wall in walls),
    )
    return " | ".join(cells)
