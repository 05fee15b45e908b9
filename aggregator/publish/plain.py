"""Our own XML where nothing is odd about it: the pieces of the expressions in `plain_atom` and `plain_rss`. Pure.

The gate looks at every element of what it lets pass, and nearly always finds nothing. That an entry is in the one form which
`atom` and `rss` write, with nothing in it that any rule could object to, one regular expression tells in a tenth of the time.
Each piece may be narrower than the rule it stands for, never wider: what it does not know is looked at element by element.
"""

from __future__ import annotations

import re

DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>\n"
#: What `scan.is_web_address` and `model.key.is_absolute_iri` take for one, escaped.
_WEB, _IRI = r"[^\s<>\"&\x00-\x20\x7f]", r"[^\s<>\"{}|\\^`&\x00-\x20\x7f]"
WEB = rf"https?://(?![/?#]){_WEB}++(?:&amp;{_WEB}*+)*+"
IRI = rf"[A-Za-z][A-Za-z0-9+.-]*+:{_IRI}++(?:&amp;{_IRI}*+)*+"
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?+[+]00:00"
LANGUAGE = "[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*+"
MEDIA_TYPE = r"[A-Za-z0-9.+_-]++/[A-Za-z0-9.+_-]++"
#: Text of an element: any; and such as shows no blank alone, no entity, and no tag.
TEXT = "[^<]*+"
_AND = "&(?:gt;|lt;(?![A-Za-z/])|amp;(?!#|[A-Za-z][A-Za-z0-9]*+;))"
LINE = rf"\s*+(?:[^\s<&]|{_AND})[^<&]*+(?:{_AND}[^<&]*+)*+"
#: Of an attribute.
VALUE = '[^<"]*+'


def read_run(content: bytes, one: re.Pattern[str], begin: str, end: str) -> list[re.Match[str]] | None:
    """Return the elements that `one` matches, which begin like `begin`, if they are the last of what `end` closes.

    Asked of well-formed XML only: there nothing but their parent can be open before the first of them, since `end` closes
    it behind the last one, and ends the document. None: they are not, or the bytes may stand for other characters.
    """
    if not content.startswith(DECLARATION):
        return None
    text = content.decode("utf-8")
    at = text.find(begin)
    found: list[re.Match[str]] = []
    while at >= 0 and (match := one.match(text, at)) is not None:
        found.append(match)
        at = match.end()
    return found if at >= 0 and text[at:] == end else None
