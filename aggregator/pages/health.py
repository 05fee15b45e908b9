"""How sources are doing -> words, shapes and bars. Pure.

Every state is told three times: by its word, by a shape, by a colour. Days are bars: their height tells, colour repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from aggregator.model.page import Day, SourceLine
from aggregator.pages.words import Words

#: State -> its shape, and the kind of its colour: good, quiet, odd or bad.
SHAPES = {
    "failing": ("✕", "bad"),
    "gone": ("†", "bad"),
    "quarantined": ("▲", "bad"),
    "unstable": ("≈", "odd"),
    "retrying": ("↻", "odd"),
    "waiting": ("◔", "odd"),
    "slow": ("◐", "odd"),
    "quiet": ("○", "quiet"),
    "new": ("◌", "quiet"),
    "paused": ("‖", "quiet"),
    "ok": ("●", "good"),
}
_OTHER = ("◆", "odd")
DAYS = 30
_STEP, _WIDTH, _HEIGHT = 5, 4, 20
#: Kind of a day -> how high its bar is. The better a day, the higher.
_HEIGHTS = {"good": 20, "some": 12, "bad": 6}
#: With more sources than these, only those that are not well bring their numbers as a table.
_TABLES = 60


class Health:
    """States and days in the words of one language."""

    def __init__(self, words: Words) -> None:
        """Take the words."""
        self._words = words

    def word(self, state: str) -> str:
        """Return the word of a state; one that the catalogue does not know is its own."""
        return self._words.say(f"state_{state}") if self._words.has(f"state_{state}") else state

    def meaning(self, state: str) -> str:
        """Return what a state means."""
        return self._words.say(f"meaning_{state}") if self._words.has(f"meaning_{state}") else state

    def badge(self, state: str) -> Markup:
        """Return a state by shape, word and colour."""
        shape, kind = SHAPES.get(state, _OTHER)
        badge = '<span class="state {}"><span class="shape" aria-hidden="true">{}</span> {}</span>'
        return Markup(badge).format(kind, shape, self.word(state))

    def dot(self, state: str) -> Markup:
        """Return a state by shape and colour, its word for those who do not see them."""
        shape, kind = SHAPES.get(state, _OTHER)
        hidden = '<span class="shape" aria-hidden="true">{1}</span><span class="vh">{2}</span>'
        dot = f'<span class="state {{0}}" title="{{2}}">{hidden}</span>'
        return Markup(dot).format(kind, shape, self.word(state))

    def bars(self, days: Sequence[Day], last: date | None) -> Markup:
        """Return the bars of the days up to `last`; a day of which nothing is known has none."""
        if last is None or not self.known(days):
            return Markup("")
        rects = Markup("").join(
            self._bar(day, (last - day.day).days) for day in self.known(days) if 0 <= (last - day.day).days < DAYS
        )
        svg = '<svg class="bars" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
        return Markup(svg).format(DAYS * _STEP - 1, _HEIGHT, self.told(days), rects)

    def _bar(self, day: Day, ago: int) -> Markup:
        kind = _kind(day)
        height = _HEIGHTS[kind]
        bar = '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
        return Markup(bar).format(kind, (DAYS - 1 - ago) * _STEP, _HEIGHT - height, _WIDTH, height, self.numbers(day))

    def numbers(self, day: Day) -> Markup:
        """Return a day in one line."""
        return self._words.say("day_numbers", date=day.day.isoformat(), ok=day.ok, failed=day.failed, entries=day.entries)

    def told(self, days: Sequence[Day]) -> Markup:
        """Return all days in one sentence."""
        known = self.known(days)
        failed = sum(1 for day in known if day.failed)
        number = self._words.say("n_days", n=len(known))
        return self._words.say("days_told", days=number, n=failed) if failed else self._words.say("days_fine", days=number)

    def known(self, days: Sequence[Day]) -> list[Day]:
        """Return the days of which a poll is known."""
        return [day for day in days if day.ok or day.failed]

    def has_table(self, line: SourceLine, lines: int) -> bool:
        """Tell whether the numbers of a source's days stand in the page of all sources."""
        return bool(self.known(line.days)) and (lines <= _TABLES or line.health != "ok")


def kind_of(state: str) -> str:
    """Return the kind of a state: good, quiet, odd (it may pass) or bad (somebody should look)."""
    return SHAPES.get(state, _OTHER)[1]


def last_day(lines: Sequence[SourceLine]) -> date | None:
    """Return the last day that any source knows of: the right end of all bars."""
    return max((line.days[-1].day for line in lines if line.days), default=None)


def _kind(day: Day) -> str:
    return "good" if not day.failed else "some" if day.ok else "bad"
