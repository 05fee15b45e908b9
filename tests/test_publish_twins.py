"""RSS and JSON Feed beside Atom: the same entries, whatever they hold, read back as they were."""

from __future__ import annotations

import json
import re
from calendar import timegm
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.entry import Entry, SafeHtml, Tag
from aggregator.model.key import entry_key
from aggregator.model.output import Built, OutputEntry
from aggregator.publish.atom import build_feed
from aggregator.publish.parts import parse_rss_date
from aggregator.publish.twins import build_twin, check_twin
from tests.post_records import entries as drawn_entries
from tests.post_records import naughty_strings
from tests.publish_records import bare_item, build_as, check_twins, make_frame, make_item, make_twin

_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_LINK = "{http://www.w3.org/2005/Atom}link"


def _address(text: str | None) -> str | None:
    return re.sub(r'[\s<>"\x00-\x20\x7f-\x9f]', "", text) if text else None


def _publishable(entry: Entry) -> Entry:
    """Return an entry that keeps its texts, and whose other parts the gate lets through."""
    date = entry.date.replace(year=1000 + entry.date.year % 2000, day=1)
    kinds = ("audio/mpeg", None)
    return replace(
        entry,
        published=date if entry.published else None,
        first_seen=None if entry.published else date,
        updated=date if entry.updated else None,
        link=_address(entry.link),
        feed=replace(entry.feed, id=None, link=_address(entry.feed.link)),
        language=None,
        authors=tuple(replace(person, uri=_address(person.uri), email=None) for person in entry.authors),
        tags=tuple(replace(tag, scheme=None) for tag in entry.tags),
        enclosures=tuple(
            replace(each, type=kinds[len(each.href) % 2], href=_address(each.href) or "") for each in entry.enclosures
        ),
    )


_ENTRIES = st.lists(drawn_entries.map(_publishable), max_size=4)


def _built(*entries: Entry) -> Built:
    items = [OutputEntry(key=entry_key(entry.source_id, entry.id), entry=entry) for entry in entries]
    return build_feed(make_frame(), items, source_order={})


def _rss_items(built: Built) -> list[etree._Element]:
    content = build_twin(make_twin("rss"), make_frame(), built)
    return etree.fromstring(content).findall("channel/item")


def _json_items(built: Built) -> list[dict[str, Any]]:
    content = build_twin(make_twin("json"), make_frame(), built)
    found: list[dict[str, Any]] = json.loads(content)["items"]
    return found


def _names(entry: Entry) -> list[str]:
    return [person.name for person in entry.authors] or [entry.author or entry.feed.title]


@settings(deadline=None, max_examples=60)
@given(_ENTRIES)
@pytest.mark.publishes("P33")
def test_every_entry_reads_back_from_rss(entries: list[Entry]) -> None:
    """Whatever stands in the Atom file stands in the RSS file: id, link, title, date, authors, content, enclosures."""
    built = _built(*entries)
    check_twins(make_frame(), built)
    items = _rss_items(built)
    assert [item.findtext("guid") for item in items] == list(built.ids)
    for item, ours in zip(items, (found.entry for found in built.entries), strict=True):
        assert item.findtext("title") == ours.title
        assert item.findtext("link") == ours.link
        assert parse_rss_date(item.findtext("pubDate") or "") == ours.date
        assert [creator.text for creator in item.iterfind(_CREATOR)] == [", ".join(_names(ours))]
        assert (
            item.findtext(_CONTENT) or (item.findtext("description") if ours.summary is None else None) or ""
        ) == ours.content
        hrefs = [element.get("url") or element.get("href") for element in item.iterchildren("enclosure", _LINK)]
        assert hrefs == [enclosure.href for enclosure in ours.enclosures]


@settings(deadline=None, max_examples=60)
@given(_ENTRIES)
@pytest.mark.publishes("P34")
def test_every_entry_reads_back_from_json(entries: list[Entry]) -> None:
    """Whatever stands in the Atom file stands in the JSON file: id, link, title, date, authors, content, enclosures."""
    built = _built(*entries)
    items = _json_items(built)
    assert [item["id"] for item in items] == list(built.ids)
    for item, ours in zip(items, (found.entry for found in built.entries), strict=True):
        assert item["title"] == ours.title
        assert item.get("url") == ours.link
        assert datetime.fromisoformat(item["date_published"]) == ours.date
        assert [author["name"] for author in item["authors"]] == _names(ours)
        assert item.get("content_html", "") == ours.content
        assert (item.get("summary") or item.get("content_text") or None) == ours.summary
        attachments = [(each["url"], each.get("size_in_bytes"), each.get("title")) for each in item.get("attachments", ())]
        assert attachments == [(each.href, each.length, each.title) for each in ours.enclosures]
        assert item.get("tags", []) == [tag.term for tag in ours.tags]


@pytest.mark.publishes("P19", "R85")
@settings(deadline=None, max_examples=40)
@given(_ENTRIES)
def test_feedparser_reads_every_entry(entries: list[Entry]) -> None:
    """What most readers are built on finds the same ids, pages, dates and enclosures."""
    built = _built(*entries)
    content = build_twin(make_twin("rss"), make_frame(), built)
    read = feedparser.parse(content, sanitize_html=False, resolve_relative_uris=False).entries

    assert [entry.id for entry in read] == list(built.ids)
    for entry, ours in zip(read, (found.entry for found in built.entries), strict=True):
        assert entry.get("link") == ours.link
        assert timegm(entry.published_parsed) == ours.date.timestamp()
        hrefs = [link.href for link in entry.get("links", ()) if link.rel == "enclosure"]
        assert hrefs == [enclosure.href for enclosure in ours.enclosures]


def test_naughty_strings_are_text(shared: Path) -> None:
    """Every string of the big list of naughty strings is published as title, author, tag and summary, and reads back equal."""
    strings = naughty_strings(shared)
    entries = [
        bare_item(number, title=text, author=text, summary=text, tags=(Tag(term=text),), content=SafeHtml("")).entry
        for number, text in enumerate(strings)
    ]
    for start in range(0, len(entries), 50):
        built = _built(*entries[start : start + 50])
        check_twins(make_frame(), built)
        assert len(built.ids) == len(entries[start : start + 50])
        texts = [found.entry.title for found in built.entries]
        assert [(item["title"], item["authors"][0]["name"], item["content_text"]) for item in _json_items(built)] == [
            (text, text, text) for text in texts
        ]
        rss = _rss_items(built)
        assert [(item.findtext("title"), item.findtext(_CREATOR), item.findall("category")[1].text) for item in rss] == [
            (text, text, text) for text in texts
        ]


@pytest.mark.publishes("P19")
def test_feedparser_shows_titles_as_they_are() -> None:
    """A title that speaks of markup is the same text to a reader of RSS as to one of Atom: it is escaped once."""
    titles = ["AT&T", "a < b && c > d", "“题” & “目”", "x ]]> y", "R&amp;D"]
    items = [bare_item(number, title=title) for number, title in enumerate(titles)]
    content, built = build_as("rss", *items)
    assert [item.entry.title for item in built.entries] == titles[::-1]
    read = [entry.title for entry in feedparser.parse(content, sanitize_html=False).entries]
    assert read == titles[::-1]


@pytest.mark.parametrize("format_", ["rss", "json"])
def test_a_twin_with_other_entries_is_refused(format_: str) -> None:
    """The gate compares the ids: a twin that lacks an entry of its Atom file never gets out."""
    _, built = build_as(format_, make_item(1), make_item(2))
    content, _ = build_as(format_, make_item(1))
    with pytest.raises(PublishError, match=rf"\.{format_}: it holds other entries than feeds/新媒体\.atom"):
        check_twin(content, make_twin(format_), make_frame(), built)


@pytest.mark.parametrize("format_", ["rss", "json"])
@pytest.mark.parametrize("changes", [{"page_link": "https://other.example/"}, {"title": " "}])
def test_a_twin_with_a_wrong_frame_is_refused(format_: str, changes: dict[str, str]) -> None:
    """The gate compares what the file says of itself with what the config says."""
    content, built = build_as(format_, make_item(1), **changes)
    with pytest.raises(PublishError, match=rf"feeds/新媒体\.{format_}: the feed as built is not valid"):
        check_twin(content, make_twin(format_), make_frame(), built)


@pytest.mark.parametrize("format_", ["rss", "json"])
def test_an_empty_feed_is_a_feed(format_: str) -> None:
    """A category without posts has its twins too, so that they can be subscribed to before its first entry."""
    content, built = build_as(format_)
    check_twin(content, make_twin(format_), make_frame(), built)
    assert built.ids == ()
