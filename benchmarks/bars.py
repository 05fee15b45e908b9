"""The bars that results are held to, as data: a quotient or a figure, its limit, and what came out.

In: results. Out: a line for each bar. A bar whose figures were not measured is said to be so, never passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.programs import FLOOR, HELP, NEWSBOAT, NEWSBOAT_HELPED, OURS, READER, Program
from benchmarks.results import Figure, Measured, Results
from benchmarks.scenarios import ARCHIVE, COLD, MANY, NEWS, PEERS, QUIET, START

Quantity = Callable[[Measured], float]


def wall(measured: Measured) -> float:
    """Return seconds."""
    return measured.cost.wall_seconds


def main_peak(measured: Measured) -> float:
    """Return megabytes of the command's own process."""
    return measured.cost.main_peak_bytes / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What is to be reached."""

    what: str
    figure: Figure
    against: Figure | None = None  #: the quotient of both is meant; None: the figure itself
    quantity: Quantity = wall
    limit: float
    unit: str = ""
    wish: bool = False  #: wanted, not demanded


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a bar ended."""

    bar: Bar
    found: float | None  #: None: not measured in this run

    @property
    def word(self) -> str:
        """Return met, not met, or not measured."""
        if self.found is None:
            return "not measured"
        return "met" if self.found <= self.bar.limit else "**not met**"


def _peers(step: str, program: Program) -> Figure:
    return Figure(scenario=PEERS, step=step, program=program.name)


def _many(step: str) -> Figure:
    return Figure(scenario=MANY, step=step, program=OURS.name)


def _archive(step: str, size: int) -> Figure:
    return Figure(scenario=ARCHIVE, step=step, program=f"archive {size}x")


BARS = (
    Bar(what="cold: ours / newsboat, as installed", figure=_peers(COLD, OURS), against=_peers(COLD, NEWSBOAT), limit=0.40),
    Bar(what="cold: ours / newsboat, helped", figure=_peers(COLD, OURS), against=_peers(COLD, NEWSBOAT_HELPED), limit=0.40),
    Bar(
        what="cold: ours / newsboat, helped",
        figure=_peers(COLD, OURS),
        against=_peers(COLD, NEWSBOAT_HELPED),
        limit=1 / 3,
        wish=True,
    ),
    Bar(what="cold: ours / reader", figure=_peers(COLD, OURS), against=_peers(COLD, READER), limit=0.10),
    Bar(what="cold: ours / the floor", figure=_peers(COLD, OURS), against=_peers(COLD, FLOOR), limit=2),
    Bar(what="nothing new: ours / reader", figure=_peers(QUIET, OURS), against=_peers(QUIET, READER), limit=0.50),
    Bar(what="news, archive 100x / 1x", figure=_archive(NEWS, 100), against=_archive(NEWS, 1), limit=1.2),
    Bar(what="nothing new, archive 100x / 1x", figure=_archive(QUIET, 100), against=_archive(QUIET, 1), limit=1.2),
    Bar(what="cold, 10,000 sources / 1,000", figure=_many(COLD), against=_peers(COLD, OURS), limit=10),
    Bar(what="nothing new, 10,000 sources / 1,000", figure=_many(QUIET), against=_peers(QUIET, OURS), limit=10),
    Bar(what="memory of the main process, 10,000 sources, cold", figure=_many(COLD), quantity=main_peak, limit=150, unit=" MB"),
    Bar(
        what="memory of the main process, 10,000 sources, nothing new",
        figure=_many(QUIET),
        quantity=main_peak,
        limit=150,
        unit=" MB",
    ),
    Bar(what="`aggregator --help`", figure=_peers(START, HELP), limit=0.08, unit=" s"),
)


def judge(results: Results) -> tuple[Outcome, ...]:
    """Hold the results to every bar."""
    return tuple(Outcome(bar=bar, found=_found(bar, results)) for bar in BARS)


def middle(results: Results, figure: Figure, quantity: Quantity) -> float | None:
    """Return the median over the runs, or None if there was none."""
    found = results.measured.get(figure)
    return median(quantity(measured) for measured in found) if found else None


def _found(bar: Bar, results: Results) -> float | None:
    value = middle(results, bar.figure, bar.quantity)
    if bar.against is None or value is None:
        return value
    other = middle(results, bar.against, bar.quantity)
    return None if other is None else value / other
