"""Why a body is no feed that can be read, in one line for people; never decides anything else."""

from __future__ import annotations

import re
from html import unescape

_TITLE = re.compile(r"<title[^>]*>(.{0,400}?)</title", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 64 * 1024
_TITLE_SHOWN = 80
_KILOBYTE = 1000


class NotAFeedError(ValueError):
    """The body holds no feed: a web page, nothing, some other document. The message is one line."""


class UnreadableFeedError(NotAFeedError):
    """The body is meant as a feed, but it is refused or no parser can read it."""


def describe_body(text: str, size: int, media_type: str) -> str:
    """Say what came in place of a feed: `a web page, not a feed (text/html, 48 kB, title "Just a moment…")`."""
    start = text[:_LOOKED_AT]
    kind = "a web page" if re.search(r"<(!doctype\s+html|html|head|body)\b", start, re.IGNORECASE) else "something"
    facts = [media_type or "no content type", _size(size)]
    found = _TITLE.search(start)
    title = " ".join(unescape(found.group(1)).split()) if found else ""
    if title:
        shown = title if len(title) <= _TITLE_SHOWN else title[: _TITLE_SHOWN - 1] + "…"
        facts.append(f'title "{printable(shown)}"')
    return f"the server answered with {kind}, not a feed ({', '.join(facts)})"


def printable(text: str) -> str:
    """Return the text without characters that could move a terminal's cursor or break a log line."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _size(size: int) -> str:
    return f"{size} bytes" if size < _KILOBYTE else f"{size / _KILOBYTE:.0f} kB"
