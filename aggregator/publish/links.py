"""What feedgen 1.0.0 loses in an Atom entry, or does not know, put back in this one place.

feedgen reuses its loop variable, so `rel`, `type`, `length`, `title` and `hreflang` of every entry link are lost and an
enclosure becomes a second bare link, which readers then open as the article. Its `source` knows no id, no date and no
rights, it has no `xml:lang` for entries, and its own podcast extension writes RSS only. The extension below runs last in
feedgen's rendering of an entry, and gives its link elements what the very records hold that feedgen was given.
`tests/test_publish_links.py` says when feedgen no longer needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from feedgen.ext.base import BaseEntryExtension
from lxml import etree

from aggregator.publish import podcast

#: The attributes of atom:link that feedgen knows, in the order it means to write them (RFC 4287 §4.2.7).
LINK_ATTRIBUTES = ("href", "rel", "type", "hreflang", "title", "length")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomSource:
    """What stands in atom:source (RFC 4287 §4.2.11)."""

    id: str
    title: str
    updated: str  #: RFC 3339
    link: str | None  #: the source's page
    rights: str | None


class EntryRepair(BaseEntryExtension):  # type: ignore[misc]  # feedgen is untyped
    """Complete an entry's links, and add its atom:source, its language and what makes it an episode."""

    def __init__(self) -> None:
        """Start empty: feedgen makes the instance, `fill` gives it its facts."""
        self._links: Sequence[dict[str, str]] = ()
        self._source: AtomSource
        self._language: str | None = None
        self._episode: Sequence[podcast.Element] = ()

    def fill(
        self,
        *,
        links: Sequence[dict[str, str]],
        source: AtomSource,
        language: str | None,
        episode: Sequence[podcast.Element] = (),
    ) -> None:
        """Take what the rendered entry must hold."""
        self._links, self._source, self._language, self._episode = links, source, language, episode

    def extend_atom(self, entry: Any) -> Any:
        """Repair the element that feedgen made; its children stand in no namespace until they are serialised."""
        for element, link in zip(entry.iterchildren("link"), self._links, strict=True):
            _complete(element, link)
        _add_source(entry, self._source)
        for part in self._episode:
            podcast.append(entry, part)
        if self._language is not None:
            entry.set(_XML_LANG, self._language)
        return entry


def _complete(element: etree._Element, link: dict[str, str]) -> None:
    for name in LINK_ATTRIBUTES:
        if link.get(name):
            element.set(name, link[name])


def _add_source(entry: etree._Element, source: AtomSource) -> None:
    element = etree.SubElement(entry, "source")
    for name, text in (("id", source.id), ("title", source.title), ("updated", source.updated)):
        etree.SubElement(element, name).text = text
    if source.link is not None:
        etree.SubElement(element, "link", {"href": source.link, "rel": "alternate"})
    if source.rights is not None:
        etree.SubElement(element, "rights").text = source.rights
