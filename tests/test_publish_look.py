"""What a feed holds for a person who opens it in a browser, and that readers pass over it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import feedparser
import pytest
from lxml import etree

from aggregator.model.output import Tombstone
from aggregator.normalise.sanitise import sanitise
from aggregator.publish.addresses import STYLE_PATH, style_link
from aggregator.publish.atom import build_feed
from aggregator.publish.cut import cut_entries
from aggregator.publish.document import examine
from aggregator.publish.look import HEADER, words_for
from aggregator.publish.style import STYLE
from tests.publish_records import ATOM, NOON, SITE_URL, make_frame, make_item, read

H = {"h": "http://www.w3.org/1999/xhtml"}


def _header(content: bytes) -> etree._Element:
    [header] = read(content).findall(HEADER)
    return header


def test_a_feed_names_its_stylesheet_before_its_root() -> None:
    """Between the declaration and the root stands the stylesheet's name, a path from the root of the site's host."""
    content = build_feed(make_frame(), [make_item()], source_order={}).content

    declaration, line, root, _ = content.split(b"\n", 3)
    assert declaration == b"<?xml version='1.0' encoding='UTF-8'?>"
    assert line == b'<?xml-stylesheet type="text/css" href="/planet/feeds/style.css"?>'
    assert root.startswith(b"<feed ")


@pytest.mark.parametrize(
    ("site", "path"),
    [
        ("https://a.example/", "/feeds/style.css"),
        ("https://a.example/a/b/", "/a/b/feeds/style.css"),
        ("https://a.example/%E5%AA%92/a'b&c/", "/%E5%AA%92/a'b&c/feeds/style.css"),
    ],
)
def test_the_stylesheets_name_is_escaped(site: str, path: str) -> None:
    """Whatever the site's address may hold, a parser of the line gets the path back."""
    frame = make_frame(style=style_link(site))
    root = read(build_feed(frame, [], source_order={}).content)
    line = root.getprevious()

    assert line is not None
    assert isinstance(line, etree._ProcessingInstruction)
    assert unescape(line.get("href") or "") == path


def test_a_person_is_told_what_this_is_and_where_to_go() -> None:
    """The words name the feed and its own address, and hold one link, to the site's page."""
    frame = make_frame(title="A & <b>", self_link=f"{SITE_URL}feeds/a.atom?x=1&y=2")
    header = _header(build_feed(frame, [make_item()], source_order={}).content)

    assert header.findtext("h:title", namespaces=H) == "A & <b>"
    assert header.findtext(".//h:code", namespaces=H) == f"{SITE_URL}feeds/a.atom?x=1&y=2"
    assert [link.get("href") for link in header.iterfind(".//h:a", H)] == [SITE_URL]
    assert {str(etree.QName(element).localname) for element in header.iter()} == {
        *("header", "title", "meta", "p", "strong", "code", "a")
    }


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        (None, "en"),
        ("en-GB", "en"),
        ("de", "en"),
        ("ar", "en"),
        ("zh", "zh-CN"),
        ("zh-CN", "zh-CN"),
        ("zh-Hans", "zh-CN"),
        ("zh-Hans-HK", "zh-CN"),
        ("zh-SG", "zh-CN"),
        ("zh-TW", "zh-TW"),
        ("ZH-hant", "zh-TW"),
        ("zh-HK", "zh-TW"),
        ("zh-yue-Hant-MO", "zh-TW"),
    ],
)
def test_the_words_are_in_the_feeds_language(language: str | None, spoken: str) -> None:
    """Chinese has two writings, told by script before region; everybody else is spoken to in English."""
    assert words_for(language) == spoken


@pytest.mark.parametrize("language", ["zh", "zh-Hant", "ar"])
def test_the_words_say_which_language_they_are_in(language: str) -> None:
    """The feed has its language as configured; the words have theirs, and their direction, which need not be the feed's."""
    root = read(build_feed(make_frame(language=language), [], source_order={}).content)
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    [header] = root.findall(HEADER)

    assert (root.get(lang), header.get(lang), header.get("dir")) == (language, words_for(language), "ltr")


def test_entries_hold_nothing_for_browsers() -> None:
    """No entry has an element or attribute of XHTML: they are what they were."""
    content = build_feed(make_frame(), [make_item(1), make_item(2)], source_order={}).content
    entries = read(content).findall("a:entry", ATOM)

    assert len(entries) == 2
    assert {etree.QName(element).namespace for entry in entries for element in entry.iter()} == {ATOM["a"]}


def test_the_bytes_are_stable() -> None:
    """The same entries give the same bytes, words included."""
    first, again = (build_feed(make_frame(), [make_item()], source_order={}).content for _ in range(2))

    assert first == again


def test_the_words_count_towards_a_feeds_size() -> None:
    """A feed that is cut to its bytes is cut with stylesheet and words in it."""
    items = [make_item(number) for number in range(1, 40)]
    whole = len(build_feed(make_frame(), items, source_order={}).content)
    built = build_feed(make_frame(max_bytes=whole - 1), items, source_order={})

    assert len(built.content) < whole
    assert built.content.count(b"<h:header") == built.content.count(b"<?xml-stylesheet") == 1


def test_cutting_an_entry_out_leaves_the_look() -> None:
    """A feed that loses an entry afterwards keeps stylesheet and words to the byte, before its tombstones."""
    item = make_item(2)
    content = build_feed(make_frame(), [make_item(1), item], source_order={}).content
    tombstone = Tombstone(id=item.entry.id, at=NOON)
    after = cut_entries(content, [tombstone], own={make_frame().id}, output="feeds/a.atom")
    built = build_feed(make_frame(), [make_item(1)], source_order={}, tombstones=[tombstone]).content

    assert after is not None
    assert examine(after).faults == ()
    head, tail = (re.search(pattern, content, re.DOTALL) for pattern in (rb"\A.*?<feed ", rb"<h:header.*</h:header>"))
    assert head is not None
    assert tail is not None
    assert head[0] in after
    assert tail[0] in after
    assert after.index(b"</h:header>") < after.index(b"deleted-entry") < after.index(b"<entry")
    assert built.index(b"</h:header>") < built.index(b"deleted-entry") < built.index(b"<entry")


def test_upstreams_directions_reach_the_feed() -> None:
    """What upstream's HTML says of the direction of writing is stored and published as it is."""
    html = '<div dir="rtl" lang="ar"><p dir="auto">نص <bdi>x</bdi> <bdo dir="ltr">y</bdo></p></div>'
    stored = sanitise(html, "https://paper.example/")
    [entry] = read(build_feed(make_frame(), [make_item(content=stored)], source_order={}).content).findall("a:entry", ATOM)

    assert stored == html
    assert entry.findtext("a:content", namespaces=ATOM) == html


def test_feedparser_sees_the_same_feed() -> None:
    """Title, language, links and entries are the feed's own, and nothing in the words is taken for them."""
    frame = make_frame(icon=f"{SITE_URL}i.png")
    parsed = feedparser.parse(build_feed(frame, [make_item(1), make_item(2)], source_order={}).content)

    assert not parsed.bozo
    assert (parsed.feed.title, parsed.feed.language, parsed.feed.link) == (frame.title, "zh-CN", SITE_URL)
    assert {link.rel: link.href for link in parsed.feed.links} == {"self": frame.self_link, "alternate": SITE_URL}
    assert [entry.link for entry in parsed.entries] == ["https://paper.example/2.html", "https://paper.example/1.html"]


def test_the_stylesheet_loads_nothing() -> None:
    """It is one small text without an address, an import or anything that could run; it stands beside the feeds."""
    names = re.findall(rb'@namespace (?:\w+ )?"[^"]+";', STYLE)
    rest = STYLE
    for name in names:
        rest = rest.replace(name, b"")

    assert len(names) == 4
    assert re.search(rb"url\(|@import|image|expression|//|behaviou?r|src", rest) is None
    assert len(STYLE) < 6000
    assert STYLE.isascii()
    assert STYLE_PATH == "feeds/style.css"


def _colours(scheme: bytes) -> dict[str, float]:
    def light(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    found = {}
    for name, digits in re.findall(rb"--(\w+): #([0-9a-f]{3,6});", scheme):
        code = digits.decode() if len(digits) == 6 else "".join(2 * digit for digit in digits.decode())
        red, green, blue = (light(int(code[at : at + 2], 16)) for at in (0, 2, 4))
        found[name.decode()] = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return found


@pytest.mark.parametrize("at", [0, 1], ids=["light", "dark"])
def test_what_is_written_can_be_read(at: int) -> None:
    """Every colour of text has a contrast of 4.5:1 or more to both grounds, light and dark (WCAG 2.2 §1.4.3)."""
    schemes = [line for line in STYLE.split(b"\n") if b"--page:" in line]
    found = _colours(schemes[at])

    assert len(schemes) == 2
    for ground in ("page", "box"):
        for text in ("text", "quiet", "link"):
            bright, dim = sorted((found[ground], found[text]), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, (ground, text)


def test_a_frame_of_another_address_has_another_stylesheet() -> None:
    """The line follows the frame, so that a site which moves to another path has its feeds written anew."""
    frame = make_frame()
    moved = replace(frame, style="/elsewhere/feeds/style.css")

    assert build_feed(frame, [], source_order={}).content != build_feed(moved, [], source_order={}).content
