"""One file of config/: its text, its nodes, and what was found wrong with it.

Bytes become text, text becomes nodes, faults become problems with an excerpt that never shows a value that was marked as
secret. Nothing is repaired: a file that is no UTF-8 or no YAML has one problem and no nodes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from aggregator.errors import Problem
from aggregator.settings.nodes import LOADER, Composer, ListNode, MapNode, Node, TextNode, UnwantedError, has_foreign_tag

#: YAML 1.1 §4.1.1, the same set for both loaders.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_MERGE = "<<"
_EXCERPT = 200
#: What is commented out may be a secret too, or become one by a "#" too many.
_COMMENT = re.compile(r"(?<=\s)#.*")
#: A file that cannot be read cannot tell which of its values are secret: then no line of it is shown.
_MAY_HOLD_SECRETS = re.compile("headers|auth|password|proxy|state")

#: What PyYAML says, what that means, and what to do.
_WORDS: tuple[tuple[str, str, str | None], ...] = (
    ("mapping values are not allowed", 'a second ": " in one line', 'put a text that holds ": " into quotes'),
    ("could not find expected ':'", 'a key without ": "', None),
    ("block end", "this line does not fit the lines above it", "check the indentation, and close every quote"),
    ("undefined tag handle", "a tag; none is used here", 'put a text that begins with "!" into quotes'),
    ("unexpected end of stream", "a quote that is never closed", None),
    ("while parsing a flow", "a bracket or brace that is never closed, or a comma that is missing", None),
    ("unknown escape character", "an unknown escape sequence", "use single quotes for a text with backslashes"),
)


class Pair(NamedTuple):
    """One key of a mapping."""

    name: str  #: as written
    key: TextNode
    value: Node


class _Fault(NamedTuple):
    line: int | None  #: 0-based, as all marks
    column: int
    width: int
    message: str
    hint: str | None


class Document:
    """A file's text, the root of its nodes, and what was found wrong with it."""

    def __init__(self, shown: str, text: str = "") -> None:
        """Take the name to show and the text as written."""
        self.shown = shown
        self.root: Node | None = None
        self.broken = False  #: whether it could not be read as YAML at all, so that it may lack what it means to define
        self._text = text
        self._lines = _BREAK.split(text)
        self._faults: list[_Fault] = []
        self._secret: list[tuple[int, int, int, int]] = []

    @property
    def problems(self) -> list[Problem]:
        """Return what was found, in line order.

        Excerpts are made here, when every secret is known: it may stand behind the fault, in the same line.
        """
        faults = sorted(self._faults, key=lambda fault: (-1 if fault.line is None else fault.line, fault.column))
        return [self._problem(fault) for fault in faults]

    def fault(self, node: Node | None, message: str, hint: str | None = None) -> None:
        """Report something wrong at a node; without one, with the file as a whole."""
        mark: Any = node.start_mark if node is not None else None
        if node is None or mark is None:
            self._faults.append(_Fault(None, 0, 1, message, hint))
            return
        end: Any = node.end_mark
        same_line = isinstance(node, TextNode) and end.line == mark.line
        width = end.column - mark.column if same_line else 1
        self._faults.append(_Fault(mark.line, mark.column, width, message, hint))

    def hide(self, node: Node) -> None:
        """Mark a node as secret: from now on no excerpt shows it."""
        if node.start_mark is not None:
            start: Any = node.start_mark
            end: Any = node.end_mark
            self._secret.append((start.line, start.column, end.line, end.column))

    def place(self, node: Node) -> str:
        """Return `file:line`, or the bare name of what has no lines."""
        return f"{self.shown}:{node.start_mark.line + 1}" if node.start_mark is not None else self.shown

    def pairs(self, node: MapNode, where: str) -> list[Pair]:
        """Return the keys of a mapping as written; duplicates and keys that are no text are problems.

        `<<` merges other mappings below the own keys (YAML 1.1, "Merge Key").
        """
        found: dict[str, Pair] = {}
        merged: list[Pair] = []
        again: list[Pair] = []
        for key, value in node.items:
            if not isinstance(key, TextNode) or has_foreign_tag(key):
                self.hide(key)
                self.hide(value)
                self.fault(key, f"a key in {where} is no text", hint="put it into quotes")
            elif key.value == _MERGE and not key.style:
                merged.extend(self._merged(value, where))
            elif key.value in found:
                first = self.place(found[key.value].key)
                self.fault(key, f'the key "{key.value}" stands twice in {where}', hint=f"first in {first}")
                again.append(Pair(key.value, key, value))
            else:
                found[key.value] = Pair(key.value, key, value)
        for pair in merged:
            found.setdefault(pair.name, pair)
        return [*found.values(), *again]  # all are read, so that every problem is found and every secret known

    def _merged(self, value: Node, where: str) -> Iterator[Pair]:
        for node in value.items if isinstance(value, ListNode) else [value]:
            if isinstance(node, MapNode):
                yield from self.pairs(node, where)
            else:
                self.fault(node, f"<< in {where} wants a mapping", hint="such as *anchor")

    def _problem(self, fault: _Fault) -> Problem:
        if fault.line is None:
            return Problem(file=self.shown, line=None, column=None, message=fault.message, hint=fault.hint)
        shown: str | None = None
        width = 1
        if fault.line < len(self._lines) and fault.column < _EXCERPT:
            shown = self._masked(fault.line, self._lines[fault.line])[:_EXCERPT]
            shown = _UNPRINTABLE.sub("\ufffd", shown).rstrip()
            width = max(1, min(fault.width, len(shown) - fault.column))
        return Problem(
            file=self.shown,
            line=fault.line + 1,
            column=fault.column + 1,
            message=fault.message,
            excerpt=shown,
            width=width,
            hint=fault.hint,
        )

    def _masked(self, line: int, text: str) -> str:
        for first, start, last, end in self._secret:
            if first <= line <= last:
                begin = start if line == first else 0
                stop = end if line == last else len(text)
                text = text[:begin] + re.sub(r"\S", "*", text[begin:stop]) + text[stop:]
        return _COMMENT.sub(lambda found: re.sub(r"\S", "*", found.group()), text)

    def compose(self) -> None:
        """Fill `root`; a text that is no YAML, or dangerous YAML, becomes one problem."""
        if (bad := _UNPRINTABLE.search(self._text)) is not None:
            self.refuse(bad.start(), f"the character U+{ord(bad.group()):04X} cannot stand in YAML")
            return
        events = LOADER(self._text)
        try:
            self.root = Composer().compose(events.get_event)
        except yaml.MarkedYAMLError as error:
            self._broken(error)
        except UnwantedError as error:
            self.broken = True
            self.fault(error.event, str(error), hint=error.hint)
            self._keep_quiet()
        finally:
            events.dispose()

    def refuse(self, position: int, message: str, hint: str | None = None) -> None:
        """Give up the whole text, for what stands at one place of it."""
        breaks = [found.end() for found in _BREAK.finditer(self._text, 0, position)]
        line = bisect_right(breaks, position)
        self.broken, self.root = True, None
        column = position - (breaks[line - 1] if line else 0)
        self._faults.append(_Fault(line, column, 1, message, hint))

    def _broken(self, error: yaml.MarkedYAMLError) -> None:
        self.broken, self.root = True, None
        mark = error.problem_mark or error.context_mark
        said = f"{error.problem or ''} {error.context or ''}"
        message, hint = next(((text, todo) for sign, text, todo in _WORDS if sign in said), (None, None))
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        written = self._lines[line] if line < len(self._lines) else ""
        if written[column : column + 1] == "\t" or "\t" in written[: len(written) - len(written.lstrip())]:
            message, hint = "a tab where YAML wants spaces", "indent with spaces"
        elif message is None and "cannot start any token" in said:
            message, hint = f'"{written[column : column + 1]}" cannot begin a value', "put the text into quotes"
        message = f"this is no YAML: {message or error.problem or 'it cannot be read'}"
        self._faults.append(_Fault(line, column, 1, message, hint or "check the quotes and the indentation"))
        self._keep_quiet()

    def _keep_quiet(self) -> None:
        """Show no line of a file that cannot be read: it cannot tell which of its values are secret."""
        if _MAY_HOLD_SECRETS.search(self._text):
            self._lines = []


def read_document(path: Path, shown: str, content: bytes | None = None) -> Document:
    """Read and compose one file; whatever is wrong with it is a problem of the document, never an exception.

    `content` is what it is about to hold; None: what stands on the disk.
    """
    try:
        raw = path.read_bytes() if content is None else content
    except OSError as error:
        return _unreadable(shown, f"cannot be read: {(error.strerror or str(error)).lower()}")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _unreadable(shown, "is UTF-16 text", hint="save it as UTF-8")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        document = Document(shown, raw.decode("utf-8", "replace"))
        place = len(raw[: error.start].decode())
        document.refuse(place, f"the byte 0x{raw[error.start]:02X} is no UTF-8", hint="save the file as UTF-8")
        return document
    document = Document(shown, text)
    document.compose()
    return document


def _unreadable(shown: str, message: str, hint: str | None = None) -> Document:
    document = Document(shown)
    document.broken = True
    document.fault(None, message, hint)
    return document
