"""Front matter just as our profiles write it -> the mapping that a YAML reader makes of it, at a tenth of the cost. Pure.

Feeds are made from posts, and nearly every post is as we wrote it. One line that is not of our few forms, such as a hand or
another program writes, makes this reader give up: then the YAML reader has the word, on the front matter as a whole.
"""

from __future__ import annotations

import re
from typing import Any

#: What YAML takes for a line break or for no character at all; our writer escapes it, in double quotes.
_ESCAPED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_ITEM, _IN_ITEM, _IN_MAPPING = " - ", "   ", "  "  #: how a line below a key begins
#: Above this the YAML reader counts before it reads.
_LONGEST = 64 * 1024
_TEXT = r"'((?:[^']|'')*+)'"
_BARE = (
    r"(true|false|[0-9]{1,20}|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?: [+-][0-9]{4})?)"
)
#: A key of the post, of a mapping in it, of one in a list, or the first key of such a one; or an item that is a text. A key
#: `null` would be no text.
_LINE = re.compile(rf"(|  |   | - )(?!null:)([a-z_]{{1,40}}):(?: (?:{_TEXT}|{_BARE}))?| - (?:{_TEXT}|{_BARE})").fullmatch


def read_ours(front: str) -> dict[str, Any] | None:
    """Return the mapping that these lines make, without the fences; None: not all of them are as we write them."""
    if len(front) > _LONGEST or _ESCAPED.search(front):
        return None
    found: dict[str, Any] = {}
    owner = ""  #: the last key of the post
    block: Any = ""  #: what stands at that key or below it; None: nothing does yet
    for line in front.split("\n"):
        match = _LINE(line)
        if match is None:
            return None
        indent, key, text, bare, item_text, item_bare = match.groups()
        if key is None:
            indent, text, bare = _ITEM, item_text, item_bare
        value = bare if text is None else text.replace("''", "'")
        if indent:
            if block is None:
                block = found[owner] = [] if indent == _ITEM else {}
            if value is None or not _put(block, indent, key, value):
                return None
        elif block is None or key in found:  # a key with nothing below it is a null; twice the same key is a hand's
            return None
        else:
            found[key] = value
            owner, block = key, value
    return None if block is None else found


def _put(block: Any, indent: str, key: str | None, value: str) -> bool:
    """Add what an indented line says to the list or the mapping that it stands in; False: it has no place there."""
    if indent == _ITEM:
        if not isinstance(block, list):
            return False
        block.append(value if key is None else {key: value})
        return True
    inner = block
    if indent == _IN_ITEM:
        inner = block[-1] if isinstance(block, list) else None
    if not isinstance(inner, dict) or key in inner:
        return False
    inner[key] = value
    return True
