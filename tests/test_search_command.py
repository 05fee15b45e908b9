"""`aggregator search`: what a person finds with it, and what it says."""

from __future__ import annotations

import json

import pytest

from tests.test_gone import post
from tests.upstream import Folder


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


def test_it_prints_what_is_found(folder: Folder) -> None:
    """Each post is a line with its date, its title and where it lies; the index is made by the way."""
    done = folder.here("search", '"entry 11"')
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    place = post(folder, 11).relative_to(folder.root)
    assert line.endswith(f"  Entry 11  {place}")
    assert (folder.root / "state" / "search.sqlite").exists()


def test_nothing_found_is_exit_1(folder: Folder) -> None:
    """As with grep, nothing found is 1; no word to look for, a source or a category that is not there are wrong usage."""
    assert folder.here("search", "zyxwvutsrq").returncode == 1
    assert folder.here("search", "***").returncode == 2
    assert folder.here("search", "entry", "--source", "nobody").returncode == 2
    assert folder.here("search", "entry", "--category", "nowhere").returncode == 2


def test_category_source_and_limit_narrow(folder: Folder) -> None:
    """Of one category, of one source, and no more than asked for, with the number of all that there are."""
    everything = folder.here("search", "entry").stdout.splitlines()
    assert len(everything) > 1
    by_source = folder.here("search", "entry", "--source", "b").stdout.splitlines()
    by_category = folder.here("search", "entry", "--category", "news/b").stdout.splitlines()
    assert sorted(by_source) == sorted(by_category)
    assert set(by_source) < set(everything)
    one = folder.here("search", "entry", "--limit", "1")
    assert one.stdout.splitlines() == everything[:1]
    assert f"1 of {len(everything)}" in one.stderr


def test_json_holds_what_a_program_needs(folder: Folder) -> None:
    """Under --json there is one array, with key, date, title, source, category, post and a snippet of each."""
    [found] = json.loads(folder.here("search", "--json", '"entry 11"').stdout)
    assert found["title"] == "Entry 11"
    assert found["source"] == "b"
    assert (folder.root / found["post"]).exists()
    assert set(found) == {"key", "date", "title", "source", "category", "post", "snippet"}
    assert json.loads(folder.here("search", "--json", "zyxwvutsrq").stdout) == []


def test_without_a_state_it_says_what_to_do(folder: Folder) -> None:
    """Before the first sync there is nothing to search, which is said."""
    for file in (folder.root / "state").glob("state.sqlite*"):
        file.unlink()
    done = folder.here("search", "entry")
    assert done.returncode == 5
    assert "aggregator sync" in done.stderr
