"""Addresses as written -> what is sent for them, what is shown of them, and where a Location leads. Pure.

The request target goes out byte for byte as configured: no library may re-quote it, since `%2F` and `/`, `%7E` and `~`
are different words in a signed link. Only what no request line can hold (blanks, control characters, bytes above
0x7F) is percent-encoded. Credentials in an address are taken out here and never shown again.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote, urljoin

import yarl

from aggregator.fetch.fault import Fault

_ADDRESS = re.compile(r"(https?)://([^/?#\\]*)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:(?P<user>.*)@)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]*))?", re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_USERINFO = re.compile(r"\A([^/?#@]*://)[^/?#]*@")
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
#: No name of a host ends in a number (URL Standard, "ends in a number"): what does is an IPv4 address or nothing.
_NUMBER_AT_END = re.compile(r"(?:\A|\.)(?:0[xX][0-9a-fA-F]*|[0-9]+)\.?\Z")
_UNSENDABLE = re.compile(rb"[^\x21-\x7e]")
#: Query parameters whose value is a secret by its name: RSSHub's `key` and `code`, tokens, signatures.
_SECRET_PARAMETER = re.compile(
    r"([?&;](?:[\w.-]*(?:key|token|secret|passw(?:or)?d|signature)|auth|code|pass|pwd|sig|sid)=)[^&;#]*", re.IGNORECASE
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address taken apart, ready to be requested."""

    scheme: str  #: http or https
    host: str  #: lower case, ASCII (punycode), an IPv6 literal without brackets
    port: int
    path: str  #: the request target (RFC 9112 §3.2.1): path and query as written, ASCII
    credentials: tuple[str, str] | None = None  #: user and password that the address carried

    @property
    def origin(self) -> tuple[str, str, int]:
        """Return what RFC 6454 calls the origin."""
        return self.scheme, self.host, self.port

    @property
    def root(self) -> str:
        """Return scheme and authority, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def text(self) -> str:
        """Return the address, without credentials and fragment."""
        return self.root + self.path


def parse_target(address: str) -> Target:
    """Take an address apart.

    Raises:
        ValueError: it is no http(s) address; the message says why and repeats nothing of it.
    """
    match = _ADDRESS.match(address.strip())
    if match is None:
        raise ValueError("it is not an http or https address")
    scheme = match[1].lower()
    parts = _AUTHORITY.fullmatch(match[2])
    if parts is None:
        raise ValueError("what stands between // and the path is no host and port")
    port = int(parts["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:  # noqa: PLR2004 - TCP's range
        raise ValueError(f"there is no port {port}")
    path = quote_target(match[3].encode("utf-8", "surrogatepass"))
    return Target(
        scheme=scheme,
        host=encode_host(parts["host"]),
        port=port,
        path=path if path.startswith("/") else "/" + path,
        credentials=_credentials(parts["user"]),
    )


def encode_host(host: str) -> str:
    """Return a host name as it is looked up: punycode, lower case; every spelling of an IPv4 address as four decimals.

    Raises:
        ValueError: it is no host name.
    """
    if host.startswith("["):
        if "%" in host:  # a zone means nothing on another machine (RFC 6874 §1)
            raise ValueError("the host names a network interface")
        try:
            return str(IPv6Address(host.strip("[]")))
        except AddressValueError:
            raise ValueError("the host is no IPv6 address") from None
    try:
        name = (unquote(host, errors="strict") if "%" in host else host).lower()
        if not name.isascii():
            # IDNA 2008 with the mapping of UTS 46: full-width digits and ideographic full stops become plain ones.
            name = (yarl.URL.build(scheme="http", host=name).raw_host or "").lower()
    except ValueError:  # which repeats the name
        raise ValueError("the host is no valid name") from None
    if _NUMBER_AT_END.search(name):
        return _canonical_ipv4(name)
    if _NAME.fullmatch(name) is None:
        raise ValueError("the host is no valid name")
    return name


def quote_target(raw: bytes) -> str:
    """Percent-encode what no request line can hold, and nothing else."""
    return _UNSENDABLE.sub(lambda byte: b"%%%02X" % ord(byte[0]), raw).decode("ascii")


def resolve_location(base: Target, location: bytes) -> Target:
    """Return where a Location header leads (RFC 9110 §10.2.2), whatever bytes it holds.

    Raises:
        Fault: it leads nowhere that is followed.
    """
    text = quote_target(location.strip())
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in _DEFAULT_PORTS:
        raise Fault("redirect", f"the server redirects to a {scheme[1].lower()[:20]}: address, which is not followed")
    try:
        return parse_target(text if scheme is not None else _join(base, text))
    except ValueError as error:
        raise Fault("redirect", f"the server redirects to an address that cannot be used: {error}") from error


def strip_credentials(address: str) -> str:
    """Return an address without user and password; the form in which it is stored and compared."""
    return _USERINFO.sub(r"\1", address)


def redact(address: str) -> str:
    """Return an address fit for messages: no credentials, no fragment, no values of parameters named like secrets."""
    return _SECRET_PARAMETER.sub(r"\1***", strip_credentials(address).partition("#")[0])


def _join(base: Target, text: str) -> str:
    """Resolve a relative reference; urljoin would drop an empty query, so it gets only what needs its path algebra."""
    if text.startswith("//"):
        return f"{base.scheme}:{text}"
    if text.startswith("/") and "/." not in text:
        return base.root + text
    if text.startswith("?"):
        return base.root + base.path.partition("?")[0] + text
    return urljoin(base.text, text)


def _canonical_ipv4(name: str) -> str:
    """Return four decimals for 127.1, 2130706433, 0x7f000001 or 0177.0.0.1, as inet_aton(3) and browsers read them.

    Raises:
        ValueError: it is none.
    """
    try:
        return socket.inet_ntoa(socket.inet_aton(name.rstrip(".")))
    except OSError:
        raise ValueError("the host looks like an IPv4 address and is none") from None


def _credentials(userinfo: str | None) -> tuple[str, str] | None:
    if not userinfo:
        return None
    user, _, password = userinfo.partition(":")
    return unquote(user), unquote(password)
