"""What `aggregator sync` must survive besides: waits, crashes after an update, hands, damaged states, odd settings."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.upstream import Folder, Page, Upstream, item, titles

EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


def test_a_failing_source_is_not_asked_before_its_time(folder: Folder, upstream: Upstream) -> None:
    """A source that has never answered well waits like any other; so does one whose address was just changed."""
    upstream.pages["/b"] = Page(status=429, headers={"Retry-After": "7200"})
    folder.run("sync")
    upstream.requests.clear()
    folder.run("sync")

    assert upstream.requests == []


@pytest.mark.post_row("R61")
def test_an_update_cut_off_before_its_transaction_is_finished(tmp_path: Path, folder: Folder, upstream: Upstream) -> None:
    """A rewritten post whose run died before it could say so reaches the feeds with the next run, and is still ours."""
    folder.sync(**EPOCH)
    twin = Folder(tmp_path / "twin" / "project")
    twin.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"})
    twin.sync(**EPOCH)
    upstream.feed("/b", item(11, body="<p>Second version.</p>") + item(12))
    twin.sync("--force", **EPOCH)
    [post] = [path for path, content in twin.files("posts").items() if b"Second version." in content]
    # What a kill -9 after the rename leaves: the new post, the old state, the old feeds.
    (folder.root / post).write_bytes((twin.root / post).read_bytes())
    folder.sync("--force", **EPOCH)
    assert folder.files("public") == twin.files("public")

    upstream.feed("/b", item(11, body="<p>Third version.</p>") + item(12))
    folder.sync("--force", **EPOCH)
    assert b"Third version." in (folder.root / post).read_bytes()


@pytest.mark.post_row("R53")
def test_an_emptied_post_is_written_anew_under_its_own_id_only(folder: Folder, upstream: Upstream) -> None:
    """A post that a power cut emptied is left alone while its entry comes under an alias, and restored when it comes itself."""
    folder.sync()
    edited = item(11, body="<p>Second version.</p>")
    alias = edited.replace(">entry-11<", ">renamed-11<")
    upstream.feed("/b", alias + item(12))
    folder.sync("--force")
    [post] = [path for path, content in folder.files("posts").items() if b"Second version." in content]
    (folder.root / post).write_bytes(b"\0" * 100)

    upstream.feed("/b", alias.replace("Second", "Third") + item(12))
    said = folder.run("sync", "--force")
    assert "the post is empty and is kept as it is" in said.stdout + said.stderr
    assert (folder.root / post).read_bytes() == b"\0" * 100

    upstream.feed("/b", edited.replace("Second", "Fourth") + item(12))
    folder.run("sync", "--force")
    restored = (folder.root / post).read_text("utf-8")
    assert "Fourth version." in restored
    assert "entry-11" in restored
    assert "renamed-11" not in restored


@pytest.mark.post_row("R64")
def test_an_edit_found_through_one_feed_reaches_the_others(folder: Folder, upstream: Upstream) -> None:
    """A hand edit that comes to light while another category's news is published is published in its own feed as well."""
    folder.sync()
    [post] = (folder.root / "posts/news/b").glob("entry-11-*.md")
    post.write_text(post.read_text("utf-8").replace("Text of entry 11.", "My own words."), "utf-8")
    upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    folder.sync("--force")

    for feed in ("all.atom", "news.atom", "news/b.atom"):
        assert b"My own words." in (folder.root / "public/feeds" / feed).read_bytes(), feed


def test_a_category_may_change_its_spelling(folder: Folder, upstream: Upstream) -> None:
    """Old posts keep the old spelling and stand in the one feed that both lead to; a quiet run stays quiet."""
    both = "sources:\n" + "".join(f"  {name}: {{feed: '{upstream.address}/{name}', categories: [TAG]}}\n" for name in "ab")
    folder.sources(both.replace("TAG", "News"))
    folder.sync()
    folder.sources(both.replace("TAG", "news"))
    upstream.feed("/b", item(11) + item(12) + item(13))
    folder.sync("--force")

    assert sorted(titles(folder, "news.atom")) == sorted(titles(folder, "all.atom"))
    assert "Entry 13" in titles(folder, "news.atom")
    before = folder.times()
    folder.sync("--force")
    assert folder.times() == before


def test_a_source_may_be_limited(folder: Folder, upstream: Upstream) -> None:
    """`limit` in a source takes its newest entries only; --limit on the command line leaves the rest to be asked for."""
    folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"}, more=", limit: 1")
    folder.sync()
    assert titles(folder, "news/b.atom") == ["Entry 12"]

    folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"})
    folder.sync("--force", "--limit", "1")
    folder.sync("--force")
    assert titles(folder, "news/b.atom") == ["Entry 12", "Entry 11"]


def test_a_shorter_interval_counts_at_once(folder: Folder, upstream: Upstream) -> None:
    """Who shortens `every` does not wait for the old due time."""
    folder.sync()
    folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"}, more=", every: 1s")
    upstream.requests.clear()
    time.sleep(2.2)
    folder.sync()

    assert len(upstream.requests) == 2


@pytest.mark.post_row("R53", "D19")
def test_a_post_in_another_ones_place_is_not_adopted(folder: Folder) -> None:
    """A file that carries one entry's name and another's content is named and left alone, and hides neither."""
    folder.sync()
    [first] = (folder.root / "posts/news/b").glob("entry-11-*.md")
    [second] = (folder.root / "posts/news/b").glob("entry-12-*.md")
    second.write_bytes(first.read_bytes())
    for file in (folder.root / "state").iterdir():
        file.unlink()
    done = folder.sync()

    assert second.read_bytes() == first.read_bytes()
    assert second.name in done.stderr
    assert "Entry 11" in titles(folder, "news/b.atom")


def test_text_that_the_terminal_cannot_show_ends_no_run(folder: Folder, upstream: Upstream) -> None:
    """Where the output knows no Chinese, escapes stand for it."""
    upstream.feed("/a", "", status=500)
    folder.sources(f"sources:\n  新闻: {{feed: '{upstream.address}/a', categories: [新闻]}}\n")
    done = folder.run("sync", PYTHONIOENCODING="ascii")

    assert done.returncode == 4
    assert "Traceback" not in done.stderr


@pytest.mark.post_row("R63")
def test_a_state_that_is_damaged_inside(folder: Folder) -> None:
    """A state with broken pages is set aside with what to do, and the next run rebuilds it: no post is touched."""
    folder.sync()
    before = folder.files()
    path = folder.root / "state" / "state.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    first = folder.run("sync", "--force")
    if first.returncode:
        assert first.returncode == 5
        assert "Run again" in first.stderr
    folder.sync("--force")

    assert folder.files() == before
    assert list((folder.root / "state").glob("state.sqlite.set-aside-*"))


def test_an_entry_that_cannot_be_published_keeps_nobody_out(folder: Folder, upstream: Upstream) -> None:
    """Of two entries with one id the publishable one is published, whichever source comes first."""
    same = '<guid isPermaLink="false">urn:x:same</guid>'
    upstream.feed("/a", f"<item><title>Bare</title>{same}</item>")
    upstream.feed("/b", f"<item><title>Full</title>{same}<link>http://b.example/</link></item>")
    folder.sync()

    assert titles(folder, "all.atom") == ["Full"]


def test_tracebacks_change_no_exit_code(folder: Folder) -> None:
    """-vv adds the traceback; the message and the exit code stay."""
    folder.sources("sources: 1")
    done = folder.run("-vv", "sync")

    assert done.returncode == 3
    assert "Traceback" in done.stderr
    assert folder.run("sync").stderr.strip() in done.stderr


def test_a_feed_without_category_is_told_once(folder: Folder, upstream: Upstream) -> None:
    """A feed that no category leads to any more stays, and is named by one run only."""
    folder.sync()
    folder.sources(f"sources:\n  c: {{feed: '{upstream.address}/a', categories: [other]}}\n")
    (folder.root / "config" / "categories.yaml").write_text("categories: {news: {slug: moved}}", "utf-8")
    first, second = folder.sync(), folder.sync("--force")

    assert "news.atom, public/feeds/news.rss, public/feeds/news.json: no category is published there any more" in first.stderr
    assert "aggregator category rename OLD NEW" in first.stderr
    assert "no category" not in second.stderr


def test_a_profile_may_be_changed_as_the_docs_say(folder: Folder) -> None:
    """Without a state, `build --posts` writes posts of default as those of hexo; an edited one stays, and is read."""
    folder.sync()
    edited, *others = sorted((folder.root / "posts").rglob("*.md"))
    mine = edited.read_bytes().replace(b"<p>", b"<p>Mine. ")
    edited.write_bytes(mine)
    folder.here("build")
    folder.settings("posts: {profile: hexo}")
    shutil.rmtree(folder.root / "state")
    done = folder.here("build", "--posts")

    assert done.returncode == 0, done.stderr
    assert edited.read_bytes() == mine
    assert all(b"\nutc_offset: '+00:00'\n" in post.read_bytes() for post in others)
    assert "no problem" in folder.here("check", "posts").stdout


def test_a_profile_is_chosen_once(folder: Folder) -> None:
    """Another profile over existing posts is refused with what to do, instead of losing them from every feed."""
    folder.sync()
    before = folder.files()
    folder.settings("posts: {profile: volantis}")
    done = folder.run("sync", "--force")

    assert done.returncode == 3
    assert "set it back to default" in done.stderr
    assert folder.files() == before


@pytest.mark.post_row("R64")
def test_a_post_removed_with_its_ledger_line_never_comes_back(folder: Folder) -> None:
    """Deleted by hand and noted in the ledger, an entry leaves the feeds without a word and outlives a lost state."""
    folder.sync()
    [post] = (folder.root / "posts/news/b").glob("entry-11-*.md")
    post.unlink()
    key = post.stem[-12:]
    line = {"kind": "deleted", "source": "b", "id": "entry-11", "key": key, "at": "2026-11-22T12:00:00Z"}
    (folder.root / "ledger.jsonl").write_text('{"ledger": 1}\n' + json.dumps(line) + "\n", "utf-8")
    built = folder.here("build")
    assert built.returncode == 0
    assert "is gone" not in built.stderr
    assert titles(folder, "news/b.atom") == ["Entry 12"]

    for file in (folder.root / "state").iterdir():
        file.unlink()
    folder.sync("--no-cache")
    assert not post.exists()
    assert titles(folder, "news/b.atom") == ["Entry 12"]
    assert "Entry 11" not in titles(folder, "all.atom")
