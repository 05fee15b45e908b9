"""Which entries go into which archive page, and what is read from the bytes of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from aggregator.publish.pages import (
    ENTRIES_PER_PAGE,
    PageName,
    archive_folder,
    choose_portions,
    entry_ids,
    previous_of,
    relocate,
    site_of,
)
from tests.conftest import Sweep

NOW = datetime(2026, 4, 12, 12, tzinfo=UTC)


def _on(*days: tuple[int, int]) -> list[int]:
    """Return noon of these days of 2026, given as month and day."""
    return [int(datetime(2026, month, day, 12, tzinfo=UTC).timestamp()) for month, day in days]


def _chosen(dates: list[int], *, last: str | None = None, capacity: int = 4, lost: int = 1) -> list[tuple[str, int, int]]:
    found = choose_portions(dates, last=last, now=NOW, capacity=capacity, lost=lost)
    return [(portion.month, portion.first, portion.last) for portion in found]


def test_nothing_is_closed_while_the_live_feed_holds_it() -> None:
    """Where the live feed has a place for every open entry, however old, nothing goes."""
    assert _chosen(_on((1, 1), (2, 1), (4, 1)), lost=0) == []


def test_months_that_are_over_are_closed() -> None:
    """Once an entry is lost, each month that is over gets its page, and this month stays open."""
    assert _chosen(_on((1, 1), (1, 9), (2, 1), (3, 31), (4, 1))) == [("2026-01", 0, 2), ("2026-02", 2, 3), ("2026-03", 3, 4)]


def test_a_busy_month_is_closed_in_part() -> None:
    """Where this month alone is too much, its oldest go, until half of the live feed's places are free."""
    assert _chosen(_on(*((4, day) for day in range(1, 7)))) == [("2026-04", 0, 4)]


def test_what_is_late_goes_into_the_first_new_page() -> None:
    """An entry of a month that is closed joins the next month's page."""
    assert _chosen(_on((1, 1), (3, 1), (3, 2), (4, 1)), last="2026-02") == [("2026-03", 0, 3)]


def test_what_is_late_alone_gets_a_page_of_the_last_month() -> None:
    """Without a new month it stands in one more page of the last one: no page is ever put before another."""
    assert _chosen(_on((1, 1), (4, 1), (4, 2)), last="2026-03") == [("2026-03", 0, 1)]


def test_the_future_waits() -> None:
    """An entry that is dated in the future is not closed, whatever is lost."""
    assert _chosen(_on((4, 1), (5, 1), (5, 2), (5, 3), (5, 4), (5, 5))) == [("2026-04", 0, 1)]


def test_a_page_holds_so_many_entries() -> None:
    """A month with more entries than a page may hold is cut into portions, oldest first."""
    month = [_on((1, 1))[0] + number for number in range(ENTRIES_PER_PAGE + 1)]
    assert _chosen(month) == [("2026-01", 0, ENTRIES_PER_PAGE), ("2026-01", ENTRIES_PER_PAGE, ENTRIES_PER_PAGE + 1)]


@pytest.mark.publishes("P23")
def test_live_feed_and_chain_hold_everything(sweep: Sweep) -> None:
    """Whatever comes, early, late or in a burst, after each look every entry stands in a page or among the newest, in order."""
    for case in range(sweep.count(2_000, 100)):
        chance = Random(f"{sweep.seed} {case}")
        capacity = chance.choice((1, 2, 5, 10))
        now, archived, dates, last = datetime(2025, 11, 3, tzinfo=UTC), set[int](), list[int](), None
        for _ in range(12):
            now += timedelta(days=chance.choice((1, 1, 9, 40)))
            late = chance.choice((1, 60)) * 86_400
            new = {int(now.timestamp()) - chance.randrange(late) for _ in range(chance.choice((0, 1, 3, 12)))}
            dates = sorted({*dates, *new})
            waiting = [date for date in dates if date not in archived]
            lost = sum(date not in dates[-capacity:] for date in waiting)
            for portion in choose_portions(waiting, last=last, now=now, capacity=capacity, lost=lost):
                assert last is None or portion.month >= last
                last = portion.month
                archived |= {*waiting[portion.first : portion.last]}
            assert archived | {*dates[-capacity:]} == {*dates}, case


@pytest.mark.parametrize("name", ["2026-03.atom", "2026-03-2.atom", "2026-12-10.atom", "0999-01.atom"])
def test_a_name_is_read_as_it_is_written(name: str) -> None:
    """The name of a page's file says which page it is."""
    found = PageName.of(f"feeds/news.archive/{name}")
    assert found is not None
    assert found.file == name


@pytest.mark.parametrize(
    "name", ["2026-13.atom", "2026-3.atom", "2026-03-1.atom", "2026-03-02.atom", "2026-03.rss", ".tmp-1-1"]
)
def test_other_names_are_no_pages(name: str) -> None:
    """What our naming does not give is left alone."""
    assert PageName.of(name) is None


def test_names_are_ordered_as_the_chain() -> None:
    """The tenth page of a month comes behind the ninth, and before those of the next month."""
    names = [PageName(month="2026-03", number=number) for number in (1, 2, 9, 10)] + [PageName(month="2026-04")]
    assert sorted({*names}) == names


def test_a_folder_of_pages_is_nobodys_category() -> None:
    """Its name holds a dot, which no part of a category's path does."""
    assert archive_folder("feeds/news/tech.atom") == "feeds/news/tech.archive"


PAGE = (
    b'<?xml-stylesheet type="text/css" href="/a&amp;b/feeds/style.css"?>\n'
    b'<feed><link href="https://news.example/a&amp;b/feeds/%E6%96%B0.archive/2026-03.atom" rel="self"/>\n'
    b'<link href="https://news.example/a&amp;b/feeds/%E6%96%B0.archive/2026-02.atom" rel="prev-archive"/>\n'
    b'<h:p>Site: <h:a href="https://news.example/a&amp;b/">https://news.example/a&amp;b/</h:a></h:p>\n'
    b'<entry xml:lang="de">\n <id>urn:x&amp;y</id>\n <link href="https://news.example/a&amp;b/post"/>\n'
    b'<category term="t" scheme="https://news.example/a&amp;b/feeds/index.opml"/>\n'
    b"<source><id>urn:source</id></source></entry></feed>"
)
SITE = "https://news.example/a&b/"


def test_a_page_is_read_by_its_bytes() -> None:
    """Its entries' ids, the site that it was written for, and the page before it stand in its bytes."""
    assert entry_ids(PAGE) == ["urn:x&y"]
    assert site_of(PAGE, "feeds/新.archive/2026-03.atom") == SITE
    assert previous_of(PAGE, SITE) == "feeds/新.archive/2026-02.atom"
    assert site_of(PAGE, "feeds/other.archive/2026-03.atom") is None
    assert previous_of(PAGE, "https://elsewhere.example/") is None


def test_a_page_moves_with_its_site_and_entries_stay() -> None:
    """Links of the head and the scheme of our categories are written anew, the links of entries are not."""
    moved = relocate(PAGE, SITE, "https://new.example")
    assert site_of(moved, "feeds/新.archive/2026-03.atom") == "https://new.example/"
    assert previous_of(moved, "https://new.example") == "feeds/新.archive/2026-02.atom"
    assert b'href="/feeds/style.css"' in moved
    assert b'<h:a href="https://new.example/">https://new.example/</h:a>' in moved
    assert b'scheme="https://new.example/feeds/index.opml"' in moved
    assert b'<link href="https://news.example/a&amp;b/post"/>' in moved
    assert relocate(moved, "https://new.example", SITE) == PAGE
