"""The JSON Feed 1.1 twin of a feed: what stands in it, and where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.errors import PublishError
from aggregator.model.entry import Enclosure, Episode, Person, SafeHtml
from aggregator.model.output import OutputEntry
from aggregator.publish.json_document import examine_json
from aggregator.publish.jsonfeed import build_json
from tests.publish_records import NOON, bare_item, build_as, make_frame, make_item, make_twin


def _feed(*items: OutputEntry) -> dict[str, Any]:
    content, _ = build_as("json", *items)
    assert examine_json(content).findings == ()
    feed: dict[str, Any] = json.loads(content)
    return feed


def _item(item: OutputEntry) -> dict[str, Any]:
    [made] = _feed(item)["items"]
    found: dict[str, Any] = made
    return found


@pytest.mark.publishes("P34")
def test_the_feed_says_whose_it_is() -> None:
    """The feed has version, title, page, its own address, author, language and id, the version first."""
    feed = _feed()
    assert list(feed.items()) == [
        ("version", "https://jsonfeed.org/version/1.1"),
        ("title", "新媒体"),
        ("home_page_url", "https://news.example/planet/"),
        ("feed_url", "https://news.example/planet/feeds/%E6%96%B0%E5%AA%92%E4%BD%93.json"),
        ("authors", [{"name": "小站"}]),
        ("language", "zh-CN"),
        ("_feed_aggregator", {"id": make_frame().id}),
        ("items", []),
    ]


@pytest.mark.publishes("P34")
def test_a_full_item() -> None:
    """An item has what Atom says of the entry; what the format has no word for stands in our own object."""
    assert _item(make_item(1, updated=NOON.replace(day=2), cover="https://cdn.example/1.jpg")) == {
        "id": "https://paper.example/id/1",
        "url": "https://paper.example/1.html",
        "title": "第 1 条: “a < b” & c",
        "content_html": str(make_item(1).entry.content),
        "summary": "摘要 1",
        "image": "https://cdn.example/1.jpg",
        "date_published": "2026-03-01T13:00:00+00:00",
        "date_modified": "2026-03-02T12:00:00+00:00",
        "authors": [{"name": "阿明", "url": "https://ming.example/"}],
        "tags": ["go"],
        "language": "zh-Hans",
        "attachments": [
            {"url": "https://cdn.example/1.mp3", "mime_type": "audio/mpeg", "title": "Hören", "size_in_bytes": 1234}
        ],
        "_feed_aggregator": {
            "category": ["新媒体", "早报"],
            "source": {
                "id": "tag:paper.example,2020:feed",
                "title": "早报",
                "url": "https://paper.example/",
                "rights": "© 早报",
            },
            "rights": "CC BY 4.0",
        },
    }


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"content": SafeHtml("<p>x</p>")}, {"content_html": "<p>x</p>"}),
        ({"content": SafeHtml("<p>x</p>"), "summary": "s"}, {"content_html": "<p>x</p>", "summary": "s"}),
        ({"content": SafeHtml(""), "summary": "a < b"}, {"content_text": "a < b"}),
        ({"content": SafeHtml("")}, {"content_text": ""}),
    ],
)
@pytest.mark.publishes("P34")
def test_one_of_the_contents_is_there(changes: dict[str, Any], body: dict[str, str]) -> None:
    """HTML where there is some, else the summary as text, else an empty text: never the title a second time."""
    made = _item(bare_item(**changes))
    assert {name: made[name] for name in ("content_html", "content_text", "summary") if name in made} == body


def test_an_attachment_has_a_type() -> None:
    """An attachment without a type has the one that its name says; an unknown length is left out."""
    made = _item(bare_item(enclosures=(Enclosure(href="https://cdn.example/a.opus"), Enclosure(href="https://cdn.example/b"))))
    assert made["attachments"] == [
        {"url": "https://cdn.example/a.opus", "mime_type": "audio/ogg"},
        {"url": "https://cdn.example/b", "mime_type": "application/octet-stream"},
    ]


def test_an_author_is_reached_where_atom_says() -> None:
    """An author's url is the page, else the e-mail address, as Atom publishes both; without authors it is the byline."""
    people = (Person(name="A", email="a@a.example"), Person(name="B"))
    assert _item(bare_item(authors=people))["authors"] == [{"name": "A", "url": "mailto:a@a.example"}, {"name": "B"}]
    assert _item(bare_item(author="The paper"))["authors"] == [{"name": "The paper"}]


@pytest.mark.parametrize(("files", "where"), [(make_item(1).entry.enclosures, "attachments"), ((), "episode")])
def test_an_episode_keeps_all_it_says(files: tuple[Enclosure, ...], where: str) -> None:
    """The duration is the first attachment's; the rest, and the duration where there is none, stands in our own object."""
    episode = Episode(duration=62, number=3, season=1, kind="bonus", explicit=False, image="https://cdn.example/1.jpg")
    made = _item(make_item(1, enclosures=files, episode=episode))
    ours = made["_feed_aggregator"]["episode"]
    duration = ours.pop("duration", None)

    assert (duration if where == "episode" else made["attachments"][0]["duration_in_seconds"]) == 62
    assert ours == {
        "season": 1,
        "episode": 3,
        "episodeType": "bonus",
        "explicit": False,
        "image": "https://cdn.example/1.jpg",
    }


def test_the_feed_names_its_picture_and_its_hubs() -> None:
    """A small square picture is both icon and favicon; hubs are of the type WebSub."""
    content, _ = build_as("json", icon="https://news.example/i.png", hubs=("https://hub.example/",))
    feed = json.loads(content)
    assert examine_json(content).findings == ()
    assert (feed["icon"], feed["favicon"]) == ("https://news.example/i.png", "https://news.example/i.png")
    assert feed["hubs"] == [{"type": "WebSub", "url": "https://hub.example/"}]


@pytest.mark.parametrize("cover", ["/c.jpg", "javascript:x", "https://a.example/\ud800", "https://a.example/ b", ""])
def test_a_cover_that_nobody_can_open_is_left_out(cover: str) -> None:
    """Atom has no place for covers, so a bad one is no reason to leave an entry out of one format only."""
    assert "image" not in _item(bare_item(cover=cover))


def test_letters_stand_as_they_are() -> None:
    """Text is UTF-8 and no escape, one field per line, so that a feed in version control can be read."""
    content, _ = build_as("json", make_item(1))
    assert '   "title": "第 1 条: “a < b” & c",\n' in content.decode()
    assert '   "authors": [{"name": "阿明", "url": "https://ming.example/"}],\n' in content.decode()
    assert content.endswith(b"\n  }\n ]\n}\n")


def test_bytes_are_stable() -> None:
    """The same entries in another order give the same bytes."""
    items = [make_item(number) for number in range(9)]
    assert build_as("json", *items) == build_as("json", *reversed(items))


def test_a_frame_that_is_no_utf8_is_refused() -> None:
    """A title with half of a surrogate pair is refused, with the path of the file."""
    _, built = build_as("json")
    with pytest.raises(PublishError, match=r"feeds/新媒体\.json: the feed cannot be written as JSON"):
        build_json(make_twin("json"), make_frame(title="\ud800"), built)
