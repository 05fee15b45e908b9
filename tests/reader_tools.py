"""How real feed readers are run: where they are installed, and with what surroundings."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conftest import absent
from tests.reader_entries import File

ROOT = Path(__file__).parents[1]
NPM_READERS = ROOT / ".venv/engines/readers"
_PYTHON_READERS = ROOT / ".venv/readers"


def python_reader(name: str, command: str) -> str:
    """Return the path of a reader's command in its own environment, or skip the test and say why."""
    found = _PYTHON_READERS / name / "bin" / command
    if not found.is_file():
        absent(f"{name} is not installed (make reader-tools)")
    return str(found)


def npm_reader(name: str) -> Path:
    """Return the folder of a library of JavaScript, or skip the test and say why."""
    found = NPM_READERS / "node_modules" / name
    if not found.is_dir():
        absent(f"{name} is not installed (make reader-tools)")
    return found


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the surroundings of a user who has nothing but this home."""
    home.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "Asia/Shanghai", **more}


def run(home: Path, *command: str) -> str:
    """Run a command of a reader, which must succeed; return what it printed."""
    done = subprocess.run(
        command, cwd=home, env=environment(home), capture_output=True, encoding="utf-8", timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(database: Path, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query to a reader's own database."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def link_file(link: dict[str, Any]) -> File:
    """Read a link of rel=enclosure as feedparser and feedsmith tell it."""
    return File(href=link["href"], type=link.get("type"), length=whole(link.get("length")))


def whole(text: str | int | None) -> int | None:
    """Return a number that a reader keeps as it stood in the feed; 0 stands for what is not known."""
    return int(text or 0) or None


def version_of(*command: str) -> str:
    """Return the version that a command says it has."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)
    return _number(done.stdout + done.stderr)


def debian_version(package: str) -> str:
    """Return the version of a package; for commands that do not tell theirs."""
    dpkg = shutil.which("dpkg-query")
    return version_of(dpkg, "--show", package) if dpkg else "unknown"


def python_version(name: str) -> str:
    """Return the version of a reader that is installed in its own environment."""
    python_reader(name, "python")
    return _number(next((_PYTHON_READERS / name).glob(f"lib/*/site-packages/{name}-*.dist-info")).name)


def npm_version(name: str) -> str:
    """Return the version of a library of JavaScript."""
    return str(json.loads((npm_reader(name) / "package.json").read_text("utf-8"))["version"])


def _number(text: str) -> str:
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "unknown"
