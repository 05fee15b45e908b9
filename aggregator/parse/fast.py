"""An ordinary feed -> Raw, in one walk over the same parser that feedparser sits on; None for any other: feedparser reads that.

A whitelist. An element, attribute or namespace of which it is not proven that feedparser makes the same of it ends the walk
at once (`UnsureError`), and the document is read the slow way from its start. Being unsure costs time, being wrong would change
what is published: identity rests on these values.

The parser is expat, which feedparser uses too, and not lxml, which takes as long over these documents: so there is one opinion
of what is well-formed, where a text ends, and in which order namespaces were declared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from xml.parsers import expat

from aggregator.parse.fast_elements import XML_BASE, XML_LANG
from aggregator.parse.fast_markup import Markup
from aggregator.parse.fast_names import HANDLED, Names
from aggregator.parse.fast_rules import DELETED, DOCUMENT, EMPTY, ROOTS, SKIP_ALL, WITHIN_DELETED
from aggregator.parse.fast_state import EnoughError, Rule, State, UnsureError
from aggregator.parse.prolog import Document
from aggregator.parse.raw import Raw
from aggregator.parse.repair import repair_text

_NO_ATTRIBUTES: Mapping[str, str] = {}
_BUFFER_BYTES = 64 * 1024
_TEXTUAL = frozenset({"text", "plain", "text/plain", "html", "text/html"})
_XHTML = frozenset({"xhtml", "application/xhtml+xml"})
_ROOT_NAMES = frozenset({"rss", "feed", "rdf"})
_RSS_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
#: U+0080 to U+009F, as they are and as references: two expressions with a fixed start each take a seventh of one's time.
_CONTROLS = re.compile(rb"\xc2[\x80-\x9f]")
_REFERENCES = re.compile(rb"&#(?:0*1[2-5][0-9]|[xX]0*[89][0-9A-Fa-f]);")


class _BrokenError(UnsureError):
    """The document is not well-formed as it stands."""


def read_fast(document: Document, language: str | None) -> Raw | None:
    """Return what feedparser would find in a document, or None where that is not certain."""
    try:
        return read_surely(document, language)
    except UnsureError:
        return None


def read_surely(document: Document, language: str | None) -> Raw:
    """Read a document, repaired where it is not well-formed: the first two of the three attempts of `reader.read_xml`.

    Raises:
        UnsureError: it holds something that is left to feedparser; the message says what, for those who count reasons.
    """
    if document.root not in _ROOT_NAMES:
        raise UnsureError("another root")
    text, entities = document.text, document.entities
    if entities:
        return _read(repair_text(text, entities), language)
    try:
        return _read(text, language)
    except _BrokenError:
        return replace(_read(repair_text(text, entities), language), strict=False)


def _read(text: str, language: str | None) -> Raw:
    try:
        body = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _BrokenError("surrogates") from error
    controls = _CONTROLS.search(body) is not None or _REFERENCES.search(body) is not None
    return _Walk(State(language, controls=controls)).read(body)


class _Walk:
    """One document on its way through the parser."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._names = Names()

    def read(self, body: bytes) -> Raw:
        parser = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = True
        parser.buffer_text = True
        parser.buffer_size = _BUFFER_BYTES
        pieces: list[str] = []
        parser.StartNamespaceDeclHandler = self._names.declare
        parser.CharacterDataHandler = pieces.append
        parser.StartElementHandler, parser.EndElementHandler = self._handlers(pieces)
        capped = False
        try:
            parser.Parse(body, True)  # noqa: FBT003 - expat's signature
        except EnoughError:
            capped = True
        except expat.ExpatError as error:
            raise _BrokenError("not well-formed") from error
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

    def _handlers(  # noqa: C901 - one hot loop, in which each call would cost more than it explains
        self, pieces: list[str]
    ) -> tuple[Callable[[str, dict[str, str]], None], Callable[[str], None]]:
        """Return what the parser calls for each tag. This is the hot loop: two functions over local names, no methods.

        `pieces` is the text since the last tag that mattered. A leaf, which has no elements in it, is never pushed.
        """
        state = self._state
        found: dict[Rule, dict[str, Rule]] = {}  #: the parser's names of elements, by where they stand
        open_: list[tuple[Rule, dict[str, Rule]]] = []
        parent, rules = DOCUMENT, found.setdefault(DOCUMENT, {})
        leaf: Rule | None = None
        said = _NO_ATTRIBUTES  #: of the leaf
        markup: Markup | None = None  #: the leaf holds elements of XHTML

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal parent, rules, leaf, said, markup
            if leaf is not None:
                if markup is None:
                    markup = self._begin_markup(leaf, said, name, pieces)
                    said = {**said, "type": "xhtml"}
                markup.start(name, attributes, pieces)
                return
            rule = rules.get(name)
            if rule is None:
                rule = rules[name] = self._find(parent, name, attributes)
            if attributes and not rule.takes.issuperset(attributes):
                _judge(rule, attributes)
            if parent.blank and "".join(pieces).strip():
                raise UnsureError("text beside elements")
            pieces.clear()
            if rule.children is None:
                leaf, said = rule, attributes
                if attributes and rule.based and attributes.get("type", "").lower() in _XHTML:
                    markup = Markup(self._names)
                return
            open_.append((parent, rules))
            parent, rules = rule, found.setdefault(rule, {})
            state.depth += 1
            if rule.begin is not None:
                rule.begin(state, attributes)

        def end(name: str) -> None:
            nonlocal parent, rules, leaf, markup
            if leaf is not None:
                if markup is not None:
                    if markup.depth:
                        markup.end(name, pieces)
                        return
                    pieces[:] = [markup.finish(pieces)]
                    markup = None
                if leaf.end is not None:
                    leaf.end(state, pieces[0] if len(pieces) == 1 else "".join(pieces), said)
                leaf = None
                pieces.clear()
                return
            if parent.end is not None:
                parent.end(state, "".join(pieces) if parent.blank else "", _NO_ATTRIBUTES)
            pieces.clear()
            state.depth -= 1
            parent, rules = open_.pop()

        return start, end

    def _begin_markup(self, leaf: Rule, said: Mapping[str, str], name: str, text: list[str]) -> Markup:
        """Begin the markup of a construct that did not announce any: feedparser takes it for XHTML from there on."""
        if not leaf.based or said.get("type", "html").lower() not in _TEXTUAL or "src" in said:
            raise UnsureError("an element within a text")
        markup = Markup(self._names)
        markup.begin(name, text)
        return markup

    def _find(self, parent: Rule, name: str, attributes: Mapping[str, str]) -> Rule:
        """Return the rule for an element that has not stood in this place so far."""
        tag = self._names.resolve(name)
        if parent is DOCUMENT:
            return self._root(tag, attributes)
        return (parent.children or {}).get(tag) or self._other(parent, tag)

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
            return WITHIN_DELETED
        prefix, colon, local = tag.rpartition(":")
        if local == "deleted-entry":
            if "entry" not in (parent.children or ()):
                raise UnsureError("a deleted entry in an odd place")
            return DELETED
        key = f"{prefix}_{local}" if colon else local
        if not parent.others or key in HANDLED:
            raise UnsureError(f"<{tag}>")
        return EMPTY if parent.blank else SKIP_ALL


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
