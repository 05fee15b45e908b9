"""A sound RSS document, changed in one place: the look at it finds just that, and says what it breaks."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.model.entry import Episode
from aggregator.publish.findings import Weight
from aggregator.publish.parts import parse_rss_date
from aggregator.publish.rss_document import examine_rss
from tests.publish_records import NOON, build_as, make_item

_EPISODE = Episode(duration=62, number=3, season=1, kind="full", explicit=False, image="https://cdn.example/1.jpg")
_GOOD, _ = build_as("rss", make_item(2), make_item(1, episode=_EPISODE), icon="https://news.example/i.png")
_GUID = b'<guid isPermaLink="false">https://paper.example/id/2</guid>'
_DATE = b"<pubDate>Sun, 01 Mar 2026 14:00:00 GMT</pubDate>"

#: What is written instead of what (the first time it stands there), and the words and the rule of the one finding.
_DEFECTS: dict[str, tuple[bytes, bytes, str, str]] = {
    "two channel links": (b"<link>https://news", b"<link>https://n.example/</link><link>https://news", "2 link", "<link>"),
    "empty channel title": (
        b"<title>\xe6\x96\xb0\xe5\xaa\x92\xe4\xbd\x93</title>",
        b"<title> </title>",
        "its title is empty",
        "<title>",
    ),
    "channel link": (b"<link>https://news.example/planet/<", b"<link>/planet/<", "its link is not absolute", "<link>"),
    "early build": (
        b"<lastBuildDate>Sun, 01 Mar 2026 14",
        b"<lastBuildDate>Sun, 01 Mar 2026 11",
        "earlier than",
        "<lastBuildDate>",
    ),
    "ttl": (b"<generator>", b"<ttl>soon</ttl><generator>", "its ttl is no number", "<ttl>"),
    "two generators": (b"<generator>", b"<generator>x</generator><generator>", "2 generator elements", "<generator>"),
    "unknown element": (b"<generator>", b"<tagline>x</tagline><generator>", "holds <tagline>", "extensions are in namespaces"),
    "markup": (b"<generator>", b"<copyright><b>x</b></copyright><generator>", "holds elements", "<copyright>"),
    "type of self": (b'type="application/rss+xml"', b'type="text/xml"', "its link to itself", "atom:link"),
    "image": (b"<url>https://news.example/i.png</url>", b"", "its image has no url", "<image>"),
    "address of the image": (b"<url>https://news.example/i.png", b"<url>i.png", "its url is not absolute", "<url>"),
    "no title of an item": ("<title>第 2 条: “a &lt; b” &amp; c</title>".encode(), b"", "item 1 has no title", "<item>"),
    "permalink word": (b'isPermaLink="false"', b'isPermaLink="no"', "neither true nor false", "<guid>"),
    "link of an item": (b"<link>https://paper.example/2", b"<link>//paper.example/2", "its link is not absolute", "<link>"),
    "no date": (_DATE, b"", "has no pubDate", "pubDate"),
    "impossible date": (_DATE, _DATE.replace(b"01 Mar", b"31 Feb"), "its pubDate is no RFC 822 date", "<pubDate>"),
    "date of the change": (_DATE, _DATE + b"<atom:updated>today</atom:updated>", "its atom:updated", "RFC 4287 \u00a73.3"),
    "relative address": (b'href="https://paper.example/x', b'href="/x', "not absolute http(s)", "description"),
    "two descriptions": (
        b"<description>\xe6\x91\x98",
        b"<description>x</description><description>\xe6\x91\x98",
        "2 description",
        "<description>",
    ),
    "content alone": (
        b"<description>\xe6\x91\x98\xe8\xa6\x81 2</description>",
        b"",
        "content:encoded and no description",
        "content:encoded",
    ),
    "empty category": (b">go</category>", b"> </category>", "has an empty category", "<category>"),
    "enclosure url": (b'url="https://cdn.example/2.mp3"', b'url="2.mp3"', "the url of its enclosure", "<enclosure>"),
    "negative length": (b'length="1234"', b'length="-1"', "the length of its enclosure", "<enclosure>"),
    "two enclosures": (
        b"<enclosure ",
        b'<enclosure url="https://a.example/" length="0" type="a/b"/><enclosure ',
        "2 enclosure",
        "<enclosure>",
    ),
    "source": (b'<source url="https://paper.example/">', b"<source>", "the url of its source", "<source>"),
    "language of an item": (b"<dc:language>zh-Hans", b"<dc:language>zh Hans", "no language tag", "language"),
    "kind": (b"<itunes:episodeType>full", b"<itunes:episodeType>Full", "its itunes:episodeType", "<itunes:episodeType>"),
    "artwork": (b'<itunes:image href="https://cdn', b'<itunes:image href="//cdn', "its itunes:image", "<itunes:image>"),
    "style": (b'type="text/css"', b'type="text/xsl"', "a stylesheet that is no CSS", "RFC 4287 \u00a78.1"),
}

#: Documents of the validator that are sound in what they are about, and broken in something else.
_BROKEN = {
    "amp-hex-name.xml": "a reference to a character that XML forbids",
    "everything.xml": "among its dates is one with comments in comments",
    "guid_value_isPermalink_true2.xml": "a guid that is no address, called one",
    "valid_email_addresses.xml": "a channel and items without what both must have",
}


def test_the_sound_document_has_no_finding() -> None:
    """What every defect is a change of is sound."""
    assert examine_rss(_GOOD).findings == ()


@pytest.mark.parametrize("defect", _DEFECTS)
def test_each_defect_is_found(defect: str) -> None:
    """One change, one finding, with the element or the document that it breaks."""
    before, after, words, rule = _DEFECTS[defect]
    assert before in _GOOD
    [finding] = examine_rss(_GOOD.replace(before, after, 1)).findings

    assert words in finding.text
    assert finding.rule.endswith(rule)
    assert finding.advice
    assert finding.weight is not Weight.NOTE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not well-formed"),
        (_GOOD[:-9], "not well-formed"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'/>", "its root is <feed>"),
        (b"<rss version='2.0'/>", "holds no channel"),
        (b"<rss version='2.0'><channel/><channel/></rss>", "holds 2 channel"),
        (b"<!DOCTYPE rss [<!ENTITY a 'x'>]><rss version='2.0'><channel/></rss>", "document type declaration"),
        (b"\xff\xfe\x00", "not well-formed"),
    ],
)
def test_what_is_no_rss_is_one_finding(content: bytes, words: str) -> None:
    """What cannot be read as RSS 2.0 is said so, and nothing else."""
    [finding] = examine_rss(content).findings
    assert words in finding.text


def test_the_order_of_items_is_looked_at() -> None:
    """An item that is newer than the one before it is named."""
    swapped = _GOOD.replace(b"14:00:00 GMT</pubDate>", b"12:30:00 GMT</pubDate>")
    [finding] = examine_rss(swapped).findings
    assert finding.text == "item 2 is newer than the item before it"
    assert finding.entry == make_item(1).entry.id


def test_a_date_in_the_future_is_a_finding_for_who_has_a_clock() -> None:
    """Only who gives a time is told of later dates."""
    assert examine_rss(_GOOD, now=NOON + timedelta(hours=2)).findings == ()
    [finding] = examine_rss(_GOOD, now=NOON + timedelta(minutes=90)).findings
    assert "lies in the future" in finding.text


def test_a_title_that_looks_like_markup_is_a_note() -> None:
    """A title may speak of tags; many readers drop them, so it is worth knowing, and no fault."""
    content, _ = build_as("rss", make_item(1, title="How <b> is read"))
    [finding] = examine_rss(content).findings
    assert finding.weight is Weight.NOTE
    assert examine_rss(content).faults == ()


@pytest.mark.parametrize(
    "text",
    ["Sun, 01 Mar 2026 12:00:00 GMT", "1 Mar 2026 12:00 GMT", "Sun, 01 Mar 2026 13:00:00 +0100", "01 Mar 2026 07:00:00 EST"],
)
def test_dates_as_rss_may_write_them(text: str) -> None:
    """A name of the day, seconds and the kind of zone are the publisher's choice."""
    assert parse_rss_date(text) == NOON


def test_feeds_that_the_validator_calls_sound(shared: Path) -> None:
    """Of the validator's own documents about RSS 2.0, what it finds right in one we do not call a fault of that one."""
    folder = shared / "corpora" / "feedvalidator" / "testcases" / "rss20"
    contents = {path.name: path.read_bytes() for path in folder.rglob("*.xml")}
    sound = {name: content for name, content in contents.items() if re.search(rb"Expect:\s*!", content)}
    found = {
        name: [str(each) for each in examine_rss(content).findings if each.weight is Weight.FAULT]
        for name, content in sound.items()
    }
    assert len(sound) > 40
    assert {name: faults for name, faults in found.items() if faults and name not in _BROKEN} == {}
