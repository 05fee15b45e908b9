"""The bytes of `redirects.json` -> every finding about it: where feeds that lay elsewhere are now. Reads, never repairs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from aggregator.publish.addresses import FOLDER
from aggregator.publish.findings import Examined, Finding
from aggregator.publish.scan import quoted

_RULE = "RFC 9110 §15.4.2"
_ADVICE = "delete the file and run `aggregator build`, which writes it anew"


def examine_redirects(content: bytes) -> Examined:
    """Look at every line of the table; `ids` are the places that feeds have left, the frame says where each is now."""
    try:
        table = json.loads(content)
    except RecursionError:
        return Examined(findings=(Finding(text="it is nested too deeply to be a table", rule="RFC 8259 §9", advice=_ADVICE),))
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        return Examined(findings=(Finding(text=f"it is no JSON: {error}", rule="RFC 8259", line=line, advice=_ADVICE),))
    if not isinstance(table, dict):
        return Examined(findings=(Finding(text="it is no table of old and new places", rule=_RULE, advice=_ADVICE),))
    # What is neither a place nor nothing (null) is shown as it is, and is no place.
    frame = {old: new if isinstance(new, str | None) else json.dumps(new) for old, new in table.items()}
    return Examined(findings=tuple(_findings(frame)), frame=frame, ids=tuple(frame))


def _findings(table: dict[str, str | None]) -> Iterator[Finding]:
    for old, new in table.items():
        if new is None and _is_place(old):
            continue  # what lay there is no more
        if new is None or not _is_place(old) or not _is_place(new):
            text = f"{quoted(old)} -> {quoted(str(new))}: not two files below {FOLDER}/"
            yield Finding(text=text, rule=_RULE, entry=old, advice=_ADVICE)
        elif new in table:
            text = f"{quoted(old)} leads to {quoted(new)}, which leads on: readers follow one step, or walk in a circle"
            yield Finding(text=text, rule=_RULE, entry=old, advice=_ADVICE)


def _is_place(path: str) -> bool:
    parts = path.split("/")
    return len(parts) > 1 and parts[0] == FOLDER and all(part and not part.startswith(".") for part in parts)
