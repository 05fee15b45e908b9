"""The sources of a simulated day, drawn from a seed: what each one's server says, and when."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.upstream import rss

START = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)  # a Monday, so that half a day has two weekdays
_HOUR = timedelta(hours=1)
_SHOWN = 5  #: entries per feed
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: Intervals as configured; None: by default. Short ones are rare, as they are in life.
_EVERY = ("10m", "15m", "30m", "30m", "1h", "1h", "2h", "2h", "6h", None, None, None)
_SHORT = ("10m", "15m", "30m", None)  #: for those whose server is to be heard often
_SECONDS = (60, 400, 900, 1800, 3600, 7300, 21600, 43200)  #: of freshness
_WAITS = (90, 600, 1800, 5400, 7200)  #: seconds of Retry-After


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What a source's server says instead, for a while."""

    since: datetime
    until: datetime
    kind: str  #: seconds, date, bare, 500, reset, page
    status: int = 0
    wait: int = 0  #: seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySource:
    """One source of the day, as its server knows it."""

    name: str
    temper: str
    host: str
    target: str | None = None  #: the host that it redirects to
    leaves: datetime = START  #: since when
    permanent: bool = False
    every: str | None = None
    etag: bool = True
    modified: bool = False
    max_age: int | None = None
    age: int | None = None
    expires: int | None = None  #: seconds from the answer on
    dated: bool = True  #: it sends a Date beside Expires
    silent_304: bool = False
    ttl: int = 0
    element: str = ""  #: what the channel says of its times
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    troubles: tuple[Trouble, ...] = ()
    news: tuple[datetime, ...] = ()  #: when entries appear, ascending

    def body(self, at: datetime) -> tuple[bytes, datetime, tuple[str, ...]]:
        """Return the feed as it is at this time, when it last changed, and the ids of its entries."""
        out = [(number, when) for number, when in enumerate(self.news) if when <= at][-_SHOWN:]
        ids = tuple(f"{self.name}-{number}" for number, _ in out)
        items = "".join(
            f"<item><title>Entry {number} of {self.name}</title><link>http://{self.name}.example/{number}</link>"
            f'<guid isPermaLink="false">{self.name}-{number}</guid><pubDate>{http_date(when)}</pubDate></item>'
            for number, when in out
        )
        return rss(items, self.name).replace(b"<channel>", f"<channel>{self.element}".encode()), out[-1][1], ids


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dice:
    """What a source is drawn with."""

    chance: random.Random
    spare: tuple[str, ...]  #: hosts beside its own
    length: timedelta  #: of the day

    def short(self) -> str | None:
        return self.chance.choice(_SHORT)

    def seconds(self) -> int:
        return self.chance.choice(_SECONDS)

    def troubles(self, *kinds: str, times: int, hours: float, statuses: tuple[int, ...] = (0,)) -> tuple[Trouble, ...]:
        """Return spells of trouble that last about so many hours."""
        found = []
        for _ in range(times):
            since = START + self.length * self.chance.uniform(0.05, 0.8)
            until = since + hours * _HOUR * self.chance.uniform(0.5, 1.5)
            kind, status, wait = self.chance.choice(kinds), self.chance.choice(statuses), self.chance.choice(_WAITS)
            found.append(Trouble(since=since, until=until, kind=kind, status=status, wait=wait))
        return tuple(found)

    def elsewhere(self) -> dict[str, Any]:
        """Return a redirect to another host, from the beginning or from some time on."""
        return {
            "target": self.chance.choice(self.spare),
            "permanent": self.chance.random() < 0.5,
            "leaves": START + self.length * max(0, self.chance.uniform(-0.8, 0.8)),
        }


Manners = Callable[[_Dice], dict[str, Any]]


def _skip_hours(dice: _Dice) -> dict[str, Any]:
    hours = frozenset(dice.chance.sample(range(24), dice.chance.randint(3, 12)))
    named = "".join(f"<hour>{hour or 24}</hour>" for hour in sorted(hours))
    return {"skip_hours": hours, "element": f"<skipHours>{named}</skipHours>"}


def _skip_days(dice: _Dice) -> dict[str, Any]:
    days = frozenset({1, *dice.chance.sample(range(7), 2)})  # Tuesday is always in the day that is played
    named = "".join(f"<day>{_WEEKDAYS[day]}</day>" for day in sorted(days))
    return {"skip_days": days, "element": f"<skipDays>{named}</skipDays>"}


def _ttl(dice: _Dice) -> dict[str, Any]:
    ttl = dice.chance.choice([5, 45, 120, 360])
    return {"ttl": ttl, "element": f"<ttl>{ttl}</ttl>"}


def _update_period(dice: _Dice) -> dict[str, Any]:
    times = dice.chance.choice([1, 4, 12])
    words = {"updatePeriod": "daily", "updateFrequency": times}
    space = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    return {
        "ttl": 24 * 60 // times,
        "element": "".join(f"<sy:{name} {space}>{word}</sy:{name}>" for name, word in words.items()),
    }


def _aged(dice: _Dice) -> dict[str, Any]:
    seconds = dice.seconds()
    return {"max_age": seconds, "age": dice.chance.randint(0, round(seconds * 1.2)), "every": dice.short()}


def _expiring(dice: _Dice) -> dict[str, Any]:
    seconds = dice.chance.choice([dice.seconds(), dice.seconds(), -3600])
    return {"expires": seconds, "dated": dice.chance.random() < 0.5, "every": dice.short()}


def _in_trouble(*kinds: str, times: int = 2, hours: float = 0.3, statuses: tuple[int, ...] = (0,)) -> Manners:
    return lambda dice: {
        "every": dice.short(),
        "troubles": dice.troubles(*kinds, times=times, hours=hours, statuses=statuses),
    }


_REFUSED = _in_trouble("seconds", "date", statuses=(429, 503))
_FAILING = _in_trouble("500", times=5, hours=6)

#: What the sources of a day are like, in words -> what makes one so; each is dealt out equally often.
TEMPERS: dict[str, Manners] = {
    "ETag": lambda _: {"etag": True, "modified": False},
    "Last-Modified": lambda _: {"etag": False, "modified": True},
    "both validators": lambda _: {"etag": True, "modified": True},
    "no validators": lambda _: {"etag": False, "modified": False},
    "max-age": lambda dice: {"max_age": dice.seconds(), "every": dice.short()},
    "max-age less Age": _aged,
    "Expires": _expiring,
    "max-age, 304 silent": lambda dice: {"max_age": dice.seconds(), "every": dice.short(), "silent_304": True},
    "ttl": _ttl,
    "sy:": _update_period,
    "skipHours": _skip_hours,
    "skipDays": _skip_days,
    "skipHours, 500 at times": lambda dice: _skip_hours(dice) | _FAILING(dice),
    "429 with seconds": _in_trouble("seconds", statuses=(429,)),
    "503 with a date": _in_trouble("date", statuses=(503,)),
    "429 without a wait": _in_trouble("bare", times=1, hours=2),
    "500 at times": _in_trouble("500", hours=3),
    "reset at times": _in_trouble("reset", hours=3),
    "a page at times": lambda dice: {"max_age": 3600} | _in_trouble("page", times=3, hours=2)(dice),
    "redirected, refused there": lambda dice: dice.elsewhere() | _REFUSED(dice),
}


def draw(seed: int, sources: int, hosts: int, length: timedelta) -> list[DaySource]:
    """Return the sources of a day; equal arguments give equal ones."""
    chance = random.Random(seed)
    names = [f"127.0.1.{number + 1}" for number in range(hosts)]
    places = [names[number % hosts] for number in range(sources)]
    chance.shuffle(places)
    tempers = list(TEMPERS)
    found = []
    for number, host in enumerate(places):
        dice = _Dice(chance=chance, spare=tuple(name for name in names if name != host), length=length)
        found.append(_draw_one(dice, f"s{number:03}", tempers[number % len(tempers)], host))
    return found


def _draw_one(dice: _Dice, name: str, temper: str, host: str) -> DaySource:
    chance, length = dice.chance, dice.length
    old = [START - timedelta(hours=chance.uniform(1, 200)) for _ in range(chance.randint(1, 4))]
    coming = [START + length * chance.random() for _ in range(round(chance.expovariate(1 / 2) * length / timedelta(days=1)))]
    etag, modified = chance.choice([(True, False), (False, True), (True, True)])
    source = DaySource(
        name=name,
        temper=temper,
        host=host,
        every=chance.choice(_EVERY),
        etag=etag,
        modified=modified,
        news=tuple(sorted(when.replace(microsecond=0) for when in old + coming)),
    )
    if chance.random() < 0.15:
        source = replace(source, **dice.elsewhere())
    return replace(source, **TEMPERS[temper](dice))


def http_date(at: datetime) -> str:
    """Return a moment as headers spell it."""
    return format_datetime(at, usegmt=True)
