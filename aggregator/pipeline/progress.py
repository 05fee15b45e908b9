"""How far long work has got, told now and then: to a person who waits, and since a daemon that says nothing counts as stuck."""

from __future__ import annotations

import time
from collections.abc import Callable

from aggregator.model.poll import Event, Note

_EVERY = 60.0  #: seconds


class Progress:
    """Tells nothing of work that is done within a minute."""

    def __init__(
        self,
        report: Callable[[Event], None],
        words: str,
        whole: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what is counted, in words, and how many there are; None: nobody knows."""
        self._report = report
        self._words = words
        self._of = "" if whole is None else f" of {whole}"
        self._clock = clock
        self._done = 0
        self._told = clock()

    def add(self, number: int = 1) -> None:
        """Take it that so many more are done."""
        self._done += number
        now = self._clock()
        if now - self._told >= _EVERY:
            self._told = now
            self._report(Note(text=f"{self._words}: {self._done}{self._of} so far"))
