"""A year of hourly syncs into a git repository: commits come with news, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Sweep, need
from tests.raw_upstream import Exchange, Upstream
from tests.timeline import Timeline
from tests.year import HOURS, NAMES, Site, Year

WEEK = 7 * 24


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[int], tuple[Year, Timeline, Site]]]:
    """Lay out a year of this seed, its project and its repository."""
    need("git")
    years: list[Year] = []

    def answer(exchange: Exchange) -> None:
        years[0].script(exchange)

    with Upstream(routes={"*": answer}) as upstream:

        def begin(seed: int) -> tuple[Year, Timeline, Site]:
            years.append(Year(seed))
            addresses = {name: upstream.address(f"/{name}") for name in NAMES}
            timeline = Timeline(tmp_path, addresses, **dict.fromkeys(NAMES, ", every: 1h"))
            return years[0], timeline, Site(timeline)

        yield begin


@pytest.mark.post_row("D10")
@pytest.mark.timeout(3600)
def test_a_year_of_syncs_commits_news_and_nothing_else(
    play: Callable[[int], tuple[Year, Timeline, Site]], sweep: Sweep, record_property: Callable[[str, object], None]
) -> None:
    """In a year of hourly syncs there is a commit for each hour that brought news, and no file is ever renamed or deleted.

    Besides those there are commits of status.atom alone, which tells that a source fails for long or is well again.
    """
    year, timeline, site = play(sweep.seed)
    hours = sweep.count(HOURS, WEEK)
    committed: set[int] = set()
    health: set[int] = set()
    for hour in range(hours):
        timeline.sync(hour)
        if site.touched() and (changed := site.changed()):
            site.git("commit", "--quiet", "-m", str(hour))
            (health if changed.split() == ["M", "public/feeds/status.atom"] else committed).add(hour)
        year.pass_hour()

    assert committed == year.news
    assert site.changed() == ""
    assert int(site.git("rev-list", "--count", "main")) == 1 + len(year.news) + len(health)
    assert len(health) * 20 < hours
    assert site.git("log", "--diff-filter=DRT", "--find-renames", "--name-status", "--format=") == ""
    assert timeline.posts() == sum(len(source.seen) for source in year.sources.values())
    size = site.size()
    text = sum(len(body) for body in timeline.files().values())
    commits = f"{len(committed)} commits and {len(health)} of health"
    facts = f"{hours} syncs, {year.asked} polls, {commits}, {timeline.posts()} posts and feeds of {text >> 10} KiB"
    record_property("table", f"{facts}; repository {size >> 10} KiB")
    print(facts, f"repository {size >> 10} KiB")
    assert size < 20 * text


def test_files_that_nobody_touched_are_no_change_to_git(
    play: Callable[[int], tuple[Year, Timeline, Site]], sweep: Sweep
) -> None:
    """Where no file has another time, size or inode, git sees no change: the year may look at these alone."""
    year, timeline, site = play(sweep.seed)
    quiet = 0
    for hour in range(sweep.count(WEEK, 36)):
        timeline.sync(hour)
        touched = site.touched()
        changed = site.changed()
        assert touched or not changed
        quiet += not touched
        if changed:
            site.git("commit", "--quiet", "-m", str(hour))
        year.pass_hour()

    assert quiet
