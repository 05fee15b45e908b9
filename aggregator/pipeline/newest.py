"""The newest posts of a feed -> its job. The main process's side, pure but for asking the state.

The state has an index of each category's posts by date, and none over all of them. So a feed asks the categories in it, the
one with the newest post first, and no more of them than can still have anything to say: with a thousand categories the feed of
everything rests on those that had news lately.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from heapq import heappush, heapreplace
from typing import Protocol

from aggregator.model.changes import PostRow
from aggregator.model.output import OutputFeed
from aggregator.model.renames import Renames

Leaf = tuple[str, ...]
_REMEMBERED = 200  #: categories; of each as many rows as feeds can want


class Index(Protocol):
    """What is asked of the state."""

    def latest(self) -> Mapping[Leaf, datetime]:
        """Return for each category that posts stand in a date that none of them is later than."""

    def newest(self, leaf: Leaf, limit: int) -> list[PostRow]:
        """Return the newest posts whose category is exactly this path, newest first, ties by key."""


class Newest:
    """Reads a category once for all the feeds that it stands in, unless there are very many."""

    def __init__(self, index: Index, *, most: int, renamed: Renames, hidden: frozenset[str]) -> None:
        """Take how many posts of one category any feed can want; `hidden` are the keys of posts that stand in none."""
        self._index, self._most, self._renamed, self._hidden = index, most, renamed, hidden
        self._latest = index.latest()
        self._below: dict[Leaf, list[Leaf]] = defaultdict(list)
        for leaf in sorted(self._latest):
            now = renamed.current(leaf)
            for depth in range(len(now) + 1):
                self._below[now[:depth]].append(leaf)
        self._read: dict[Leaf, list[PostRow]] = {}

    def rows_of(self, frame: OutputFeed) -> tuple[PostRow, ...]:
        """Return twice as many posts as the feed holds, since some may fall out, newest first, ties by key."""
        wanted = 2 * frame.max_entries
        found: list[PostRow] = []
        dates: list[datetime] = []  # of the newest ones so far, as a heap: none earlier than the first of them matters
        leaves = [leaf for path in {frame.category, *frame.also} for leaf in self._below.get(path, ())]
        for leaf in sorted(leaves, key=self._latest.__getitem__, reverse=True):
            if len(dates) == wanted and self._latest[leaf] < dates[0]:
                break
            for row in self._rows(leaf):
                found.append(row)
                if len(dates) < wanted:
                    heappush(dates, row.date)
                elif row.date > dates[0]:
                    heapreplace(dates, row.date)
        found.sort(key=lambda row: (row.date, row.key), reverse=True)
        return tuple(found[:wanted])

    def _rows(self, leaf: Leaf) -> Iterable[PostRow]:
        if leaf not in self._read:
            rows = [row for row in self._index.newest(leaf, self._most) if row.key not in self._hidden]
            if (now := self._renamed.current(leaf)) != leaf:
                rows = [replace(row, categories=now) for row in rows]
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            self._read[leaf] = rows
        return self._read[leaf]
