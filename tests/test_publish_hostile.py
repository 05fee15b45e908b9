"""Entries that nobody should send: the feed stands, valid, with every entry either in it or named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.model.entry import Enclosure, Entry, Feed, Person, SafeHtml, Tag
from aggregator.model.key import entry_key
from aggregator.model.output import OutputEntry
from aggregator.publish.atom import build_feed
from aggregator.publish.gate import check_document, check_swap
from tests.publish_records import ATOM, NOON, check_twins, entries_of, make_frame, make_item, schema_errors, text_of

_CHARACTERS = st.characters() | st.sampled_from("\x00\x07\x0b\r\n\t\x85\ud800\udfff\ufffe\uffff]<>&\"'　\u202e汉\U0001f389")
_TEXT = st.text(_CHARACTERS, max_size=12)
_ADDRESS = st.sampled_from(
    ["https://a.example/x?y=1&z=<", "http://例子.example/", "https://a.example/x", "javascript:alert(1)", "/x", "", "data:,x"]
) | _TEXT.map("https://a.example/".__add__)
_HTML = st.lists(
    st.sampled_from(["<p>", "</p>", "<br>", "&amp;", "]]>", "<![CDATA[", '<a href="https://a.example/">', "<script>", "&#0;"])
    | _TEXT,
    max_size=6,
).map(lambda parts: SafeHtml("".join(parts)))
_DATE = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(  # noqa: DTZ001 - a zone comes next
    lambda date: date.replace(tzinfo=UTC)
) | st.integers(-500, 500).map(lambda hours: NOON + timedelta(hours=hours))


def _maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


_ENTRY = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["urn:x:1", "urn:x:2", "1", ""]) | _ADDRESS | _TEXT,
        "source_id": st.sampled_from(["a", "b", "汉"]),
        "title": st.sampled_from(["A title", "“题” <b> &amp; ]]>"]) | _TEXT,
        "categories": st.just(("新媒体",)) | st.lists(_TEXT, max_size=3).map(tuple),
        "content": _HTML,
        "published": _maybe(_DATE),
        "first_seen": _DATE,
        "feed": st.builds(Feed, title=st.just("S") | _TEXT, id=_maybe(_ADDRESS), link=_maybe(_ADDRESS), rights=_maybe(_TEXT)),
    },
    optional={
        "author": _maybe(_TEXT),
        "link": _maybe(_ADDRESS),
        "updated": _maybe(_DATE),
        "authors": st.lists(st.builds(Person, name=_TEXT, uri=_maybe(_ADDRESS), email=_maybe(_TEXT)), max_size=2).map(tuple),
        "tags": st.lists(st.builds(Tag, term=_TEXT, scheme=_maybe(_ADDRESS), label=_maybe(_TEXT)), max_size=2).map(tuple),
        "language": _maybe(st.sampled_from(["zh-CN", "x_y", ""])),
        "summary": _maybe(_TEXT),
        "rights": _maybe(_TEXT),
        "enclosures": st.lists(
            st.builds(
                Enclosure,
                href=_ADDRESS,
                type=_maybe(st.sampled_from(["audio/mpeg", "mp3", "/", ""])),
                length=_maybe(st.integers()),
                title=_maybe(_TEXT),
            ),
            max_size=2,
        ).map(tuple),
    },
)


def _items(fields: list[dict[str, object]]) -> list[OutputEntry]:
    """Return the drawn entries, each with a key of its own."""
    numbers = count()
    return [
        OutputEntry(key=entry_key("k", str(next(numbers))), entry=Entry(**each))  # type: ignore[arg-type]
        for each in fields
    ]


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_ENTRY, max_size=5), st.randoms(use_true_random=False))
@pytest.mark.publishes("P1", "R76", "R77")
def test_hostile_entries_never_cost_the_feed(shared: Path, fields: list[dict[str, object]], order: object) -> None:
    """Whatever the entries hold, the feed is valid in every format; the sound one is in it, each other in it or named."""
    items = [*_items(fields), make_item(1)]

    built = build_feed(make_frame(), items, source_order={"paper": 0})

    check_document(built.content, make_frame())
    check_swap(built.content, built, output="x", gone_on_purpose=frozenset())
    assert schema_errors(built.content, shared) == []
    check_twins(make_frame(), built)
    assert make_item(1).entry.id in built.ids
    assert len(built.ids) + len(built.left_out) == len(items)
    assert all(out.reason.isprintable() for out in built.left_out)
    order.shuffle(items)  # type: ignore[attr-defined]
    assert build_feed(make_frame(), items, source_order={"paper": 0}).content == built.content


@settings(deadline=None, max_examples=200)
@given(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\t]<>&\"'"), max_size=40),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("]<>&\"'"), min_size=1, max_size=40),
)
@pytest.mark.publishes("P16", "R85")
def test_published_text_is_read_back_equal(html: str, title: str) -> None:
    """Whatever is published is read back exactly: content, title, and the texts in attributes."""
    item = make_item(content=SafeHtml(html), title=title, tags=(Tag(term="t", label=title),))

    built = build_feed(make_frame(), [item], source_order={})

    for entry in entries_of(built.content):
        content = entry.find("a:content", ATOM)
        assert html == ("" if content is None else content.text)
        assert text_of(entry, "a:title") == title
        assert [category.get("label") for category in entry.findall("a:category", ATOM)][1:] == [title]
    assert len(built.ids) + len(built.left_out) == 1
