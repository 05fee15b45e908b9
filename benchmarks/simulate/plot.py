"""Tallies -> an SVG (pure): mean delay over polls, a line for each kind of policy; further down and to the left is better.

Text stays text, and the colours follow the reader's light or dark scheme, as in `benchmarks/plot.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from math import log10

from benchmarks.simulate.policies import Policy
from benchmarks.simulate.run import World, polls_per_day
from benchmarks.simulate.tally import Tally

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 110, 34, 46
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_KINDS = {"fixed": "fixed", "1/rate": "rate", "square root": "root", "ours": "ours"}
#: Where a label stands beside its point, so that the lines stay free; above it and to the right if not named here.
_LABELS = {"root": (-9, 17, "end"), "ours": (28, 5, "start")}
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.grid { stroke: #d1d9e0; stroke-width: 1 } .line { fill: none; stroke-width: 2 }
.fixed { stroke: #8c959f; fill: #8c959f } .rate { stroke: #bf8700; fill: #bf8700 }
.root { stroke: #0969da; fill: #0969da } .ours { stroke: #1a7f37; fill: #1a7f37 }
.gain { stroke: #1f2328; stroke-width: 1; stroke-dasharray: 3 3 }
text.fixed, text.rate, text.root, text.ours { stroke: none; font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .grid { stroke: #30363d } .gain { stroke: #e6edf3 }
  .fixed { stroke: #8b949e; fill: #8b949e } .rate { stroke: #d29922; fill: #d29922 }
  .root { stroke: #58a6ff; fill: #58a6ff } .ours { stroke: #3fb950; fill: #3fb950 }
}
.line { fill: none }"""

Point = tuple[Policy, float, float]  #: policy, polls per source and day, minutes


def render_plot(tallies: Mapping[Policy, Tally], world: World) -> str:
    """Return the picture of the policies that differ in nothing but the rule."""
    points = [(policy, polls_per_day(tally, world), tally.mean_delay()) for policy, tally in tallies.items() if policy.is_plain]
    across = _Axis([polls for _, polls, _ in points], first=_LEFT, last=_WIDTH - _RIGHT)
    up = _Axis([minutes for _, _, minutes in points], first=_HEIGHT - _BOTTOM, last=_TOP)
    parts = [*_grid(across, up), *_gains(points, across, up)]
    for group, kind in _KINDS.items():
        parts += _line(group, kind, [point for point in points if point[0].group == group], across, up)
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    title = "Mean delay over polls per source and day; further down and to the left is better"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{title}</title>\n<style>{_STYLE}</style>\n'
    return head + "\n".join(parts) + "\n</svg>\n"


class _Axis:
    """A logarithmic scale from the tick below all values to the tick above them."""

    def __init__(self, values: list[float], *, first: float, last: float) -> None:
        low = max((tick for tick in _TICKS if tick <= min(values)), default=_TICKS[0])
        high = min((tick for tick in _TICKS if tick >= max(values)), default=_TICKS[-1])
        self.ticks = [tick for tick in _TICKS if low <= tick <= high]
        self._low, self._span = log10(low), (log10(high) - log10(low)) or 1.0
        self._first, self._last = first, last

    def at(self, value: float) -> float:
        """Return where on the picture a value lies."""
        return self._first + (self._last - self._first) * (log10(value) - self._low) / self._span


def _grid(across: _Axis, up: _Axis) -> Iterator[str]:
    yield '<text x="0" y="16">mean delay of a post, minutes</text>'
    yield f'<text x="{_WIDTH - _RIGHT}" y="16" text-anchor="end">dashed: fixed intervals for as many polls</text>'
    centre = (_LEFT + _WIDTH - _RIGHT) / 2
    yield f'<text x="{centre:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">polls per source and day</text>'
    for tick in across.ticks:
        x = across.at(tick)
        yield f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>'
        yield f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{tick}</text>'
    for tick in up.ticks:
        y = up.at(tick)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>'


def _gains(points: list[Point], across: _Axis, up: _Axis) -> Iterator[str]:
    """Draw, from each rule to fixed polling at its budget, what the rule saves."""
    by_name = {point[0].name: point for point in points}
    for policy, polls, minutes in points:
        if policy.budget_of in by_name:
            _, spent, waited = by_name[policy.budget_of]
            yield (
                f'<line class="gain" x1="{across.at(spent):.1f}" y1="{up.at(waited):.1f}" '
                f'x2="{across.at(polls):.1f}" y2="{up.at(minutes):.1f}"/>'
            )


def _line(group: str, kind: str, points: list[Point], across: _Axis, up: _Axis) -> Iterator[str]:
    placed = [
        (policy, across.at(polls), up.at(minutes)) for policy, polls, minutes in sorted(points, key=lambda point: point[1])
    ]
    corners = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in placed)
    yield f'<polyline class="line {kind}" points="{corners}"/>'
    for policy, x, y in placed:
        yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{6 if kind == "ours" else 4}"/>'
        if policy.budget_of is None:  # the rivals lie close together on the line of fixed intervals
            name = f"{group}, {policy.label}" if policy == placed[-1][0] and group != policy.label else policy.label
            right, down, anchor = _LABELS.get(kind, (9, -7, "start"))
            place = f'x="{x + right:.1f}" y="{y + down:.1f}" text-anchor="{anchor}"'
            yield f'<text class="{kind}" {place}>{escape(name)}</text>'
