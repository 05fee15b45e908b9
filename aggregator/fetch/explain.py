"""aiohttp's errors -> `Fault`: which kind of failure it was, and in words. Repeats no byte that a server sent."""

from __future__ import annotations

import os
import ssl

from aggregator.fetch.fault import Fault
from aggregator.fetch.guard import Dial
from aggregator.fetch.lean_aiohttp import aiohttp


def explain(error: Exception, dial: Dial | None, *, proxied: bool = False) -> Fault:
    """Return the fault behind an error; `dial` is None once a response has begun."""
    if dial is None:
        return _explain_body(error)
    if dial.refused and not dial.opened:
        return Fault("refused-address", _refusal(dial))
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError)):
        return Fault("tls", _explain_tls(error))
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.InvalidURL)):
        return _explain_head(error)
    return _explain_connect(error, proxied=proxied)


def _refusal(dial: Dial) -> str:
    places = ", ".join(dict.fromkeys(dial.refused))
    return f"the host leads to {places}, which is not public; allow_private can list exceptions"


def _explain_tls(error: Exception) -> str:
    cause = getattr(error, "certificate_error", None) or error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {cause.verify_message}"
    reason = cause.reason if isinstance(cause, ssl.SSLError) and cause.reason else "handshake failed"
    return f"no TLS connection: {reason.replace('_', ' ').lower()}"


def _explain_head(error: aiohttp.ClientResponseError | aiohttp.InvalidURL) -> Fault:
    if isinstance(error, aiohttp.InvalidURL):
        return Fault("protocol", "the address cannot be requested")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Fault("connect", f"the proxy answered {error.status}")
    if "Got more than" in error.message:
        return Fault("protocol", "the answer holds a header that is too long")
    if "Too many" in error.message:
        return Fault("protocol", "the answer holds too many headers")
    return Fault("protocol", "the answer is not valid HTTP")


def _explain_connect(error: Exception, *, proxied: bool) -> Fault:
    who = "the proxy" if proxied else "the host"
    if isinstance(error, TimeoutError):
        return Fault("timeout", "no connection could be made in time")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Fault("dns", f"the name of {who} cannot be resolved")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Fault("connect", f"no connection to {who}: {_reason(error)}")
    if isinstance(error, OSError) and error.errno:
        return Fault("connect", f"the connection broke before an answer came: {_reason(error)}")
    return Fault("connect", "the server closed the connection without an answer")


def _explain_body(error: Exception) -> Fault:
    cause = error.__cause__ or error
    if "Not enough data" in str(cause) or isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        return Fault("truncated", "the body broke off before its end")
    return Fault("protocol", "the body is not sent as HTTP demands")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else "it failed"
