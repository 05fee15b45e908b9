"""The pages in a real browser: nothing runs that upstreams wrote, nothing is clipped, nothing is asked for elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest

from aggregator.model.entry import Enclosure
from aggregator.model.page import FeedsPage, Page
from aggregator.normalise.sanitise import sanitise
from aggregator.pages import render
from tests import page_samples as samples
from tests.browser_vectors import VECTORS
from tests.chromium import Chromium
from tests.page_judges import CLIPPED
from tests.page_site import PageSite

PAGES = samples.pages(8)


@pytest.fixture(scope="module")
def site() -> Iterator[PageSite]:
    with PageSite() as site:
        yield site


def _hostile_pages() -> dict[str, Page]:
    """Return pages whose every list says another vector in every field of each of its records."""
    cards = tuple(samples.with_text(samples.card(number), text) for number, text in enumerate(VECTORS))
    lines = tuple(samples.with_text(samples.failing_line(), text) for text in VECTORS)
    feeds = tuple(samples.with_text(samples.feed_links(), text) for text in VECTORS)
    source = samples.source()
    polls = tuple(replace(source.polls[0], message=text) for text in VECTORS)
    files = tuple(Enclosure(href="https://media.example.org/1", type=text, title=text) for text in VECTORS)
    return {
        "index": samples.index(cards=cards, title=VECTORS[0], feed=feeds[1]),
        "status": samples.status(lines=lines, refused=VECTORS),
        "feeds": FeedsPage(feeds=feeds, status="/feeds/status.atom"),
        "source": replace(
            source, polls=polls, facts=tuple((text, text) for text in VECTORS), line=replace(lines[3], warnings=VECTORS)
        ),
        "entry": samples.entry(
            tags=VECTORS, authors=VECTORS, enclosures=files, content=sanitise("\n".join(VECTORS), "https://paper.example/")
        ),
        "search": samples.search(cards=cards, query=VECTORS[1]),
    }


HOSTILE = _hostile_pages()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_nothing_runs_that_upstreams_wrote(browser: Chromium, site: PageSite, name: str) -> None:
    """In a browser without any policy, no vector runs, whichever field of a page it stands in."""
    browser.look(width=1280)
    site.show(browser, render(HOSTILE[name], samples.frame(title=VECTORS[2])))
    browser.settle()

    assert "/ran" not in site.asked
    assert browser.complaints() == []


def test_the_same_vectors_run_where_nothing_is_escaped(browser: Chromium, site: PageSite) -> None:
    """The watch is awake: of the same page without escapes, something runs."""
    browser.look(width=1280)
    site.show(browser, unescape(render(HOSTILE["feeds"], samples.frame()).decode()).replace("alert(1);", "").encode())
    browser.settle()

    assert "/ran" in site.asked


@pytest.mark.sampled(12)
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"entry-pictures"}))
def test_nothing_is_clipped_and_nothing_comes_from_elsewhere(browser: Chromium, site: PageSite, name: str, width: int) -> None:
    """Each page fits its window, light and dark, asks only for its own style and script, and says nothing in the console."""
    browser.look(width=width, dark=width == 360)
    site.show(
        browser,
        render(PAGES[name], samples.frame("en" if width == 360 else "zh-CN")),
    )

    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(CLIPPED) == ""
    assert browser.run("document.querySelectorAll('h1').length") == 1
    assert browser.complaints() == []
    asked = [address for address in browser.asked_for() if not address.startswith("data:")]
    assert len(asked) <= 3
    assert all(address.startswith(site.url) for address in asked)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    "text", ["W" * 3000, "漢" * 400, "\u202e" + "x" * 200, "אבג " * 100], ids=["latin", "chinese", "turned", "hebrew"]
)
@pytest.mark.parametrize("name", ["index", "category", "entry", "source", "status", "feeds", "search", "lost"])
def test_long_texts_stay_inside_of_a_phone(browser: Chromium, site: PageSite, name: str, text: str) -> None:
    """Texts of any length and direction, in every field, make no page wider than a phone."""
    browser.look(width=360)
    site.show(browser, render(samples.with_text(PAGES[name], text), samples.with_text(samples.frame(), text)))

    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert browser.run(CLIPPED) == ""


@pytest.mark.parametrize("language", ["en", "zh-CN", "zh-TW"])
def test_on_a_phone_a_fact_stands_apart_from_its_name(browser: Chromium, site: PageSite, language: str) -> None:
    """The names that stand before the facts of a source end, also the longest, before these begin."""
    browser.look(width=360)
    site.show(browser, render(PAGES["status"], samples.frame(language)))

    assert browser.run(_TOUCHING) == ""


#: Names before facts that leave less than 8 pixels to them.
_TOUCHING = """
[...document.querySelectorAll('td[data-label]')].filter(cell => {
  const style = getComputedStyle(cell, '::before'), pen = document.createElement('canvas').getContext('2d');
  pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const [from, to] = [cell, cell.firstElementChild].map(each => each.getBoundingClientRect().left);
  return to - from < pen.measureText(cell.dataset.label).width + 8;
}).map(cell => cell.dataset.label).join(', ')
"""


def test_an_address_is_copied(browser: Chromium, site: PageSite) -> None:
    """The copy button is shown by its script and says that it has copied; without a script there is none."""
    browser.look(width=1280)
    content = render(PAGES["feeds"], samples.frame("en"))
    site.show(browser, content)

    assert browser.run("document.querySelector('button[data-copy]').hidden") is False
    site.show(browser, content.replace(b"<script", b"<template").replace(b"</script", b"</template"))
    assert browser.run("document.querySelector('button[data-copy]').hidden") is True


def test_pages_keep_to_their_policy() -> None:
    """No page has a style or a script of its own, so that a policy can forbid both."""
    for page in PAGES.values():
        text = render(page, samples.frame()).decode()
        assert "<style" not in text
        assert " style=" not in text
        assert text.count("<script") == text.count("<script src=")
