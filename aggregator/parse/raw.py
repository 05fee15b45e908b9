"""What a reader of XML found, before anything is chosen: dictionaries under feedparser's keys, texts as written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: What a document may hold before reading stops; far beyond the newest entries that are kept.
MAX_ENTRIES_READ = 10_000
MAX_TAGS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """What was read, in feedparser's words."""

    version: str
    feed: dict[str, Any]
    entries: list[dict[str, Any]]
    complete: bool  #: the root element was closed
    last_open: bool  #: the last entry was not closed
    strict: bool  #: the document is well-formed XML
    capped: bool  #: reading stopped at MAX_ENTRIES_READ
    deleted: int = 0  #: notices that an entry was deleted (RFC 6721)
    left_out: int = 0  #: entries in the middle that have no end or cannot be read
