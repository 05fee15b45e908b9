"""A body as it came over the wire -> the document, within a limit. Pure.

255 bytes can hold 256 MB, so decompression is bounded while it runs, never checked afterwards.
"""

from __future__ import annotations

import zlib

_MAGIC = b"\x1f\x8b"
_GZIP_ONLY = 16 + zlib.MAX_WBITS
_MIB = 1024 * 1024


class InflateError(ValueError):
    """The body cannot be inflated; the message is one line, `kind` a word of `model.fetched.Failed`."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def inflate(body: bytes, coding: str | None, max_bytes: int) -> bytes:
    """Return the document that a body holds; `coding` is `gzip`, or None for a body that is sent as it is.

    A body that is labelled gzip and does not begin like one is taken as it is: servers put the label on plain pages.

    Raises:
        InflateError: it is damaged, cut short, or larger than `max_bytes` once inflated.
    """
    if coding is None or not body.startswith(_MAGIC):
        if len(body) > max_bytes:
            raise InflateError("too-big", _too_much(max_bytes))
        return body
    parts: list[bytes] = []
    left = max_bytes
    # RFC 1952 §2.2: a file is one member after another. What follows the last one is padding, and is left out.
    while body.startswith(_MAGIC):
        part, body = _inflate_member(body, left, max_bytes)
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _inflate_member(data: bytes, left: int, max_bytes: int) -> tuple[bytes, bytes]:
    """Return what one member holds, and what stands behind it."""
    inflater = zlib.decompressobj(_GZIP_ONLY)
    try:
        part = inflater.decompress(data, left + 1)
    except zlib.error as error:
        raise InflateError("coding", "the body is labelled gzip and is damaged") from error
    if len(part) > left:
        raise InflateError("too-big", _too_much(max_bytes))
    if not inflater.eof:
        raise InflateError("truncated", "the body is cut short")
    return part, inflater.unused_data


def _too_much(max_bytes: int) -> str:
    size = f"{max_bytes // _MIB} MiB" if max_bytes >= _MIB and max_bytes % _MIB == 0 else f"{max_bytes:,} bytes"
    return f"the body is more than {size} after decompression"
