"""The index for searching follows the posts: what is new, edited, taken down or expired, without looking at the rest."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.pipeline import searching
from aggregator.pipeline.effective import load_effective
from aggregator.pipeline.searching import OwnIndex, Searching
from aggregator.store.posts import StoredPost, read_post
from aggregator.store.search import SEARCH_PATH, find, open_index
from aggregator.store.search_words import parse_query
from tests.projects import read
from tests.test_gone import post
from tests.upstream import Folder, Upstream, item

HOUR = timedelta(hours=1)


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream


def refreshed(folder: Folder, **how: Any) -> Searching:
    """Return the project's index, brought up to date."""
    kept = Searching(folder.root / SEARCH_PATH, again=HOUR, **how)
    assert kept.slice(load_effective(read(folder.root)), None), kept.problem
    return kept


def titles(folder: Folder, query: str) -> list[str]:
    """Return the titles of what is found."""
    question = parse_query(query)
    assert question is not None
    return [hit.title for hit in find(folder.root / SEARCH_PATH, question).hits]


def test_posts_are_found_by_what_they_say(folder: Folder) -> None:
    """Title and text of each post are indexed, its HTML is not."""
    refreshed(folder)
    assert titles(folder, '"entry 11"') == ["Entry 11"]
    assert titles(folder, "p href strong") == []


def test_only_what_changed_is_read(folder: Folder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second walk reads no post; after an edit upstream it reads that one, and finds what it says now."""
    kept = refreshed(folder)
    seen: list[str] = []

    def look(root: Path, path: str, *rest: Any, **named: Any) -> StoredPost | None:
        seen.append(path)
        return read_post(root, path, *rest, **named)

    monkeypatch.setattr("aggregator.pipeline.searching.read_post", look)
    assert kept.slice(load_effective(read(folder.root)), None)
    assert seen == []

    upstream.feed("/b", item(11, body="<p>Something quite otherwise.</p>") + item(12))
    folder.sync("--force")
    assert kept.slice(load_effective(read(folder.root)), None)
    assert len(seen) == 1
    assert titles(folder, "quite otherwise") == ["Entry 11"]


def test_a_hand_is_followed(folder: Folder) -> None:
    """What a hand writes into a post is found once the state knows of it; a post that a hand deletes is not found any more."""
    refreshed(folder)
    place = post(folder, 11)
    place.write_text(place.read_text("utf-8").rstrip("\n") + "\n\n<p>Handwritten.</p>\n", "utf-8")
    folder.here("build")
    refreshed(folder)
    assert titles(folder, "handwritten") == ["Entry 11"]

    place.unlink()
    folder.here("build")
    refreshed(folder)
    assert titles(folder, "handwritten") == []


def test_a_takedown_takes_it_out_at_once(folder: Folder) -> None:
    """The command itself takes a post out of the index; no word of it is left in the file."""
    place = post(folder, 11)
    place.write_text(place.read_text("utf-8").rstrip("\n") + "\n\n<p>Zyxwvutsrq.</p>\n", "utf-8")
    folder.here("build")
    refreshed(folder)
    assert titles(folder, "zyxwvutsrq") == ["Entry 11"]

    assert folder.here("takedown", place.name, "--yes").returncode == 0
    assert titles(folder, "zyxwvutsrq") == []
    assert not any(b"yxwvuts" in file.read_bytes() for file in (folder.root / "state").glob("search.sqlite*"))


def test_slices_go_on_where_they_were(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice that has no time left stops after a batch, the next goes on behind it, and in the end all are indexed."""
    monkeypatch.setattr(searching, "_READ", 1)
    kept = Searching(folder.root / SEARCH_PATH, again=HOUR)
    settings = load_effective(read(folder.root))
    number = 1
    while not kept.slice(settings, timedelta(0)):
        assert kept.is_due
        number += 1
        assert number < 100
    with open_index(kept.path) as index:
        posts = index.versions("", None)
    assert len(posts) == len(list((folder.root / "posts").rglob("*.md")))
    assert number >= len(posts)
    assert not kept.is_due
    kept.note()
    assert kept.is_due


def test_what_cannot_be_written_costs_the_search_alone(folder: Folder) -> None:
    """What cannot be indexed is told and tried again after a minute; nothing is raised."""
    now = [0.0]
    kept = Searching(folder.root / SEARCH_PATH, again=HOUR, clock=lambda: now[0])
    kept.path.mkdir(parents=True)
    assert not kept.slice(load_effective(read(folder.root)))
    assert kept.problem is not None
    assert "search.sqlite" in kept.problem
    assert not kept.is_due
    now[0] += 61
    assert kept.is_due
    kept.path.rmdir()
    assert kept.slice(load_effective(read(folder.root)))
    assert kept.problem is None


def test_a_broken_index_is_made_anew(folder: Folder) -> None:
    """Whatever stands in the index's place, the next walk indexes all posts."""
    refreshed(folder)
    (folder.root / SEARCH_PATH).write_bytes(b"broken")
    refreshed(folder)
    assert titles(folder, '"entry 11"') == ["Entry 11"]


def test_a_post_that_cannot_be_read_is_found_by_its_title(folder: Folder) -> None:
    """A damaged post costs its own text, and is not read again at each walk."""
    post(folder, 11).write_bytes(b"no post at all")
    refreshed(folder)
    assert titles(folder, '"entry 11"') == ["Entry 11"]


def test_a_server_alone_keeps_its_own(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the project cannot be written, a server indexes into a folder of its own and clears it away."""
    monkeypatch.setattr("aggregator.pipeline.searching.os.access", lambda *_: False)
    own = OwnIndex(lambda: load_effective(read(folder.root)))
    path = own.searching.path
    assert not path.is_relative_to(folder.root)
    assert not path.exists()
    own.searching.slice(load_effective(read(folder.root)), None)
    own.end()
    own.run()
    assert path.exists()
    own.clear()
    assert not Path(path).parent.exists()


def test_a_folder_that_is_not_there_yet_is_made(folder: Folder) -> None:
    """Before the first sync, and with the state elsewhere, the index has no folder: it makes one, to be kept in the project."""
    shutil.rmtree(folder.root / "state")
    own = OwnIndex(lambda: load_effective(read(folder.root)))
    own.clear()

    assert own.searching.path == folder.root / SEARCH_PATH
    with open_index(own.searching.path) as index:
        assert index.versions("", None) == {}


def test_a_server_alone_begins_with_what_is_there(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that somebody else keeps in the project is copied, so that only what changed since is read."""
    kept = refreshed(folder)
    monkeypatch.setattr("aggregator.pipeline.searching.os.access", lambda *_: False)
    own = OwnIndex(lambda: load_effective(read(folder.root)))
    with open_index(own.searching.path) as copy, open_index(kept.path) as index:
        assert copy.versions("", None) == index.versions("", None) != {}
    own.clear()


def test_two_may_index_at_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon and a command that index the same posts wait for each other's batches; both come to the end."""
    monkeypatch.setattr(searching, "_READ", 1)
    settings = load_effective(read(folder.root))
    both = [Searching(folder.root / SEARCH_PATH, again=HOUR) for _ in range(2)]
    with open_index(both[0].path), ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda kept: kept.slice(settings, None), both))
    assert (done, [kept.problem for kept in both]) == ([True, True], [None, None])
    with open_index(both[0].path) as index:
        assert len(index.versions("", None)) == len(list((folder.root / "posts").rglob("*.md")))
    assert titles(folder, '"entry 11"') == ["Entry 11"]
