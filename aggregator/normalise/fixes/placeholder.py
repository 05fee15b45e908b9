"""What a fix may answer instead of HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """What a site shows where it has no text any more: nothing to publish, and nothing to overwrite a post with."""

    reason: str  #: why the entry is left out, in words


Fix = Callable[[str], str | Placeholder]
