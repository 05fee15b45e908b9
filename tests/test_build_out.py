"""`build --out` and `pages.out`, by the commands as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon_play import running
from tests.test_gone import post
from tests.upstream import Folder, Upstream, item


@pytest.fixture
def folder(synced: Folder) -> Folder:
    return synced


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream


def _out(folder: Folder) -> Path:
    return folder.root.parent / "out"


def _said(word: str, out: Path) -> list[str]:
    """Return the pages that hold a word."""
    found = (path for path in out.rglob("*.html") if word in path.read_text("utf-8"))
    return sorted(path.relative_to(out).as_posix() for path in found)


def test_the_whole_site_is_written(folder: Folder) -> None:
    """Pages of every entry and the feeds are there; a second run finds nothing to do."""
    done = folder.here("build", "--out", str(_out(folder)))
    assert done.returncode == 0, done.stderr
    assert len(list(_out(folder).glob("e/*/index.html"))) == 5
    assert (_out(folder) / "feeds/news.atom").read_bytes() == (folder.root / "public/feeds/news.atom").read_bytes()

    done = folder.here("build", "--out", str(_out(folder)))
    assert ", 0 written, 0 removed" in done.stderr


def test_an_edited_post_is_written_as_edited(folder: Folder) -> None:
    """`build` finds what a hand did, and the page says it."""
    folder.here("build", "--out", str(_out(folder)))
    place = post(folder, 11)
    place.write_text(place.read_text("utf-8").replace("Text of entry 11", "Mended by hand"), "utf-8")
    folder.here("build", "--out", str(_out(folder)))

    [page] = [name for name in _said("Mended by hand", _out(folder)) if name.startswith("e/")]
    assert page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "{root}"), "it would hold the project folder"),
        (("--out", "{root}/posts"), "it would hold the posts folder"),
        (("--compress",), "--compress goes with --out"),
        (("--posts", "--dry-run", "--out", "{root}/x"), "leave one of them out"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Folder, words: tuple[str, ...], said: str) -> None:
    """Wrong usage is told before anything is written."""
    done = folder.here("build", *(word.format(root=folder.root) for word in words))

    assert done.returncode == 2
    assert said in done.stderr


def test_a_file_in_the_way_is_told(folder: Folder) -> None:
    """Exit code 1, with the file's name; all else is written."""
    _out(folder).mkdir()
    (_out(folder) / "index.html").write_text("mine")
    done = folder.here("build", "--out", str(_out(folder)))

    assert done.returncode == 1
    assert "index.html: not written by this program" in done.stderr
    assert (_out(folder) / "feeds/index.html").exists()


def test_out_follows_sync_and_takedown(folder: Folder, upstream: Upstream) -> None:
    """With `pages.out`, a sync with news writes their pages, one without news nothing, and a takedown removes its page."""
    folder.settings("pages: {out: site}\n")
    site = folder.root / "site"
    folder.sync("--force")
    assert len(list(site.glob("e/*/index.html"))) == 5
    times = {path: path.stat().st_mtime_ns for path in site.rglob("*")}
    folder.sync("--force")
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*")} == times

    upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4, title="Fresh news"))
    folder.sync("--force")
    assert "index.html" in _said("Fresh news", site)
    done = folder.here("takedown", "entry-4", "--yes")
    assert done.returncode == 0, done.stderr
    assert _said("Fresh news", site) == []
    assert len(list(site.glob("e/*/index.html"))) == 5


def test_out_follows_the_daemon(folder: Folder, upstream: Upstream) -> None:
    """A daemon writes the folder with its first round, and what news touch when they come."""
    folder.settings("pages: {out: site}\ndaemon: {debounce: 0s}\n")
    folder.sources(f"sources:\n  a: {{feed: '{upstream.address}/a', categories: [news, a], every: 1s}}\n")
    index = folder.root / "site/index.html"
    with running(folder) as daemon:
        daemon.wait(index.exists)
        upstream.feed("/a", item(1) + item(2) + item(9, title="Fresh news"))
        daemon.wait(lambda: "Fresh news" in index.read_text("utf-8"))
        assert daemon.stop() == 143
