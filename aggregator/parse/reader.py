"""Text of an XML document -> feedparser's dictionaries, with what feedparser changes on the way left as written.

The only importer of feedparser. Its `parse` is not used: it takes bytes for paths and addresses, looks at the prolog with
regular expressions that stall, resolves ids against the address of the document, and reads dates with the clock and the
machine's time zone. Its two handlers are subclassed here, in one place; nothing global is changed. The sanitiser and the link
resolver stay off: `normalise` does both.
"""

from __future__ import annotations

import xml.sax
import xml.sax.handler
import xml.sax.xmlreader
from dataclasses import replace
from io import BytesIO
from traceback import clear_frames
from typing import Any, ClassVar
from xml.sax.expatreader import ExpatParser

from feedparser.api import LooseFeedParser, StrictFeedParser

from aggregator.parse.base import joined_base
from aggregator.parse.markup import VOID_ENDS
from aggregator.parse.raw import MAX_ENTRIES_READ, MAX_TAGS, Raw
from aggregator.parse.refusal import UnreadableFeedError
from aggregator.parse.repair import repair_text
from aggregator.parse.salvage import Piece, Pieces, take_apart

_BUFFER_BYTES = 64 * 1024


#: Keys under which feedparser keeps lists and records. It has no handler for elements that are called so, and would let their
#: text or attributes take that place: one `<links>` and an entry has no link.
_KEYS = frozenset(
    (
        *(
            "links",
            "authors",
            "contributors",
            "tags",
            "author_detail",
            "publisher_detail",
            "source_detail",
            "media_description_type",
        ),
        *("title_detail", "subtitle_detail", "summary_detail", "rights_detail", "info_detail", "xml_base", "xml_lang"),
        *("skip_hours", "skip_days", "entries", "enclosures"),
    )
)

#: What feedparser and sgmllib let escape on hostile input. Bugs of ours would be among them too, so each is reported by name.
FOREIGN_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, RuntimeError, TypeError, ValueError),
)


class _EnoughError(Exception):
    """Enough entries were read; never leaves this module."""


class _AsWritten:
    """What both handlers do otherwise than feedparser's own; stands before them in the order of bases."""

    #: Without "id": identity rests on what was written.
    can_be_relative_uri: ClassVar[set[str]] = StrictFeedParser.can_be_relative_uri - {"id"}
    resolve_relative_uris = False
    sanitize_html = False

    # Of the handlers that this class is mixed into.
    _get_context: Any
    baseuri: str
    entries: Any
    feeddata: Any
    lang: Any
    pop: Any
    push: Any

    def __init__(self, *arguments: Any) -> None:
        self._bases: list[str] = []
        self._root: str | None = None
        self._group = 0
        self._in_group = False
        self._in_deleted = 0  #: how many elements are open within an at:deleted-entry, that one included
        self.deleted = 0
        self.root_closed = False
        super().__init__(*arguments)

    # -- xml:base: relative ones are joined, and each ends with its element

    def unknown_starttag(self, tag: str, attrs: list[tuple[str, str]]) -> None:
        if self._root is None:
            self._root = tag
        if self._in_deleted or tag.rpartition(":")[2] == "deleted-entry":
            # RFC 6721: what it says of an entry must not become the feed's own.
            self.deleted += not self._in_deleted
            self._in_deleted += 1
            return
        if tag in _KEYS:
            tag = f"element:{tag}"
        self._bases.append(self.baseuri)
        for name, value in attrs:
            if name.lower() == "xml:base":
                joined = joined_base(self.baseuri, value)
                attrs = [pair for pair in attrs if pair[0].lower() != "xml:base"]
                attrs.append(("xml:base", joined))
                # Emptied, so that feedparser takes the joined one as it is.
                self.baseuri = ""
                break
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]

    def unknown_endtag(self, tag: str) -> None:
        if self._in_deleted:
            self._in_deleted -= 1
            return
        if tag in _KEYS:
            tag = f"element:{tag}"
        super().unknown_endtag(tag)  # type: ignore[misc]
        if self._bases:
            self.baseuri = self._bases.pop()
        if tag == self._root:
            self.root_closed = True

    def handle_data(self, text: str, escape: int = 1) -> None:
        if not self._in_deleted and (escape or text not in VOID_ENDS):
            super().handle_data(text, escape)  # type: ignore[misc]

    # -- entries

    def _start_item(self, attrs_d: dict[str, str]) -> None:
        if len(self.entries) >= MAX_ENTRIES_READ:
            raise _EnoughError
        super()._start_item(attrs_d)  # type: ignore[misc]
        entry = self.entries[-1]
        entry["xml_lang"] = self.lang
        entry["xml_base"] = self.baseuri

    _start_entry = _start_item

    def _add_tag(self, term: str | None, scheme: str | None, label: str | None) -> None:
        # feedparser compares each tag with all others: 32,000 of them cost nine seconds.
        if len(self._get_context().get("tags", ())) < MAX_TAGS:
            super()._add_tag(term, scheme, label)  # type: ignore[misc]

    # -- dates stay text

    def _end_published(self) -> None:
        self.pop("published")

    _end_issued = _end_pubdate = _end_published

    def _end_updated(self) -> None:
        self.pop("updated")

    _end_modified = _end_lastbuilddate = _end_updated

    def _end_created(self) -> None:
        self.pop("created")

    def _end_expirationdate(self) -> None:
        self.pop("expired")

    def _sync_author_detail(self, key: str = "author") -> None:
        # feedparser finds e-mail addresses with top-level domains of up to four letters only.
        context = self._get_context()
        people = context.get(f"{key}s")
        if people and context.get(key) and not (people[-1].get("name") or people[-1].get("email")):
            people[-1]["name"] = context[key]

    # -- what a text of unknown kind is, `normalise` finds out

    @staticmethod
    def looks_like_html(_text: str) -> bool:
        return False

    # -- texts of other vocabularies get names of their own: they must not displace the feed's

    def _start_itunes_summary(self, _attrs_d: dict[str, str]) -> None:
        self.push("itunes_summary", 1)

    def _end_itunes_summary(self) -> None:
        self.pop("itunes_summary")

    def _start_itunes_subtitle(self, _attrs_d: dict[str, str]) -> None:
        self.push("itunes_subtitle", 1)

    def _end_itunes_subtitle(self) -> None:
        self.pop("itunes_subtitle")

    def _start_media_title(self, _attrs_d: dict[str, str]) -> None:
        self.push("media_title", 1)

    def _end_media_title(self) -> None:
        self.pop("media_title")

    def _start_media_description(self, attrs_d: dict[str, str]) -> None:
        self._get_context()["media_description_type"] = attrs_d.get("type", "plain")
        self.push("media_description", 1)

    def _end_media_description(self) -> None:
        self.pop("media_description")

    # -- what is said of an episode stays text: feedparser knows two of the words for explicit, and of an element with an
    #    attribute it keeps the attribute

    def _start_itunes_duration(self, _attrs_d: dict[str, str]) -> None:
        self.push("itunes_duration", 1)

    def _start_itunes_episode(self, _attrs_d: dict[str, str]) -> None:
        self.push("itunes_episode", 1)

    def _start_itunes_season(self, _attrs_d: dict[str, str]) -> None:
        self.push("itunes_season", 1)

    def _start_itunes_episodetype(self, _attrs_d: dict[str, str]) -> None:
        self.push("itunes_episodetype", 1)

    def _start_itunes_explicit(self, _attrs_d: dict[str, str]) -> None:
        self.push("itunes_explicit", 1)

    def _end_itunes_explicit(self) -> None:
        self.pop("itunes_explicit")

    def _start_itunes_image(self, attrs_d: dict[str, str]) -> None:
        super()._start_itunes_image(attrs_d)  # type: ignore[misc]
        address = attrs_d.get("href") or attrs_d.get("url")
        if address:
            self._get_context()["itunes_image"] = address

    # -- one file of each media:group

    def _start_media_group(self, _attrs_d: dict[str, str]) -> None:
        self._group += 1
        self._in_group = True

    def _end_media_group(self) -> None:
        self._in_group = False

    def _start_media_content(self, attrs_d: dict[str, str]) -> None:
        attrs_d["group"] = str(self._group) if self._in_group else ""
        super()._start_media_content(attrs_d)  # type: ignore[misc]

    # -- lists of which feedparser keeps the last member only

    def _start_hour(self, _attrs_d: dict[str, str]) -> None:
        self.push("hour", 0)

    def _end_hour(self) -> None:
        self.feeddata.setdefault("skip_hours", []).append(self.pop("hour") or "")

    def _start_day(self, _attrs_d: dict[str, str]) -> None:
        self.push("day", 0)

    def _end_day(self) -> None:
        self.feeddata.setdefault("skip_days", []).append(self.pop("day") or "")


class _StrictReader(_AsWritten, StrictFeedParser):  # type: ignore[misc]
    """Over expat."""


class _LooseReader(_AsWritten, LooseFeedParser):  # type: ignore[misc]
    """Over sgmllib, for what is not well-formed."""

    elementstack: Any

    def pop(self, element: str, *arguments: Any, **more: Any) -> Any:
        """End an element. feedparser takes the semicolon off every `&name;` in a feed's link, `&amp;` not excepted."""
        if element == "link" and self.elementstack and self.elementstack[-1][0] == element:
            pieces = self.elementstack[-1][2]
            pieces[:] = ["&" if piece == "&amp;" else piece for piece in pieces]
        return super().pop(element, *arguments, **more)


class _Expat(ExpatParser):
    """Expat that hands over text in few large pieces: by default it makes a call for every line and every entity."""

    def reset(self) -> None:
        super().reset()
        self._parser.buffer_text = True  # type: ignore[attr-defined]  # typeshed leaves it out
        self._parser.buffer_size = _BUFFER_BYTES  # type: ignore[attr-defined]

    def let_go(self) -> None:
        """Give up the parser in C, which calls methods of this one; that only does so itself at a sound document's end."""
        self._parser = None


def read_xml(text: str, entities: dict[str, str], language: str | None) -> Raw:
    """Read a document that starts with its root element; strictly, else repaired, else by guessing.

    Raises:
        UnreadableFeedError: none of the three can read it.
    """
    try:
        return _read_strictly(text if not entities else repair_text(text, entities), language)
    except (xml.sax.SAXException, *FOREIGN_ERRORS):
        text = repair_text(text, entities)
    try:
        return _read_strictly(text, language, strict=False)
    except (xml.sax.SAXException, *FOREIGN_ERRORS):
        pass
    pieces = take_apart(text)
    try:
        return (_read_pieces(pieces, language) if pieces is not None else None) or _read_loosely(text, language)
    except FOREIGN_ERRORS as error:
        raise UnreadableFeedError(f"the feed cannot be read: {type(error).__name__} while guessing at its markup") from error


def _read_pieces(pieces: Pieces, language: str | None) -> Raw | None:
    """Read sound entries strictly and guess at each broken one alone; one that is cut off is left out."""
    try:
        sound = _read_strictly(pieces.document([piece for piece in pieces.entries if piece.sound]), language, strict=False)
    except (xml.sax.SAXException, *FOREIGN_ERRORS):
        return None
    if len(sound.entries) != sum(piece.sound for piece in pieces.entries):
        return None  # something else is going on in this document
    try:
        rest = _read_strictly(pieces.rest, language, strict=False)
    except (xml.sax.SAXException, *FOREIGN_ERRORS):
        rest = _read_loosely(pieces.rest, language)
    whole = iter(sound.entries)
    entries: list[dict[str, Any]] = []
    left_out = 0
    for piece in pieces.entries:
        if piece.sound:
            entries.append(next(whole))
            continue
        guessed = _guessed(pieces, piece, language)
        left_out += guessed is None
        entries += guessed or []
    return replace(
        sound,
        feed=rest.feed,
        deleted=rest.deleted,
        entries=entries,
        complete=pieces.complete,
        last_open=False,
        left_out=left_out,
    )


def _guessed(pieces: Pieces, piece: Piece, language: str | None) -> list[dict[str, Any]] | None:
    """Return what a broken entry may say; None where it has no end (half of a text must not pass for the whole) or no sense."""
    if not piece.closed:
        return None
    try:
        return _read_loosely(pieces.document([piece]), language).entries
    except FOREIGN_ERRORS:
        return None


def _read_loosely(text: str, language: str | None) -> Raw:
    reader = _LooseReader("", language, "utf-8", {})
    return _run(reader, lambda: reader.feed(text), strict=False)


def _read_strictly(text: str, language: str | None, *, strict: bool = True) -> Raw:
    reader = _StrictReader("", language, "utf-8")
    parser = _Expat()
    parser.setFeature(xml.sax.handler.feature_namespaces, True)  # noqa: FBT003 - SAX's signature
    parser.setFeature(xml.sax.handler.feature_external_ges, False)  # noqa: FBT003
    parser.setContentHandler(reader)
    parser.setErrorHandler(reader)
    source = xml.sax.xmlreader.InputSource()
    source.setEncoding("utf-8")
    source.setByteStream(BytesIO(text.encode("utf-8")))
    try:
        return _run(reader, lambda: parser.parse(source), strict=strict)
    finally:
        # Where the document is not well-formed, reader, parser and error hold one another (see `_run`).
        reader.exc = None
        parser.let_go()


def _run(reader: Any, read: Any, *, strict: bool) -> Raw:
    capped = False
    try:
        read()
    except _EnoughError:
        capped = True
    except Exception as error:
        # Its frames hold it, and each of them some of the document: megabytes that only the collector could free, which
        # seldom comes to a worker.
        clear_frames(error.__traceback__)
        raise
    return Raw(
        version=reader.version or "",
        feed=reader.feeddata,
        entries=reader.entries,
        complete=reader.root_closed or capped,
        last_open=bool(reader.inentry) and not capped,
        strict=strict,
        capped=capped,
        deleted=reader.deleted,
    )
