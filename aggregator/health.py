"""What is configured and what was learned -> how a source is doing, in one word. Pure.

`status` and `feeds/status.atom` ask here, so that they mean the same by "failing". The word depends on what polls have left
behind and not on the clock: between two polls a source does not get worse.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model.health import Kind
from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.schedule import missed

LEAST_FAILURES = 3  #: in a row: less may be chance
LEAST_SPAN = timedelta(hours=6)  #: without any success: an upstream that restarts every night is no news
LEAST_SILENCE = timedelta(weeks=5)
LEAST_MISSED = 10  #: entries: for one that brings them by chance as often as not, that happens once in 20,000 pauses
#: Answers that say "later": 429 (RFC 6585 §4), 503 (RFC 9110 §15.6.4).
_LATER = frozenset({429, 503})
#: Failures of our own disk, whatever the source answered: `Failed.kind`.
_OURS = frozenset({"posts"})


#: Failures in which no host was reached at all: `Failed.kind`.
NO_NETWORK = frozenset({"dns", "connect"})
#: A run's polls are dated with its beginning in one place and with their end in another.
_RUN = timedelta(minutes=10)


class Health(StrEnum):
    """How a source is doing; the words of `status`, worst first."""

    FAILING = "failing"  #: long enough that somebody should look
    GONE = "gone"  #: its server said 410: it is not asked again
    RETRYING = "retrying"  #: its last poll failed, which may pass
    WAITING = "waiting"  #: its server said "later"
    QUIET = "quiet"  #: it answers, but has brought nothing for much longer than it used to
    NEW = "new"  #: never polled
    PAUSED = "paused"
    OK = "ok"


def health(source: Source, state: SourceState) -> Health:
    """Return how a source is doing since its last poll."""
    if source.paused:
        return Health.PAUSED
    if source.gone is not None:
        return Health.GONE
    if state.last_poll is None:
        return Health.NEW
    if not state.failures:
        return Health.QUIET if is_quiet(state) else Health.OK
    if is_failing(state):
        return Health.FAILING
    return Health.WAITING if state.last_status in _LATER else Health.RETRYING


def is_failing(state: SourceState) -> bool:
    """Tell whether a source has failed so often and for so long that it is news.

    One that never answered since it was added, or since the state was lost, fails from its third poll on.
    """
    if state.failures < LEAST_FAILURES or state.last_kind in _OURS:
        return False
    return state.last_success is None or state.last_poll is None or state.last_poll - state.last_success >= LEAST_SPAN


def is_quiet(state: SourceState) -> bool:
    """Tell whether a source that answers has brought nothing for so long that it is odd: a dead site may well answer.

    Many entries would have come by now at the rhythm it had, and weeks have gone by, so that neither holidays nor a monthly
    issue with all its entries at once count. One that brings several at once more seldom than that is called quiet in between.
    """
    if state.last_news is None or state.last_success is None:
        return False
    return state.last_success - state.last_news >= LEAST_SILENCE and missed(state) >= LEAST_MISSED


def contradicts(state: SourceState, said: Mapping[str, Kind]) -> bool:
    """Tell whether the last poll of a source shows it otherwise than what was said of it last."""
    before = said.get(state.id)
    if is_failing(state):
        return before is not Kind.FAILING
    return before is not None and has_answered(state)


def has_answered(state: SourceState) -> bool:
    """Tell whether the last poll of a source went well."""
    return not state.failures and state.last_success is not None


def was_reachable(first: datetime, last: datetime, reached: Sequence[datetime]) -> bool:
    """Tell whether any host was reached between the failures of another: else this machine may have had no network.

    `first` and `last` are the failures that count, `reached` the instants, sorted, at which sources were polled last whose
    hosts answered, however badly.
    """
    later = bisect_left(reached, first - _RUN)
    return later < len(reached) and reached[later] <= last + _RUN
