"""Hostile texts from feeds to pages and feeds, the whole way: fetched, kept, published, served, and opened in Chromium."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urljoin

import pytest
from playwright.sync_api import Browser, Error, Route

from tests import browsing
from tests.browser_vectors import VECTORS
from tests.browsing import Look, Window
from tests.conftest import Sweep
from tests.hostile_feeds import put_hostile
from tests.page_judges import naughty_strings
from tests.upstream import Folder, Upstream

_SOME = 20  #: of the big list of naughty strings, where not all are asked for
_LOOK = Look(width=1280, scheme="light", language="en")
_SETTINGS = """
site: {{id: 'urn:uuid:0f9d1c3a-5b52-4c4e-9a53-3f7f3d1c2b10', title: {text}, url: 'http://127.0.0.1:{port}/', author: {text}}}
fetch: {{allow_private: [127.0.0.0/8], gap: 0s, per_host: 20}}
posts: {{durable: false}}
public: {{entries: 50}}
"""
#: What would run when it is pressed, pointed at or shown, and what runs at once.
_LIVE = """
[...document.querySelectorAll('*')].flatMap(element => [
  ...[...element.attributes].filter(each => /^on/i.test(each.name)
    || (/^(href|src|action|formaction|srcdoc|data|poster)$/i.test(each.name) && element.namespaceURI !== 'http://www.w3.org/2005/Atom'
      && /^[\\s\\0-\\x1f]*(javascript|vbscript|data:(?!image))/i.test(each.value))),
  ...(/^(script|iframe|object|embed|base|meta|style)$/i.test(element.localName) && !element.closest('head')
    && element.getAttribute('name') !== 'viewport' ? [element] : []),
]).map(each => (each.ownerElement || each).outerHTML.slice(0, 200))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A served project whose upstreams were hostile."""

    home: str
    texts: list[str]
    public: Path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Poll feeds that say each text in every field, and serve what came of it."""
    strings, whole = naughty_strings(), bool(request.config.getoption("--whole"))
    texts = [*VECTORS, *(strings if whole else Random(request.config.option.sweep_seed).sample(strings, _SOME))]
    folder = Folder(tmp_path_factory.mktemp("hostile") / "project")
    port, owner = _free_port(), json.dumps(VECTORS[0])
    (folder.root / "config/settings.yaml").write_text(_SETTINGS.format(port=port, text=owner), "utf-8")
    (folder.root / "config/categories.yaml").write_text(f"categories:\n  news: {{title: {owner}}}\n", "utf-8")
    with Upstream() as upstream:
        names = put_hostile(upstream, texts)
        folder.sources_at({name: f"{upstream.address}/{name}" for name in names})
        done = folder.run("sync", seconds=300)
        assert done.returncode == 0, done.stderr
    command = folder.command("serve", "--listen", f"127.0.0.1:{port}", "--log-format", "text")
    with subprocess.Popen(command, env=folder.environment(), stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            assert any("served at" in line for line in server.stderr)
            yield Site(f"http://127.0.0.1:{port}/", texts, folder.root / "public")
        finally:
            server.terminate()
            server.stderr.close()
            server.wait(timeout=20)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """Start a browser, after what needs a loop of its own."""
    del site
    with browsing.chromium() as running:
        yield running


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    """Open a window in which no policy of the server holds: pages alone must be harmless."""
    with browsing.window(browser, _LOOK, policy=False) as opened:
        yield opened


def _runs(window: Window, address: str) -> list[str]:
    """Open an address and return whatever ran, was asked for, or waits to be run."""
    window.go(address)
    window.page.wait_for_timeout(30)  # what an error of a picture would start
    static = re.compile(r"/static/[0-9a-f]+\.(css|js)|/feeds/[a-z]+\.css|/[a-z-]+\.css")
    asked = [each.url for each in window.asked[1:] if not each.url.startswith("data:")]
    strange = [f"asks {url}" for url in asked if not static.search(url)]
    said = [each for each in window.said if "404 (Not Found)" not in each]
    return strange + said + list(window.page.evaluate(_LIVE))


def _pages(window: Window, site: Site) -> list[str]:
    """Return every page that can be reached from the index."""
    known, todo = {""}, [""]
    while todo:
        here = site.home + todo.pop()
        reply = window.page.request.get(here)
        links = (urljoin(here, unescape(link)) for link in re.findall(r'href="([^"#?]+)"', reply.text()))
        new = {link.removeprefix(site.home) for link in links if link.startswith(site.home)} - known
        pages = {path for path in new if path.endswith("/") or path in {"status", "search"}}
        known |= pages
        todo += sorted(path for path in pages if not path.startswith("e/"))
    return sorted(known)


def _check(window: Window, addresses: list[str]) -> None:
    found = {address: ran for address in addresses if (ran := _runs(window, address))}
    assert found == {}


@pytest.mark.timeout(3600)
def test_no_page_runs_anything(window: Window, site: Site, sweep: Sweep) -> None:
    """Lists, months, sources, entries, feeds and the status of a site whose every upstream is hostile: 0 executions."""
    pages = _pages(window, site)
    entries = [path for path in pages if path.startswith("e/")]
    others = [path for path in pages if not path.startswith("e/")]
    assert len(entries) > len(VECTORS)
    assert {"", "c/news/", "feeds/", "status", "s/moved/"} <= set(others)

    chosen = [*sweep.sample(others, 6), *sweep.sample(entries, 8)]
    _check(window, [site.home + path for path in ["", "status", *chosen]])


@pytest.mark.timeout(3600)
@pytest.mark.publishes("R81")
def test_no_feed_runs_anything(window: Window, site: Site, sweep: Sweep) -> None:
    """Each feed of that site, in each format, opened in the browser: 0 executions."""
    feeds = sorted(path.relative_to(site.public).as_posix() for path in site.public.rglob("*.*"))
    feeds = [path for path in feeds if path.endswith((".atom", ".rss", ".json", ".xml"))]
    assert len(feeds) > 20

    _check(window, [site.home + quote(path) for path in ["feeds/all.atom", *sweep.sample(feeds, 6)]])


_REFLECTED: dict[str, Callable[[str], str]] = {
    "search": lambda text: f"search?q={text}",
    "lost": lambda text: f"c/{text}/",
    "language": lambda text: f"?lang={text}",
    "pictures": lambda text: f"feeds/?pictures={text}&{text}={text}",
}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", sorted(_REFLECTED))
def test_nothing_runs_that_an_address_says(window: Window, site: Site, kind: str, sweep: Sweep) -> None:
    """A text in an address, as what is searched, as a path or as a choice, is text in the page that answers: 0 executions."""
    texts = [text for text in sweep.sample(site.texts, 5) if text not in {".", "..", "/"}]
    _check(window, [site.home + _REFLECTED[kind](quote(text, safe="")) for text in texts])


def test_the_same_pages_run_where_nothing_is_escaped(window: Window, site: Site) -> None:
    """The control: the index and the feed, unescaped on their way, run something, and each watch sees it."""

    def unescaped(route: Route, *_: Any) -> None:
        reply = route.fetch()
        route.fulfill(body=unescape(reply.text()), content_type="text/html")

    for path in ("", "feeds/all.atom"):
        window.page.route(site.home + path, unescaped)
        window.go(site.home + path)
        window.page.wait_for_timeout(300)

        assert [each for each in window.said if each.startswith("dialog")]
        assert [each for each in window.asked if each.url.endswith("/ran")]
        assert window.page.evaluate(_LIVE)


def _runs_raw(browser: Browser, site: Site, text: str) -> bool:
    with browsing.window(browser, _LOOK, policy=False) as window:
        window.page.route(site.home + "raw", lambda route: route.fulfill(body=text, content_type="text/html"))
        try:
            return bool(_runs(window, site.home + "raw"))
        except Error:
            return True  # it led the page elsewhere


def test_texts_that_are_put_into_a_page_as_they_are_run(browser: Browser, site: Site, sweep: Sweep) -> None:
    """The control of the list itself: most of our vectors run or ask for something where they stand alone and raw."""
    texts = sweep.sample(list(VECTORS), 6)
    ran = [text for text in texts if _runs_raw(browser, site, text)]

    assert len(ran) > (len(texts) / 2 if sweep.whole else 0)
