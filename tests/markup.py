"""A document as a tree that keeps how it was written: prefixes, quotes, CDATA, comments, entities.

In: text. Out: nodes that can be moved, changed and written again; unchanged they give the same text. A parser's tree would
not do: it has resolved what a test of parsers wants to vary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_NAME = r"[^\s<>/='\"!?][^\s<>/='\"]*"
_TOKEN = re.compile(
    r"(?P<raw><!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<!DOCTYPE[^>\[]*(?:\[[^\]]*\])?\s*>|[^<]+)"
    rf"|</(?P<end>{_NAME})\s*>"
    rf"|<(?P<start>{_NAME})(?P<attributes>(?:\s+{_NAME}\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)\s*(?P<empty>/?)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rf"({_NAME})\s*=\s*(\"[^\"]*\"|'[^']*')")


@dataclass(slots=True, eq=False)
class Raw:
    """Text, a CDATA section, a comment or a processing instruction, as written."""

    text: str


@dataclass(slots=True, eq=False)
class Element:
    """An element; the names and values of its attributes are as written."""

    name: str
    attributes: list[tuple[str, str]] = field(default_factory=list)  #: values without their quotes
    children: list[Node] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """Yield it and every element below it, in the order of the document."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()


Node = Raw | Element


def read_markup(text: str) -> Element | None:
    """Return the document as the children of an element without a name; None where tags do not match."""
    document = Element("")
    open_ = [document]
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            return None
        position = found.end()
        if found["raw"] is not None:
            open_[-1].children.append(Raw(found["raw"]))
        elif found["end"] is not None:
            if open_[-1].name != found["end"] or len(open_) == 1:
                return None
            open_.pop()
        else:
            element = Element(found["start"], [(name, value[1:-1]) for name, value in _ATTRIBUTE.findall(found["attributes"])])
            open_[-1].children.append(element)
            if not found["empty"]:
                open_.append(element)
    return document if len(open_) == 1 and any(isinstance(child, Element) for child in document.children) else None


def write_markup(node: Node) -> str:
    """Write a node; an element without children as an empty tag."""
    pieces: list[str] = []
    _write(node, pieces)
    return "".join(pieces)


def _write(node: Node, pieces: list[str]) -> None:
    if isinstance(node, Raw):
        pieces.append(node.text)
        return
    if node.name:
        pieces.append(f"<{node.name}")
        for name, value in node.attributes:
            quote = "'" if '"' in value else '"'
            pieces.append(f" {name}={quote}{value}{quote}")
        pieces.append(">" if node.children else "/>")
    for child in node.children:
        _write(child, pieces)
    if node.name and node.children:
        pieces.append(f"</{node.name}>")


def copy(node: Node) -> Node:
    """Return a copy that shares nothing with the node."""
    if isinstance(node, Raw):
        return Raw(node.text)
    return Element(node.name, list(node.attributes), [copy(child) for child in node.children])
