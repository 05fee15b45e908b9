"""Addresses as written -> absolute http(s) addresses, or nothing. Never guesses a host."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from aggregator.model.parsed import ParsedEntry

#: What needs no work at all; nearly every address of nearly every feed.
_ORDINARY = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,4})?(?:[/?#][!#-;=?-Z\[\]_a-z~]*)?")
_SURROUNDING = "".join(map(chr, range(33))) + "\x7f\xa0\ufeff\u200b\u3000"
_BREAKS = str.maketrans("", "", "\t\r\n")
#: Never legal in an address (RFC 3987), or invisible in one.
_ILLEGAL = re.compile(r'[\x00-\x20"<>\\^`{|}\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]')
_ILLEGAL_IN_HOST = re.compile(r"[\x00-\x20\"'<>\\^`{|}\x7f-\xa0\u2000-\u200f\u2028-\u202f\u3000\ufeff]")
_TOO_MANY_SLASHES = re.compile(r"(https?):/{3,}", re.IGNORECASE)
#: Parameters that say who sent a reader, not what is read.
_TRACKING = re.compile(
    r"(?:utm_[a-z_]+|fbclid|gclid|dclid|yclid|msclkid|igshid|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|vero_id|wt_mc|s_cid|xtor|ncid|spm)",
    re.IGNORECASE,
)


def absolute(address: str | None, base: str | None) -> str | None:
    """Return the address as an absolute http(s) one, resolved against the base, or None where it cannot be."""
    if address is None:
        return None
    if _ORDINARY.fullmatch(address):
        return address
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
    return link


def stable_link(link: str) -> str:
    """Return the link as it identifies an entry: without tracking parameters, and alike for http and https."""
    link = link.translate(_BREAKS)
    if link[:7].lower() == "http://":
        link = f"https://{link[7:]}"
    head, mark, query = link.partition("?")
    if not mark:
        return link
    query, hash_, fragment = query.partition("#")
    kept = [part for part in query.split("&") if not _TRACKING.fullmatch(part.partition("=")[0])]
    return f"{head}{'?' if kept else ''}{'&'.join(kept)}{hash_}{fragment}"
