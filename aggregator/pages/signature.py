"""What pages look like in this version of the program, as one short text. Pure but for the package's own files."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

_COUNTED = (".py", ".html", ".json", ".css", ".js")


@lru_cache(maxsize=1)
def signature() -> str:
    """Return the hash of all templates, words and code that pages are made with."""
    digest = sha256()
    for name, content in _sources(files(__package__), ""):
        digest.update(repr((name, content)).encode())
    return digest.hexdigest()[:16]


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir() and not each.name.startswith("_"):
            found += _sources(each, f"{prefix}{each.name}/")
        elif each.name.endswith(_COUNTED):
            found.append((prefix + each.name, each.read_bytes()))
    return found
