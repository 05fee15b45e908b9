"""Feeds of each format that say a hostile text wherever a feed can say something, in the feed itself and in each entry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape, quoteattr

from tests.upstream import Page, Upstream

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CHUNK = 12  #: texts of one feed; the first is its own
_DATE = "2026-11-{:02}T10:00:00Z"


def _atom(texts: list[str]) -> bytes:
    own = escape(texts[0])
    entries = "".join(
        f"<entry><id>{escape(text)} {number}</id><title type='html'>{escape(text)}</title>"
        f"<updated>{_DATE.format(1 + number)}</updated><link href={quoteattr(text)}/><link rel='via' href={quoteattr(text)}/>"
        f"<link rel='enclosure' href='http://files.example/{number}.mp3' type={quoteattr(text)} title={quoteattr(text)}/>"
        f"<author><name>{escape(text)}</name><uri>{escape(text)}</uri><email>{escape(text)}</email></author>"
        f"<category term={quoteattr(text)} scheme={quoteattr(text)} label={quoteattr(text)}/><rights>{escape(text)}</rights>"
        f"<source><id>{escape(text)}</id><title>{escape(text)}</title></source>"
        f"<summary type='html'>{escape(text)}</summary>"
        f"<content type='html' xml:lang={quoteattr(text)}>{escape(text)}</content></entry>"
        for number, text in enumerate(texts)
    )
    return (
        "<feed xmlns='http://www.w3.org/2005/Atom'>"
        f"<id>{own}</id><title type='html'>{own}</title><subtitle>{own}</subtitle><rights>{own}</rights><icon>{own}</icon>"
        f"<generator>{own}</generator><link href={quoteattr(texts[0])}/><updated>{_DATE.format(20)}</updated>{entries}</feed>"
    ).encode()


def _rss(texts: list[str]) -> bytes:
    own = escape(texts[0])
    items = "".join(
        f"<item><guid isPermaLink='true'>{escape(text)}</guid><title>{escape(text)}</title><link>{escape(text)}</link>"
        f"<dc:creator>{escape(text)}</dc:creator><author>{escape(text)}</author><comments>{escape(text)}</comments>"
        f"<category domain={quoteattr(text)}>{escape(text)}</category><dc:rights>{escape(text)}</dc:rights>"
        f"<enclosure url='http://files.example/r{number}.mp4' type={quoteattr(text)} length={quoteattr(text)}/>"
        f"<source url={quoteattr(text)}>{escape(text)}</source><dc:date>{_DATE.format(1 + number)}</dc:date>"
        f"<description>{escape(text)}</description><content:encoded>{escape(text)}</content:encoded></item>"
        for number, text in enumerate(texts)
    )
    return (
        "<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'"
        " xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel>"
        f"<title>{own}</title><link>{own}</link><description>{own}</description><language>{own}</language>"
        f"<image><url>{own}</url><title>{own}</title><link>{own}</link></image><copyright>{own}</copyright>{items}</channel></rss>"
    ).encode()


def _json(texts: list[str]) -> bytes:
    own = texts[0]
    items = [
        {
            "id": f"{text} {number}",
            "title": text,
            "url": text,
            "external_url": text,
            "image": text,
            "language": text,
            "summary": text,
            "content_html": text,
            "date_published": _DATE.format(1 + number),
            "authors": [{"name": text, "url": text, "avatar": text}],
            "tags": [text],
            "attachments": [{"url": f"http://files.example/{number}.mp3", "mime_type": text, "title": text}],
        }
        for number, text in enumerate(texts)
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": own, "description": own, "home_page_url": own}
    return json.dumps({**feed, "icon": own, "language": own, "authors": [{"name": own, "url": own}], "items": items}).encode()


_FORMATS: dict[str, tuple[str, Callable[[list[str]], bytes]]] = {
    "atom": ("application/atom+xml", _atom),
    "rss": ("application/rss+xml", _rss),
    "json": ("application/feed+json", _json),
}


def _feeds(texts: list[str]) -> Iterator[tuple[str, Page]]:
    for name, (kind, build) in _FORMATS.items():
        said = texts if name == "json" else [_NOT_IN_XML.sub("", text) for text in texts]
        for start in range(0, len(said), _CHUNK):
            yield f"{name}{start}", Page(build(said[start : start + _CHUNK]), headers={"Content-Type": kind})


def put_hostile(upstream: Upstream, texts: list[str]) -> list[str]:
    """Let an upstream answer with feeds that say these texts, and with faults that say the first; return the paths' names."""
    upstream.pages |= {f"/{name}": page for name, page in _feeds(texts)}
    word = texts[0]
    upstream.pages["/moved"] = Page(status=301, headers={"Location": f"/gone?{word}"})
    upstream.pages["/typed"] = Page(b"{}", headers={"Content-Type": f"text/{word}"})
    upstream.pages["/page"] = Page(f"<title>{word}</title>{word}".encode(), headers={"Content-Type": "text/html"})
    upstream.pages["/broken"] = Page(
        f"<rss>{word}&{word};</rss>".encode(), headers={"Content-Type": f"text/xml; charset={word}"}
    )
    return [path.removeprefix("/") for path in upstream.pages]
