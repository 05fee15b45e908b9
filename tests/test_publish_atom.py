"""A feed's frame and its entries -> Atom bytes."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import feedparser
import pytest

from aggregator.errors import PublishError
from aggregator.model.entry import Feed, Person, SafeHtml, Tag
from aggregator.model.key import atom_id
from aggregator.model.output import Tombstone
from aggregator.publish.atom import build_feed
from aggregator.publish.gate import check_document
from aggregator.publish.tombstones import DELETED_ENTRY
from tests.publish_records import (
    ATOM,
    NOON,
    attributes_of,
    bare_item,
    check_twins,
    entries_of,
    make_frame,
    make_item,
    read,
    schema_errors,
    text_of,
)

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@pytest.mark.publishes("P12")
def test_frame_is_written() -> None:
    """The feed carries the frame's id, title, author, language, self and alternate link, and no version."""
    frame = make_frame()
    feed = read(build_feed(frame, [], source_order={}).content)

    assert text_of(feed, "a:id") == frame.id
    assert text_of(feed, "a:title") == "新媒体"
    assert text_of(feed, "a:author/a:name") == "小站"
    assert text_of(feed, "a:generator") == "feed-aggregator"
    assert feed.get(_LANG) == "zh-CN"
    generator = feed.find("a:generator", ATOM)
    assert generator is not None
    assert generator.get("version") is None
    assert {link.get("rel"): link.get("href") for link in feed.findall("a:link", ATOM)} == {
        "self": frame.self_link,
        "alternate": frame.page_link,
    }


def test_hubs_are_named() -> None:
    """The feed names each hub (WebSub §4), and the gate lets it."""
    frame = make_frame(hubs=("https://hub.example/", "https://other.example/push?a=1&b=2"))
    content = build_feed(frame, [make_item(1)], source_order={}).content
    links = [link.get("href") for link in read(content).findall("a:link", ATOM) if link.get("rel") == "hub"]

    assert links == list(frame.hubs)
    check_document(content, frame)


def test_entry_is_written_whole() -> None:
    """Every field of an entry is in the feed, each where RFC 4287 wants it."""
    item = make_item(1, updated=NOON + timedelta(days=3))
    [entry] = entries_of(build_feed(make_frame(), [item], source_order={}).content)

    assert text_of(entry, "a:id") == item.entry.id
    assert text_of(entry, "a:title") == item.entry.title
    assert text_of(entry, "a:published") == "2026-03-01T13:00:00+00:00"
    assert text_of(entry, "a:updated") == "2026-03-04T12:00:00+00:00"
    assert text_of(entry, "a:author/a:name") == "阿明"
    assert text_of(entry, "a:author/a:uri") == "https://ming.example/"
    assert text_of(entry, "a:author/a:email") == "ming@paper.example"
    assert text_of(entry, "a:summary") == "摘要 1"
    assert text_of(entry, "a:rights") == "CC BY 4.0"
    assert entry.get(_LANG) == "zh-Hans"


@pytest.mark.parametrize("space", ["", "\n", "\r\n", "\t", "\u3000", "  \n "])
@pytest.mark.publishes("P16")
def test_content_is_the_html_byte_for_byte(space: str) -> None:
    """A reader that undoes XML's escaping gets exactly the HTML that was stored, outer space included."""
    html = SafeHtml(f'{space}<p title="&quot;">&amp;amp; &lt;b&gt; ]]&gt; 汉{space}</p>{space}<pre>\n a\n\n  b</pre>{space}')
    [entry] = entries_of(build_feed(make_frame(), [make_item(content=html)], source_order={}).content)

    content = entry.find("a:content", ATOM)
    assert content is not None
    assert content.get("type") == "html"
    assert content.text == html


@pytest.mark.publishes("P17")
def test_entry_without_content_has_a_link_only() -> None:
    """An empty content is not published as an empty article."""
    [entry] = entries_of(build_feed(make_frame(), [bare_item(content=SafeHtml(""))], source_order={}).content)

    assert entry.find("a:content", ATOM) is None
    assert len(entry.findall("a:link[@rel='alternate']", ATOM)) == 1


def test_undated_entry_claims_no_publication_date() -> None:
    """Where upstream gave no date, the day of first sight is `updated`, and `published` is absent."""
    item = bare_item(published=None, first_seen=NOON)
    [entry] = entries_of(build_feed(make_frame(), [item], source_order={}).content)

    assert text_of(entry, "a:published") is None
    assert text_of(entry, "a:updated") == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"authors": (Person(name="A"), Person(name="B")), "author": "Paper"}, ["A", "B"]),
        ({"author": "Paper"}, ["Paper"]),
        ({}, ["早报"]),
    ],
)
@pytest.mark.publishes("P13")
def test_author_is_upstreams_else_the_byline_else_the_source(changes: dict[str, object], names: list[str]) -> None:
    """Every entry names an author: upstream's, else the byline of the config, else the source's title."""
    [entry] = entries_of(build_feed(make_frame(), [bare_item(**changes)], source_order={}).content)

    assert [name.text for name in entry.findall("a:author/a:name", ATOM)] == names


@pytest.mark.publishes("P20")
def test_our_category_is_told_apart_by_its_scheme() -> None:
    """Our category comes with the address of our list of feeds as scheme, upstream's tags as they came."""
    tags = (Tag(term="go", scheme="https://paper.example/tags", label="Go"), Tag(term="新媒体"))
    [entry] = entries_of(build_feed(make_frame(), [make_item(tags=tags)], source_order={}).content)

    assert [attributes_of(category) for category in entry.findall("a:category", ATOM)] == [
        {
            "term": "新媒体/早报",
            "scheme": "https://news.example/planet/feeds/index.opml",
            "label": "新媒体 / 早报",
        },
        {"term": "go", "scheme": "https://paper.example/tags", "label": "Go"},
        {"term": "新媒体"},
    ]


def test_category_scheme_is_one_for_the_whole_site() -> None:
    """An entry carries the same bytes in every feed that it stands in."""
    item = make_item()
    parts = [
        build_feed(make_frame(category), [item], source_order={}).content.partition(b"<entry")[2]
        for category in ((), ("新媒体",), ("新媒体", "早报"))
    ]

    assert parts[0] == parts[1] == parts[2]


@pytest.mark.publishes("P14", "P21")
def test_source_says_where_the_entry_came_from() -> None:
    """atom:source holds upstream's id, title, page and rights, and the entry's own date."""
    [entry] = entries_of(build_feed(make_frame(), [make_item()], source_order={}).content)

    assert text_of(entry, "a:source/a:id") == "tag:paper.example,2020:feed"
    assert text_of(entry, "a:source/a:title") == "早报"
    assert text_of(entry, "a:source/a:rights") == "© 早报"
    assert text_of(entry, "a:source/a:updated") == text_of(entry, "a:updated")
    link = entry.find("a:source/a:link", ATOM)
    assert link is not None
    assert (link.get("rel"), link.get("href")) == ("alternate", "https://paper.example/")


def test_source_without_an_id_gets_one_that_stays() -> None:
    """A source whose feed has no id is named by an urn derived from its key in the config."""
    [first, second] = entries_of(build_feed(make_frame(), [bare_item(1), bare_item(2)], source_order={}).content)

    assert text_of(first, "a:source/a:id") == text_of(second, "a:source/a:id") == atom_id("paper", "")


@pytest.mark.publishes("P5")
def test_id_that_is_no_iri_becomes_an_urn() -> None:
    """An upstream id such as `12345` is published as an urn derived from it."""
    built = build_feed(make_frame(), [make_item(id="12345")], source_order={})

    assert built.ids == (atom_id("paper", "12345"),)
    assert text_of(entries_of(built.content)[0], "a:id") == built.ids[0]
    assert built.ids[0].startswith("urn:uuid:")


@pytest.mark.post_row("D43")
@pytest.mark.publishes("P10", "R79")
def test_order_of_the_input_does_not_matter() -> None:
    """The same entries in any order give the same bytes."""
    items = [make_item(number, source_id=f"s{number % 3}") for number in range(20)]
    items += [make_item(number, source_id="twin") for number in range(5)]
    expected = build_feed(make_frame(), items, source_order={"twin": 0})

    for seed in range(5):
        random.Random(seed).shuffle(items)
        again = build_feed(make_frame(), items, source_order={"twin": 0})
        assert again.content == expected.content
        assert again.ids == expected.ids
        assert sorted(out.key for out in again.left_out) == sorted(out.key for out in expected.left_out)


@pytest.mark.publishes("P7")
def test_an_entry_is_not_changed_before_it_was_published() -> None:
    """A post whose date a hand has moved past its `updated` is dated by it in every format, and no gate refuses its feed."""
    frame = make_frame()
    built = build_feed(frame, [make_item(3, updated=NOON), make_item(2)], source_order={})
    assert text_of(entries_of(built.content)[0], "a:updated") == "2026-03-01T15:00:00+00:00"
    check_document(built.content, frame)
    check_twins(frame, built)


def test_an_undated_entry_that_was_edited_keeps_its_place() -> None:
    """It stands by when it was first seen; its later `updated` makes no feed of ours one in the wrong order."""
    frame = make_frame()
    edited = make_item(1, published=None, first_seen=NOON, updated=NOON + timedelta(days=3))
    built = build_feed(frame, [edited, make_item(2)], source_order={})
    assert built.ids == ("https://paper.example/id/2", "https://paper.example/id/1")
    check_document(built.content, frame)
    check_twins(frame, built)


def test_updated_is_that_of_the_newest_change() -> None:
    """The feed's `updated` is the latest of its entries', which need not be the first one's."""
    built = build_feed(make_frame(), [make_item(1, updated=NOON + timedelta(days=9)), make_item(2)], source_order={})

    assert built.updated == NOON + timedelta(days=9)
    assert text_of(read(built.content), "a:updated") == "2026-03-10T12:00:00+00:00"


@pytest.mark.publishes("P7")
def test_empty_feed_is_valid_and_carries_no_clock(shared: Path) -> None:
    """A feed without entries is a valid document with a fixed date."""
    built = build_feed(make_frame(), [], source_order={})

    assert (built.ids, built.updated, built.floor) == ((), None, None)
    assert text_of(read(built.content), "a:updated") == "1970-01-01T00:00:00+00:00"
    check_document(built.content, make_frame())
    assert schema_errors(built.content, shared) == []


@pytest.mark.publishes("P22")
def test_newest_entries_fill_the_feed() -> None:
    """At most `max_entries` stand in the feed, and the floor says from when on it is complete."""
    built = build_feed(make_frame(max_entries=3), [make_item(number) for number in range(10)], source_order={})

    assert [entry_id.rpartition("/")[2] for entry_id in built.ids] == ["9", "8", "7"]
    assert built.floor == NOON + timedelta(hours=7)


def test_feed_that_is_not_full_has_no_floor() -> None:
    """Where nothing had to give way, nothing is excused for missing."""
    assert build_feed(make_frame(max_entries=3), [make_item(1), make_item(2)], source_order={}).floor is None


@pytest.mark.publishes("P22")
def test_bytes_are_bounded() -> None:
    """The oldest entries give way before the feed outgrows its bytes."""
    items = [make_item(number, content=SafeHtml(f"<p>{'汉' * 3000}</p>")) for number in range(20)]
    built = build_feed(make_frame(max_bytes=100_000), items, source_order={})

    assert 85_000 < len(built.content) <= 100_000
    assert [entry_id.rpartition("/")[2] for entry_id in built.ids] == [str(19 - place) for place in range(len(built.ids))]
    assert built.floor is not None


def test_limit_of_bytes_is_used_to_the_last() -> None:
    """A feed of exactly the limit keeps every entry; one byte less costs the oldest."""
    items = [make_item(1), make_item(2, tags=(), summary=None), bare_item(3)]
    size = len(build_feed(make_frame(), items, source_order={}).content)

    assert len(build_feed(make_frame(max_bytes=size), items, source_order={}).ids) == 3
    assert len(build_feed(make_frame(max_bytes=size - 1), items, source_order={}).ids) == 2


def test_what_is_said_to_be_gone_does_not_widen_the_limit() -> None:
    """A feed that also names deleted entries stays within its bytes as exactly as any other."""
    items = [make_item(number) for number in range(20)]
    gone = [Tombstone(id=f"urn:x:{number}", at=NOON) for number in range(3)]
    sizes = [
        len(build_feed(make_frame(max_entries=number), items, source_order={}, tombstones=gone).content) for number in (7, 8)
    ]

    for limit, kept in ((sizes[0], 7), (sizes[1] - 1, 7), (sizes[1], 8)):
        built = build_feed(make_frame(max_bytes=limit), items, source_order={}, tombstones=gone)
        assert (len(built.ids), len(built.content) <= limit) == (kept, True)
    assert build_feed(make_frame(max_bytes=1), [], source_order={}, tombstones=gone).ids == ()


def test_newest_entry_stands_however_big() -> None:
    """An entry bigger than the whole feed is published alone instead of never."""
    built = build_feed(make_frame(max_bytes=1000), [make_item(1), make_item(2)], source_order={})

    assert len(built.ids) == 1


@pytest.mark.publishes("R77")
def test_bad_entry_costs_only_itself() -> None:
    """One entry that cannot be published is named with its reason, and the others are published."""
    bad = make_item(2, title="bell \x07")
    built = build_feed(make_frame(), [make_item(1), bad, make_item(3)], source_order={})

    assert len(built.ids) == 2
    [out] = built.left_out
    assert (out.key, out.source_id, out.title) == (bad.key, "paper", "bell \x07")
    assert "U+0007" in out.reason
    check_document(built.content, make_frame())


@pytest.mark.parametrize("changes", [{"summary": 5}, {"content": None}, {"feed": Feed(title="s", rights=b"x")}])  # type: ignore[arg-type]
def test_entry_that_breaks_its_types_costs_only_itself(changes: dict[str, object]) -> None:
    """Even an entry that is not what its types promise is left out and named, instead of losing the feed."""
    built = build_feed(make_frame(), [make_item(1), bare_item(2, **changes)], source_order={})

    assert len(built.ids) == 1
    assert "cannot be written as Atom" in built.left_out[0].reason


def test_left_out_entry_makes_room() -> None:
    """An entry that is left out takes no place from an older one."""
    items = [make_item(1), make_item(2), make_item(3, title=" ")]

    assert len(build_feed(make_frame(max_entries=2), items, source_order={}).ids) == 2


@pytest.mark.parametrize("changes", [{"title": "x\x00"}, {"title": ""}, {"id": ""}, {"author": "\ud800"}])
def test_frame_that_cannot_be_written_is_refused(changes: dict[str, str]) -> None:
    """A control character or nothing at all in the feed's own title is an error that names the output."""
    with pytest.raises(PublishError, match=r"feeds/新媒体\.atom") as caught:
        check_document(build_feed(make_frame(**changes), [], source_order={}).content, make_frame(**changes))

    assert caught.value.output == "feeds/新媒体.atom"


@pytest.mark.publishes("P19")
def test_feedparser_reads_back_what_was_written() -> None:
    """The reference parser finds id, title, link, date, author, enclosure, tags and source as they went in."""
    items = [make_item(number) for number in range(3)]
    content = build_feed(make_frame(), items, source_order={}).content
    parsed = feedparser.parse(content, sanitize_html=False, resolve_relative_uris=False)

    assert not parsed.bozo
    assert parsed.version == "atom10"
    for read_back, item in zip(parsed.entries, reversed(items), strict=True):
        entry = item.entry
        assert (read_back.id, read_back.title, read_back.link) == (entry.id, entry.title, entry.link)
        assert datetime.fromisoformat(read_back.published) == entry.published
        assert read_back.content[0].value == entry.content
        assert (read_back.author_detail.name, read_back.author_detail.email) == ("阿明", "ming@paper.example")
        [enclosure] = read_back.enclosures
        assert (enclosure.href, enclosure.type, enclosure.length) == (entry.enclosures[0].href, "audio/mpeg", "1234")
        assert [tag.term for tag in read_back.tags] == ["新媒体/早报", "go"]
        assert (read_back.source.title, read_back.source.id) == ("早报", "tag:paper.example,2020:feed")


@pytest.mark.parametrize("items", [[], [bare_item()], [make_item(number) for number in range(50)]])
def test_built_feed_passes_schema_and_gate(items: list[object], shared: Path) -> None:
    """What is built passes the RELAX NG schema of RFC 4287 and our own gate."""
    built = build_feed(make_frame(), items, source_order={})  # type: ignore[arg-type]

    check_document(built.content, make_frame())
    assert schema_errors(built.content, shared) == []
    assert built.left_out == ()


def test_feed_without_language_has_none() -> None:
    """A site that names no language publishes no xml:lang of its own."""
    assert read(build_feed(make_frame(language=None), [], source_order={}).content).get(_LANG) is None


def test_entry_of_a_source_with_a_bare_title() -> None:
    """A source of which only the title is known still gives a complete atom:source."""
    [entry] = entries_of(build_feed(make_frame(), [bare_item(feed=Feed(title="T"))], source_order={}).content)
    source = entry.find("a:source", ATOM)

    assert source is not None
    assert [child.tag.rpartition("}")[2] for child in source] == ["id", "title", "updated"]


@pytest.mark.publishes("P24")
def test_what_is_gone_is_said(shared: Path) -> None:
    """A feed names what was deleted (RFC 6721), newest first, at most 50, and nothing that stands in it; it is valid."""
    items = [make_item(1), make_item(2)]
    standing = Tombstone(id=build_feed(make_frame(), items, source_order={}).ids[0], at=NOON)
    gone = [Tombstone(id=f"urn:x:{number}", at=NOON + timedelta(minutes=number)) for number in range(60)]
    built = build_feed(make_frame(), items, source_order={}, tombstones=[standing, *gone])

    root = read(built.content)
    found = [(element.get("ref"), element.get("when")) for element in root.iter(DELETED_ENTRY)]
    assert len(found) == 50
    latest = NOON + timedelta(minutes=59)
    newest = max(latest, *(item.entry.date for item in items))
    assert found[0] == ("urn:x:59", f"{latest:%Y-%m-%dT%H:%M:%SZ}")
    assert found[-1][0] == "urn:x:10"
    assert built.updated == newest
    assert schema_errors(built.content, shared) == []
    check_document(built.content, make_frame())
    again = build_feed(make_frame(), items, source_order={}, tombstones=[*reversed(gone), standing])
    assert again.content == built.content
