"""Posts are kept as long as `keep` says, and no post goes by mistake."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.decide.retention import admit, nearly_all, rank, reference, too_many
from aggregator.model.poll import Note, PostExpired
from aggregator.model.retention import Keep, Rank, Room, limits
from aggregator.pipeline.project import open_project
from aggregator.settings import load_settings
from aggregator.store.tables import MARKED
from tests import upstream as local
from tests.raw_upstream import Upstream
from tests.timeline import START, Timeline, feed
from tests.upstream import Folder, item, rss

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AT_START = 1440  #: the entry that is dated at the timeline's hour 0
MONTH = 30 * 24


def ranks(*days: int) -> list[Rank]:
    """Return entries of so many days ago, each with a key of its own."""
    return [rank(NOW - ago * DAY, f"key{number:09}") for number, ago in enumerate(days)]


# -- the rule -----------------------------------------------------------------------------------------------------------


def test_entries_older_than_the_limit_are_not_admitted() -> None:
    """A new entry dated before the limit does not become a post; one dated at the limit does."""
    assert admit(ranks(1, 11, 10), Room(since=NOW - 10 * DAY)) == [True, False, True]


def test_only_the_newest_are_admitted() -> None:
    """Of new entries and standing posts the newest so many have room, whatever the order of the feed."""
    assert admit(ranks(7, 1, 3), Room(entries=3, standing=tuple(ranks(2, 5, 9)))) == [False, True, True]


def test_of_undated_entries_the_first_is_the_newest() -> None:
    """Entries without dates of their own are all as new as now: then the feed's order decides."""
    undated = [rank(NOW, key, place=place) for place, key in enumerate("dcba")]

    assert admit(undated, Room(entries=2)) == [True, True, False, False]


@settings(max_examples=60)
@given(st.lists(st.integers(0, 20), max_size=12), st.integers(0, 12), st.integers(1, 12))
def test_what_was_not_admitted_is_not_admitted_later(days: list[int], known: int, entries: int) -> None:
    """An entry that had no room has none in the next run either, when all that had stands beside it."""
    every = ranks(*days)
    standing, new = sorted(every[:known], reverse=True), every[known:]
    fits = admit(new, Room(entries=entries, standing=tuple(standing[:entries])))
    after = sorted([*standing, *(each for each, fit in zip(new, fits, strict=True) if fit)], reverse=True)
    left = [each for each, fit in zip(new, fits, strict=True) if not fit]

    assert not any(admit(left, Room(entries=entries, standing=tuple(after[:entries]))))


def test_a_source_has_its_own_limits() -> None:
    """What a source says of itself counts, one limit at a time; what it does not say is said for all."""
    general = Keep(age=365 * DAY, entries=1000)

    assert limits(Keep(age=7 * DAY), general) == Keep(age=7 * DAY, entries=1000)


def test_a_clock_is_believed_a_month_beyond_the_newest_post() -> None:
    """Ages count from now, but from no later than 30 days after the newest post of all."""
    assert reference(NOW, NOW - DAY) == NOW
    assert reference(NOW + 365 * DAY, NOW) == NOW + 30 * DAY
    assert reference(NOW, None) == NOW


def test_what_is_too_much_at_once() -> None:
    """More than half of a source is too much unless it is ten posts or fewer; more than half of everything always is."""
    assert [too_many(10, 10), too_many(11, 22), too_many(12, 22)] == [False, False, True]
    assert [nearly_all(2, 4), nearly_all(3, 4)] == [False, True]


# -- the runs -----------------------------------------------------------------------------------------------------------

Begin = Callable[..., Timeline]


@pytest.fixture
def routes() -> dict[str, bytes]:
    return {}


@pytest.fixture
def begin(tmp_path: Path, routes: dict[str, bytes]) -> Iterator[Begin]:
    """Lay out a project with one source and this `keep`."""
    with Upstream(routes=routes) as upstream:

        def made(keep: str, *, profile: str = "default", own: str = "") -> Timeline:
            timeline = Timeline(tmp_path, {"a": upstream.address("/a")}, a=f", every: 1h{own}")
            wanted(timeline, keep, profile)
            return timeline

        yield made


def wanted(timeline: Timeline, keep: str, profile: str = "default") -> None:
    """Change `posts.keep`."""
    timeline.settings()
    file = timeline.root / "config" / "settings.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("durable: false", f"durable: false, profile: {profile}, keep: {keep}"), "utf-8")


def entries(*numbers: int, dated: bool = True) -> bytes:
    """Return a feed of these entries; AT_START + h is dated at hour h."""
    return feed(rss("".join(item(number, dated=dated) for number in numbers)))


def titles(timeline: Timeline) -> set[int]:
    """Return the numbers of the entries that have a post."""
    return {int(path.name.split("-")[1]) for path in (timeline.root / "posts").rglob("*.md")}


def published(timeline: Timeline) -> set[int]:
    """Return the numbers of the entries that stand in the feed of everything."""
    text = (timeline.root / "public" / "feeds" / "all.atom").read_text("utf-8")
    return {number for number in range(3 * AT_START) if f">Entry {number}<" in text}


def notes(timeline: Timeline) -> str:
    return "\n".join(event.text for event in timeline.events if isinstance(event, Note))


OLD, MIDDLE, NEW = AT_START - MONTH + 12, AT_START - 400, AT_START - 10


@pytest.mark.post_row("D45")
def test_a_post_goes_when_it_is_too_old(begin: Begin, routes: dict[str, bytes]) -> None:
    """A post older than `keep.age` leaves the folder and the feed, is told, and does not come back while upstream lists it."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)
    assert titles(timeline) == {NEW, MIDDLE, OLD}

    timeline.sync(24)
    assert [event.path.split("-")[1] for event in timeline.events if isinstance(event, PostExpired)] == [str(OLD)]
    assert titles(timeline) == published(timeline) == {NEW, MIDDLE}

    routes["/a"] = entries(NEW, MIDDLE, OLD, AT_START + 24)
    timeline.sync(48)
    assert titles(timeline) == published(timeline) == {NEW, MIDDLE, AT_START + 24}


def test_an_entry_that_is_too_old_never_becomes_a_post(begin: Begin, routes: dict[str, bytes]) -> None:
    """A new entry beyond `keep.age` is not written at all."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW, AT_START - MONTH - 48)

    timeline.sync(0)

    assert titles(timeline) == {NEW}


@pytest.mark.post_row("D45")
def test_the_newest_posts_of_a_source_are_kept(begin: Begin, routes: dict[str, bytes]) -> None:
    """With `keep.entries` a first poll writes the newest alone, and each newer one takes the place of the oldest."""
    timeline = begin("{entries: 3}")
    routes["/a"] = entries(1401, 1402, 1403, 1404, 1405)
    timeline.sync(0)
    assert titles(timeline) == {1403, 1404, 1405}

    routes["/a"] = entries(1401, 1402, 1403, 1404, 1405, 1406)
    timeline.sync(2)
    assert titles(timeline) == published(timeline) == {1404, 1405, 1406}

    timeline.sync(4, no_cache=True, force=True)
    assert titles(timeline) == {1404, 1405, 1406}


def test_a_source_may_keep_less(begin: Begin, routes: dict[str, bytes]) -> None:
    """The `keep` of a source goes before that of all."""
    timeline = begin("{entries: 3}", own=", keep: {entries: 2}")
    routes["/a"] = entries(1401, 1402, 1403, 1404)

    timeline.sync(0)

    assert titles(timeline) == {1403, 1404}


def test_a_lost_state_brings_nothing_back(begin: Begin, routes: dict[str, bytes]) -> None:
    """Once the state is lost, what had expired is still known by its date, or by the ledger where it has none."""
    timeline = begin("{entries: 2}")
    routes["/a"] = entries(1401, 1402, 1403, dated=False)
    timeline.sync(0)
    assert titles(timeline) == {1401, 1402}
    routes["/a"] = entries(1404, 1401, 1402, 1403, dated=False)
    timeline.sync(2)
    before = timeline.files()
    [left] = titles(timeline) - {1404}
    assert left in {1401, 1402}
    assert timeline.ledger().count('"expired"') == 2

    shutil.rmtree(timeline.root / "state")
    routes["/a"] = entries(1401, 1402, 1403, 1404, dated=False)
    timeline.sync(4)

    assert titles(timeline) == {left, 1404}
    assert timeline.files() == before


def test_dated_entries_need_no_line_in_the_ledger(begin: Begin, routes: dict[str, bytes]) -> None:
    """An entry with a date of its own expires without a word in the ledger, and is known by its date once the state is lost."""
    timeline = begin("{entries: 2}")
    routes["/a"] = entries(1401, 1402)
    timeline.sync(0)
    routes["/a"] = entries(1401, 1402, 1403)
    timeline.sync(2)
    shutil.rmtree(timeline.root / "state")
    timeline.sync(4)

    assert titles(timeline) == {1402, 1403}
    assert timeline.ledger() == ""


@pytest.mark.post_row("D45", "R64")
def test_what_a_hand_has_edited_stays(begin: Begin, routes: dict[str, bytes]) -> None:
    """A post that somebody edited is kept beyond every limit, and published as edited."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)
    [post] = (timeline.root / "posts").rglob(f"*-{OLD}-*.md")
    post.write_text(post.read_text("utf-8").replace("Text of", "A word on"), "utf-8")

    timeline.sync(24)

    assert "A word on" in post.read_text("utf-8")
    assert OLD in published(timeline)


def test_what_a_hand_has_deleted_is_no_expiry(begin: Begin, routes: dict[str, bytes]) -> None:
    """A post that is beyond its limit and not there was deleted by somebody: it is not told as expired."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)
    [post] = (timeline.root / "posts").rglob(f"*-{OLD}-*.md")
    post.unlink()

    timeline.sync(24)

    assert not any(isinstance(event, PostExpired) for event in timeline.events)


def test_a_project_whose_posts_have_all_expired_is_not_unmounted(begin: Begin, routes: dict[str, bytes]) -> None:
    """Where every post has expired, an empty posts folder is what it should be, and the next entry becomes a post."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW)
    timeline.sync(0)
    found = load_settings(timeline.root, timeline.root / "config", {})
    [post] = (timeline.root / "posts").rglob("*.md")
    with open_project(found, lambda _: None, START) as project:
        project.state.expiry.mark([post.stem[-12:]], folders=["news"], dirty=["feeds/all.atom", "feeds/news.atom"])
    timeline.sync(1)
    assert titles(timeline) == set()

    routes["/a"] = entries(NEW, AT_START + 1)
    timeline.sync(2)

    assert titles(timeline) == published(timeline) == {AT_START + 1}


def test_a_rebuilt_state_keeps_what_may_have_been_edited(begin: Begin, routes: dict[str, bytes]) -> None:
    """Once the state is lost, posts stay whose seal is broken, though upstream lists them no more: somebody edited them."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)
    [post] = (timeline.root / "posts").rglob(f"*-{OLD}-*.md")
    post.write_text(post.read_text("utf-8").replace("Text of", "A word on"), "utf-8")
    shutil.rmtree(timeline.root / "state")
    routes["/a"] = entries(NEW, MIDDLE)

    timeline.sync(24)

    assert titles(timeline) == {NEW, MIDDLE, OLD}
    timeline.sync(25)
    assert notes(timeline) == ""
    timeline.sync(26, dry_run=True)
    assert "a: 1 post beyond `keep` without a seal" in notes(timeline)


def test_a_rebuilt_state_lets_go_what_is_sealed(begin: Begin, routes: dict[str, bytes]) -> None:
    """Posts that prove that nobody edited them expire after a lost state as before."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)
    shutil.rmtree(timeline.root / "state")
    routes["/a"] = entries(NEW, MIDDLE)
    timeline.sync(24)
    assert titles(timeline) == {NEW, MIDDLE}


@pytest.mark.parametrize("edited", [False, True])
def test_a_run_that_died_is_finished(begin: Begin, routes: dict[str, bytes], *, edited: bool) -> None:
    """Posts that were marked when a run died are removed by the next one, unless somebody has edited them since."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)
    [post] = (timeline.root / "posts").rglob(f"*-{MIDDLE}-*.md")
    found = load_settings(timeline.root, timeline.root / "config", {})
    with open_project(found, lambda _: None, START) as project:
        project.state.expiry.mark([post.stem[-12:]], folders=["news"], dirty=["feeds/all.atom"])
    if edited:
        post.write_text(post.read_text("utf-8").replace("Text of", "A word on"), "utf-8")

    timeline.sync(1)

    assert post.exists() is edited
    assert (MIDDLE in published(timeline)) is edited
    assert titles(timeline) == {NEW, OLD, MIDDLE} if edited else {NEW, OLD}


@pytest.mark.post_row("D45")
def test_a_clock_that_jumped_ahead_takes_nothing(begin: Begin, routes: dict[str, bytes]) -> None:
    """A clock that is a year fast makes no post a year older: the newest post tells that time has not passed."""
    timeline = begin("{age: 90d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)

    timeline.sync(365 * 24)

    assert titles(timeline) == {NEW, MIDDLE, OLD}


def test_a_jump_that_looks_like_time_is_told_and_takes_nothing(begin: Begin, routes: dict[str, bytes]) -> None:
    """Where a new post bears the wrong date itself, more than half of all posts would go at once: that is told, none goes."""
    timeline = begin("{age: 90d}")
    routes["/a"] = entries(NEW, MIDDLE, OLD)
    timeline.sync(0)
    routes["/a"] = feed(rss(item(1, dated=False) + item(NEW) + item(MIDDLE) + item(OLD)))

    timeline.sync(365 * 24)
    timeline.sync(365 * 24 + 1)

    assert titles(timeline) == {1, NEW, MIDDLE, OLD}
    assert "3 of all 4 posts are beyond `keep` at 2027-03-02" in notes(timeline)
    assert "aggregator build --expire" in notes(timeline)


def test_a_mark_is_on_the_disk_before_its_post_goes(begin: Begin, routes: dict[str, bytes], tmp_path: Path) -> None:
    """What was marked stands in the database itself, not only in the log that a power cut may take."""
    timeline = begin("{age: 30d}")
    routes["/a"] = entries(NEW)
    timeline.sync(0)
    found = load_settings(timeline.root, timeline.root / "config", {})
    [post] = (timeline.root / "posts").rglob("*.md")
    with open_project(found, lambda _: None, START) as project:
        project.state.expiry.mark([post.stem[-12:]], folders=[], dirty=[])
        project.state.expiry.make_durable()
        shutil.copy(timeline.root / "state" / "state.sqlite", tmp_path / "alone.sqlite")

    with closing(sqlite3.connect(tmp_path / "alone.sqlite")) as database:
        assert database.execute("SELECT expired FROM entries").fetchall() == [(MARKED,)]


def test_an_archive_file_goes_with_its_post(begin: Begin, routes: dict[str, bytes]) -> None:
    """Where a profile keeps an archive, the file of a post that expires goes too."""
    timeline = begin("{entries: 2}", profile="volantis")
    routes["/a"] = entries(1401, 1402)
    timeline.sync(0)
    routes["/a"] = entries(1401, 1402, 1403)

    timeline.sync(2)

    assert {path.stem for path in (timeline.root / "archive").glob("*.json")} == {
        path.stem[-12:] for path in (timeline.root / "posts").rglob("*.md")
    }


# -- the commands -------------------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Folder]:
    """A project of 24 posts, which is then to keep two."""
    with local.Upstream() as running:
        running.feed("/a", "".join(item(number) for number in range(1, 25)))
        made = Folder(tmp_path / "project")
        made.sources_at({"a": f"{running.address}/a"})
        made.sync()
        made.settings("posts: {keep: {entries: 2}}")
        yield made


def test_too_many_at_once_are_told_and_removed_when_insisted_upon(shelf: Folder) -> None:
    """`build` keeps what may be a mistake and says so; `build --expire` removes it, and the feeds are written without it."""
    asked = shelf.run("build")
    assert (asked.returncode, sum(path.startswith("posts/") for path in shelf.files())) == (0, 24)
    assert "a: 22 of 24 posts are beyond `keep` (entries: 2)" in asked.stderr

    done = shelf.run("build", "--expire")

    assert done.returncode == 0, done.stderr
    assert "22 posts expired" in done.stderr
    assert sorted(local.titles(shelf, "all.atom")) == ["Entry 23", "Entry 24"]
    assert sum(path.startswith("posts/") for path in shelf.files()) == 2
    key = "entry-3"
    explained = shelf.run("explain", key)
    assert "beyond the limits of `keep`" in explained.stdout


def test_a_dry_run_lists_what_would_expire(shelf: Folder) -> None:
    """`sync --dry-run` prints each post that would go with a minus, and removes none; in JSON each is an event."""
    shelf.settings("posts: {keep: {entries: 20}}")

    listed = shelf.run("sync", "--dry-run")
    events = [json.loads(line) for line in shelf.run("sync", "--dry-run", "--json").stdout.splitlines()]

    assert [line[:2] for line in listed.stdout.splitlines()] == ["- "] * 4
    assert [event["source_id"] for event in events if event["event"] == "expired"] == ["a"] * 4
    assert events[-1]["expired"] == 4
    assert sum(path.startswith("posts/") for path in shelf.files()) == 24


def test_what_the_brake_holds_can_be_looked_at(shelf: Folder) -> None:
    """`build --expire --dry-run` lists what `--expire` would remove, without what was edited, and changes nothing."""
    edited = next((shelf.root / "posts").rglob("entry-3-*.md"))
    edited.write_text(edited.read_text("utf-8").replace("Entry 3", "Mine"), "utf-8")
    before = shelf.files("posts")

    listed = shelf.run("build", "--expire", "--dry-run")

    assert [line[:2] for line in listed.stdout.splitlines()] == ["- "] * 21
    assert listed.stderr == "21 posts would expire; nothing was written\n"
    assert shelf.files("posts") == before
    assert shelf.run("build", "--dry-run").returncode == 2


def test_expired_posts_are_named_to_who_asks(shelf: Folder) -> None:
    """`build -v` names every post that it removes."""
    assert shelf.run("-v", "build", "--expire").stderr.count("\n- ") + 1 >= 22


def test_expiry_is_for_the_whole_project(tmp_path: Path) -> None:
    """`build CATEGORY --expire` is refused, since limits do not know categories."""
    assert Folder(tmp_path / "project").run("build", "news", "--expire").returncode == 2
