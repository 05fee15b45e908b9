"""A project as it lies there, opened for reading: what `explain` rests on. Nothing is locked, nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import all_names, former_names
from aggregator.store.ledger import Ledger, Renamed
from aggregator.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A project as it lies there."""

    settings: Settings  #: effective
    ledger: Ledger
    state: State | None  #: None: nothing was polled or indexed yet
    places: Mapping[tuple[str, ...], str]  #: `("sources", name)` -> file:line
    now: datetime

    def source(self, own: str) -> Source | None:
        """Return the source with this identity; None if it is not in the configuration."""
        return next((source for source in self.settings.sources if source.id == own), None)

    def name(self, own: str) -> str:
        """Return what people call the source with this identity, or called it last."""
        source = self.source(own)
        return source.name if source else all_names(own, former_names(self.ledger.of(Renamed)))[-1]

    def place(self, own: str) -> str | None:
        """Return `file:line` of the source with this identity; None if it is not in the configuration."""
        source = self.source(own)
        return None if source is None else self.places.get(("sources", source.name))
