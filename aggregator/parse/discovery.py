"""A web page and its headers -> the feeds that it names, in the order in which a person would want them. Pure; hostile input.

What counts is what the page says of itself: `<link rel=alternate type=...>` (and `<a>`, `<area>`) of a feed's media type, the
old `rel=feed`, and the same in a Link header (RFC 8288). No address is guessed, none is asked. Runs where it can be killed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from lxml import etree

from aggregator.model.parsed import NamedFeed
from aggregator.parse.encoding import decode_body

MAX_CANDIDATES = 50
_MAX_LINKS = 5_000  #: looked at
_MAX_ADDRESS = 2_000  #: characters
_MAX_TITLE = 200
_CHUNK = 64 * 1024

#: The media types that are a feed's and nothing else's, with what people call them.
_FEED_TYPES = {
    "application/atom+xml": "Atom",
    "application/rss+xml": "RSS",
    "application/feed+json": "JSON Feed",
    "application/rdf+xml": "RSS 1.0",
    "application/atom": "Atom",
    "application/rss": "RSS",
    "application/x-atom+xml": "Atom",
    "application/x-rss+xml": "RSS",
    "text/atom+xml": "Atom",
    "text/rss+xml": "RSS",
    "text/rss": "RSS",
}
#: Types that sites give to feeds and to other things.
_VAGUE_TYPES = {"application/json": "JSON", "application/xml": "XML", "text/xml": "XML"}
#: Programs' interfaces, which stand beside the feeds of many sites under a vague type.
_INTERFACE = re.compile(r"/wp-json/|\boembed\b", re.IGNORECASE)
_COMMENTS = re.compile(r"comment|kommentar|comentario|reacties|комментари|评论|評論|コメント", re.IGNORECASE)

_BLANK = "\t\n\f\r "
_WRAPPED = re.compile(r"feed:(?:(?=https?://)|//)", re.IGNORECASE)
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\xa0\"<>^`{|}\ud800-\udfff]|%(?![0-9A-Fa-f]{2})")
_META_CHARSET = re.compile(rb"<meta\b[^>]{0,200}?\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}

_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s=;,\"<>]+(?:\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s\",;<>]*))?)*)")
_PARAMETER = re.compile(r";\s*([^\s=;,\"<>]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\",;<>]*)))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """A link as it stands in the page or its headers."""

    rel: str
    type: str
    href: str
    title: str
    base: str | None = None  #: None: that of the document


def find_feeds(body: bytes, headers: Sequence[tuple[str, str]], address: str) -> tuple[NamedFeed, ...]:
    """Return the feeds that a page names; `address` is where it was found, and never among them."""
    own = _absolute(address, address)
    found: dict[str, tuple[int, NamedFeed]] = {}
    document = _Document()
    named = [*_in_headers(headers, address), *document.read(body, headers)]
    base = _base(document.base, address)
    for link in named:
        format_ = _format(link)
        target = _absolute(link.href, link.base or base) if format_ is not None else None
        if format_ is None or target is None or target == own:
            continue
        vague = format_ in _VAGUE_TYPES.values()
        if vague and _INTERFACE.search(target):
            continue
        title = " ".join(link.title.split())[:_MAX_TITLE] or None
        comments = _COMMENTS.search(f"{title or ''} {target}") is not None
        candidate = NamedFeed(address=target, title=title, format=format_, comments=comments)
        found.setdefault(target, (2 * comments + vague, candidate))
    ranked = sorted(found.values(), key=lambda pair: pair[0])  # stable: the page's own order counts within a rank
    return tuple(candidate for _, candidate in ranked[:MAX_CANDIDATES])


class _Document:
    """Takes the links out of a page as its parser meets them; what is broken is read as browsers do, roughly."""

    def __init__(self) -> None:
        self.base: str | None = None  #: the first <base href>, which counts for the whole page (HTML §2.4.3)
        self._links: list[_Link] = []

    def read(self, body: bytes, headers: Sequence[tuple[str, str]]) -> list[_Link]:
        text = _text(body, headers)
        parser = etree.HTMLParser(target=self, encoding="utf-8", recover=True)  # type: ignore[arg-type]  # as documented
        raw = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace")
        try:
            for start in range(0, len(raw), _CHUNK):
                parser.feed(raw[start : start + _CHUNK])
            parser.close()
        except etree.LxmlError:
            pass  # what stood before the fault was read
        return self._links

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take an element; called by the parser."""
        href = attributes.get("href")
        if href is None or len(href) > _MAX_ADDRESS or len(self._links) >= _MAX_LINKS:
            return
        if tag == "base":
            self.base = self.base if self.base is not None else href
        elif tag in {"link", "a", "area"} and "rel" in attributes:
            kind, title = attributes.get("type", ""), attributes.get("title", "")
            self._links.append(_Link(rel=attributes["rel"], type=kind, href=href, title=title))

    def close(self) -> None:
        """End; called by the parser."""


def _text(body: bytes, headers: Sequence[tuple[str, str]]) -> str:
    """Return the page as text; where its header names no charset, what the page says of itself counts."""
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    if "charset" not in content_type.lower() and (found := _META_CHARSET.search(body, 0, 4096)) is not None:
        content_type = f"text/html; charset={found[1].decode('ascii')}"
    return decode_body(body, content_type)[0]


def _in_headers(headers: Sequence[tuple[str, str]], address: str) -> Iterator[_Link]:
    """Yield the links of Link headers, whose addresses count from the document's own (RFC 8288 §3.2)."""
    for name, value in headers:
        if name.lower() != "link":
            continue
        for href, rest in _LINK.findall(value):
            words: dict[str, str] = {}
            for key, quoted, token in _PARAMETER.findall(rest):
                words.setdefault(key.lower(), re.sub(r"\\(.)", r"\1", quoted) or token)  # the first one counts (§3.3)
            if "anchor" not in words:  # else it speaks of another document
                kind, title = words.get("type", ""), words.get("title", "")
                yield _Link(rel=words.get("rel", ""), type=kind, href=href, title=title, base=address)


def _format(link: _Link) -> str | None:
    """Return what people call the kind of feed that a link says it leads to; None if it is none."""
    words = set(link.rel.lower().split())
    kind = link.type.partition(";")[0].strip().lower()
    if "stylesheet" in words or not words & {"alternate", "feed"}:
        return None
    if not kind and "feed" in words:
        return "feed"
    return _FEED_TYPES.get(kind) or _VAGUE_TYPES.get(kind)


def _base(href: str | None, address: str) -> str:
    return address if href is None else _absolute(href, address) or address


def _absolute(href: str, base: str) -> str | None:
    """Return where a link leads, as it can be requested; None where that is nowhere for us."""
    text = re.sub(r"[\t\n\r]", "", href.strip(_BLANK)).partition("#")[0]
    if not text:
        return None
    if (found := _WRAPPED.match(text)) is not None:
        rest = text[found.end() :]
        text = rest if re.match(r"https?://", rest, re.IGNORECASE) else f"http://{rest}"
    path, mark, query = text.partition("?")
    try:
        parts = urlsplit(urljoin(base, path.replace("\\", "/") + mark + query))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return None
    shown = f"[{host}]" if ":" in host else host
    place = shown if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{shown}:{port}"
    rest = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    rest = rest if rest.startswith("/") else f"/{rest}"
    address = f"{parts.scheme}://{place}{_UNSENDABLE.sub(_quoted, rest)}"
    return address if len(address) <= _MAX_ADDRESS else None


def _quoted(bad: re.Match[str]) -> str:
    return quote(bad.group(), safe="", errors="replace")
