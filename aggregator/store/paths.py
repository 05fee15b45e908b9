"""A title and a category path -> the path of a post below the posts folder. Pure; chosen once, never changed.

A name is made of letters and digits of any script, and single hyphens: nothing in it is special to a shell, a file system
(Windows and macOS included), a site engine or an address. The key at its end makes it unique, so a slug may lose anything.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, normalize

MAX_SLUG_BYTES = 120
FALLBACK = "post"

_NOT_WORD = re.compile(r"[\W_]+")
#: Names that Windows keeps for devices, with any extension.
_RESERVED = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"})
_MARKS = frozenset({"Mn", "Mc"})
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def post_path(categories: tuple[str, ...], title: str, key: str, start: str = "") -> str:
    """Return `<category>/.../<start><title>-<key>.md`, with "/" between the parts, relative to the posts folder.

    `start` is the profile's (`Profile.name_start`): the day, for an engine that wants it there.
    """
    return f"{post_folder(categories)}/{start}{slug(title)}-{key}.md"


@lru_cache(maxsize=256)
def post_folder(categories: tuple[str, ...]) -> str:
    """Return the folder of a category's posts, with "/" between the parts, relative to the posts folder."""
    return "/".join(slug(part) for part in categories)


def slug(text: str) -> str:
    """Return the text as a name of at most 120 bytes of UTF-8: never empty, lower case, NFC."""
    if text.isascii():
        name = _NOT_WORD.sub("-", text).lower()
    else:
        # Lower case first: it can undo the composed form (İ becomes i and a dot above).
        name = normalize("NFC", _NOT_WORD.sub(_replacement, normalize("NFC", text)).lower())
    name = _cut(_without_loose_marks(name.strip("-")))
    if name in _RESERVED:
        return f"{name}-x"
    return name or FALLBACK


def _replacement(found: re.Match[str]) -> str:
    """Keep the marks that belong to the letter before; drop what is invisible; all else is one hyphen."""
    kept: list[str] = []
    for character in _VARIATION_SELECTORS.sub("", found[0]):
        kind = category(character)
        if kind in _MARKS and kept[-1:] != ["-"]:
            kept.append(character)
        elif kind != "Cf" and kind not in _MARKS and kept[-1:] != ["-"]:
            kept.append("-")
    return "".join(kept)


def _without_loose_marks(name: str) -> str:
    """Drop marks at the start, where there is no letter to carry them."""
    start = 0
    while start < len(name) and (name[start] == "-" or category(name[start]) in _MARKS):
        start += 1
    return name[start:]


def _cut(name: str) -> str:
    """Return the longest start within the limit that splits no character, and no letter from its marks if possible."""
    if len(name) * 4 <= MAX_SLUG_BYTES or len(encoded := name.encode()) <= MAX_SLUG_BYTES:
        return name
    end = len(encoded[:MAX_SLUG_BYTES].decode("utf-8", "ignore"))
    whole = end
    while whole > 0 and category(name[whole]) in _MARKS:
        whole -= 1
    return name[: whole or end].rstrip("-")
