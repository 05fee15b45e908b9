"""The list of our feeds."""

from __future__ import annotations

import pytest
from lxml import etree

from aggregator.errors import PublishError
from aggregator.model.settings import Site
from aggregator.publish.opml import render_opml
from tests.publish_records import SITE_ID, SITE_URL, attributes_of, make_frame

_SITE = Site(id=SITE_ID, title="小站 & <co>", url=SITE_URL, author="阿明")


def _outline(element: etree._Element) -> list[object]:
    """Return the tree as nested lists of titles."""
    return [[child.get("text"), *_outline(child)] if "xmlUrl" not in child.attrib else child.get("text") for child in element]


def _body(*categories: tuple[str, ...]) -> etree._Element:
    body = etree.fromstring(render_opml(_SITE, [make_frame(category) for category in categories])).find("body")
    assert body is not None
    return body


@pytest.mark.publishes("P35")
def test_categories_are_folders_that_hold_their_own_feed_first() -> None:
    """A category with feeds below it is a folder with its own feed on top; a leaf is a feed in its parent's folder."""
    body = _body((), ("新媒体",), ("新媒体", "早报"), ("新媒体", "ZAKER"), ("新媒体", "ZAKER", "source"), ("编程",))

    assert _outline(body) == [
        "全部",
        ["新媒体", "新媒体", "新媒体 / 早报", ["ZAKER", "新媒体 / ZAKER", "新媒体 / ZAKER / source"]],
        "编程",
    ]


def test_folder_feed_comes_first_whatever_the_order() -> None:
    """A folder's own feed stands on top of it even if it is listed after its children, or not at all."""
    assert _outline(_body(("a", "b"), ("a",))) == [["a", "a", "a / b"]]
    assert _outline(_body(("a", "b"))) == [["a", "a / b"]]


@pytest.mark.publishes("P35")
def test_every_feed_has_what_opml_asks_for() -> None:
    """Each feed is type=rss with text, title, address and page; every outline has a text; nothing is dated."""
    frame = make_frame(("新媒体", "早报"))
    content = render_opml(_SITE, [make_frame(()), frame])
    root = etree.fromstring(content)
    outline = root.findall(".//outline[@xmlUrl]")[1]

    assert attributes_of(outline) == {
        "type": "rss",
        "text": frame.title,
        "title": frame.title,
        "xmlUrl": frame.self_link,
        "htmlUrl": frame.page_link,
        "language": "zh-CN",
    }
    assert root.get("version") == "2.0"
    assert root.findtext("head/title") == "小站 & <co>"
    assert root.findtext("head/ownerName") == "阿明"
    assert b"date" not in content.lower()
    assert all(outline.get("text") for outline in root.iter("outline"))


def test_list_is_byte_stable() -> None:
    """Rendering the same outputs again gives the same bytes, with an XML declaration in UTF-8."""
    first = render_opml(_SITE, [make_frame()])

    assert first == render_opml(_SITE, [make_frame()])
    assert first.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<opml")


def test_feed_without_language_claims_none() -> None:
    """A feed in no known language has no language in the list."""
    root = etree.fromstring(render_opml(_SITE, [make_frame(language=None)]))

    assert root.findall("body/outline[@language]") == []


def test_site_without_author_and_feeds() -> None:
    """A site without feeds still has a list, an empty one."""
    root = etree.fromstring(render_opml(Site(id=SITE_ID, title="t", url=SITE_URL), []))

    assert root.find("head/ownerName") is None
    assert len(root.findall("body/outline")) == 0


def test_title_that_xml_forbids_is_an_error_that_names_the_file() -> None:
    """A control character in a title is told as a fault of that output, not as a traceback."""
    with pytest.raises(PublishError, match=r"feeds/index\.opml") as caught:
        render_opml(_SITE, [make_frame(title="a\x01b")])

    assert caught.value.output == "feeds/index.opml"
