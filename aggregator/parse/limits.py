"""How much of a document is kept. Cuts are reported as warnings; what is cut never hides that something was there."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aggregator.model.parsed import ParsedEntry, ParsedText

MAX_ENTRIES = 1_000
MAX_TEXT = 1024 * 1024  #: characters of one entry's content, before it is sanitised
_LONGEST_TOLD = 500  #: characters of an address


def cut_text(text: str) -> str:
    """Return at most MAX_TEXT characters, not ending inside a tag."""
    if len(text) <= MAX_TEXT:
        return text
    text = text[:MAX_TEXT]
    opened = text.rfind("<")
    return text[:opened] if opened > text.rfind(">") else text


def cut_entry_text(text: ParsedText | None, where: str, warnings: list[str]) -> ParsedText | None:
    """Return the text construct within its limit; say so if it was cut."""
    if text is None or len(text.value) <= MAX_TEXT:
        return text
    warnings.append(f"{where}: {len(text.value):,} characters of content were cut to {MAX_TEXT:,}")
    return ParsedText(value=cut_text(text.value), type=text.type, base=text.base)


def choose_newest(entries: tuple[ParsedEntry, ...], limit: int, warnings: list[str]) -> tuple[ParsedEntry, ...]:
    """Return the newest entries, in document order.

    The order of the document decides: newest first, as nearly everywhere, unless its first and last dates say the opposite.
    """
    if len(entries) <= limit:
        return entries
    warnings.append(f"{len(entries):,} entries; the newest {limit:,} were taken")
    first, last = _date(entries[0]), _date(entries[-1])
    if first is not None and last is not None and first < last:
        return entries[-limit:]
    return entries[:limit]


def _date(entry: ParsedEntry) -> datetime | None:
    """Read the common date forms, just well enough to tell an ascending document from a descending one."""
    text = entry.published or entry.updated
    if text is None:
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(text)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None


def told_address(text: str | None) -> str | None:
    """Return an address that a feed gives for itself, if it is one that may be told to people: http(s), of bearable length."""
    text = (text or "").strip()
    fit = text.startswith(("http://", "https://")) and len(text) <= _LONGEST_TOLD and text.isprintable() and " " not in text
    return text if fit else None
