"""The two roads through the parser, side by side: the fast path, and feedparser for everything.

The switch between them is here and not in the product: the function that reads surely or not at all is replaced while a
document is read. What the fast path hands over goes the whole road anyway, so there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pytest

from aggregator.model.parsed import ParsedFeed
from aggregator.normalise import identify, normalise_entry, normalise_feed
from aggregator.parse import NotAFeedError, fast, parse_feed
from aggregator.parse.fast_state import UnsureError
from aggregator.parse.prolog import Document
from aggregator.parse.raw import Raw
from tests.parsing import ADDRESS, NOW, source

Headers = list[tuple[str, str]]

#: As the product has it.
FAST: Callable[[Document, str | None], Raw] = fast.read_surely


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How both roads read one body."""

    taken: bool  #: by the fast path; else the whole road was the only one
    reason: str = ""  #: why it was handed over, as far as the fast path says
    differences: tuple[str, ...] = ()  #: paths of fields, with both values
    shows: bool = False  #: the difference outlives normalisation

    @property
    def signature(self) -> tuple[str, ...]:
        """Return the names of the fields that differ, without numbers and values."""
        return tuple(sorted({"".join(c for c in line.partition(": ")[0] if not c.isdigit()) for line in self.differences}))


def compare(body: bytes, headers: Headers, *, normalised: bool = True) -> Outcome:
    """Read a body on both roads; `normalised` also compares what the next stage makes of two equal results."""
    reasons: list[str] = []  #: one for each time that the fast path was asked; "" where it answered

    def recorded(document: Document, language: str | None) -> Raw:
        reasons.append("not said")
        try:
            found = FAST(document, language)
        except UnsureError as error:
            reasons[-1] = str(error)
            raise
        reasons[-1] = ""
        return found

    with _fast_path(recorded):
        quick = _outcome(body, headers)
    if "" not in reasons:
        return Outcome(taken=False, reason=reasons[0] if reasons else "refused: it is no feed")
    whole = whole_road(body, headers)
    found = tuple(differences(quick, whole))
    if not found and not normalised:
        return Outcome(taken=True)
    after = tuple(differences(normal_form(quick), normal_form(whole)))
    return Outcome(taken=True, differences=found or after, shows=bool(after))


def whole_road(body: bytes, headers: Headers) -> ParsedFeed | str:
    """Read a body with the fast path switched off."""

    def unsure(_document: Document, _language: str | None) -> Raw:
        raise UnsureError("switched off")

    with _fast_path(unsure):
        return _outcome(body, headers)


def _outcome(body: bytes, headers: Headers) -> ParsedFeed | str:
    try:
        return parse_feed(body, headers, address=ADDRESS)
    except NotAFeedError as error:
        return f"{type(error).__name__}: {error}"


@contextmanager
def _fast_path(road: Callable[[Document, str | None], Raw]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "read_surely", road)
        yield


def normal_form(parsed: ParsedFeed | str) -> Any:
    """Return everything that the next stage makes of it: ids, keys, hashes, entries."""
    if isinstance(parsed, str):
        return parsed
    feed = normalise_feed(parsed, source(), address=ADDRESS)
    items = identify(parsed.entries, source_id="quiet", known={}, address=ADDRESS)
    return (
        feed,
        tuple((item.id, item.key, item.raw_hash) for item in items),
        tuple(
            normalise_entry(item, feed=feed, feed_language=parsed.language, source=source(), address=ADDRESS, now=NOW)
            for item in items
        ),
    )


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the fields that are not equal in value and type, deepest first named."""
    if type(one) is not type(other):
        yield f"{path or 'result'}: {_shown(one)} {type(one).__name__} | {_shown(other)} {type(other).__name__}"
    elif is_dataclass(one):
        for each in fields(one):
            yield from differences(getattr(one, each.name), getattr(other, each.name), f"{path}.{each.name}".lstrip("."))
    elif isinstance(one, tuple) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{number}]")
    elif one != other:
        yield f"{path or 'result'}: {_shown(one)} | {_shown(other)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:150]} ... {text[-40:]}"
