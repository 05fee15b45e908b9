"""The RSS 2.0 twin of a feed: what stands in it, and where."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime
from typing import Any

import feedparser
import pytest
from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.entry import Enclosure, Episode, Feed, Person, SafeHtml, Tag
from aggregator.model.output import OutputEntry
from aggregator.publish.parts import parse_rss_date
from aggregator.publish.rss import build_rss
from aggregator.publish.rss_document import examine_rss
from tests.publish_records import NOON, attributes_of, bare_item, build_as, make_frame, make_item, make_twin

_NAMES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
}


def _channel(*items: OutputEntry, **changes: Any) -> etree._Element:
    content, _ = build_as("rss", *items, **changes)
    assert examine_rss(content).findings == ()
    channel = etree.fromstring(content).find("channel")
    assert channel is not None
    return channel


def _item(item: OutputEntry) -> etree._Element:
    [made] = _channel(item).findall("item")
    return made


def _texts(element: etree._Element, name: str) -> list[str | None]:
    return [found.text for found in element.findall(name, _NAMES)]


def test_the_channel_says_whose_it_is() -> None:
    """The channel has title, page, description, language, id, its own address, and the date of its newest entry."""
    channel = _channel(make_item(1), make_item(2))
    words = ["新媒体", "https://news.example/planet/", "新媒体", "zh-CN", "Sun, 01 Mar 2026 14:00:00 GMT", "feed-aggregator"]
    names = ("title", "link", "description", "language", "lastBuildDate", "generator")
    assert [channel.findtext(name) for name in names] == words
    assert channel.findtext("atom:id", None, _NAMES) == make_frame().id
    [own] = channel.findall("atom:link", _NAMES)
    assert attributes_of(own) == {
        "href": "https://news.example/planet/feeds/%E6%96%B0%E5%AA%92%E4%BD%93.rss",
        "rel": "self",
        "type": "application/rss+xml",
    }


def test_the_channel_says_when_to_ask_again() -> None:
    """The ttl is the shortest interval that its sources are polled at; a channel whose sources left the config has none."""
    assert _channel(make_item(), ttl=30).findtext("ttl") == "30"
    assert _channel(make_item()).find("ttl") is None


def test_an_empty_channel_has_no_date() -> None:
    """A feed that holds nothing says no date: the only one there is would be the clock's."""
    channel = _channel()
    assert channel.find("lastBuildDate") is None
    assert channel.find("pubDate") is None


@pytest.mark.publishes("P33")
def test_a_full_item() -> None:
    """An item has what Atom says of the entry, each in the element that RSS readers look for, in a fixed order."""
    made = _item(make_item(1, updated=NOON.replace(day=2)))
    found = [(etree.QName(child).localname, child.text, attributes_of(child)) for child in made]
    assert found == [
        ("title", "第 1 条: “a < b” & c", {}),
        ("link", "https://paper.example/1.html", {}),
        ("guid", "https://paper.example/id/1", {"isPermaLink": "false"}),
        ("pubDate", "Sun, 01 Mar 2026 13:00:00 GMT", {}),
        ("updated", "2026-03-02T12:00:00+00:00", {}),
        ("creator", "阿明", {}),
        ("description", "摘要 1", {}),
        ("encoded", str(make_item(1).entry.content), {}),
        ("category", "新媒体/早报", {"domain": "https://news.example/planet/feeds/index.opml"}),
        ("category", "go", {"domain": "https://paper.example/tags"}),
        ("enclosure", None, {"url": "https://cdn.example/1.mp3", "length": "1234", "type": "audio/mpeg"}),
        ("source", "早报", {"url": "https://paper.example/"}),
        ("language", "zh-Hans", {}),
        ("rights", "CC BY 4.0", {}),
    ]


def test_what_has_no_summary_is_read_from_the_description() -> None:
    """HTML stands in the description, which every reader knows, unless a summary stands there."""
    made = _item(bare_item(content=SafeHtml("<p>a &lt; b</p>")))
    assert _texts(made, "description") == ["<p>a &lt; b</p>"]
    assert _texts(made, "content:encoded") == []


def test_a_summary_is_escaped_for_readers_of_html() -> None:
    """A description is HTML, so a summary in plain text that looks like a tag is shown and not run."""
    made = _item(bare_item(summary="<script>a & b"))
    assert _texts(made, "description") == ["&lt;script&gt;a &amp; b"]


def test_an_entry_without_content_does_not_say_its_title_twice() -> None:
    """Where only a title and a link are known, there is no description."""
    made = _item(bare_item(content=SafeHtml("")))
    assert made.find("description") is None


@pytest.mark.publishes("P33")
def test_further_enclosures_are_links() -> None:
    """The first enclosure is RSS's one, the others are links of Atom; what is not known is guessed from the name."""
    files = (
        Enclosure(href="https://cdn.example/a.M4A?x=.zip"),
        Enclosure(href="https://cdn.example/b", length=7, title="B"),
        Enclosure(href="https://cdn.example/c.pdf", type="text/x-odd"),
    )
    made = _item(bare_item(enclosures=files))
    [first] = made.findall("enclosure")
    assert attributes_of(first) == {"url": "https://cdn.example/a.M4A?x=.zip", "length": "0", "type": "audio/x-m4a"}
    assert [attributes_of(link) for link in made.findall("atom:link", _NAMES)] == [
        {
            "href": "https://cdn.example/b",
            "rel": "enclosure",
            "type": "application/octet-stream",
            "title": "B",
            "length": "7",
        },
        {"href": "https://cdn.example/c.pdf", "rel": "enclosure", "type": "text/x-odd"},
    ]


@pytest.mark.parametrize(
    ("changes", "creators"),
    [
        ({"authors": (Person(name="A"), Person(name="B", email="b@b.example"))}, ["A, B"]),
        ({"author": "The paper"}, ["The paper"]),
        ({}, ["早报"]),
    ],
)
def test_every_item_says_who_wrote_it(changes: dict[str, Any], creators: list[str]) -> None:
    """Authors by name, else the byline, else the source, as in Atom; RSS's own author would be an e-mail address."""
    made = _item(bare_item(**changes))
    assert _texts(made, "dc:creator") == creators
    assert made.find("author") is None


def test_a_source_without_a_page_keeps_its_name() -> None:
    """RSS's source needs an address; where there is none, Dublin Core's has the title."""
    made = _item(bare_item(authors=(Person(name="A"),)))
    assert made.find("source") is None
    assert _texts(made, "dc:source") == ["早报"]


def test_the_rights_of_the_source_hold_where_the_entry_has_none() -> None:
    """An entry without rights of its own carries those of its source."""
    made = _item(bare_item(feed=Feed(title="S", rights="© S")))
    assert _texts(made, "dc:rights") == ["© S"]


def test_an_entry_without_a_date_is_dated_by_when_it_was_seen() -> None:
    """Where upstream gives no date, pubDate is the first-seen time of its post: RSS readers sort by it."""
    made = _item(bare_item(published=None, first_seen=NOON))
    assert made.findtext("pubDate") == "Sun, 01 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(("updated", "says"), [(None, []), (NOON.replace(day=2), ["2026-03-02T12:00:00+00:00"])])
def test_a_change_is_dated_only_where_there_was_one(updated: datetime | None, says: list[str]) -> None:
    """RSS has one date of its own; that of a later change is Atom's element."""
    made = _item(bare_item(updated=updated))
    assert _texts(made, "atom:updated") == says


@pytest.mark.parametrize("year", [1000, 1066, 1899, 2038, 2999])
@pytest.mark.publishes("P33")
def test_dates_of_all_centuries(year: int) -> None:
    """A date of any year that the gate lets through is written with four digits and reads back."""
    date = datetime(year, 3, 1, 1, 2, 3, tzinfo=UTC)
    text = _item(bare_item(published=date)).findtext("pubDate") or ""
    assert f" {year} 01:02:03 GMT" in text
    assert parse_rss_date(text) == date


def test_feedparser_reads_what_was_written() -> None:
    """A reader built on feedparser finds id, link, title, date, author, content, enclosures, tags, source and language."""
    items = [make_item(number, updated=NOON.replace(day=20)) for number in (1, 2)]
    content, built = build_as("rss", *items)
    feed = feedparser.parse(content, sanitize_html=False, resolve_relative_uris=False)
    assert not feed.bozo
    assert [entry.id for entry in feed.entries] == list(built.ids)
    entry, ours = feed.entries[0], built.entries[0].entry
    assert (entry.link, entry.title, entry.author, entry.guidislink) == (ours.link, ours.title, "阿明", False)
    assert timegm(entry.published_parsed) == ours.date.timestamp()
    assert timegm(entry.updated_parsed) == NOON.replace(day=20).timestamp()
    assert entry.content[0].value == ours.content
    assert entry.summary == ours.summary
    assert [(each.href, each.type, each.length) for each in entry.enclosures] == [
        (each.href, each.type, str(each.length)) for each in ours.enclosures
    ]
    assert [(tag.term, tag.scheme) for tag in entry.tags][1:] == [("go", "https://paper.example/tags")]
    assert (entry.source.title, entry.source.href) == ("早报", "https://paper.example/")
    assert feed.feed.language == "zh-CN"


def test_a_tag_keeps_its_scheme() -> None:
    """Upstream's tags follow our category; only a scheme becomes a domain."""
    made = _item(bare_item(tags=(Tag(term="a"), Tag(term="b", scheme="urn:s", label="B"))))
    assert [(tag.text, tag.get("domain")) for tag in made.findall("category")][1:] == [("a", None), ("b", "urn:s")]


_EPISODE = Episode(duration=62, number=3, season=1, kind="bonus", explicit=True, image="https://cdn.example/1.jpg")


def test_episodes_are_said_as_podcast_readers_know_them() -> None:
    """An item has Apple's elements in the order of the Atom entry, and the channel what such readers ask of it."""
    channel = _channel(make_item(1, episode=_EPISODE), make_item(2), icon="https://news.example/i.png")
    [made] = [item for item in channel.findall("item") if item.find("itunes:duration", _NAMES) is not None]
    names = ("duration", "season", "episode", "episodeType", "explicit")

    assert [made.findtext(f"itunes:{name}", None, _NAMES) for name in names] == ["62", "1", "3", "bonus", "true"]
    assert [image.get("href") for image in made.findall("itunes:image", _NAMES)] == ["https://cdn.example/1.jpg"]
    assert channel.findtext("itunes:author", None, _NAMES) == "小站"
    assert channel.findtext("itunes:explicit", None, _NAMES) == "true"
    assert [image.get("href") for image in channel.findall("itunes:image", _NAMES)] == ["https://news.example/i.png"]


@pytest.mark.parametrize(("said", "channel_says"), [(None, None), (False, "false"), (True, "true")])
def test_a_channel_is_explicit_if_an_episode_is(said: bool | None, channel_says: str | None) -> None:  # noqa: FBT001
    """Whether a podcast is for children is said only where one of its episodes says so."""
    channel = _channel(make_item(1, episode=Episode(duration=1, explicit=said)), make_item(2, episode=Episode(number=1)))
    assert channel.findtext("itunes:explicit", None, _NAMES) == channel_says


def test_a_feed_without_episodes_speaks_of_no_podcast() -> None:
    """The namespace is declared only where it is needed."""
    content, _ = build_as("rss", make_item(1))
    assert b"itunes" not in content


@pytest.mark.parametrize(
    ("changes", "picture"),
    [
        ({"icon": "https://news.example/i.png"}, "https://news.example/i.png"),
        ({"icon": "https://news.example/i.png", "logo": "https://news.example/l.png"}, "https://news.example/l.png"),
        ({}, None),
    ],
)
def test_the_channel_has_one_picture(changes: dict[str, Any], picture: str | None) -> None:
    """RSS knows one picture, which may be wide: the logo, else the icon, with the channel's own title and page."""
    channel = _channel(**changes)
    assert channel.findtext("image/url") == picture
    if picture is not None:
        assert channel.findtext("image/title") == channel.findtext("title")
        assert channel.findtext("image/link") == channel.findtext("link")


def test_the_channel_names_its_hubs() -> None:
    """Each hub is a link of Atom, as in the Atom file."""
    links = _channel(hubs=("https://hub.example/", "https://two.example/")).findall("atom:link", _NAMES)
    assert [link.get("href") for link in links if link.get("rel") == "hub"] == ["https://hub.example/", "https://two.example/"]


def test_a_browser_shows_it_as_a_page() -> None:
    """The stylesheet and the words for people are those of the Atom file, with the address of this one."""
    content, _ = build_as("rss", make_item(1))
    assert content.splitlines()[1] == b'<?xml-stylesheet type="text/css" href="/planet/feeds/style.css"?>'
    [address] = etree.fromstring(content).findall(".//{http://www.w3.org/1999/xhtml}code")
    assert address.text == make_twin("rss").self_link


def test_bytes_are_stable() -> None:
    """The same entries in another order give the same bytes."""
    items = [make_item(number) for number in range(9)]
    assert build_as("rss", *items) == build_as("rss", *reversed(items))


def test_a_frame_that_is_no_xml_is_refused() -> None:
    """A title that Atom could not say is refused, with the path of the file."""
    _, built = build_as("rss")
    with pytest.raises(PublishError, match=r"feeds/新媒体\.rss: the feed cannot be written as RSS"):
        build_rss(make_twin("rss"), make_frame(title="x\x00"), built)
