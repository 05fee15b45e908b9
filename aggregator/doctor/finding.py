"""What the checks are given, and what they return."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from aggregator.model.settings import Settings


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  #: it works, but not for long, or not as well as it could
    FAIL = "fail"  #: runs will fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report."""

    name: str  #: of the check: a stable word
    level: Level
    text: str  #: what is so, in one line
    advice: str | None = None  #: what to do; None: nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where the checks look."""

    root: Path  #: the project folder
    config: Path  #: the config folder
    settings: Settings | None  #: the settings that count; None: they cannot be read
    now: datetime
    environ: Mapping[str, str]
    offline: bool = False  #: no name is looked up


Findings = Iterator[Finding]


def ok(name: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(name=name, level=Level.OK, text=text)


def warn(name: str, text: str, advice: str) -> Finding:
    """Return a finding that something should be seen to."""
    return Finding(name=name, level=Level.WARN, text=text, advice=advice)


def fail(name: str, text: str, advice: str) -> Finding:
    """Return a finding that something must be seen to."""
    return Finding(name=name, level=Level.FAIL, text=text, advice=advice)
