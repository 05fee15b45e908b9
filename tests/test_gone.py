"""Posts that a hand deletes, moves or puts back, and folders that are not mounted: the command as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from aggregator.pipeline.absent import judge_absences
from tests.upstream import Folder, Upstream, item, titles

EPOCH: dict[str, Any] = {"SOURCE_DATE_EPOCH": "1767225600"}
DELETED_ENTRY = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream


def ledger(folder: Folder) -> list[dict[str, str]]:
    path = folder.root / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()[1:]] if path.exists() else []


def post(folder: Folder, number: int) -> Path:
    [found] = [path for path in (folder.root / "posts").rglob("*.md") if f"'entry-{number}'" in path.read_text("utf-8")]
    return found


def tombstones(folder: Folder, feed: str) -> list[str]:
    root = etree.fromstring((folder.root / "public" / "feeds" / feed).read_bytes())
    return [element.get("ref", "") for element in root.iter(DELETED_ENTRY)]


@pytest.mark.post_row("R64")
@pytest.mark.publishes("P24")
def test_a_deleted_post_stays_deleted(folder: Folder, upstream: Upstream) -> None:
    """A post deleted by hand is noted, leaves the feeds, which say so, and is not written again, not even without a state."""
    post(folder, 11).unlink()
    done = folder.here("build")
    assert done.returncode == 0
    assert "deleted by hand; noted in ledger.jsonl" in done.stderr

    [line] = ledger(folder)
    assert (line["kind"], line["source"], line["id"], line["category"]) == ("deleted", "b", "entry-11", "news/b")
    for feed in ("all.atom", "news.atom", "news/b.atom"):
        assert "Entry 11" not in titles(folder, feed)
        assert len(tombstones(folder, feed)) == 1
    assert tombstones(folder, "news/a.atom") == []

    upstream.feed("/b", item(11, body="<p>A new version.</p>") + item(12) + item(13))
    folder.sync("--force", **EPOCH)
    shutil.rmtree(folder.root / "state")
    folder.sync("--force", **EPOCH)
    assert sorted(titles(folder, "news/b.atom")) == ["Entry 12", "Entry 13"]


@pytest.mark.post_row("R64")
def test_a_deletion_is_noticed_by_the_next_news(folder: Folder, upstream: Upstream) -> None:
    """A sync with news of a source notes which of its posts a hand has deleted, and tells a CI job that something changed."""
    post(folder, 11).unlink()
    upstream.feed("/b", item(11) + item(12, body="<p>A new version.</p>"))
    done = folder.run("sync", "--force", "--changed-exit", "10", **EPOCH)
    assert done.returncode == 10
    assert [line["id"] for line in ledger(folder)] == ["entry-11"]


def test_what_was_deleted_is_known_under_another_id(folder: Folder, upstream: Upstream) -> None:
    """Even after the state is lost, a deleted entry that comes under a new id is recognised by its page, title and date."""
    post(folder, 11).unlink()
    folder.here("build")
    shutil.rmtree(folder.root / "state")
    upstream.feed("/b", item(11).replace(">entry-11<", ">renamed-11<") + item(12))
    folder.sync("--force", **EPOCH)
    assert titles(folder, "news/b.atom") == ["Entry 12"]


@pytest.mark.post_row("R64")
def test_a_post_that_is_put_back_is_published_again(folder: Folder, upstream: Upstream) -> None:
    """Whoever puts a deleted file back wants it: its line is struck out, no feed says that it is gone, and it is still ours."""
    before = folder.files()
    place = post(folder, 11)
    content = place.read_bytes()
    place.unlink()
    folder.here("build")
    upstream.feed("/b", item(11, body="<p>A new version.</p>") + item(12))
    folder.sync("--force", **EPOCH)
    place.write_bytes(content)
    done = folder.here("build")
    assert "is back; published again" in done.stderr
    assert ledger(folder) == []
    assert {path: text for path, text in folder.files().items() if path != "ledger.jsonl"} == before

    folder.sync("--force", "--no-cache", **EPOCH)
    assert b"A new version." in place.read_bytes()


def test_an_edited_post_that_is_put_back_stays_as_it_is(folder: Folder, upstream: Upstream) -> None:
    """A post that a hand had edited is not ours again for having been away."""
    place = post(folder, 11)
    place.write_bytes(place.read_bytes().replace(b"Text of entry 11", b"My words"))
    folder.here("build")
    content = place.read_bytes()
    place.unlink()
    folder.here("build")
    place.write_bytes(content)
    folder.here("build")
    upstream.feed("/b", item(11, body="<p>A new version.</p>") + item(12))
    folder.sync("--force", **EPOCH)
    assert place.read_bytes() == content


@pytest.mark.post_row("R64")
def test_a_moved_post_is_found(folder: Folder, upstream: Upstream) -> None:
    """A post that a hand moves to another folder is neither deleted nor written a second time."""
    before = folder.files("public")
    place = post(folder, 11)
    elsewhere = folder.root / "posts" / "kept" / place.name
    elsewhere.parent.mkdir()
    place.rename(elsewhere)
    done = folder.here("build")
    assert "moved here by hand" in done.stderr
    upstream.feed("/b", item(11, body="<p>A new version.</p>") + item(12))
    folder.sync("--force", **EPOCH)

    assert ledger(folder) == []
    assert post(folder, 11) == elsewhere
    assert b"A new version." in elsewhere.read_bytes()
    assert set(folder.files("public")) == set(before)


@pytest.mark.post_row("R59", "D20")
@pytest.mark.parametrize(
    ("how", "command"), [("empty", ("sync", "--force")), ("absent", ("sync",)), ("empty", ("build",)), ("empty", ("reindex",))]
)
def test_an_unmounted_folder_deletes_nothing(folder: Folder, upstream: Upstream, how: str, command: tuple[str, ...]) -> None:
    """Where no post is to be seen at all, every command that would write stops with 5 before it asks or changes anything."""
    before = folder.files()
    upstream.feed("/b", item(11) + item(12) + item(13))
    (folder.root / "posts").rename(folder.root / "elsewhere")
    if how == "empty":
        (folder.root / "posts").mkdir()
    upstream.requests.clear()
    done = folder.run(*command, **EPOCH)
    assert done.returncode == 5
    assert "looks unmounted" in done.stderr
    assert "Traceback" not in done.stderr
    assert upstream.requests == []

    if how == "empty":
        (folder.root / "posts").rmdir()
    (folder.root / "elsewhere").rename(folder.root / "posts")
    assert folder.files() == before
    folder.sync("--force", **EPOCH)
    assert titles(folder, "news/b.atom") == ["Entry 13", "Entry 12", "Entry 11"]
    assert ledger(folder) == []


@pytest.mark.post_row("R59")
def test_one_source_unmounted_does_not_stop_the_others(folder: Folder, upstream: Upstream) -> None:
    """A source whose posts are missing by the folder is left alone and named; the others go on; the exit code is 5."""
    upstream.feed("/b", "".join(item(number) for number in range(100, 130)))
    folder.sync("--force", **EPOCH)
    published = folder.files("public")["public/feeds/news/b.atom"]
    (folder.root / "posts" / "news" / "b").rename(folder.root / "elsewhere")
    (folder.root / "posts" / "news" / "b").mkdir()
    upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    upstream.feed("/b", "".join(item(number) for number in range(100, 131)))

    for command in (("sync", "--force"), ("build",)):
        done = folder.run(*command, **EPOCH)
        assert done.returncode == 5
        assert "b (32) are missing" in done.stderr
    assert folder.files("public")["public/feeds/news/b.atom"] == published
    assert "Entry 4" in titles(folder, "news/a.atom")
    assert ledger(folder) == []
    assert list((folder.root / "posts" / "news" / "b").iterdir()) == []
    assert folder.here("reindex").returncode == 5

    (folder.root / "posts" / "news" / "b").rmdir()
    (folder.root / "elsewhere").rename(folder.root / "posts" / "news" / "b")
    folder.sync("--force", **EPOCH)
    assert len(titles(folder, "news/b.atom")) == 33
    assert len(titles(folder, "all.atom")) == 37


@pytest.mark.post_row("R64")
def test_many_deletions_can_be_meant(folder: Folder, upstream: Upstream) -> None:
    """`build --accept-deletions` takes every missing post for deleted on purpose, however many."""
    upstream.feed("/b", "".join(item(number) for number in range(100, 130)))
    folder.sync("--force", **EPOCH)
    shutil.rmtree(folder.root / "posts" / "news" / "b")
    assert folder.here("build").returncode == 5
    done = folder.here("build", "--accept-deletions")
    assert done.returncode == 0, done.stderr
    assert len(ledger(folder)) == 32
    assert titles(folder, "news/b.atom") == []
    folder.sync("--force", "--no-cache", **EPOCH)
    assert titles(folder, "news/b.atom") == []


def test_the_last_post_of_a_folder_may_go_with_it(folder: Folder) -> None:
    """Git keeps no empty folder: a few posts that are gone with theirs count as deleted."""
    shutil.rmtree(folder.root / "posts" / "news" / "b")
    done = folder.here("build")
    assert done.returncode == 0, done.stderr
    assert [line["id"] for line in ledger(folder)] == ["entry-11", "entry-12"]


def _known(source: str, number: int) -> list[tuple[str, str, str]]:
    return [(f"{source}{n:03}", source, f"{source}/{n}.md") for n in range(number)]


def _there(known: list[tuple[str, str, str]]) -> dict[str, str]:
    return {key: path for key, _, path in known}


@pytest.mark.parametrize(("number", "missing", "deleted"), [(30, 20, 20), (30, 21, 0), (300, 30, 30), (300, 31, 0), (5, 4, 4)])
def test_how_many_a_hand_deletes(number: int, missing: int, deleted: int) -> None:
    """Up to 20 posts, or a tenth of a source's, may go at once; more are taken for a folder that is not mounted."""
    known = _known("a", number) + _known("b", 1000)
    found = judge_absences(known, _there(known[missing:]), {"a", "b"})
    assert len(found.deleted) == deleted
    assert dict(found.unmounted) == ({} if deleted else {"a": missing})


def test_a_little_of_everything_missing_is_no_hand() -> None:
    """Few posts of each of many sources are many all the same: nothing is concluded."""
    known = [post for source in "abcdefghij" for post in _known(source, 30)]
    there = _there([post for post in known if int(post[0][1:]) >= 10])
    found = judge_absences(known, there, set("abcdefghij"))
    assert found.deleted == ()
    assert len(found.unmounted) == 10


def test_many_folders_gone_is_no_hand() -> None:
    """More than 20 posts whose folders are gone with them look unmounted, however few of the whole they are."""
    known = _known("a", 21) + _known("b", 1000)
    found = judge_absences(known, _there(known[21:]), {"b"})
    assert (found.deleted, dict(found.unmounted)) == ((), {"a": 21})


def test_deletions_that_came_with_a_commit_are_not_counted(folder: Folder, upstream: Upstream) -> None:
    """Posts that are gone with their lines, as a commit of another machine brings it, are forgotten without a word."""
    upstream.feed("/b", "".join(item(number) for number in range(100, 130)))
    folder.sync("--force", **EPOCH)
    state = folder.root.parent / "state of another machine"
    shutil.copytree(folder.root / "state", state)
    shutil.rmtree(folder.root / "posts" / "news" / "b")
    folder.here("build", "--accept-deletions")
    expected = folder.files()
    shutil.rmtree(folder.root / "state")
    state.rename(folder.root / "state")

    upstream.feed("/b", "".join(item(number, body="<p>A new version.</p>") for number in range(100, 130)))
    done = folder.sync("--force", **EPOCH)
    assert "deleted by hand" not in done.stderr
    assert folder.files() == expected


def test_a_line_that_a_merge_brought_back_hides_no_post(folder: Folder) -> None:
    """A post that is there and known is published, whatever a line says: the line is struck out, as a rebuilt state would."""
    before = folder.files()
    place = post(folder, 11)
    content = place.read_bytes()
    place.unlink()
    folder.here("build")
    lines = (folder.root / "ledger.jsonl").read_bytes()
    place.write_bytes(content)
    folder.here("build")
    (folder.root / "ledger.jsonl").write_bytes(lines)

    done = folder.here("build")
    assert "whatever ledger.jsonl said" in done.stderr
    assert ledger(folder) == []
    assert {path: text for path, text in folder.files().items() if path != "ledger.jsonl"} == before


def test_a_folder_that_was_away_is_looked_through_when_it_is_back(folder: Folder) -> None:
    """Few posts that go with their folder count as deleted; back as it was, with its old time, they are published again."""
    folder.sync(**EPOCH)
    place = folder.root / "posts/news/b"
    place.rename(folder.root / "away")
    assert "deleted by hand" in folder.here("build").stderr
    (folder.root / "away").rename(place)

    assert "is back; published again" in folder.here("build").stderr
    assert sorted(titles(folder, "news/b.atom")) == ["Entry 11", "Entry 12"]
    assert ledger(folder) == []


def test_what_is_not_mounted_was_not_let_go(folder: Folder, upstream: Upstream) -> None:
    """Where the posts that `keep` leaves are missing too, those beyond it have not expired elsewhere: exit 5, nothing done."""
    upstream.feed("/b", "".join(item(number) for number in range(100, 140)))
    folder.sync("--force", **EPOCH)
    folder.settings("posts: {keep: {entries: 8}}")
    before = folder.files("public", "ledger.jsonl")
    (folder.root / "posts/news/b").rename(folder.root / "away")

    done = folder.here("build")

    assert done.returncode == 5
    assert folder.files("public", "ledger.jsonl") == before


def test_a_posts_folder_that_is_gone_is_made_before_deletions_are_accepted(folder: Folder) -> None:
    """Without the folder the advice begins with making it, and both together do what was meant."""
    shutil.rmtree(folder.root / "posts")
    done = folder.here("build", "--accept-deletions")
    assert done.returncode == 5
    assert "make the folder first (mkdir -p posts), then: aggregator build --accept-deletions" in done.stderr
    (folder.root / "posts").mkdir()
    assert folder.here("build", "--accept-deletions").returncode == 0
    assert len(ledger(folder)) == 5
