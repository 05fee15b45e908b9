from __future__ import annotations

import json
from base64 import b64encode
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
from aggregator.parse import NotAFeedError, UnreadableFeedError
from aggregator.parse.repair import MAX_GROWTH, repair_text
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


@pytest.mark.parametrize("cut", [10, 25, 60])
def test_a_cut_document_loses_only_the_cut_entry(cut: int) -> None:
    """A document that breaks off is incomplete, and the entry it breaks off in is left for the next poll."""
    whole = rss(
        "<item><guid>1</guid><title>one</title></item>"
        "<item><guid>2</guid><title>two</title><description>&lt;p&gt;many words about two&lt;/p&gt;</description></item>"
    )
    body = whole[: whole.index(b"<guid>2") + cut]

    feed = parse(body)

    assert not feed.complete
    assert [entry.id for entry in feed.entries] == ["1"]
    assert "breaks off" in " ".join(feed.warnings)
    assert parse(whole).complete


def test_a_document_cut_between_entries_keeps_them_all() -> None:
    """Entries that were closed are whole, even if the root element was not."""
    body = rss("<item><guid>1</guid><title>one</title></item>").removesuffix(b"</channel></rss>")

    feed = parse(body)

    assert not feed.complete
    assert [entry.id for entry in feed.entries] == ["1"]


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"", "text/xml", "empty body"),
        (b" \n\0 ", "text/xml", "empty body of 4 bytes"),
        (b"<!DOCTYPE html><html><head><title>Just a &amp; moment</title></head></html>", "text/html; charset=utf-8",
         'a web page, not a feed (text/html, 75 bytes, title "Just a & moment")'),
        (b"<html><svg><rdf:RDF xmlns:rdf='x'></rdf:RDF></svg></html>", "text/html", "a web page"),
        (b'{"error": "no"}', "application/json", "JSON, but no JSON Feed"),
        (b'{"items": [1, 2]}', "application/json", "JSON, but no JSON Feed"),
        (b'{"items": [', "application/json", "broken JSON"),
        (b"/dev/zero", "text/plain", "not a feed (text/plain, 9 bytes)"),
        (b"http://127.0.0.1:9/feed", "", "not a feed (no content type, 23 bytes)"),
        (b"<opml version='2.0'><body/></opml>", "text/xml", "not a feed"),
        (b"<kml xmlns:atom='http://www.w3.org/2005/Atom'><atom:author/></kml>", "text/xml", "not a feed"),
        (b"<entry><title>no namespace</title></entry>", "text/xml", "no element of one"),
        (b"\x1b[31mred", "text/plain", "not a feed"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_said_to_be_none(body: bytes, content_type: str, words: str) -> None:
    """A body that is no feed is refused in one line that says what came instead."""
    with pytest.raises(NotAFeedError) as caught:
        parse(body, (("content-type", content_type),))

    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_nested_json_is_refused() -> None:
    """JSON nested beyond all reason is refused, not a crash."""
    with pytest.raises(NotAFeedError):
        parse(b'{"items": ' + b"[" * 100_000)


@pytest.mark.parametrize(
    "prefix",
    [
        b"\xef\xbb\xbf",
        b"\n\n\n  ",
        b"<br />\n<b>Warning</b>: mysql_connect() in <b>/www/x.php</b> on line <b>3</b><br />\n",
        b"<!-- a comment with <rss> in it -->\n",
        b"<?xml-stylesheet href='x.css'?>",
        b"\n" * 65536,
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_what_stands_before_the_document_is_passed_over(prefix: bytes, *, declared: bool) -> None:
    """Marks, white space in any amount, comments and a server's warnings before a feed do not hide it."""
    body = rss("<item><guid>1</guid></item>")
    body = body if declared else body[body.index(b"<rss") :]

    assert [entry.id for entry in parse(prefix + body).entries] == ["1"]


def test_harmless_entities_are_read() -> None:
    """A DOCTYPE with short literal entities is no attack, and its entities are text."""
    body = (
        b'<!DOCTYPE rss [<!ENTITY site "Harbour &#38; Sea"><!ENTITY out SYSTEM "file:///etc/hostname">]>'
        b"<rss version='2.0'><channel><title>&site;</title><item><title>a &site; &nbsp;b &out; &lt;</title></item>"
        b"</channel></rss>"
    )

    feed = parse(body)

    assert feed.title is not None
    assert feed.title.value == "Harbour & Sea"
    assert feed.entries[0].title is not None
    assert feed.entries[0].title.value == "a Harbour & Sea \N{NO-BREAK SPACE}b &out; <"


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE r [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]>",
        "<!DOCTYPE r [" + "".join(f"<!ENTITY e{n} '&e{n - 1};'>" for n in range(1, 24_000)) + "]>",
        "<!DOCTYPE r [<!ENTITY a '" + "x" * 5000 + "'>]>",
        "<!DOCTYPE r [" + "".join(f"<!ENTITY e{n} 'x'>" for n in range(600)) + "]>",
        "<!DOCTYPE r [<!ENTITY % p 'x'><!ENTITY a '%p;'>]>",
    ],
)
def test_entity_bombs_are_refused(doctype: str) -> None:
    """Entities made of entities, huge ones and masses of them never reach a parser."""
    with pytest.raises(UnreadableFeedError, match="DOCTYPE"):
        parse(doctype.encode() + rss("<item><guid>1</guid><title>&a;</title></item>").partition(b"?>")[2])


def test_an_entity_used_too_often_stops_growing() -> None:
    """A short entity cannot be multiplied into gigabytes."""
    body = (
        b"<!DOCTYPE r [<!ENTITY a '"
        + b"x" * 1000
        + b"'>]>"
        + rss(f"<item><guid>1</guid><description>{'&a;' * 50_000}</description></item>").partition(b"?>")[2]
    )

    [entry] = parse(body).entries

    assert entry.content is not None
    assert len(entry.content.value) <= 1024 * 1024
    assert len(repair_text("&a;" * 50_000, {"a": "x" * 1000})) <= MAX_GROWTH


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a & b", "a & b"),
        ("a&nbsp;b &copy; &bogus;", "a\N{NO-BREAK SPACE}b © &bogus;"),
        ("nul\x00 vt\x0b esc\x1b", "nul vt esc"),
        ("&#xD83D;&#xDE00; &#55357;&#56832; &#xD83D; &#x110000; &#0; &#xFFFE;", "😀 😀"),
        ("<![CDATA[AT&T & &nbsp; x]]>", "AT&T & &nbsp; x"),
        ("ends ]]> here", "ends ]]> here"),
    ],
)
def test_faulty_text_is_repaired(written: str, read: str) -> None:
    """Bare ampersands, HTML's entities and what XML forbids cost no more than themselves."""
    feed = parse(rss(f"<item><guid>1</guid><title>{written}</title><description>kept</description></item>"))

    [entry] = feed.entries
    assert entry.title is not None
    assert entry.title.value.split() == read.split()
    assert entry.content is not None
    assert any("well-formed" in warning for warning in feed.warnings) or feed.warnings == ()


def test_healthy_entries_around_a_broken_one_are_kept() -> None:
    """Markup that nothing can repair costs its own entry at most."""
    feed = parse(
        rss(
            "<item><guid>1</guid><title>one</title></item>"
            "<item><guid>2</guid><title>two <b>bold</title><description><p>x<br></description></item>"
            "<item><guid>3</guid><title>three</title></item>"
        )
    )

    assert [entry.id for entry in feed.entries] == ["1", "2", "3"]
    assert feed.complete


def test_the_newest_entries_are_kept() -> None:
    """A document with more entries than the limit gives its newest: the first ones, or the last ones of an ascending feed."""
    dates = [f"{day:02d} Jan 2021 00:00:00 GMT" for day in range(1, 21)]
    ascending = [f"<item><guid>{date[:2]}</guid><pubDate>{date}</pubDate></item>" for date in dates]

    newest_last = parse(rss("".join(ascending)), limit=3)
    newest_first = parse(rss("".join(reversed(ascending))), limit=3)

    assert [entry.id for entry in newest_last.entries] == ["18", "19", "20"]
    assert [entry.id for entry in newest_first.entries] == ["20", "19", "18"]
    assert newest_first.warnings == ("20 entries; the newest 3 were taken",)


def test_reading_stops_at_a_flood_of_entries() -> None:
    """Of 12,000 items no more than 10,000 are read and 1,000 kept, and the feed counts as complete."""
    feed = parse(rss("<item><guid>1</guid></item>" * 12_000))

    assert len(feed.entries) == 1000
    assert feed.complete
    assert any("10,000" in warning for warning in feed.warnings)


def test_tags_and_content_are_bounded() -> None:
    """Five thousand categories and megabytes of text are cut, with a warning for the text."""
    feed = parse(
        rss(
            f"<item><guid>1</guid>{''.join(f'<category>c{n}</category>' for n in range(5000))}"
            f"<description>{'&lt;p&gt;word&lt;/p&gt;' * 120_000}</description></item>"
        )
    )

    [entry] = feed.entries
    assert entry.content is not None
    assert len(entry.tags) == 200
    assert len(entry.content.value) <= 1024 * 1024
    assert any("cut to 1,048,576" in warning for warning in feed.warnings)


def test_an_entry_document_is_a_feed_of_one() -> None:
    """An Atom Entry Document (RFC 4287 §2) gives its entry."""
    feed = parse(b"<entry xmlns='http://www.w3.org/2005/Atom'><id>urn:x:1</id><title>t</title></entry>")

    assert (feed.format, [entry.id for entry in feed.entries]) == ("atom10", ["urn:x:1"])


def test_the_content_type_does_not_decide() -> None:
    """A feed that is served as a web page is a feed."""
    assert parse(rss("<item><guid>1</guid></item>"), (("Content-Type", "text/html"),)).entries


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


def test_base64_brings_no_forbidden_characters() -> None:
    """What Base64 was made of may hold any byte: the characters that XML forbids are taken out of it as well."""
    encoded = b64encode(b"a\x10b\x00c <b>d</b>").decode()
    summary = f'<summary mode="base64">{encoded}</summary>'
    old = f'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>t</title>{summary}</entry></feed>'
    [entry] = parse(old.encode()).entries

    assert entry.content is not None
    assert entry.content.value == "abc <b>d</b>"


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
