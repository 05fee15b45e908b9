"""What a run tells, as JSON and back: `--json`, the daemon's log, and its answers to `sync`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from enum import Enum
from typing import Any

from aggregator.errors import AggregatorError
from aggregator.model.poll import Begin, Event, HubEvent, Note, Outcome, OutputEvent, PostExpired, SourceEvent, Summary

_RECORDS: dict[str, type] = {
    "begin": Begin,
    "source": SourceEvent,
    "output": OutputEvent,
    "expired": PostExpired,
    "hub": HubEvent,
    "note": Note,
    "summary": Summary,
}
_NAMES = {record: name for name, record in _RECORDS.items()}


def as_json(record: Event | Summary) -> dict[str, Any]:
    """Return a record as what JSON can hold, with its name under `event`."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(record), default=_plain))
    return {"event": _NAMES[type(record)], **plain}


def from_json(found: Mapping[str, Any]) -> Any:
    """Return the record again. Raises AggregatorError: it is none of this version's."""
    try:
        record = _RECORDS[found["event"]]
        known = {each.name: str(each.type) for each in fields(record)}
        return record(**{name: _typed(value, known[name]) for name, value in found.items() if name != "event"})
    except (KeyError, TypeError, ValueError) as error:
        raise AggregatorError("the daemon answered in another version's words: restart it after an upgrade") from error


def _typed(value: Any, hint: str) -> Any:
    if value is None:
        return None
    if hint.startswith("datetime"):
        return datetime.fromisoformat(value)
    if hint == "Outcome":
        return Outcome(value)
    if hint.startswith("tuple"):
        return tuple(tuple(each) if isinstance(each, list) else each for each in value)
    return value


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no JSON form")
