"""Documents that are broken, cut, hostile, far too long or no feed: what is sound in them is read, and nothing grows."""

from __future__ import annotations

from base64 import b64encode

import pytest

from aggregator.parse import NotAFeedError, UnreadableFeedError
from aggregator.parse.repair import MAX_GROWTH, repair_text
from tests.parsing import parse, rss


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


def test_the_content_type_does_not_decide() -> None:
    """A feed that is served as a web page is a feed."""
    assert parse(rss("<item><guid>1</guid></item>"), (("Content-Type", "text/html"),)).entries


def test_base64_brings_no_forbidden_characters() -> None:
    """What Base64 was made of may hold any byte: the characters that XML forbids are taken out of it as well."""
    encoded = b64encode(b"a\x10b\x00c <b>d</b>").decode()
    summary = f'<summary mode="base64">{encoded}</summary>'
    old = f'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>t</title>{summary}</entry></feed>'
    [entry] = parse(old.encode()).entries

    assert entry.content is not None
    assert entry.content.value == "abc <b>d</b>"
