"""What becomes of each file of an old site: the same each time, whatever the files hold."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import normalize

import pytest

from aggregator.model.key import entry_key
from aggregator.model.settings import PostsSettings, Settings, Site
from aggregator.model.source import Source
from aggregator.pipeline.adopting import (
    ADOPTED,
    BANNED,
    FOREIGN,
    THERE,
    TWIN,
    UNREADABLE,
    AdoptionPlan,
    Standing,
    look_at,
    plan_adoption,
)
from aggregator.pipeline.jobs import OldPostsJob, PostsPlace
from aggregator.store.posts import list_pages, write_post
from aggregator.store.profiles import get_profile
from tests.conftest import Sweep
from tests.old_site import ROUTES, Old
from tests.post_records import full_entry

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ZAKER, JIANSHU = ROUTES[0], ROUTES[5]


def _source(name: str, *categories: str) -> Source:
    return Source(id=name, feed="https://a.example/f", addresses=("https://a.example/f",), categories=categories)


SOURCES = (_source("zaker", *ZAKER.path),)


def _post(
    text: str = "正文", *, title: str = "T", date: str = "Sat, 11 Sep 2021 00:22:19 GMT", path: tuple[str, ...] = ZAKER.path
) -> bytes:
    parts = "\n".join(f" - {part}" for part in path)
    return (
        f"\n---\ntitle: '{title}'\ncategories: \n{parts}\nheadimg: ''\nauthor: ZAKER\n"
        f"comments: false\ndate: {date}\nthumbnail: ''\n---\n\n<div>   \n<p>{text}</p>  \n</div>\n            "
    ).encode()


def _plan(
    root: Path,
    files: Mapping[str, bytes],
    *,
    sources: tuple[Source, ...] = SOURCES,
    standing: Standing | None = None,
    profile: str = "default",
    zone: str = "UTC",
) -> AdoptionPlan:
    for path, content in files.items():
        (root / "posts" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "posts" / path).write_bytes(content)
    place = PostsPlace(root=root / "posts", archive=root / "archive", profile=profile, timezone="UTC")
    found = look_at(OldPostsJob(place=place, paths=tuple(list_pages(place.root)), zone=zone, now=NOW))
    site = Site(id="urn:uuid:11111111-2222-3333-4444-555555555555", title="T", url="https://t.example/")
    settings = Settings(root=root, site=site, posts=PostsSettings(), sources=sources)
    return plan_adoption(found, settings, standing or Standing())


def _what(plan: AdoptionPlan) -> dict[str, str]:
    return {row.path: row.what for row in plan.rows}


def _extra(plan: AdoptionPlan, path: str) -> dict[str, object]:
    [row] = [row for row in plan.rows if row.path == path]
    found: dict[str, object] = json.loads(row.extra or b"{}")
    return found


def test_the_plan_is_a_function_of_the_files(tmp_path: Path) -> None:
    """Two folders with the same files give the same ids, keys and archive files."""
    files = {old.path: old.post() for route in ROUTES for old in (Old(route=route, number=n) for n in range(1, 8))}
    one, two = (_plan(tmp_path / name, files) for name in ("one", "two"))

    assert one == two
    assert one.count(ADOPTED) == len(files)
    assert len({row.key for row in one.rows}) == len(files)


def test_each_file_is_told_apart(tmp_path: Path) -> None:
    """Old posts are adopted; posts written by hand are left to them; what cannot be read is named, and nothing is touched."""
    files = {
        "a/old.md": _post(),
        "a/mine.md": b"---\ntitle: Mine\ndate: 2021-09-11\ncategories: [a]\n---\n\nBy *hand*.\n",
        "a/cut.md": _post()[:60],
        "a/empty.md": b"",
        "a/readme.txt": b"no post",
        "nowhere.md": _post(path=()),
    }
    plan = _plan(tmp_path, files)

    assert _what(plan) == {
        "a/old.md": ADOPTED,
        "a/mine.md": FOREIGN,
        "a/cut.md": UNREADABLE,
        "a/empty.md": UNREADABLE,
        "nowhere.md": UNREADABLE,
    }
    assert all(row.why for row in plan.rows if row.what != ADOPTED)


@pytest.mark.parametrize("profile", ["default", "volantis"])
def test_posts_of_our_own_are_not_adopted(tmp_path: Path, profile: str) -> None:
    """What the project wrote itself stays what it is."""
    entry = full_entry()
    path = f"a/b-{entry_key(entry.source_id, entry.id)}.md"
    write_post(tmp_path / "posts", path, get_profile(profile).render(entry), tmp_path / "archive")
    plan = _plan(tmp_path, {}, profile=profile)

    assert plan.rows == ()


def test_what_sync_wrote_before_is_said(tmp_path: Path) -> None:
    """An old post is adopted beside one of our own with its title, and both are named: a hand has to choose."""
    entry = replace(full_entry(), source_id="zaker", title="C: Win11/Win10")
    path = f"a/b-{entry_key('zaker', entry.id)}.md"
    write_post(tmp_path / "posts", path, get_profile("default").render(entry), tmp_path / "archive")
    plan = _plan(tmp_path, {"a/C_ Win11_Win10.md": _post(title="C_ Win11_Win10"), "a/T.md": _post()})

    assert [(row.what, row.beside) for row in plan.rows] == [(ADOPTED, path), (ADOPTED, None)]


def test_a_post_of_ours_without_its_archive_file_is_not_taken_for_an_old_one(tmp_path: Path) -> None:
    """In the look of the old posts only the key in the name tells ours: such a file is only named."""
    assert _what(_plan(tmp_path, {"a/t-announcement.md": _post()}, profile="volantis")) == {"a/t-announcement.md": UNREADABLE}


def test_a_name_that_ends_like_a_key_is_adopted_where_it_can_be_nothing_else(tmp_path: Path) -> None:
    """Twelve letters behind a dash are a word where our own posts carry their ids."""
    assert _what(_plan(tmp_path, {"a/t-announcement.md": _post()})) == {"a/t-announcement.md": ADOPTED}


def test_twins_are_adopted_once(tmp_path: Path) -> None:
    """Of posts of one source with the same title, date and text the first by path counts; the others are named."""
    files = {"b/T.md": _post(), "a/T.md": _post(), "c/T.md": _post("another")}
    plan = _plan(tmp_path, files)

    assert _what(plan) == {"a/T.md": ADOPTED, "b/T.md": TWIN, "c/T.md": ADOPTED}
    assert "a/T.md" in str(plan.rows[1].why)


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    """What an archive file names is there already, also when a twin comes that would stand before it."""
    first = _plan(tmp_path, {"b/T.md": _post()})
    paths = {row.key: row.path for row in first.rows if row.key}
    again = _plan(tmp_path, {"a/T.md": _post()}, standing=Standing(paths=paths))

    assert _what(again) == {"b/T.md": THERE, "a/T.md": TWIN}
    assert not [row for row in again.rows if row.extra]


def test_a_file_that_was_moved_keeps_its_identity(tmp_path: Path) -> None:
    """The same post at another place is the same entry: its archive file then names that place."""
    first = _plan(tmp_path / "x", {"b/T.md": _post()})
    paths = {row.key: row.path for row in first.rows if row.key}
    moved = _plan(tmp_path / "y", {"c/T.md": _post()}, standing=Standing(paths=paths))

    assert _what(moved) == {"c/T.md": ADOPTED}
    assert _extra(moved, "c/T.md") == _extra(first, "b/T.md") | {"path": "c/T.md"}


def test_what_was_taken_down_is_not_adopted(tmp_path: Path) -> None:
    """The ledger's word holds for an old post too."""
    [row] = _plan(tmp_path, {"a/T.md": _post()}).rows
    banned = Standing(banned=frozenset({str(row.key)}))

    assert _what(_plan(tmp_path, {}, standing=banned)) == {"a/T.md": BANNED}


def test_a_post_belongs_to_the_source_of_its_category(tmp_path: Path) -> None:
    """Case and Unicode form make no difference; without a source it gets an id made of the path, which is told."""
    decomposed = normalize("NFD", "Émile")
    files = {
        "a.md": _post("1", path=("新媒体", "zaker", "SOURCE")),
        "b.md": _post("2", path=("News", decomposed)),
        "c.md": _post("3", path=("游戏", "3DM", "新闻")),
        "d.md": _post("4", path=("游戏", "3dm", "新闻")),
    }
    plan = _plan(tmp_path, files, sources=(*SOURCES, _source("emile", "news", "Émile")))

    assert [row.source_id for row in plan.rows] == ["zaker", "emile", "游戏-3dm-新闻", "游戏-3dm-新闻"]
    assert plan.homeless == {("游戏", "3DM", "新闻"): "游戏-3dm-新闻"}


def test_an_id_that_is_taken_is_not_given_to_old_posts(tmp_path: Path) -> None:
    """A source that bears the name by chance has other entries."""
    plan = _plan(tmp_path, {"a.md": _post(path=("a", "b"))}, sources=(_source("A-B", "c"),))

    assert plan.homeless == {("a", "b"): "a-b-old"}


def test_of_several_sources_the_first_gets_the_posts(tmp_path: Path) -> None:
    """Which of them an old post came from cannot be told: the first in the configuration has it, and that is said."""
    sources = (_source("second", *ZAKER.path), _source("first", *ZAKER.path))
    plan = _plan(tmp_path, {"a.md": _post()}, sources=sources)

    assert [row.source_id for row in plan.rows] == ["second"]
    assert plan.shared == {ZAKER.path: ("second", "first")}


def test_dates_without_a_zone_are_the_sites(tmp_path: Path) -> None:
    """Such a date is the time of the generator's visit, no date of upstream's: the post is undated."""
    files = {"a.md": _post("1", date="2021-09-11 14:08:00"), "b.md": _post("2", date="Sat, 11 Sep 2021 14:08:00 +0000")}
    plan = _plan(tmp_path, files, zone="Asia/Shanghai")

    assert _extra(plan, "a.md")["date"] == "Sat, 11 Sep 2021 06:08:00 GMT"
    assert (_extra(plan, "a.md")["undated"], plan.rows[0].naive) == (True, True)
    assert "date" not in _extra(plan, "b.md")


@pytest.mark.parametrize(
    "date",
    ["Invalid Date", "", "1970-01-01 00:00:00", "0001-01-01", "Thu, 01 Jan 2099 00:00:00 GMT", "9999-12-31", "0000-00-00"],
)
def test_posts_without_a_date_that_can_be_true_are_as_old_as_the_oldest(tmp_path: Path, date: str) -> None:
    """They sink below what has a date; neither a clock nor a file's time says when they are from."""
    files = {"a.md": _post("1", date=date), "b.md": _post("2"), "c.md": _post("3", date="Fri, 10 Sep 2021 00:00:00 GMT")}
    plan = _plan(tmp_path, files, zone="America/Lima")

    assert _extra(plan, "a.md")["date"] == "Fri, 10 Sep 2021 00:00:00 GMT"
    assert plan.rows[0].undated
    alone = _plan(tmp_path / "alone", {"a.md": files["a.md"]})
    assert _extra(alone, "a.md")["date"] == "Fri, 01 Jan 2021 00:00:00 GMT"


@pytest.mark.post_row("R53", "R64")
def test_no_history_form_is_lost(tmp_path: Path) -> None:
    """Flat folders, two categories, four spaces, null categories, broken quotes as title and as file name: all are adopted."""
    title = '"""""""\'T\'"""""""'
    flat = _post("a", path=("新媒体", "ZAKER - source")).replace(b"\n - ", b"\n    - ")
    files = {
        "post/新媒体/T.md": flat,
        f"post/新媒体/ZAKER - source/{title}.md": flat.replace(b"title: 'T'", f"title: {title}".encode()).replace(
            b"<p>a", b"<p>b"
        ),
        "新媒体/ZAKER/资讯/c.md": _post("c", path=("新媒体", "ZAKER", "— 资讯")),
        "金融/x/d.md": _post("d", path=("金融", "x", "")),
        "x/y/e.md": _post("e", path=("", "", "")),
        'x/f/@g_ "(CW) ".md': _post("f").replace(b"title: 'T'", b'title: @g_ "(CW) "'),
        "x/_译_ T.md": _post("g"),
    }
    plan = _plan(tmp_path, files)

    assert set(_what(plan).values()) == {ADOPTED}, plan
    assert {row.path: row.categories for row in plan.rows if row.path[0] in "x金"} == {
        "金融/x/d.md": ("金融", "x"),
        "x/y/e.md": ("x", "y"),
        'x/f/@g_ "(CW) ".md': ZAKER.path,
        "x/_译_ T.md": ZAKER.path,
    }
    assert [row.path for row in plan.rows if row.hidden] == ["x/_译_ T.md"]
    assert _extra(plan, "x/y/e.md")["categories"] == ["x", "y"]


def test_whatever_a_file_holds_is_told_apart(tmp_path: Path, sweep: Sweep) -> None:
    """Posts with bytes lost, doubled, swapped and made up are adopted, foreign or unreadable: there is no fourth."""
    rng = random.Random(sweep.seed)
    scraps = (
        b"'",
        b'"',
        b"\n",
        b"---\n",
        b"title: ",
        b" - ",
        b"[",
        b"{",
        b"\xff",
        b"\0",
        b"&#123;",
        b"date: ",
        b"<div>",
        b": ",
        b"\t",
    )
    files = {}
    for number in range(sweep.count(20_000, 300)):
        post = bytearray(Old(route=rng.choice(ROUTES), number=rng.randrange(1, 40)).post())
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(rng.choice((60, 400, len(post))))
            post[at : at + rng.choice((0, 0, 1, 2, 40))] = b"".join(rng.choices(scraps, k=rng.randrange(3)))
        files[f"a/{number}.md"] = bytes(post)
    plan = _plan(tmp_path, files)

    assert len(plan.rows) == len(files)
    assert set(_what(plan).values()) <= {ADOPTED, TWIN, FOREIGN, UNREADABLE}
    assert 0 < plan.count(ADOPTED) < len(files)


def test_jianshu_s_posts_have_one_date(tmp_path: Path) -> None:
    """Posts that all say `Invalid Date` are told apart by their keys alone, in an order that does not change."""
    plan = _plan(tmp_path, {old.path: old.post() for old in (Old(route=JIANSHU, number=n) for n in range(1, 9))})

    assert {_extra(plan, row.path)["date"] for row in plan.rows} == {"Fri, 01 Jan 2021 00:00:00 GMT"}
