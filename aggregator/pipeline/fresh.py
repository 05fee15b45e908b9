"""Which posts a run has written or found: eight bytes for each, since a first run has them by the hundred thousand.

As text in a set they would be a quarter of the main process's memory, and they are asked for only where a post cannot be
published.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable


class FreshKeys:
    """A set of keys that only grows and is seldom asked."""

    def __init__(self) -> None:
        # Python's own hashes, different in each process: that two of a run's keys share one is as likely as a lucky guess of
        # 64 bits, and would only mean that a message is said once more.
        self._numbers = array("q")
        self._asked: frozenset[int] = frozenset()

    def add(self, keys: Iterable[str]) -> None:
        """Take more keys."""
        self._numbers.extend(map(hash, keys))

    def __contains__(self, key: str) -> bool:
        if self._numbers:
            # Once per publishing at most: what was taken since is put with the rest, and not held twice.
            self._asked |= frozenset(self._numbers)
            del self._numbers[:]
        return hash(key) in self._asked
