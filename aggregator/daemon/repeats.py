"""What was told lately need not be told again: a round each few seconds finds what the one before found."""

from __future__ import annotations

import time
from collections.abc import Callable

_AGAIN_AFTER = 86_400.0  #: seconds
_MOST = 1000  #: texts that are remembered


class Repeats:
    """Knows which texts were told within a day."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock, in seconds."""
        self._clock = clock
        self._told: dict[str, float] = {}

    def is_news(self, text: str) -> bool:
        """Tell whether a text was not told within a day; it counts as told now."""
        now = self._clock()
        if text in self._told and now - self._told[text] < _AGAIN_AFTER:
            return False
        self._told.pop(text, None)  # what was told last stands last
        self._told[text] = now
        if len(self._told) > _MOST:
            del self._told[next(iter(self._told))]
        return True
