"""The entries of an Atom document that are all in the one form which `atom` writes -> the facts that its rules compare. Pure.

What `entry_rules` ask of each element, a single expression answers for the whole entry (`plain`). Enclosures are in that form
too; episodes, and addresses with odd characters, are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from aggregator.publish.parts import ATOM, first_newer, parse_date
from aggregator.publish.plain import DATE, IRI, LANGUAGE, LINE, MEDIA_TYPE, TEXT, VALUE, WEB, read_run
from aggregator.publish.scan import find_fault

_BEGIN, _END = "  <entry", "</feed>\n"
_ENTRY = re.compile(
    rf"""  <entry(?: xml:lang="{LANGUAGE}")?+>
    <id>(?P<id>{IRI})</id>
    <title>{LINE}</title>
    <updated>(?P<updated>{DATE})</updated>
(?:    <author>
      <name>{LINE}</name>
(?:      <email>[^<&@]++@[^<&]++</email>
)?+(?:      <uri>{WEB}</uri>
)?+    </author>
)++(?:    <content type="html">(?P<content>{TEXT})</content>
)?+(?P<alternate>    <link href="{WEB}" rel="alternate"/>
)?+(?:    <link href="{WEB}" rel="via" title="{VALUE}"/>
)?+(?:    <link href="{WEB}" rel="enclosure"(?: type="{MEDIA_TYPE}")?+(?: title="{VALUE}")?+(?: length="[0-9]++")?+/>
)*+(?:    <summary>{TEXT}</summary>
)?+(?:    <category term="[^<"]++"(?: scheme="{IRI}")?+(?: label="{VALUE}")?+/>
)*+(?:    <published>(?P<published>{DATE})</published>
)?+(?:    <rights>{TEXT}</rights>
)?+    <source>
      <id>{IRI}</id>
      <title>{LINE}</title>
      <updated>(?P<as_of>{DATE})</updated>
(?:      <link href="{WEB}" rel="alternate"/>
)?+(?:      <rights>{TEXT}</rights>
)?+    </source>
  </entry>
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainEntries:
    """Entries that no rule has anything to say of, each alone and one behind the other."""

    ids: tuple[str, ...]
    updated: tuple[str, ...]  #: RFC 3339


def read_plain_entries(content: bytes, root: etree._Element) -> PlainEntries | None:
    """Return the entries of a document that lxml has read, or None if not all of them are plain and behind one another."""
    found = read_run(content, _ENTRY, _BEGIN, _END)
    if not found or len(found) != sum(1 for _ in root.iterchildren(f"{ATOM}entry")):
        return None
    ids = tuple(match["id"].replace("&amp;", "&") for match in found)
    dates = [None if match["published"] is None else parse_date(match["published"]) for match in found]
    plain = (
        len(set(ids)) == len(ids)
        and dates.count(None) == sum(match["published"] is None for match in found)
        and first_newer(dates) is None
        and all(match["content"] is not None or match["alternate"] for match in found)
        and all(parse_date(match["updated"]) and parse_date(match["as_of"]) for match in found)
        and all(find_fault(element.text or "") is None for element in root.iter(f"{ATOM}content"))
    )
    return PlainEntries(ids=ids, updated=tuple(match["updated"] for match in found)) if plain else None
