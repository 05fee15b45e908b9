"""Posts as programs of other languages and libraries read them: JavaScript's YAML and Markdown (`make engines`)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import frontmatter
import ruamel.yaml
import yaml

from tests.conftest import absent, need

ROOT = Path(__file__).parents[1]
INSTALLED = ROOT / ".venv/engines/yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One post as JavaScript sees it."""

    matters: dict[str, dict[str, Any]]  #: reader -> front matter
    body: str
    shown: dict[str, str]  #: Markdown processor -> HTML


def in_javascript(posts: Sequence[str]) -> list[Seen]:
    """Return the posts as node's readers see them; skip the test where they are not installed."""
    node = need("node")
    if not (INSTALLED / "node_modules/marked").is_dir():
        absent("the readers of JavaScript are not installed (make engines)")
    command = [node, str(ROOT / "tests/engines/yaml/read.mjs"), str(INSTALLED)]
    done = subprocess.run(command, input=json.dumps(posts).encode(), capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return [Seen(**one) for one in json.loads(done.stdout)]


def front_of(post: str) -> str:
    """Return the text between the fences."""
    return post.lstrip("\n").removeprefix("---\n").split("\n---\n")[0]


def _ruamel(text: str) -> Any:
    return ruamel.yaml.YAML(typ="safe", pure=True).load(text)


#: Python's readers of front matter.
PYTHON: dict[str, Callable[[str], Any]] = {
    "PyYAML": lambda post: yaml.safe_load(front_of(post)),
    "libyaml": lambda post: yaml.load(front_of(post), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)),  # noqa: S506
    "ruamel (YAML 1.2)": lambda post: _ruamel(front_of(post)),
    "python-frontmatter": lambda post: dict(frontmatter.loads(post).metadata),
}


def matters_of(posts: Sequence[str]) -> list[dict[str, dict[str, Any]]]:
    """Return for each post what every reader, Python's and JavaScript's, says of its front matter."""
    seen = in_javascript(posts)
    return [
        {name: read(post) for name, read in PYTHON.items()} | found.matters for post, found in zip(posts, seen, strict=True)
    ]
