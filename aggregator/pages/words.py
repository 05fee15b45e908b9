"""The catalogue of words: one file per language, with plural forms, names of days and months, and the shapes of dates.

Texts are plain; what is put into them is escaped, unless it is markup of ours. A word that is not in a catalogue is a bug, not
a fallback: tests hold the catalogues against each other and against the templates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from aggregator.model.reason import Reason, units

#: That the words around the entries can be in; the first one stands in for all others.
LANGUAGES = ("en", "zh-CN", "zh-TW")
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def closest(language: str) -> str:
    """Return the language of ours that speaks to readers of a BCP 47 tag."""
    parts = language.lower().replace("_", "-").split("-")
    if parts[0] != "zh":
        return LANGUAGES[0]
    return "zh-TW" if _TRADITIONAL & set(parts[1:]) and "hans" not in parts else "zh-CN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The catalogue of one language."""

    language: str
    texts: dict[str, str | dict[str, str]]
    weekdays: tuple[str, ...]  #: from Monday
    months: tuple[str, ...]

    def say(self, key: str, /, **given: object) -> Markup:
        """Return the text of a key; `n` chooses its plural form and is shown as a number of this language."""
        text = self.texts[key]
        if isinstance(text, dict):
            text = text.get("one" if given["n"] == 1 else "other", text["other"])
        if "n" in given and isinstance(given["n"], int):
            given["n"] = self.number(given["n"])
        # The text is ours, and what is given is escaped unless it is markup of ours.
        return Markup(text).format(**given) if given else escape(text)

    def has(self, key: str) -> bool:
        """Tell whether the catalogue knows a key: words of records, such as a state of a source."""
        return key in self.texts

    def of(self, language: str) -> str:
        """Return what a language of ours calls itself."""
        return str(words(language).texts["name"])

    def number(self, number: int) -> str:
        """Return a number with its thousands apart."""
        return f"{number:,}"

    def day(self, day: date) -> Markup:
        """Return a day as a heading: 2021-09-11 with the name of the weekday."""
        return self.say("day", date=f"{day:%Y-%m-%d}".rjust(10, "0"), weekday=self.weekdays[day.weekday()])

    def month(self, month: str) -> Markup:
        """Return a month that is given as 2021-09; what is none stays as it is."""
        year, _, number = month.partition("-")
        if not (number.isdecimal() and 1 <= int(number) <= 12):  # noqa: PLR2004
            return escape(month)
        return self.say("month", year=year, month=self.months[int(number) - 1])

    def since(self, moment: datetime, now: datetime | None) -> Markup:
        """Return a moment as it is told: by its weekday within six days before `now`, else by its date; both of one zone."""
        if now is not None and 0 <= (now.date() - moment.date()).days <= 6:  # noqa: PLR2004
            return self.say("weekday_time", weekday=self.weekdays[moment.weekday()], time=f"{moment:%H:%M}")
        return escape(minute(moment))

    def span(self, span: timedelta) -> Markup:
        """Return a span of time, as people say it."""
        return Markup(" ").join(self.say(f"span_{unit}", n=number) for number, unit in units(span))

    def why(self, reasons: Sequence[Reason]) -> Markup:
        """Return why a source is polled when it is; what the catalogue does not know is said in English."""
        return Markup(self.say("between_reasons")).join(self._why(reason) for reason in reasons)

    def _why(self, reason: Reason) -> Markup:
        key = f"reason_{reason.word}"
        if not self.has(key):
            return escape(reason.text)
        given: dict[str, object] = {"what": reason.what, "n": reason.number}
        given["span"] = None if reason.span is None else self.span(reason.span)
        if reason.at is not None:
            given |= {"date": f"{reason.at:%Y-%m-%d}", "time": minute(reason.at.astimezone(UTC))}
        return self.say(key, **given)

    def size(self, size: int) -> str:
        """Return a number of bytes, as people read it."""
        for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
            if size >= factor:
                return f"{size / factor:,.1f} {unit}"
        return f"{size} B"


def minute(moment: datetime) -> str:
    """Return an instant to the minute, in the zone it is in: 2021-09-11 08:22, in every language."""
    return f"{moment:%Y-%m-%d %H:%M}".rjust(16, "0")


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """Return the catalogue of a language of ours."""
    data: dict[str, Any] = json.loads(files(__package__).joinpath("words", f"{language}.json").read_text("utf-8"))
    weekdays, months = tuple(data.pop("weekdays")), tuple(data.pop("months"))
    return Words(language=language, texts=data, weekdays=weekdays, months=months)
