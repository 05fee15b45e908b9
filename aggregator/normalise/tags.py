"""One tag as it stands in raw HTML -> its attributes, and back. For repairs that run before the sanitiser, never instead of it.

Every expression here is possessive and bounded, so that a megabyte of opened tags is read in time that grows with its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape, unescape
from typing import NamedTuple

#: What stands between a tag's name and its `>`; a quoted value may hold `<` and `>`.
INSIDE = r"(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+'){0,200}+"
_PAIR = re.compile(r"([A-Za-z_:][\w:.-]*)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_OPENING = re.compile(r"<(!--|[a-zA-Z][a-zA-Z0-9-]*)")


class Openings(NamedTuple):
    """Everything in a text that could be read as an opening tag."""

    number: int
    names: frozenset[str]  #: in lower case; `!--` for a comment


@lru_cache(maxsize=1)
def read_openings(html: str) -> Openings:
    """Return what opens in a text.

    One pass that says what need not be looked for: most of what can be wrong with HTML begins with a tag of its own. Kept for
    the text that was asked about last: images are repaired, then all is sanitised, and few texts change between the two.
    """
    written = _OPENING.findall(html)
    return Openings(len(written), frozenset(map(str.lower, set(written))))


def opening(names: str) -> re.Pattern[str]:
    """Return an expression for opening tags of these names (`a|b`): group 1 is the name, group 2 what follows it."""
    return re.compile(rf"<({names})(?![\w:-])({INSIDE})>", re.IGNORECASE)


def read_attributes(inside: str) -> dict[str, str]:
    """Return the attributes with names in lower case and values decoded; of two with one name the first counts."""
    found: dict[str, str] = {}
    for name, value in _PAIR.findall(inside):
        bare = value[1:-1] if value[:1] in {'"', "'"} else value
        found.setdefault(name.lower(), unescape(bare))
    return found


def write_tag(name: str, attributes: Mapping[str, str]) -> str:
    """Return an opening tag."""
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>"
