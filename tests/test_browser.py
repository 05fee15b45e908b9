"""A feed opened in a real browser: a page with entries and a link to the site; whatever upstreams wrote, nothing runs."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest

from aggregator.model.entry import Entry, Feed, Person, Tag
from aggregator.model.output import OutputEntry, OutputFeed, Twin
from aggregator.normalise.sanitise import sanitise
from aggregator.publish.addresses import STYLE_PATH, public_url, style_link
from aggregator.publish.atom import build_feed
from aggregator.publish.style import STYLE
from aggregator.publish.twins import build_twin
from aggregator.serve.server import Server, serve
from tests.browser_vectors import VECTORS
from tests.chromium import Chromium
from tests.publish_records import NOON, bare_item, make_frame, make_item

_PATH = "feeds/news.atom"
_LONG = "https://paper.example/" + "a" * 300


@pytest.fixture
def public(tmp_path: Path) -> Path:
    (tmp_path / "public" / "feeds").mkdir(parents=True)
    (tmp_path / "public" / STYLE_PATH).write_bytes(STYLE)
    return tmp_path / "public"


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    with serve(public) as running:
        yield running


def _frame(site: str, **changes: Any) -> OutputFeed:
    fields = {"path": _PATH, "self_link": public_url(site, _PATH), "page_link": site, "style": style_link(site)}
    return make_frame(**fields | changes)


def _publish(public: Path, site: str, items: list[OutputEntry], **changes: Any) -> str:
    """Put a feed where the server finds it and return its address."""
    frame = _frame(site, **changes)
    (public / _PATH).write_bytes(build_feed(frame, items, source_order={}).content)
    return frame.self_link


def _hostile() -> list[OutputEntry]:
    """Return entries that say each of these texts wherever an upstream can say something; content is as it would be stored."""
    items: list[OutputEntry] = []
    for number, text in enumerate(VECTORS, 1):
        line = " ".join(text.split())
        changes: dict[str, Any] = {
            "title": line,
            "content": sanitise(text, "https://paper.example/"),
            "summary": text,
            "authors": (Person(name=line),),
            "tags": (Tag(term=line, scheme=None, label=line),),
            "rights": text,
            "feed": Feed(title=line, id=None, link=None, rights=text),
        }
        items.append(make_item(number, **changes))
    return items


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 24, 29)")])
@pytest.mark.parametrize("width", [1280, 360])
def test_a_feed_is_a_page(  # noqa: PLR0917 - pytest gives them by name
    browser: Chromium, server: Server, public: Path, width: int, scheme: str, ground: str
) -> None:
    """The feed itself is shown, styled, no wider than the window, in the colours asked for, without a word in the console."""
    items = [make_item(1), bare_item(2, link=_LONG, title="长" * 200), bare_item(3, title="w" * 300)]
    address = _publish(public, server.url, items)
    browser.look(width=width, dark=scheme == "dark")
    browser.open(address)

    assert browser.run("document.documentElement.nodeName") == "feed"
    assert browser.run("document.contentType") == "application/xml"
    assert browser.run("document.title") == "新媒体"
    assert browser.style("feed > title", "font-size") == "28px"
    assert browser.style("feed", "background-color") == ground
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("innerWidth") == width
    assert browser.asked_for() == [address, public_url(server.url, STYLE_PATH)]
    assert browser.complaints() == []


def test_what_of_an_entry_is_shown(browser: Chromium, server: Server, public: Path) -> None:
    """Title, day, source, summary and address are shown; ids, content and all that is for programs is not."""
    browser.look(width=1280)
    browser.open(_publish(public, server.url, [make_item(1), bare_item(2, published=None, first_seen=NOON)]))
    shown = "display"

    for selector in ("title", "published", "source > title", "summary", 'link[rel="alternate"]'):
        assert browser.style(f"entry > {selector}", shown) != "none", selector
    for selector in (
        "id",
        "updated",
        "content",
        'link[rel="via"]',
        'link[rel="enclosure"]',
        "category",
        "rights",
        "source > id",
    ):
        assert browser.style(f"entry > {selector}", shown) == "none", selector
    assert browser.style("entry:last-of-type > updated", shown) == "block"
    assert browser.style('entry > link[rel="alternate"]', "content", "::before") == '"https://paper.example/1.html"'
    hidden = browser.run(
        "[...document.querySelector('feed').children].filter(e => getComputedStyle(e).display == 'none').map(e => e.localName)"
    )
    assert hidden == ["id", "updated", "author", "link", "link", "generator"]


def test_of_a_date_the_day_is_shown(browser: Chromium, server: Server, public: Path) -> None:
    """The box of a date is just as wide as its day is long."""
    browser.look(width=1280)
    browser.open(_publish(public, server.url, [make_item(1)]))
    browser.run(
        "window.day = document.createRange(); day.setStart(document.querySelector('entry > published').firstChild, 0);"
        "day.setEnd(document.querySelector('entry > published').firstChild, 10)"
    )
    box, day = (
        browser.run(f"{each}.getBoundingClientRect().right") for each in ("document.querySelector('entry > published')", "day")
    )

    assert browser.run("String(day)") == "2026-03-01"
    assert box == pytest.approx(day, abs=1)


def test_the_link_leads_to_the_sites_page(browser: Chromium, server: Server, public: Path) -> None:
    """A press on the one link opens the page of the site, in spite of the sandbox that the feed is shown in."""
    browser.look(width=1280)
    browser.open(_publish(public, server.url, [make_item(1)]))
    browser.events.clear()
    browser.click("header a")
    browser.wait("Page.loadEventFired")

    assert browser.run("location.href") == server.url
    assert browser.run("document.title") == "Feeds"
    assert browser.complaints() == []


@pytest.mark.parametrize(
    ("language", "title", "entry_language", "directions"),
    [
        ("ar", "أخبار", None, ("rtl", "rtl")),
        ("en", "News", "he", ("ltr", "rtl")),
        ("fa-IR", "اخبار", "en", ("rtl", "ltr")),
        ("ku-Arab", "هەواڵ", None, ("rtl", "rtl")),
        ("ku", "Nûçe", None, ("ltr", "ltr")),
        ("ar-Latn", "akhbar", None, ("ltr", "ltr")),
        ("zh-Hant", "新聞", None, ("ltr", "ltr")),
        (None, "News", None, ("ltr", "ltr")),
    ],
)
def test_directions_follow_languages(  # noqa: PLR0917 - pytest gives them by name
    browser: Chromium,
    server: Server,
    public: Path,
    language: str | None,
    title: str,
    entry_language: str | None,
    directions: tuple[str, str],
) -> None:
    """A feed and an entry are laid out as their language is written; the words of the header as theirs."""
    browser.look(width=1280)
    browser.open(_publish(public, server.url, [bare_item(1, language=entry_language)], language=language, title=title))

    assert (browser.style("feed", "direction"), browser.style("entry", "direction")) == directions
    assert browser.style("header", "direction") == "ltr"


@pytest.mark.parametrize(("title", "side"), [("שלום עולם", "right"), ("Hello, שלום", "left"), ("مرحبا hello", "right")])
def test_a_title_without_a_language_begins_where_its_writing_does(
    browser: Chromium, server: Server, public: Path, title: str, side: str
) -> None:
    """Where no language is known the first letter decides."""
    browser.look(width=1280)
    browser.open(_publish(public, server.url, [bare_item(1, title=title)], language=None))
    box = browser.run(
        "(() => { const title = document.querySelector('entry > title'), text = document.createRange();"
        " text.selectNodeContents(title); const [outer, inner] = [title, text].map(e => e.getBoundingClientRect());"
        " return [inner.left - outer.left, outer.right - inner.right] })()"
    )

    assert box[0 if side == "left" else 1] == pytest.approx(0, abs=1)
    assert box[1 if side == "left" else 0] > 100


@pytest.mark.publishes("R81")
def test_nothing_runs_that_upstreams_wrote(browser: Chromium, server: Server, public: Path) -> None:
    """Each text shows as text, and the page asks for nothing but itself and its stylesheet (R81)."""
    items = _hostile()
    browser.look(width=1280)
    address = _publish(public, server.url, items)
    browser.open(address)
    browser.settle()

    assert browser.run("document.querySelectorAll('entry').length") == len(items) == len(VECTORS)
    assert browser.asked_for() == [address, public_url(server.url, STYLE_PATH)]
    assert browser.complaints() == []


@pytest.mark.publishes("R81")
def test_nothing_runs_without_our_policy_either(browser: Chromium) -> None:
    """The bytes alone are harmless: a server that says nothing of what a page may do shows the same."""
    with _Plain() as plain:
        frame = _frame(plain.site)
        plain.pages[f"/{_PATH}"] = "application/xml", build_feed(frame, _hostile(), source_order={}).content
        browser.look(width=1280)
        browser.open(frame.self_link)
        browser.settle()

        assert browser.run("document.querySelectorAll('entry').length") == len(VECTORS)
        assert "/ran" not in {path.removeprefix(plain.site.rstrip("/")) for path in browser.asked_for()}
        assert browser.run("[...document.querySelectorAll('*')].filter(e => e.localName == 'script').length") == 0
        assert [said for said in browser.complaints() if "favicon" not in said] == []


_SCRIPT = (
    b"<feed xmlns='http://www.w3.org/2005/Atom'><script xmlns='http://www.w3.org/1999/xhtml'>fetch('/ran')</script></feed>"
)


def test_a_script_that_runs_would_be_seen(browser: Chromium) -> None:
    """These tests would notice: a script in a feed runs where nothing forbids it, and asks for its address."""
    with _Plain() as plain:
        plain.pages[f"/{_PATH}"] = "application/xml", _SCRIPT
        browser.open(plain.site + _PATH)
        browser.settle()

        assert f"{plain.site}ran" in browser.asked_for()


def test_our_server_lets_no_script_run(browser: Chromium, server: Server, public: Path) -> None:
    """Even a script that stood in a published file would be refused, and the browser says so."""
    (public / _PATH).write_bytes(_SCRIPT)
    browser.open(server.url + _PATH)
    browser.settle()

    assert f"{server.url}ran" not in browser.asked_for()
    assert any("script" in said.lower() for said in browser.complaints())


_RSS = "feeds/news.rss"


def _publish_rss(public: Path, site: str, items: list[OutputEntry]) -> str:
    """Put the RSS twin of a feed where the server finds it and return its address."""
    frame = _frame(site)
    twin = Twin(format="rss", path=_RSS, self_link=public_url(site, _RSS))
    (public / _RSS).write_bytes(build_twin(twin, frame, build_feed(frame, items, source_order={})))
    return twin.self_link


def test_the_rss_twin_is_the_same_page(browser: Chromium, server: Server, public: Path) -> None:
    """Title, words and entries with day, source and address are shown, what is for programs is not; the link leads on."""
    browser.look(width=360, dark=False)
    address = _publish_rss(public, server.url, [make_item(1), bare_item(2, title="w" * 300)])
    browser.open(address)

    assert browser.run("document.contentType") == "application/xml"
    assert browser.style("channel > title", "font-size") == "28px"
    assert browser.style("rss", "background-color") == "rgb(255, 255, 255)"
    for selector in ("channel > header", "title", "item > link", "pubDate", "item:last-of-type > source"):
        assert browser.style(selector, "display") == "block", selector
    for selector in ("channel > link", "channel > description", "guid", "item > description", "enclosure", "category"):
        assert browser.style(selector, "display") == "none", selector
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert browser.run("document.querySelector('code').textContent") == address
    assert browser.complaints() == []
    browser.events.clear()
    browser.click("header a")
    browser.wait("Page.loadEventFired")
    assert browser.run("location.href") == server.url


def test_nothing_runs_in_the_rss_twin(browser: Chromium, server: Server, public: Path) -> None:
    """What upstreams wrote is text there too (R81)."""
    browser.look(width=1280)
    address = _publish_rss(public, server.url, _hostile())
    browser.open(address)
    browser.settle()

    assert browser.run("document.querySelectorAll('item').length") == len(VECTORS)
    assert browser.asked_for() == [address, public_url(server.url, STYLE_PATH)]
    assert browser.complaints() == []


class _Plain:
    """A server that sends what it is given and says nothing else."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {f"/{STYLE_PATH}": ("text/css", STYLE)}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = pages.get(self.path, ("text/plain", b""))
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.site = f"http://127.0.0.1:{self._http.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def test_every_entry_of_the_vectors_is_published() -> None:
    """None of the texts is kept out by the gate, or the browser would not see it."""
    built = build_feed(make_frame(), _hostile(), source_order={})

    assert len(built.ids) == len(VECTORS)
    assert built.left_out == ()
    assert all(isinstance(item.entry, Entry) for item in built.entries)
