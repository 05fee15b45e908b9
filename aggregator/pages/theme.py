"""What the owner of a site puts in place of our templates and styles. Read by whoever knows the disk, kept here as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Put after our own stylesheet; `style.css` takes its place.
EXTRA_STYLE = "extra.css"
STYLE = "style.css"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The files of a theme folder: templates by the names of ours, and styles."""

    files: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, files: Mapping[str, str]) -> Theme:
        """Return the theme of these files, by name."""
        return cls(files=tuple(sorted(files.items())))

    def get(self, name: str) -> str | None:
        """Return the text of a file, if the theme has it."""
        return dict(self.files).get(name)
