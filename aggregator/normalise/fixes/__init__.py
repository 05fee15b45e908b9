"""Repairs for single sites: named callables from raw HTML to raw HTML, run before the sanitiser sees the text.

A fix removes a site's residue or turns its own markup into HTML; it never decides what is kept or how it is cleaned. Where a
site shows that a text is gone, the fix says so with a `Placeholder`, and the entry is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import urlsplit

from aggregator.model.source import Source
from aggregator.normalise.fixes.jianshu import fix_jianshu
from aggregator.normalise.fixes.juejin import fix_juejin
from aggregator.normalise.fixes.oschina import fix_oschina
from aggregator.normalise.fixes.placeholder import Fix, Placeholder
from aggregator.normalise.fixes.zaker import fix_zaker
from aggregator.normalise.fixes.zhihu import fix_zhihu

__all__ = ["FIXES", "Fix", "Placeholder", "choose_fixes", "fix_names"]

#: The names that `fixes:` may hold; each is also the first part of the RSSHub route whose sources get it by default.
FIXES: Mapping[str, Fix] = MappingProxyType(
    {"jianshu": fix_jianshu, "juejin": fix_juejin, "oschina": fix_oschina, "zaker": fix_zaker, "zhihu": fix_zhihu}
)
#: A host or its end -> the fix that its sources get by default.
_BY_HOST = (
    ("jianshu.com", "jianshu"),
    ("juejin.cn", "juejin"),
    ("juejin.im", "juejin"),
    ("oschina.net", "oschina"),
    ("myzaker.com", "zaker"),
    ("zhihu.com", "zhihu"),
)


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
        if route in FIXES:
            found.append(route)
    return tuple(dict.fromkeys(found))


def _host_and_route(address: str) -> tuple[str, str]:
    """Return the host, "" for `base:/path`, and the first part of the path."""
    try:
        parts = urlsplit(address)
        return parts.hostname or "", parts.path.lstrip("/").partition("/")[0]
    except ValueError:
        return "", ""
