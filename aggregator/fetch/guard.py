"""The guard: every address about to be connected to -> a socket, or a refusal.

It stands where aiohttp makes a socket: after the name was resolved, before the connection, once for every address that
is tried. So names, literals in every spelling, redirects and names that change between look-up and connection all
come by here, and what is judged is what is connected to. It never resolves a name and never looks at an address as text.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

#: IANA's registry of special-purpose IPv4 addresses, with multicast and the reserved block. Written out, since what
#: `ipaddress.is_global` says differs between Python releases.
_SPECIAL_IPV4 = tuple(
    (IPv4Network(network), word)
    for network, word in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
#: Global unicast is 2000::/3 (RFC 4291 §2.4) and nothing else; these are the exceptions within it.
_SPECIAL_IPV6 = tuple(
    (IPv6Network(network), word)
    for network, word in (
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3ffe::/16", "reserved"),
        ("3fff::/20", "documentation"),
    )
)
#: And names for what lies outside of it, most particular first.
_OUTSIDE_IPV6 = tuple(
    (IPv6Network(network), word)
    for network, word in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("64:ff9b::/96", "NAT64"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("::/0", "reserved"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class RefusedAddressError(OSError):
    """A connection was refused by us; an OSError, so that a name's next address is tried."""


@dataclass(slots=True, kw_only=True)
class Dial:
    """What happened while one request was being sent: filled by the guard, read by whoever explains the failure."""

    path: str  #: the request target, byte for byte
    opened: int = 0  #: sockets made; 0 after success means that a kept connection was used
    refused: list[str] = field(default_factory=list)  #: "127.0.0.1 (loopback)"


#: The request that the running task is sending. aiohttp opens connections in that task or in children of it.
DIAL: ContextVar[Dial] = ContextVar("DIAL")


class Guard:
    """Makes sockets for permitted addresses; one per allow-list, since a kept connection must not outlive its list."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Take the networks (CIDR) that may be reached although they are not public."""
        self._allowed = tuple(ip_network(network, strict=False) for network in allowed)
        self._known: dict[str, str | None] = {}

    def refusal(self, address: str) -> str | None:
        """Return the word for why an address is refused, or None if it may be connected to."""
        if address not in self._known:
            self._known[address] = self._judge(address)
        return self._known[address]

    def __call__(self, info: AddressInfo) -> socket.socket:
        """Return a socket for an address about to be connected to: aiohttp's `socket_factory`.

        Raises:
            RefusedAddressError: the address is refused.
        """
        family, kind, protocol, _, place = info
        dial = DIAL.get()
        word = self.refusal(str(place[0]))
        if word is not None:
            dial.refused.append(f"{place[0]} ({word})")
            raise RefusedAddressError(errno.EACCES, "the address is refused")
        dial.opened += 1
        return socket.socket(family, kind, protocol)

    def _judge(self, text: str) -> str | None:
        try:
            address = ip_address(text)
        except ValueError:
            return "not an address"
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # the kernel connects to the IPv4 address (RFC 4291 §2.5.5.2)
        layers = (address, *_embedded(address))
        return next((word for layer in layers if (word := self._judge_one(layer)) is not None), None)

    def _judge_one(self, address: IPv4Address | IPv6Address) -> str | None:
        if any(address in network for network in self._allowed if network.version == address.version):
            return None
        if isinstance(address, IPv4Address):
            return next((word for network, word in _SPECIAL_IPV4 if address in network), None)
        special = _SPECIAL_IPV6 if address in _GLOBAL_UNICAST else _OUTSIDE_IPV6
        return next((word for network, word in special if address in network), None)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its spelling alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def _embedded(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 address that a translator would connect to: even where 6to4 or NAT64 is allowed it is judged."""
    if isinstance(address, IPv4Address):
        return ()
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()
