"""Source kinds: what a configured `feed` stands for, as the addresses to ask, in order of trial.

Two kinds. An http(s) address stands for itself. `rsshub:/zaker/channel/13` names an entry of `bases:` and a path; each of
the base's instances is one address, tried in turn. What is ASCII stays byte for byte as configured (`?x=%2F&z=%41`);
other characters become what goes over the wire: a host in its A-label form (RFC 5891 §5), the rest percent-encoded as
UTF-8 (RFC 3987 §3.1). Pure: nothing is looked up, nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

_KIND = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)\Z", re.DOTALL)
#: What no address can hold, whatever a browser's address bar makes of it (RFC 3986 §2).
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\s\\\"<>^`{|}\ud800-\udfff]")
#: What most addresses look like; they need no closer look, which is 20 times as slow.
_PLAIN = re.compile(
    r"https?://[a-z0-9]{1,63}(?:[.-][a-z0-9]{1,63}){0,9}(?::[1-9][0-9]{0,3})?"
    r"(?:[/?#](?:[!#$&-;=?-\[\]_a-z~]|%[0-9A-Fa-f]{2})*)?\Z"
)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"[a-z][a-z0-9-]*\Z")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_MAX_HOST = 253
#: Words before a colon that mean something else to everybody.
SCHEMES = frozenset({"http", "https", "file", "ftp", "data", "javascript", "mailto", "exec", "feed", "urn"})


class AddressError(ValueError):
    """A text that no request could be sent to; never shown as it is, but as a problem with its place."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        """Take what is wrong, to be read after the key's name, and what to do."""
        self.reason = reason
        self.hint = hint
        super().__init__(reason)


def expand(feed: str, bases: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the addresses of a configured feed.

    Raises:
        AddressError: it is neither an http(s) address nor the name of a base with a path.
    """
    found = _KIND.match(feed)
    if found is None:
        raise AddressError("is no address: it names no scheme", hint=f"write https://{feed.lstrip('/')}")
    name, rest = found.groups()
    if name.lower() in SCHEMES:
        return (parse_address(feed),)
    if rest.startswith("//"):
        known = name in bases
        raise AddressError(
            f'asks for the scheme "{name}"; only http and https are fetched',
            hint=f"write {name}:/{rest.lstrip('/')}" if known else None,
        )
    if name not in bases:
        raise AddressError(f'names the base "{name}", which no "bases:" defines', hint=_known_bases(name, bases))
    if not rest.startswith("/"):
        raise AddressError("needs a path that begins with a slash", hint=f"write {name}:/{rest}")
    return tuple(parse_address(base.rstrip("/") + rest) for base in bases[name])


def parse_address(text: str) -> str:
    """Return the http(s) address as it is requested.

    Raises:
        AddressError: nothing could be requested there, or it carries credentials.
    """
    if _PLAIN.match(text):
        return text
    if (bad := _FORBIDDEN.search(text)) is not None:
        raise AddressError(
            f"holds {_name_of(bad.group())}, which no address may", hint=f"write {quote(bad.group(), errors='replace')}"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError("is no address that can be read", hint="check its host and port") from None
    if not parts.scheme:
        raise AddressError("is no address: it names no scheme", hint=f"write https://{text.lstrip('/')}")
    if parts.scheme not in {"http", "https"}:
        raise AddressError(f'asks for the scheme "{parts.scheme}"; only http and https are fetched')
    if "@" in parts.netloc:
        raise AddressError("carries a user name", hint="write it as  auth: {username: ..., password: {env: NAME}}")
    if not parts.hostname or port == 0:
        raise AddressError("names no host" if port != 0 else "names the port 0")
    if _PERCENT.search(text) is not None:
        raise AddressError('holds a "%" that begins no percent-encoded byte', hint="write %25")
    ascii_host = parse_host(parts.hostname)
    if text.isascii():
        return text
    start = text.index("//") + 2
    end = start + len(parts.netloc)
    netloc = parts.netloc if parts.netloc.isascii() else ascii_host + (f":{port}" if port else "")
    return text[:start] + netloc + quote(text[end:], safe="%!#$&'()*+,/:;=?@[]~")


def parse_base(text: str) -> str:
    """Return the address of an instance that paths are appended to.

    Raises:
        AddressError: it cannot be asked, or nothing can be appended to it.
    """
    address = parse_address(text)
    if "?" in address or "#" in address:
        raise AddressError("ends in a query or a fragment, so no path can be added to it", hint="put it after the path")
    return address


def parse_base_name(text: str) -> str:
    """Return the name of a base, the word before the colon in a feed.

    Raises:
        AddressError: it could be mistaken for something else.
    """
    if not _NAME.match(text) or text in SCHEMES:
        raise AddressError("is no name for a base", hint="lower-case letters, digits and dashes; not http or the like")
    return text


def parse_host(text: str) -> str:
    """Return a host name in lower case and ASCII; an IPv6 address stands without brackets.

    Raises:
        AddressError: it is neither a name nor an IP address.
    """
    if ":" in text and re.fullmatch(r"[0-9A-Fa-f:.]+(%[\w.]+)?", text):
        return text.lower()
    try:
        host = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if len(host) > _MAX_HOST or not all(_LABEL.match(label) for label in host.removesuffix(".").split(".")):
        raise AddressError("is no host name" if "/" in text else "names a host that cannot exist", hint=None)
    return host.lower()


def _known_bases(name: str, bases: Mapping[str, tuple[str, ...]]) -> str:
    if bases:
        return f"bases are: {', '.join(bases)}"
    return f"write  bases: {{{name}: [https://{name}.example]}}  above the sources"


def _name_of(char: str) -> str:
    if char == " ":
        return "a space"
    return f'"{char}"' if char.isprintable() else f"the character U+{ord(char):04X}"
