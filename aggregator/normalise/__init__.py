"""ParsedFeed -> Feed and entries: identity, text, dates, addresses, safe HTML. Pure: `now` is an argument."""

from aggregator.normalise.dating import DateChoice, DateHabits, Rung, choose_date, date_habits, explain_date
from aggregator.normalise.entry import normalise_entry, read_content
from aggregator.normalise.feed import normalise_feed
from aggregator.normalise.identity import Identified, identify

__all__ = [
    "DateChoice",
    "DateHabits",
    "Identified",
    "Rung",
    "choose_date",
    "date_habits",
    "explain_date",
    "identify",
    "normalise_entry",
    "normalise_feed",
    "read_content",
]
