"""All checks, in the order of the report: what everything stands on comes first."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.doctor.disk import kinds, rights, room
from aggregator.doctor.finding import Findings, Situation
from aggregator.doctor.machine import clock, encoding, memory, open_files, zones
from aggregator.doctor.network import certificates, names, private
from aggregator.doctor.program import program, workers
from aggregator.doctor.tree import tree
from aggregator.doctor.work import daemon, polls, state

CHECKS: tuple[Callable[[Situation], Findings], ...] = (
    program,
    clock,
    zones,
    encoding,
    open_files,
    memory,
    workers,
    room,
    rights,
    kinds,
    state,
    certificates,
    names,
    private,
    daemon,
    polls,
    tree,
)
