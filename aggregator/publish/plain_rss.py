"""The items of an RSS document that are all in the one form which `rss` writes -> the facts that its rules compare. Pure.

As `plain_atom` does it for entries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from aggregator.publish.parts import first_newer, parse_date, parse_rss_date
from aggregator.publish.plain import DATE, IRI, LANGUAGE, LINE, MEDIA_TYPE, TEXT, VALUE, WEB, read_run
from aggregator.publish.rss import ATOM, CONTENT, DC
from aggregator.publish.scan import find_fault

#: What the prefixes in the expression must stand for.
_NAMES = {"atom": ATOM, "content": CONTENT, "dc": DC}
_ENCODED = f"{{{CONTENT}}}encoded"
_BEGIN, _END = "    <item>", "  </channel>\n</rss>\n"
_RFC_822 = "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
_ITEM = re.compile(
    rf"""    <item>
      <title>{LINE}</title>
(?:      <link>{WEB}</link>
)?+      <guid isPermaLink="false">(?P<guid>{IRI})</guid>
      <pubDate>(?P<date>{_RFC_822})</pubDate>
(?:      <atom:updated>(?P<updated>{DATE})</atom:updated>
)?+      <dc:creator>{LINE}</dc:creator>
(?:      <description>{TEXT}</description>
(?:      <content:encoded>{TEXT}</content:encoded>
)?+)?+(?:      <category(?: domain="{VALUE}")?+>{LINE}</category>
)*+(?:      <enclosure url="{WEB}" length="[0-9]++" type="{MEDIA_TYPE}"/>
)?+(?:      <atom:link href="{WEB}" rel="enclosure"(?: type="{VALUE}")?+(?: title="{VALUE}")?+(?: length="{VALUE}")?+/>
)*+(?:      <source url="{WEB}">{TEXT}</source>
|      <dc:source>{TEXT}</dc:source>
)(?:      <dc:language>{LANGUAGE}</dc:language>
)?+(?:      <dc:rights>{TEXT}</dc:rights>
)?+    </item>
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainItems:
    """Items that no rule has anything to say of, each alone and one behind the other."""

    guids: tuple[str, ...]
    dates: tuple[datetime, ...]


def read_plain_items(content: bytes, channel: etree._Element) -> PlainItems | None:
    """Return the items of a document that lxml has read, or None if not all of them are plain and behind one another."""
    found = read_run(content, _ITEM, _BEGIN, _END)
    if not found or len(found) != sum(1 for _ in channel.iterchildren("item")) or not _NAMES.items() <= channel.nsmap.items():
        return None
    guids = tuple(match["guid"].replace("&amp;", "&") for match in found)
    dates = tuple(date for match in found if (date := parse_rss_date(match["date"])) is not None)
    plain = (
        len(set(guids)) == len(guids)
        and len(dates) == len(found)
        and first_newer(dates) is None
        and all(match["updated"] is None or parse_date(match["updated"]) for match in found)
        and all(find_fault(element.text or "") is None for element in channel.iter("description", _ENCODED))
    )
    return PlainItems(guids=guids, dates=dates) if plain else None
