"""An entry's episode -> the elements that podcast readers know, for every XML format that we publish. Pure.

The names and their order are those of Apple's podcast RSS. Numbers are written in the one form that all readers take: whole
seconds, `true` and `false`. Nothing stands for what upstream did not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from feedgen.ext.base import BaseExtension
from lxml import etree

from aggregator.model.entry import Entry

NAMESPACE = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PREFIX = "itunes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One child of an entry: it holds a text or, as <itunes:image> does, an address in its attribute `href`."""

    name: str  #: without the namespace
    text: str | None = None
    href: str | None = None


def elements(entry: Entry) -> tuple[Element, ...]:
    """Return the elements of an entry, in their order; none where it is no episode."""
    episode = entry.episode
    if episode is None:
        return ()
    texts = (
        ("duration", None if episode.duration is None else str(episode.duration)),
        ("season", None if episode.season is None else str(episode.season)),
        ("episode", None if episode.number is None else str(episode.number)),
        ("episodeType", episode.kind),
        ("explicit", None if episode.explicit is None else str(episode.explicit).lower()),
    )
    found = [Element(name=name, text=text) for name, text in texts if text is not None]
    if episode.image is not None:
        found.append(Element(name="image", href=episode.image))
    return tuple(found)


def append(entry: etree._Element, element: Element) -> None:
    """Add the element to an entry, or an item, that lxml writes."""
    made = etree.SubElement(entry, f"{{{NAMESPACE}}}{element.name}", nsmap={PREFIX: NAMESPACE})
    made.text = element.text
    if element.href is not None:
        made.set("href", element.href)


class PodcastNamespace(BaseExtension):  # type: ignore[misc]  # feedgen is untyped
    """Declares the namespace once, at the root; for feeds that hold an episode, so that no other feed changes."""

    def extend_ns(self) -> dict[str, str]:
        """Return the prefix that every podcast reader has seen."""
        return {PREFIX: NAMESPACE}

    def extend_atom(self, feed: Any) -> Any:
        """Leave the feed as it is: the episodes are in its entries."""
        return feed
