"""The pages before judges from elsewhere: axe, and the big list of naughty strings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aggregator.model.page import FeedsPage, Page
from aggregator.normalise.sanitise import sanitise
from aggregator.pages import render
from tests import page_samples as samples
from tests.chromium import Chromium
from tests.conftest import Sweep
from tests.html_pages import read_page
from tests.page_judges import AXE_VIOLATIONS, axe, naughty_strings
from tests.page_site import PageSite

PAGES = samples.pages(8)


@pytest.fixture(scope="module")
def site() -> Iterator[PageSite]:
    with PageSite() as site:
        yield site


def _violations(browser: Chromium) -> list[str]:
    browser.run(axe())
    found = browser.ask("Runtime.evaluate", expression=AXE_VIOLATIONS, awaitPromise=True, returnByValue=True)
    violations: list[str] = json.loads(found["result"]["value"])
    return violations


@pytest.mark.sampled(6)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    "look", [(1280, False), (1280, True), (360, False), (360, True)], ids=lambda look: f"{look[0]}-{look[1]}"
)
@pytest.mark.parametrize("name", sorted(PAGES))
def test_nothing_keeps_people_out(browser: Chromium, site: PageSite, name: str, look: tuple[int, bool], language: str) -> None:
    """Nothing is found by axe on any page, light or dark, wide or narrow: names, contrasts, headings, landmarks."""
    width, dark = look
    browser.look(width=width, dark=dark)
    site.show(browser, render(PAGES[name], samples.frame(language)))

    assert _violations(browser) == []


def test_the_judge_is_awake(browser: Chromium, site: PageSite) -> None:
    """A page without a title, with a picture that is not described and a link that says nothing, is found."""
    browser.look(width=1280)
    content = render(PAGES["entry"], samples.frame("en")).replace(
        b"</article>", b'<img src="data:,"><a href="/x"></a></article>'
    )
    site.show(browser, content)

    assert {violation.partition(":")[0] for violation in _violations(browser)} == {"image-alt", "link-name"}


def _naughty_pages(strings: list[str]) -> dict[str, Page]:
    """Return pages in which each string stands in every field of a record of its own."""
    cards = tuple(replace(samples.with_text(samples.card(), text), language=None) for text in strings)
    lines = tuple(
        replace(samples.with_text(samples.failing_line(), text), health="failing", home=None, days=samples.days("gb"))
        for text in strings
    )
    feeds = tuple(samples.with_text(samples.feed_links(), text) for text in strings)
    return {
        "index": samples.index(cards=cards),
        "status": samples.status(lines=lines),
        "feeds": FeedsPage(feeds=feeds, status=None),
        "entry": samples.entry(tags=tuple(strings), authors=tuple(strings), enclosures=()),
    }


@pytest.mark.parametrize("name", ["index", "status", "feeds", "entry"])
def test_naughty_strings_are_text(name: str, sweep: Sweep) -> None:
    """The big list of naughty strings, in every field, changes nothing in what a page is made of."""
    strings = sweep.sample(naughty_strings(), 100)
    plain = read_page(render(_naughty_pages(["x"] * len(strings))[name], samples.frame()))
    seen = read_page(render(_naughty_pages(strings)[name], samples.frame()))

    assert seen.faults == []
    assert seen.shape == plain.shape


def test_naughty_strings_as_content_leave_the_page_whole(sweep: Sweep) -> None:
    """As content, sanitised, none of them breaks out of its place."""
    for text in sweep.sample(naughty_strings(), 60):
        content = sanitise("".join(char for char in text if char.isprintable() or char in "\n\t"), "https://paper.example/")
        seen = read_page(render(samples.entry(content=content), samples.frame()))
        assert [fault for fault in seen.faults if " in <" not in fault] == [], text


@pytest.mark.parametrize("name", ["index", "status", "feeds", "entry"])
def test_naughty_strings_run_nothing(browser: Chromium, site: PageSite, sweep: Sweep, name: str) -> None:
    """In a browser without any policy none of them runs."""
    browser.look(width=1280)
    site.show(browser, render(_naughty_pages(sweep.sample(naughty_strings(), 100))[name], samples.frame()))
    browser.settle()

    assert browser.complaints() == []
    assert len([address for address in browser.asked_for() if not address.startswith("data:")]) <= 3
