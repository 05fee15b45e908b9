"""Bytes of an OPML list -> its feeds, each with the line it stands in. Pure; to be run where it can be killed.

OPML 1.0, 1.1 and 2.0 as programs and people write them. Takes nothing from a DOCTYPE, opens nothing, expands no entity: what
stands before the root element is cut off before the XML parser sees anything. That parser is expat without namespaces, so a
prefix that nobody declared is a name like any other, every line number is exact, and what stands before a break is read.
Never judges an address: what may be fetched is `aggregator.opml`'s to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn
from xml.parsers import expat

from aggregator.parse.encoding import decode_body
from aggregator.parse.opml_outline import FeedOutline, Folder, read_feed, read_folder
from aggregator.parse.prolog import open_document
from aggregator.parse.refusal import NotAFeedError
from aggregator.parse.repair import repair_text

MAX_BYTES = 10 * 1024 * 1024
MAX_OUTLINES = 20_000
MAX_DEPTH = 100

_BLANK = "\ufeff\0 \t\r\n\v\f"
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,60}:)?opml(?=[\s/>])", re.IGNORECASE)
_PAGE = re.compile(r"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
#: A "<" inside a quoted value, which XML forbids and hand-made lists hold: `text="a < b"`.
_OPEN_IN_VALUE = re.compile(r'=[ \t]*"[^"\n<]*<[^"\n]*"')
_COMPRESSED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")


class NotOpmlError(ValueError):
    """The bytes hold no OPML list; the message is one line: what came instead, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlNote:
    """What was read otherwise than it stands there, or left out on purpose."""

    line: int  #: 1-based
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlList:
    """What a list holds, in its own order."""

    feeds: tuple[FeedOutline, ...]
    notes: tuple[OpmlNote, ...] = ()
    broken: OpmlNote | None = None  #: where reading ended before the list did, and why; what stands below is not here


def read_opml(body: bytes) -> OpmlList:
    """Read a list.

    Raises:
        NotOpmlError: the body is empty, too big, or something else than OPML.
    """
    if len(body) > MAX_BYTES:
        raise NotOpmlError(f"larger than {MAX_BYTES // 1024 // 1024} MiB, which no list of feeds is")
    if not body.strip(_BLANK.encode()):
        raise NotOpmlError("the file is empty")
    if body.startswith(_COMPRESSED):
        raise NotOpmlError("the file is compressed: unpack it, and import the .opml or .xml file that it holds")
    text, warning = decode_body(body, "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start = _find_root(text)
    notes = [] if warning is None else [OpmlNote(line=1, text=warning)]
    before = text[:start]
    if "<!ENTITY" in before:
        line = before[: before.index("<!ENTITY")].count("\n") + 1
        notes.append(OpmlNote(line=line, text="entities that the DOCTYPE declares are not read; their names stand as they are"))
    first_line = before.count("\n") + 1
    found = _read_repaired(text[start:], first_line)
    return replace(found, notes=(*notes, *found.notes))


def _find_root(text: str) -> int:
    """Return where `<opml` stands."""
    try:
        document = open_document(text)
    except NotAFeedError as error:
        raise NotOpmlError(_IS_FEED) from error
    position = len(text) - len(document.text)
    if document.root is None and _PAGE.match(document.text):
        raise NotOpmlError("the file is a web page, not OPML: export or download the list itself")
    found = _ROOT.search(text, position) if document.root is None else _ROOT.search(text, 0, position)
    if found is None:
        raise NotOpmlError(_IS_FEED if document.root is not None else _name_other(text))
    return found.start()


_IS_FEED = "the file is a feed, not a list of feeds: take its address to `aggregator source add ADDRESS`"


def _name_other(text: str) -> str:
    start = text.lstrip(_BLANK)[:4096]
    if re.match(r'[{\[]\s*["{\[\]}]', start):
        return _IS_FEED if "jsonfeed.org" in start else "the file is JSON, not OPML: export the list as OPML"
    if re.match(r'"?(?:https?|feed|exec|filter|query):', start):
        return "the file is a list of addresses, not OPML; where newsboat wrote it: newsboat -e > list.opml"
    if start.startswith("<"):
        return "the file is XML without an <opml> element, so it is no OPML list"
    return "the file is no OPML: it holds no <opml> element"


def _read_repaired(text: str, first_line: int) -> OpmlList:
    """Read the text as it is, or repaired where that gets further; a repair is told."""
    found = _Walk(first_line).read(text)
    if found.broken is None:
        return found
    mended = repair_text(_OPEN_IN_VALUE.sub(lambda value: value[0].replace("<", "&lt;"), text), {})
    if mended == text:
        return found
    again = _Walk(first_line).read(mended)
    if again.broken is not None and again.broken.line <= found.broken.line:
        return found
    note = OpmlNote(line=found.broken.line, text="& or < stood unescaped, or a character that XML forbids; mended and read")
    return replace(again, notes=(note, *again.notes))


class _Stop(Exception):  # noqa: N818 - not an error: the end of what is read
    """Reading ends here."""


@dataclass(slots=True, kw_only=True)
class _Open:
    """An outline whose end has not come yet."""

    line: int
    folder: Folder
    is_feed: bool
    has_children: bool = False


@dataclass(slots=True)
class _Walk:
    """One pass over the elements."""

    first_line: int
    feeds: list[FeedOutline] = field(default_factory=list)
    notes: list[OpmlNote] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _outlines: int = 0
    _depth: int = 0  #: elements of any name
    _commented: int = 0  #: depth at which a commented outline began; 0: none
    _parser: Any = None

    def read(self, text: str) -> OpmlList:
        """Read the text from its root element on."""
        parser = self._parser = expat.ParserCreate("UTF-8")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        broken = None
        try:
            parser.Parse(text.encode("utf-8", "replace"), True)  # noqa: FBT003 - expat's signature
        except expat.ExpatError as error:
            problem = OpmlNote(
                line=error.lineno + self.first_line - 1, text=f"the XML is broken: {expat.ErrorString(error.code)}"
            )
            if self._depth or not self._outlines:
                broken = problem
            else:
                self.notes.append(OpmlNote(line=problem.line, text="something stands behind the end of the list; not read"))
        except _Stop as stop:
            broken = OpmlNote(line=self._line, text=str(stop))
        return OpmlList(feeds=tuple(self.feeds), notes=tuple(self.notes), broken=broken)

    @property
    def _line(self) -> int:
        return int(self._parser.CurrentLineNumber) + self.first_line - 1

    def _stop(self, reason: str) -> NoReturn:
        raise _Stop(reason)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if _local(name) != "outline":
            return
        self._outlines += 1
        if self._outlines > MAX_OUTLINES:
            self._stop(f"more than {MAX_OUTLINES:,} outlines")
        if len(self._open) >= MAX_DEPTH:
            self._stop(f"outlines are nested deeper than {MAX_DEPTH}")
        if self._open:
            self._open[-1].has_children = True
        self._outline({key.lower(): value for key, value in attributes.items()}, tuple(attributes))

    def _outline(self, attributes: dict[str, str], written: tuple[str, ...]) -> None:
        line = self._line
        folder, remarks = read_folder(attributes)
        if attributes.get("iscomment", "").lower() == "true" and not self._commented:
            self._commented = len(self._open) + 1
            self.notes.append(OpmlNote(line=line, text="commented out in the list (isComment); left out with all below it"))
        above = tuple(part for outer in self._open for part in outer.folder)
        feed = None if self._commented else read_feed(attributes, written, line=line, folders=above)
        if feed is not None:
            self.feeds.append(feed)
        elif not self._commented:
            self.notes += [OpmlNote(line=line, text=remark) for remark in remarks]
        self._open.append(_Open(line=line, folder=folder, is_feed=feed is not None))

    def _end(self, name: str) -> None:
        self._depth -= 1
        if _local(name) != "outline":
            return
        outline = self._open.pop()
        if self._commented > len(self._open):
            self._commented = 0
        elif not self._commented and not outline.is_feed and not outline.has_children:
            self.notes.append(OpmlNote(line=outline.line, text="neither a feed nor anything below it; left out"))


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
