"""The owner's theme: files of a folder below config/ that take the place of our templates and styles."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from aggregator.errors import ConfigError, Problem
from aggregator.model.settings import Settings
from aggregator.pages import Theme

_ENDINGS = frozenset({".html", ".css"})
_MAX_BYTES = 1024 * 1024


def theme_folder(settings: Settings) -> Path:
    """Return where the theme's files are, whether there are any."""
    return (settings.config or settings.root / "config") / settings.pages.theme


def theme_mark(settings: Settings) -> tuple[tuple[str, int, int], ...]:
    """Return what is another after a change of any of the theme's files."""
    found = []
    for path in _paths(theme_folder(settings)):
        try:
            about = path.stat()
        except OSError:
            continue
        found.append((path.name, about.st_size, about.st_mtime_ns))
    return tuple(found)


def read_theme(settings: Settings) -> Theme | None:
    """Return the theme; None where there is none. Raises ConfigError: a file of it cannot be read."""
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for path in _paths(theme_folder(settings)):
        try:
            if path.stat().st_size > _MAX_BYTES:
                problems.append(_problem(path, settings, "it is larger than 1 MiB: no template is"))
                continue
            files[path.name] = path.read_text("utf-8")
        except UnicodeDecodeError:
            problems.append(_problem(path, settings, "it is not UTF-8"))
        except OSError as error:
            problems.append(_problem(path, settings, f"it cannot be read: {error.strerror}"))
    if problems:
        raise ConfigError(tuple(problems))
    return Theme.of(files) if files else None


def placed(error: ConfigError, settings: Settings) -> ConfigError:
    """Return what is wrong with a template, with the file's place as a person would type it."""
    folder = theme_folder(settings)
    return ConfigError(tuple(replace(each, file=_typed(folder / each.file, settings)) for each in error.problems))


def _paths(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.suffix in _ENDINGS and not path.name.startswith(".")]
        return sorted(path for path in found if path.is_file())
    except OSError:
        return []


def _problem(path: Path, settings: Settings, what: str) -> Problem:
    return Problem(file=_typed(path, settings), line=None, column=None, message=what)


def _typed(path: Path, settings: Settings) -> str:
    return os.path.relpath(path, settings.root)
