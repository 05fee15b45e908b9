"""The one place where a command asks for the time."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click


def now() -> datetime:
    """Return the time, UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def stamp(current: datetime) -> datetime:
    """Return what undated entries are dated with: SOURCE_DATE_EPOCH (seconds) if it is set, else the time."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return current
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise click.UsageError(f"SOURCE_DATE_EPOCH is {text!r}; it must be a whole number of seconds since 1970") from error
