"""Which keys stand where: one table per record, from a key to its kind.

The record gives the default and whether a key is required; its `#:` comment is the description in schema and
documentation. Nothing of that is repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from functools import cache
from typing import Any

from aggregator.model.retention import Keep
from aggregator.model.settings import (
    PAGE_LANGUAGES,
    PICTURES,
    PING_TIMES,
    PROFILE_NAMES,
    Category,
    DaemonSettings,
    FetchSettings,
    HostLimits,
    PagesSettings,
    PostsSettings,
    PublicSettings,
    ServerSettings,
    Site,
    StateSettings,
)
from aggregator.model.source import Auth, Rights, RightsMode, Source
from aggregator.settings import kinds
from aggregator.settings.kinds import FLAG, LANGUAGE, TEXT, TIMEZONE, Items, Scalar, SecretText, duration, whole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """A mapping with known keys, read into a record."""

    record: type
    keys: Mapping[str, Kind]
    fields: Mapping[str, str] = field(default_factory=dict)  #: key -> the record's field, where the names differ
    flat: bool = False  #: its keys are fields of the record above it
    words: str = "a mapping"

    def field_of(self, key: str) -> str:
        """Return the name of the record's field that a key fills."""
        return self.fields.get(key, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping whose keys are the user's own names."""

    name: Callable[[str], str]  #: reads a key; raises UnfitError
    name_schema: Mapping[str, Any]
    value: Scalar | SecretText | Items | Shape
    words: str


Kind = Scalar | SecretText | Items | Shape | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """What one file of config/ may hold at its top level; it fills no record of its own."""

    keys: Mapping[str, Shape | Table]
    words: str


_INSTANT = timedelta(milliseconds=100)
_NO_TIME = timedelta()
_GAP = duration(_NO_TIME, timedelta(days=1))

SITE = Shape(
    record=Site,
    keys={
        "id": kinds.IRI,
        "title": TEXT,
        "url": kinds.SITE_URL,
        "author": TEXT,
        "language": LANGUAGE,
        "timezone": TIMEZONE,
        "icon": kinds.PICTURE,
        "logo": kinds.PICTURE,
    },
)
HOST = Shape(record=HostLimits, keys={"per_host": whole(1, 100), "gap": _GAP})
FETCH = Shape(
    record=FetchSettings,
    keys={
        "allow_private": kinds.NETWORKS,
        "timeout": duration(_INSTANT, timedelta(hours=1)),
        "max_bytes": kinds.SIZE,
        "concurrency": whole(1, 1000),
        "user_agent": kinds.USER_AGENT,
        "subscribers": whole(1, 10**9),
        "per_host": whole(1, 100),
        "gap": _GAP,
        "hosts": Table(
            name=kinds.parse_host_name,
            name_schema={"type": "string", "minLength": 1},
            value=HOST,
            words="a mapping from host names",
        ),
    },
)
KEEP = Shape(record=Keep, keys={"age": duration(timedelta(days=1), timedelta(days=36_500)), "entries": whole(1, 10**9)})
POSTS = Shape(
    record=PostsSettings,
    keys={"dir": kinds.FOLDER, "profile": kinds.choice("a profile", PROFILE_NAMES), "durable": FLAG, "keep": KEEP},
)
PUBLIC = Shape(
    record=PublicSettings,
    keys={
        "dir": kinds.FOLDER,
        "entries": whole(1, 10_000),
        "max_bytes": kinds.SIZE,
        "formats": kinds.FORMATS,
        "hubs": kinds.HUBS,
        "ping": kinds.choice("a time", PING_TIMES),
        "status": FLAG,
        "archives": FLAG,
    },
)
STATE = Shape(record=StateSettings, keys={"url": kinds.STATE_URL})
DAEMON = Shape(record=DaemonSettings, keys={"debounce": duration(_NO_TIME, timedelta(hours=1))})
SERVER = Shape(record=ServerSettings, keys={"listen": kinds.LISTEN, "metrics": FLAG, "secret": kinds.PATH_SECRET})
PAGES = Shape(
    record=PagesSettings,
    keys={
        "language": kinds.choice("a language", PAGE_LANGUAGES),
        "pictures": kinds.choice("a choice", PICTURES),
        "theme": kinds.FOLDER,
        "entries": whole(1, 500),
        "out": kinds.FOLDER,
        "compress": FLAG,
    },
)

CATEGORY = Shape(
    record=Category,
    keys={
        "slug": kinds.SLUG_TEXT,
        "title": TEXT,
        "language": LANGUAGE,
        "icon": kinds.PICTURE,
        "logo": kinds.PICTURE,
        "entries": whole(1, 10_000),
        "formats": kinds.FORMATS,
    },
)

COVER = Shape(record=Source, keys={"fallback": kinds.ADDRESS}, fields={"fallback": "cover_fallback"}, flat=True)
RIGHTS = Shape(
    record=Rights, keys={"mode": kinds.choice("a mode", [mode.value for mode in RightsMode], RightsMode), "note": TEXT}
)
AUTH = Shape(record=Auth, keys={"username": TEXT, "password": kinds.SECRET})
HEADERS = Table(
    name=kinds.parse_header_name,
    name_schema={"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
    value=kinds.SECRET,
    words="a mapping from header names to secrets",
)
SOURCE = Shape(
    record=Source,
    keys={
        "feed": kinds.FEED,
        "title": TEXT,
        "categories": kinds.CATEGORY,
        "every": duration(timedelta(seconds=1), timedelta(days=365)),
        "author": TEXT,
        "language": LANGUAGE,
        "timezone": TIMEZONE,
        "cover": COVER,
        "fixes": kinds.FIXES,
        "weight": whole(1, 100),
        "limit": whole(1, 100_000),
        "paused": FLAG,
        "allow_private": kinds.NETWORKS,
        "headers": HEADERS,
        "auth": AUTH,
        "proxy": kinds.PROXY,
        "verify": FLAG,
        "rights": RIGHTS,
        "keep": KEEP,
    },
)
#: A source's address is its own; everything else may stand above all sources of a file.
DEFAULTS = Shape(record=Source, keys={key: kind for key, kind in SOURCE.keys.items() if key != "feed"})

SETTINGS_FILE = Top(
    keys={
        "site": SITE,
        "fetch": FETCH,
        "posts": POSTS,
        "public": PUBLIC,
        "state": STATE,
        "daemon": DAEMON,
        "server": SERVER,
        "pages": PAGES,
    },
    words="Who publishes, how upstreams are polled, and where posts, feeds and state live.",
)
CATEGORIES = Table(
    name=kinds.parse_category_key,
    name_schema={"type": "string", "minLength": 1},
    value=CATEGORY,
    words="a mapping from category paths",
)
CATEGORIES_FILE = Top(
    keys={"categories": CATEGORIES},
    words="How categories are published; one that is not named here is published under its own name.",
)
BASES = Table(
    name=kinds.parse_base_key,
    name_schema={"type": "string", "pattern": "^[a-z][a-z0-9-]*$"},
    value=kinds.INSTANCES,
    words="a mapping from names to instances",
)
SOURCES = Table(
    name=kinds.parse_source_id,
    name_schema={"type": "string", "minLength": 1, "maxLength": 80},
    value=SOURCE,
    words="a mapping from source ids",
)
SOURCES_FILE = Top(
    keys={"defaults": DEFAULTS, "bases": BASES, "sources": SOURCES},
    words="Upstreams: defaults for the sources of this file, instances that paths are appended to, and the sources.",
)
FILES: Mapping[str, Top] = {"settings": SETTINGS_FILE, "categories": CATEGORIES_FILE, "sources": SOURCES_FILE}


def defaults(record: type) -> dict[str, Any]:
    """Return the defaults of a record; a field that is missing here is required."""
    found: dict[str, Any] = {}
    for item in fields(record):
        if item.default is not MISSING:
            found[item.name] = item.default
        elif item.default_factory is not MISSING:
            found[item.name] = item.default_factory()
    return found


@cache
def required(shape: Shape) -> tuple[str, ...]:
    """Return the keys that must be given, in the order of the table."""
    return tuple(key for key in shape.keys if not shape.flat and shape.field_of(key) not in _given(shape))


def nullable(shape: Shape, key: str) -> bool:
    """Tell whether `null` may stand for "not set", which also takes back a default of the file."""
    return key in _nullable(shape)


@cache
def _given(shape: Shape) -> dict[str, Any]:
    # `cover` is no field: it stands for the fields of its own keys.
    return defaults(shape.record) | {"cover": None}


@cache
def _nullable(shape: Shape) -> frozenset[str]:
    given = _given(shape)
    sections = {key for key, kind in shape.keys.items() if isinstance(kind, Shape | Table)}
    return frozenset(sections | {key for key in shape.keys if given.get(shape.field_of(key), MISSING) is None})
