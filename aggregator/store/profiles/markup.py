"""Text <-> text that a theme may print into its pages as it is, between tags or in an attribute of either quotes. Pure.

Themes that print titles and addresses unescaped would hand a hostile upstream the pages of the site: `x'onmouseover='...`.
"""

from __future__ import annotations

import re

_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_CHARACTERS = {written: character for character, written in _REFERENCES.items()}
#: An ampersand only where a reference would begin, so that most texts stay as they are.
_SPECIAL = re.compile(r"[<>\"']|&(?=#?\w+;)")
_WRITTEN = re.compile("|".join(_CHARACTERS))


def to_markup(text: str) -> str:
    """Return the text with references for what would end it, or begin markup."""
    return _SPECIAL.sub(lambda found: _REFERENCES[found[0]], text)


def from_markup(text: str) -> str:
    """Return what `to_markup` was given; other references are left as they are."""
    return _WRITTEN.sub(lambda found: _CHARACTERS[found[0]], text)
