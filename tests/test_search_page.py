"""The page of a search: what it shows of what was found, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from aggregator.model.entry import SafeHtml
from aggregator.model.page import ListPage
from aggregator.pipeline.search_page import search_page
from aggregator.pipeline.searching import Searching
from aggregator.store.ledger import FILE_NAME, Ledger, Takedown
from aggregator.store.search import SEARCH_PATH, open_index
from tests.shown import NOW, Project, made, titles


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def index(project: Project) -> Path:
    """Bring the index up to date and return where it is."""
    kept = Searching(project.root / SEARCH_PATH, again=timedelta(hours=1))
    assert kept.slice(project.settings, None), kept.problem
    return kept.path


def asked(project: Project, **query: str) -> ListPage | None:
    """Return the page that is answered."""
    return search_page(project.pages(), project.root / SEARCH_PATH, query)


def found(project: Project, **query: str) -> ListPage:
    """Return the page that is answered; there must be one."""
    page = asked(project, **query)
    assert page is not None
    return page


def test_cards_show_where_the_words_stand(project: Project) -> None:
    """A card is that of any list, but for its summary: the piece of the text that the words are in."""
    text = "<p>" + "Before it. " * 50 + "Here stands banana. " + "Behind it. " * 50 + "</p>"
    project.add(replace(made(1), content=SafeHtml(text)), made(2))
    index(project)
    page = found(project, q="banana")

    assert titles(page.cards) == ["Entry 1"]
    assert "stands banana" in page.cards[0].summary
    assert len(page.cards[0].summary) <= 240
    assert (page.path, page.query, page.found, page.older, page.newer) == ("/search", "banana", 1, None, None)


def test_nothing_asked_is_an_empty_page(project: Project) -> None:
    """Without words, or with signs alone, there is a page on which nothing was found."""
    for query in ({}, {"q": ""}, {"q": " \t"}, {"q": "***"}):
        page = found(project, **query)
        assert (page.cards, page.found, page.query) == ((), 0, query.get("q", "").strip())


def test_where_nothing_is_indexed_it_says_so(project: Project) -> None:
    """Without an index, or with one that is broken, the page says that nothing can be searched; it is no error."""
    project.add(made(1))
    assert found(project, q="entry").found is None
    (project.root / SEARCH_PATH).write_bytes(b"broken")
    assert found(project, q="entry").found is None


def test_pages_go_on(project: Project) -> None:
    """More than fifty go on from page to page until all were shown once, narrowed as the first; beyond there is no page."""
    project.add(*(made(number) for number in range(120)), made(1, source="b", categories=("News", "B")))
    index(project)
    page = found(project, q="entry", c="news/a")
    seen = [titles(page.cards)]
    while page.older is not None:
        here = page
        page = found(project, **dict(parse_qsl(urlsplit(page.older).query)))
        assert page.newer is not None
        back = found(project, **dict(parse_qsl(urlsplit(page.newer).query)))
        assert titles(back.cards) == titles(here.cards)
        seen.append(titles(page.cards))
    assert [len(each) for each in seen] == [50, 50, 20]
    assert len({title for each in seen for title in each}) == 120
    assert page.found == 120
    assert asked(project, q="entry", page="4") is None


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "1.5", "9999", "99999999999999999999", "１", "41"])
def test_pages_that_cannot_be_are_none(project: Project, number: str) -> None:
    """A page of another number than there can be is not there."""
    assert asked(project, q="entry", page=number) is None


def test_categories_and_sources_narrow(project: Project) -> None:
    """A category narrows to itself and what is below it, a source to its own; those that are not there are no page."""
    project.add(made(1), made(2, source="b", categories=("News", "B")), made(3, source="c", categories=("Code",)))
    index(project)

    assert sorted(titles(found(project, q="entry", c="news").cards)) == ["Entry 1", "Entry 2"]
    assert titles(found(project, q="entry", c="/news/b/").cards) == ["Entry 2"]
    assert titles(found(project, q="entry", s="c").cards) == ["Entry 3"]
    assert found(project, q="entry", c="code", s="a").found == 0
    assert asked(project, q="entry", c="nowhere") is None
    assert asked(project, q="entry", s="nobody") is None


def test_what_was_taken_out_is_never_shown(project: Project) -> None:
    """What was taken down, and what the state does not know any more, is not shown, whatever the index holds."""
    rows = project.add(made(1), made(2), made(3))
    index(project)
    line = Takedown(source="a", id=rows[0].entry_id, key=rows[0].key, at=NOW)
    Ledger.load(project.root / FILE_NAME).add(line)
    project.state.forget_posts([rows[1].key], ())
    page = found(project, q="entry")

    assert titles(page.cards) == ["Entry 3"]
    assert page.found == 1
    with open_index(index(project)) as kept:
        assert kept.versions("", None).keys() == {rows[2].key}


def test_what_is_typed_can_be_shown(project: Project) -> None:
    """Control characters, half characters and the 201st character do not come back."""
    project.add(made(1))
    index(project)
    page = found(project, q="en\x00try \ud83d \x1b[31m" + "x" * 500)

    assert page.query is not None
    assert page.query.isprintable()
    assert len(page.query.encode()) <= 200
