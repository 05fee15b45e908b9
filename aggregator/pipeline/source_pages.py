"""How sources are doing, as pages: asked of the state at one moment, and told without it where it cannot be read."""

from __future__ import annotations

from datetime import datetime

from aggregator.model.page import ListPage, SourcePage, StatusPage
from aggregator.model.source import Source
from aggregator.pipeline.shown import Shown
from aggregator.pipeline.site_status import source_page, status_page
from aggregator.store.ledger import FILE_NAME, Ledger


def status_of(shown: Shown, now: datetime) -> StatusPage:
    """Return how all sources are doing."""
    settings, ledger = shown.settings, _ledger(shown)
    found = shown.ask(lambda state: status_page(settings, ledger, state, now))
    return found if found is not None else status_page(settings, ledger, None, now)


def source_of(shown: Shown, source: Source, entries: ListPage, now: datetime) -> SourcePage:
    """Return how one source is doing, with its entries."""
    ledger = _ledger(shown)
    found = shown.ask(lambda state: source_page(ledger, state, source, entries, now))
    return found if found is not None else source_page(ledger, None, source, entries, now)


def _ledger(shown: Shown) -> Ledger:
    return shown.ledger if shown.ledger is not None else Ledger(shown.settings.root / FILE_NAME)
