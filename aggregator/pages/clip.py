"""Foreign text -> as much of it as there is room for. Pure."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

_WIDE = frozenset("WF")
#: How far back a cut looks for a space.
_WORD = 24


def clip(text: str, columns: int) -> str:
    """Return the beginning of a text that fills so many columns, of which Chinese characters take two; a cut is marked."""
    if len(text) * 2 <= columns:
        return text
    used = 0
    for index, char in enumerate(text):
        used += 1 if char < "\u1100" else 2 if east_asian_width(char) in _WIDE else 1
        if used > columns:
            cut = _before_word(text, index)
            return f"{text[:cut].rstrip()}…"
    return text


def _before_word(text: str, index: int) -> int:
    """Return where to cut so that no word, and no letter with its accent, is cut in two."""
    while index and combining(text[index]):
        index -= 1
    if text[index].isspace() or not (text[index - 1].isalnum() and text[index] < "\u2e80"):
        return index
    space = text.rfind(" ", max(0, index - _WORD), index)
    return space if space > 0 else index
