"""What a policy came to: counts that add up, whoever counted them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import accumulate

_LONGEST_MINUTES = 5 * 24 * 60  #: a delay beyond this is counted as this in the percentiles; the mean has it whole

#: Sources by how often they really write: posts per day from which a class begins, and its name.
CLASSES = ((10.0, "10 a day and more"), (1.0, "1 to 10 a day"), (1 / 7, "1 a week to 1 a day"), (0.0, "rarer"))


def class_of(per_day: float) -> int:
    """Return the index of a source's class."""
    return next(index for index, (least, _) in enumerate(CLASSES) if per_day >= least)


def _minutes() -> array[int]:
    return array("q", bytes(8 * (_LONGEST_MINUTES + 1)))


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was seen in the days that count. Times are whole microseconds: sums do not depend on their order."""

    polls: int = 0
    wasted: int = 0  #: of them brought nothing
    delays: array[int] = field(default_factory=_minutes)  #: posts found, by minutes since they came out
    waited: list[int] = field(default_factory=lambda: [0] * len(CLASSES))  #: delays of all posts, by class
    found: list[int] = field(default_factory=lambda: [0] * len(CLASSES))  #: posts, by class
    late: int = 0  #: start less due time, of all polls
    latest: int = 0  #: of any poll
    busiest_platform: int = 0  #: polls of one platform in one minute of the clock
    busiest_host: int = 0  #: the same of any other host

    def find(self, delay: int, kind: int) -> None:
        """Count one post that was found so long after it came out."""
        self.delays[min(delay // 60_000_000, _LONGEST_MINUTES)] += 1
        self.waited[kind] += delay
        self.found[kind] += 1

    def add(self, other: Tally) -> None:
        """Take over what somebody else has counted of the same policy."""
        self.polls += other.polls
        self.wasted += other.wasted
        self.delays = array("q", map(sum, zip(self.delays, other.delays, strict=True)))
        self.waited = list(map(sum, zip(self.waited, other.waited, strict=True)))
        self.found = list(map(sum, zip(self.found, other.found, strict=True)))
        self.late += other.late
        self.latest = max(self.latest, other.latest)
        self.busiest_platform = max(self.busiest_platform, other.busiest_platform)
        self.busiest_host = max(self.busiest_host, other.busiest_host)

    def mean_delay(self, kind: int | None = None) -> float:
        """Return how many minutes a post waited on average: of one class of sources, or of all."""
        waited, found = (sum(self.waited), sum(self.found)) if kind is None else (self.waited[kind], self.found[kind])
        return waited / found / 60e6 if found else 0.0

    def delay_within(self, share: float) -> int:
        """Return the minutes within which that share of the posts was found."""
        enough = share * sum(self.found)
        return next(minutes for minutes, reached in enumerate(accumulate(self.delays), start=1) if reached >= enough)

    @property
    def wasted_share(self) -> float:
        """Return the share of the polls that brought nothing."""
        return self.wasted / self.polls if self.polls else 0.0

    @property
    def busiest(self) -> int:
        """Return the most polls that any key got in one minute."""
        return max(self.busiest_platform, self.busiest_host)
