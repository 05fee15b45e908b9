"""Permanent redirects -> a move, once they have been seen often and long enough (conduct F20; RFC 9110 §15.4.2, §15.4.9). Pure.

A redirect may be a mistake of an hour, a hotel's login page, or the work of whoever took the server over for a day: it is
followed at once, but believed only after equal sightings over two days, each of which led to a feed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.model.poll import SourceState
from aggregator.model.source import Source
from aggregator.store.ledger import Moved

SIGHTINGS = 3
OVER = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is known of a source's move after one answer."""

    to: str | None = None
    times: int = 0
    since: datetime | None = None
    proven: Moved | None = None  #: for the ledger
    words: str | None = None  #: for people, when there is something to tell


def sight(source: Source, before: SourceState, permanent_address: str | None, now: datetime) -> Sighting:
    """Return what follows from an answer that permanent redirects led to, or that came without any (None)."""
    if permanent_address is None or permanent_address == source.addresses[0]:
        return Sighting()
    if len(source.addresses) > 1:
        return Sighting()  # an instance that moved is for `bases:` to change, not for one of its many sources
    same = before.moved_to == permanent_address and before.moved_since is not None
    times = before.moved_times + 1 if same else 1
    since = before.moved_since if same and before.moved_since is not None else now
    place = f"it has moved for good, to {shown(permanent_address)}"
    if times < SIGHTINGS or now - since < OVER:
        words = None if same else f"the server says that {place}; it is followed there, and watched for two days"
        return Sighting(to=permanent_address, times=times, since=since, words=words)
    if source.auth is not None or source.headers:
        words = f"{place}; not saved, since its secrets would be sent there: change feed: in the config if you trust it"
        return Sighting(to=permanent_address, times=times, since=since, words=words)
    words = f"{place}: asked there from now on (ledger.jsonl); change feed: in the config as well"
    if permanent_address == source.moved_from:
        words = f"it is back for good at {shown(permanent_address)}, as the config has it: asked there again"
    return Sighting(proven=Moved(source=source.id, old=source.addresses[0], new=permanent_address, at=now), words=words)


def is_elsewhere(asked: str, permanent_address: str | None) -> bool:
    """Tell whether permanent redirects that are not believed yet lead away from the host asked, to anybody's home."""
    if permanent_address is None:
        return False
    there, here = (urlsplit(address).hostname or "" for address in (permanent_address, asked))
    return there.removeprefix("www.") != here.removeprefix("www.")


def shown(address: str) -> str:
    """Return an address without what follows its path: it may hold a token."""
    return address.partition("?")[0] + ("?..." if "?" in address else "")
