"""feedgen's link fault, repaired: one test per relation, and one that says when the repair can go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from feedgen.entry import FeedEntry
from lxml import etree

from aggregator.model.entry import Enclosure, Feed
from aggregator.publish.atom import build_feed
from aggregator.publish.links import LINK_ATTRIBUTES, AtomSource, EntryRepair
from tests.publish_records import ATOM, attributes_of, bare_item, entries_of, make_frame

_ALL = {"type": "text/html", "hreflang": "zh", "title": "“T” & <t>", "length": "7"}
_SOURCE = AtomSource(id="urn:x:y", title="S", updated="2026-01-01T00:00:00+00:00", link=None, rights=None)


def _feedgen_entry(links: list[dict[str, str]], *, repaired: bool) -> etree._Element:
    entry = FeedEntry()
    entry.id("urn:x:1")
    entry.title("T")
    entry.updated(datetime(2026, 1, 1, tzinfo=UTC))
    entry.content("<p>x</p>", type="html")
    entry.link(links)
    entry.summary("S")
    if repaired:
        entry.register_extension("repair", EntryRepair, atom=True, rss=False)
        entry.repair.fill(links=entry.link(), source=_SOURCE, language=None)
    element: etree._Element = entry.atom_entry()
    return element


@pytest.mark.parametrize("relation", ["alternate", "enclosure", "related", "self", "via"])
@pytest.mark.publishes("P15")
def test_link_keeps_every_attribute(relation: str) -> None:
    """A link of each relation that feedgen knows keeps rel, type, hreflang, title and length."""
    link = {"href": "https://a.example/x", "rel": relation, **_ALL}
    [element] = _feedgen_entry([dict(link)], repaired=True).findall("link")

    assert attributes_of(element) == link
    assert tuple(element.attrib) == LINK_ATTRIBUTES


def test_feedgen_still_loses_them() -> None:
    """The pinned feedgen writes bare links; when this fails, `publish/links.py` need no longer replace them."""
    link = {"href": "https://a.example/x.mp3", "rel": "enclosure", **_ALL}
    [element] = _feedgen_entry([link], repaired=False).findall("link")

    assert set(element.attrib) == {"href"}


def test_links_stand_where_feedgen_put_them() -> None:
    """The repaired links take the place of the broken ones, in their order."""
    links = [{"href": f"https://a.example/{number}", "rel": "related"} for number in range(3)]
    element = _feedgen_entry(links, repaired=True)
    names = [str(child.tag) for child in element]

    assert names == ["id", "title", "updated", "content", "link", "link", "link", "summary", "source"]
    assert [link.get("href") for link in element.findall("link")] == [link["href"] for link in links]


def _links(**changes: object) -> list[dict[str, str]]:
    [entry] = entries_of(build_feed(make_frame(), [bare_item(**changes)], source_order={}).content)
    return [attributes_of(link) for link in entry.findall("a:link", ATOM)]


@pytest.mark.publishes("P15")
def test_alternate_is_the_article() -> None:
    """rel=alternate points to the page of the entry, once."""
    assert [link for link in _links() if link["rel"] == "alternate"] == [
        {"href": "https://paper.example/1.html", "rel": "alternate"}
    ]


def test_via_is_the_article_with_the_sources_name() -> None:
    """rel=via names the original, and its title is the source's."""
    assert [link for link in _links() if link["rel"] == "via"] == [
        {"href": "https://paper.example/1.html", "rel": "via", "title": "早报"}
    ]


def test_via_is_the_sources_page_where_the_entry_has_none() -> None:
    """An entry without a page of its own still says whence it came, and claims no alternate."""
    links = _links(link=None, feed=Feed(title="早报", link="https://paper.example/"))

    assert links == [{"href": "https://paper.example/", "rel": "via", "title": "早报"}]


def test_entry_without_any_address_has_no_link() -> None:
    """Nothing is invented for an entry of which no address is known."""
    assert _links(link=None) == []


@pytest.mark.publishes("P15")
def test_enclosures_keep_type_length_and_title() -> None:
    """rel=enclosure carries what is known of each file, and nothing that is not."""
    files = (
        Enclosure(href="https://cdn.example/a.mp3", type="audio/mpeg", length=0, title="Folge 1"),
        Enclosure(href="https://cdn.example/b"),
    )

    assert [link for link in _links(enclosures=files) if link["rel"] == "enclosure"] == [
        {
            "href": "https://cdn.example/a.mp3",
            "rel": "enclosure",
            "type": "audio/mpeg",
            "title": "Folge 1",
            "length": "0",
        },
        {"href": "https://cdn.example/b", "rel": "enclosure"},
    ]
