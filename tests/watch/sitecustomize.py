"""Copies each document that `store.files.write_file` is given for the folder of feeds; Python runs this file as it starts.

This folder stands first in PYTHONPATH while tests run (`plugin`). Without a spool in the environment nothing happens. The
module is wrapped as it is imported, so that a process which never writes pays nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

#: Variable that names the folder to copy to.
SPOOL = "AGGREGATOR_TEST_SPOOL"
_WATCHED = "aggregator.store.files"
_FOLDER = "feeds/"
_ENDINGS = (".atom", ".rss", ".json", ".opml", ".css", ".xml", ".html")
_LONGEST_NAME = 100


def install() -> None:
    """Wrap the writer where it is imported already, else as soon as it is."""
    loaded = sys.modules.get(_WATCHED)
    if loaded is None:
        sys.meta_path.insert(0, _Finder())
        return
    before, wrapped = loaded.write_file, _wrap(loaded)
    for name, module in list(sys.modules.items()):
        if name.startswith("aggregator.") and getattr(module, "write_file", None) is before:
            module.write_file = wrapped  # type: ignore[attr-defined]  # imported by name


class _Finder:
    """Finds one module as Python does, and wraps its writer once it has run."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _WATCHED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                _wrap(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _wrap(module: ModuleType) -> Callable[..., None]:
    write: Callable[..., None] = module.write_file

    def write_file(root: Path, path: str, content: bytes, **how: Any) -> None:
        # Before it is written: a test may kill the process right after, and the document is there.
        copy(path, content)
        write(root, path, content, **how)

    module.write_file = write_file  # type: ignore[attr-defined]
    return write_file


def copy(path: str, content: bytes) -> None:
    """Put a copy into the spool, named by its hash and its path, unless it is there or is no published document."""
    spool = os.environ.get(SPOOL)
    if not spool or not path.startswith(_FOLDER) or not path.endswith(_ENDINGS):
        return
    from hashlib import sha256

    stem, _, ending = path.replace("/", "%").rpartition(".")
    shown = stem.encode("utf-8", "ignore")[:_LONGEST_NAME].decode("utf-8", "ignore")
    place = Path(spool, f"{sha256(content).hexdigest()[:24]}-{shown}.{ending}")
    if place.exists():
        return
    try:
        part = place.with_name(f"{place.name}.{os.getpid()}")
        part.write_bytes(content)
        part.replace(place)
    except OSError:
        return  # limits that a test sets (files, disk, rights) must hit our code, not the watch


if os.environ.get(SPOOL):
    install()
