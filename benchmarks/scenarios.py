"""What is measured: scenarios as data, each a farm, steps in order, and programs that take them.

A step is what the upstreams say at a time. In a run every program has a folder of its own, and all of them take a step before
any of them takes the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from benchmarks.farm.versions import FIRST, Version
from benchmarks.programs import FLOOR, HELP, NEWSBOAT, NEWSBOAT_HELPED, OURS, OURS_ON_FIFTY_HOSTS, READER, Program

COLD, QUIET, NEWS = "cold", "nothing new", "5 % of the feeds with one new entry"
REWRITTEN, PLAIN, START = "all feeds rewritten without news", "no validators", "start-up"
PEERS, HOSTS, MANY, ARCHIVE = "peers", "hosts", "many", "archive"
_GROW = "older entries"
_ROUNDS = 5  #: of news on each archive: they are quick, and what is judged is a small difference
_WINDOW = 9  #: times the entries of a feed: what one window of history brings
_ON_THE_FLOOR = (
    "The floor fetches the same bytes, inflates, tokenises with lxml, sanitises with nh3 and writes as many files, made "
    "durable as ours are, with two workers; nothing else ([floor.py](../benchmarks/floor.py))."
)
_ON_NEWSBOAT = (
    "newsboat reads no JSON Feed, and asks conditionally only from the third time on. As installed it spends most of its time "
    "in one query for which a fresh SQLite file has no statistics; helped, it is given them before the clock starts."
)
_ON_READER = "reader has its feeds added before the clock starts; 8 workers, everything else as it comes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One visit by every program."""

    name: str
    served: Version = FIRST
    validators: bool = True
    measured: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A program in a scenario."""

    program: Program
    runs: Mapping[str, int]  #: step -> in how many runs it takes it; a step that is not named it leaves out


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Programs on one farm."""

    name: str  #: what --only takes
    title: str
    sources: int
    steps: tuple[Step, ...]
    entrants: tuple[Entrant, ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large everything is; the bars are meant for the defaults."""

    sources: int = 1_000
    many: int = 10_000
    archive_sources: int = 100
    runs: int = 3  #: of what is quick; what takes minutes runs less often


def plan_scenarios(sizes: Sizes) -> tuple[Scenario, ...]:
    """Return every scenario, in the order of the report."""
    return (_peers(sizes), _hosts(sizes), _many(sizes), _archives(sizes))


def without(scenario: Scenario, peers: Collection[str]) -> Scenario:
    """Return the scenario without the programs that begin with one of these names."""
    left = tuple(entrant for entrant in scenario.entrants if not entrant.program.name.startswith(tuple(peers)))
    return replace(scenario, entrants=left)


def _peers(sizes: Sizes) -> Scenario:
    often, twice = sizes.runs, min(2, sizes.runs)
    return Scenario(
        name=PEERS,
        title=f"{sizes.sources:,} sources, each on a host of its own",
        sources=sizes.sources,
        steps=(
            Step(name=COLD),
            Step(name=QUIET),
            Step(name=NEWS, served=Version(news=1)),
            Step(name=REWRITTEN, served=Version(news=1, rewritten=True)),
            Step(name=PLAIN, served=Version(news=1, rewritten=True), validators=False),
            Step(name=START),
        ),
        entrants=(
            Entrant(program=FLOOR, runs={COLD: often}),
            Entrant(program=OURS, runs=dict.fromkeys((COLD, QUIET, NEWS, REWRITTEN, PLAIN), often)),
            Entrant(program=NEWSBOAT_HELPED, runs={COLD: often, QUIET: often, NEWS: 1, REWRITTEN: 1, PLAIN: 1}),
            Entrant(program=NEWSBOAT, runs={COLD: 1, QUIET: 1}),
            Entrant(program=READER, runs={COLD: twice, QUIET: twice, NEWS: 1, REWRITTEN: 1, PLAIN: 1}),
            Entrant(program=HELP, runs={START: often}),
        ),
        notes=(_ON_THE_FLOOR, _ON_NEWSBOAT, _ON_READER),
    )


def _hosts(sizes: Sizes) -> Scenario:
    return Scenario(
        name=HOSTS,
        title=f"{sizes.sources:,} sources on 50 hosts",
        sources=sizes.sources,
        steps=(Step(name=COLD), *(Step(name=QUIET) for _ in range(sizes.runs))),
        entrants=(Entrant(program=OURS_ON_FIFTY_HOSTS, runs={COLD: 1, QUIET: 1}),),
        notes=("At most four requests at a time go to a loopback address, and no pause lies between them: the default.",),
    )


def _many(sizes: Sizes) -> Scenario:
    return Scenario(
        name=MANY,
        title=f"{sizes.many:,} sources",
        sources=sizes.many,
        steps=(Step(name=COLD), Step(name=QUIET), Step(name=QUIET), Step(name=QUIET)),
        entrants=(Entrant(program=OURS, runs={COLD: 1, QUIET: 1}),),
    )


def _archives(sizes: Sizes) -> Scenario:
    """Three projects with one configuration and archives of three sizes; older posts come by syncs like any other."""
    windows = 11  # 11 * 9 + 1 = 100
    grow = [Step(name=f"{_GROW} {window}", served=Version(history=window), measured=False) for window in range(windows)]
    rounds = [
        step
        for number in range(1, _ROUNDS + 1)
        for step in (Step(name=NEWS, served=Version(news=number)), Step(name=QUIET, served=Version(news=number)))
    ]
    measured = dict.fromkeys((COLD, QUIET, NEWS), 1)
    grown = {1: 0, 1 + _WINDOW: 1, 1 + windows * _WINDOW: windows}
    return Scenario(
        name=ARCHIVE,
        title=f"{sizes.archive_sources:,} sources, archives of 1, 10 and 100 times what the feeds hold",
        sources=sizes.archive_sources,
        steps=(*reversed(grow), Step(name=COLD, measured=False), *rounds),
        entrants=tuple(
            Entrant(
                program=OURS.named(f"archive {size}x"),
                runs={**measured, **{step.name: 1 for step in grow[:taken]}},
            )
            for size, taken in grown.items()
        ),
        notes=("The older posts were written by syncs of older windows of the same feeds, not measured here.",),
    )
