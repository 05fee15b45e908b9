"""What the fast reader knows while it reads, and what a rule for an element is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: What is often meant by characters that are controls: Windows-1252's.
_WINDOWS = {code: text for code in range(128, 160) if (text := bytes([code]).decode("cp1252", "ignore"))}


class UnsureError(Exception):
    """The document holds something of which it is not proven that it is read as feedparser reads it; says what."""


class EnoughError(Exception):
    """Enough entries were read; never leaves the fast reader."""


class State:
    """One document while it is read."""

    def __init__(self, language: str | None, *, controls: bool) -> None:
        self.controls = controls  #: U+0080 to U+009F occur in the document
        self.feed: dict[str, Any] = {"language": language.replace("_", "-")} if language else {}
        self.entries: list[dict[str, Any]] = []
        self.into = self.feed  #: the feed, or the entry that is open
        self.base = ""
        self.language = language
        self.scopes: list[tuple[str, str | None]] = []  #: base and language around each element that may change them
        self.titled = False  #: a title was found, so that the next one of the same element changes nothing
        self.pictured = False  #: an image or a text input has begun
        self.full = False  #: the entry has had its content
        self.depth = 0
        self.depths: dict[str, int] = {}  #: how deep what is stored under a key of this entry stood
        self.group = 0
        self.in_group = False
        self.deleted = 0

    def clean(self, text: str) -> str:
        """Return a text without outer blanks, and with what was encoded twice decoded, as feedparser does."""
        text = text.strip()
        if text.isascii():
            return text
        if text[0] > "\xff" and not self.controls:
            return text  # nothing that Latin-1 could hold; most Chinese texts end here, without an exception
        try:
            text = text.encode("iso-8859-1").decode("utf-8")
        except UnicodeError:
            pass
        else:
            if "\ufffe" in text or "\uffff" in text:
                raise UnsureError("what XML forbids, encoded twice")  # `xmlfeed` takes it out of some texts, not of others
        return text.translate(_WINDOWS) if self.controls else text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """How an element is read."""

    end: Callable[[State, str, Mapping[str, str]], None] | None = None  #: given the text and attributes of a leaf
    begin: Callable[[State, Mapping[str, str]], None] | None = None
    takes: frozenset[str] = frozenset()  #: attributes that are understood, spelt like this
    reads: frozenset[str] = frozenset()  #: local names, in lower case, of all attributes that feedparser looks at
    bare: bool = False  #: with any attribute feedparser keeps the attributes in place of the text
    scoped: bool = False  #: xml:base and xml:lang are understood
    based: bool = False  #: xml:base is understood
    children: Mapping[str, Rule] | None = None  #: by feedparser's name; None: text alone
    others: bool = False  #: elements of vocabularies that nobody reads may stand in it
    blank: bool = False  #: with children, it has no text of its own
    anything: bool = False  #: whatever is in it is passed over, `others` or not
