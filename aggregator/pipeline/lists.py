"""Lists of entries as pages: the newest ones, and behind them one month after the other.

A list's own page shows the newest entries. A month with more of them than a page holds has its first ones at MONTH/1/, the next
ones at MONTH/2/ and so on, the rest at MONTH/: counted from the month's beginning, so that a page which is full never changes
again, however many entries come later. On a static host that is what need not be written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator.model.changes import PostRow
from aggregator.model.page import Card, Dot, FeedLinks, Link, ListPage
from aggregator.pipeline.months import month_span
from aggregator.pipeline.shown import Shown
from aggregator.store.listing import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryList:
    """One list, before anything of its entries was read."""

    base: str  #: address of its own page: "/", "/c/new-media/", "/s/zaker/"
    title: str
    wanted: Wanted
    since: int | None  #: no entry of its own page is older: seconds since the epoch; None: they may all stand on it
    months: tuple[tuple[str, int], ...]  #: that have pages, newest first
    feed: FeedLinks | None = None
    parents: tuple[Link, ...] = ()
    children: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a list's own page says of the sources of its entries; it is of the moment, so not for a static host."""

    dots: tuple[Dot, ...] = ()
    next_poll: Callable[[], datetime | None] = lambda: None


NOTHING_BESIDE = Beside()


class Lists:
    """The pages of lists, for one moment of a project."""

    def __init__(self, shown: Shown, card: Callable[[PostRow], Card], *, static: bool = False) -> None:
        """Take what makes a card of an index row; a `static` page of a month names no others, whose numbers grow."""
        self._shown, self._card, self._static = shown, card, static
        self._size = shown.settings.pages.entries

    def front(self, which: EntryList, beside: Beside = NOTHING_BESIDE) -> ListPage:
        """Return a list's own page."""
        rows = self._shown.rows(replace(which.wanted, since=which.since), self._size + 1)
        older = self._page_of(which, rows[-1], rows[:-1]) if len(rows) > self._size else None
        page = self._page(which, which.base, rows[: self._size])
        return replace(page, older=older, dots=beside.dots, next_poll=None if page.cards else beside.next_poll())

    def month(self, which: EntryList, month: str, number: int | None = None) -> ListPage | None:
        """Return the page of a month, or one of its full ones; None: there is no such page."""
        total = dict(which.months).get(month, 0)
        full = self._full(total)
        if not total or (number is not None and not 1 <= number <= full):
            return None
        begin, end = month_span(month, self._shown.settings.site.timezone)
        wanted = replace(which.wanted, since=begin, until=end)
        before = (full if number is None else number - 1) * self._size
        rows = self._part(wanted, before, min(self._size, total - before), total)
        page = self._page(which, _address(which.base, month, number), rows)
        newer, older = self.around(which, month, number)
        above = (*which.parents, Link(title=which.title, href=which.base))
        months = () if self._static else which.months
        return replace(page, month=month, newer=newer, older=older, months=months, parents=above)

    def _part(self, wanted: Wanted, before: int, length: int, total: int) -> list[PostRow]:
        """Return so many entries, newest first, that have so many before them; counted from the end that is nearer."""
        behind = total - before - length
        if behind <= before:
            return self._shown.rows(wanted, length, skipped=behind)
        return self._shown.rows(wanted, length, skipped=before, oldest_first=True)[::-1]

    def addresses(self, which: EntryList) -> list[tuple[str, str, int | None]]:
        """Return where the pages of a list's months are: address, month, number."""
        return [
            (_address(which.base, month, number), month, number)
            for month, total in which.months
            for number in (None, *range(self._full(total), 0, -1))
        ]

    def _full(self, total: int) -> int:
        """Return how many pages of a month with so many entries are full, beside the one that takes the rest."""
        return (total - 1) // self._size if total else 0

    def around(self, which: EntryList, month: str, number: int | None) -> tuple[str, str | None]:
        """Return the addresses of the pages before and behind one that there is: newer and older ones."""
        names = [name for name, _ in which.months]
        at = names.index(month)
        full = self._full(which.months[at][1])
        if number is not None:
            newer = _address(which.base, month, number + 1 if number < full else None)
        elif at == 0:
            newer = which.base
        else:
            later, total = which.months[at - 1]
            newer = _address(which.base, later, 1 if self._full(total) else None)
        before = full if number is None else number - 1
        if before:
            return newer, _address(which.base, month, before)
        return newer, _address(which.base, names[at + 1], None) if at + 1 < len(names) else None

    def _page_of(self, which: EntryList, row: PostRow, newer: Sequence[PostRow]) -> str | None:
        """Return the page of a month that an entry stands on, given all entries that are newer."""
        month = self._shown.month(row.date)
        total = dict(which.months).get(month)
        if total is None:  # its address is a category's
            return next((_address(which.base, name, None) for name, _ in which.months if name < month), None)
        before = max(total - 1 - sum(self._shown.month(each.date) == month for each in newer), 0)
        number = before // self._size + 1
        return _address(which.base, month, number if number <= self._full(total) else None)

    def _page(self, which: EntryList, path: str, rows: Sequence[PostRow]) -> ListPage:
        return ListPage(
            path=path,
            base=which.base,
            title=which.title,
            cards=tuple(self._card(row) for row in rows if row.key not in self._shown.hidden),
            feed=which.feed,
            parents=which.parents,
            children=which.children,
            months=which.months,
        )


def _address(base: str, month: str, number: int | None) -> str:
    return f"{base}{month}/" if number is None else f"{base}{month}/{number}/"
