"""A list of feeds and a configuration -> what is added to it: for each line new, already there, merged, or refused and why.

Pure: nothing is looked up, asked or written. The same list and configuration give the same ids; a list that was imported once
adds nothing the second time, since sources are known by address, never by title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from unicodedata import category as character_class
from unicodedata import normalize
from urllib.parse import urlsplit

from aggregator.model.settings import Settings, join_category
from aggregator.model.source import Source
from aggregator.parse.opml_outline import FeedOutline
from aggregator.publish.addresses import levels, output_path
from aggregator.settings.kinds import FEED, LANGUAGE, UnfitError, parse_part, parse_source_id, show_duration
from aggregator.sources import SCHEMES, AddressError, expand

NEW = "new"
THERE = "already there"
MERGED = "merged"
REFUSED = "refused"

#: Where a feed goes that stands in no folder, unless told otherwise.
DEFAULT_CATEGORY = ("inbox",)
#: UTF-8 bytes of a category path: it becomes folders below posts/ and public/, whose whole path ends at 4,096.
MAX_CATEGORY_BYTES = 1000
_MAX_ID_BYTES = 72  #: leaves room for the number that tells two of a name apart
_MAX_EVERY = timedelta(days=365)

#: Schemes that podcast and browser links use for "subscribe to this http address".
_WRAPPED = re.compile(r"(feed|itpc|pcast):(?:(?://)?(https?://.*)|//(.*))\Z", re.IGNORECASE | re.DOTALL)
#: What newsboat runs or derives, and what browsers keep: never an upstream, whatever stands behind it.
_NEVER = SCHEMES - {"http", "https"} | {"about", "chrome", "filter", "gopher", "place", "query", "view-source", "vbscript"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)\Z", re.DOTALL)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_PUBLIC = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What becomes of one line of the list."""

    line: int
    what: str  #: NEW, THERE, MERGED or REFUSED
    address: str  #: as configured, or as it stands in the list; may hold secrets
    id: str | None = None  #: of the source that stands for it; None where it is refused
    categories: tuple[str, ...] = ()
    title: str | None = None
    why: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do."""

    rows: tuple[Row, ...]  #: in the order of the list
    sources: Mapping[str, Mapping[str, Any]]  #: what is added, as it stands in YAML, by id
    home: tuple[str, ...]  #: the category of feeds that stand in no folder
    homeless: int = 0  #: new sources that went there


class _RefusedError(Exception):
    """The line cannot be a source; the message says why, and what to do."""


def plan_import(
    feeds: Iterable[FeedOutline],
    settings: Settings,
    bases: Mapping[str, tuple[str, ...]],
    *,
    category: tuple[str, ...] = DEFAULT_CATEGORY,
) -> Plan:
    """Decide about every feed of a list; `category` takes those without a folder, `bases` are the configured instances."""
    planner = _Planner(settings, bases, category)
    rows = tuple(planner.decide(feed) for feed in feeds)
    return Plan(rows=rows, sources=planner.sources, home=category, homeless=planner.homeless)


class _Planner:
    """Decides line by line; what was decided before counts."""

    def __init__(self, settings: Settings, bases: Mapping[str, tuple[str, ...]], category: tuple[str, ...]) -> None:
        self._bases = bases
        self._category = category
        self._known = {key: source for source in settings.sources for key in _keys_of(source)}
        self._ids = {name.casefold() for source in settings.sources for name in (source.id, source.name)}
        self._numbers: dict[str, int] = {}
        self._paths = _Paths(settings)
        self._first: dict[str, Row] = {}  #: by address: the line that was taken
        self.sources: dict[str, dict[str, Any]] = {}
        self.homeless = 0

    def decide(self, feed: FeedOutline) -> Row:
        """Return what becomes of one line, and note what it adds."""
        notes = list(feed.notes)
        try:
            address, keys = self._address(feed, notes)
            known = next((self._known[key] for key in keys if key in self._known), None)
            if known is not None:
                return Row(
                    line=feed.line, what=THERE, address=address, id=known.name, categories=known.categories, title=feed.title
                )
            first = next((self._first[key] for key in keys if key in self._first), None)
            if first is not None:
                return _merged(feed, address, first)
            row = self._add(feed, address, notes)
        except _RefusedError as reason:
            return Row(line=feed.line, what=REFUSED, address=feed.address, title=feed.title, why=str(reason))
        self._first |= dict.fromkeys(keys, row)
        return row

    def _address(self, feed: FeedOutline, notes: list[str]) -> tuple[str, tuple[str, ...]]:
        """Return the address to configure and the keys of all that it stands for."""
        if not feed.address:
            raise _RefusedError("names no address (xmlUrl)")
        if feed.refused is not None:
            raise _RefusedError(feed.refused)
        address = _unwrapped(feed.address, notes)
        self._check_scheme(address)
        try:
            found = expand(FEED.parse(address), self._bases)
        except (AddressError, UnfitError) as error:
            hint = f": {error.hint}" if error.hint and ":/" not in error.hint else ""  # it would repeat the address
            raise _RefusedError(f"the address {error.reason}{hint}") from None
        if address[:4].lower() == "http" and _is_private(found[0]):
            notes.append("a private address: it is polled only where allow_private names it")
        return address, tuple(map(address_key, found))

    def _check_scheme(self, address: str) -> None:
        found = _SCHEME.match(address)
        if found is None or "." in found[1] or found[2][:1].isdigit():
            raise _RefusedError("the address names no scheme: it must begin with https:// or http://")
        name = found[1].lower()
        if name in _NEVER and found[1] not in self._bases:
            raise _RefusedError(f'the address asks for the scheme "{name}"; only http and https are fetched')

    def _add(self, feed: FeedOutline, address: str, notes: list[str]) -> Row:
        categories = self._paths.fit(feed.folders or self._category, notes)
        name = self._free_id(feed.title, address)
        self.sources[name] = {"feed": address, **_settings_of(feed, notes), "categories": list(categories)}
        self.homeless += not feed.folders
        return Row(
            line=feed.line,
            what=NEW,
            address=address,
            id=name,
            categories=categories,
            title=feed.title,
            notes=tuple(notes),
        )

    def _free_id(self, title: str | None, address: str) -> str:
        stem = slug_id(title or "") or slug_id(_place(address)) or "source"
        name, number = stem, self._numbers.get(stem, 1)
        while name.casefold() in self._ids:
            number += 1
            name = f"{stem}-{number}"
        self._numbers[stem] = number  # 20,000 feeds of one name must not count from 1 each
        self._ids.add(name.casefold())
        return parse_source_id(name)


class _Paths:
    """Which category paths are published where, so that no two of them meet."""

    def __init__(self, settings: Settings) -> None:
        self._categories = settings.categories
        self._taken: dict[str, tuple[str, ...]] = {}
        for path in [category.path for category in settings.categories] + [source.categories for source in settings.sources]:
            for prefix in levels(path)[1:]:
                self._taken.setdefault(self._output(prefix), prefix)

    def fit(self, path: tuple[str, ...], notes: list[str]) -> tuple[str, ...]:
        """Return the path as it is or in the spelling that is there already. Raises _RefusedError."""
        shown = join_category(path)
        if len(shown.encode()) > MAX_CATEGORY_BYTES:
            raise _RefusedError(f"its folders make a category path longer than {MAX_CATEGORY_BYTES} bytes")
        try:
            path = tuple(parse_part(part) for part in path)
        except UnfitError as error:
            raise _RefusedError(f"its folder {error.reason}") from None
        fresh: dict[str, tuple[str, ...]] = {}
        for depth in range(1, len(path) + 1):
            prefix = path[:depth]
            output = self._output(prefix)
            other = self._taken.get(output, prefix)
            if other == prefix:
                fresh[output] = prefix
                continue
            if tuple(map(_folded, other)) != tuple(map(_folded, prefix)):
                name = join_category(prefix)
                raise _RefusedError(
                    f'its category "{name}" and "{join_category(other)}" would both be published as {self._output(prefix)}: '
                    "give one of them a slug in categories.yaml and import again"
                )
            path = other + path[depth:]
        self._taken |= fresh
        if join_category(path) != shown:
            notes.append(f"{shown} is spelled {join_category(path)} elsewhere, and so here")
        return path

    def _output(self, prefix: tuple[str, ...]) -> str:
        return _folded(output_path(prefix, self._categories))


def slug_id(text: str) -> str:
    """Return a title as a source id: letters and digits of any script, in lower case, with dashes; "" if none is left."""
    kept = "".join(_id_character(char) for char in normalize("NFKC", normalize("NFKC", text).lower()))
    words = "-".join(filter(None, kept.split("-")))
    return words.encode()[:_MAX_ID_BYTES].decode("utf-8", "ignore").strip("-")


def _id_character(char: str) -> str:
    if char.isalnum():
        return char
    return "" if character_class(char).startswith("M") else "-"


def address_key(address: str) -> str:
    """Return what two spellings of one http(s) address share (RFC 3986 §6.2.2.1, §6.2.3): host and scheme in lower case."""
    parts = urlsplit(address)
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    rest = address[address.index("//") + 2 + len(parts.netloc) :].partition("#")[0]
    return f"{parts.scheme}://{parts.hostname}{port}{rest if rest.startswith('/') else f'/{rest}'}"


def _keys_of(source: Source) -> tuple[str, ...]:
    """Return the keys of all addresses of a configured source, the one it moved away from included."""
    moved = () if source.moved_from is None or not source.moved_from.startswith("http") else (source.moved_from,)
    return tuple(map(address_key, (*source.addresses, *moved)))


def _merged(feed: FeedOutline, address: str, first: Row) -> Row:
    why = f"the same address as line {first.line}"
    if feed.folders and feed.folders != first.categories:
        why += f", which stands in {join_category(first.categories)}"
    return Row(
        line=feed.line, what=MERGED, address=address, id=first.id, categories=first.categories, title=feed.title, why=why
    )


def _unwrapped(address: str, notes: list[str]) -> str:
    found = _WRAPPED.match(address)
    if found is None:
        return address
    notes.append(f"{found[1].lower()}: was taken off the address")
    return found[2] or f"http://{found[3]}"


def _settings_of(feed: FeedOutline, notes: list[str]) -> dict[str, Any]:
    """Return what the list says of a feed and a source can be told."""
    found: dict[str, Any] = {}
    if feed.title is not None:
        found["title"] = feed.title
    if feed.every is not None:
        if feed.every <= _MAX_EVERY:
            found["every"] = show_duration(feed.every)
        else:
            notes.append("its interval is longer than a year and not taken over")
    if feed.language is not None:
        try:
            found["language"] = LANGUAGE.parse(feed.language.replace("_", "-"))
        except UnfitError:
            notes.append("its language is no language tag and not taken over")
    if feed.paused:
        found["paused"] = True
    return found


def _is_private(address: str) -> bool:
    """Tell whether an address leads to nobody but ourselves, as far as its spelling shows."""
    return is_private_host(urlsplit(address).hostname or "")


def is_private_host(host: str) -> bool:
    """Tell whether a host is no public one by its very spelling; no name is looked up."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host.rstrip(".") or f".{host.rstrip('.')}".endswith(_NOT_PUBLIC)


def _place(address: str) -> str:
    """Return the words of an address that name the source where it has no title: its host, or base and path."""
    if address[:4].lower() != "http":
        return address
    return (urlsplit(address).hostname or "").removeprefix("www.")


def _folded(text: str) -> str:
    return normalize("NFC", text.casefold())
