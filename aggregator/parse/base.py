"""xml:base: which address the ones inside an element count from. Pure; resolves nothing else."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit


def joined_base(base: str, value: str) -> str:
    """Join an xml:base with the one around it; what is no http(s) address and not relative changes nothing."""
    try:
        if urlsplit(value).scheme.lower() not in {"", "http", "https"}:
            return base
        return urljoin(base, value.strip())
    except ValueError:
        return base
