"""Takes scenarios step by step and measures every program: the only module that starts anything.

Nothing is deleted between runs, every program has a new folder in every run, and what was written before is on the disk
before the clock starts: none of it may become the cost of whoever comes next. After each step the stored entries are counted
and nginx's answers are, since a run that failed fast is no result.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import click

from benchmarks.farm.make import make_farm, plan_sources, read_counts
from benchmarks.farm.nginx import ANSWERS, running, write_conf
from benchmarks.farm.versions import Held, make_version
from benchmarks.measure import CommandError, measure
from benchmarks.programs import ROOT, Place
from benchmarks.results import Figure, Measured, Results
from benchmarks.scenarios import Entrant, Scenario, Step


def ensure_farm(cache: Path, *, sources: int, seed: int, port: int) -> Path:
    """Return a farm from the cache, made if need be; a farm of other code is another one."""
    code = sha256(b"".join(path.read_bytes() for path in sorted((ROOT / "benchmarks/farm").glob("*.py")))).hexdigest()[:8]
    farm = cache / f"farm-{sources}-{seed}-{port}-{code}"
    if not farm.exists():
        click.echo(f"making {farm}", err=True)
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cache))
        make_farm(unfinished, sources=sources, seed=seed, port=port)
        unfinished.rename(farm)
    return farm


def run_scenario(scenario: Scenario, farm: Path, work: Path, results: Results) -> None:
    """Measure one scenario.

    Raises:
        CommandError: a program failed, or did not do all of its work.
        RuntimeError: nginx could not be started.
    """
    counts = read_counts(farm)
    results.farms[scenario.name] = f"{counts.sources:,} feeds, {counts.entries:,} entries, {counts.bytes / 1e6:,.0f} MB"
    held = {step: _prepare(farm, step) for step in scenario.steps}
    for run in range(max(number for entrant in scenario.entrants for number in entrant.runs.values())):
        visits = [
            _Visits(entrant, Place(folder=work / scenario.name / f"{run}-{index}", farm=farm, counts=counts))
            for index, entrant in enumerate(scenario.entrants)
        ]
        for step in scenario.steps:
            taking = [visit for visit in visits if entrant_takes(visit.entrant, step, run)]
            if not taking:
                continue
            with ExitStack() as stack:
                if any(visit.entrant.program.stored for visit in taking):
                    first = plan_sources(1, seed=counts.seed)[0].host
                    stack.enter_context(running(farm, host=first, port=counts.port, conf=_conf(step)))
                for visit in taking:
                    found = visit.take(step, held[step])
                    if step.measured:
                        name = visit.entrant.program.name
                        results.measured[Figure(scenario=scenario.name, step=step.name, program=name)].append(found)


def entrant_takes(entrant: Entrant, step: Step, run: int) -> bool:
    """Tell whether an entrant takes a step in a run, counted from 0."""
    return run < entrant.runs.get(step.name, 0)


class _Visits:
    """One program's way through the steps of one run."""

    def __init__(self, entrant: Entrant, place: Place) -> None:
        self.entrant = entrant
        self._place = place
        self._held: dict[int | None, int] = {}  #: window of history, None for the present -> entries seen there

    def take(self, step: Step, held: Held) -> Measured:
        """Run the program and see that it has done its work."""
        program, place = self.entrant.program, self._place
        if not place.folder.exists():
            place.folder.mkdir(parents=True)
            program.prepare(place)
        log = place.farm / ANSWERS
        log.write_bytes(b"")  # nginx appends
        os.sync()
        cost = measure(program.command(place), cwd=place.folder, env=place.environment)
        place.runs.append(step.name)
        answers = Counter(log.read_text("utf-8").split())
        click.echo(f"{program.name}, {step.name}: {cost.wall_seconds:.2f} s wall, {cost.cpu_seconds:.2f} s CPU", err=True)
        if program.stored is not None:
            self._held[step.served.history] = held.xml_entries if program.xml_only else held.entries
            sources = place.counts.xml_sources if program.xml_only else place.counts.sources
            _expect(answers.total(), sources, f"answers of nginx to {program.name}")
            _expect(program.stored(place), sum(self._held.values()), f"entries in {place.folder}")
        return Measured(cost=cost, answers=dict(answers))


def _prepare(farm: Path, step: Step) -> Held:
    """Make what nginx serves at a step, and have it in memory before anybody asks for it."""
    counts = read_counts(farm)
    held = make_version(farm, step.served)
    hosts = tuple(place.host for place in plan_sources(counts.sources, seed=counts.seed))
    served = step.served.folder
    write_conf(farm, hosts=hosts, port=counts.port, name=_conf(step), feeds=served, validators=step.validators)
    for path in (farm / served).iterdir():
        path.read_bytes()
    return held


def _conf(step: Step) -> str:
    return f"{step.served.folder}{'' if step.validators else '-plain'}.conf"


def _expect(found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise CommandError(f"{found} {what}, where there should be {wanted}: this run proves nothing")
