"""A trigger that fires at equal distances and never makes up for what it has missed."""

from __future__ import annotations

from datetime import datetime

from apscheduler.triggers.interval import IntervalTrigger


class Every(IntervalTrigger):  # type: ignore[misc]  # apscheduler has no types
    """APScheduler's interval, but for a clock that has gone forth.

    APScheduler counts through every moment that was missed, also if they come to a single run. For a board without a clock of
    its own, which wakes in 1970 until NTP tells it, that is a tick for each second of half a century: hours in which nothing
    is answered.
    """

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the moment after the previous one; if that is over, one interval from now."""
        coming: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        return coming if coming is None or coming > now else now + self.interval
