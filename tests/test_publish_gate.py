"""The gate: what it catches in an entry, in a document and in a swap. One row per seeded defect."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aggregator.errors import PublishError
from aggregator.model.entry import Enclosure, Feed, Person, SafeHtml, Tag
from aggregator.model.output import Built, LeftOut, OutputEntry
from aggregator.publish.atom import build_feed
from aggregator.publish.document import examine, parse_date, read_standing
from aggregator.publish.gate import check_document, check_swap, find_refusal
from tests.publish_records import NOON, bare_item, make_frame, make_item

_ENTRY_DEFECTS: dict[str, tuple[dict[str, Any], str]] = {
    "control character in title": ({"title": "a\x0bb"}, "title holds the character U+000B"),
    "surrogate in summary": ({"summary": "\ud83d"}, "summary holds the character U+D83D"),
    "noncharacter in content": ({"content": SafeHtml("<p>\uffff</p>")}, "content holds the character U+FFFF"),
    "NUL in tag": ({"tags": (Tag(term="a\x00"),)}, "tag holds the character U+0000"),
    "control character in source": ({"feed": Feed(title="\x1b[31m")}, "source holds the character U+001B"),
    "control character in author": ({"authors": (Person(name="\x08"),)}, "author holds the character U+0008"),
    "control character in category": ({"categories": ("a", "\x07")}, "category holds the character U+0007"),
    "control character in enclosure": (
        {"enclosures": (Enclosure(href="https://a.example/", title="\x07"),)},
        "enclosure holds the character U+0007",
    ),
    "no title": ({"title": ""}, "has no title"),
    "blank title": ({"title": " \u3000"}, "has no title"),
    "title of two lines": ({"title": "a\nb"}, "several lines"),
    "neither link nor content": ({"link": None, "content": SafeHtml("")}, "neither a link nor content"),
    "no category": ({"categories": ()}, "empty part"),
    "empty category": ({"categories": ("a", "")}, "empty part"),
    "no date": ({"published": None}, "no date at all"),
    "date without a zone": ({"published": datetime(2026, 1, 1)}, "`published` is not in UTC"),  # noqa: DTZ001 - the defect
    "date in another zone": (
        {"published": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1, seconds=17)))},
        "`published` is not in UTC",
    ),
    "year 1": ({"published": NOON.replace(year=1)}, "lies in the year 1 "),
    "year 9999": ({"updated": NOON.replace(year=9999)}, "lies in the year 9999"),
    "link runs a script": ({"link": "javascript:alert(1)"}, "its link is not absolute http(s)"),
    "link is relative": ({"link": "/post/1"}, "its link is not absolute http(s)"),
    "link holds a space": ({"link": "https://a.example/a b"}, "its link is not absolute http(s)"),
    "source link is data": ({"feed": Feed(title="s", link="data:,x")}, "link of its source"),
    "source id is relative": ({"feed": Feed(title="s", id="feed")}, "id of its source"),
    "source has no title": ({"feed": Feed(title="")}, "source has no title"),
    "enclosure by ftp": ({"enclosures": (Enclosure(href="ftp://a.example/x"),)}, "enclosure is not absolute http(s)"),
    "enclosure type": ({"enclosures": (Enclosure(href="https://a.example/", type="mp3"),)}, "no media type: 'mp3'"),
    "enclosure type of three parts": (
        {"enclosures": (Enclosure(href="https://a.example/", type="a/b/c"),)},
        "no media type: 'a/b/c'",
    ),
    "enclosure length": ({"enclosures": (Enclosure(href="https://a.example/", length=-1),)}, "negative length"),
    "author without a name": ({"authors": (Person(name=""),)}, "author has no name"),
    "author address": ({"authors": (Person(name="a", uri="javascript:x"),)}, "address of an author"),
    "author e-mail": ({"authors": (Person(name="a", email="nobody"),)}, "e-mail address has no @"),
    "empty byline": ({"author": " "}, "byline is empty"),
    "language": ({"language": "Deutsch (alt)"}, "no language tag"),
    "tag without a term": ({"tags": (Tag(term=""),)}, "tag has no term"),
    "tag scheme": ({"tags": (Tag(term="a", scheme="topics"),)}, "scheme of a tag"),
    "script in content": ({"content": SafeHtml("<p>x</p><script>x</script>")}, "a <script> element"),
    "handler in content": ({"content": SafeHtml('<img src="https://a.example/" onerror="x">')}, "an event handler"),
    "script address in content": ({"content": SafeHtml('<a href="javascript:x">y</a>')}, "not absolute http(s)"),
    "relative link in content": ({"content": SafeHtml('<a href="../x">y</a>')}, "not absolute http(s)"),
    "relative image in content": ({"content": SafeHtml('<img src="x.png">')}, "not absolute http(s)"),
    "form in content": ({"content": SafeHtml("<form></form>")}, "a <form> element"),
    "open tag in content": ({"content": SafeHtml('<p>x</p><a href="https://a.example/')}, "cannot be read"),
}


@pytest.mark.parametrize(("changes", "words"), _ENTRY_DEFECTS.values(), ids=_ENTRY_DEFECTS)
@pytest.mark.publishes("P1", "P17", "P18", "R82")
def test_defect_keeps_the_entry_out(changes: dict[str, Any], words: str) -> None:
    """The entry with the defect is left out with a reason that names the RFC, and its neighbours are published."""
    bad = bare_item(2, **changes)

    built = build_feed(make_frame(), [make_item(1), bad, make_item(3)], source_order={})

    assert [entry_id.rpartition("/")[2] for entry_id in built.ids] == ["3", "1"]
    [out] = built.left_out
    assert out.key == bad.key
    assert words in out.reason
    assert re.search(r"\(RFC 4287 §\d", out.reason)
    assert "\n" not in out.reason
    check_document(built.content, make_frame())


@pytest.mark.parametrize("item", [make_item(), bare_item(), bare_item(link=None), bare_item(content=SafeHtml(""))])
def test_sound_entry_passes(item: OutputEntry) -> None:
    """An entry with everything, with nothing optional, without a link, or without content is let through."""
    assert find_refusal(item) is None


def _cut(pattern: str, with_: str = "", *, count: int = 1) -> Callable[[str], str]:
    def edit(text: str) -> str:
        edited, done = re.subn(pattern, with_, text, count=count, flags=re.DOTALL)
        assert done, f"the document holds no {pattern}"
        return edited

    return edit


_ENTRY_ID = r"<id>https://paper.example/id/2</id>"
_DOCUMENT_DEFECTS: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda _: "", "not well-formed"),
    "truncated": (lambda text: text[:-30], "not well-formed"),
    "control character": (_cut("第 2", "\x07"), "not well-formed"),
    "undefined entity": (_cut("第 2", "&nbsp;"), "not well-formed"),
    "document type": (_cut(r"<feed", '<!DOCTYPE feed [<!ENTITY x "y">]>\n<feed'), "document type"),
    "not a feed": (lambda _: "<rss version='2.0'/>", "its root is <rss>"),
    "no namespace": (_cut(r' xmlns="[^"]*"'), "its root is <feed>"),
    "feed without id": (_cut(r"<id>.*?</id>"), "the feed has no id"),
    "feed with two titles": (_cut(r"<title>", "<title>a</title><title>"), "the feed has 2 title"),
    "feed without updated": (_cut(r"<updated>.*?</updated>"), "the feed has no updated"),
    "feed with an empty title": (_cut(r"<title>新媒体", "<title>"), "title is empty"),
    "feed id is relative": (_cut(r"<id>urn:uuid:", "<id>"), "no absolute IRI"),
    "feed of another id": (_cut(r"<id>urn:uuid:.", "<id>urn:uuid:x"), "its id is 'urn:uuid:x"),
    "feed at another address": (_cut(r'/feeds/([^"]*" rel="self")', r"/elsewhere/\1"), "its self is"),
    "feed with another page": (_cut(r'planet/" rel="alternate"', 'x/" rel="alternate"'), "its alternate is"),
    "no self link": (_cut(r"<link[^>]*self[^>]*>"), "no link with rel=self"),
    "two self links": (_cut(r"(<link[^>]*self[^>]*>)", r"\1\1"), "2 link with rel=self"),
    "no page": (_cut(r'<link[^>]*alternate" type="text/html"/>'), "no link with rel=alternate"),
    "self link is relative": (_cut(r'href="https://news.example/planet/feeds', 'href="/feeds'), "not absolute http(s)"),
    "unknown element": (_cut(r"<generator>", "<pubDate>x</pubDate><generator>"), "<pubDate>, which does not belong"),
    "element in no namespace": (_cut(r"<generator>", '<x xmlns=""/><generator>'), "in no namespace"),
    "two generators": (_cut(r"<generator>", "<generator/><generator>"), "2 generator elements"),
    "entry without id": (_cut(_ENTRY_ID), "has no id"),
    "two entries with one id": (_cut(_ENTRY_ID, "<id>https://paper.example/id/1</id>"), "2 entries share the id"),
    "entry without title": (_cut(r"<title>第 2.*?</title>"), "has no title"),
    "title in no namespace": (_cut(r"<title>第 2", '<title xmlns="">第 2'), "entry 1 has no title"),
    "title with markup": (_cut(r"<title>第 2", '<title type="html">第 2'), "not plain text"),
    "title with elements": (_cut(r"<title>第 2", "<title><b/>第 2"), "not plain text"),
    "date without a zone": (_cut(r"T14:00:00\+00:00</updated>\n    <author>", "T14:00:00</updated><author>"), "no RFC 3339"),
    "date in lower case": (_cut(r"T14:00:00\+00:00</published>", "t14:00:00z</published>"), "no RFC 3339"),
    "impossible date": (_cut(r"2026-03-01T14(\S*</published>)", r"2026-02-30T14\1"), "no RFC 3339"),
    "offset with seconds": (_cut(r"\+00:00</published>", "+01:00:17</published>"), "no RFC 3339"),
    "feed dated by the clock": (_cut(r"<updated>2026", "<updated>2027"), "not that of its newest entry"),
    "links that lost their relation": (
        _cut(r' rel="[a-z]+"(?=[^<]*/>\n    <(link|summary))', "", count=0),
        "several alternate",
    ),
    "unknown relation": (_cut(r'rel="via"', 'rel="origin"'), "unknown link relation 'origin'"),
    "enclosure without an address": (_cut(r'href="https://cdn.example/2.mp3"'), "enclosure link is not absolute"),
    "type that is none": (_cut(r'type="audio/mpeg"', 'type="mp3"'), "no media type"),
    "length that is none": (_cut(r'length="1234"', 'length="1.2 MB"'), "no number of bytes"),
    "two contents": (_cut(r"<summary>", "<content/><summary>"), "2 content elements"),
    "content of type CDATA": (_cut(r'<content type="html"', '<content type="CDATA"'), "type 'CDATA'"),
    "html that is not escaped": (_cut(r'<content type="html">', '<content type="html"><b/>'), "holds elements"),
    "neither content nor link": (
        lambda text: _cut(r"<link[^>]*2.html[^>]*alternate[^>]*>")(_cut(r"<content.*?</content>")(text)),
        "neither content nor an alternate link",
    ),
    "script in content": (_cut(r"&lt;hr", "&lt;script&gt;&lt;hr"), "a <script> element"),
    "no author anywhere": (_cut(r"<author>.*?</author>", "", count=0), "has no author"),
    "author without a name": (_cut(r"<name>阿明</name>", "<name> </name>"), "a person without a name"),
    "author e-mail": (_cut(r"<email>[^<]*", "<email>ming"), "no e-mail address"),
    "author address": (_cut(r"<uri>https://", "<uri>"), "address of a person"),
    "category without a term": (_cut(r' term="go"'), "without a term"),
    "language": (_cut(r'xml:lang="zh-Hans"', 'xml:lang="zh_Hans"'), "no language tag"),
    "no source": (_cut(r"<source>.*?</source>"), "does not say where it came from"),
    "source without a date": (_cut(r"(<source>.*?)<updated>.*?</updated>", r"\1"), "source has no updated"),
    "source link": (
        _cut(r'<link href="https://paper.example/" rel', '<link href="javascript:x" rel'),
        "its source: the address",
    ),
}


@pytest.mark.parametrize(("edit", "words"), _DOCUMENT_DEFECTS.values(), ids=_DOCUMENT_DEFECTS)
@pytest.mark.publishes("P2", "P12", "P13")
def test_defect_refuses_the_document(edit: Callable[[str], str], words: str) -> None:
    """A document with the defect is refused; the message names the file, the fault and what becomes of the old file."""
    sound = build_feed(make_frame(), [make_item(1), make_item(2)], source_order={}).content
    check_document(sound, make_frame())

    with pytest.raises(PublishError) as caught:
        check_document(edit(sound.decode()).encode(), make_frame())

    assert caught.value.output == "feeds/新媒体.atom"
    assert str(caught.value).startswith("feeds/新媒体.atom: ")
    assert words in str(caught.value)
    assert "The last good file is kept" in str(caught.value)


def test_message_names_three_faults_and_counts_the_rest() -> None:
    """A document that is wrong all over gives a message that can still be read."""
    sound = build_feed(make_frame(), [make_item(number) for number in range(9)], source_order={}).content
    broken = sound.replace(b"<summary>", b"<content/><summary>")

    with pytest.raises(PublishError, match="and 6 more"):
        check_document(broken, make_frame())
    assert len(examine(broken).faults) == 9


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2026-03-01T12:00:00Z", True),
        ("2026-03-01T12:00:00.25+05:30", True),
        ("2026-03-01", False),
        ("2026-03-01T12:00:00", False),
        ("2026-03-01 12:00:00Z", False),
        ("2026-13-01T12:00:00Z", False),
        ("9999-12-31T23:59:59-23:59", False),
        ("٢٠٢٦-03-01T12:00:00Z", False),
        ("2026-03-01T12:00:00Z\n", False),
        ("", False),
    ],
)
@pytest.mark.publishes("P9")
def test_dates_of_rfc_3339(text: str, good: bool) -> None:  # noqa: FBT001 - a column of the table
    """A date needs time and zone, in ASCII, and must exist."""
    assert (parse_date(text) is not None) is good


# --- the swap -------------------------------------------------------------------------------------------------------


def _build(numbers: range | list[int], max_entries: int = 50, **changes: Any) -> Built:
    return build_feed(
        make_frame(max_entries=max_entries), [make_item(number, **changes) for number in numbers], source_order={}
    )


def _swap(old: bytes | None, new: Built, gone: frozenset[str] = frozenset()) -> None:
    check_swap(old, new, output="feeds/新媒体.atom", gone_on_purpose=gone)


def _ids(numbers: range) -> frozenset[str]:
    return frozenset(make_item(number).entry.id for number in numbers)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (range(10), range(10)),
        (range(10), range(12)),
        (range(10), range(5)),  # exactly half
        ([], range(3)),
        ([], []),
        ([1], range(50, 100)),  # one entry, pushed out of a full feed
    ],
)
def test_swap_that_loses_no_more_than_half_passes(old: list[int], new: list[int]) -> None:
    """A feed that keeps at least half of what it held may be replaced."""
    _swap(_build(old).content, _build(new))


def test_first_file_passes() -> None:
    """Where there is no old file nothing can be lost."""
    _swap(None, _build(range(3)))


@pytest.mark.parametrize("old", [b"", b"<html></html>", b"<feed", b"\xff\xfe\x00", "<feed/>".encode("utf-16")])
def test_broken_old_file_protects_nothing(old: bytes) -> None:
    """An old file that cannot be read as a feed is replaced."""
    _swap(old, _build(range(3)))


def test_vanishing_majority_is_refused() -> None:
    """If more than half would vanish the swap is refused, and the message says what, how many, and what to do."""
    with pytest.raises(PublishError) as caught:
        _swap(_build(range(10)).content, _build(range(4)))

    message = str(caught.value)
    assert message.startswith("feeds/新媒体.atom: 6 of 10 entries would vanish")
    assert make_item(9).entry.title in message
    assert "The last good file is kept" in message
    assert "delete feeds/新媒体.atom in the public folder and run `aggregator build`" in message
    assert caught.value.output == "feeds/新媒体.atom"


def test_emptied_feed_is_refused() -> None:
    """A feed never becomes empty by accident."""
    with pytest.raises(PublishError, match="1 of 1 entries"):
        _swap(_build([1]).content, _build([]))


def test_lost_tail_of_a_feed_that_is_not_full_is_refused() -> None:
    """Older entries may only be missing if newer ones filled the feed: ten of fifty places push nobody out."""
    with pytest.raises(PublishError, match="10 of 10"):
        _swap(_build(range(10)).content, _build(range(20, 30)))


def test_fifty_new_entries_push_fifty_old_ones_out() -> None:
    """A feed whose every place went to newer entries is a busy one, not a broken one."""
    _swap(_build(range(50)).content, _build(range(50, 100)))


def test_hole_among_the_newer_entries_of_a_full_feed_is_refused() -> None:
    """Entries newer than the oldest one in a full feed had their place there, so they count."""
    new = _build([*range(10), *range(40, 50)], max_entries=20)

    with pytest.raises(PublishError, match="30 of 50"):
        _swap(_build(range(50)).content, new)


def test_ties_at_the_edge_of_a_full_feed_do_not_count() -> None:
    """Of entries with one date the last places go by id; those that found none are not missed."""
    old = _build(range(10, 14), published=NOON).content

    _swap(old, _build(range(10, 14), max_entries=1, published=NOON))


def test_smaller_feed_by_config_passes() -> None:
    """A lower number of entries in the config shortens the feed without asking."""
    _swap(_build(range(50)).content, _build(range(50), max_entries=10))


def test_smaller_feed_by_bytes_passes() -> None:
    """Entries that gave way to the limit of bytes are not missed."""
    items = [make_item(number) for number in range(50)]
    new = build_feed(make_frame(max_bytes=10_000), items, source_order={})

    assert len(new.ids) < 10
    _swap(_build(range(50)).content, new)


def test_what_is_gone_on_purpose_does_not_count() -> None:
    """Deleted and withdrawn entries neither count as lost nor as part of what must stay."""
    old = _build(range(10)).content

    _swap(old, _build(range(2)), _ids(range(2, 10)))
    _swap(old, _build([]), _ids(range(10)))
    with pytest.raises(PublishError, match="2 of 3"):
        _swap(old, _build(range(1)), _ids(range(3, 10)))


def test_message_says_when_the_gate_itself_emptied_the_feed() -> None:
    """If most entries were left out by the gate, the refusal names one of them and its reason."""
    with pytest.raises(PublishError, match=r"The gate left 10 entries out, .* because it has no title"):
        _swap(_build(range(10)).content, _build(range(10), title=""))


def test_standing_entries_are_read_without_following_anything() -> None:
    """An old file with external entities is read as it stands: nothing is fetched, nothing is expanded."""
    old = _build(range(2)).content.replace(b"<feed", b'<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/hostname">]><feed')

    assert read_standing(old) is None


def test_undated_entries_are_placed_by_updated() -> None:
    """An entry without `published` is placed by its `updated`."""
    built = build_feed(make_frame(), [bare_item(published=None, first_seen=NOON)], source_order={})
    [standing] = read_standing(built.content) or ()

    assert (standing.id, standing.title, standing.date) == (bare_item().entry.id, bare_item().entry.title, NOON)


def test_entries_left_out_stay_values() -> None:
    """Being left out is a value that a worker can send, not an exception."""
    [out] = _build([1], title="").left_out

    assert isinstance(out, LeftOut)
