"""Addresses as written -> absolute http(s) addresses, or nothing. Never guesses a host.

Parameters that track readers stay in links as they are published: they are upstream's to set, and taking one off that a page
needs would break the link. They are left out only where a link says which entry it is (`stable_link`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

from aggregator.model.links import tracks
from aggregator.model.parsed import ParsedEntry
from aggregator.normalise.redirectors import find_target

#: What needs no work at all; nearly every address of nearly every feed.
_ORDINARY = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,4})?(?:[/?#][!#-;=?-Z\[\]_a-z~]*)?")
_SEGMENT = r"[A-Za-z0-9_%~-][A-Za-z0-9_.%~+=-]*+"
#: What may follow the beginning of a plain relative address, and no base changes: no segment of it begins with a dot or is
#: empty, and nothing in it could be a scheme, a port, an account or parameters of a path.
PLAIN_PATH = rf"{_SEGMENT}(?:/{_SEGMENT})*+/?"
#: Relative ones that need no work either: how they begin, and such a rest.
_PLAIN_RELATIVE = re.compile(
    r"(//(?=[A-Za-z0-9][A-Za-z0-9.-]*(?:[/?#]|\Z))|/|(?:\.\./){1,4}|[?#](?=[A-Za-z0-9])|(?=[A-Za-z0-9_]))"
    rf"(?:{PLAIN_PATH})?(?:\?[A-Za-z0-9_.%~+=&/-]++)?(?:#[A-Za-z0-9_.%~+=&/-]++)?"
)
#: A base without anything that has to be resolved in itself: scheme, authority, the folders of its path.
_PLAIN_BASE = re.compile(
    rf"(https?:)(//[A-Za-z0-9][A-Za-z0-9.-]*(?::[1-9][0-9]{{0,3}})?)(/(?:{_SEGMENT}/)*+)(?:{_SEGMENT})?(?:[?#][!-~]*)?"
)
_LONGEST_BASE = 2000  #: characters, of what is remembered
_SURROUNDING = "".join(map(chr, range(33))) + "\x7f\xa0\ufeff\u200b\u3000"
_BREAKS = str.maketrans("", "", "\t\r\n")
#: Never legal in an address (RFC 3987), or invisible in one.
_ILLEGAL = re.compile(r'[\x00-\x20"<>\\^`{|}\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]')
_ILLEGAL_IN_HOST = re.compile(r"[\x00-\x20\"'<>\\^`{|}\x7f-\xa0\u2000-\u200f\u2028-\u202f\u3000\ufeff]")
_TOO_MANY_SLASHES = re.compile(r"(https?):/{3,}", re.IGNORECASE)
_MAX_NESTED = 3  #: redirectors within one another


def absolute(address: str | None, base: str | None) -> str | None:
    """Return the address as an absolute http(s) one, resolved against the base, or None where it cannot be."""
    if address is None:
        return None
    if _ORDINARY.fullmatch(address):
        return address
    if base is not None and len(base) < _LONGEST_BASE and (plain := _PLAIN_RELATIVE.fullmatch(address)):
        before = _before(plain[1], base)
        return None if before is None else before + address[plain.end(1) :]
    return _resolved(address, base)


def absolute_beginning(beginning: str, base: str | None) -> str | None:
    """Return what `absolute` puts in the place of `/` or `../` where PLAIN_PATH follows; None says nothing."""
    return _before(beginning, base) if base is not None and len(base) < _LONGEST_BASE else None


@lru_cache(maxsize=64)
def _before(beginning: str, base: str) -> str | None:
    """Return what stands before the rest of a plain relative address that begins so: a base is that of many addresses."""
    plain = _PLAIN_BASE.fullmatch(base)
    if plain is not None and beginning[:1] in {"", ".", "/"}:
        scheme, authority, folders = plain.groups()
        if beginning == "//":
            return f"{scheme}//"
        if beginning == "/":
            return f"{scheme}{authority}/"
        for _ in range(beginning.count("../")):
            folders = folders[: folders.rfind("/", 0, -1) + 1] or "/"
        return f"{scheme}{authority}{folders}"
    resolved = _resolved(f"{beginning}x", base)
    return None if resolved is None else resolved[:-1]


def _resolved(address: str, base: str | None) -> str | None:
    address = _TOO_MANY_SLASHES.sub(r"\1://", address.strip(_SURROUNDING).translate(_BREAKS))
    if not address:
        return None
    try:
        address = urljoin(base, address) if base else address
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    if not usable or _ILLEGAL_IN_HOST.search(parts.netloc):
        return None
    address = parts.scheme + address[len(parts.scheme) :]
    return _ILLEGAL.sub(lambda match: quote(match.group(0).encode("utf-8", "replace")), address)


def unwrap(address: str) -> str:
    """Return where a link through a known redirector leads, if that is an absolute http(s) address; else the link itself."""
    for _ in range(_MAX_NESTED):
        inner = absolute(find_target(address), None) if "?" in address else None
        if inner is None:
            break
        address = inner
    return address


def choose_link(entry: ParsedEntry, address: str) -> str | None:
    """Return the entry's page: its alternate link, else its id if that is an http(s) address, else content or file.

    A permalink guid is an address, and one that says false is still the best hint where no link is given (RSSHub writes so).
    """
    link = absolute(entry.link, address)
    if link is None and entry.id is not None and entry.id[:7].lower() in {"http://", "https:/"}:
        link = absolute(entry.id, None)
    if link is None:
        link = absolute(entry.content_src, address)
    if link is None and entry.enclosures:
        link = absolute(entry.enclosures[0].href, address)
    return unwrap(link) if link is not None else None


def stable_link(link: str) -> str:
    """Return the link as it identifies an entry: alike for http and https, without tracking parameters, the others by name.

    A host, a path (with or without its last slash) and a fragment tell entries apart: two that are one cost a post, one that
    is two costs an entry.
    """
    link = unwrap(link.translate(_BREAKS))
    if link[:7].lower() == "http://":
        link = f"https://{link[7:]}"
    head, mark, query = link.partition("?")
    if not mark:
        return link
    query, hash_, fragment = query.partition("#")
    kept = [part for part in query.split("&") if part and not tracks(part)]
    kept.sort(key=_name)  # stable: values of one name keep their order
    return f"{head}{'?' if kept else ''}{'&'.join(kept)}{hash_}{fragment}"


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]
