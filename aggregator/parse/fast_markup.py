"""Elements in a text construct -> the markup that feedparser makes of them, whether it was declared as XHTML or not.

It writes each start tag with the attributes in their order, and in Atom takes the outermost <div> off when all the rest is in
it, by a rule of its own: what it counts there are its own pieces, so this keeps the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.parse.fast_names import HANDLED, Names
from aggregator.parse.fast_state import UnsureError
from aggregator.parse.markup import VOID_ENDS

_XML = "http://www.w3.org/XML/1998/namespace "
#: What feedparser, or our reader over it, does something of its own with.
_FORBIDDEN = frozenset({"svg", "math", "deleted-entry"})


class Markup:
    """The content of one text construct while it is read."""

    def __init__(self, names: Names) -> None:
        self.depth = 0  #: of elements that are open
        self._names = names
        self._pieces: list[str] = []

    def begin(self, name: str, text: list[str]) -> None:
        """Take the text before the first element of a construct that did not say that it has any: it stays as it is."""
        if self._local(name) == "div":
            raise UnsureError("a <div> in what should be text")  # feedparser passes over it, and loses count
        if self._names.version == "atom10" and any("<" in piece for piece in text):
            raise UnsureError("text that could pass for a tag")
        self._pieces += text
        text.clear()

    def start(self, name: str, attributes: Mapping[str, str], text: list[str]) -> None:
        """Take a start tag, and the text before it."""
        self._take(text)
        self._pieces.append(f"<{self._local(name)}{''.join(_written(attributes))}>")
        self.depth += 1

    def end(self, name: str, text: list[str]) -> None:
        """Take an end tag, and the text before it."""
        self._take(text)
        tag = f"</{self._local(name)}>"
        if tag not in VOID_ENDS:
            self._pieces.append(tag)
        self.depth -= 1

    def finish(self, text: list[str]) -> str:
        """Return the markup."""
        self._take(text)
        return "".join(_without_wrapper(self._pieces) if self._names.version == "atom10" else self._pieces)

    def _take(self, text: list[str]) -> None:
        if text:
            self._pieces.append("".join(text).replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;"))
            text.clear()

    def _local(self, name: str) -> str:
        prefix, colon, local = self._names.resolve(name).rpartition(":")
        key = f"{prefix}_{local}" if colon else local
        if prefix not in {"", "xhtml"} or local in _FORBIDDEN or (key in HANDLED and key != "div"):
            raise UnsureError("markup that is not plain XHTML")
        return local


def _written(attributes: Mapping[str, str]) -> list[str]:
    found: dict[str, str] = {}
    for name, value in attributes.items():
        key = name.lower()
        if " " in name:
            if name not in {f"{_XML}lang xml", f"{_XML}space xml"}:
                raise UnsureError("an attribute of a namespace in markup")
            key = "xml:" + name.split(" ")[1]
        if key == "base" or key in found:
            raise UnsureError("an attribute that means a base, or is there twice")
        found[key] = value.lower() if key in {"rel", "type"} else value
    return [f' {key}="{_escaped(value)}"' for key, value in found.items()]


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;").replace('"', "&quot;")


def _without_wrapper(pieces: list[str]) -> list[str]:
    while len(pieces) > 1 and not pieces[-1].strip():
        pieces.pop()
    first = 0
    while first < len(pieces) - 1 and not pieces[first].strip():
        first += 1
    pieces = pieces[first:]
    if not pieces or not (pieces[0] == "<div>" or pieces[0].startswith("<div ")) or pieces[-1] != "</div>":
        return pieces
    depth = 0
    for piece in pieces[:-1]:
        if piece.startswith("</"):
            depth -= 1
            if depth == 0:
                return pieces
        elif piece.startswith("<") and not piece.endswith("/>"):
            depth += 1
    return pieces[1:-1]
