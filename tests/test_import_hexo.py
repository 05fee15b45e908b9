"""`import hexo`: an old site's posts are adopted where they are, and no entry is ever written a second time."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from aggregator.store.lock import project_lock
from aggregator.store.profiles.seal import seal_of
from tests.old_site import ROUTES, Old, entries, write_site
from tests.upstream import Folder, Upstream

NEW = 3  #: entries of each route that the old site never had
POSTS = "source/_posts"


@pytest.fixture
def site(tmp_path: Path, upstream: Upstream) -> Folder:
    """A project in an old site, whose upstreams serve the newest 15 that it has and a few new ones."""
    folder = Folder(tmp_path / "site")
    folder.settings("posts: {dir: source/_posts, profile: volantis}")
    lines = ["sources:"]
    for route in ROUTES:
        fresh = [Old(route=route, number=route.posts + n) for n in range(1, NEW + 1)]
        items = [old.item() for old in reversed((entries(route)[-15:]) + fresh)]
        upstream.feed(f"/{route.id}", "".join(items))
        path = json.dumps(route.path, ensure_ascii=False)
        lines.append(f"  {route.id}: {{feed: '{upstream.address}/{route.id}', categories: {path}}}")
    folder.sources("\n".join(lines) + "\n")
    write_site(folder.root)
    return folder


def _imported(site: Folder, *words: str, code: int = 0) -> str:
    done = site.run("import", "hexo", str(site.root), *words)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_an_old_site_is_adopted_without_a_duplicate(site: Folder) -> None:
    """500 posts keep bytes and names; of what upstream serves only what is new is written; nothing of it moves ever again."""
    before = site.files(POSTS)
    assert len(before) == 500

    said = _imported(site)

    assert site.files(POSTS) == before
    assert "500 files: 500 adopted; no post was changed" in said
    site.sync()
    after = site.files(POSTS)
    assert {path: after.get(path) for path in before} == before
    assert len(after) - len(before) == NEW * len(ROUTES), sorted(set(after) - set(before))

    whole = site.files(POSTS, "public", "archive", "ledger.jsonl")
    assert "500 already there" in _imported(site)
    site.sync("--force", "--no-cache")
    assert site.files(POSTS, "public", "archive", "ledger.jsonl") == whole
    shutil.rmtree(site.root / "state")
    site.sync("--force")
    assert site.files(POSTS, "public", "archive", "ledger.jsonl") == whole


@pytest.fixture
def small(tmp_path: Path, upstream: Upstream) -> Folder:
    """A project in an old site of one route with four posts, of which upstream still serves three, and a new one."""
    folder = Folder(tmp_path / "small")
    folder.settings("posts: {dir: source/_posts}")
    upstream.feed("/zaker", "".join(Old(route=ROUTES[0], number=n).item() for n in (5, 4, 3, 2)))
    _configure(folder, upstream, "zaker", ROUTES[0].path)
    for old in entries(ROUTES[0])[:4]:
        place = folder.root / POSTS / old.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(old.post())
    return folder


def _configure(folder: Folder, upstream: Upstream, name: str, categories: tuple[str, ...]) -> None:
    path = json.dumps(categories, ensure_ascii=False)
    folder.sources(f"sources: {{{name}: {{feed: '{upstream.address}/zaker', categories: {path}}}}}\n")


def _place(folder: Folder, number: int) -> Path:
    return folder.root / POSTS / Old(route=ROUTES[0], number=number).path


def _feed(folder: Folder) -> str:
    return (folder.root / "public/feeds/新媒体/zaker/source.atom").read_text("utf-8")


def test_a_dry_run_writes_nothing(small: Folder, upstream: Upstream) -> None:
    """It prints the same table and makes no file: no archive, no state, no lock."""
    _configure(small, upstream, "other", ("x",))
    before = small.files(".")

    said = _imported(small, "--dry-run")

    assert small.files(".") == before
    assert "4 files: 4 adopted; nothing was written" in said
    assert "aggregator source add URL --id '新媒体-zaker-source' --category '新媒体/ZAKER/source'" in said


def test_what_was_forgotten_first_is_said(small: Folder, tmp_path: Path) -> None:
    """Without a configuration, with posts elsewhere, or in a folder that is no site: what to do, and its exit code."""
    bare = Folder(tmp_path / "bare")
    (bare.root / "config" / "settings.yaml").unlink()
    assert "aggregator init" in _imported(bare, code=3)
    small.settings("posts: {dir: posts}")
    assert "set posts: {dir: source/_posts}" in _imported(small, code=3)
    small.settings("posts: {dir: source/_posts}")
    done = small.run("import", "hexo", str(tmp_path))
    assert (done.returncode, "no folder source/_posts" in done.stderr) == (2, True)


def test_a_day_for_posts_of_which_none_has_a_date(small: Folder) -> None:
    """Where no post has a date, the message does not say that the stand-in is the oldest one's."""
    for place in (small.root / POSTS).rglob("*.md"):
        place.write_bytes(re.sub(rb"(?m)^date: .*$", b"date: Invalid Date", place.read_bytes()))

    assert "4 posts without a date that can be true, dated 2021-01-01: the day that stands for posts" in _imported(small)


def test_an_import_waits_for_nobody(small: Folder) -> None:
    """While another run holds the project it changes nothing: exit 6."""
    with project_lock(small.root):
        _imported(small, code=6)
    assert not (small.root / "archive").exists()


def test_unreadable_posts_are_named(small: Folder) -> None:
    """What cannot be read is left as it is and named with the reason: exit 1, and the others are adopted."""
    _place(small, 1).write_bytes(b"\n---\ntitle: 'cut")
    done = small.run("import", "hexo", str(small.root), "--json")

    assert done.returncode == 1
    assert "unreadable: " in done.stderr
    whats = [(row["what"], row["why"] is None) for row in json.loads(done.stdout)["posts"]]
    assert sorted(whats) == [("adopted", True)] * 3 + [("unreadable", False)]


def test_an_import_that_died_is_finished_by_the_next_one(small: Folder) -> None:
    """Whatever was written before the end, archive files or none of the state: importing again gives the same."""
    _imported(small)
    whole = small.files("archive")
    for path in list(whole)[:2]:
        (small.root / path).unlink()
    shutil.rmtree(small.root / "state")

    assert "2 adopted, 2 already there" in _imported(small)
    assert small.files("archive") == whole


def test_an_import_that_died_is_finished_by_sync(small: Folder) -> None:
    """Archive files that the state does not know, left by a dead run or brought by git, are found before anything is polled."""
    small.here("reindex")
    shutil.copytree(small.root / "state", small.root / "before")
    _imported(small)
    shutil.rmtree(small.root / "state")
    (small.root / "before").rename(small.root / "state")
    before = small.files(POSTS)

    assert "posts: 1 new" in small.sync().stderr

    assert len(small.files(POSTS)) == len(before) + 1
    assert _feed(small).count("<entry>") == 5
    assert not re.search("onclick|cors.zfour", _feed(small))


def test_hands_are_respected(small: Folder) -> None:
    """An adopted post that is edited is published so; one that is deleted is gone for good, before upstream was ever asked."""
    _imported(small)
    _place(small, 2).write_bytes(_place(small, 2).read_bytes().replace("第2条".encode(), "我改了第2条".encode()))
    _place(small, 3).unlink()

    small.sync()

    posts = small.files(POSTS)
    assert len(posts) == 4
    assert "我改了第2条" in _feed(small)
    assert "第3条" not in _feed(small)
    assert '"kind": "deleted"' in (small.root / "ledger.jsonl").read_text("utf-8")
    shutil.rmtree(small.root / "state")
    small.sync("--force")
    assert small.files(POSTS) == posts
    assert "我改了第2条" in _feed(small)


def test_a_source_added_later_takes_its_posts_over(small: Folder, upstream: Upstream) -> None:
    """Posts of a path without a source wait under the id that the import names; a source of that id knows them."""
    _configure(small, upstream, "other", ("x",))
    assert "--id '新媒体-zaker-source'" in _imported(small)
    _configure(small, upstream, "新媒体-zaker-source", ROUTES[0].path)

    assert "posts: 1 new" in small.sync().stderr


def test_an_adopted_post_explains_itself(small: Folder) -> None:
    """By its file, which has no key in its name, and in words that say what it is."""
    _imported(small)
    done = small.here("explain", f"source/_posts/{Old(route=ROUTES[0], number=1).path}")

    assert done.returncode == 0
    assert "adopted as it was found in an old site" in done.stdout


def test_names_that_end_like_a_key_disturb_nobody(small: Folder) -> None:
    """An adopted post whose name happens to look like one of ours is known as what it is by sync and reindex."""
    place = small.root / POSTS / "新媒体/zaker/source/our-announcement.md"
    place.parent.mkdir(parents=True)
    _place(small, 1).rename(place)
    _imported(small)

    for words in (("sync",), ("reindex",), ("build",)):
        done = small.run(*words)
        assert done.returncode == 0
        assert "announcement" not in done.stderr
    assert _feed(small).count("<entry>") == 5


@pytest.mark.parametrize("bad", ["link", "folder", "below a file", "no text"])
def test_an_archive_file_that_cannot_be_understood_costs_nothing_else(small: Folder, bad: str) -> None:
    """What git or a hand has put among the archive files is named; every other post is indexed and every source polled."""
    _imported(small)
    place = small.root / "archive/adopted/abcdefghij22.json"
    if bad == "link":
        place.symlink_to("/etc/passwd")
    elif bad == "folder":
        place.mkdir()
    else:
        path = {"below a file": f"{_place(small, 2).relative_to(small.root / POSTS)}/x.md", "no text": "\ud800.md"}[bad]
        place.write_text(json.dumps({"version": 1, "path": path}), "utf-8")

    done = small.sync()

    assert "kept as it is, not published" in done.stderr
    assert "posts: 1 new" in done.stderr
    assert _feed(small).count("<entry>") == 5


def test_a_seal_makes_no_adopted_post_ours(small: Folder) -> None:
    """Whatever an archive file says that came with a commit, `build --posts` and `sync` write no adopted post."""
    _imported(small)
    small.sync()
    before = small.files(POSTS)
    for path in (small.root / "archive/adopted").iterdir():
        said = path.read_text("utf-8")
        post = (small.root / POSTS / json.loads(said)["path"]).read_bytes()
        path.write_text(said.replace("{", f'{{\n  "seal": "{seal_of(post, said.encode())}",', 1), "utf-8")

    assert small.here("build", "--posts").returncode == 0
    small.sync("--force", "--no-cache")

    assert small.files(POSTS) == before


def test_a_post_that_was_moved_is_adopted_where_it_is(small: Folder) -> None:
    """Importing again after a hand has renamed a post finds it at its new place, under its old id."""
    _imported(small)
    keys = sorted(path.name for path in (small.root / "archive/adopted").iterdir())
    _place(small, 2).rename(small.root / POSTS / "renamed.md")

    assert "1 adopted, 3 already there" in _imported(small)

    assert sorted(path.name for path in (small.root / "archive/adopted").iterdir()) == keys
    assert "posts: 1 new" in small.sync().stderr
    assert _feed(small).count("<entry>") == 5
    assert "deleted" not in (small.root / "ledger.jsonl").read_text("utf-8")


def test_an_adopted_post_can_be_taken_down(small: Folder) -> None:
    """Its file and its archive file go, and neither upstream nor a restored file brings it back."""
    _imported(small)
    content = _place(small, 2).read_bytes()
    done = small.here("takedown", f"{POSTS}/{Old(route=ROUTES[0], number=2).path}", "--yes")
    assert done.returncode == 0, done.stderr
    assert not _place(small, 2).exists()
    assert len(small.files("archive")) == 3

    assert "posts: 1 new" in small.sync().stderr
    _place(small, 2).write_bytes(content)
    assert "1 taken down" in _imported(small)
    assert _feed(small).count("<entry>") == 4


def test_an_entry_that_stands_there_twice_is_one_adopted_post(small: Folder, upstream: Upstream) -> None:
    """Two ids of one entry in a document both lead to the old post."""
    item = Old(route=ROUTES[0], number=2).item()
    again = re.sub("<guid[^>]*>[^<]*", '<guid isPermaLink="false">second', item)
    upstream.feed("/zaker", item + again)
    _imported(small)

    assert "posts: 0 new" in small.sync().stderr

    assert (small.root / "ledger.jsonl").read_text("utf-8").count('"kind": "alias"') == 2
    assert len(small.files(POSTS)) == 4


def test_adopted_posts_are_checked_too(small: Folder) -> None:
    """`check posts` reads them as adopted posts, names one that was damaged since, and one that Hexo never showed."""
    _imported(small)
    [name, *_] = small.files(POSTS)
    (small.root / name).write_bytes(b"")
    done = small.here("check", "posts")

    assert done.returncode == 1
    assert f"{name}: cannot be read: the file is empty" in done.stdout
    assert re.search(r'begins with "_": .*\n  -> rename it, and say so in archive/adopted/', done.stdout)
    assert done.stdout.endswith("posts: 4 posts, 2 problems\n")


def test_what_adopted_posts_need_of_hexo_is_said_once(small: Folder) -> None:
    """Their dates stay as they are and want TZ, which is no problem; one whose YAML Hexo cannot read has no page, which is."""
    small.settings("posts: {dir: source/_posts, profile: hexo}\npublic: {dir: source}")
    (small.root / "_config.yml").write_text("timezone: UTC\nupdated_option: date\n", "utf-8")
    for hidden in (small.root / POSTS).rglob("_*.md"):
        hidden.unlink()
    _imported(small)
    broken = small.here("check", "posts", "--engine", "hexo")
    [odd] = [small.root / name for name in small.files(POSTS) if "It's release 12" in name]
    odd.write_bytes(re.sub(rb"(?m)^title: .*$", b"title: It is release 12", odd.read_bytes()))
    done = small.here("check", "posts", "--engine", "hexo")

    assert broken.returncode == 1
    assert f"{odd.name}: the front matter is no YAML, so Hexo drops this page: " in broken.stdout
    assert (done.returncode, done.stderr.count("adopted post")) == (0, 1), done.stdout
    assert "note: source/_posts: 3 adopted posts have dates that Hexo reads in the machine's zone" in done.stderr
    assert "-> build the site with TZ=UTC\n" in done.stderr
    assert "adopted" not in small.run("check", "posts", "--engine", "hexo", TZ="UTC").stderr


def test_a_renamed_category_still_has_its_old_posts(small: Folder) -> None:
    """Old posts name a category as it was called then: they belong to the source that stands in it now, and come once."""
    small.here("category", "rename", ROUTES[0].path[0], "Media")
    said = _imported(small)
    assert "no source has this category" not in said
    small.sync()
    assert len(small.files(POSTS)) == 5


def test_a_move_that_came_with_a_commit_is_no_deletion(small: Folder) -> None:
    """Where the archive file names another place, as another machine's commit brings it, the post was moved there."""
    _imported(small)
    small.sync()
    [path, *_] = sorted(path for path in small.files(POSTS) if not path.endswith("-k.md"))
    [extra] = [file for file in (small.root / "archive" / "adopted").iterdir() if Path(path).name in file.read_text("utf-8")]
    place = small.root / path
    place.rename(place.with_name("moved.md"))
    extra.write_text(extra.read_text("utf-8").replace(place.name, "moved.md"), "utf-8")
    done = small.here("build")
    assert done.returncode == 0
    assert "moved here by hand" in done.stderr
    assert '"deleted"' not in (small.root / "ledger.jsonl").read_text("utf-8")
