"""A project folder in tmp_path, made of texts, and the errors that come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from aggregator.errors import ConfigError, Problem
from aggregator.model.settings import Settings
from aggregator.settings import load_settings

SITE = "site: {id: 'urn:uuid:11111111-2222-3333-4444-555555555555', title: T, url: https://t.example/}\n"


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a project; `settings.yaml` is a minimal one unless it is given."""
    for name, text in ({"settings.yaml": SITE} | dict(files)).items():
        path = root / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def read(root: Path, env: Mapping[str, str] | None = None) -> Settings:
    """Load a project as every command does."""
    return load_settings(root, root / "config", env or {})


def settings_of(root: Path, **files: str) -> Settings:
    """Write one settings, categories or sources text, and load it."""
    names = {"settings": "settings.yaml", "categories": "categories.yaml", "sources": "sources/a.yaml"}
    return read(write(root, {names[key]: text for key, text in files.items()}))


def problems_of(root: Path, files: Mapping[str, str | bytes], env: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Return the problems that a project has; it must have some."""
    with pytest.raises(ConfigError) as caught:
        read(write(root, files), env)
    return caught.value.problems
