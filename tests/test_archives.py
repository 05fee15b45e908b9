"""Archives of feeds (RFC 5005 §4): what a live feed no longer holds, pages that never change, and a chain without a hole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from aggregator.cli import main
from aggregator.publish.document import examine
from aggregator.serve.server import serve
from tests.archives import DAY, SITE, Archive, dated, fetch, spread, walk
from tests.conftest import Sweep
from tests.publish_records import schema_errors
from tests.upstream import Upstream

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 12, 12, tzinfo=UTC)
MOMENTS = spread(JANUARY, NOW, 40)  #: of the entries of `archive`
MONTHS = ["2026-01.atom", "2026-02.atom", "2026-03.atom"]


@pytest.fixture(scope="module")
def running() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def made(running: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """A project that was synced and built, which nobody may touch: 40 entries, of which 10 stand in a feed."""
    archive = Archive(tmp_path_factory.mktemp("made"), running, {"a": "news"})
    _send(archive)
    archive.sync(NOW)
    archive.build(NOW)
    return archive


@pytest.fixture
def archive(made: Archive, tmp_path: Path) -> Archive:
    """A project of one's own, with 40 entries of four months, three of them in pages."""
    copied = made.copy(tmp_path / "project")
    _send(copied)
    return copied


def _send(archive: Archive, *more: str) -> None:
    archive.send("a", *(dated(number, date) for number, date in enumerate(MOMENTS)), *more)


def _ids(numbers: range) -> list[str]:
    """Return names to compare walks by: an entry's id is made of its source's, so titles are compared."""
    return [f"Entry {number}" for number in numbers]


def _titles(archive: Archive, feed: str = "news", former: str | None = None) -> Counter[str]:
    """Return how often a whole walk meets each title."""
    found = archive.walk(feed, former)
    titles = {
        entry.findtext("{*}id"): entry.findtext("{*}title") or ""
        for document in found.documents
        for entry in document.root.iterchildren("{*}entry")
    }
    return Counter(titles[each] for each in found.ids)


# -- what they are ------------------------------------------------------------------------------------------------------


@pytest.mark.publishes("P23")
def test_walking_the_chain_gives_every_entry_once(tmp_path: Path, running: Upstream, shared: Path, sweep: Sweep) -> None:
    """Of a large category's entries on three levels the live feeds hold some and valid pages the rest, over HTTP, each once."""
    number = sweep.count(20_000, 600)
    sources = {f"s{each}": "news, world" for each in range((number + 999) // 1000)}
    archive = Archive(tmp_path, running, sources, public="{entries: 50}")
    with serve(archive.root / "public") as server:
        site = f"http://127.0.0.1:{server.port}/"
        archive.settings("{entries: 50}", site=site)
        moments = spread(NOW - 300 * DAY, NOW, number)
        for each, name in enumerate(sources):
            own = range(each, number, len(sources))
            archive.send(name, *(dated(n, moments[n], guid=f"{site}{n}") for n in own))
        archive.sync(NOW, jobs=2)
        archive.sync(NOW, jobs=2)
        assert not archive.closed()  # the first day brings the posts, and no more
        archive.build(NOW, jobs=2)

        for feed in ("all", "news", "news/world"):
            found = walk(f"{site}feeds/{feed}.atom", fetch)
            assert len(found.live.ids) == 50
            assert Counter(found.ids) == Counter(f"{site}{n}" for n in range(number))
            archived = [each for page in found.pages for each in page.ids]
            assert len(archived) == len(set(archived))
            assert max(len(page.ids) for page in found.pages) <= 500
    for content, _ in archive.closed().values():
        assert not examine(content).faults
        assert not schema_errors(content, shared)
        assert len(content) <= 1024 * 1024


def test_a_page_is_named_by_its_month(made: Archive) -> None:
    """Months that are over have a page each, and a month that is not stays in the live feed."""
    assert made.pages() == MONTHS
    walked = made.walk()
    assert [page.address.rpartition("/")[2] for page in walked.pages] == MONTHS[::-1]
    for page in walked.pages:
        month = page.address.rpartition("/")[2].removesuffix(".atom")
        dates = [entry.findtext("{*}published") or "" for entry in page.root.iterchildren("{*}entry")]
        assert dates == sorted(dates, reverse=True)
        assert all(date.startswith(month) for date in dates)
        assert page.root.findtext("{*}updated") == dates[0]
    assert _titles(made) == Counter(_ids(range(40)))


def test_a_feed_that_holds_everything_has_no_pages(tmp_path: Path, running: Upstream) -> None:
    """Where the live feed has a place for every entry there is nothing to archive, however old they are."""
    archive = Archive(tmp_path, running, {"a": "news"}, public="{entries: 40}")
    _send(archive)
    archive.sync(NOW)
    archive.build(NOW)
    assert not archive.closed()
    assert not archive.walk().pages


def test_a_rebuild_changes_nothing(archive: Archive) -> None:
    """Building unchanged data writes no file: not a page, and not a feed that links one."""
    before = archive.closed()
    assert archive.build(NOW + DAY) == 0
    assert archive.closed() == before


def test_a_run_without_news_makes_no_page(archive: Archive) -> None:
    """A run that writes no feed does not even load what looks at archives, on a new day either."""
    shutil.rmtree(archive.feeds / "news.archive")
    before = archive.closed()
    code = (
        "import sys; from datetime import datetime; from pathlib import Path; from tests.archives import Archive;"
        "archive = Archive.__new__(Archive); archive.root = Path(sys.argv[1]);"
        "archive.sync(datetime.fromisoformat(sys.argv[2]));"
        "assert 'aggregator.pipeline.archiving' not in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    moment = (NOW + DAY).isoformat()
    done = subprocess.run([sys.executable, "-c", code, archive.root, moment], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert archive.closed() == before


def test_pages_are_made_once_a_day(archive: Archive) -> None:
    """The first sync of a day that has news closes what is due, those after it leave that to the next day."""
    later = NOW + 30 * DAY
    for hours in range(3):
        sent = range(40, 48 + 8 * hours)
        _send(archive, *(dated(number, NOW + (number - 39) * timedelta(hours=1)) for number in sent))
        archive.sync(later + hours * timedelta(hours=1))
        assert archive.pages() == [*MONTHS, "2026-04.atom"]
    archive.build(later)
    assert _titles(archive) == Counter(_ids(range(64)))


# -- closed for ever ----------------------------------------------------------------------------------------------------


@pytest.mark.publishes("P23")
def test_closed_pages_stay_through_a_year(tmp_path: Path, running: Upstream) -> None:
    """News, edits, late entries, a new source with old ones and another title leave bytes and times of every page alone."""
    archive = Archive(tmp_path, running, {"a": "news"}, public="{entries: 6}")
    sent: list[str] = []
    closed: dict[str, tuple[bytes, int]] = {}
    number = 0
    for month in range(1, 13):
        start = datetime(2025, month, 1, tzinfo=UTC)
        for each in range(4):
            sent.append(dated(number, start + each * 3 * DAY + timedelta(hours=1)))
            number += 1
        if month in {5, 9}:
            sent.append(dated(number, start - 40 * DAY))
            number += 1
        if month == 6:
            sent[2] = dated(2, datetime(2025, 1, 7, 1, tzinfo=UTC), text="Mended.")
        if month == 8:
            archive.sources({"a": "news", "b": "news"})
            archive.send("b", *(dated(number + each, datetime(2025, 1, 1 + each, tzinfo=UTC)) for each in range(3)))
            number += 3
        if month == 10:
            archive.settings("{entries: 6}", title="Another title")
        archive.send("a", *sent)
        archive.sync(start + 14 * DAY)
        now = archive.closed()
        assert closed.items() <= now.items(), month
        closed = now
        if month > 1:
            assert _titles(archive) == Counter(_ids(range(number))), month
    assert len(archive.pages()) == len(archive.walk().pages) > 5
    assert archive.check() == ""
    assert not any("Mended" in content.decode() for content, _ in closed.values())
    assert b"Another title" in closed[f"news.archive/{archive.pages()[-1]}"][0]


@pytest.mark.publishes("P23")
def test_what_comes_late_is_appended(archive: Archive) -> None:
    """An entry of a month that is closed goes into a page of its own at the newest end, since no feed has a place for it."""
    before = archive.closed()
    _send(archive, dated(40, JANUARY))
    archive.sync(NOW + DAY)
    assert before.items() <= archive.closed().items()
    assert archive.pages() == sorted([*MONTHS, "2026-03-2.atom"])
    assert archive.walk().pages[0].address.endswith("/2026-03-2.atom")
    assert _titles(archive) == Counter(_ids(range(41)))


def test_a_lost_state_rewrites_no_page(archive: Archive) -> None:
    """Without a state the pages on disk say what is archived."""
    before = archive.closed()
    shutil.rmtree(archive.root / "state")
    archive.sync(NOW + DAY)
    assert archive.closed() == before
    assert archive.build(NOW + DAY) == 0


@pytest.mark.parametrize("damage", ["{", "[]", '{"feeds/all.atom": 1}'])
def test_a_damaged_note_of_the_last_look_rewrites_no_page(archive: Archive, damage: str) -> None:
    """What the state says of the pages is a help: where it says nothing, they are read."""
    before = archive.closed()
    with closing(sqlite3.connect(archive.root / "state" / "state.sqlite")) as state, state:
        assert state.execute("UPDATE meta SET value = ? WHERE name = 'archives'", (damage,)).rowcount == 1
    archive.build(NOW)
    assert archive.closed() == before
    assert archive.check() == ""


def test_a_run_that_died_behind_the_pages_is_taken_up(archive: Archive, tmp_path: Path) -> None:
    """Where pages lie on the disk of which the state knows nothing yet, the next look finds them, and the feed links them."""
    shutil.copytree(archive.root / "state", tmp_path / "state")
    live = (archive.feeds / "news.atom").read_bytes()
    _send(archive, *(dated(40 + each, NOW + each * DAY) for each in range(9)))
    later = NOW + 40 * DAY
    archive.sync(later)
    before = archive.closed()
    shutil.rmtree(archive.root / "state")
    shutil.copytree(tmp_path / "state", archive.root / "state")
    (archive.feeds / "news.atom").write_bytes(live)

    archive.sync(later)
    assert archive.closed() == before
    assert _titles(archive) == Counter(_ids(range(49)))


def test_a_lost_public_folder_is_made_again(archive: Archive) -> None:
    """Pages that are gone are made anew from the posts, by month."""
    before = archive.closed()
    shutil.rmtree(archive.root / "public")
    archive.sync(NOW + DAY)
    assert {path: content for path, (content, _) in archive.closed().items()} == {
        path: content for path, (content, _) in before.items()
    }


def test_a_page_that_a_hand_removed_leaves_no_hole(archive: Archive) -> None:
    """A page that others link is made again at its address, of what was in it."""
    before = archive.closed()
    (archive.feeds / "news.archive" / "2026-02.atom").unlink()
    assert "2026-02.atom" in archive.check()
    archive.build(NOW + DAY)
    assert archive.check() == ""
    assert {path: content for path, (content, _) in archive.closed().items()} == {
        path: content for path, (content, _) in before.items()
    }
    assert _titles(archive) == Counter(_ids(range(40)))


@pytest.mark.parametrize("left", [0, 1500], ids=["empty", "half"])
def test_a_damaged_page_is_told_and_nothing_is_built_upon_it(archive: Archive, left: int) -> None:
    """A page without its end is named, and no page is added; deleted, it is made again, and no entry stands twice."""
    page = archive.feeds / "news.archive" / "2026-02.atom"
    page.write_bytes(page.read_bytes()[:left])
    before = archive.closed()

    archive.build(NOW + DAY)

    assert [text for text in archive.told() if "feeds/news.archive/2026-02.atom: the page is damaged" in text]
    assert archive.closed() == before
    page.unlink()
    archive.build(NOW + DAY)
    assert archive.told() == []
    assert _titles(archive) == Counter(_ids(range(40)))


def test_explain_names_the_page(archive: Archive) -> None:
    """Whoever asks where an old entry is learns which page holds it."""
    out = StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        main(["-C", str(archive.root), "explain", "entry-3"])
    assert "10 (`entries`); it is in feeds/news.archive/2026-01.atom" in " ".join(out.getvalue().split())


# -- what leaves --------------------------------------------------------------------------------------------------------


def test_a_deleted_post_is_cut_out(archive: Archive) -> None:
    """A page loses just the entry that a hand has deleted, says that it is gone, and stays valid; the other pages stay."""
    before = archive.closed()
    archive.post(3).unlink()
    archive.build(NOW)
    changed = {path for path, found in archive.closed().items() if before[path] != found}
    assert changed == {"all.archive/2026-01.atom", "news.archive/2026-01.atom"}
    content, _ = archive.closed()["news.archive/2026-01.atom"]
    assert b"deleted-entry" in content
    assert not examine(content).faults
    assert _titles(archive) == Counter(_ids(range(40))) - Counter(["Entry 3"])
    assert archive.build(NOW) == 0


def test_a_page_that_lost_every_entry_stays_in_the_chain(archive: Archive) -> None:
    """The chain goes through a page that holds nothing any more."""
    for number, date in enumerate(MOMENTS):
        if date.month == 2:
            archive.post(number).unlink()
    archive.build(NOW)
    assert [len(page.ids) > 0 for page in archive.walk().pages] == [True, False, True]


def test_an_expired_post_is_cut_out(archive: Archive) -> None:
    """What `keep` lets go leaves the pages too, without a word: it was not deleted."""
    archive.settings(more=", keep: {age: 100d}")
    archive.sync(NOW + DAY)
    assert 0 < len([date for date in MOMENTS if date < NOW + DAY - 100 * DAY]) < 10
    archive.sync(NOW + 2 * DAY)
    left = [number for number, date in enumerate(MOMENTS) if date >= NOW + 2 * DAY - 100 * DAY]
    assert _titles(archive) == Counter(f"Entry {number}" for number in left)
    assert not any(b"deleted-entry" in content for content, _ in archive.closed().values())


def test_an_entry_that_moved_is_cut_out(archive: Archive) -> None:
    """A post that a hand puts into another category leaves the pages of the one, and comes to the other's feed."""
    post = archive.post(3)
    text = post.read_text("utf-8")
    assert text.count("- 'news'") == 1
    post.write_text(text.replace("- 'news'", "- 'other'"), "utf-8")
    shutil.rmtree(archive.root / "state")  # or nobody looks at so old a post
    archive.sync(NOW + DAY)
    archive.build(NOW + DAY)
    assert _titles(archive)["Entry 3"] == 0
    assert _titles(archive, "other") == Counter(["Entry 3"])
    assert _titles(archive, "all") == Counter(_ids(range(40)))


def test_a_state_that_forgot_a_post_cuts_nothing(archive: Archive) -> None:
    """An entry of which nothing is known stays in its page, which may be all that is left of it."""
    before = archive.closed()
    post = archive.post(3)
    post.write_text("not a post any more", "utf-8")
    shutil.rmtree(archive.root / "state")
    archive.sync(NOW + DAY)
    archive.build(NOW + DAY)
    assert archive.closed() == before


# -- what else may happen -----------------------------------------------------------------------------------------------


def test_a_renamed_category_goes_on_with_its_chain(archive: Archive) -> None:
    """Closed pages stay at their address; the first page below the new name links the last one below the former."""
    before = archive.closed()
    _rename(archive, "news", "media")
    assert before == archive.closed()
    assert archive.walk("media", former="news").pages[0].address == f"{SITE}feeds/news.archive/2026-03.atom"

    _send(archive, *(dated(40 + each, NOW + each * DAY) for each in range(9)))
    archive.sync(NOW + 40 * DAY)
    assert before.items() <= archive.closed().items()
    assert archive.pages("media") == ["2026-04.atom"]
    assert archive.pages("news") == MONTHS
    assert _titles(archive, "media", former="news") == Counter(_ids(range(49)))
    assert archive.check() == ""


def _rename(archive: Archive, old: str, new: str) -> None:
    with redirect_stderr(StringIO()), pytest.raises(SystemExit) as left:
        main(["-C", str(archive.root), "category", "rename", old, new])
    assert left.value.code == 0


def test_a_category_that_goes_back_to_its_name_keeps_its_chain(archive: Archive) -> None:
    """Pages that were closed below the other name stay in the chain, and pages of one month in their order."""
    _rename(archive, "news", "media")
    _send(archive, *(dated(40 + each, NOW + each * timedelta(hours=1)) for each in range(9)))
    archive.sync(NOW + 40 * DAY)
    closed = archive.closed()
    _rename(archive, "media", "news")
    _send(archive, *(dated(40 + each, NOW + each * timedelta(hours=1)) for each in range(30)))
    archive.sync(NOW + 42 * DAY)

    assert closed.items() <= archive.closed().items()
    assert archive.pages("media") == ["2026-04.atom"]
    assert archive.pages("news") == [*MONTHS, "2026-04-2.atom"]
    assert _titles(archive, "news", former="media") == Counter(_ids(range(70)))
    assert archive.check() == ""


def test_another_address_of_the_site_reaches_the_pages(archive: Archive) -> None:
    """When the site moves, the links of all pages do, and nothing else of them."""
    before = archive.closed()
    archive.sync(NOW)
    archive.settings(site="https://elsewhere.example/blog/")
    archive.sync(NOW)  # on a day on which the archives were looked at
    after = archive.closed()
    swaps = ((SITE, "https://elsewhere.example/blog/"), ('"/feeds/style.css"', '"/blog/feeds/style.css"'))
    expected = {path: content.decode() for path, (content, _) in before.items()}
    for old, new in swaps:
        expected = {path: text.replace(old, new) for path, text in expected.items()}
    assert {path: content.decode() for path, (content, _) in after.items()} == expected
    assert not any(examine(content).faults for content, _ in after.values())
    assert archive.build(NOW) == 0


def test_archives_can_be_off(archive: Archive) -> None:
    """Without archives no page is made and none is linked; those that there are stay."""
    before = archive.closed()
    archive.settings("{entries: 10, archives: false}")
    _send(archive, *(dated(40 + each, NOW + each * DAY) for each in range(12)))
    archive.sync(NOW + 40 * DAY)
    archive.build(NOW + 40 * DAY)
    assert archive.closed() == before
    assert not archive.walk().pages
    assert archive.check() == ""


def test_what_cannot_be_published_is_tried_once(archive: Archive) -> None:
    """An entry that the gate refuses stays out of the pages, is told, and makes no work on the days that follow."""
    post = archive.post(3)
    for path in archive.feeds.rglob("*.archive"):
        shutil.rmtree(path)
    text = post.read_text("utf-8")
    post.write_text(text.replace("title: 'Entry 3'", "title: ' '"), "utf-8")
    archive.build(NOW)
    assert any("Entry" in text or "title" in text for text in archive.told())
    assert _titles(archive) == Counter(_ids(range(40))) - Counter(["Entry 3"])
    before = archive.closed()
    _send(archive, dated(40, NOW))
    archive.sync(NOW + DAY)
    assert not archive.told()
    assert archive.closed() == before


def test_an_id_of_two_sources_stands_once_in_the_chain(archive: Archive) -> None:
    """Where another source brings an entry that a page holds already, no page holds it twice."""
    same = "http://upstream.example/same"
    archive.sources({"a": "news", "b": "news"})
    archive.send("b", dated(50, JANUARY + DAY, guid=same))
    archive.sync(NOW + DAY)
    assert _titles(archive)["Entry 50"] == 1
    _send(archive, dated(51, JANUARY + DAY, guid=same))
    archive.sync(NOW + 2 * DAY)
    archive.build(NOW + 2 * DAY)
    ids = archive.walk().ids
    assert ids.count(same) == 1
    assert len(ids) == len(set(ids)) == 41


def test_large_entries_make_more_pages(tmp_path: Path, running: Upstream) -> None:
    """A page holds no more bytes than a feed may, and where so few entries fit into the live feed, the chain has the rest."""
    archive = Archive(tmp_path, running, {"a": "news"}, public="{entries: 10, max_bytes: 16KiB}")
    archive.send("a", *(dated(number, date, text="word " * 700) for number, date in enumerate(MOMENTS)))
    archive.sync(NOW)
    archive.build(NOW)
    assert all(len(content) <= 16 * 1024 for content, _ in archive.closed().values())
    assert len(archive.walk().live.ids) < 5
    assert _titles(archive) == Counter(_ids(range(40)))
