"""A ledger that was there and is gone: told from one that never was by what the state remembers of it.

Without its lines every take-down and every deletion would come back with the next poll, and nobody would be told. The state
is told how many there are when a run has read the ledger and when it ends: always after they were written, so a run that dies
in between leaves a state that knows of too few, never of some that there are not.
"""

from __future__ import annotations

import os

from aggregator.errors import StoreError
from aggregator.store.ledger import Ledger, Takedown
from aggregator.store.state import State

_FACT = "ledger"  #: of the state: the number of lines and of take-downs, with a blank between


def check_ledger(ledger: Ledger, state: State) -> None:
    """Refuse to go on without a ledger that had lines; one that only lacks some was changed by a hand. Raises StoreError."""
    if os.path.lexists(ledger.path):
        return
    lines, _, takedowns = (state.fact(_FACT) or "").partition(" ")
    if lines in {"", "0"}:
        return
    had = f"{_count(int(lines), 'line')} ({_count(int(takedowns), 'takedown')})"
    raise StoreError(
        f"{ledger.path.name} is gone; it had {had}: without it, what was taken down or deleted would come back. Nothing was"
        f" done. Restore it, e.g. from git (git checkout -- {ledger.path.name}). To start without it: delete the state (state/)"
        " as well",
        path=ledger.path,
    )


def note_ledger(ledger: Ledger, state: State) -> None:
    """Have the state know how much the ledger says now. Raises StoreError."""
    now = f"{len(ledger.lines)} {len(ledger.of(Takedown))}"
    if state.fact(_FACT) != now and (ledger.lines or state.fact(_FACT) is not None):
        state.set_fact(_FACT, now)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
