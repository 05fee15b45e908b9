"""Texts of any script -> columns of a terminal: how wide they are, cut and padded to a width, wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import category, east_asian_width

#: Marks above and below a letter, and what has no shape of its own.
_WITHOUT_WIDTH = frozenset({"Mn", "Me", "Cf"})


def cells(text: str) -> int:
    """Count the columns that a terminal needs: a Chinese character takes two, an accent of its own none."""
    return sum(map(_cells, text))


def clip(text: str, width: int) -> str:
    """Return as much of a text as fits, with an ellipsis where something is cut off."""
    if cells(text) <= width:
        return text
    return f"{_beginning(text, width - 1).rstrip()}…" if width > 0 else ""


def pad(text: str, width: int) -> str:
    """Return a text at exactly this width, cut or filled up."""
    shown = clip(text, width)
    return shown + " " * (width - cells(shown))


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines that a text takes; it is broken at spaces, or anywhere where there is none for a whole line."""
    line = ""
    for word in text.split(" "):
        left = word
        if cells(line) + 1 + cells(left) <= width and line:
            line = f"{line} {left}"
            continue
        if line:
            yield line.rstrip()
        while cells(left) > width > 1:
            part = _beginning(left, width)
            yield part
            left = left[len(part) :]
        line = left
    if line:
        yield line


def _beginning(text: str, width: int) -> str:
    """Return the longest beginning that fits, with the marks that belong to its last letter."""
    room = width
    for place, char in enumerate(text):
        room -= _cells(char)
        if room < 0:
            return text[:place]
    return text


def _cells(char: str) -> int:
    if char < "\u0300":
        return 1
    if east_asian_width(char) in "WF":
        return 2
    return 0 if category(char) in _WITHOUT_WIDTH else 1
