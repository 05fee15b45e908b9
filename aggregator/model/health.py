"""A change of a source's health, as `feeds/status.atom` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What changed. The words are part of published ids: never change one."""

    FAILING = "failing"
    RECOVERED = "recovered"  #: the first success after it was said to be failing or gone
    GONE = "gone"  #: 410
    MOVED = "moved"  #: 301 or 308, proven and saved
    UNSTABLE = "unstable"  #: its ids change again and again, so that they count for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, before anybody knows whether it was told already. Its texts hold no secret."""

    kind: Kind
    source_id: str  #: its identity, which no rename changes
    name: str  #: as people call it
    at: datetime  #: aware, UTC, whole seconds
    link: str | None = None  #: the page of the source
    since: datetime | None = None  #: of a failing one: its last success; None: there is none that is known
    failures: int = 0  #: in a row
    error: str | None = None  #: the last one, in the words of `status`
    error_kind: str | None = None  #: `model.fetched.Failed.kind`
    status: int | None = None  #: of the last answer
    to: str | None = None  #: of one that moved: where to
