"""The TLS context: peers are verified, always; there is no switch."""

from __future__ import annotations

import ssl


class Tls:
    """Makes the context when the first https address is asked: loading the roots costs 20-50 ms."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None

    @property
    def context(self) -> ssl.SSLContext:
        """Return the one context of a client, made on first use: the system's roots, else those of certifi."""
        if self._context is None:
            context = ssl.create_default_context()
            if not context.get_ca_certs() and not ssl.get_default_verify_paths().capath:
                import certifi  # only where the system has no roots, as in small containers

                context.load_verify_locations(certifi.where())
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return self._context
