"""Results -> the Markdown of docs/performance.md (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.bars import judge
from benchmarks.programs import FLOOR, OURS, READER
from benchmarks.results import Figure, Measured, Results
from benchmarks.scenarios import COLD, PEERS, Scenario, Sizes
from benchmarks.serving import Serving, render_section

_HEAD = """\
# Performance

Figures are worth something only side by side, on one machine, in one run; [benchmarks/README.md](../benchmarks/README.md)
says how they are made. This page is written by `make bench`, its part about serving by `make bench-http`, and by nothing
else."""
_ON_STAGES = """\
What the workers do with a feed, stage by stage ([stages.py](../benchmarks/stages.py)). The main process stands in the tables
above; what is left of a cold sync's CPU is publishing, and the start of the workers."""
_ON_FLOOR = """\
The floor is what nobody who keeps posts can save: requests and bodies in its main process; inflating, lxml, nh3 and durable
files in its workers. It knows no entries: no identity, dates, links, covers, front matter, index or feeds, no gate, and asks
each host without a guard, a pause or a memory. The difference to it is what these cost:"""


def render_report(
    results: Results, scenarios: Sequence[Scenario], *, plot: str | None = None, serving: Serving | None = None
) -> str:
    """Return the whole page; `plot` is the picture's file name, `serving` what was measured apart."""
    blocks = [_HEAD, *_about(results), *_bars(results)]
    if plot:
        blocks.append(f"![Wall time of each program, scenario by scenario; the figures stand in the tables]({plot})")
    for scenario in scenarios:
        if scenario.name in results.farms:
            blocks += _scenario(scenario, results)
    if results.stages:
        blocks += ["## Where the rest goes", *_beside_the_floor(results), _ON_STAGES, results.stages.strip()]
    if serving is not None:
        blocks.append(render_section(serving).rstrip("\n"))
    return "\n\n".join(blocks) + "\n"


def _about(results: Results) -> Iterator[str]:
    yield f"{results.day:%Y-%m-%d}, {'; '.join(results.phrases)}; seed {results.seed}."
    yield f"    make bench{results.arguments}"
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
    if results.sizes != Sizes():
        yield "The bars are meant for the sizes that `make bench` has by default. This run had others: it proves nothing."


def _beside_the_floor(results: Results) -> Iterator[str]:
    """Say what a cold sync costs beyond the floor, and what a tenth of reader comes to on this machine."""
    floor, ours, reader = (
        results.measured.get(Figure(scenario=PEERS, step=COLD, program=each.name), ()) for each in (FLOOR, OURS, READER)
    )
    if not floor or not ours:
        return
    yield _ON_FLOOR
    rows = ["| cold, CPU seconds | the floor | ours |", "|---|---|---|"]
    rows += [
        f"| {what} | {median(of(each) for each in floor):.2f} | {median(of(each) for each in ours):.2f} |"
        for what, of in (
            ("main process", _main_cpu),
            ("workers", _workers_cpu),
        )
    ]
    yield "\n".join(rows)
    if reader:
        tenth, least = (median(each.cost.wall_seconds for each in found) for found in (reader, floor))
        tenth /= 10
        yield (
            f"A tenth of reader's time is {tenth:.1f} s on this machine, {tenth / least:.1f} times the floor. Where that is"
            " less than 2, the bar against reader asks for more than the bar against the floor."
        )


def _main_cpu(measured: Measured) -> float:
    return measured.cost.main_cpu_seconds


def _workers_cpu(measured: Measured) -> float:
    return measured.cost.cpu_seconds - measured.cost.main_cpu_seconds


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.2f}"  # noqa: PLR2004 - three digits are enough


def _scenario(scenario: Scenario, results: Results) -> Iterator[str]:
    yield f"## {scenario.title}"
    yield f"{results.farms[scenario.name]}."
    yield f'    make bench BENCH_ARGS="--only {scenario.name}"'
    if scenario.notes:
        yield "\n".join(f"- {note}" for note in scenario.notes)
    lines = [
        "| | wall | CPU | of which the main process | memory | of the main process | answers | wall of each run |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for step in dict.fromkeys(step.name for step in scenario.steps if step.measured):
        rows = [
            (
                entrant.program.name,
                results.measured.get(Figure(scenario=scenario.name, step=step, program=entrant.program.name)),
            )
            for entrant in scenario.entrants
        ]
        lines.append(f"| **{step}** | | | | | | | |")
        lines += [f"| {name} | {_cells(found)} |" for name, found in rows if found]
    yield "\n".join(lines)


def _cells(found: Sequence[Measured]) -> str:
    costs = [measured.cost for measured in found]
    walls = [cost.wall_seconds for cost in costs]
    answers = Counter(found[-1].answers)
    cells = (
        f"{median(walls):.2f}",
        f"{median(cost.cpu_seconds for cost in costs):.2f}",
        f"{median(cost.main_cpu_seconds for cost in costs):.2f}",
        f"{median(cost.peak_bytes for cost in costs) / 1e6:.0f}",
        f"{median(cost.main_peak_bytes for cost in costs) / 1e6:.0f}",
        ", ".join(f"{count:,} × {status}" for status, count in sorted(answers.items())),
        ", ".join(f"{wall:.2f}" for wall in walls),
    )
    return " | ".join(cells)
