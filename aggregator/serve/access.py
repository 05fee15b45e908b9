"""What a log is told of a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One request that was answered, for a log. It holds no query and no secret."""

    method: str
    path: str
    status: int
    sent: int  #: bytes of the body
    elapsed_ms: float
    agent: str  #: what the client calls itself
