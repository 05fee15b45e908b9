"""The TLS context: peers are verified, unless the owner has said for one source that any certificate will do."""

from __future__ import annotations

import ssl


class Tls:
    """Makes the context when the first https address is asked: loading the roots costs 20-50 ms."""

    def __init__(self, *, verify: bool = True) -> None:
        """Take whether peers must prove who they are; False is for sources with `verify: false` and nobody else."""
        self._verify = verify
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """Return the one context of its kind, made on first use."""
        if self._context is None:
            self._context = _trusting_the_system() if self._verify else _trusting_anybody()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _trusting_the_system() -> ssl.SSLContext:
    """Trust the system's roots, else those of certifi."""
    context = ssl.create_default_context()
    if not context.get_ca_certs() and not ssl.get_default_verify_paths().capath:
        import certifi  # only where the system has no roots, as in small containers

        context.load_verify_locations(certifi.where())
    return context


def _trusting_anybody() -> ssl.SSLContext:
    """Encrypt and ask for no proof; the protocol's lowest version stays that of `ssl.create_default_context`."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
