"""The one exception that travels inside `fetch`: an upstream's doing, on its way to becoming a `Failed`.

It never leaves the package: `Client.poll` turns it into a value. Whatever else is raised in here is a bug of ours.
"""

from __future__ import annotations

from datetime import timedelta


class Fault(Exception):  # noqa: N818 - it is no error of ours
    """What an upstream did wrong; the facts are those of `Failed`."""

    def __init__(self, kind: str, message: str, *, status: int | None = None, retry_after: timedelta | None = None) -> None:
        """Take the stable word, one line for people, and what the server said."""
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after = retry_after
        super().__init__(message)
