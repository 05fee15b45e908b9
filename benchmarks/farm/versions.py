"""A farm at another time: feeds with news, feeds rewritten without news, windows of older entries.

In: a farm and a `Version`. Out: a folder of feeds beside `feeds/`, made once; what is the same in both is one file with two
names. Every file of a version is younger than the farm's own, so its ETag and Last-Modified are others.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.farm.formats import FarmEntry, FarmFeed, Format, write_feed
from benchmarks.farm.make import FarmSource, make_feed, plan_sources, read_counts

_NEWS_EVERY = 20  #: every twentieth feed gains an entry: five of a hundred
_COPIES = 9  #: a window of history holds nine times the entries of a feed
_PACE = timedelta(minutes=10)  #: between two entries of the history, so that a hundred windows stay within a few years


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the upstreams of a farm say at one time; the default is the farm as it was made."""

    news: int = 0  #: entries that every twentieth feed has gained since
    rewritten: bool = False  #: the same entries in other bytes
    history: int | None = None  #: this window of older entries in place of the present ones; 0 is the latest

    @property
    def folder(self) -> str:
        """Return its name below the farm."""
        if self.history is not None:
            return f"history-{self.history}"
        return "-".join(["feeds", *([f"news-{self.news}"] if self.news else []), *(["rewritten"] if self.rewritten else [])])


FIRST = Version()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many entries the feeds of one version hold."""

    entries: int
    xml_entries: int


def make_version(farm: Path, version: Version) -> Held:
    """Make the version's folder unless it is there; return what it holds."""
    counts = read_counts(farm)
    done = farm / f"{version.folder}.json"
    if version == FIRST:
        return Held(entries=counts.entries, xml_entries=counts.xml_entries)
    if done.exists():
        return Held(**json.loads(done.read_text("utf-8")))
    folder = farm / version.folder
    if folder.exists():  # a run was broken off in the midst of it
        shutil.rmtree(folder)
    folder.mkdir()
    entries = xml_entries = 0
    for index, place in enumerate(plan_sources(counts.sources, seed=counts.seed)):
        found = _write(farm, folder, place, version, seed=counts.seed, has_news=index % _NEWS_EVERY == 0)
        entries += found
        xml_entries += 0 if place.form is Format.JSON else found
    held = Held(entries=counts.entries + entries, xml_entries=counts.xml_entries + xml_entries)
    if version.history is not None:
        held = Held(entries=entries, xml_entries=xml_entries)
    done.write_text(json.dumps(asdict(held)) + "\n", "utf-8")
    return held


def _write(farm: Path, folder: Path, place: FarmSource, version: Version, *, seed: int, has_news: bool) -> int:
    """Write one feed; return how many entries it has more than the farm's own, or in all if it is history."""
    own = farm / "feeds" / place.file
    if version.history is None and not version.rewritten and not (has_news and version.news):
        (folder / place.file).hardlink_to(own)
        return 0
    feed, gained = make_feed(place, seed=seed), 0
    if version.history is not None:
        feed = _history(feed, version.history)
    elif has_news:
        feed = replace(feed, entries=tuple(_news(feed.entries[0], version.news)) + feed.entries)
        gained = version.news
    body = write_feed(feed, place.form)
    if version.rewritten:
        # White space after the root element is allowed in XML and in JSON, and as little as an upstream can change.
        body += b"\n"
    (folder / place.file).write_bytes(body)
    # A whole number of seconds, since Last-Modified knows no less; the step tells versions apart.
    moment = own.stat().st_mtime + 60 * (version.news + 1) + (3600 if version.rewritten else 0)
    if version.history is not None:
        moment = own.stat().st_mtime - 60 * (version.history + 1)
    os.utime(folder / place.file, (moment, moment))
    return gained if version.history is None else len(feed.entries)


def _news(newest: FarmEntry, count: int) -> Iterator[FarmEntry]:
    """Yield younger entries, newest first."""
    for number in range(count, 0, -1):
        yield _another(newest, f"news-{number}", newest.date + timedelta(seconds=number))


def _history(feed: FarmFeed, window: int) -> FarmFeed:
    """Return a feed of entries that came before those of the given one."""
    first = window * _COPIES * len(feed.entries) + 1
    oldest = feed.entries[-1].date
    entries = (
        _another(entry, f"past-{window}-{copy}", oldest - _PACE * (first + copy * len(feed.entries) + place))
        for copy in range(_COPIES)
        for place, entry in enumerate(feed.entries)
    )
    return replace(feed, entries=tuple(entries))


def _another(entry: FarmEntry, mark: str, moment: datetime) -> FarmEntry:
    """Return an entry that shares nothing with the given one by which it could be taken for it."""
    return replace(
        entry,
        id=f"{entry.id}-{mark}",
        link=f"{entry.link}-{mark}",
        title=f"{mark} {entry.title}",
        date=moment,
        body=f"<p>{mark} {entry.title}</p>\n{entry.body}",
    )
