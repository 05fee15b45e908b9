"""The short name of an entry, and the ids that are derived from it."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from uuid import UUID, uuid5

from aggregator.model.links import comparable

#: Namespace of every uuid5 this project mints. A constant for ever: published ids depend on it.
NAMESPACE = UUID("8f0c6d1e-2b7a-5c43-9a52-6d0f3b1c7e94")

KEY_LENGTH = 12
LINK_HASH_BYTES = 8
_KEY_IN_NAME = re.compile(r"-([a-z2-7]{12})\.md\Z")
#: RFC 3987 `scheme:` followed by something, and no character that an IRI forbids.
_ABSOLUTE_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20\x7f]+\Z")


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
#: Ten bits as two characters of base32 (RFC 4648 §6, in lower case).
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)

#: Characters of an id; what is derived from a longer one is not remembered, for upstream chooses how long they are.
_LONGEST_REMEMBERED = 1000


def entry_key(source_id: str, entry_id: str) -> str:
    """Return the first 12 lower-case base32 characters of sha256(source id, NUL, entry id)."""
    return (_key if len(entry_id) <= _LONGEST_REMEMBERED else _key.__wrapped__)(source_id, entry_id)


@lru_cache(maxsize=256)  # each step of an entry's path asks for it again
def _key(source_id: str, entry_id: str) -> str:
    digest = sha256(f"{source_id}\0{entry_id}".encode("utf-8", "surrogatepass")).digest()
    return _base32(digest)


def _base32(digest: bytes) -> str:
    """Return the first KEY_LENGTH characters, sixty bits; `base64.b32encode` takes four times as long over them."""
    bits = int.from_bytes(digest[:8], "big") >> 4
    pairs = _PAIRS
    return (
        pairs[bits >> 50]
        + pairs[bits >> 40 & 0x3FF]
        + pairs[bits >> 30 & 0x3FF]
        + pairs[bits >> 20 & 0x3FF]
        + pairs[bits >> 10 & 0x3FF]
        + pairs[bits & 0x3FF]
    )


def key_of_name(name: str) -> str | None:
    """Return the key at the end of a post's file name, or None if the name is no post's."""
    found = _KEY_IN_NAME.search(name)
    return found.group(1) if found else None


def is_key(text: str) -> bool:
    """Tell whether the text can be a key."""
    return key_of_name(f"-{text}.md") == text


def is_absolute_iri(text: str) -> bool:
    """Tell whether the text can stand as an atom:id as it is (RFC 4287 §4.2.6)."""
    return _ABSOLUTE_IRI.match(text) is not None


def atom_id(source_id: str, entry_id: str) -> str:
    """Return the published atom:id: upstream's if it is an absolute IRI, else a urn:uuid derived from it."""
    return (_atom_id if len(entry_id) <= _LONGEST_REMEMBERED else _atom_id.__wrapped__)(source_id, entry_id)


@lru_cache(maxsize=1024)  # building a feed asks for each of its ids a dozen times
def _atom_id(source_id: str, entry_id: str) -> str:
    if is_absolute_iri(entry_id):
        return entry_id
    name = f"{source_id}\0{entry_id}".encode("utf-8", "backslashreplace").decode("utf-8")  # uuid5 fails on surrogates
    return uuid5(NAMESPACE, name).urn


def feed_id(site_id: str, category: tuple[str, ...]) -> str:
    """Return the atom:id of a category's feed; () is the feed of everything."""
    return uuid5(NAMESPACE, "\0".join((site_id, *category))).urn


def link_hash(link: str | None) -> bytes:
    """Return 8 bytes that stand for an entry's page, alike for http and https; absent links have one value of their own."""
    return sha256(comparable(link or "", nonces=True).encode("utf-8", "surrogatepass")).digest()[:LINK_HASH_BYTES]
