"""Every page of the demo, from its real server, in Debian's Chromium: light and dark, wide and narrow, in three languages."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from itertools import product
from random import Random
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Route

from tests import browsing
from tests.browsing import Look, faults, running_demo
from tests.conftest import Sweep
from tests.upstream import wait_until

LOOKS = [
    Look(width=width, scheme=scheme, language=language)
    for width, scheme, language in product((1280, 360), ("light", "dark"), ("en", "zh-CN", "zh-TW"))
]
#: One of each kind; "..." is the first entry of a list.
_KINDS = (
    "",
    "c/news/",
    "c/new-media/zaker/channel/",
    "MONTH/",
    "c/news/MONTH/",
    "s/attic/",
    "s/reading-oasis/",
    "s/zaker-channel-13/...",
    "s/reading-oasis/...",
    "s/quiet-minutes/...",
    "s/breaking-workshop/...",
    "feeds/",
    "search",
    "search?q=the",
    "search?q=nothinglikethis",
    "status",
    "no/such/page",
)


def _read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as reply:  # noqa: S310 - our own server
        content: bytes = reply.read()
        return content.decode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a demo that runs, once it can be searched."""
    with running_demo(tmp_path_factory.mktemp("demo")) as url:
        wait_until(lambda: "u-url" in _read(url + "search?q=the"), seconds=60)
        yield url


@pytest.fixture(scope="module")
def paths(home: str) -> list[str]:
    """Return one path of each kind of page."""
    month = re.search(r'href="(\d{4}-\d\d)/"', _read(home))
    assert month is not None
    found = []
    for kind in _KINDS:
        path = kind.replace("MONTH", month[1])
        if path.endswith("..."):
            entry = re.search(r'href="[./]*(e/[a-z2-7]+/)"', _read(home + path.removesuffix("...")))
            assert entry is not None, path
            path = entry[1]
        found.append(path)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.chromium() as running:
        yield running


@pytest.mark.timeout(300)
@pytest.mark.sampled(1)
@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_kind_of_page_is_fit_to_be_looked_at(
    browser: Browser, home: str, paths: list[str], look: Look, sweep: Sweep
) -> None:
    """Axe finds nothing, the console is empty, nobody else is asked, there is one heading, nothing is clipped or empty."""
    with browsing.window(browser, look) as window:
        found = {path: wrong for path in sweep.sample(paths, 8) if (wrong := faults(window, home, path, look))}

    assert found == {}


@pytest.mark.timeout(1800)
def test_every_page_of_the_site_is_fit_to_be_looked_at(browser: Browser, home: str, sweep: Sweep) -> None:
    """The same of every address that can be reached from the index by links, each looked at by somebody else."""
    known = {""}
    todo = [""]
    while todo:
        here = home + todo.pop()
        links = (urljoin(here, link) for link in re.findall(r'href="([^"#?]+)"', _read(here)))
        new = {link.removeprefix(home) for link in links if link.startswith(home)} - known
        pages = {path for path in new if path.endswith("/") or path in {"status", "search"}}
        known |= pages
        todo += sorted(pages)
    assert len(known) > 80
    random = Random(sweep.seed)
    found = {}
    for path in sweep.sample(sorted(known), 3):
        look = random.choice(LOOKS)
        with browsing.window(browser, look) as window:
            if wrong := faults(window, home, path, look):
                found[path, str(look)] = wrong

    assert found == {}


def test_whatever_is_wrong_would_be_seen(browser: Browser, home: str) -> None:
    """The judges are awake: of a page that is spoilt on its way, each thing that is wrong is told."""
    look = Look(width=360, scheme="light", language="en")
    with browsing.window(browser, look) as window:
        page = window.page

        def spoil(route: Route) -> None:
            reply = route.fetch()
            wrong = (
                '<h1>Again</h1><p></p><a href="/x"></a><img src="https://elsewhere.example/x.png"><script>alert(1)</script>'
                f'<div id="long">{"x" * 70_000}</div><canvas width="900" height="9"></canvas></main>'
            )
            route.fulfill(response=reply, body=reply.text().replace("</main>", wrong))

        page.route(home, spoil)
        told = "\n".join(faults(window, home, "", look))

    for word in (
        "2 h1",
        "empty: <p>",
        "clipped: ",
        "axe: link-name",
        "asks https://elsewhere.example",
        "bytes",
        "Content Security",
    ):
        assert word in told
