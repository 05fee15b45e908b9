"""Records that the publishing tests build from, and the schema that everything they build must pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from aggregator.model.entry import Enclosure, Entry, Episode, Feed, Person, SafeHtml, Tag
from aggregator.model.key import entry_key, feed_id
from aggregator.model.output import Built, OutputEntry, OutputFeed, Twin
from aggregator.publish.addresses import output_path, public_url, style_link, twin_path
from aggregator.publish.atom import build_feed
from aggregator.publish.twins import build_twin, check_twin

SITE_URL = "https://news.example/planet/"
SITE_ID = "urn:uuid:0f8b6b1e-7f0a-4b6e-9b1c-2f3d4c5b6a79"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ATOM = {"a": "http://www.w3.org/2005/Atom"}


def make_frame(category: tuple[str, ...] = ("新媒体",), /, **changes: Any) -> OutputFeed:
    """Return the frame of one category's feed."""
    path = output_path(category, ())
    fields: dict[str, Any] = {
        "path": path,
        "id": feed_id(SITE_ID, category),
        "title": " / ".join(category) or "全部",
        "self_link": public_url(SITE_URL, path),
        "page_link": SITE_URL,
        "style": style_link(SITE_URL),
        "author": "小站",
        "language": "zh-CN",
        "max_entries": 50,
        "max_bytes": 1024 * 1024,
    }
    return OutputFeed(category=category, **fields | changes)


def make_twin(format_: str, /, frame: OutputFeed | None = None) -> Twin:
    """Return what a feed is in another format."""
    path = twin_path((frame or make_frame()).path, format_)
    return Twin(format=format_, path=path, self_link=public_url(SITE_URL, path))


def build_as(format_: str, /, *items: OutputEntry, **changes: Any) -> tuple[bytes, Built]:
    """Build a feed of the entries; return it in that format, and what was built as Atom."""
    frame = make_frame(**changes)
    built = build_feed(frame, items, source_order={})
    return build_twin(make_twin(format_), frame, built), built


def check_twins(frame: OutputFeed, built: Built) -> None:
    """Have the gate of each other format look at what was built."""
    for format_ in ("rss", "json"):
        twin = make_twin(format_, frame)
        check_twin(build_twin(twin, frame, built), twin, frame, built)


def make_item(number: int = 1, /, **changes: Any) -> OutputEntry:
    """Return an entry that has everything an entry can have; each number is an hour later than the one before."""
    fields: dict[str, Any] = {
        "id": f"https://paper.example/id/{number}",
        "source_id": "paper",
        "title": f"第 {number} 条: “a < b” & c",
        "categories": ("新媒体", "早报"),
        "content": SafeHtml(f'<p>正文 {number} &amp; <a href="https://paper.example/x?a=1&amp;b=2">more</a></p>\n<hr>'),
        "published": NOON + timedelta(hours=number),
        "first_seen": None,
        "feed": Feed(title="早报", id="tag:paper.example,2020:feed", link="https://paper.example/", rights="© 早报"),
        "link": f"https://paper.example/{number}.html",
        "authors": (Person(name="阿明", uri="https://ming.example/", email="ming@paper.example"),),
        "tags": (Tag(term="go", scheme="https://paper.example/tags", label="Go"),),
        "language": "zh-Hans",
        "summary": f"摘要 {number}",
        "rights": "CC BY 4.0",
        "enclosures": (Enclosure(href=f"https://cdn.example/{number}.mp3", type="audio/mpeg", length=1234, title="Hören"),),
    }
    entry = Entry(**fields | changes)
    return OutputEntry(key=entry_key(entry.source_id, entry.id), entry=entry)


def episode_item(number: int = 1, /, **changes: Any) -> OutputEntry:
    """Return an entry that is an episode of a podcast, with everything that one can have."""
    image = f"https://cdn.example/{number}.png?a=1&b=2"
    episode = Episode(duration=3723, season=2, number=number, kind="bonus", explicit=False, image=image)
    return make_item(number, **{"episode": episode} | changes)


def bare_item(number: int = 1, /, **changes: Any) -> OutputEntry:
    """Return an entry with nothing optional but a link."""
    nothing: dict[str, Any] = {"authors": (), "tags": (), "language": None, "summary": None, "rights": None}
    nothing |= {"enclosures": (), "feed": Feed(title="早报")}
    return make_item(number, **nothing | changes)


def read(content: bytes) -> etree._Element:
    """Parse a built document."""
    return etree.fromstring(content)


def entries_of(content: bytes) -> list[etree._Element]:
    """Return the entry elements of a built feed."""
    return read(content).findall("a:entry", ATOM)


def text_of(element: etree._Element, path: str) -> str | None:
    """Return the text at a path of atom names such as `a:source/a:id`."""
    found = element.find(path, ATOM)
    return None if found is None else found.text or ""


def attributes_of(element: etree._Element) -> dict[str, str]:
    """Return an element's attributes, in their order."""
    return {str(name): str(value) for name, value in element.attrib.items()}


@cache
def _schema(shared: Path) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(shared / "corpora" / "schema" / "atom.rng"))


def schema_errors(content: bytes, shared: Path) -> list[str]:
    """Return what the RELAX NG schema of RFC 4287, which lies in the shared folder, finds wrong."""
    schema = _schema(shared)
    return [] if schema.validate(read(content)) else [str(error) for error in schema.error_log]
