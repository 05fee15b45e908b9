"""Documents as they should be, in every format: each field arrives as it was written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aggregator.model.changes import Hints
from aggregator.model.parsed import (
    GUESS,
    HTML,
    TEXT,
    ParsedEnclosure,
    ParsedEntry,
    ParsedEpisode,
    ParsedPerson,
    ParsedTag,
    ParsedText,
    hash_entry,
    hash_without_episode,
)
from tests.parsing import XML, atom, parse, rss

RDF = b"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://x.example/"><title>Tide tables</title><link>https://x.example/</link></channel>
<item rdf:about="tide-1"><title>Ebb</title><link>https://x.example/1</link><dc:date>2021-09-11</dc:date>
<dc:creator>Ida</dc:creator></item></rdf:RDF>"""


def test_rss_is_read_as_written() -> None:
    """Every field of an RSS 2.0 item arrives as text, untouched."""
    [entry] = parse(
        rss(
            "<item><title>Tom &amp;amp; Jerry</title><link>/one</link><guid isPermaLink='false'> 42 </guid>"
            "<description>short</description><content:encoded>&lt;p&gt;long&lt;/p&gt;</content:encoded>"
            "<pubDate>Sat, 11 Sep 2021 00:22:19 GMT</pubDate><author>ann@x.example (Ann)</author>"
            "<category domain='https://x.example/tags'>sea</category>"
            "<enclosure url='a.mp3' type='audio/mpeg' length='12'/></item>"
        )
    ).entries

    assert (entry.id, entry.link, entry.published) == ("42", "/one", "Sat, 11 Sep 2021 00:22:19 GMT")
    assert entry.title == ParsedText(value="Tom &amp; Jerry", type=GUESS)
    assert entry.content == ParsedText(value="<p>long</p>", type=HTML)
    assert entry.summary == ParsedText(value="short", type=HTML)
    assert entry.authors == (ParsedPerson(name="ann@x.example (Ann)"),)
    assert entry.tags == (ParsedTag(term="sea", scheme="https://x.example/tags"),)
    assert entry.enclosures == (ParsedEnclosure(href="a.mp3", type="audio/mpeg", length="12"),)


def test_atom_is_read_as_written() -> None:
    """An Atom entry's text constructs keep the type that was declared."""
    [entry] = parse(
        atom(
            "<entry><id>urn:x:1</id><title type='text'>a &amp;amp; b</title><link href='/a'/>"
            "<summary type='html'>&lt;i&gt;s&lt;/i&gt;</summary>"
            "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x &lt; y</p></div></content>"
            "<published>2021-09-11T00:00:00Z</published><updated>2021-09-12T00:00:00Z</updated>"
            "<author><name>Ann</name><uri>https://ann.example/</uri></author><rights>free</rights></entry>"
        )
    ).entries

    assert entry.title == ParsedText(value="a &amp; b", type=TEXT)
    assert entry.summary == ParsedText(value="<i>s</i>", type=HTML)
    assert entry.content == ParsedText(value="<p>x &lt; y</p>", type=HTML)
    assert (entry.published, entry.updated) == ("2021-09-11T00:00:00Z", "2021-09-12T00:00:00Z")
    assert entry.authors == (ParsedPerson(name="Ann", uri="https://ann.example/"),)
    assert entry.rights == ParsedText(value="free", type=TEXT)


def test_rdf_ids_are_read() -> None:
    """RSS 1.0 items stand outside the channel and are named by rdf:about."""
    feed = parse(RDF)

    assert feed.format == "rss10"
    assert [(entry.id, entry.updated) for entry in feed.entries] == [("tide-1", "2021-09-11")]


@pytest.mark.parametrize("guid", ["123", "a/../b", "//host/x", "http:///odd", "HTTP://Host/%7e", "post 1", "日本", "http://[x"])
def test_ids_stay_as_written(guid: str) -> None:
    """No id is resolved, decoded or normalised, whatever xml:base stands around it."""
    [item] = parse(rss(f"<item><guid>{guid}</guid><title>t</title></item>")).entries
    [entry] = parse(
        atom(f"<entry><id>{guid}</id><title>t</title></entry>", attributes='xml:base="https://base.example/x/"')
    ).entries

    assert (item.id, entry.id) == (guid, guid)


def test_the_same_document_from_a_mirror_has_the_same_hashes() -> None:
    """The address of a document changes nothing in what was parsed."""
    body = rss("<item><guid>1</guid><link>/a</link><description>&lt;img src='b.png'&gt;</description></item>")

    assert [hash_entry(entry) for entry in parse(body).entries] == [hash_entry(entry) for entry in parse(body).entries]
    assert parse(body).entries[0].link == "/a"


def test_bases_nest_and_end_with_their_element() -> None:
    """A relative xml:base joins the one around it, and does not leak to the next entry."""
    first, second = parse(
        atom(
            "<entry xml:base='deep/'><id>1</id><link href='x'/><content type='html'>&lt;hr&gt;</content></entry>"
            "<entry><id>2</id><link href='x'/></entry>",
            attributes='xml:base="/top/"',
        )
    ).entries

    assert (first.link, second.link) == ("/top/deep/x", "/top/x")
    assert first.content is not None
    assert first.content.base == "/top/deep/"


def test_a_base_of_an_entry_does_not_leak() -> None:
    """Without a base on the root element an entry's own base ends with that entry."""
    first, second = parse(
        atom("<entry xml:base='https://a.example/'><id>1</id><link href='x'/></entry><entry><id>2</id><link href='x'/></entry>")
    ).entries

    assert (first.link, second.link) == ("https://a.example/x", "x")


@pytest.mark.parametrize(
    "element",
    ["<links>x</links>", "<links a='b'/>", "<tags>x</tags>", "<authors a='b'>x</authors>", "<title_detail>x</title_detail>"],
)
def test_an_element_called_like_a_key_of_the_reader_displaces_nothing(element: str) -> None:
    """What no format knows changes nothing, also where feedparser keeps something of its own under that name."""
    plain = "<item><title>One</title><link>/1</link><author>A</author><category>c</category>{}</item>"

    assert parse(rss(plain.format(element), element)) == parse(rss(plain.format("")))


def test_a_date_in_attributes_is_none() -> None:
    """Of an element without a handler feedparser keeps the attributes, under the name that it has for dates."""
    [entry] = parse(atom("<entry><id>1</id><date ref='x'/></entry>")).entries

    assert entry.updated is None


def test_other_vocabularies_do_not_displace_the_text() -> None:
    """itunes:summary and media:description fill in for a missing description, and never replace one."""
    [entry] = parse(
        rss(
            "<item><title>Real</title><media:title>Other</media:title><description>&lt;p&gt;notes&lt;/p&gt;</description>"
            "<itunes:summary>plain notes</itunes:summary><media:description>alt</media:description></item>"
        )
    ).entries
    [video] = parse(
        rss("<item><media:group><media:title>V</media:title><media:description>about</media:description></media:group></item>")
    ).entries

    assert entry.title is not None
    assert entry.content is not None
    assert (entry.title.value, entry.content.value) == ("Real", "<p>notes</p>")
    assert video.title is not None
    assert video.content is not None
    assert (video.title.value, video.content.value) == ("V", "about")


def test_a_title_further_in_is_not_the_title() -> None:
    """A title inside some other element of an item does not displace the item's own, nor its type."""
    [entry] = parse(
        atom("<entry><id>1</id><title>own</title><wrap><title type='html'>&lt;b&gt;inner&lt;/b&gt;</title></wrap></entry>")
    ).entries

    assert entry.title == ParsedText(value="own", type=TEXT)


def test_one_file_of_a_media_group() -> None:
    """Of a group's sizes the default one is taken, thumbnails and images are images, files outside groups all count."""
    [entry] = parse(
        rss(
            "<item><guid>v</guid><media:group><media:content url='/s.mp4' type='video/mp4'/>"
            "<media:content url='/l.mp4' type='video/mp4' isDefault='true' fileSize='9'/></media:group>"
            "<media:content url='/x.mp3' medium='audio'/><media:content url='/p.jpg' medium='image'/>"
            "<media:thumbnail url='/t.jpg'/></item>"
        )
    ).entries

    assert entry.enclosures == (
        ParsedEnclosure(href="/l.mp4", type="video/mp4", length="9"),
        ParsedEnclosure(href="/x.mp3"),
    )
    assert entry.images == ("/t.jpg", "/p.jpg")


def test_links_of_the_feed() -> None:
    """feedburner:origLink is the true link; among alternates the first HTML one is taken; rel=self is none."""
    burned, many = parse(
        rss(
            "<item><link>https://feeds.example/~r/x</link>"
            "<feedburner:origLink>https://blog.example/x</feedburner:origLink></item>"
            "<item><atom:link rel='self' href='/self'/><atom:link rel='alternate' type='application/json' href='/j'/>"
            "<atom:link rel='alternate' href='/h'/><title>t</title></item>"
        )
    ).entries

    assert (burned.link, many.link) == ("https://blog.example/x", "/h")


def test_hints() -> None:
    """ttl, the syndication module, skipHours and skipDays are all read, not only their last members."""
    feed = parse(
        rss(
            "",
            "<ttl>90</ttl><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>"
            "<skipHours><hour>1</hour><hour>24</hour><hour>99</hour><hour>x</hour></skipHours>"
            "<skipDays><day>sunday</day><day>Monday</day><day>Noday</day></skipDays>",
        )
    )

    assert feed.hints == Hints(ttl_minutes=90, update_period_minutes=360, skip_hours=(0, 1), skip_days=("Monday", "Sunday"))


def test_atom_content_out_of_line_and_in_base64() -> None:
    """Content with `src` is an address; base64 text is decoded; binary content is no text (RFC 4287 §4.1.3)."""
    away, text, binary = parse(
        atom(
            "<entry><id>1</id><content src='/a.mp4' type='video/mp4'/></entry>"
            "<entry><id>2</id><content type='text/html' mode='base64'>PHA+aGk8L3A+</content></entry>"
            "<entry><id>3</id><content type='image/png'>AAAA</content><summary>a picture</summary></entry>"
        )
    ).entries

    assert (away.content, away.content_src, away.content_src_type) == (None, "/a.mp4", "video/mp4")
    assert text.content == ParsedText(value="<p>hi</p>", type=HTML)
    assert binary.content == ParsedText(value="a picture", type=TEXT)


def test_an_entry_document_is_a_feed_of_one() -> None:
    """An Atom Entry Document (RFC 4287 §2) gives its entry."""
    feed = parse(b"<entry xmlns='http://www.w3.org/2005/Atom'><id>urn:x:1</id><title>t</title></entry>")

    assert (feed.format, [entry.id for entry in feed.entries]) == ("atom10", ["urn:x:1"])


def test_json_feed() -> None:
    """JSON Feed 1.1 is read; numbers stay as written; the older `author` counts where there is no `authors`."""
    feed = parse(
        b"\xef\xbb\xbf"
        + json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "Quiet",
                "home_page_url": "https://q.example/",
                "language": "en",
                "items": [
                    {
                        "id": 1.0,
                        "url": "/1",
                        "title": "One\ud800",
                        "content_html": "<p>a</p>",
                        "summary": "s",
                        "date_published": "2021-09-11T00:00:00Z",
                        "tags": ["x", 3, None, ""],
                        "author": {"name": "Ann"},
                        "image": "/i.png",
                        "attachments": [{"url": "/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 12}, {"url": None}],
                    },
                    {"id": "2", "content_text": "a < b", "authors": [{"name": "Bob", "url": "https://b.example/"}]},
                    "junk",
                ],
            }
        ).encode(),
        (("content-type", "application/feed+json"),),
    )

    first, second = feed.entries
    assert (feed.format, feed.link, feed.language) == ("json11", "https://q.example/", "en")
    assert (first.id, first.link, first.published, first.images) == ("1.0", "/1", "2021-09-11T00:00:00Z", ("/i.png",))
    assert first.title == ParsedText(value="One", type=TEXT)
    assert first.content == ParsedText(value="<p>a</p>", type=HTML)
    assert first.tags == (ParsedTag(term="x"), ParsedTag(term="3"))
    assert first.authors == (ParsedPerson(name="Ann"),)
    assert first.enclosures == (ParsedEnclosure(href="/a.mp3", type="audio/mpeg", length="12"),)
    assert second.content == ParsedText(value="a < b", type=TEXT)
    assert second.authors == (ParsedPerson(name="Bob", uri="https://b.example/"),)
    assert feed.warnings == ("1 of 3 items are no objects and were passed over",)


def test_json_feed_without_a_version() -> None:
    """JSON with a title and items is read as JSON Feed although it names no version, with a warning."""
    feed = parse(b'{"title": "t", "items": [{"id": 7}]}')

    assert [entry.id for entry in feed.entries] == ["7"]
    assert "no version" in feed.warnings[0]


def test_hashes_tell_fields_apart() -> None:
    """The raw hash differs for any two entries that differ, also when text only moves between fields."""
    bodies = [
        "<guid>1</guid><title>ab</title><description>c</description>",
        "<guid>1</guid><title>a</title><description>bc</description>",
        "<guid>1</guid><title>ab</title><content:encoded>c</content:encoded><description>d</description>",
        "<guid>1</guid><category>x</category><category>y</category>",
        "<guid>1</guid><category>xy</category>",
        "<guid>1</guid><category domain='x'>y</category>",
        "<guid>1</guid><pubDate>x</pubDate>",
        "<guid>1</guid><dc:date>x</dc:date>",
    ]
    hashes = {hash_entry(parse(rss(f"<item>{body}</item>")).entries[0]) for body in bodies}

    assert len(hashes) == len(bodies)
    assert {len(hashed) for hashed in hashes} == {16}
    assert parse(rss("<item><guid>1</guid></item>"), XML).entries[0] == parse(rss("<item><guid>1</guid></item>"), ()).entries[0]


#: Any prefix, any case of the namespace, an attribute that nobody asked for, and markup so broken that it is guessed at.
_EPISODE = (
    '<i:duration unit="clock">1:02:03</i:duration><i:episode>14</i:episode><i:season>2</i:season>'
    '<i:episodeType>Bonus</i:episodeType><i:explicit>true</i:explicit><i:image href="art/14.png"/>'
)


_BASE = 'xml:base="https://cast.example/"'


_NAMESPACE = f'xmlns:i="http://www.itunes.com/DTDs/Podcast-1.0.dtd" {_BASE}'


@pytest.mark.parametrize(
    "document",
    [
        f'<rss version="2.0" {_NAMESPACE}><channel><item>{_EPISODE}</item></channel></rss>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" {_NAMESPACE}><entry>{_EPISODE}</entry></feed>',
        f'<rss version="2.0" {_NAMESPACE}><channel><item><title>a <b</title>{_EPISODE}</item></channel></rss>',
        f'<rss version="2.0" {_BASE}><channel><item>{_EPISODE.replace("i:", "itunes:")}</item></channel></rss>',
    ],
    ids=["rss", "atom", "broken", "undeclared"],
)
def test_an_episode_is_read_as_written(document: str) -> None:
    """What podcasts say of an entry is read from RSS and Atom, whatever the prefix, and no word of it is interpreted."""
    [entry] = parse(document.encode()).entries

    assert entry.episode == ParsedEpisode(
        duration="1:02:03",
        number="14",
        season="2",
        kind="Bonus",
        explicit="true",
        image="https://cast.example/art/14.png",
    )
    assert entry.images == ("https://cast.example/art/14.png",)


def test_what_the_show_says_is_not_said_of_its_episodes() -> None:
    """Rating and picture of the channel stay with it; an item that says nothing is no episode."""
    channel = '<itunes:explicit>yes</itunes:explicit><itunes:image href="/show.png"/><itunes:duration>9</itunes:duration>'
    [entry] = parse(rss("<item><title>t</title><itunes:duration/></item>", channel)).entries

    assert entry.episode is None


def test_json_feed_tells_how_long_its_first_file_plays() -> None:
    """`duration_in_seconds` of the first attachment that has an address counts, as a number as it is written."""
    files: list[list[object]] = [
        [
            {"duration_in_seconds": 1},
            7,
            {"url": "/a.mp3", "duration_in_seconds": 62.50},
            {"url": "/b", "duration_in_seconds": 3},
        ],
        [{"url": "/a.mp3"}, {"url": "/b.mp3", "duration_in_seconds": 3}],
        [{"url": "/a.mp3", "duration_in_seconds": [3]}],
    ]
    items = [{"id": str(number), "attachments": attachments} for number, attachments in enumerate(files)]
    feed = parse(json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": items}).encode())

    assert [entry.episode for entry in feed.entries] == [ParsedEpisode(seconds="62.5"), None, None]


def test_the_hash_of_an_entry_that_is_no_episode_is_what_it_always_was() -> None:
    """No entry looks changed to a version that reads episodes: the hash, here of the version before, has not moved."""
    entry = ParsedEntry(
        id="i",
        link="https://a.example/1",
        title=ParsedText(value="T"),
        content=ParsedText(value="<p>x</p>", type=HTML),
        published="p",
        authors=(ParsedPerson(name="n"),),
        tags=(ParsedTag(term="t"),),
        enclosures=(ParsedEnclosure(href="https://a.example/1.mp3", type="audio/mpeg", length="12"),),
        images=("https://a.example/1.png",),
    )
    episode = replace(entry, episode=ParsedEpisode(duration="9"))

    assert hash_entry(entry).hex() == "ce8ec145b1a221e9fd0a2540aa5809d6"
    assert hash_without_episode(episode) == hash_entry(entry) != hash_entry(episode)
    assert hash_entry(replace(entry, episode=ParsedEpisode(number="9"))) != hash_entry(episode)
