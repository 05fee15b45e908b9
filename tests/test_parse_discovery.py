"""What a web page says of its feeds: pages of many shapes, read without asking anybody."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from aggregator.model.parsed import NamedFeed
from aggregator.parse.discovery import MAX_CANDIDATES, find_feeds

PAGE = "https://site.example/blog/post?p=1"
HOST = "https://site.example"
RSS = "rel=alternate type=application/rss+xml"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A page, and the addresses of the feeds that it names, in order."""

    name: str
    page: str = ""
    header: str | None = None  #: a Link header
    feeds: tuple[str, ...] = ()


def one(name: str, page: str, feed: str = f"{HOST}/feed") -> Shape:
    return Shape(name=name, page=page, feeds=(feed,))


def none(name: str, page: str) -> Shape:
    return Shape(name=name, page=page)


SHAPES = (
    # -- spellings of the one link
    one("usual", '<html><head><link rel="alternate" type="application/rss+xml" title="Blog" href="/feed"></head></html>'),
    one(
        "xhtml",
        f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><link {RSS} href="/feed" /></head></html>',
    ),
    one("capitals", '<LINK REL="ALTERNATE" TYPE="Application/RSS+XML" HREF="/feed">'),
    one("several-tokens", '<link rel="home  alternate\nfeed" type="application/rss+xml" href="/feed">'),
    one("media-type-parameter", '<link rel=alternate type=" application/rss+xml ; charset=UTF-8" href="/feed">'),
    one("no-quotes", f"<link {RSS} href=/feed>"),
    one("single-quotes", "<link rel='alternate' type='application/rss+xml' href='/feed'>"),
    one("href-first", '<link href="/feed" type="application/rss+xml" rel="alternate">'),
    one("twice", f"<link {RSS} href=/feed><link {RSS} href=/feed#top><link {RSS} href=HTTPS://SITE.example:443/feed>"),
    # -- media types
    one("atom", '<link rel=alternate type="application/atom+xml" href=/feed>'),
    one("json-feed", '<link rel=alternate type="application/feed+json" href=/feed>'),
    one("json", '<link rel=alternate type="application/json" href=/feed>'),
    one("rdf", '<link rel=alternate type="application/rdf+xml" href=/feed>'),
    one("xml", '<link rel=alternate type="text/xml" href=/feed>'),
    one("rel-feed", "<link rel=feed href=/feed>"),
    one("anchor", f"<body><p><a {RSS} href=/feed>RSS</a>"),
    none("no-type", "<link rel=alternate href=/feed>"),
    none("language", '<link rel=alternate hreflang=de href="/de/">'),
    none("stylesheet", '<link rel="alternate stylesheet" type="application/rss+xml" href=/feed>'),
    none("oembed", '<link rel=alternate type="application/json+oembed" href="/oembed?url=x">'),
    none("wordpress-interface", '<link rel=alternate type="application/json" href="/wp-json/wp/v2/posts/1">'),
    none("other-rel", "<link rel=self type=application/rss+xml href=/feed>"),
    none("nothing-at-all", ""),
    none("text", "Look at /feed, it is application/rss+xml."),
    # -- addresses
    one("relative", f"<link {RSS} href=feed>", f"{HOST}/blog/feed"),
    one("up", f"<link {RSS} href=../feed>", f"{HOST}/feed"),
    one("query-only", f"<link {RSS} href='?feed=rss2'>", f"{HOST}/blog/post?feed=rss2"),
    one("protocol-relative", f"<link {RSS} href=//cdn.example/feed>", "https://cdn.example/feed"),
    one("other-host", f"<link {RSS} href=http://feeds.example:8080/x>", "http://feeds.example:8080/x"),
    one("host-alone", f"<link {RSS} href=https://feeds.example>", "https://feeds.example/"),
    one("entities", f'<link {RSS} href="/feed?a=1&amp;b=2&#38;c=3">', f"{HOST}/feed?a=1&b=2&c=3"),
    one("blanks", f'<link {RSS} href=" \n/fe\ned ">'),
    one("space-inside", f'<link {RSS} href="/my feed">', f"{HOST}/my%20feed"),
    one("escaped-stays", f'<link {RSS} href="/a%2Fb%7e?x=%zz">', f"{HOST}/a%2Fb%7e?x=%25zz"),
    one("other-script", f'<link {RSS} href="/订阅">', f"{HOST}/订阅"),
    one("backslash", f'<link {RSS} href="\\feed">'),
    one("feed-scheme", f"<link {RSS} href=feed:https://site.example/feed>"),
    one("feed-scheme-short", f"<link {RSS} href=feed://site.example/feed>", "http://site.example/feed"),
    one("base", f'<base href="https://cdn.example/a/"><link {RSS} href=feed>', "https://cdn.example/a/feed"),
    one("base-relative", f'<base href="/c/"><link {RSS} href=feed>', f"{HOST}/c/feed"),
    one("base-behind", f'<link {RSS} href=feed><base href="/c/">', f"{HOST}/c/feed"),
    one("first-base-counts", f'<base href="/c/"><base href="/d/"><link {RSS} href=feed>', f"{HOST}/c/feed"),
    one("base-of-no-use", f'<base href="javascript:x"><link {RSS} href=feed>', f"{HOST}/blog/feed"),
    none("empty-href", f'<link {RSS} href=""><link {RSS} href="#top"><link {RSS}>'),
    none("itself", f'<link {RSS} href="{PAGE}"><link {RSS} href="?p=1">'),
    none("javascript", f'<link {RSS} href="javascript:alert(1)"><link {RSS} href=" JaVa\tScript:x">'),
    none(
        "other-schemes", "".join(f"<link {RSS} href='{each}'>" for each in ("data:,x", "file:///x", "mailto:a@b", "ftp://x/y"))
    ),
    none("credentials", f"<link {RSS} href=https://ada:secret@site.example/feed>"),
    none("no-address", "".join(f"<link {RSS} href='{each}'>" for each in ("http://[", "https://", "http://x:99999/", "//"))),
    none("endless", f"<link {RSS} href='/{'x' * 3000}'>"),
    # -- where it stands
    none("in-a-script", f'<script>document.write("<link {RSS} href=/feed>")</script>'),
    none("in-a-comment", f"<!-- <link {RSS} href=/feed> -->"),
    none("in-an-attribute", f"<p title='<link {RSS} href=/feed>'>"),
    one("in-the-body", f"<body><p><div><link {RSS} href=/feed>"),
    one("unclosed", f"<html><head><meta name=x><p><b><i></p><table><tr><link {RSS} href=/feed>"),
    one("broken-quotes", f'<p class="a"b"><link {RSS} href=/feed><p title="'),
    one("behind-nul", f"<p>\0<link {RSS} href=/feed>"),
    # -- several
    Shape(
        name="comments-last",
        page=f"<link {RSS} title='Comments' href=/c><link {RSS} href=/comments/feed><link {RSS} title='Posts' href=/feed>",
        feeds=(f"{HOST}/feed", f"{HOST}/c", f"{HOST}/comments/feed"),
    ),
    Shape(
        name="vague-types-behind",
        page=f"<link rel=alternate type=text/xml href=/x><link {RSS} href=/b><link {RSS} href=/a>",
        feeds=(f"{HOST}/b", f"{HOST}/a", f"{HOST}/x"),
    ),
    # -- headers
    Shape(
        name="link-header",
        header='<feed>; rel="alternate"; type="application/atom+xml"; title="a, b; \\"c\\""',
        page='<base href="https://cdn.example/">',
        feeds=(f"{HOST}/blog/feed",),
    ),
    Shape(
        name="link-header-of-many",
        header='</wp-json/>; rel="https://api.w.org/", </feed>; rel="home alternate" ; type=application/rss+xml,</x>;rel=x',
        feeds=(f"{HOST}/feed",),
    ),
    Shape(name="link-header-of-another", header='</feed>; rel=alternate; type="application/rss+xml"; anchor="/other"'),
    Shape(name="broken-link-header", header='<<</feed; rel="alternate; type=application/rss+xml, <'),
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_page_names_its_feeds(shape: Shape) -> None:
    """Of every page come the feeds that it names and no other address."""
    headers = [("content-type", "text/html; charset=utf-8")]
    headers += [("link", shape.header)] if shape.header is not None else []

    assert tuple(feed.address for feed in find_feeds(shape.page.encode(), headers, PAGE)) == shape.feeds


def test_there_are_60_shapes_of_distinct_names() -> None:
    """The table holds at least 60 pages, each with a name of its own."""
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) >= 60


def test_a_feed_is_described_as_its_page_does() -> None:
    """Title, format and whether it holds comments come from the link."""
    page = "<link rel=alternate type=application/atom+xml title=' Café &amp;\n Co ' href=/a>"
    page += "<link rel=feed href=/c title=Kommentare>"

    assert find_feeds(page.encode(), [], PAGE) == (
        NamedFeed(address=f"{HOST}/a", title="Café & Co", format="Atom"),
        NamedFeed(address=f"{HOST}/c", title="Kommentare", format="feed", comments=True),
    )


@pytest.mark.parametrize("named", ["header", "meta"])
def test_a_page_is_read_in_its_encoding(named: str) -> None:
    """The charset of the header counts, and where it names none, that of the page's <meta>."""
    page = f"<meta charset={'euc-jp' if named == 'meta' else 'x'}><link {RSS} href=/f title='日本の記事'>".encode("euc-jp")
    headers = [("content-type", "text/html; charset=euc-jp" if named == "header" else "text/html")]

    assert [feed.title for feed in find_feeds(page, headers, PAGE)] == ["日本の記事"]


HOSTILE = {
    "many-links": f"<link {RSS} href=/feed>" * 200_000,
    "many-feeds": "".join(f"<link {RSS} href=/{number}>" for number in range(100_000)),
    "deep": "<div>" * 1_000_000 + f"<link {RSS} href=/feed>",
    "open-quotes": '<a "' * 2_500_000,
    "open-comments": "<!--" * 2_500_000,
    "open-tags": "<" * 10_000_000,
    "open-entities": "&#" * 5_000_000,
    "one-href": f"<link {RSS} href='" + "x" * 10_000_000,
    "one-title": "<title>" + "a" * 10_000_000 + f"</title><link {RSS} href=/feed>",
    "escapes": f"<link {RSS} title='\x1b[31m\x9b2J' href='/\x1b]0;x\x07'>" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_costs_little(name: str) -> None:
    """Ten megabytes of anything are read in less than the 5 seconds that a worker has, to a bounded list."""
    began = time.process_time()
    found = find_feeds(HOSTILE[name].encode(), [("link", "<" * 8000)], PAGE)

    assert time.process_time() - began < 4
    assert len(found) <= MAX_CANDIDATES
    assert all(feed.address.isprintable() and " " not in feed.address for feed in found)
