"""Dates from poll to poll, through the whole pipeline over HTTP: what an entry is dated with, and that it stays so."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator.model.entry import Entry
from aggregator.store.profiles import get_profile
from tests.conftest import Sweep
from tests.raw_upstream import Exchange, Upstream
from tests.timeline import START, Timeline, feed
from tests.upstream import rss

BEIJING = ZoneInfo("Asia/Shanghai")
NEW_YEAR = datetime(2027, 1, 1, tzinfo=BEIJING)
WINDOW = 14  #: entries of a ZAKER channel at a time


def dated(number: int, date: str | None, text: str = "Text") -> str:
    """Return one <item> with this <pubDate>."""
    return (
        f"<item><title>Entry {number}</title><link>http://upstream.example/{number}</link>"
        f'<guid isPermaLink="false">entry-{number}</guid>'
        + (f"<pubDate>{date}</pubDate>" if date else "")
        + f"<description>{text} of entry {number}.</description></item>"
    )


def entries(timeline: Timeline) -> dict[str, dict[str, Entry]]:
    """Return what stands in the posts, by source and id."""
    read = get_profile("default").read
    found: dict[str, dict[str, Entry]] = {}
    for path, post in timeline.files().items():
        if path.startswith("posts/"):
            entry = read(post, None)
            found.setdefault(entry.source_id, {})[entry.id] = entry
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Article:
    """An article of a site that shows month and day only."""

    number: int
    at: datetime  #: when it truly appeared
    edited: datetime  #: when its text changed

    @property
    def day(self) -> datetime:
        """Return the midnight in Beijing that its date means."""
        return self.at.astimezone(BEIJING).replace(hour=0, minute=0, second=0)

    def raw(self, now: datetime) -> str:
        """Return it with the date as the site shows it."""
        return dated(self.number, f"{self.day:%m-%d}", self._text(now))

    def guessed(self, now: datetime) -> str:
        """Return it as RSSHub does: with the year that its own clock, in UTC, shows now."""
        guess = self.day.replace(year=now.year).astimezone(UTC)
        return dated(self.number, format_datetime(guess, usegmt=True), self._text(now))

    def _text(self, now: datetime) -> str:
        return "Text" if now < self.edited else "Mended text"


def _articles(chance: random.Random) -> list[_Article]:
    """Return a year of articles, one to four a day, at any hour."""
    found: list[_Article] = []
    at = START - timedelta(days=4)
    while at < START + timedelta(days=366):
        found.append(_Article(number=len(found), at=at, edited=at + timedelta(hours=chance.randint(1, 60))))
        at += timedelta(seconds=chance.randint(6 * 3600, 12 * 3600))
    # One that RSSHub will date with the old year: at the site it is New Year, at its own clock not yet.
    first = NEW_YEAR + timedelta(minutes=30)
    found.append(_Article(number=len(found), at=first, edited=first + timedelta(hours=20)))
    return sorted(found, key=lambda article: article.at)


def _polls(chance: random.Random, *, whole: bool) -> Iterator[float]:
    """Return the hours of the polls: one a day, and every few hours around New Year; the week around it, or the year."""
    around = (NEW_YEAR - START).total_seconds() / 3600
    for day in range(365):
        hour = day * 24 + chance.random() * 24
        if abs(hour - around) < 30:
            yield from (day * 24 + part * 24 / 5 + chance.random() * 4 for part in range(5))
        elif whole or abs(hour - around) < 24 * 5:
            yield hour


@pytest.mark.family(18)
def test_a_year_of_a_feed_without_years(tmp_path: Path, sweep: Sweep) -> None:
    """Polled daily across New Year, every post of a ZAKER-like feed has its true date and is never dated anew.

    Once as the site writes its dates (12-31), once as RSSHub passes them on (with the year of its own clock); and both once
    more for a project that meets them after New Year, with the articles of December still there.
    """
    chance = random.Random(sweep.seed)
    articles = _articles(chance)
    hour_two = (NEW_YEAR - START).total_seconds() / 3600 + 2
    polls = sorted([*_polls(chance, whole=sweep.whole), hour_two])
    sweep.count(365 + 8, len(polls))
    now = START
    seen: dict[str, dict[str, datetime]] = {"raw": {}, "guessed": {}, "raw-late": {}, "guessed-late": {}}

    def answer(exchange: Exchange) -> None:
        name = exchange.asked.target.decode().removeprefix("/zaker/")
        window = [article for article in articles if article.at <= now][-WINDOW:]
        seen[name] |= {f"entry-{article.number}": article.day for article in window}
        shape = _Article.raw if name.startswith("raw") else _Article.guessed
        exchange.send(feed(rss("".join(shape(article, now) for article in reversed(window)))))

    with Upstream(routes={"*": answer}) as upstream:
        timeline = Timeline(tmp_path, {name: upstream.address(f"/zaker/{name}") for name in seen})
        for hours in polls:
            now = START + timedelta(hours=hours)
            names = [name for name in seen if not name.endswith("late") or now > NEW_YEAR + timedelta(hours=20)]
            timeline.sync(hours, *names, force=True)
    found = entries(timeline)

    assert len(seen["raw"]) > WINDOW * 2
    assert any(day < NEW_YEAR for day in seen["guessed-late"].values())
    assert {name: {id_: entry.published for id_, entry in posts.items()} for name, posts in found.items()} == seen
    assert not [entry.id for posts in found.values() for entry in posts.values() if entry.updated or entry.first_seen]
    assert sum("Mended" in entry.content for entry in found["raw"].values()) > WINDOW


def test_a_year_that_is_ours_tells_of_no_change(tmp_path: Path) -> None:
    """An entry that shows 11-25 for more than a year, and then gets a new text, is not updated on a 25 November to come."""
    bodies = [rss(dated(1, "11-25")), rss(dated(1, "11-25", "New text"))]
    with Upstream(routes={"/zaker/a": [feed(body) for body in bodies]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/zaker/a")})
        timeline.sync(0)
        timeline.sync(24 * 366, force=True)
    entry = entries(timeline)["a"]["entry-1"]

    assert "New text" in entry.content
    assert (entry.published, entry.updated) == (datetime(2025, 11, 25, tzinfo=BEIJING), None)


def test_a_date_that_lies_ahead_is_never_the_posts(tmp_path: Path) -> None:
    """An event that is ahead at first sight keeps the day it was first seen: on later polls, on its day, and when edited."""
    event = format_datetime(START + timedelta(hours=30), usegmt=True)
    moved = format_datetime(START + timedelta(hours=80), usegmt=True)
    bodies = [rss(dated(1, event)), rss(dated(1, event) + dated(2, None)), rss(dated(1, moved)), rss(dated(1, moved, "New"))]
    with Upstream(routes={"/a": [feed(body) for body in (*bodies, bodies[-1])]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        found = []
        for hours in (0, 48, 72, 96, 120):
            timeline.sync(hours, force=True)
            found.append(entries(timeline)["a"]["entry-1"])

    assert [(entry.published, entry.first_seen) for entry in found] == [(None, START)] * 5
    assert found[0] == found[1] == found[2]
    assert "New" in found[3].content
    assert found[3] == found[4]


def test_dates_that_move_on_every_fetch_rewrite_nothing(tmp_path: Path) -> None:
    """A feed whose dates are always now leaves its posts and feeds byte for byte as they are, until a text changes."""
    hours = 0.0
    text = "Text"

    def answer(exchange: Exchange) -> None:
        exchange.send(feed(rss(dated(1, format_datetime(START + timedelta(hours=hours), usegmt=True), text))))

    with Upstream(routes={"/a": answer}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(hours)
        files = timeline.files()
        for hours in (24, 48, 72):
            timeline.sync(hours, force=True)
            assert timeline.files() == files
        hours, text = 96, "New text"
        timeline.sync(hours, force=True)
    entry = entries(timeline)["a"]["entry-1"]

    assert (entry.published, entry.updated) == (START, START + timedelta(hours=96))


def test_dates_without_a_zone_are_the_sources(tmp_path: Path) -> None:
    """Beijing's half past seven is yesterday evening in UTC; read as UTC it would lie ahead, and is not used."""
    with Upstream(routes={"/a": feed(rss(dated(1, "2026-03-02 07:30:00")))}) as upstream:
        address = upstream.address("/a")
        timeline = Timeline(tmp_path, {"here": address, "there": address}, there=", timezone: Asia/Shanghai")
        timeline.sync(0)
    found = entries(timeline)

    assert found["there"]["entry-1"].published == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert (found["here"]["entry-1"].published, found["here"]["entry-1"].first_seen) == (None, START)


def test_a_back_dated_entry_is_stored(tmp_path: Path) -> None:
    """R46: a new entry that is older than all that were seen gets its post, under its own date, and stands in the feed."""
    old = "Sat, 02 Mar 2024 08:00:00 GMT"
    new = "Sun, 01 Mar 2026 08:00:00 GMT"
    bodies = [rss(dated(2, new)), rss(dated(1, old) + dated(2, new))]
    with Upstream(routes={"/a": [feed(body) for body in bodies]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        timeline.sync(24, force=True)

    assert entries(timeline)["a"]["entry-1"].published == datetime(2024, 3, 2, 8, tzinfo=UTC)
    assert b"Entry 1" in timeline.files()["public/feeds/news.atom"]


def test_what_was_published_during_a_run_is_not_ahead(tmp_path: Path) -> None:
    """An entry's date is held against the time at which its feed came, not against that at which a long run began."""
    date = START + timedelta(seconds=1)

    def answer(exchange: Exchange) -> None:
        time.sleep(1.2)
        exchange.send(feed(rss(dated(1, format_datetime(date, usegmt=True)))))

    with Upstream(routes={"/a": answer}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)

    assert entries(timeline)["a"]["entry-1"].published == date
