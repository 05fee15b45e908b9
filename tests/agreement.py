"""The two roads through the parser, side by side: the fast path, and feedparser for everything.

The switch between them is here and not in the product: `parse_feed` finds its fast path under one name, and that name is
replaced while a document is read. What the fast path hands over goes the whole road anyway, so there is nothing to compare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from aggregator.model.parsed import ParsedFeed
from aggregator.normalise import identify, normalise_entry, normalise_feed
from aggregator.parse import NotAFeedError, document, parse_feed
from tests.parsing import ADDRESS, NOW, source

Headers = list[tuple[str, str]]


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
    taken: list[str | None] = []

    def recorded(*arguments: Any, **named: Any) -> ParsedFeed | None:
        found = FAST(*arguments, **named)
        taken.append(None if found is not None else "not said")
        return found

    with _fast_path(recorded):
        fast = _outcome(body, headers)
    if None not in taken:
        return Outcome(taken=False, reason=taken[0] if taken and taken[0] else "never asked")
    with _fast_path(_hand_over):
        whole = _outcome(body, headers)
    found = tuple(differences(fast, whole))
    if not found and not normalised:
        return Outcome(taken=True)
    after = tuple(differences(normal_form(fast), normal_form(whole)))
    return Outcome(taken=True, differences=found or after, shows=bool(after))


def whole_road(body: bytes, headers: Headers) -> ParsedFeed | str:
    """Read a body with the fast path switched off."""
    with _fast_path(_hand_over):
        return _outcome(body, headers)


def _outcome(body: bytes, headers: Headers) -> ParsedFeed | str:
    try:
        return parse_feed(body, headers, address=ADDRESS)
    except NotAFeedError as error:
        return f"{type(error).__name__}: {error}"


def _hand_over(*_arguments: Any, **_named: Any) -> None:
    return None


FAST: Callable[..., ParsedFeed | None] = getattr(document, "read_fast", _hand_over)


@contextmanager
def _fast_path(road: Callable[..., ParsedFeed | None]) -> Iterator[None]:
    before = getattr(document, "read_fast", _hand_over)
    document.read_fast = road  # type: ignore[attr-defined]
    try:
        yield
    finally:
        document.read_fast = before  # type: ignore[attr-defined]


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


@dataclass(slots=True)
class Tally:
    """What was read, added up."""

    files: int = 0
    taken: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    differing: list[tuple[str, Outcome]] = field(default_factory=list)

    def add(self, name: str, outcome: Outcome) -> None:
        """Count one document."""
        self.files += 1
        self.taken += outcome.taken
        if not outcome.taken:
            self.reasons[outcome.reason] += 1
        if outcome.differences:
            self.differing.append((name, outcome))
