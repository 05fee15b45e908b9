"""The JSON Schemas of the config files, generated from the records and the tables that the reader uses.

Keys and their kinds come from `shapes`, defaults from the records' fields, descriptions from their `#:` comments.
"""

from __future__ import annotations

import inspect
import re
from enum import Enum
from functools import cache
from typing import Any

from aggregator.settings.kinds import Items, Scalar, SecretText
from aggregator.settings.shapes import (
    DEFAULTS,
    FILES,
    SETTINGS_FILE,
    SOURCE,
    Kind,
    Shape,
    Table,
    Top,
    defaults,
    nullable,
    required,
)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_COMMENT = re.compile(r"^    (\w+):.*?#: (.+)$", re.MULTILINE)
#: Keys that stand for several fields, or for none.
_WORDS = {
    "cover": "the image of an entry that has none",
    "fallback": "address used when an entry has no image",
    "defaults": "what counts for every source of this file that does not say otherwise",
    "bases": "instances that serve the same paths, tried in turn; they count for all files",
    "sources": "the upstreams, by id: an id is chosen once and never changes, the address may",
    "categories": "category paths such as 新媒体/ZAKER, and how each is published",
}


def json_schema(name: str) -> dict[str, Any]:
    """Return the schema of `settings`, `categories` or `sources`."""
    top = FILES[name]
    properties = {key: {"description": _top_words(top, key)} | _of(kind) for key, kind in top.keys.items()}
    needed = [key for key, kind in top.keys.items() if isinstance(kind, Shape) and _needed(kind)]
    title = "sources/*.yaml" if name == "sources" else f"{name}.yaml"
    head = {"$schema": _DIALECT, "title": title, "description": top.words}
    return head | _mapping({"properties": properties, "additionalProperties": False}, needed)


@cache
def comments(record: type) -> dict[str, str]:
    """Return what the `#:` comment behind each field of a record says."""
    return dict(_COMMENT.findall(inspect.getsource(record)))


def describe(shape: Shape, key: str) -> str:
    """Return what a key means, in one line."""
    found = comments(shape.record).get(shape.field_of(key)) or _WORDS[key]
    # The comments speak of Python's values, the reader of these lines writes YAML.
    return re.sub(r"\bNone\b", "not set", found).replace("()", "[]").replace("True", "true")


def default_of(shape: Shape, key: str) -> Any:
    """Return the default of a key as it would be written, or None."""
    value = defaults(shape.record).get(shape.field_of(key))
    return None if value is None else shown(shape.keys[key], value)


def shown(kind: Kind, value: Any) -> Any:
    """Return a value as it stands in YAML or JSON; a secret is masked."""
    if value is None:
        return None
    if isinstance(kind, Scalar):
        return value.value if isinstance(value, Enum) else kind.show(value)
    if isinstance(kind, Items):
        return [shown(kind.item, item) for item in value]
    if isinstance(kind, Table):
        return {name: shown(kind.value, item) for name, item in value}
    if isinstance(kind, Shape):
        return {key: shown(inner, getattr(value, kind.field_of(key))) for key, inner in kind.keys.items()}
    return str(value)


def _top_words(top: Top, key: str) -> str:
    kind = top.keys[key]
    if isinstance(kind, Shape) and key not in _WORDS:
        return (inspect.getdoc(kind.record) or "").split("\n", 1)[0]
    return _WORDS[key]


def _needed(shape: Shape) -> list[str]:
    """Return the keys that must stand in this very mapping: what `defaults:` may give, a source need not repeat."""
    if shape is SOURCE:
        return [key for key in required(shape) if key not in DEFAULTS.keys]
    return list(required(shape)) if shape in SETTINGS_FILE.keys.values() else []


def _of(kind: Kind) -> dict[str, Any]:
    if isinstance(kind, Scalar):
        return dict(kind.schema)
    if isinstance(kind, Items):
        items: dict[str, Any] = {"type": "array", "items": dict(kind.item.schema)}
        if kind.least:
            items["minItems"] = kind.least
        return {"anyOf": [items, dict(kind.alone_schema or kind.item.schema)]}
    if isinstance(kind, SecretText):
        return {"anyOf": [{"type": "string"}, _looked_up("env"), _looked_up("file")]}
    if isinstance(kind, Table):
        return _mapping({"propertyNames": dict(kind.name_schema), "additionalProperties": _of(kind.value)}, [])
    properties = {key: _property(kind, key) for key in kind.keys}
    return _mapping({"properties": properties, "additionalProperties": False}, _needed(kind))


def _mapping(body: dict[str, Any], needed: list[str]) -> dict[str, Any]:
    # A section whose keys are all commented out is null to YAML.
    return {"type": "object", "required": needed, **body} if needed else {"type": ["object", "null"], **body}


def _looked_up(form: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {form: {"type": "string", "minLength": 1}},
        "required": [form],
        "additionalProperties": False,
    }


def _property(shape: Shape, key: str) -> dict[str, Any]:
    kind = shape.keys[key]
    found: dict[str, Any] = {"description": describe(shape, key)}
    body = _of(kind)
    if nullable(shape, key) and not isinstance(kind, Shape | Table):
        body = {"anyOf": [*body.pop("anyOf", [body]), {"type": "null"}]}
    found |= body
    default = None if isinstance(kind, Shape | SecretText) else default_of(shape, key)
    if default is not None and default not in ([], {}):
        found["default"] = default
    return found
