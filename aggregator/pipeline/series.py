"""What the runs of one long-living process have in common, and what bounds each of them.

The daemon is `sync` over and over: each run holds the project's lock, reads ledger and state anew and leaves everything as a
run from cron would, so that whatever holds for `sync` holds for it. What is dear to make or must not be forgotten between two
runs is here: worker processes, when each host was last asked, and since when news waits to be published.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from aggregator.pipeline.fresh import FreshKeys

if TYPE_CHECKING:
    from aggregator.fetch.hosts import Paces
    from aggregator.workers import Workers


_HUBS_EVERY = 600.0  #: seconds after which a hub that did not take something is told again, news or not


class Unpublished:
    """News that is stored and not yet in its feeds, and for how long: it waits for more to come, but not for ever."""

    def __init__(self, debounce: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how long news waits. What a process that died has left waits no longer, so a new one begins with some."""
        self.debounce = debounce
        self._clock = clock
        self._since: float | None = float("-inf")
        self.fresh = FreshKeys()  #: of posts written or found since feeds were last published

    def note(self) -> None:
        """Take it that something has changed."""
        if self._since is None:
            self._since = self._clock()

    def hurry(self) -> None:
        """Let nothing wait that is there now."""
        self._since = float("-inf")

    @property
    def is_ripe(self) -> bool:
        """Tell whether it is time to publish."""
        return self._since is not None and self._clock() - self._since >= self.debounce.total_seconds()

    def published(self) -> None:
        """Take it that all of it stands in its feeds."""
        self._since = None
        self.fresh = FreshKeys()


@dataclass(slots=True, kw_only=True)
class Series:
    """What is handed from run to run."""

    workers: Workers
    unpublished: Unpublished
    open_for: timedelta  #: so long a run begins visits; a source whose turn has not come by then stays due
    paces: Paces | None = None  #: made by the first run that polls
    has_asked: bool = False  #: a run has asked upstreams since somebody said False here
    is_ending: bool = False  #: no run begins any more
    hubs_after: float = float("-inf")  #: on the monotonic clock, when hubs are told again of what they did not take
    _stop: Callable[[], None] | None = field(default=None)

    @property
    def hubs_are_due(self) -> bool:
        """Tell whether to tell hubs again of what they did not take, although nothing was published."""
        return time.monotonic() >= self.hubs_after

    def hubs_told(self) -> None:
        """Take it that hubs were told."""
        self.hubs_after = time.monotonic() + _HUBS_EVERY

    def began(self, stop: Callable[[], None]) -> None:
        """Take what ends the run that is on: it saves what is finished."""
        self._stop = stop
        if self.is_ending:
            stop()

    def ended(self) -> None:
        """Take it that no run is on."""
        self._stop = None

    def end(self) -> None:
        """End the run that is on, if there is one, and begin none any more. May be called from another thread."""
        self.is_ending = True
        if (stop := self._stop) is not None:
            stop()
