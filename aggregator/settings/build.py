"""Values that were found good -> the keyword arguments of a record. Pure."""

from __future__ import annotations

from typing import Any

from aggregator.settings.reader import KeyPath, Values
from aggregator.settings.shapes import Shape, Table


def build(shape: Shape, values: Values) -> dict[str, Any]:
    """Return what the record is made of; what was not given is left to the record's default."""
    found: dict[str, Any] = {}
    nested: dict[str, Values] = {}
    for path, value in values.items():
        if value.value is None:
            continue
        key = path[0]
        if len(path) > 1:
            nested.setdefault(key, {})[path[1:]] = value
        else:
            found[shape.field_of(key)] = value.value
    for key, below in nested.items():
        kind = shape.keys[key]
        if isinstance(kind, Table):
            found[shape.field_of(key)] = _table(kind, below)
        elif isinstance(kind, Shape):
            made = build(kind, below)
            found |= made if kind.flat else {shape.field_of(key): kind.record(**made)}
    return found


def under(values: Values, prefix: KeyPath) -> Values:
    """Return the values below a key path, as seen from there."""
    depth = len(prefix)
    return {path[depth:]: value for path, value in values.items() if path[:depth] == prefix}


def _table(table: Table, values: Values) -> tuple[tuple[str, Any], ...]:
    kind = table.value
    if isinstance(kind, Shape):
        names = dict.fromkeys(path[0] for path in values)
        return tuple((name, kind.record(**build(kind, under(values, (name,))))) for name in names)
    return tuple((path[0], value.value) for path, value in values.items())
