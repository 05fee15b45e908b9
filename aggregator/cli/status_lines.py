"""How sources are doing -> lines for a terminal, or for a pipe. Pure.

A line is a source: its state as a shape and a word, its name, a bar for each of its last days, and as many facts as there is
room for. In a pipe there is room for all. A day's bar is full where every poll went well, lower the more of them failed, a
cross where all did, and a dot where none is known of. Colour says nothing that shapes do not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from aggregator.cli.columns import cells, clip, pad, wrap
from aggregator.health import Health
from aggregator.model.page import Day
from aggregator.publish.status_words import printable
from aggregator.schedule import describe

#: How a source is doing -> its mark; in the order of the table, worst first. Always word and shape, never colour alone.
MARKS = {
    Health.FAILING: "✗",
    Health.GONE: "†",
    Health.RETRYING: "↻",
    Health.WAITING: "⏲",
    Health.QUIET: "○",
    Health.NEW: "◌",
    Health.PAUSED: "‖",
    Health.OK: "●",
}
_RED, _YELLOW, _GREEN, _DIM = "31", "33", "32", "2"
_COLOURS = {
    Health.FAILING: _RED,
    Health.GONE: _RED,
    Health.RETRYING: _YELLOW,
    Health.WAITING: _YELLOW,
    Health.NEW: _DIM,
    Health.PAUSED: _DIM,
    Health.OK: _GREEN,
}
_FULL, _SOME, _NONE, _UNKNOWN = "▇", "▂▃▄▅", "×", "·"
_DAYS = ((72, 30), (56, 14), (0, 7))  #: so wide a terminal shows so many days
_LONGEST_NAME = 32  #: of a terminal's columns; in a pipe names are as long as they are
_SHORTEST_NAME = 8
_INDENT = "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One line of the table."""

    id: str
    state: Health
    posts: int
    last_success: datetime | None
    last_news: datetime | None
    next_poll: datetime | None
    next_reason: str | None
    failures: int
    error: str | None
    error_kind: str | None
    warnings: tuple[str, ...]
    days: tuple[Day, ...]  #: the last thirty, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What lines are made for."""

    width: int | None = None  #: in columns; None: a pipe, nothing is cut
    colour: bool = False
    longest: int | None = None  #: lines that an error or a warning may take


PIPE = Screen()


def lines_of(shown: Sequence[SourceStatus], current: datetime, screen: Screen) -> Iterator[str]:
    """Yield the lines of all sources, in their order, names and bars below each other."""
    days = next(number for width, number in _DAYS if screen.width is None or screen.width >= width)
    name = max((cells(printable(line.id)) for line in shown), default=0)
    if screen.width is not None:
        left = screen.width - cells(f"{MARKS[Health.OK]} {Health.FAILING:<8} ") - 2 - days
        name = min(name, _LONGEST_NAME, max(left, _SHORTEST_NAME))
    for line in shown:
        yield _first_line(line, current, screen, name, days)
        for text in _below(line, current):
            yield from _wrapped(text, screen)


def bars(days: Sequence[Day], *, colour: bool = False) -> str:
    """Return one character for each day."""
    if not colour:
        return "".join(map(_bar, days))
    runs = groupby(days, key=_shade)
    return "".join(_painted("".join(map(_bar, run)), shade, colour=True) for shade, run in runs)


def _first_line(line: SourceStatus, current: datetime, screen: Screen, name: int, days: int) -> str:
    state = f"{MARKS[line.state]} {line.state:<8}"
    lead, width = f"{pad(printable(line.id), name)}  ", cells(state) + 1 + name + 2 + days
    if screen.width is not None and width > screen.width:  # not even that fits: the name counts for most
        return _painted(clip(f"{state} {printable(line.id)}", screen.width), _COLOURS.get(line.state), colour=screen.colour)
    text = f"{_painted(state, _COLOURS.get(line.state), colour=screen.colour)} {lead}"
    text += bars(line.days[len(line.days) - days :], colour=screen.colour)
    before = "  "
    for fact in _facts(line, current):
        width += cells(before + fact)
        if screen.width is not None and width > screen.width:
            break
        text += before + fact
        before = " · "
    return text


def _facts(line: SourceStatus, current: datetime) -> Iterator[str]:
    yield f"news {ago(line.last_news, current)}" if line.last_news else "no news yet"
    yield f"{line.posts} post{'' if line.posts == 1 else 's'}"
    if line.next_poll is not None:
        wait = line.next_poll - current
        when = f"in {describe(wait)}" if wait.total_seconds() > 0 else "due now"
        yield f"next poll {when} ({printable(line.next_reason or '')})"


def _below(line: SourceStatus, current: datetime) -> Iterator[str]:
    if line.error:
        since = f"since {ago(line.last_success, current)}" if line.last_success else "never answered well"
        times = f"{line.failures} failure{'' if line.failures == 1 else 's'} in a row"
        yield f"{printable(line.error)}  ({times}, {since})"
    yield from map(printable, line.warnings)


def _wrapped(text: str, screen: Screen) -> Iterator[str]:
    if screen.width is None:
        yield _INDENT + text
        return
    found = list(wrap(text, max(screen.width - len(_INDENT), _SHORTEST_NAME)))
    kept = found[: screen.longest]
    if len(kept) < len(found):
        kept[-1] = clip(f"{kept[-1]} {found[len(kept)]}", max(screen.width - len(_INDENT), _SHORTEST_NAME))
    yield from (_INDENT + line for line in kept)


def _bar(day: Day) -> str:
    if not day.ok and not day.failed:
        return _UNKNOWN
    if not day.failed:
        return _FULL
    return _SOME[day.ok * len(_SOME) // (day.ok + day.failed)] if day.ok else _NONE


def _shade(day: Day) -> str:
    if not day.ok and not day.failed:
        return _DIM
    return _GREEN if not day.failed else _YELLOW if day.ok else _RED


def _painted(text: str, code: str | None, *, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code is not None else text


def ago(then: datetime | None, current: datetime) -> str:
    """Say how long ago something was."""
    return f"{describe(current - then)} ago" if then else "never"
