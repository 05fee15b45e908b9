"""The shape of the code: who may import whom, and that every test says what it shows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aggregator"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

#: DESIGN 3: imports go one way. A stage may import these parts of the project, and itself.
_PURE = {"errors", "model"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "model": {"errors"},
    "settings": {*_PURE, "sources"},
    "sources": _PURE,
    "parse": _PURE,
    "normalise": _PURE,
    "decide": _PURE,
    "schedule": _PURE,
    "health": {*_PURE, "schedule"},  # whose memory of arrivals it reads
    "publish": _PURE,
    "pages": _PURE,
    "store": _PURE,
    "fetch": _PURE,
    "serve": _PURE,
    "workers": _PURE,
}
#: Foreign package -> the only part that may import it.
ONLY_IMPORTER = {
    "httpx": "fetch",
    "httpx_aiohttp": "fetch",
    "aiohttp": "fetch",
    "yarl": "fetch",
    "feedgen": "publish",
    "feedparser": "parse",
    "nh3": "normalise",
    "sqlalchemy": "store",
    "frontmatter": "store",
    "pebble": "workers",
    "click": "cli",
    "apscheduler": "daemon",
    "jinja2": "pages",
    "markupsafe": "pages",
    "prometheus_client": "pipeline",
    "starlette": "serve",
    "uvicorn": "serve",
    "h11": "serve",
}
#: Parts that must not know the time, chance, the environment, files, the network or a log.
PURE_PARTS = {"model", "parse", "normalise", "decide", "schedule", "health", "publish", "pages"}
IMPURE_MODULES = {"time", "random", "secrets", "os", "socket", "logging", "tempfile", "subprocess", "urllib.request"}
IMPURE_CALLS = re.compile(r"\b(datetime\.now|date\.today|datetime\.utcnow|uuid4|uuid1|open|print|input)\(")


def _part(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    """A stage imports the records and the errors, never another stage, and foreign packages have one importer each."""
    part = _part(path)
    for name in _imports(path):
        words = name.split(".")
        if words[0] == "aggregator" and len(words) > 1 and part in ALLOWED and words[1] != "__version__":
            assert words[1] == part or words[1] in ALLOWED[part], f"{path} imports {name}"
        owner = ONLY_IMPORTER.get(words[0])
        assert owner is None or owner == part or (words[0] == "click" and part == "demo"), f"{path} imports {name}"


@pytest.mark.parametrize("path", [path for path in MODULES if _part(path) in PURE_PARTS], ids=lambda path: path.stem)
def test_pure_parts_have_no_outside(path: Path) -> None:
    """Pure code knows neither clock, chance, environment, file, network nor log: the same input gives the same output."""
    assert not set(_imports(path)) & IMPURE_MODULES, path
    found = IMPURE_CALLS.search(path.read_text("utf-8"))
    assert not found, f"{path}: {found and found.group()}"


def test_no_module_outgrows_its_noun() -> None:
    """No module passes 500 lines."""
    long = {str(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}

    assert not {path: lines for path, lines in long.items() if lines > 500}


def test_no_catch_all_modules() -> None:
    """Modules own one thing, so none is called utils, helpers or common."""
    assert not [path for path in MODULES if path.stem in {"utils", "util", "helpers", "common", "misc"}]


def test_every_test_states_its_fact() -> None:
    """Each test function has a docstring: the sentence that is true while it passes."""
    silent = [
        f"{path.name}::{node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_no_machine_in_the_tree() -> None:
    """No file names a path of somebody's machine or a package registry."""
    # The words are put together here, so that this file does not find itself.
    banned = re.compile(
        "|".join(("/ro" + "ot/", "/ho" + "me/[a-z]", "pythonho" + "sted", "registry.np" + "mjs", "deb.deb" + "ian"))
    )
    folders = ("aggregator", "tests", "docs", "config", "benchmarks", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    found = [
        str(path)
        for path in files
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", "", ".sh"}
        and banned.search(path.read_text("utf-8", errors="replace"))
    ]

    assert found == []


def test_sync_loads_only_what_a_run_without_news_needs() -> None:
    """`sync` begins without HTTP, parsers, what they return, and what writes feeds: a run that asks nobody is half of that."""
    heavy = {"aiohttp", "httpx", "feedparser", "lxml", "nh3", "feedgen", "dateutil", "pebble", "aggregator.model.parsed"}
    begun = "aggregator.cli.sync, aggregator.cli.ping, aggregator.pipeline.sync"
    code = f"import {begun}, sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
