"""Has the configuration changed? Told by what the kernel says of its files, looked at now and then; nothing is read."""

from __future__ import annotations

import os
from pathlib import Path

_Look = tuple[tuple[str, int, int, int], ...]


class ConfigWatch:
    """The files of a config folder, as they were when last looked at."""

    def __init__(self, config: Path) -> None:
        """Take the config folder as it is now for what was read: to be made before it is, or a change in between is missed."""
        self._config = config
        self._read = self._seen = self._look()

    def has_changed(self) -> bool:
        """Tell whether files differ from those last read, and have come to rest: the same at two looks in a row.

        An editor or `git pull` writes one file after the other; what lies between would often be refused.
        """
        look, before = self._look(), self._seen
        self._seen = look
        return look == before and look != self._read

    def differs(self) -> bool:
        """Tell whether files differ from those last read, at rest or not."""
        return self._look() != self._read

    def taken(self) -> None:
        """Take it that the files as last looked at were read, whatever became of it."""
        self._read = self._seen = self._look()

    def _look(self) -> _Look:
        found = [_facts(path) for path in (self._config / "settings.yaml", self._config / "categories.yaml")]
        try:
            with os.scandir(self._config / "sources") as entries:
                found += [_facts(Path(entry.path)) for entry in entries if entry.name.endswith((".yaml", ".yml"))]
        except OSError:
            found.append(("sources", 0, 0, 0))  # gone or closed to us: reading it will say so
        return tuple(sorted(found))


def _facts(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    # Not when its content changed, which a program may set as it likes, but when anything did: rights that were mended count.
    return (str(path), found.st_ctime_ns, found.st_size, found.st_ino)
