"""A feed's frame -> what a browser needs to show the feed as a page: the stylesheet's name, and a few words. Pure.

Both are outside of what feed readers look at: a processing instruction before the root, and one element of another namespace
(RFC 4287 §6.4), which is XHTML since only there a link is a link. The words are in the feed's language where that is one of
ours, else in English; they never say anything of the entries.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from feedgen.ext.base import BaseExtension
from lxml import etree

from aggregator.model.output import OutputFeed

NAMESPACE = "http://www.w3.org/1999/xhtml"
HEADER = f"{{{NAMESPACE}}}header"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
#: Language -> what this is, what to do with the address below, and before the link to the site.
_WORDS = {
    "en": ("This is a feed.", "Copy its address into a feed reader to get new entries:", "The website:"),
    "zh-CN": ("这是一个订阅源（feed）。", "把它的地址复制到阅读器中，有新内容就会收到：", "网站："),
    "zh-TW": ("這是一個訂閱源（feed）。", "把它的網址複製到閱讀器中，有新內容就會收到：", "網站："),
}
#: Parts of a language tag that tell which of the two Chinese writings is meant (BCP 47: script, then region).
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def with_style(content: bytes, frame: OutputFeed) -> bytes:
    """Name the stylesheet between the XML declaration and the root (xml-stylesheet §3)."""
    declaration, newline, rest = content.partition(b"\n")
    line = f'<?xml-stylesheet type="text/css" href={quoteattr(frame.style)}?>'.encode()
    return b"".join((declaration, newline, line, b"\n", rest))


def make_header(frame: OutputFeed, self_link: str) -> etree._Element:
    """Return the words for a person: what this is, the address to subscribe to, a link to the site's page.

    Also the page's name, and its width on a phone. `self_link` is the address of the file that they stand in.
    """
    language = words_for(frame.language)
    what, how, where = _WORDS[language]
    header = etree.Element(HEADER, {_XML_LANG: language, "dir": "ltr"}, {"h": NAMESPACE})
    _add(header, "title", frame.title)
    _add(header, "meta").attrib.update({"name": "viewport", "content": "width=device-width"})
    _add(_add(header, "p"), "strong", what).tail = f" {how}" if language == "en" else how
    _add(header, "p").append(_add(header, "code", self_link))
    page = _add(header, "p", f"{where} " if language == "en" else where)
    _add(page, "a", frame.page_link).set("href", frame.page_link)
    return header


def words_for(language: str | None) -> str:
    """Return which of our languages a feed's readers are spoken to in."""
    parts = (language or "en").lower().split("-")
    if parts[0] != "zh":
        return "en"
    return "zh-TW" if _TRADITIONAL & set(parts[1:]) and "hans" not in parts else "zh-CN"


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    element.text = text
    return element


class LookExtension(BaseExtension):  # type: ignore[misc]  # feedgen is untyped
    """Writes the words of `make_header` before whatever else stands behind the feed's own elements."""

    def __init__(self) -> None:
        """Start empty: feedgen makes the instance, `fill` gives it its facts."""
        self._frame: OutputFeed

    def fill(self, frame: OutputFeed) -> None:
        """Take the feed's frame."""
        self._frame = frame

    def extend_ns(self) -> dict[str, str]:
        """Return the prefix that the words stand under."""
        return {"h": NAMESPACE}

    def extend_atom(self, feed: Any) -> Any:
        """Add the element to the feed that feedgen made."""
        feed.append(
            make_header(self._frame, self._frame.current or self._frame.self_link)
        )  # nobody subscribes to an archive page
        return feed
