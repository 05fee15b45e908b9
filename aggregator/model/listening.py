"""Where a server listens, as people write it: `127.0.0.1:8080`, `[::1]:8080`, `:8080`, `unix:/run/feeds.sock`."""

from __future__ import annotations

from dataclasses import dataclass

_PREFIX = "unix:"
_LAST_PORT = 65535
_LONGEST_PATH = 107  #: bytes of a socket's path, which is what Linux has room for


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """An address on the network, or a socket in the file system."""

    host: str = ""
    port: int = 0  #: 0 takes a free one
    path: str | None = None  #: of a socket; None: host and port hold


def parse_listening(text: str) -> Listening:
    """Return the place. Raises ValueError, in words, if the text names none."""
    if text.startswith(_PREFIX):
        path = text.removeprefix(_PREFIX)
        if not path or "\0" in path:
            raise ValueError("names no path behind unix:")
        if len(path.encode()) > _LONGEST_PATH:
            raise ValueError(f"has a path of more than {_LONGEST_PATH} bytes, for which a socket has no room")
        return Listening(path=path)
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > _LAST_PORT:
        raise ValueError("is neither HOST:PORT nor unix:PATH")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("has an IPv6 address without brackets: [::1]:8080")
    if any(char.isspace() for char in host):
        raise ValueError("has a host with a space in it")
    return Listening(host=host or "0.0.0.0", port=int(port))  # noqa: S104 - `:8080` asks for it, as everywhere
