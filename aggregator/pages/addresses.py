"""An address from the root of the site, and the page it stands on -> the shortest link between them. Pure.

Relative links work at any host, below any path, and in files. Addresses of other hosts pass only if a browser goes there and
does nothing else.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

#: Schemes of links out; what else there is may run something, or open a program.
_OUT = re.compile(r"https?://[^\s\x00-\x20]", re.IGNORECASE)


def place(path: str, *, is_static: bool) -> str:
    """Return where a page of ours lies: on a static host a page without an ending is the index of its folder."""
    head, mark, query = path.partition("?")
    if is_static and not head.endswith("/") and "." not in head.rsplit("/", 1)[-1]:
        head += "/"
    return head + mark + query


def relative(start: str, target: str) -> str:
    """Return `target` as seen from the page at `start`; both begin with "/" and may have a query."""
    folders = start.partition("?")[0].split("/")[1:-1]
    path, mark, rest = target.partition("?")
    *parts, name = path.split("/")[1:]
    shared = 0
    while shared < min(len(folders), len(parts)) and folders[shared] == parts[shared]:
        shared += 1
    steps = [".."] * (len(folders) - shared) + parts[shared:]
    address = "/".join([*steps, name]) if steps else (name or "./")
    if ":" in address.split("/")[0]:  # else its beginning would be a scheme (RFC 3986 §4.2)
        address = f"./{address}"
    return address + mark + rest


def outward(address: str | None) -> str | None:
    """Return an address of another host if it is one that a link may lead to."""
    if address is None or not _OUT.match(address):
        return None
    try:
        urlsplit(address)
    except ValueError:
        return None
    return address


def host(address: str) -> str:
    """Return the host of an address, as people name it."""
    try:
        found = urlsplit(address).hostname
    except ValueError:
        found = None
    return (found or address).removeprefix("www.")


def file_name(address: str) -> str:
    """Return the last part of an address, else its host: what a file is called that has no title."""
    try:
        path = urlsplit(address).path
    except ValueError:
        return address
    return unquote(path.rsplit("/", 1)[-1]) or host(address)


def root_path(url: str) -> str:
    """Return the path of the site's root, without its last slash."""
    return urlsplit(url).path.rstrip("/")
