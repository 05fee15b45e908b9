"""A sound JSON Feed, changed in one place: the look at it finds just that, and names the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aggregator.publish.findings import Weight
from aggregator.publish.json_document import examine_json
from tests.publish_records import NOON, build_as, make_item

_GOOD, _ = build_as("json", make_item(2, cover="https://cdn.example/2.jpg"), make_item(1), hubs=("https://hub.example/",))


def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    """Return the change that gives the field at the path another value."""

    def change(feed: dict[str, Any]) -> None:
        place: Any = feed
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


#: Change -> words and field of the one finding.
_DEFECTS: dict[str, tuple[Callable[[dict[str, Any]], None], str, str]] = {
    "first version": (_set("version", to="https://jsonfeed.org/version/1"), "its version is", "version"),
    "items as an object": (_set("items", to={}), "its items is not a list", "items"),
    "blank title": (_set("title", to=" "), "its title is empty", "title"),
    "relative page": (_set("home_page_url", to="/"), "its home_page_url is not absolute", "home_page_url"),
    "relative icon": (_set("icon", to="i.png"), "its icon is not absolute", "icon"),
    "language": (_set("language", to="zh_CN"), "no language tag", "language"),
    "hub without a type": (_set("hubs", to=[{"url": "https://hub.example/"}]), "a hub without a type", "hubs"),
    "hub that is a text": (_set("hubs", to=["https://hub.example/"]), "a hub without a type", "hubs"),
    "expired in words": (_set("expired", to="yes"), "its expired is not true or false", "expired"),
    "item as a text": (_set("items", 1, to="x"), "item 2 is not an object", "items"),
    "empty id": (_set("items", 0, "id", to=""), "item 1 has no id", "id"),
    "title as a number": (_set("items", 0, "summary", to=5), "its summary is not text", "summary"),
    "blank title of an item": (_set("items", 0, "title", to=" "), "item 1 has no title", "title"),
    "relative cover": (_set("items", 0, "image", to="/2.jpg"), "its image is not absolute", "image"),
    "no date": (_set("items", 0, "date_published", to=None), "its date_published is not text", "date_published"),
    "date of RSS": (
        _set("items", 0, "date_modified", to="Sun, 01 Mar 2026 12:00:00 GMT"),
        "its date_modified",
        "date_modified",
    ),
    "tag of an object": (_set("items", 0, "tags", to=[{"term": "go"}]), "a tag that is no text", "tags"),
    "tags as a text": (_set("items", 0, "tags", to="go"), "its tags is not a list", "tags"),
    "language of an item": (_set("items", 0, "language", to="Chinese (simplified)"), "no language tag", "language"),
    "our object": (_set("items", 0, "_feed_aggregator", to="x"), "is no object", "extensions"),
    "author as a text": (_set("items", 0, "authors", to=["Ann"]), "neither name, url nor avatar", "authors"),
    "author's page": (_set("items", 0, "authors", 0, "url", to="javascript:x"), "the url of an author", "authors"),
    "attachment that is nowhere": (
        _set("items", 0, "attachments", 0, "url", to="2.mp3"),
        "the url of an attachment",
        "attachments",
    ),
    "size in words": (_set("items", 0, "attachments", 0, "size_in_bytes", to="1234"), "size_in_bytes", "attachments"),
    "negative duration": (
        _set("items", 0, "attachments", 0, "duration_in_seconds", to=-1),
        "duration_in_seconds",
        "attachments",
    ),
    "handler": (_set("items", 0, "content_html", to='<p onclick="x()">'), "an event handler", "content_html"),
    "relative address": (_set("items", 0, "content_html", to='<img src="/x.png">'), "not absolute http(s)", "content_html"),
}


def test_the_sound_document_has_no_finding() -> None:
    """What every defect is a change of is sound."""
    assert examine_json(_GOOD).findings == ()


@pytest.mark.parametrize("defect", _DEFECTS)
def test_each_defect_is_found(defect: str) -> None:
    """One change, one finding, with the field that it breaks."""
    change, words, field = _DEFECTS[defect]
    feed = json.loads(_GOOD)
    change(feed)
    [finding] = examine_json(json.dumps(feed).encode()).findings

    assert words in finding.text
    assert finding.rule == f"JSON Feed 1.1, {field}"
    assert finding.advice
    assert finding.weight is not Weight.NOTE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is not JSON"),
        (b"\xef\xbb\xbf" + _GOOD, "it is not JSON"),
        (_GOOD.replace("新".encode(), b"\xff"), "it is not UTF-8"),
        (b'{"items": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": Infinity}', "Infinity is no number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (b'"x"', "it is not an object"),
    ],
)
def test_what_is_no_json_is_one_finding(content: bytes, words: str) -> None:
    """What cannot be read as an object of JSON is said so, and nothing else: however deep or long it is."""
    [finding] = examine_json(content).findings
    assert words in finding.text


@pytest.mark.parametrize("name", ["title", "hubs", "items"])
def test_no_depth_stops_the_look(name: str) -> None:
    """A value is looked at and shown at every depth that can be read at all, and just beyond."""
    for depth in (1, 10, 500, *range(940, 1010)):
        value = b"[" * depth + b"]" * depth
        content = b'{"version": "https://jsonfeed.org/version/1.1", "%s": %s}' % (name.encode(), value)
        assert examine_json(content).findings


def test_half_a_pair_of_surrogates_does_not_stop_the_look() -> None:
    """A text that no UTF-8 can hold is looked at like any other, and can be shown."""
    content = b'{"version": "\\ud800", "title": "\\ud800", "items": [{"id": "\\ud800", "url": "\\ud800"}]}'
    assert all(str(finding).isprintable() for finding in examine_json(content).findings)


def test_the_order_of_items_is_looked_at() -> None:
    """An item that is newer than the one before it is named."""
    feed = json.loads(_GOOD)
    feed["items"].reverse()
    [finding] = examine_json(json.dumps(feed).encode()).findings
    assert (finding.text, finding.entry) == ("item 2 is newer than the item before it", make_item(2).entry.id)


def test_a_date_in_the_future_is_a_finding_for_who_has_a_clock() -> None:
    """Only who gives a time is told of later dates."""
    assert examine_json(_GOOD, now=NOON + timedelta(hours=2)).findings == ()
    [finding] = examine_json(_GOOD, now=NOON + timedelta(minutes=90)).findings
    assert "lies in the future" in finding.text
