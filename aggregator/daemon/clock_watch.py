"""Does the wall clock go on as the monotonic one does? A step (NTP, a person, a machine that slept) moves every due time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

#: What a clock that is slewed, or a loop that is late, may differ by between two looks.
_TOLERANCE = 2.0


class ClockWatch:
    """Compares two clocks from look to look."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        """Take the clocks, in seconds."""
        self._wall, self._steady = wall, steady
        self._before = wall(), steady()

    def step(self) -> timedelta | None:
        """Return by how much the wall clock has moved by itself since the last look; None: it has not."""
        wall, steady = self._wall(), self._steady()
        moved = (wall - self._before[0]) - (steady - self._before[1])
        self._before = wall, steady
        return timedelta(seconds=round(moved)) if abs(moved) > _TOLERANCE else None
