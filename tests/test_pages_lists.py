"""Lists of entries as pages: what stands in them, and that every entry is found from the first page on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator.model.page import Gone, ListPage, Moved
from aggregator.pipeline.pages import Pages
from aggregator.store.ledger import FILE_NAME, Ledger, Removed, Renamed, Takedown
from tests.projects import SITE
from tests.shown import NOW, Project, listed, made, titles

PAGES = "{entries: 3}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, pages=PAGES)


def _path(href: str) -> tuple[str, ...]:
    return tuple(part for part in href.split("/") if part)


def _walk(pages: Pages, *path: str) -> list[ListPage]:
    """Follow "older" from a list's own page to the end."""
    found = [listed(pages, *path)]
    while (older := found[-1].older) is not None:
        assert len(found) < 100, "in circles"
        found.append(listed(pages, *_path(older)))
        assert found[-1].path == older
    return found


def test_the_newest_entries_stand_in_every_list_they_belong_to(project: Project) -> None:
    """The index, the category, each one above it and the source show the newest entries first, and only theirs."""
    project.add(made(1), made(2), made(3, source="b", categories=("News", "B")), made(4, source="c", categories=("Code",)))
    pages = project.pages()

    assert titles(listed(pages).cards) == ["Entry 4", "Entry 3", "Entry 2"]
    assert titles(listed(pages, "c", "news").cards) == ["Entry 3", "Entry 2", "Entry 1"]
    assert titles(listed(pages, "c", "news", "a").cards) == ["Entry 2", "Entry 1"]
    assert titles(listed(pages, "c", "code").cards) == ["Entry 4"]


def test_a_card_says_what_index_and_post_know(project: Project) -> None:
    """Title, date and category come from the index, the summary from the post; source and categories are links."""
    project.add(made(7))

    [card] = listed(project.pages()).cards
    assert (card.title, card.summary) == ("Entry 7", "Summary 7")
    assert card.date == datetime(2025, 12, 1, 7, tzinfo=UTC)
    assert (card.source.title, card.source.href) == ("Source A", "/s/a/")
    assert [(link.title, link.href) for link in card.categories] == [("News", "/c/news/"), ("A", "/c/news/a/")]


def test_older_leads_to_every_entry(project: Project) -> None:
    """From each list's own page "older" leads through its months to its very first entry, and none is left out."""
    start = datetime(2025, 9, 20, tzinfo=UTC)
    project.add(*(made(number, at=start + timedelta(days=3 * number)) for number in range(30)))

    for path in ((), ("c", "news"), ("c", "news", "a")):
        met = {card.title for page in _walk(project.pages(), *path) for card in page.cards}
        assert met == {f"Entry {number}" for number in range(30)}, path


def test_newer_leads_back(project: Project) -> None:
    """From a list's last page "newer" leads over the same pages of its months to the list's own page."""
    start = datetime(2025, 9, 20, tzinfo=UTC)
    project.add(*(made(number, at=start + timedelta(days=3 * number)) for number in range(30)))
    pages = project.pages()
    there = [page.path for page in _walk(pages, "c", "news")]

    back = [there[-1]]
    while (newer := listed(pages, *_path(back[-1])).newer) is not None:
        back.append(newer)
    assert back[-1] == "/c/news/"
    assert set(there) <= set(back)


def test_a_full_page_of_a_month_never_changes(project: Project) -> None:
    """However many entries come later in a month, its pages with numbers hold what they held."""
    project.add(*(made(number) for number in range(7)))
    before = {number: titles(listed(project.pages(), "2025-12", number).cards) for number in ("1", "2")}
    project.add(*(made(number) for number in range(7, 12)))

    assert before["1"] == ["Entry 2", "Entry 1", "Entry 0"]
    assert before == {number: titles(listed(project.pages(), "2025-12", number).cards) for number in ("1", "2")}


def test_months_count_by_the_site_s_clock(tmp_path: Path) -> None:
    """An entry of the last evening of a month in UTC stands in the next one where the site's clock says so."""
    site = SITE.rstrip().removesuffix("}") + ", timezone: Asia/Shanghai}\n"
    project = Project(tmp_path, site=site)
    project.add(made(1, at=datetime(2025, 9, 30, 15, 59, tzinfo=UTC)), made(2, at=datetime(2025, 9, 30, 16, 0, tzinfo=UTC)))
    pages = project.pages()

    assert listed(pages).months == (("2025-10", 1), ("2025-09", 1))
    assert titles(listed(pages, "2025-10").cards) == ["Entry 2"]
    assert titles(listed(pages, "2025-09").cards) == ["Entry 1"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_counts_are_those_of_the_months_pages(tmp_path: Path, zone: str) -> None:
    """Where clocks change, each month has as many entries on its pages as its link says."""
    site = SITE.rstrip().removesuffix("}") + f", timezone: {zone}}}\n"
    project = Project(tmp_path, site=site, pages="{entries: 500}")
    begins = [datetime(2025, number, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) for number in range(1, 13)]
    dates = [begin + timedelta(minutes=minutes) for begin in begins for minutes in (-90, -30, 0, 30)]
    project.add(*(made(number, at=at) for number, at in enumerate(dates)))
    pages = project.pages()

    months = listed(pages).months
    assert sum(number for _, number in months) == len(dates)
    for month, number in months:
        cards = listed(pages, month).cards
        assert len(cards) == number
        assert {f"{card.date.astimezone(ZoneInfo(zone)):%Y-%m}" for card in cards} == {month}


def test_a_date_of_another_age_changes_no_other_month(project: Project) -> None:
    """One entry dated in the year 3 has its month, and all others have theirs, however many months lie between."""
    project.add(*(made(number) for number in range(4)), made(9, at=datetime(3, 5, 6, tzinfo=UTC)))
    pages = project.pages()

    assert listed(pages).months == (("2025-12", 4), ("0003-05", 1))
    assert titles(listed(pages, "0003-05").cards) == ["Entry 9"]
    assert {card.title for page in _walk(pages) for card in page.cards} >= {"Entry 9", "Entry 0"}


@pytest.mark.parametrize(
    "path",
    [
        ("c",), ("c", "sport"), ("c", "news", "2024-01"), ("c", "news", "2025-13"), ("2025-12", "2"), ("2025-12", "0"),
        ("2025-12", "01"), ("2025-12", "x"), ("s",), ("s", "z"), ("s", "a", "2024-01"), ("e",), ("e", "aaaaaaaaaaaa"),
        ("e", "../etc"), ("feeds", "x"), ("", ""), ("c", ""), ("0000-01",), ("x" * 5000,), ("\x00",),
    ],
)  # fmt: skip
def test_what_is_no_page_is_none(project: Project, path: tuple[str, ...]) -> None:
    """A path that no page stands at, and none ever did, has none."""
    project.add(made(1))

    assert project.pages().page(path, {}) is None


def test_a_category_that_was_renamed_leads_on(project: Project) -> None:
    """The page of a former name, and its months, lead to where they are; the entries stand under the new name."""
    project.add(made(1, categories=("Old", "A")))
    Ledger.load(project.root / FILE_NAME).add(
        Renamed(what="category", old="Old", new="News", at=datetime(2026, 1, 1, tzinfo=UTC))
    )
    pages = project.pages()

    assert pages.page(("c", "old"), {}) == Moved(href="/c/news/")
    assert pages.page(("c", "old", "a", "2025-12"), {}) == Moved(href="/c/news/a/2025-12/")
    [card] = listed(pages, "c", "news", "a").cards
    assert [link.href for link in card.categories] == ["/c/news/", "/c/news/a/"]


def test_a_category_that_was_removed_is_gone(project: Project) -> None:
    """Its page and its months are no more, but for one that is there again or leads on; what never was is nothing."""
    project.add(made(1, categories=("News", "A")), made(2, categories=("Old",)))
    Ledger.load(project.root / FILE_NAME).add(
        *(Removed(file=f"feeds/{name}.atom", at=NOW) for name in ("left", "left/b", "news", "old")),
        Renamed(what="category", old="Old", new="Code", at=NOW),
    )
    pages = project.pages()

    for path in (("left",), ("left", "b"), ("left", "b", "2025-12"), ("left", "2025-12", "1")):
        assert pages.page(("c", *path), {}) == Gone(), path
    assert isinstance(pages.page(("c", "news"), {}), ListPage)
    assert pages.page(("c", "old"), {}) == Moved(href="/c/code/")
    for path in (("left", "c"), ("left", "c", "2025-12"), ("news", "2001-01")):
        assert pages.page(("c", *path), {}) is None, path
    assert pages.page(("left",), {}) is None


def test_a_source_that_was_renamed_leads_on(project: Project) -> None:
    """The page of a source's former name leads to the one it has now."""
    project.configure(SITE, "sources: {new: {feed: 'https://a.example/feed', categories: [News]}}\n")
    Ledger.load(project.root / FILE_NAME).add(Renamed(what="source", old="a", new="new", at=NOW))
    project.add(made(1))
    pages = project.pages()

    assert pages.page(("s", "a"), {}) == Moved(href="/s/new/")
    assert titles(listed(pages, "s", "new", "2025-12").cards) == ["Entry 1"]


def test_a_source_that_left_the_configuration_keeps_its_page(project: Project) -> None:
    """Its posts are still published, so they are still listed."""
    project.add(made(1, source="gone"))

    page = project.pages().page(("s", "gone"), {})
    assert isinstance(page, ListPage)
    assert titles(page.cards) == ["Entry 1"]


def test_a_category_called_like_a_month_keeps_its_address(project: Project) -> None:
    """The address is the category's, and no link to a month leads there."""
    project.add(made(1), made(2, categories=("News", "2025-12")))
    pages = project.pages()

    assert listed(pages, "c", "news", "2025-12").month is None
    assert listed(pages, "c", "news").months == ()


@pytest.mark.parametrize(
    ("category", "asked", "href"),
    [
        ("News", ("c", "2025-12"), "/2025-12/"),
        ("News", ("c", "2025-12", "1"), "/2025-12/1/"),
        ("2025-12", ("2025-12",), "/c/2025-12/"),
    ],
)
def test_a_list_is_at_one_address(project: Project, category: str, asked: tuple[str, ...], href: str) -> None:
    """What looks like another address of a list leads to its own: its links, which are relative, hold only there."""
    project.add(*(made(number, categories=(category,)) for number in range(5)))
    pages = project.pages()

    assert pages.page(asked, {}) == Moved(href=href)
    assert listed(pages, *_path(href)).path == href


def test_what_is_kept_no_longer_is_in_no_list(project: Project) -> None:
    """A post that is on its way out is shown nowhere, and counts in no month."""
    [row, _] = project.add(made(1), made(2))
    project.state.expiry.mark([row.key], folders=(), dirty=())
    pages = project.pages()

    assert titles(listed(pages).cards) == ["Entry 2"]
    assert listed(pages).months == (("2025-12", 1),)


def test_what_was_taken_out_breaks_no_chain(project: Project) -> None:
    """While the index still holds what the ledger takes out, "older" leads on over it."""
    rows = project.add(*(made(number) for number in range(12)))
    lines = (Takedown(source="a", id=f"a-{number}", key=rows[number].key, at=NOW) for number in (4, 9, 10, 11))
    Ledger.load(project.root / FILE_NAME).add(*lines)

    met = {card.title for page in _walk(project.pages()) for card in page.cards}
    assert met == {f"Entry {number}" for number in (0, 1, 2, 3, 5, 6, 7, 8)}


def test_a_page_without_entries_says_when_the_next_poll_is(project: Project) -> None:
    """A list that has nothing to show yet knows when it is worth while to look again."""
    assert listed(project.pages(), "c", "code").next_poll is not None
    assert listed(project.pages(static=True), "c", "code").next_poll is None


def test_many_categories_are_read_in_portions(tmp_path: Path) -> None:
    """A list of more categories than fit into one statement is in the same order, page by page."""
    project = Project(tmp_path, pages="{entries: 100}")
    project.add(*(made(number, categories=("News", f"c{number:04}")) for number in range(520)))
    pages = project.pages()

    assert titles(listed(pages).cards) == [f"Entry {number}" for number in range(519, 419, -1)]
    met = [card.title for page in _walk(pages) for card in page.cards]
    assert set(met) == {f"Entry {number}" for number in range(520)}
