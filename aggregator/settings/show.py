"""Settings -> the effective configuration in the shape of its files, with the origin of each value. Pure; masks secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import east_asian_width

from aggregator.model.retention import FOR_EVER, Keep, limits
from aggregator.model.settings import Settings, join_category, split_category
from aggregator.model.source import Source
from aggregator.settings.load import Loaded
from aggregator.settings.reader import KeyPath
from aggregator.settings.schema import shown
from aggregator.settings.shapes import CATEGORY, SETTINGS_FILE, SOURCE, Shape

#: A text that stands without quotes and is read back as this text, by YAML 1.1 and 1.2 alike.
_PLAIN = re.compile(r"(?:[^\W\d_][\w ()+./@-]*(?:[:][\w+./@?=&%-]+)*|(?:[0-9]+(?:ms|[smhd]|[KMG]iB))+)\Z")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_COLUMN = 60


def effective(settings: Settings) -> dict[str, Any]:
    """Return everything that counts, defaults included, as plain data in the shape of the files."""
    found: dict[str, Any] = {
        name: shown(shape, getattr(settings, name)) for name, shape in SETTINGS_FILE.keys.items() if isinstance(shape, Shape)
    }
    found["categories"] = {join_category(category.path): shown(CATEGORY, category) for category in settings.categories}
    found["sources"] = {source.id: effective_source(source, settings.posts.keep) for source in settings.sources}
    return found


def effective_source(source: Source, general: Keep = FOR_EVER) -> dict[str, Any]:
    """Return one source as plain data, with the addresses that its feed stands for, and what `posts.keep` says for it."""
    found: dict[str, Any] = {}
    for key, kind in SOURCE.keys.items():
        if isinstance(kind, Shape) and kind.flat:
            found[key] = shown(kind, source)
        else:
            found[key] = shown(kind, getattr(source, SOURCE.field_of(key)))
        if key == "feed":
            found["addresses"] = list(source.addresses)
    return found | {"keep": shown(SOURCE.keys["keep"], limits(source.keep, general))}


def origins(loaded: Loaded) -> dict[KeyPath, str]:
    """Return where each value of `effective` comes from: a file and line, a variable, or the default."""
    paths = {_spelled(path): place for path, place in loaded.origins.items()}
    found: dict[KeyPath, str] = {}
    for path, _ in _leaves(effective(loaded.settings)):
        base = (*path[:2], "feed") if path[0] == "sources" and path[2:] == ("addresses",) else path
        found[path] = paths.get(base) or paths.get(_general(path), "default")
    return found


def _general(path: KeyPath) -> KeyPath:
    """Return the path of what counts where a source itself says nothing."""
    return ("posts", *path[2:]) if path[0] == "sources" and path[2] == "keep" else path


def to_yaml(data: Mapping[str, Any], places: Mapping[KeyPath, str] | None = None, prefix: KeyPath = ()) -> str:
    """Return plain data as YAML; with places, each value carries its origin as a comment."""
    return "".join(f"{line}\n" for line in _lines(data, places, prefix, 0))


def _spelled(path: KeyPath) -> KeyPath:
    if path[0] != "categories":
        return path
    return (path[0], join_category(split_category(path[1])), *path[2:])


def _leaves(data: Mapping[str, Any], prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def _lines(data: Mapping[str, Any], places: Mapping[KeyPath, str] | None, prefix: KeyPath, depth: int) -> Iterator[str]:
    for key, value in data.items():
        path = (*prefix, key)
        head = f"{'  ' * depth}{_scalar(key)}:"
        if isinstance(value, dict) and value:
            yield head
            yield from _lines(value, places, path, depth + 1)
            continue
        line = f"{head} {_flow(value)}"
        if places is not None and path in places:
            line += f"{' ' * max(0, _COLUMN - cells(line))}  # {places[path]}"
        yield line


def cells(text: str) -> int:
    """Count the columns that a terminal needs: a Chinese character takes two."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if (
        isinstance(value, str)
        and _PLAIN.match(value)
        and value.strip().lower() not in _WORDS_OF_YAML
        and value == value.strip()
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
