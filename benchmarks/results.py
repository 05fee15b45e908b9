"""What one run of the benchmark found: as records, and as a file from which the page can be made again without measuring."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from benchmarks.measure import Cost
from benchmarks.scenarios import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Where a result stands."""

    scenario: str
    step: str
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One program's visit at one step."""

    cost: Cost
    answers: Mapping[str, int]  #: status -> how often nginx answered so


@dataclass(slots=True, kw_only=True)
class Results:
    """Everything that was found, and what one must know to find it again."""

    day: date
    phrases: tuple[str, ...]  #: versions and machine
    seed: int
    sizes: Sizes
    arguments: str  #: of the command, beyond the defaults
    measured: dict[Figure, list[Measured]] = field(default_factory=lambda: defaultdict(list))
    farms: dict[str, str] = field(default_factory=dict)  #: scenario -> its farm in words
    stages: str | None = None  #: Markdown: where a cold sync spends its time


def save_results(results: Results, path: Path) -> None:
    """Write the results as JSON."""
    document = {
        "day": results.day.isoformat(),
        "phrases": results.phrases,
        "seed": results.seed,
        "sizes": asdict(results.sizes),
        "arguments": results.arguments,
        "farms": results.farms,
        "stages": results.stages,
        "measured": [
            {**asdict(figure), "runs": [asdict(measured) for measured in found]} for figure, found in results.measured.items()
        ],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def load_results(path: Path) -> Results:
    """Read what `save_results` wrote."""
    document = json.loads(path.read_text("utf-8"))
    results = Results(
        day=date.fromisoformat(document["day"]),
        phrases=tuple(document["phrases"]),
        seed=document["seed"],
        sizes=Sizes(**document["sizes"]),
        arguments=document["arguments"],
        farms=document["farms"],
        stages=document["stages"],
    )
    for row in document["measured"]:
        runs = [Measured(cost=Cost(**run["cost"]), answers=run["answers"]) for run in row.pop("runs")]
        results.measured[Figure(**row)] = runs
    return results
