"""Text of an ill-formed document -> text that a strict parser may read after all. Loses nothing that XML could carry.

Each repair is one that publishers need every day: characters and references that XML forbids, entities that only HTML knows,
an ampersand that was never escaped.
"""

from __future__ import annotations

import re
import sys
from html import escape
from html.entities import html5

#: Everything that XML 1.0 §2.2 does not allow.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CHARACTER_REFERENCE = re.compile(r"&#(?:[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,8}));?")
_PAIR = re.compile(r"&#[xX]([dD][89abAB][0-9A-Fa-f]{2});&#[xX]([dD][c-fC-F][0-9A-Fa-f]{2});")
_DECIMAL_PAIR = re.compile(r"&#(5[5-6]\d{3});&#(5[6-7]\d{3});")
_CDATA = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)
_AMPERSAND = re.compile(r"&(#[0-9]{1,8};|#[xX][0-9A-Fa-f]{1,8};|[A-Za-z_][\w.-]{0,63};)?")
_KNOWN = {"amp", "lt", "gt", "quot", "apos"}
#: Expanded text may not grow beyond this, so that a short entity used a million times stays harmless.
MAX_GROWTH = 4 * 1024 * 1024


def drop_illegal(text: str) -> str:
    """Return the text without characters that XML 1.0 forbids."""
    return ILLEGAL.sub("", text) if ILLEGAL.search(text) else text


def repair_text(text: str, entities: dict[str, str]) -> str:
    """Return the document with forbidden characters and references removed and every other ampersand made legal.

    Inside CDATA sections only characters are removed: an ampersand is text there.
    """
    text = drop_illegal(text)
    if "&" not in text:
        return text
    budget = [MAX_GROWTH]
    pieces = _CDATA.split(text)
    pieces[::2] = [_repair_markup(piece, entities, budget) if "&" in piece else piece for piece in pieces[::2]]
    return "".join(pieces)


def _repair_markup(text: str, entities: dict[str, str], budget: list[int]) -> str:
    text = _PAIR.sub(lambda match: _joined(int(match[1], 16), int(match[2], 16)), text)
    text = _DECIMAL_PAIR.sub(lambda match: _joined(int(match[1]), int(match[2])), text)

    def replaced(match: re.Match[str]) -> str:
        reference = match.group(1)
        if reference is None:
            return "&amp;"
        if reference.startswith("#"):
            return match.group(0) if _is_legal(match.group(0)) else ""
        name = reference[:-1]
        if name in _KNOWN:
            return match.group(0)
        value = entities.get(name) or html5.get(reference)
        if value is None:
            return f"&amp;{reference}"
        budget[0] -= len(value)
        return escape(value) if budget[0] > 0 else ""

    return _AMPERSAND.sub(replaced, text)


def _joined(high: int, low: int) -> str:
    """Return the character that two surrogate references were meant to be."""
    pair = high.to_bytes(2, "big") + low.to_bytes(2, "big")
    return pair.decode("utf-16-be", "ignore")


def _is_legal(reference: str) -> bool:
    match = _CHARACTER_REFERENCE.fullmatch(reference)
    if match is None:
        return False
    code = int(match[1], 16) if match[1] else int(match[2])
    return 0 < code <= sys.maxunicode and not ILLEGAL.match(chr(code))
