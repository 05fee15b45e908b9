"""Every feed that is at hand: what others wrote, what our own tests hold, the demo's, the benchmark's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmarks.farm.formats import Format, write_feed
from benchmarks.farm.make import make_feed, plan_sources
from tests.expectations import headers_of
from tests.parsing import atom, rss

ROOT = Path(__file__).parents[1]
#: Folders below ../shared/corpora.
FOREIGN = ("feedparser", "feedvalidator", "gofeed", "node-feedparser")
OURS = ("shapes", "tests", "demo", "farm")
_ENDINGS = {".xml", ".rss", ".atom", ".rdf"}
_FARM_SEED = 1
_ITEM = re.compile(r"<(item|entry)[ >]")
_DOCUMENT = re.compile(r"\s*(<\?xml|<(?:\w+:)?(rss|feed|rdf)[ >])", re.IGNORECASE)

Feed = tuple[str, bytes, list[tuple[str, str]]]


@cache
def foreign(corpora: Path, folder: str) -> tuple[Feed, ...]:
    """Return the files of one corpus: name, body, and the HTTP headers that they say they came with."""
    paths = sorted(path for path in (corpora / folder).rglob("*") if path.suffix in _ENDINGS)
    return tuple((path.relative_to(corpora).as_posix(), body := path.read_bytes(), headers_of(body)) for path in paths)


@cache
def ours(name: str) -> tuple[Feed, ...]:
    """Return the feeds of the project itself."""
    return tuple({"shapes": _shapes, "tests": _in_tests, "demo": _demo, "farm": _farm}[name]())


def _in_tests() -> Iterator[Feed]:
    """Yield the documents and parts of documents that stand as literals in our tests."""
    found: dict[bytes, str] = {}
    for path in sorted((ROOT / "tests").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str | bytes):
                continue
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if not text.isascii() and text.encode("utf-8", "ignore").decode("utf-8") != text:
                continue  # half of a surrogate pair, which no document can hold
            for body in _documents(text):
                found.setdefault(body, f"{path.name}:{node.lineno}")
    for body, name in found.items():
        yield name, body, [("content-type", "application/xml")]


def _documents(text: str) -> Iterator[bytes]:
    if _DOCUMENT.match(text):
        yield text.encode()
    elif part := _ITEM.search(text):
        yield rss(text) if part[1] == "item" else atom(text)
    elif re.match(r"\s*<[A-Za-z][\w:.-]*[ />]", text) and "</html" not in text:
        # A part of an entry, or of a feed's head: it may stand in either of both formats.
        yield rss(f"<item><title>x</title>{text}</item>", text)
        yield atom(f"<entry><title>x</title>{text}</entry>", text)


def _shapes() -> Iterator[Feed]:
    """Yield what the programs write that most feeds come from: their elements, with texts of ours."""
    for path in sorted((ROOT / "tests" / "corpus" / "shapes").iterdir()):
        yield path.name, path.read_bytes(), []


def _demo() -> Iterator[Feed]:
    for path in sorted((ROOT / "aggregator" / "demo" / "feeds").iterdir()):
        if path.suffix in _ENDINGS:
            yield path.name, path.read_bytes(), []


def _farm() -> Iterator[Feed]:
    for place in plan_sources(200, seed=_FARM_SEED):
        if place.form is not Format.JSON:
            yield place.file, write_feed(make_feed(place, seed=_FARM_SEED), place.form), []
