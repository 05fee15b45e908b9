"""Categories that are no more: what the ledger keeps of them, and what readers of their feeds are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.serve.server import Server, serve
from aggregator.store.ledger import Ledger, Removed
from tests.raw_http import ask
from tests.test_category_rename import FILE, rename
from tests.upstream import Folder

_ENDINGS = (".atom", ".rss", ".json")


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def server(folder: Folder) -> Iterator[Server]:
    with serve(folder.root / "public") as running:
        yield running


def _place(folder: Folder, old: str, new: str) -> str:
    """Put what stands in one category into another, as a hand does; return what the runs said."""
    text = (folder.root / FILE).read_text("utf-8")
    assert f"[{old}]" in text
    folder.sources(text.replace(f"[{old}]", f"[{new}]"))
    done = folder.here("build", "--posts")
    assert done.returncode == 0, done.stderr
    return done.stderr


def _removed(folder: Folder) -> list[str]:
    return [line.file for line in Ledger.load(folder.root / "ledger.jsonl").of(Removed)]


def _delete(folder: Folder, *stems: str) -> None:
    for stem in stems:
        for ending in _ENDINGS:
            (folder.root / f"public/feeds/{stem}{ending}").unlink()


def _statuses(server: Server, *stems: str) -> set[int]:
    server._application._tree._table_until = float("-inf")
    return {ask(server.port, f"/feeds/{stem}{ending}").status for stem in stems for ending in _ENDINGS}


def test_a_removed_feed_is_gone_once_its_files_are(folder: Folder, server: Server) -> None:
    """What lies there is served until somebody deletes it; then 410 has readers stop asking, in every format."""
    told = _place(folder, "news, b", "other")
    assert "delete it when you like: who still asks is then told that it is gone (410)" in told.replace("\n", " ")
    assert (_removed(folder), _statuses(server, "news/b")) == (["feeds/news/b.atom"], {200})

    _delete(folder, "news/b")
    assert _statuses(server, "news/b") == {410}
    assert ask(server.port, "/feeds/news/b.archive/2025-12.atom").status == 410
    assert _statuses(server, "news/c") == {404}
    assert "no problem" in folder.here("check", "feeds").stdout
    before = folder.files(), folder.times()
    folder.sync("--force")
    folder.here("build")
    assert (folder.files(), folder.times()) == before


def test_a_category_that_comes_back_is_removed_no_more(folder: Folder, server: Server) -> None:
    """Its feed is published again, and the ledger forgets."""
    before = (folder.root / FILE).read_text("utf-8")
    _place(folder, "news, b", "other")
    _delete(folder, "news/b")
    folder.sources(before)
    folder.here("build", "--posts")

    assert (_removed(folder), _statuses(server, "news/b")) == (["feeds/other.atom"], {200})


def test_former_names_of_a_removed_category_are_gone_too(folder: Folder, server: Server) -> None:
    """Who was led from a former name is told so there as well."""
    rename(folder, "news/b", "news/z")
    _place(folder, "news, z", "other")
    assert _removed(folder) == ["feeds/news/b.atom", "feeds/news/z.atom"]
    _delete(folder, "news/b", "news/z")

    assert _statuses(server, "news/b", "news/z") == {410}


def test_a_feed_under_another_slug_is_not_gone(folder: Folder) -> None:
    """Its id lives on at another address: nobody is told to stop asking."""
    (folder.root / "config/categories.yaml").write_text("categories: {news: {slug: moved}}", "utf-8")
    done = folder.sync("--force")

    assert "no category is published there any more" in done.stderr
    assert "410" not in done.stderr
    assert _removed(folder) == []


def test_the_list_of_feeds_on_a_host_without_the_project_has_no_removed_one(folder: Folder, server: Server) -> None:
    """The page of nothing but feeds names what is published, not what only lies there."""
    _place(folder, "news, b", "other")

    assert b"news/b.atom" not in ask(server.port, "/").body


@pytest.mark.parametrize("table", [{"feeds/all.atom": None}, {"feeds/none.atom": None, "feeds/x.atom": "feeds/none.atom"}])
def test_a_table_that_is_wrong_costs_no_feed(folder: Folder, server: Server, table: dict[str, str | None]) -> None:
    """A file that is there is served whatever the table says of it, and nobody is led to what is gone."""
    Path(folder.root / "public/feeds/redirects.json").write_text(json.dumps(table), "utf-8")

    assert _statuses(server, "all") == {200}
    assert ask(server.port, "/feeds/x.atom").status == 404


def test_a_removed_feed_that_is_not_in_the_table_is_found(folder: Folder) -> None:
    """`check feeds` compares the table with the ledger."""
    _place(folder, "news, b", "other")
    place = folder.root / "public/feeds/redirects.json"
    place.write_text(place.read_text("utf-8").replace('"feeds/news/b.rss"', '"feeds/x.rss"'), "utf-8")
    done = folder.here("check", "feeds")

    assert '"feeds/news/b.rss" that it is nothing, and the ledger says gone' in done.stdout
    assert '"feeds/x.rss" that it is gone, and the ledger says nothing' in done.stdout
