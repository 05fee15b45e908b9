"""What an entry lost on its way into the model, in words: addresses that no reader could open. Pure.

Their absence would look like upstream's; so it is said once, when the entry is new or has changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.model.entry import Entry
from aggregator.model.parsed import ParsedEntry
from aggregator.normalise.address import absolute

_SHOWN = 80


def find_dropped(parsed: ParsedEntry, entry: Entry, address: str) -> Iterator[str]:
    """Yield one line for each address of the entry that is none; `address` is the document's."""
    if parsed.link is not None and absolute(parsed.link, address) is None:
        yield f"entry {entry.title!r}: its link {_shown(parsed.link)} is no web address and is left out"
    for file in parsed.enclosures:
        if absolute(file.href, address) is None:
            yield f"entry {entry.title!r}: its file {_shown(file.href)} is no web address and is left out"


def _shown(address: str) -> str:
    return ascii(address if len(address) <= _SHOWN else f"{address[:_SHOWN]}…")
