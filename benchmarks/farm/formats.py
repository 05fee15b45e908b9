"""One feed written in each of the formats that the farm holds.

In: a feed's facts. Out: UTF-8 bytes. Bodies go out as publishers send them: escaped, in CDATA, or as XHTML.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum
from html import escape


class Format(StrEnum):
    """The file's suffix, which decides the type nginx sends."""

    RSS20 = "rss"
    ATOM = "atom"
    RDF = "rdf"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmEntry:
    """One invented entry."""

    id: str
    link: str
    title: str
    author: str
    tags: tuple[str, ...]
    date: datetime  #: UTC
    body: str  #: HTML


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmFeed:
    """One invented feed."""

    title: str
    site: str  #: address, without a slash at the end
    language: str
    cdata: bool  #: how the XML formats carry bodies: in CDATA, or escaped
    entries: tuple[FarmEntry, ...]  #: newest first


def write_feed(feed: FarmFeed, form: Format) -> bytes:
    """Write the feed in one format."""
    writer = {Format.RSS20: _write_rss, Format.ATOM: _write_atom, Format.RDF: _write_rdf, Format.JSON: _write_json}
    return writer[form](feed).encode()


def _write_rss(feed: FarmFeed) -> str:
    items = "".join(
        f"<item>\n<title>{escape(entry.title)}</title>\n<link>{entry.link}</link>\n"
        f'<guid isPermaLink="false">{entry.id}</guid>\n<pubDate>{_rfc822(entry.date)}</pubDate>\n'
        f"<dc:creator>{escape(entry.author)}</dc:creator>\n"
        + "".join(f"<category>{escape(tag)}</category>\n" for tag in entry.tags)
        + (
            f"<content:encoded><![CDATA[{entry.body}]]></content:encoded>\n"
            if feed.cdata
            else f"<description>{escape(entry.body)}</description>\n"
        )
        + "</item>\n"
        for entry in feed.entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">\n<channel>\n'
        f"<title>{escape(feed.title)}</title>\n<link>{feed.site}/</link>\n<description>{escape(feed.title)}"
        f"</description>\n<language>{feed.language}</language>\n{items}</channel>\n</rss>\n"
    )


def _write_atom(feed: FarmFeed) -> str:
    entries = "".join(
        f'<entry>\n<id>{entry.id}</id>\n<title>{escape(entry.title)}</title>\n<link href="{entry.link}"/>\n'
        f"<published>{_iso(entry.date)}</published>\n<updated>{_iso(entry.date)}</updated>\n"
        f"<author><name>{escape(entry.author)}</name></author>\n"
        + "".join(f'<category term="{escape(tag)}"/>\n' for tag in entry.tags)
        + '<content type="html">'
        + (f"<![CDATA[{entry.body}]]>" if feed.cdata else escape(entry.body))
        + "</content>\n</entry>\n"
        for entry in feed.entries
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
        f'xml:lang="{feed.language}">\n<id>{feed.site}/</id>\n<title>{escape(feed.title)}</title>\n'
        f'<link rel="alternate" href="{feed.site}/"/>\n<updated>{_iso(feed.entries[0].date)}</updated>\n'
        f"{entries}</feed>\n"
    )


def _write_rdf(feed: FarmFeed) -> str:
    places = "".join(f'<rdf:li rdf:resource="{entry.link}"/>' for entry in feed.entries)
    items = "".join(
        f'<item rdf:about="{entry.link}">\n<title>{escape(entry.title)}</title>\n<link>{entry.link}</link>\n'
        f"<dc:date>{_iso(entry.date)}</dc:date>\n<dc:creator>{escape(entry.author)}</dc:creator>\n"
        + "".join(f"<dc:subject>{escape(tag)}</dc:subject>\n" for tag in entry.tags)
        + f"<content:encoded><![CDATA[{entry.body}]]></content:encoded>\n</item>\n"
        for entry in feed.entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">\n'
        f'<channel rdf:about="{feed.site}/"><title>{escape(feed.title)}</title><link>{feed.site}/</link>'
        f"<description>{escape(feed.title)}</description><dc:language>{feed.language}</dc:language>"
        f"<items><rdf:Seq>{places}</rdf:Seq></items></channel>\n{items}</rdf:RDF>\n"
    )


def _write_json(feed: FarmFeed) -> str:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": f"{feed.site}/",
        "language": feed.language,
        "items": [
            {
                "id": entry.id,
                "url": entry.link,
                "title": entry.title,
                "content_html": entry.body,
                "date_published": _iso(entry.date),
                "authors": [{"name": entry.author}],
                "tags": list(entry.tags),
            }
            for entry in feed.entries
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _rfc822(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
