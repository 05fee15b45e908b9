"""A host's name -> whether it is one of the public internet, by its spelling. Pure."""

from __future__ import annotations

from ipaddress import ip_address

_NOT_PUBLIC = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_private_host(host: str) -> bool:
    """Tell whether a host is no public one by its very spelling; no name is looked up."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host.rstrip(".") or f".{host.rstrip('.')}".endswith(_NOT_PUBLIC)
