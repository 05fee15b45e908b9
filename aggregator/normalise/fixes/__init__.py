"""Repairs for single sites: named callables from raw HTML to raw HTML, run before the sanitiser sees the text.

A fix removes a site's residue or turns its own markup into HTML; it never decides what is kept or how it is cleaned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import urlsplit

from aggregator.model.source import Source
from aggregator.normalise.fixes.zaker import fix_zaker

Fix = Callable[[str], str]

#: The names that `fixes:` may hold.
FIXES: Mapping[str, Fix] = MappingProxyType({"zaker": fix_zaker})
#: host or its end, first part of an RSSHub route -> the fix that its sources get by default
_BY_HOST = (("myzaker.com", "zaker"),)
_BY_ROUTE = {"zaker": "zaker"}


def choose_fixes(source: Source) -> tuple[Fix, ...]:
    """Return the fixes that a source names, else those that its host or RSSHub route stands for."""
    return tuple(FIXES[name] for name in fix_names(source))


def fix_names(source: Source) -> tuple[str, ...]:
    """Return the names of the source's fixes, in their order."""
    if source.fixes is not None:
        return tuple(name for name in source.fixes if name in FIXES)
    return _names_by_address((source.feed, *source.addresses))


@lru_cache(maxsize=64)
def _names_by_address(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Look the addresses up once for all entries of a feed."""
    found: list[str] = []
    for address in addresses:
        host, route = _host_and_route(address)
        found += [name for end, name in _BY_HOST if host == end or host.endswith(f".{end}")]
        if route in _BY_ROUTE:
            found.append(_BY_ROUTE[route])
    return tuple(dict.fromkeys(found))


def _host_and_route(address: str) -> tuple[str, str]:
    """Return the host, "" for `base:/path`, and the first part of the path."""
    try:
        parts = urlsplit(address)
        return parts.hostname or "", parts.path.lstrip("/").partition("/")[0]
    except ValueError:
        return "", ""
