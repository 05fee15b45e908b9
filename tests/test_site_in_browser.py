"""A project's pages as the server sends them, in a real browser: the policy lets through what they need, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from aggregator.pipeline.site import ProjectSite
from aggregator.serve.server import serve
from aggregator.settings import load_settings
from tests.chromium import Chromium
from tests.upstream import Folder


@pytest.fixture(scope="module")
def url(synced_once: Folder) -> Iterator[str]:
    """Return the address of a server of a project after its first sync."""
    settings = load_settings(synced_once.root, synced_once.root / "config", {})
    with (
        ProjectSite(settings, clock=lambda: datetime.now(UTC)) as site,
        serve(synced_once.root / settings.public.dir, site=site) as server,
    ):
        yield server.url


@pytest.mark.parametrize("path", ["", "c/news/", "s/a/", "ENTRY", "feeds/", "search?q=entry", "status", "feeds/all.atom"])
@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_a_page_asks_only_us_and_complains_of_nothing(browser: Chromium, url: str, path: str, lang: str) -> None:
    """Each page loads its style and script from here, within the policy that it came with, and nothing from elsewhere."""
    if path == "ENTRY":
        browser.open(url)
        found = re.search(r'href="(e/[a-z2-7]+/)', str(browser.run("document.documentElement.outerHTML")))
        assert found is not None
        path = found[1]
    browser.open(f"{url}{path}{'&' if '?' in path else '?'}lang={lang}")
    browser.settle()

    assert browser.complaints() == []
    asked = browser.asked_for()
    assert len(asked) <= 3
    assert [address for address in asked if not address.startswith((url, "data:"))] == []
    if not path.endswith(".atom"):
        assert browser.run("document.querySelectorAll('h1').length") == 1
        assert browser.run("document.documentElement.lang") == lang
        assert browser.run("document.styleSheets[0].cssRules.length") > 10


def test_what_is_lost_leads_home(browser: Chromium, url: str) -> None:
    """The page for who went astray is one like the others, whose links work from wherever it stands."""
    browser.open(f"{url}c/none/deeper/")
    browser.settle()

    assert [each for each in browser.complaints() if "404" not in each] == []
    assert browser.run("document.styleSheets[0].cssRules.length") > 10
    browser.open(str(browser.run("document.querySelector('header a').href")))
    assert browser.run("document.querySelectorAll('article, .card, main li').length") > 0
