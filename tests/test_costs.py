"""Cost follows the news: what each kind of sync does is counted, so that a slower way is seen on any machine.

Eight sources of four entries stand in two categories below `news`; a feed holds six entries at most, so every feed is full.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.pipeline.project import open_project
from aggregator.settings import load_settings
from benchmarks.archive import grow
from tests.costs import Cost, cost_of_sync, feeds
from tests.upstream import Folder, Upstream, item

ENTRIES = 4  #: of each source
WINDOW = 6  #: entries in a feed
SOURCES, CATEGORIES = 8, 2
FORMATS = 3
FEEDS = 2 + CATEGORIES  #: `all`, `news`, and one for each category
#: Whatever a sync does, it looks for one post (the folder, `news`, a category) and reads the ledger.
ALWAYS = Counter({"listed posts": 3, "read ledger.jsonl": 1})


class Site:
    """A project and the upstream that it polls."""

    def __init__(self, root: Path, upstream: Upstream, *, sources: int = SOURCES, categories: int = CATEGORIES) -> None:
        self.upstream = upstream
        self.names = [f"s{number}" for number in range(sources)]
        self.folder = Folder(root)
        self.folder.settings(f"public: {{entries: {WINDOW}}}")
        lines = [
            f"  {name}: {{feed: '{address}', categories: [news, c{number % categories}]}}\n"
            for number, (name, address) in enumerate(self.serve().items())
        ]
        self.folder.sources("sources:\n" + "".join(lines))

    def serve(self, *news: str, remark: str = "", validators: bool = True) -> dict[str, str]:
        """Let each source have its entries, and those that are named one more; return the addresses."""
        items = {
            name: (item(9000 + number) if name in news else "") + "".join(item(100 * number + each) for each in range(ENTRIES))
            for number, name in enumerate(self.names)
        }
        return feeds(self.upstream, items, remark=remark, validators=validators)

    def sync(self) -> Cost:
        """Poll every source."""
        return cost_of_sync(self.folder, self.upstream, "--force")

    def grow(self, times: int) -> None:
        """Give it so many times as many posts, and write what they change."""
        settings = load_settings(self.folder.root, self.folder.root / "config", {})
        with open_project(settings, lambda _: None, datetime.now(UTC)) as project:
            assert grow(project, times=times) == times * len(self.names) * ENTRIES
        self.sync()


def polled(number: int) -> dict[str, int]:
    """Return the rows that so many polls cost: what was learned, the poll, its day. Histories are looked at all at once."""
    return {"INSERT sources": number, "INSERT polls": number, "INSERT days": number}


@pytest.fixture
def site(tmp_path: Path, upstream: Upstream) -> Site:
    """A site that was never synced."""
    return Site(tmp_path / "site", upstream)


@pytest.fixture
def synced(site: Site) -> Site:
    """A site after its first sync."""
    site.sync()
    return site


def test_a_first_sync_does_everything_once(site: Site) -> None:
    """Each body is read once, by the fast path; each entry is hashed, normalised, sanitised, rendered and written once."""
    cost = site.sync()
    entries = SOURCES * ENTRIES

    assert cost.requests == {200: SOURCES}
    assert cost.calls == {
        "read fast": SOURCES,
        **dict.fromkeys(("hashed", "normalised", "sanitised", "rendered"), entries),
    }
    assert cost.jobs == {"digest": SOURCES, "output": FEEDS, "opml": 1, "status": 1}
    assert cost.asked["INSERT entries"] == entries
    assert (cost.files["written posts"], cost.files["renamed posts"]) == (entries, entries)
    # What is written of the public folder: each feed in each format, the list of feeds, status.atom and the style.
    assert cost.files["renamed public"] == FEEDS * FORMATS + 3
    assert cost.files["read posts"] <= FEEDS * WINDOW + 2 * entries  # and a look whether there is one, and to make it durable


def test_without_news_nothing_is_done_but_to_ask(synced: Site) -> None:
    """All sources answer 304: no job, no file read below posts or public, nothing durable, one transaction."""
    cost = synced.sync()

    assert cost.requests == {304: SOURCES}
    assert (cost.calls, cost.jobs, cost.files, cost.durable) == ({}, {}, ALWAYS, 0)
    assert cost.asked["transactions that write"] == 1  # what was learned; no history is too long
    assert {what: number for what, number in cost.asked.items() if what.startswith(("INSERT", "UPDATE", "DELETE"))} == polled(
        SOURCES
    )


def test_the_same_body_costs_no_more_than_a_304(synced: Site) -> None:
    """Upstreams without validators send their bodies again: none is read."""
    quiet = synced.sync()
    synced.serve(validators=False)
    cost = synced.sync()

    assert cost.requests == {200: SOURCES}
    assert (cost.calls, cost.jobs, cost.files, cost.durable) == ({}, {}, ALWAYS, 0)
    assert cost.asked == quiet.asked


def test_rewritten_feeds_without_news_are_read_and_no_more(synced: Site) -> None:
    """Every document is another, no entry is: entries are read and hashed, none is normalised, no post or feed is opened."""
    quiet = synced.sync()
    synced.serve(remark="another")
    cost = synced.sync()

    assert cost.requests == {200: SOURCES}
    assert cost.calls == {"read fast": SOURCES, "hashed": SOURCES * ENTRIES}
    assert (cost.jobs, cost.files, cost.durable) == ({"digest": SOURCES}, ALWAYS, 0)
    # What is known of each source, and once, which feeds are our own.
    assert cost.asked - quiet.asked == {"SELECT entries": SOURCES, "SELECT categories": 1}


@pytest.mark.parametrize("news", [("s0",), ("s0", "s2"), ("s0", "s1", "s3")])
def test_news_cost_what_is_new(synced: Site, news: tuple[str, ...]) -> None:
    """Of each source with a new entry one body is read and one post written; the feeds are those that the posts stand in."""
    synced.serve(*news)
    cost = synced.sync()
    touched = 2 + len({int(name[1:]) % CATEGORIES for name in news})
    number = len(news)

    assert cost.requests == {200: number, 304: SOURCES - number}
    assert cost.calls == {
        "read fast": number,
        "hashed": number * (ENTRIES + 1),
        **dict.fromkeys(("normalised", "sanitised", "rendered"), number),
    }
    assert cost.jobs == {"digest": number, "output": touched}
    assert cost.asked["INSERT entries"] == number
    assert cost.asked["transactions that write"] == 3  # the batch, the feeds, the folders
    assert (cost.files["written posts"], cost.files["renamed posts"]) == (number, number)
    assert cost.files["renamed public"] == touched * FORMATS
    assert cost.files["read posts"] <= touched * WINDOW + 2 * number
    assert cost.durable <= 2 * number + 2 * touched * FORMATS + 8  # files and the folders above them


@pytest.mark.parametrize("news", [(), ("s0",)], ids=["quiet", "one new entry"])
def test_a_run_costs_the_same_however_many_posts_there_are(tmp_path: Path, upstream: Upstream, news: tuple[str, ...]) -> None:
    """With ten times as many posts not a statement, file or call more; only what is known of a source with news grows."""
    costs = []
    for times in (1, 10):
        site = Site(tmp_path / f"times-{times}", upstream)
        site.sync()
        site.grow(times)
        site.serve(*news)
        costs.append(site.sync())
    small, large = costs

    assert large.asked == small.asked
    assert (large.files, large.calls, large.jobs, large.durable) == (small.files, small.calls, small.jobs, small.durable)
    assert large.sent["output"] <= 1.1 * small.sent["output"]
    assert large.sent["digest"] - small.sent["digest"] <= 250 * 9 * ENTRIES * len(news)


@pytest.mark.parametrize("news", [(), ("s0",)], ids=["quiet", "one new entry"])
def test_sources_that_are_quiet_cost_a_request_and_their_rows(
    tmp_path: Path, upstream: Upstream, news: tuple[str, ...]
) -> None:
    """With three times as many there are more requests, and rows for what each poll has learned; all else is as before."""
    costs = []
    for sources in (SOURCES, 3 * SOURCES):
        site = Site(tmp_path / f"sources-{sources}", upstream, sources=sources)
        site.sync()
        site.serve(*news)
        costs.append(site.sync())
    small, large = costs

    assert large.asked - small.asked == polled(2 * SOURCES)
    assert large.requests - small.requests == {304: 2 * SOURCES}
    assert (large.files, large.calls, large.jobs, large.durable) == (small.files, small.calls, small.jobs, small.durable)


def test_categories_without_late_news_cost_nothing(tmp_path: Path, upstream: Upstream) -> None:
    """One new entry writes three feeds, however many there are; the feed of everything asks the categories that fill it."""
    costs = []
    for number in (SOURCES, 2 * SOURCES):
        site = Site(tmp_path / f"categories-{number}", upstream, sources=number, categories=number)
        site.sync()
        site.serve("s0")
        costs.append(site.sync())
    few, many = costs

    assert many.jobs == few.jobs == {"digest": 1, "output": 3}
    assert many.asked - few.asked == polled(SOURCES)
    assert (many.files, many.calls, many.durable) == (few.files, few.calls, few.durable)
    assert many.files["renamed public"] == 3 * FORMATS


def test_no_question_of_a_sync_reads_all_posts(synced: Site) -> None:
    """Whatever a quiet sync and one with news ask the state about posts, SQLite finds by an index, or stops at the first."""
    synced.folder.settings(f"public: {{entries: {WINDOW}}}\nposts: {{keep: {{age: 10000d, entries: {ENTRIES}}}}}")
    statements = set(synced.sync().statements)
    synced.serve("s0", "s1")
    statements.update(synced.sync().statements)
    whole = set()
    with closing(sqlite3.connect(synced.folder.root / "state" / "state.sqlite")) as state:
        for statement in statements:
            if re.match(r"\s*(?:WITH|SELECT|UPDATE|DELETE|INSERT)\b", statement):
                plan = [str(row[3]) for row in state.execute(f"EXPLAIN QUERY PLAN {statement}")]
                if any(step.startswith("SCAN entries") for step in plan) and not re.search(r"\bLIMIT [01]\b", statement):
                    whole.add(statement)

    assert len(statements) > 20
    assert any("WITH RECURSIVE" in statement for statement in statements)  # what `keep` asks
    assert whole == set()
