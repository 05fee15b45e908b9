"""What an entry says of itself as an episode of a podcast -> an `Episode`; what can be meant in two ways is left out.

Durations are written as seconds (`3723`), as a clock (`1:02:03`, `62:03`), and by hand in every other way. `1.02` is an hour
and two minutes, a minute and two seconds, or a second: nobody can tell, so it is none.
"""

from __future__ import annotations

import re

from aggregator.model.entry import EPISODE_KINDS, Episode
from aggregator.model.parsed import ParsedEpisode
from aggregator.normalise.address import absolute

_LONGEST = 1000 * 3600  #: seconds; what is longer was not meant in seconds
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):(\d\d)(?:\.\d{1,9})?", re.ASCII)
#: A fraction is one of seconds only where the number before it could be no count of minutes.
_SECONDS = re.compile(r"\d{1,9}|(\d{4,9})\.\d{1,9}", re.ASCII)
_JSON_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,20})?(?:[eE][+-]?\d)?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_EXPLICIT = {"yes": True, "true": True, "explicit": True, "no": False, "false": False, "clean": False}


def to_episode(episode: ParsedEpisode | None, address: str) -> Episode | None:
    """Return what can be true of what was written, or None where nothing can."""
    if episode is None:
        return None
    kind = (episode.kind or "").strip().lower()
    found = Episode(
        duration=read_duration(episode.duration) or _json_seconds(episode.seconds),
        number=_number(episode.number),
        season=_number(episode.season),
        kind=kind if kind in EPISODE_KINDS else None,
        explicit=_EXPLICIT.get((episode.explicit or "").strip().lower()),
        image=absolute(episode.image, address),
    )
    return found if found != Episode() else None


def read_duration(text: str | None) -> int | None:
    """Return the whole seconds of an <itunes:duration>; None where they are not certain, and for 0, which says "unknown"."""
    text = (text or "").strip()
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if seconds >= 60 or (hours and minutes >= 60):  # noqa: PLR2004 - no clock shows that
            return None
        return _within(hours * 3600 + minutes * 60 + seconds)
    if _SECONDS.fullmatch(text):
        return _within(int(text.partition(".")[0]))
    return None


def _json_seconds(text: str | None) -> int | None:
    text = (text or "").strip()
    return _within(int(float(text))) if _JSON_NUMBER.fullmatch(text) else None


def _within(seconds: int) -> int | None:
    return seconds if 0 < seconds < _LONGEST else None


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) or None if _NUMBER.fullmatch(text) else None
