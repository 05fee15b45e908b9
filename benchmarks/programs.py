"""The programs that are compared: how each is prepared, run, and asked what it has stored.

In: a place, that is a farm and a new folder for one program in one run. Out: argv and counts. What comes before the clock
starts is `prepare`; it may help a peer, never us.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.farm.make import Counts, plan_sources, write_config
from benchmarks.measure import CommandError

ROOT = Path(__file__).parents[1]
READER_PYTHON = ROOT / ".venv/readers/reader/bin/python"
_NEWSBOAT_CONFIG = "reload-threads 4\ndownload-retries 1\n"
#: rows per value of each index, as ANALYZE would find them on a full cache
_STATISTICS = (("idx_guid", "30000 1"), ("idx_feedurl", "30000 30"), ("idx_deleted", "30000 30000"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one program works in one run."""

    folder: Path  #: the program's own
    farm: Path
    counts: Counts  #: of the farm
    runs: list[str] = field(default_factory=list)  #: what has been run here, in order

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the surroundings of a user who has nothing but this folder."""
        # PYTHONDONTWRITEBYTECODE, for one, would have every run compile anew what has changed since the last one.
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**own, "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is measured."""

    name: str
    command: Callable[[Place], list[str]]
    prepare: Callable[[Place], None] = lambda _place: None
    stored: Callable[[Place], int] | None = None  #: counts the entries that it keeps; None where it visits nobody
    xml_only: bool = False  #: it reads no JSON Feed

    def named(self, name: str) -> Program:
        """Return the same program under another name."""
        return replace(self, name=name)


def _sync(place: Place) -> list[str]:
    force = ["--force"] if place.runs else []
    return [sys.executable, "-m", "aggregator", "-q", "-C", ".", "sync", *force]


def _own_hosts(place: Place) -> None:
    shutil.copytree(place.farm / "project" / "config", place.folder / "config")


def _fifty_hosts(place: Place) -> None:
    """Configure the same sources on fifty of the farm's addresses; nginx has every file at each of them."""
    places = plan_sources(place.counts.sources, seed=place.counts.seed)
    shared = tuple(replace(source, host=places[index % 50].host) for index, source in enumerate(places))
    write_config(place.folder / "config", shared, place.counts.port)


def _posts(place: Place) -> int:
    """Count posts; a run that published no feed is none."""
    if not any((place.folder / "public").rglob("*.atom")):
        raise CommandError(f"no feed was published in {place.folder}")
    return _files(place.folder / "posts")


def _files(folder: Path) -> int:
    return sum(name.endswith(".md") for _, _, names in os.walk(folder) for name in names)


def _newsboat(place: Place) -> list[str]:
    folder = place.folder
    options = ["-u", str(place.farm / "urls"), "-c", str(folder / "cache.db"), "-C", str(folder / "config")]
    return ["newsboat", *options, "-x", "reload"]


def _configure_newsboat(place: Place) -> None:
    (place.folder / "config").write_text(_NEWSBOAT_CONFIG, encoding="utf-8")


def _help_newsboat(place: Place) -> None:
    """Let newsboat make its tables, then tell SQLite what they will hold.

    Without statistics SQLite 3.40 answers "the items of this feed that are not deleted" by the index on `deleted`, that
    is by reading the whole table once per feed: four times the CPU. This is in newsboat's favour.
    """
    _configure_newsboat(place)
    argv = [*_newsboat(place)[:-1], "print-unread"]
    subprocess.run(argv, env=place.environment, check=True, stdout=subprocess.DEVNULL)
    with closing(sqlite3.connect(place.folder / "cache.db")) as database, database:
        database.execute("ANALYZE")
        database.executemany("INSERT INTO sqlite_stat1 VALUES ('rss_item', ?, ?)", _STATISTICS)


def _reader(verb: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        script, database = str(Path(__file__).with_name("reader_update.py")), str(place.folder / "reader.sqlite")
        return [str(READER_PYTHON), script, verb, database, str(place.farm / "all-urls")]

    return command


def _add_to_reader(place: Place) -> None:
    subprocess.run(_reader("add")(place), env=place.environment, check=True)


def _rows(name: str, table: str) -> Callable[[Place], int]:
    def count(place: Place) -> int:
        with closing(sqlite3.connect(place.folder / name)) as database:
            [number] = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own words
        return int(number)

    return count


def _floor(place: Place) -> list[str]:
    return [sys.executable, "-m", "benchmarks.floor", "--farm", str(place.farm), "--out", str(place.folder / "posts")]


OURS = Program(name="aggregator sync", command=_sync, prepare=_own_hosts, stored=_posts)
OURS_ON_FIFTY_HOSTS = replace(OURS, prepare=_fifty_hosts)
FLOOR = Program(name="floor", command=_floor, stored=lambda place: _files(place.folder / "posts"))
READER = Program(name="reader", command=_reader("update"), prepare=_add_to_reader, stored=_rows("reader.sqlite", "entries"))
NEWSBOAT = Program(
    name="newsboat, as installed",
    command=_newsboat,
    prepare=_configure_newsboat,
    stored=_rows("cache.db", "rss_item"),
    xml_only=True,
)
NEWSBOAT_HELPED = replace(NEWSBOAT, name="newsboat, helped", prepare=_help_newsboat)
HELP = Program(name="aggregator --help", command=lambda _: [sys.executable, "-m", "aggregator", "--help"])
