"""The YAML below the settings: aliases, and the same outcome with and without libyaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.settings import documents
from tests.projects import problems_of, settings_of

SOURCE = "sources:\n  s:\n    feed: https://a.example/f\n    categories: [A]\n"


def test_aliases_are_fine_and_bombs_are_not(tmp_path: Path) -> None:
    """Anchors and merge keys work; aliases that multiply are refused before anything follows them."""
    text = (
        "sources:\n  a: &a {feed: 'https://a.example/', categories: &c [X, Y], every: 1h}\n"
        "  b: {<<: *a, feed: 'https://b.example/'}\n  c: {feed: 'https://c.example/', categories: *c}\n"
    )
    a, b, c = settings_of(tmp_path, sources=text).sources
    assert (b.categories, b.every, b.feed) == (a.categories, a.every, "https://b.example/")
    assert c.categories == ("X", "Y")
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for this, last in zip("bcdefghi", "abcdefgh", strict=True):
        bomb += f"{this}: &{this} [{', '.join([f'*{last}'] * 10)}]\n"
    [problem] = problems_of(tmp_path, {"sources/a.yaml": bomb})
    assert problem.message == "aliases stand for more than 100000 values"


GOOD = "a: [1, {b: 'c'}]\n? d\n: |\n  text\n  more\ne: &x !!str 5\nf: *x\n'g': \"\\u5a92\"\n<<: {h: i}\nj:\n"
BROKEN = [
    "a:\n\tb: 1\n",
    "a: [1\n",
    "a: 'x\n",
    "a: b: c\n",
    "a\nb: c\n",
    "a: @\n",
    "a: *x\n",
    "--- 1\n--- 2\n",
    "[" * 99,
    "a: %x\n",
    "!x!y z\n",
]


@pytest.mark.parametrize("text", [GOOD, *BROKEN])
def test_both_yaml_parsers_agree(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without libyaml the same documents pass, and the same ones fail in the same line."""

    def outcome(loader: Any) -> Any:
        monkeypatch.setattr(documents, "LOADER", loader)
        document = documents.Document("x.yaml", text)
        document.compose()
        return ([(p.line, p.message[:20]) for p in document.problems], _plain(document.root))

    assert outcome(yaml.CSafeLoader) == outcome(yaml.SafeLoader)
    assert bool(outcome(yaml.CSafeLoader)[0]) == (text != GOOD)


def _plain(node: Any) -> Any:
    if isinstance(node, yaml.ScalarEvent):
        return (node.value, node.tag)
    return node and [_plain(item) if not isinstance(item, tuple) else tuple(map(_plain, item)) for item in node.items]
