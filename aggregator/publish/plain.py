"""Our own XML where nothing is odd about it: the pieces of the expressions in `plain_atom` and `plain_rss`. Pure.

The gate looks at every element of what it lets pass, and nearly always finds nothing. That an entry is in the one form which
`atom` and `rss` write, with nothing in it that any rule could object to, one regular expression tells in a tenth of the time.
Each piece may be narrower than the rule it stands for, never wider: what it does not know is looked at element by element.
"""

from __future__ import annotations

import re

DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>\n"
#: Beyond ASCII, all but control characters and blanks (`\s`).
_BEYOND = "\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff\u3001-\U0010ffff"
_IN_WEB, _IN_IRI = rf"[!#-%'-;=?-~{_BEYOND}]*+", rf"[!#-%'-;=?-\[\]_a-z~{_BEYOND}]*+"
#: What `scan.is_web_address` and `model.key.is_absolute_iri` take for one, escaped.
WEB = rf"https?://[!$%'-.0-;=@-~{_BEYOND}]{_IN_WEB}(?:&amp;{_IN_WEB})*+"
IRI = rf"[A-Za-z][A-Za-z0-9+.-]*+:[!#-%'-;=?-\[\]_a-z~{_BEYOND}]{_IN_IRI}(?:&amp;{_IN_IRI})*+"
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
    it behind the last one, and ends the document. None: they are not, or what is read as XML may differ from the bytes.
    """
    if not content.startswith(DECLARATION) or b"\r" in content:  # XML has every line end in \n
        return None
    text = content.decode("utf-8")
    at = text.find(begin)
    found: list[re.Match[str]] = []
    while at >= 0 and (match := one.match(text, at)) is not None:
        found.append(match)
        at = match.end()
    return found if at >= 0 and text[at:] == end else None
