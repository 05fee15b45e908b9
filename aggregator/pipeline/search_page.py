"""What somebody asks for at /search -> the page that shows what was found. Reads only, holds no lock.

    /search?q=WORDS[&c=new-media/zaker][&s=SOURCE][&page=2]

The index may be a moment behind: what the state does not know any more, and what somebody took out, is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from aggregator.errors import StoreError
from aggregator.model.page import ListPage
from aggregator.pipeline.pages import Pages
from aggregator.store.search import RANKED, Hits, find
from aggregator.store.search_words import LONGEST_QUERY, Question, parse_query
from aggregator.store.tables import category_text

_PATH = "/search"
_ON_A_PAGE = 50
_NUMBER = re.compile("[0-9]{1,4}")
#: Control characters, what is none, and what turns the text around it.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def search_page(pages: Pages, index: Path, query: Mapping[str, str]) -> ListPage | None:
    """Return what was found; None: there is no such page, category or source.

    `found` is None where nothing can be searched just now, whatever the reason: the page says so, and all others are well.
    """
    text = _clean(query.get("q", ""))
    number = _number(query.get("page", "1"))
    narrow = {name: value for name in ("c", "s") if (value := query.get(name))}
    categories, source_id = None, None
    if "c" in narrow:
        leaves = pages.leaves(tuple(narrow["c"].strip("/").split("/")))
        categories = None if leaves is None else [category_text(leaf) for leaf in leaves]
    if "s" in narrow:
        source_id = pages.source_id(narrow["s"])
    if number is None or ("c" in narrow and categories is None) or ("s" in narrow and source_id is None):
        return None
    question = parse_query(text)
    page = ListPage(path=_PATH, title=text, cards=(), feed=None, query=text, narrowed=tuple(narrow.items()), found=0)
    if question is None:
        return page if number == 1 else None
    hits = _found(index, question, categories, source_id, number)
    if hits is None:
        return replace(page, found=None)
    if not hits.hits and number > 1:
        return None
    snippets = {hit.key: hit.snippet for hit in hits.hits}
    cards = tuple(replace(card, summary=snippets[card.key]) for card in pages.cards(list(snippets)))

    def href(to: int) -> str:
        said = {"q": text, **narrow} | ({"page": str(to)} if to > 1 else {})
        return f"{_PATH}?{urlencode(said)}"

    return replace(
        page,
        cards=cards,
        found=hits.found - len(snippets) + len(cards),
        newer=href(number - 1) if number > 1 else None,
        older=href(number + 1) if number * _ON_A_PAGE < hits.found else None,
    )


def _found(index: Path, question: Question, categories: list[str] | None, source_id: str | None, number: int) -> Hits | None:
    skipped = (number - 1) * _ON_A_PAGE
    try:
        return find(index, question, categories=categories, source_id=source_id, limit=_ON_A_PAGE, offset=skipped)
    except StoreError:
        return None


def _clean(text: str) -> str:
    """Return what was typed as one line that can be shown and sent."""
    legal = text[:LONGEST_QUERY].encode("utf-8", "replace").decode()
    return " ".join(_UNSHOWN.sub(" ", legal).split())


def _number(text: str) -> int | None:
    """Return the number of a page that there can be."""
    number = int(text) if _NUMBER.fullmatch(text) else 0
    return number if 1 <= number <= -(-RANKED // _ON_A_PAGE) else None
