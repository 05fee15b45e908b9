"""The page of an entry, and pages of a project in any state: what is shown, and what never is."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.model.entry import SafeHtml
from aggregator.model.page import FeedsPage, Gone
from aggregator.store.ledger import FILE_NAME, Deleted, Expired, Ledger, Takedown
from aggregator.store.tables import VERSION
from tests.conftest import need
from tests.post_records import full_entry
from tests.projects import SITE
from tests.shown import Project, listed, made, shown, titles

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_an_entry_is_shown_with_all_that_its_post_holds(project: Project) -> None:
    """Texts, people, tags, files and dates of the post stand in its page."""
    found = full_entry(source_id="a", categories=("News", "A"))
    [row] = project.add(found)

    page = shown(project.pages(), row.key)
    assert (page.content, page.link, page.author, page.cover) == (found.content, found.link, found.author, found.cover)
    assert page.authors == ("Ann", "Bob")
    assert page.tags == ("town", "A", "a")
    assert (page.rights, page.published, page.updated) == (found.rights, found.published, found.updated)
    assert page.enclosures == found.enclosures
    assert page.card.audio


def test_neighbours_are_those_of_its_category(project: Project) -> None:
    """Newer and older lead to the entries beside it in its own category, by date and then by key."""
    rows = project.add(made(1), made(2, source="b", categories=("News", "B")), made(3), made(5))
    [one, _, three, five] = rows
    pages = project.pages()

    page = shown(pages, three.key)
    assert page.newer is not None
    assert page.older is not None
    assert (page.newer.href, page.older.href) == (f"/e/{five.key}/", f"/e/{one.key}/")
    assert (page.newer.title, page.older.title) == ("Entry 5", "Entry 1")
    assert (shown(pages, one.key).older, shown(pages, five.key).newer) == (None, None)


def test_entries_of_one_second_are_all_met(project: Project) -> None:
    """Where many entries bear one date, "older" leads through each of them once."""
    rows = project.add(*(made(number, at=AT) for number in range(6)))
    pages = project.pages()
    met = [max(row.key for row in rows)]
    while (older := shown(pages, met[-1]).older) is not None:
        met.append(older.href.split("/")[2])

    assert met == sorted((row.key for row in rows), reverse=True)


def test_pictures_are_the_reader_s_choice(tmp_path: Path) -> None:
    """`ask` shows them to who asks, `always` to everybody, `never` to nobody, and a static page cannot ask."""
    told = {}
    for choice in ("ask", "always", "never"):
        project = Project(tmp_path / choice, pages=f"{{pictures: {choice}}}")
        [row] = project.add(made(1))
        asked, plain = shown(project.pages(), row.key, pictures="1"), shown(project.pages(), row.key)
        static = shown(project.pages(static=True), row.key, pictures="1")
        told[choice] = (plain.shows_pictures, asked.shows_pictures, static.shows_pictures, static.may_show_pictures)

    assert told == {
        "ask": (False, True, False, False),
        "always": (True, True, True, False),
        "never": (False, False, False, False),
    }


def test_an_edited_post_is_shown_as_edited_and_made_safe(project: Project) -> None:
    """What a hand wrote into a post is shown; what must not run is taken out."""
    [row] = project.add(made(1))
    place = project.root / "posts" / row.path
    place.write_text(place.read_text("utf-8").replace("<p>Text</p>", "<p>By hand</p><script>alert(1)</script>"), "utf-8")

    page = shown(project.pages(), row.key)
    assert "By hand" in page.content
    assert "script" not in page.content


@pytest.mark.parametrize("harm", ["gone", "damaged", "folder", "link", "pipe", "unreadable"])
def test_a_post_that_cannot_be_read_shows_what_is_known(project: Project, harm: str) -> None:
    """Its title and where it is from are shown, in its own page and in lists."""
    [row] = project.add(replace(made(1), id="https://a.example/1"))
    place = project.root / "posts" / row.path
    place.unlink()
    match harm:
        case "damaged":
            place.write_bytes(b"---\ntitle: [")
        case "folder":
            place.mkdir()
        case "link":
            place.symlink_to("/etc/passwd")
        case "pipe":
            os.mkfifo(place)
        case "unreadable":
            place.write_bytes(b"\xff\xfe\x00")
    pages = project.pages()

    page = shown(pages, row.key)
    assert (page.card.title, page.link, page.content) == ("Entry 1", "https://a.example/1", "")
    assert [(card.title, card.summary) for card in listed(pages).cards] == [("Entry 1", "")]


@pytest.mark.parametrize("kind", [Deleted, Takedown])
def test_what_was_taken_out_is_gone_at_once(project: Project, kind: type[Deleted | Takedown]) -> None:
    """As soon as the ledger says so, an entry is in no list and 410, though index and disk still hold it."""
    [row, _] = project.add(made(1), made(2))
    pages = project.pages()
    shown(pages, row.key)
    Ledger.load(project.root / FILE_NAME).add(kind(source="a", id="a-1", key=row.key, at=AT))

    assert pages.page(("e", row.key), {}) == Gone()
    assert titles(listed(pages).cards) == ["Entry 2"]
    assert row.key not in set(pages.keys())


def test_neighbours_pass_over_what_was_taken_out(project: Project) -> None:
    """A link beside an entry never leads to one that is gone."""
    [one, two, three] = project.add(made(1), made(2), made(3))
    Ledger.load(project.root / FILE_NAME).add(Takedown(source="a", id="a-2", key=two.key, at=AT))

    page = shown(project.pages(), three.key)
    assert page.older is not None
    assert page.older.href == f"/e/{one.key}/"


def test_what_is_kept_no_longer_is_gone(project: Project) -> None:
    """An entry that has expired is 410, whether the ledger or the index tells."""
    [one, two] = project.add(made(1), made(2))
    project.state.expiry.mark([one.key], folders=(), dirty=())
    Ledger.load(project.root / FILE_NAME).add(Expired(source="a", id="a-9", key="aaaaaaaaaaaa", at=AT))
    pages = project.pages()

    assert pages.page(("e", one.key), {}) == Gone()
    assert pages.page(("e", "aaaaaaaaaaaa"), {}) == Gone()
    assert shown(pages, two.key).older is None


def test_a_project_without_a_state_has_pages(tmp_path: Path) -> None:
    """Before the first sync there are lists without entries, and all feeds."""
    project = Project(tmp_path)
    project.state.close()
    (tmp_path / "state/state.sqlite").unlink()
    pages = project.pages()

    assert listed(pages).cards == ()
    assert isinstance(pages.page(("feeds",), {}), FeedsPage)
    assert pages.frame("en").sources == 3
    assert pages.problem is not None
    assert "no state yet" in pages.problem


@pytest.mark.parametrize("harm", ["text", "cut", "older", "newer", "folder", "empty"])
def test_a_state_that_cannot_be_used_is_no_state(tmp_path: Path, harm: str) -> None:
    """Pages show no entry and say why; once there is a good one again, they show its entries."""
    project = Project(tmp_path)
    project.add(made(1))
    project.state.close()
    place, spare = tmp_path / "state/state.sqlite", tmp_path / "spare"
    pages = project.pages()
    assert titles(listed(pages).cards) == ["Entry 1"]
    pages.close()
    good = place.read_bytes()
    match harm:
        case "text":
            place.write_bytes(b"not a database" * 1000)
        case "cut":
            place.write_bytes(good[: len(good) // 2])
        case "older" | "newer":
            with closing(sqlite3.connect(place)) as run:
                version = VERSION + 1 if harm == "newer" else 1
                run.execute("UPDATE meta SET value = ? WHERE name = 'version'", (str(version),))
                run.commit()
        case "folder":
            place.unlink()
            place.mkdir()
        case "empty":
            place.write_bytes(b"")

    assert listed(pages).cards == ()
    assert pages.problem
    if place.is_dir():
        place.rmdir()
    spare.write_bytes(good)
    spare.replace(place)
    assert titles(listed(pages).cards) == ["Entry 1"]
    assert pages.problem is None


def test_a_ledger_that_cannot_be_read_keeps_what_it_said(project: Project) -> None:
    """While a merge conflict stands in it, what was taken out stays out, and the pages say what is wrong."""
    [row, _] = project.add(made(1), made(2))
    path = project.root / FILE_NAME
    Ledger.load(path).add(Takedown(source="a", id="a-1", key=row.key, at=AT))
    pages = project.pages()
    assert titles(listed(pages).cards) == ["Entry 2"]
    path.write_text("<<<<<<< ours\n", "utf-8")

    assert titles(listed(pages).cards) == ["Entry 2"]
    assert pages.problem is not None
    assert "ledger.jsonl" in pages.problem


def test_the_version_tells_of_every_change(project: Project) -> None:
    """Index, ledger, configuration and feeds: whatever changes makes another version, and nothing else does."""
    pages = project.pages()
    project.add(made(0))
    listed(pages)
    seen = [pages.version()]
    assert pages.version() == seen[0]
    project.add(made(1))
    seen.append(pages.version())
    Ledger.load(project.root / FILE_NAME).add(Takedown(source="a", id="x", key="aaaaaaaaaaaa", at=AT))
    seen.append(pages.version())
    project.configure(SITE)
    seen.append(pages.version())
    (project.root / "public/feeds").mkdir(parents=True)
    (project.root / "public/feeds/all.atom").write_bytes(b"")
    seen.append(pages.version())

    assert len(set(seen)) == len(seen)
    assert pages.version() == seen[-1]


def test_a_frame_of_a_static_host_tells_nothing_of_the_moment(project: Project) -> None:
    """It offers no other language, and neither the time of the last build nor who fails: every page would change with them."""
    (project.root / "public/feeds").mkdir(parents=True)
    (project.root / "public/feeds/all.atom").write_bytes(b"")
    live, static = project.pages().frame("en"), project.pages(static=True).frame("en")

    assert live.built is not None
    assert (static.built, static.failing, static.languages, static.is_static) == (None, 0, ("en",), True)
    assert [link.href for link in live.nav] == ["/c/news/", "/c/code/"]


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ((), "en"), (("de", "zh-HK"), "zh-TW"), (("zh",), "zh-CN"), (("zh-Hans-TW",), "zh-CN"), (("en-GB",), "en"),
        (("de",), "en"), (("*",), "en"), (("zh_TW",), "zh-TW"), (("",), "en"),
    ],
)  # fmt: skip
def test_the_first_language_that_is_ours_counts(project: Project, asked: tuple[str, ...], language: str) -> None:
    """Of what a reader asks for, the first one that the words are there in; else the site's."""
    assert project.pages().language(asked) == language


def test_addresses_are_all_pages(project: Project) -> None:
    """Each address is a page, each page once, and links between pages lead to nothing else."""
    project.add(*(made(number) for number in range(4)), made(9, source="left", categories=("Left",)))
    pages = project.pages(static=True)

    addresses = list(pages.addresses())
    assert len(set(addresses)) == len(addresses)
    for address in addresses:
        path = tuple(part for part in address.split("/") if part)
        page = pages.page(path, {})
        assert path == ("status",) or page is not None, address
    assert {"/", "/feeds/", "/c/news/a/", "/c/left/2025-12/", "/s/left/", "/s/b/", "/2025-12/"} <= set(addresses)
    assert sum(address.startswith("/e/") for address in addresses) == 5


def test_feeds_are_listed_as_categories_are_nested(project: Project) -> None:
    """The feed of everything comes first, each category's before those below it, in all its formats."""
    page = project.pages().page(("feeds",), {})

    assert isinstance(page, FeedsPage)
    assert [(feed.title, feed.page, feed.depth) for feed in page.feeds] == [
        ("T", "/", 0), ("News", "/c/news/", 1), ("A", "/c/news/a/", 2), ("B", "/c/news/b/", 2), ("Code", "/c/code/", 1),
    ]  # fmt: skip
    assert [(twin.title, twin.href) for twin in page.feeds[2].twins] == [
        ("RSS", "/feeds/news/a.rss"), ("JSON", "/feeds/news/a.json"),
    ]  # fmt: skip
    assert page.status == "/feeds/status.atom"


def test_a_summary_is_made_of_the_text_where_upstream_gives_none(project: Project) -> None:
    """It is plain, at most 240 characters, and no tag is cut in two."""
    html = SafeHtml('<p><img src="https://a.example/1.jpg">' + "<b>word</b> " * 3000 + "</p>")
    project.add(replace(made(1), summary=None, content=html))

    [card] = listed(project.pages()).cards
    assert card.summary.startswith("word word word")
    assert len(card.summary) <= 240
    assert "<" not in card.summary


def test_a_project_on_a_read_only_disk_is_shown(tmp_path: Path) -> None:
    """Where SQLite may write nothing beside the state, not even its log, pages are what they are elsewhere."""
    project = Project(tmp_path)
    project.add(made(1))
    project.state.close()
    place = tmp_path / "state"
    code = (
        "import sys; from pathlib import Path; from tests.projects import read; from aggregator.pipeline.pages import Pages;"
        "from datetime import UTC, datetime; settings = read(Path(sys.argv[1]));"
        "pages = Pages(lambda: settings, clock=lambda: datetime.now(UTC));"
        "print([card.title for card in pages.page((), {}).cards], pages.problem)"
    )
    less = "-dac_override,-dac_read_search"
    words = [need("setpriv"), f"--bounding-set={less}", f"--inh-caps={less}"] if os.geteuid() == 0 else []
    for path in (*place.iterdir(), place):
        path.chmod(0o555)
    try:
        done = subprocess.run(
            [*words, sys.executable, "-c", code, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )
    finally:
        place.chmod(0o755)

    assert done.stdout == "['Entry 1'] None\n", done.stderr
    assert [path.name for path in place.iterdir()] == ["state.sqlite"]
