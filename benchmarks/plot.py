"""Results -> an SVG of bars (pure): a panel for each step of a scenario, each with a scale of its own.

Text stays text, and the colours follow the reader's light or dark scheme, so it can be read wherever the page is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.bars import middle, wall
from benchmarks.programs import FLOOR
from benchmarks.results import Figure, Results
from benchmarks.scenarios import Scenario

_WIDTH, _LEFT, _RIGHT = 760, 190, 80
_ROW, _BAR, _TITLE, _GAP = 22, 14, 26, 14
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.step { font-weight: 600 }
.ours { fill: #1a7f37 } .peer { fill: #8c959f } .floor { fill: #bf8700 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ours { fill: #3fb950 } .peer { fill: #6e7681 } .floor { fill: #d29922 }
}"""

Row = tuple[str, str, float]  #: program, class, seconds


def render_plot(results: Results, scenarios: Sequence[Scenario]) -> str:
    """Return the picture; panels with one bar are left out, since there is nothing to compare."""
    parts: list[str] = []
    top = 0
    for title, rows in _panels(results, scenarios):
        parts.append(f'<text class="step" x="0" y="{top + _TITLE - 9}">{escape(title)}</text>')
        top += _TITLE
        longest = max(seconds for _, _, seconds in rows)
        for name, kind, seconds in rows:
            parts.append(_row(name, kind, seconds, top=top, longest=longest))
            top += _ROW
        top += _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" role="img">\n'
        f"<title>Wall time in seconds; shorter is better</title>\n<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _row(name: str, kind: str, seconds: float, *, top: int, longest: float) -> str:
    length = max(1.0, (_WIDTH - _LEFT - _RIGHT) * seconds / longest)
    middle_y = top + _ROW / 2
    return (
        f'<text x="{_LEFT - 8}" y="{middle_y + 4:.0f}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="{kind}" x="{_LEFT}" y="{middle_y - _BAR / 2:.0f}" width="{length:.1f}" height="{_BAR}" rx="2"/>'
        f'<text x="{_LEFT + length + 6:.1f}" y="{middle_y + 4:.0f}">{seconds:.2f} s</text>'
    )


def _panels(results: Results, scenarios: Sequence[Scenario]) -> Iterator[tuple[str, list[Row]]]:
    for scenario in scenarios:
        for step in dict.fromkeys(step.name for step in scenario.steps if step.measured):
            rows = list(_rows(results, scenario, step))
            if len(rows) > 1:
                yield f"{step}: {scenario.title}", sorted(rows, key=lambda row: row[2])


def _rows(results: Results, scenario: Scenario, step: str) -> Iterator[Row]:
    for entrant in scenario.entrants:
        name = entrant.program.name
        seconds = middle(results, Figure(scenario=scenario.name, step=step, program=name), wall)
        if seconds is not None:
            ours = name.startswith(("aggregator", "archive"))
            yield name, "ours" if ours else "floor" if name == FLOOR.name else "peer", seconds
