"""The sources that are configured -> whether an address is among them, and the id and category path that a new one can have.

Sources are known by address, never by title. Ids are chosen alike each time, so that the same sources in the same order are
called the same. Two category paths that would be published under one address are never both let in. Pure; nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from unicodedata import category as character_class
from unicodedata import normalize
from urllib.parse import urlsplit

from aggregator.model.settings import Settings, join_category
from aggregator.model.source import Source
from aggregator.publish.addresses import levels, output_path
from aggregator.settings.kinds import FEED, UnfitError, parse_part, parse_source_id
from aggregator.sources import SCHEMES, AddressError, expand

#: Where a feed goes that nobody has put anywhere.
DEFAULT_CATEGORY = ("inbox",)
#: UTF-8 bytes of a category path: it becomes folders below posts/ and public/, whose whole path ends at 4,096.
MAX_CATEGORY_BYTES = 1000
_MAX_ID_BYTES = 72  #: leaves room for the number that tells two of a name apart
#: Schemes that podcast and browser links use for "subscribe to this http address".
_WRAPPED = re.compile(r"(feed|itpc|pcast):(?:(?://)?(https?://.*)|//(.*))\Z", re.IGNORECASE | re.DOTALL)
#: What newsboat runs or derives, and what browsers keep: never an upstream, whatever stands behind it.
_NEVER = SCHEMES - {"http", "https"} | {"about", "chrome", "filter", "gopher", "place", "query", "view-source", "vbscript"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)\Z", re.DOTALL)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RefusedError(Exception):
    """The source cannot be let in; the message says why, and what to do."""


class Catalogue:
    """What is there, and what was let in since."""

    def __init__(self, settings: Settings, former: Iterable[str] = ()) -> None:
        """Take the settings (the effective ones know former addresses as well) and names that sources had before."""
        self._known = {key: source for source in settings.sources for key in keys_of(source)}
        self._ids = {name.casefold(): source for source in settings.sources for name in (source.id, source.name)}
        self._taken = {*self._ids, *(name.casefold() for name in former)}
        self._numbers: dict[str, int] = {}
        self._paths = _Paths(settings)

    def find(self, keys: Iterable[str]) -> Source | None:
        """Return the source that one of these addresses belongs to, each as `address_key`."""
        return next((self._known[key] for key in keys if key in self._known), None)

    def bearer(self, name: str) -> Source | None:
        """Return the source that has this id, or had it; letter case makes no difference."""
        return self._ids.get(name.casefold())

    def is_taken(self, name: str) -> bool:
        """Tell whether an id belongs to a source, or did before it was renamed."""
        return name.casefold() in self._taken

    def fit(self, path: tuple[str, ...], notes: list[str]) -> tuple[str, ...]:
        """Return the category path as it is, or in the spelling that is there already, which is noted. Raises RefusedError."""
        return self._paths.fit(path, notes)

    def free_id(self, title: str | None, address: str) -> str:
        """Return an id that nobody has and take it: made of the title, else of the address, with a number where it must be."""
        stem = slug_id(title or "") or slug_id(_place(address)) or "source"
        name, number = stem, self._numbers.get(stem, 1)
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}"
        self._numbers[stem] = number  # 20,000 feeds of one name must not count from 1 each
        self._taken.add(name.casefold())
        return parse_source_id(name)


def take_address(text: str, bases: Mapping[str, tuple[str, ...]], notes: list[str]) -> tuple[str, tuple[str, ...]]:
    """Return the address to configure and all that it stands for.

    Raises:
        RefusedError: it is none that could be asked; the message repeats nothing of it.
    """
    address = _unwrapped(text, notes)
    found = _SCHEME.match(address)
    if found is None or "." in found[1] or found[2][:1].isdigit():
        raise RefusedError("the address names no scheme: it must begin with https:// or http://")
    name = found[1].lower()
    if name in _NEVER and found[1] not in bases:
        raise RefusedError(f'the address asks for the scheme "{name}"; only http and https are fetched')
    try:
        return address, expand(FEED.parse(address), bases)
    except (AddressError, UnfitError) as error:
        hint = f": {error.hint}" if error.hint and ":/" not in error.hint else ""  # it would repeat the address
        raise RefusedError(f"the address {error.reason}{hint}") from None


def _unwrapped(address: str, notes: list[str]) -> str:
    found = _WRAPPED.match(address)
    if found is None:
        return address
    notes.append(f"{found[1].lower()}: was taken off the address")
    return found[2] or f"http://{found[3]}"


class _Paths:
    """Which category paths are published where, so that no two of them meet."""

    def __init__(self, settings: Settings) -> None:
        self._categories = settings.categories
        self._renamed = settings.renamed
        self._taken: dict[str, tuple[str, ...]] = {}
        for path in [category.path for category in settings.categories] + [source.categories for source in settings.sources]:
            for prefix in levels(path)[1:]:
                self._taken.setdefault(self._output(prefix), prefix)

    def fit(self, path: tuple[str, ...], notes: list[str]) -> tuple[str, ...]:
        """Return the path as it is or in the spelling that is there already. Raises RefusedError."""
        shown = join_category(path)
        if len(shown.encode()) > MAX_CATEGORY_BYTES:
            raise RefusedError(f"its folders make a category path longer than {MAX_CATEGORY_BYTES} bytes")
        try:
            path = tuple(parse_part(part) for part in path)
        except UnfitError as error:
            raise RefusedError(f"its folder {error.reason}") from None
        if (now := self._renamed.current(path)) != path:
            notes.append(f"{shown} is called {join_category(now)} now")
            path, shown = now, join_category(now)
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
                raise RefusedError(
                    f'its category "{name}" and "{join_category(other)}" would both be published as {self._output(prefix)}: '
                    "give one of them a slug in categories.yaml and try again"
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


def keys_of(source: Source) -> tuple[str, ...]:
    """Return the keys of all addresses of a configured source, the one it moved away from included."""
    moved = () if source.moved_from is None or not source.moved_from.startswith("http") else (source.moved_from,)
    return tuple(map(address_key, (*source.addresses, *moved)))


def _place(address: str) -> str:
    """Return the words of an address that name the source where it has no title: its host, or base and path."""
    if address[:4].lower() != "http":
        return address
    return (urlsplit(address).hostname or "").removeprefix("www.")


def _folded(text: str) -> str:
    return normalize("NFC", text.casefold())
