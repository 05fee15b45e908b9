"""What a look at a published document gives: its findings, and the facts by which it is compared with others. Records only.

Every format's examiner returns an `Examined`, so that the gate, `check feeds` and the tests treat all formats alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aggregator.publish.scan import quoted


class Weight(StrEnum):
    """How much a finding counts."""

    FAULT = "fault"  #: the format's own specification says MUST, or readers fail on it
    OURS = "ours"  #: we promise more than the specification: what we publish must not have it, what others publish may
    NOTE = "note"  #: worth knowing; may be meant so


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a document."""

    text: str  #: what is wrong and where in the document, one line: `entry 3: its id is no absolute IRI`
    rule: str  #: what it breaks, with the section: `RFC 4287 §4.2.6`
    line: int | None = None  #: in the document, from 1; None: it concerns no single line, or the format has none
    entry: str | None = None  #: id of the entry it stands in, as written; None: it concerns the whole document
    title: str | None = None  #: of that entry
    advice: str | None = None  #: what to write instead
    weight: Weight = Weight.FAULT

    def __str__(self) -> str:
        """Render the one line that messages quote."""
        return f"{self.text} ({self.rule}){f' [{quoted(self.entry)}]' if self.entry else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a look at a whole document found."""

    findings: tuple[Finding, ...]  #: in document order, notes among them
    #: What it says of itself: `id`, `title`, `language`, and the address of each of its links by relation (`self`).
    frame: Mapping[str, str | None] = field(default_factory=dict)
    ids: tuple[str, ...] = ()  #: of its entries, in their order

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What must not be published."""
        return tuple(finding for finding in self.findings if finding.weight is not Weight.NOTE)
