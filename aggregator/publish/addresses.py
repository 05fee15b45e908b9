"""Category paths -> where their feeds lie and are served. Pure; the file system and the site are never looked at.

A category is published at every level: 新媒体 / ZAKER gives `feeds/新媒体.atom` and `feeds/新媒体/zaker.atom`, beside
`feeds/all.atom`. A part's name comes from `slug` in categories.yaml, else from the category's own name. No part ever
holds a dot, so a folder can never take the name of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from unicodedata import category as character_class
from unicodedata import normalize
from urllib.parse import quote, urlsplit

from aggregator.model.settings import Category

FOLDER = "feeds"
SUFFIX = ".atom"
#: Format of a feed -> how the name of its file ends. Every feed is published as Atom, the others stand beside that file.
SUFFIXES = {"atom": SUFFIX, "rss": ".rss", "json": ".json"}
OPML_PATH = f"{FOLDER}/index.opml"
#: What makes a page of a feed that is opened in a browser; no category's file ends so.
STYLE_PATH = f"{FOLDER}/style.css"
#: What is told of the health of sources, for whoever runs the site.
STATUS_PATH = f"{FOLDER}/status{SUFFIX}"
#: What our server answers 301 for: feeds of categories with another name now (decision 14).
REDIRECTS_PATH = f"{FOLDER}/redirects.json"
#: Names that our own files have at the top level.
RESERVED = frozenset({"all", "index", "redirects", "status"})
#: UTF-8 bytes per part; with suffix and room for a temporary name far below the 255 that file systems allow.
PART_BYTES = 80

_last_slugs: tuple[Sequence[Category], dict[tuple[str, ...], str]] = ((), {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Several categories that would write the same file."""

    path: str
    categories: tuple[tuple[str, ...], ...]  #: as configured, in the order given


def levels(category: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return every feed that an entry of this category stands in: `()`, which is all, then each prefix."""
    return tuple(category[:depth] for depth in range(len(category) + 1))


def output_path(category: tuple[str, ...], categories: Sequence[Category]) -> str:
    """Return the feed's path below the public folder; `()` is the feed of everything."""
    if not category:
        return f"{FOLDER}/all{SUFFIX}"
    slugs = _slugs(categories)
    parts = [_part(prefix[-1], slugs.get(prefix)) for prefix in levels(category)[1:]]
    if parts[0].casefold() in RESERVED:
        parts[0] += "-category"
    return f"{FOLDER}/{'/'.join(parts)}{SUFFIX}"


def _slugs(categories: Sequence[Category]) -> dict[tuple[str, ...], str]:
    """Return the configured slugs by path; made once for the categories asked of last, which are those of one site."""
    global _last_slugs  # noqa: PLW0603 - told by identity, which no cache of the standard library does; a tuple never changes
    if _last_slugs[0] is not categories or not isinstance(categories, tuple):
        _last_slugs = categories, {known.path: known.slug for known in categories if known.slug}
    return _last_slugs[1]


def twin_path(path: str, format_: str) -> str:
    """Return where the same feed lies in another format, given the path of its Atom file."""
    return path.removesuffix(SUFFIX) + SUFFIXES[format_]


def public_url(site_url: str, path: str) -> str:
    """Return the address of a published file, percent-encoded as UTF-8 (RFC 3986 §2.5)."""
    return f"{site_url.rstrip('/')}/{quote(path, safe='/')}"


@lru_cache(maxsize=16)  # every feed of a site names it
def style_link(site_url: str) -> str:
    """Return where the stylesheet is served, from the root of the host: copies of a feed lie at other depths than the feed."""
    return urlsplit(public_url(site_url, STYLE_PATH)).path


def collisions(used: Iterable[tuple[str, ...]], categories: Sequence[Category]) -> tuple[Collision, ...]:
    """Return the categories, among those used and their prefixes, that would overwrite each other's feed.

    Paths are compared case-folded: on some file systems `News.atom` and `news.atom` are one file.
    """
    groups: dict[str, dict[tuple[str, ...], str]] = {}
    for prefix in dict.fromkeys(prefix for category in dict.fromkeys(used) for prefix in levels(category)):
        path = output_path(prefix, categories)
        groups.setdefault(normalize("NFC", path.casefold()), {})[prefix] = path
    return tuple(
        Collision(path=next(iter(group.values())), categories=tuple(group)) for group in groups.values() if len(group) > 1
    )


@lru_cache(maxsize=4096)  # the same few names on every path
def _part(name: str, slug: str | None) -> str:
    """Return one part: the slug as configured, only made safe; else the name in lower case, made safe."""
    return (_safe(slug) if slug else "") or _safe(name.lower()) or f"c-{_digest(name)}"


def _safe(text: str) -> str:
    """Keep letters, marks, digits and inner `_` of any script; anything else becomes a single dash."""
    kept = "".join(char if char == "_" or character_class(char)[0] in "LNM" else " " for char in normalize("NFC", text))
    return _cut("-".join(kept.split())).strip("-_")


def _cut(text: str) -> str:
    """Shorten to `PART_BYTES` at a character, with no loose combining mark at the front."""
    short = text.encode("utf-8", "ignore")[:PART_BYTES].decode("utf-8", "ignore")
    while short and character_class(short[0]) in {"Mn", "Mc", "Me"}:
        short = short[1:]
    return short


def _digest(name: str) -> str:
    """Return eight stable characters for a name that holds no letter at all."""
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
