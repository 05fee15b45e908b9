"""The bytes of a post -> whether they are as we wrote them. Pure.

A post carries `seal`: a hash of all its other bytes. Whoever edits it breaks the seal, so that a post tells by itself, without
any state, whether it is still ours to write; and one that another machine wrote anew is no stranger. It guards nothing: who
wants to can write a seal. Of a profile that keeps an archive file the seal stands there and covers both files.
"""

from __future__ import annotations

import re
from hashlib import sha256

DIGITS = 16
#: Indented as in `params` of the profile hugo, or not at all: the seal covers every byte but its own line's.
_LINE = re.compile(rb"\n(?:  )?seal: '([0-9a-f]{16})'(?=\n)")
_ITEM = re.compile(rb'\n  "seal": "([0-9a-f]{16})",(?=\n)')


def seal_of(*parts: bytes) -> str:
    """Return the seal of a post's bytes without its own line: 16 hexadecimal digits."""
    return sha256(b"\0".join(parts)).hexdigest()[:DIGITS]


def is_sealed(post: bytes, extra: bytes | None) -> bool:
    """Tell whether a post, and its archive file if it has one, are byte for byte as some run of ours wrote them."""
    if extra is not None:
        found = _ITEM.search(extra)
        return found is not None and found[1].decode() == seal_of(post, _without(extra, found))
    found = _LINE.search(post)
    return found is not None and found[1].decode() == seal_of(_without(post, found))


def unsealed(post: bytes) -> bytes:
    """Return a post as it was written before posts had seals."""
    found = _LINE.search(post)
    return post if found is None else _without(post, found)


def _without(text: bytes, found: re.Match[bytes]) -> bytes:
    return text[: found.start()] + text[found.end() :]
