"""The page of a public folder that has no project around it: it names the feeds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aggregator.serve.page import render_index
from aggregator.serve.server import Server, serve
from aggregator.serve.tree import Listed, PublicTree
from tests.public_folder import FEED, get, make_public
from tests.publish_records import make_frame, make_item


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return a public folder with three feeds and their list, beside files that nobody may have."""
    return make_public(tmp_path)


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    """Return a running server of that folder."""
    with serve(public) as running:
        yield running


class _Links(HTMLParser):
    """Collect what a page links to and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "link":
            return  # names a feed to programs, or its own style
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def _links(page: bytes) -> _Links:
    parser = _Links()
    parser.feed(page.decode())
    parser.close()
    return parser


def test_index_names_every_feed(server: Server) -> None:
    """The page at / links every feed, all first, with its title, and each link works."""
    response, body = get(server, "/")
    page = _links(body)

    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self'; ")
    assert page.links == [
        "feeds/all.atom",
        "feeds/%E6%96%B0%E5%AA%92%E4%BD%93.atom",
        "feeds/%E6%96%B0%E5%AA%92%E4%BD%93/zaker.atom",
        "feeds/index.opml",
    ]
    assert page.text.count("新媒体 & co") == 3
    assert [get(server, f"/{link}")[0].status for link in page.links] == [200] * 4
    assert "private" not in page.text


def test_the_page_names_the_other_formats_beside_each_feed(server: Server, public: Path) -> None:
    """The Atom feed stands first, RSS and JSON are links after it, where there are such files."""
    (public / "feeds" / "all.rss").write_bytes(b"<rss/>")
    (public / "feeds" / "all.json").write_bytes(b"{}")
    page = get(server, "/")[1].decode().partition("<body>")[2]

    assert re.findall(r'href="(feeds/all\.[a-z]+)"', page) == ["feeds/all.atom", "feeds/all.rss", "feeds/all.json"]
    assert "zaker.rss" not in page


def test_a_reader_finds_the_feed_of_everything_from_the_page(server: Server, public: Path) -> None:
    """Who gives a reader the address of the page is led to `all`, in every format that there is, and to no other feed."""
    (public / "feeds" / "all.json").write_bytes(b"{}")

    assert re.findall(
        r'<link rel="alternate" type="([^"]*)" title="([^"]*)" href="([^"]*)">', get(server, "/")[1].decode()
    ) == [
        ("application/atom+xml", "新媒体 &amp; co", "feeds/all.atom"),
        ("application/feed+json", "新媒体 &amp; co", "feeds/all.json"),
    ]


def test_the_feed_of_health_is_served_and_not_named(server: Server, public: Path) -> None:
    """Whoever runs the site knows the address of feeds/status.atom; the page for readers does not name it."""
    (public / "feeds" / "status.atom").write_bytes(FEED)

    assert get(server, "/feeds/status.atom")[0].status == 200
    assert not [link for link in _links(get(server, "/")[1]).links if "status" in link]


def test_index_is_conditional_too(server: Server) -> None:
    """The page has a tag like everything else."""
    tag = get(server, "/")[0].headers["ETag"]

    assert get(server, "/", If_None_Match=tag)[0].status == 304


def test_index_escapes_names() -> None:
    """A feed's title and path are text on the page, whatever they hold, and the page has no script."""
    hostile = "</a><script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    page = _links(render_index([Listed(path=hostile + ".atom", title=hostile)], [hostile]))

    assert page.tags == {"html", "head", "meta", "title", "link", "body", "main", "h1", "p", "ul", "li", "a", "code"}
    assert hostile in page.text


def test_empty_folder_has_an_index(tmp_path: Path) -> None:
    """A folder that does not exist yet gives a page that says what to do."""
    with serve(tmp_path / "later") as server:
        response, body = get(server, "/")

    assert response.status == 200
    assert b"aggregator sync" in body


def test_title_is_the_feeds_own(public: Path) -> None:
    """The page shows the feed's title and not that of an entry; a file without one is named by its path."""
    (public / "feeds" / "odd.atom").write_bytes(b"\xff\xfe")
    titles = {feed.path: feed.title for feed in PublicTree(public).feeds()}

    assert titles["feeds/all.atom"] == "新媒体 & co"
    assert titles["feeds/odd.atom"] == "feeds/odd.atom"


def test_built_feed_is_listed_by_its_title(public: Path) -> None:
    """What publish writes, the page can name."""
    from aggregator.publish.atom import build_feed

    frame = make_frame(title="A & B <c>")
    (public / "feeds" / "ab.atom").write_bytes(build_feed(frame, [make_item()], source_order={}).content)

    assert "A & B <c>" in {feed.title for feed in PublicTree(public).feeds()}
