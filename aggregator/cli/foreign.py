"""What upstreams wrote -> text that may be shown: no terminal obeys it, no line is broken by it, no secret stands in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_ADDRESS = 120  #: characters
#: What JSON lets through and a terminal may obey: C1 controls, and marks that turn the direction of what follows.
_OBEYED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


def shown_text(text: str, columns: int) -> str:
    """Return a text as one line of so many columns at most; what cannot be printed becomes U+FFFD."""
    from aggregator.parse.refusal import printable
    from aggregator.settings.show import cells

    line = printable(" ".join(text.split()))
    if cells(line) <= columns:
        return line
    kept = line[: columns - 1]
    while cells(kept) > columns - 1:
        kept = kept[:-1]
    return f"{kept}…"


def shown_address(address: str) -> str:
    """Return an address as it may be printed: one line, without credentials and secret parameters, not endless."""
    from aggregator.fetch.address import redact
    from aggregator.parse.refusal import printable

    text = printable(redact(address))
    return text if len(text) <= _ADDRESS else f"{text[: _ADDRESS - 1]}…"


def as_json(data: Any, default: Callable[[Any], Any] | None = None) -> str:
    """Return data as JSON for people and programs: every script as it is, nothing that a terminal obeys."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=default)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
