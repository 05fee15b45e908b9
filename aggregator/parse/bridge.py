"""A feed that is the error message of who makes it -> those words. Pure.

RSS-Bridge answers 200 and a feed of one entry when the site that it reads fails (its `error.output`, `feed` by default).
Published, that would be a failure shown as news, a new one every day (conduct P31).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aggregator.model.parsed import ParsedEntry

#: The code of the failure, and the number of the day.
_ERROR = re.compile(r"Bridge returned error -?\d{1,9}! \(\d{5}\)", re.ASCII)


def find_bridge_error(entries: Sequence[ParsedEntry]) -> str | None:
    """Return the title of the only entry if that is a bridge's error, or None."""
    if len(entries) != 1 or entries[0].title is None:
        return None
    title = entries[0].title.value.strip()
    return title if _ERROR.fullmatch(title) else None
