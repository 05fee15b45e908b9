"""What judges our pages and comes from npm: axe, and the big list of naughty strings (`make engines`)."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import absent

_INSTALLED = Path(__file__).parents[1] / ".venv/engines/pages/node_modules"


def axe() -> str:
    """Return the script that finds what keeps people from using a page, or skip the test and say why."""
    return _read("axe-core/axe.min.js")


def naughty_strings() -> list[str]:
    """Return the big list of naughty strings, without those that say nothing; or skip the test and say why."""
    strings: list[str] = json.loads(_read("blns/resources/blns.json"))
    return [string for string in strings if string.strip()]


def _read(name: str) -> str:
    file = _INSTALLED / name
    if not file.is_file():
        absent(f"{name} is not installed (make engines)")
    return file.read_text("utf-8")
