"""The network: whether names resolve, whether certificates can be checked, and which private addresses would be refused.

No upstream is sent anything: a name is looked up, as every run does.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from aggregator.doctor.finding import Findings, Situation, fail, ok, warn
from aggregator.fetch.guard import Guard, is_loopback
from aggregator.fetch.tls import Tls
from aggregator.model.hosts import is_private_host
from aggregator.model.source import Source

_TRIED = 3  #: names, so that one upstream that is gone is not taken for a network that is
_PATIENCE = 5.0  #: seconds for all of them
_NAMED = 5


def names(situation: Situation) -> Findings:
    """Look up the host of a source, or of two more if that cannot be found."""
    if situation.offline:
        return
    hosts = list(dict.fromkeys(host for source in _asked(situation) for host in _hosts(source) if not _is_address(host)))
    if not hosts:
        yield ok("names", "no source has a host that must be looked up")
        return
    found = _look_up(hosts[:_TRIED])
    if found is None:
        text = f"no address was found for {' nor for '.join(hosts[:_TRIED])}"
        yield fail("names", text, "see that this machine has a network and a name server: getent hosts NAME")
        return
    host, addresses = found
    guard = Guard(
        {network for source in _asked(situation) if host in _hosts(source) for network in _allowed(source, situation)}
    )
    refused = [f"{address} ({word})" for address in addresses if (word := guard.refusal(address))]
    if len(refused) == len(addresses):
        advice = "if that is meant, list it in allow_private of the source; else ask why the name server says so"
        yield warn("names", f"{host} is {', '.join(refused)}, which is refused", advice)
    else:
        yield ok("names", f"{host} is found")


def _look_up(hosts: Iterable[str]) -> tuple[str, list[str]] | None:
    """Return the first host that has addresses, with them; None: none has, or the name server does not answer in time."""
    found: list[tuple[str, list[str]]] = []

    def ask() -> None:
        for host in hosts:
            try:
                infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                continue
            found.append((host, list(dict.fromkeys(str(info[4][0]) for info in infos))))
            return

    thread = threading.Thread(target=ask, daemon=True)  # one that hangs does not keep the command from ending
    thread.start()
    thread.join(_PATIENCE)
    return found[0] if found else None


def private(situation: Situation) -> Findings:
    """Name sources whose addresses are not public, and would be refused."""
    bad = [source for source in _asked(situation) if source.proxy is None and any(_refused(source, situation))]
    if not bad:
        return
    shown = ", ".join(source.name for source in bad[:_NAMED]) + (f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else "")
    host = next(_refused(bad[0], situation))
    yield warn(
        "private",
        f"not public, and refused without allow_private: {host} ({shown})",
        f"write allow_private: [{'127.0.0.1' if is_loopback(host) else 'its network'}] beside these sources",
    )


def _refused(source: Source, situation: Situation) -> Iterator[str]:
    """Yield the hosts of a source that cannot be asked."""
    guard = Guard(allowed := _allowed(source, situation))
    for host in _hosts(source):
        if not is_private_host(host):
            continue
        if _is_address(host):
            is_refused = guard.refusal(host) is not None
        elif is_loopback(host):
            is_refused = all(guard.refusal(each) for each in ("127.0.0.1", "::1"))
        else:
            is_refused = not allowed  # which address it has, only its network knows
        if is_refused:
            yield host


def certificates(situation: Situation) -> Findings:
    """See whether there is any authority to check the certificates of upstreams by."""
    advice = "install ca-certificates, or let SSL_CERT_FILE name a file that has them"
    try:
        loaded = len(Tls().context.get_ca_certs())
    except (OSError, ssl.SSLError) as error:
        yield fail("certificates", f"the certificate authorities cannot be read: {error}", advice)
        return
    folder = ssl.get_default_verify_paths().capath
    if loaded or (folder is not None and any(os.scandir(folder))):
        yield ok("certificates", f"{loaded} certificate authorities" if loaded else f"certificate authorities in {folder}")
    elif any(address.startswith("https:") for source in _asked(situation) for address in source.addresses):
        yield fail("certificates", "no certificate authority is known: every https source will fail", advice)
    else:
        yield warn("certificates", "no certificate authority is known: every https source would fail", advice)


def _asked(situation: Situation) -> list[Source]:
    sources = situation.settings.sources if situation.settings is not None else ()
    return [source for source in sources if not source.paused and source.gone is None]


def _allowed(source: Source, situation: Situation) -> frozenset[str]:
    general = situation.settings.fetch.allow_private if situation.settings is not None else ()
    return frozenset(general) | frozenset(source.allow_private)


def _hosts(source: Source) -> list[str]:
    return [host for address in source.addresses if (host := urlsplit(address).hostname)]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
