"""`aggregator takedown`: what must not be published is gone for good."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from tests.terminal import talk
from tests.test_gone import ledger, post, tombstones
from tests.upstream import Folder, Upstream, item, titles

EPOCH: dict[str, Any] = {"SOURCE_DATE_EPOCH": "1767225600"}


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream


@pytest.mark.post_row("R64")
@pytest.mark.publishes("P24")
def test_an_entry_is_taken_down_for_good(folder: Folder, upstream: Upstream) -> None:
    """Its post goes, its feeds say so, and it never returns: not by an edit, a new id, a lost state, or a copy put back."""
    place = post(folder, 11)
    content = place.read_bytes()
    done = folder.here("takedown", "http://upstream.example/11", "--reason", "the author asked", "--yes")
    assert done.returncode == 0, done.stderr
    assert not place.exists()
    [line] = ledger(folder)
    assert (line["kind"], line["id"], line["reason"]) == ("takedown", "entry-11", "the author asked")
    for feed in ("all.atom", "news.atom", "news/b.atom"):
        assert "Entry 11" not in titles(folder, feed)
        assert len(tombstones(folder, feed)) == 1
        assert b"author asked" not in (folder.root / "public" / "feeds" / feed).read_bytes()

    upstream.feed("/b", item(11, body="<p>Edited.</p>") + item(12))
    folder.sync("--force", **EPOCH)
    upstream.feed("/b", item(11).replace(">entry-11<", ">renamed-11<") + item(12))
    shutil.rmtree(folder.root / "state")
    folder.sync("--force", **EPOCH)
    assert titles(folder, "news/b.atom") == ["Entry 12"]

    place.write_bytes(content)
    done = folder.here("reindex")
    assert "taken down (ledger.jsonl); removed" in done.stderr
    assert not place.exists()
    assert titles(folder, "news/b.atom") == ["Entry 12"]


def test_a_takedown_that_died_is_finished(folder: Folder) -> None:
    """Where a run died behind the ledger's line, the next command removes the post."""
    place = post(folder, 11)
    content = place.read_bytes()
    folder.here("takedown", place.name, "--yes")
    twin = folder.files("public", "ledger.jsonl")
    shutil.rmtree(folder.root / "state")
    written = (folder.root / "ledger.jsonl").read_bytes()
    (folder.root / "ledger.jsonl").unlink()
    place.write_bytes(content)
    folder.here("build")
    (folder.root / "ledger.jsonl").write_bytes(written)

    assert folder.here("build").returncode == 0
    assert not place.exists()
    assert folder.files("public", "ledger.jsonl") == twin


def test_what_has_no_post_yet_is_kept_out(folder: Folder, upstream: Upstream) -> None:
    """With its source an id can be taken down before its entry was ever seen."""
    assert folder.here("takedown", "entry-13", "--yes").returncode == 1
    assert folder.here("takedown", "--source", "b", "entry-13", "--yes").returncode == 0
    upstream.feed("/b", item(11) + item(12) + item(13))
    folder.sync("--force", **EPOCH)
    assert titles(folder, "news/b.atom") == ["Entry 12", "Entry 11"]


def test_the_id_that_upstream_uses_now_takes_down_the_entry_that_it_stands_for(folder: Folder, upstream: Upstream) -> None:
    """With its source, an id that is an alias means the entry under whatever id it is stored, with its post or without."""
    folder.sync(**EPOCH)
    upstream.feed("/b", item(11).replace(">entry-11<", ">now-11<") + item(12).replace(">entry-12<", ">now-12<"))
    folder.sync("--force", **EPOCH)
    place = post(folder, 11)
    post(folder, 12).unlink()
    folder.run("build")

    assert folder.run("takedown", "--source", "b", "now-11", "now-12", "--yes").returncode == 0

    assert not place.exists()
    assert {line["id"] for line in ledger(folder) if line["kind"] == "takedown"} == {"entry-11", "entry-12"}
    assert titles(folder, "news/b.atom") == []


def test_what_was_deleted_can_be_taken_down(folder: Folder) -> None:
    """A post that a hand has deleted is known by its line in the ledger; then putting it back does not help."""
    place = post(folder, 11)
    content = place.read_bytes()
    place.unlink()
    folder.here("build")
    assert folder.here("takedown", "entry-11", "--yes").returncode == 0
    place.write_bytes(content)
    folder.here("reindex")
    assert not place.exists()


def test_nothing_is_left_of_what_a_hand_had_deleted_before(folder: Folder) -> None:
    """With the profile volantis a deleted post leaves its archive file, which a takedown removes too."""
    shutil.rmtree(folder.root / "state")
    shutil.rmtree(folder.root / "posts")
    folder.settings("posts: {profile: volantis}")
    folder.sync(**EPOCH)
    [file] = [path for path in (folder.root / "archive").iterdir() if '"entry-11"' in path.read_text("utf-8")]
    [place] = (folder.root / "posts").rglob(f"*-{file.stem}.md")
    place.unlink()
    folder.here("build")
    assert file.exists()

    assert folder.here("takedown", "entry-11", "--yes").returncode == 0
    assert not file.exists()


def test_what_cannot_be_removed_is_told_and_stops_nobody_else(folder: Folder, upstream: Upstream) -> None:
    """A post out of reach is told (exit 5) by each run until it is gone; the other sources are polled and published."""
    folder.sync(**EPOCH)
    place = post(folder, 11)
    place.parent.rename(folder.root / "real")
    place.parent.symlink_to(folder.root / "real")

    assert folder.here("takedown", "entry-11", "--yes").returncode == 5
    upstream.feed("/a", item(1) + item(2) + item(3))
    done = folder.run("sync", "--force", **EPOCH)

    assert done.returncode == 5
    assert "taken down, but still there: cannot remove posts/news/b/" in done.stderr
    assert "Entry 3" in titles(folder, "news/a.atom")
    place.parent.unlink()
    (folder.root / "real").rename(place.parent)
    assert folder.here("build").returncode == 0
    assert not place.exists()


@pytest.mark.parametrize("word", ["nothing-like-it", "http://upstream.example/same"])
def test_what_is_unclear_changes_nothing(folder: Folder, upstream: Upstream, word: str) -> None:
    """An id that means nothing, or several entries, is told, and none of those named with it is touched."""
    same = "http://upstream.example/same"
    upstream.feed("/a", item(1).replace("http://upstream.example/1", same))
    upstream.feed("/b", item(11) + item(12).replace("http://upstream.example/12", same))
    folder.sync("--force", **EPOCH)
    before = folder.files()
    done = folder.here("takedown", "entry-11", word, "--yes")
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert folder.files() == before


def test_a_copy_of_another_source_is_named(folder: Folder, upstream: Upstream) -> None:
    """Another post that leads to the same page stays, and the command says which; a second run finds nothing to do."""
    upstream.feed("/a", item(11).replace(">entry-11<", ">copy-11<"))
    folder.sync("--force", **EPOCH)
    done = folder.here("takedown", "entry-11", "--yes", "--json")
    [copy] = (folder.root / "posts" / "news" / "a").glob("entry-11-*.md")
    assert f"it stays unless you name it too: {copy.stem.rpartition('-')[2]}" in done.stderr
    [key] = json.loads(done.stdout.splitlines()[-1])["taken_down"]
    again = folder.here("takedown", key, "--yes")
    assert again.returncode == 0
    assert "nothing to do" in again.stderr


def test_it_asks_first(folder: Folder) -> None:
    """On a terminal it asks, and anything but yes changes nothing; without one it wants --yes."""
    before = folder.files()
    refused = talk(folder, ["takedown", "entry-11"], ("never publish again", "n\n"))
    assert refused.code == 1
    assert folder.here("takedown", "entry-11").returncode == 1
    assert folder.files() == before
    agreed = talk(folder, ["takedown", "entry-11"], ("never publish again", "y\n"))
    assert agreed.code == 0
    assert len(ledger(folder)) == 1


def test_copies_go_as_well(folder: Folder) -> None:
    """A post that a hand has moved, and a copy of it, are removed with it; a dry run removes nothing."""
    place = post(folder, 11)
    elsewhere = folder.root / "posts" / "kept"
    elsewhere.mkdir()
    shutil.copy(place, elsewhere / f"copy-{place.name}")
    place.rename(elsewhere / place.name)
    done = folder.here("takedown", "entry-11", "--yes")
    assert done.returncode == 0, done.stderr
    assert list(elsewhere.iterdir()) == []


def test_a_dry_run_takes_nothing_down(folder: Folder) -> None:
    """A line that came with a commit is obeyed by the next real run, not by one that only looks."""
    place = post(folder, 11)
    key = place.stem.rpartition("-")[2]
    line = {"kind": "takedown", "source": "b", "id": "entry-11", "key": key, "at": "2026-01-01T00:00:00Z"}
    (folder.root / "ledger.jsonl").write_text(f'{{"ledger": 1}}\n{json.dumps(line)}\n')
    folder.run("sync", "--force", "--dry-run", **EPOCH)
    assert place.exists()
    folder.sync(**EPOCH)
    assert not place.exists()
