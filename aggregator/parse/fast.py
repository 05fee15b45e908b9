"""An ordinary feed -> Raw, in one walk over the same parser that feedparser sits on; None for any other: feedparser reads that.

A whitelist. An element, attribute or namespace of which it is not proven that feedparser makes the same of it ends the walk
at once (`UnsureError`), and the document is read the slow way from its start. Being unsure costs time, being wrong would change
what is published: identity rests on these values.

The parser is expat, which feedparser uses too, and not lxml, which takes as long over these documents: so there is one opinion
of what is well-formed, where a text ends, and in which order namespaces were declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.parsers import expat

from aggregator.parse.fast_elements import XML_BASE, XML_LANG
from aggregator.parse.fast_names import HANDLED, Names
from aggregator.parse.fast_rules import DELETED, ENTRY, ROOTS, SKIP_ALL
from aggregator.parse.fast_state import NO_ATTRIBUTES, Rule, State, UnsureError
from aggregator.parse.prolog import Document
from aggregator.parse.raw import MAX_ENTRIES_READ, Raw

_BUFFER_BYTES = 256 * 1024
_ROOT_NAMES = frozenset({"rss", "feed", "rdf"})
_RSS_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
#: U+0080 to U+009F, as they are or as references.
_CONTROLS = re.compile(rb"\xc2[\x80-\x9f]|&#(?:0*1[2-5][0-9]|[xX]0*[89][0-9A-Fa-f]);")


class _EnoughError(Exception):
    """Enough entries were read; never leaves this module."""


def read_fast(document: Document, language: str | None) -> Raw | None:
    """Return what feedparser would find in a document, or None where that is not certain."""
    try:
        return read_surely(document, language)
    except UnsureError:
        return None


def read_surely(document: Document, language: str | None) -> Raw:
    """Read a document.

    Raises:
        UnsureError: it holds something that is left to feedparser; the message says what, for those who count reasons.
    """
    if document.root not in _ROOT_NAMES or document.entities:
        raise UnsureError("another root" if document.root not in _ROOT_NAMES else "entities of its own")
    try:
        body = document.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsureError("surrogates") from error
    return _Walk(State(language, controls=_CONTROLS.search(body) is not None)).read(body)


class _Walk:
    """One document on its way through the parser."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._names = Names()
        self._known: dict[str, str] = {}  #: the parser's name of an element -> feedparser's
        self._pieces: list[str] = []  #: of text, since the last tag
        self._open: list[Rule] = []
        self._attributes: Mapping[str, str] = NO_ATTRIBUTES  #: of the element that was opened last
        self._within: list[Mapping[str, str]] = []

    def read(self, body: bytes) -> Raw:
        parser = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = True
        parser.buffer_text = True
        parser.buffer_size = _BUFFER_BYTES
        parser.StartNamespaceDeclHandler = self._names.declare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._pieces.append
        capped = False
        try:
            parser.Parse(body, True)  # noqa: FBT003 - expat's signature
        except _EnoughError:
            capped = True
        except expat.ExpatError as error:
            raise UnsureError("not well-formed") from error
        state = self._state
        return Raw(
            version=self._names.version,
            feed=state.feed,
            entries=state.entries,
            complete=True,
            last_open=False,
            strict=True,
            capped=capped,
            deleted=state.deleted,
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        opened = self._open
        pieces = self._pieces
        tag = self._known.get(name)
        if tag is None:
            tag = self._known[name] = self._names.resolve(name)
        if opened:
            parent = opened[-1]
            rule = parent.children.get(tag) if parent.children is not None else None
            if rule is None:
                rule = self._other(parent, tag)
            elif rule is ENTRY and len(self._state.entries) >= MAX_ENTRIES_READ:
                raise _EnoughError
            if parent.blank and pieces and "".join(pieces).strip():
                raise UnsureError("text beside elements")
        else:
            rule = self._root(tag, attributes)
        if pieces:
            pieces.clear()
        if attributes and not rule.takes.issuperset(attributes):
            _judge(rule, attributes)
        opened.append(rule)
        self._within.append(attributes)
        if rule.begin is not None:
            rule.begin(self._state, attributes)

    def _end(self, _name: str) -> None:
        pieces = self._pieces
        rule = self._open.pop()
        attributes = self._within.pop()
        if rule.end is not None:
            text = pieces[0] if len(pieces) == 1 else "".join(pieces)
            self._state.depth = len(self._open)
            rule.end(self._state, text, attributes)
        if pieces:
            pieces.clear()

    def _root(self, tag: str, attributes: Mapping[str, str]) -> Rule:
        rule = ROOTS.get(tag)
        if rule is None:
            raise UnsureError("another root")
        names = self._names
        names.root_seen = True
        if tag == "rss" and not names.version.startswith("rss"):
            version = attributes.get("version", "")
            names.version = _RSS_VERSIONS.get(version) or ("rss20" if version.startswith("2.") else "rss")
        if (tag == "feed") != (names.version == "atom10") or not names.version:
            raise UnsureError("a format of another age")
        language = attributes.get(XML_LANG)
        if language and tag != "rdf:rdf":
            self._state.feed["language"] = language.replace("_", "-")
        return rule

    def _other(self, parent: Rule, tag: str) -> Rule:
        """Return the rule for an element that stands in no table."""
        if parent.anything:
            return parent
        prefix, colon, local = tag.rpartition(":")
        if local == "deleted-entry":
            if "entry" not in (parent.children or ()):
                raise UnsureError("a deleted entry in an odd place")
            self._state.deleted += 1
            return DELETED
        key = f"{prefix}_{local}" if colon else local
        if not parent.others or key in HANDLED or (not colon and parent is SKIP_ALL):
            raise UnsureError(f"<{tag}>")
        return SKIP_ALL


def _judge(rule: Rule, attributes: Mapping[str, str]) -> None:
    """Refuse attributes that feedparser might read."""
    if rule.bare:
        raise UnsureError("attributes that displace a text")
    if rule.anything:
        return
    for name in attributes:
        if name in rule.takes or name == XML_LANG:
            continue
        if name == XML_BASE:
            if rule.scoped or rule.based:
                continue
            raise UnsureError("xml:base in an odd place")
        parts = name.split(" ")
        local = (parts[1] if len(parts) > 1 else name).lower()
        if local in rule.reads or local in {"base", "lang"}:
            raise UnsureError(f"an attribute {local}")
