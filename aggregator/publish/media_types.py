"""An enclosure's address -> its media type, where upstream gave none. Pure.

RSS and JSON Feed want a type for each (RSS 2.0 `<enclosure>`, JSON Feed 1.1 `attachments`), Atom does not. The standard
library's guess reads files of the machine, so the same feed would get other bytes elsewhere; these few are what feeds
carry.
"""

from __future__ import annotations

from urllib.parse import urlsplit

UNKNOWN = "application/octet-stream"
_TYPES = {
    "aac": "audio/aac",
    "avif": "image/avif",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m4a": "audio/x-m4a",
    "m4v": "video/x-m4v",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "torrent": "application/x-bittorrent",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "zip": "application/zip",
}


def media_type(href: str) -> str:
    """Return the type that the name in the address ends like; `UNKNOWN` if that says nothing."""
    try:
        path = urlsplit(href).path
    except ValueError:  # a bracket that is no IPv6 address
        return UNKNOWN
    return _TYPES.get(path.rpartition("/")[2].rpartition(".")[2].lower(), UNKNOWN)
