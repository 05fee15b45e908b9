"""Which lists of entries a site has: one of each category, everything among them, and one of each source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.pipeline.lists import EntryList
from aggregator.pipeline.months import is_month, month_span
from aggregator.pipeline.page_places import CategoryPlace
from aggregator.pipeline.shown import Days, Shown
from aggregator.store.listing import Wanted

_DIGITS = 9  #: of a page's number, at most


def every_list(shown: Shown) -> Iterator[EntryList]:
    """Yield every list that has a page."""
    for place in shown.places.categories.values():
        yield list_of_category(shown, place)
    days = shown.days_by_source()
    for own in dict.fromkeys((*(source.id for source in shown.settings.sources), *days)):
        yield _of_source(shown, own, days.get(own, ()))


def list_of_category(shown: Shown, place: CategoryPlace) -> EntryList:
    """Return the list of a category, with all that stands below it."""
    taken = shown.places.categories
    months = shown.months_of(place)
    return EntryList(
        base=place.link.href,
        title=place.link.title,
        wanted=Wanted(categories=place.leaves),
        since=_since(shown, months),
        months=tuple((month, number) for month, number in months if (*place.parts, month) not in taken),
        feed=place.feed,
        parents=shown.places.trail(place.frame.category)[:-1],
        children=place.children,
    )


def list_of_source(shown: Shown, own: str) -> EntryList:
    """Return the list of the source with this identity."""
    return _of_source(shown, own, shown.days_of_source(own))


def parted(parts: tuple[str, ...]) -> tuple[tuple[str, ...], str | None, int | None]:
    """Return the list that a path belongs to, the month, and the number of a full page of it."""
    if parts and is_month(parts[-1]):
        return parts[:-1], parts[-1], None
    if len(parts) > 1 and is_month(parts[-2]) and _is_number(parts[-1]):
        return parts[:-2], parts[-2], int(parts[-1])
    return parts, None, None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= _DIGITS


def _of_source(shown: Shown, own: str, days: Days) -> EntryList:
    link = shown.source_link(own)
    months = shown.months(days)
    return EntryList(
        base=link.href,
        title=link.title,
        wanted=Wanted(source_id=own),
        since=_since(shown, months),
        months=months,
    )


def _since(shown: Shown, months: Iterable[tuple[str, int]]) -> int | None:
    """Return where the month begins in which the last entry of a list's own page stands, and one more; None: with the first."""
    found = 0
    for month, number in months:
        found += number
        if found > shown.settings.pages.entries:
            return month_span(month, shown.settings.site.timezone)[0]
    return None
