"""`aggregator sync` end to end: real HTTP on loopback, real files, real SQLite, real worker processes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path

import frontmatter
import pytest

from tests.upstream import Folder, Page, Upstream, item, rss, titles, wait_until

EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


def test_a_first_sync_makes_posts_and_feeds(folder: Folder) -> None:
    """Every entry becomes a post, and every category level a feed, beside `all`, the OPML, the health and the stylesheet."""
    done = folder.sync()

    posts = [frontmatter.loads(text.decode()) for path, text in folder.files("posts").items()]
    assert sorted(str(post["title"]) for post in posts) == ["Entry 1", "Entry 11", "Entry 12", "Entry 2", "Entry 3"]
    formats = ("atom", "rss", "json")
    feeds = {f"public/feeds/{name}.{format_}" for name in ("all", "news", "news/a", "news/b") for format_ in formats}
    others = {f"public/feeds/{name}" for name in ("index.opml", "status.atom", "style.css")}
    assert set(folder.files("public")) == feeds | others
    assert sorted(titles(folder, "all.atom")) == ["Entry 1", "Entry 11", "Entry 12", "Entry 2", "Entry 3"]
    assert titles(folder, "news/b.atom") == ["Entry 12", "Entry 11"]
    assert "2 sources: 2 ok · posts: 5 new · 15 files published" in done.stderr
    assert done.stdout == ""


def test_sources_of_one_category_are_not_strangers(tmp_path: Path, upstream: Upstream) -> None:
    """Posts that this run itself has written are not mistaken for posts that somebody else put there."""
    folder = Folder(tmp_path / "project")
    for number in range(8):
        upstream.feed(f"/{number}", "".join(item(100 * number + entry) for entry in range(5)))
    lines = (f"  s{number}: {{feed: '{upstream.address}/{number}', categories: [news]}}\n" for number in range(8))
    folder.sources("sources:\n" + "".join(lines))
    done = folder.sync()

    assert "posts: 40 new" in done.stderr
    assert "found" not in done.stderr


def test_a_second_sync_polls_nothing_and_says_when(folder: Folder, upstream: Upstream) -> None:
    """Due times bind `sync`: nothing is asked again before its time, and the next poll is named."""
    folder.sync()
    before = (folder.files(), folder.times(), len(upstream.requests))
    done = folder.sync()

    assert (folder.files(), folder.times(), len(upstream.requests)) == before
    assert "nothing is due among 2 sources" in done.stderr
    assert "next poll: " in done.stderr


def test_a_forced_sync_is_conditional_and_changes_nothing(folder: Folder, upstream: Upstream) -> None:
    """With --force every poll carries its validators, and after the 304s no byte and no time has changed."""
    folder.sync()
    before = (folder.files(), folder.times())
    upstream.requests.clear()
    folder.sync("--force")

    assert [request.status for request in upstream.requests] == [304, 304]
    assert all("If-None-Match" in request.headers for request in upstream.requests)
    assert (folder.files(), folder.times()) == before


@pytest.mark.post_row("D10")
def test_a_body_without_validators_is_read_again_without_effect(folder: Folder, upstream: Upstream) -> None:
    """--no-cache asks for everything and reads it; equal entries are still known."""
    folder.sync()
    before = (folder.files(), folder.times())
    upstream.requests.clear()
    folder.sync("--no-cache")

    assert [request.status for request in upstream.requests] == [200, 200]
    assert (folder.files(), folder.times()) == before


@pytest.mark.post_row("R65")
def test_only_what_changed_is_written(folder: Folder, upstream: Upstream) -> None:
    """A new entry writes one post and the feeds of its own category path; the others keep their time."""
    folder.sync()
    before = folder.times()
    upstream.feed("/b", item(11) + item(12) + item(13))
    folder.sync("--force")

    changed = {path for path, time in folder.times().items() if before.get(path) != time}
    assert {path for path in changed if path.endswith(".atom")} == {
        "public/feeds/all.atom",
        "public/feeds/news.atom",
        "public/feeds/news/b.atom",
    }
    assert len([path for path in changed if path.endswith(".md")]) == 1
    assert titles(folder, "news/b.atom") == ["Entry 13", "Entry 12", "Entry 11"]


@pytest.mark.post_row("D7")
def test_an_entry_that_upstream_edits_is_rewritten_in_place(folder: Folder, upstream: Upstream) -> None:
    """Text and title follow upstream; path and date stay."""
    folder.sync()
    before = folder.files("posts")
    upstream.feed("/a", item(1, title="Corrected", body="<p>Better.</p>") + item(2) + item(3, dated=False))
    folder.sync("--force")

    after = folder.files("posts")
    assert set(after) == set(before)
    [changed] = [path for path in after if after[path] != before[path]]
    old, new = (frontmatter.loads(files[changed].decode()) for files in (before, after))
    assert (new["title"], new["date"]) == ("Corrected", old["date"])
    assert "Better." in new.content


@pytest.mark.post_row("D20")
def test_absence_means_nothing(folder: Folder, upstream: Upstream) -> None:
    """A feed that shrinks, empties, breaks, answers with a web page or disappears removes no post and no entry."""
    folder.sync()
    before = folder.files()
    upstream.feed("/b", item(11))
    for answer in (
        Page(body=rss(item(1))),
        Page(body=rss("")),
        Page(body=rss(item(1))[:200]),
        Page(body=b"<html><title>Just a moment</title></html>", headers={"Content-Type": "text/html"}),
        Page(body=b""),
        Page(status=404, body=b"gone"),
        Page(status=500, body=b"oops"),
    ):
        upstream.pages["/a"] = answer
        upstream.requests.clear()
        assert folder.run("sync", "--no-cache").returncode == 0
        assert "/a" in [request.path for request in upstream.requests]

    assert folder.files() == before


@pytest.mark.post_row("R63")
def test_a_lost_state_costs_nothing(folder: Folder) -> None:
    """Without its state a sync rebuilds it from the posts and says so: nothing re-dated, nothing announced again."""
    folder.sync(**EPOCH)
    before = (folder.files(), folder.times())
    for file in (folder.root / "state").iterdir():
        file.unlink()
    done = folder.sync()

    assert (folder.files(), folder.times()) == before
    assert "rebuilt from 5 posts" in done.stderr
    assert "2 unchanged" in done.stderr


@pytest.mark.post_row("D10", "D13")
def test_two_folders_in_other_surroundings_are_equal(tmp_path: Path, upstream: Upstream) -> None:
    """Time zone, locale and hash seed leave no mark on posts and feeds."""
    made = []
    for number, (zone, locale, seed) in enumerate((("UTC", "C", "0"), ("Asia/Shanghai", "C.UTF-8", "4711"))):
        folder = Folder(tmp_path / str(number) / "project")
        folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"})
        folder.sync(TZ=zone, LC_ALL=locale, PYTHONHASHSEED=seed, **EPOCH)
        made.append(folder.files())

    assert made[0] == made[1]


@pytest.mark.post_row("D19")
def test_one_dead_upstream_among_good_ones(folder: Folder, upstream: Upstream) -> None:
    """Exit 0, the dead one named on stderr with its cause and kept in `status`; under --strict exit 1."""
    upstream.pages["/b"] = Page(status=503, body=b"", headers={"Retry-After": "600"})
    done = folder.run("sync")

    assert done.returncode == 0
    assert "✗ b  the server answered 503" in done.stderr
    assert titles(folder, "news/a.atom")
    status = json.loads(folder.run("--json", "status").stdout)
    assert {line["id"]: (line["state"], line["failures"]) for line in status} == {"a": ("ok", 0), "b": ("waiting", 1)}
    assert folder.run("sync", "--force", "--strict").returncode == 1


def test_all_upstreams_dead(folder: Folder, upstream: Upstream) -> None:
    """When every due source fails the exit code is 4, and the advice is given once."""
    upstream.pages.clear()
    done = folder.run("sync")

    assert done.returncode == 4
    assert done.stderr.count("every source that was due has failed; nothing stored was touched. see: aggregator status") == 1


def test_offline(folder: Folder) -> None:
    """Where nothing can even be connected to, the question is the machine's connection, asked once."""
    folder.sources_at({"a": "http://127.0.0.1:9/a", "b": "http://127.0.0.1:9/b"})
    done = folder.run("sync")

    assert done.returncode == 4
    assert done.stderr.count("is this machine online?") == 1


@pytest.mark.post_row("R62")
def test_a_second_run_at_the_same_time(folder: Folder, upstream: Upstream) -> None:
    """While one sync holds the folder another one ends with 6 and says who holds it."""
    hold = Page()
    started: list[bool] = []

    def respond(_handler: object) -> None:
        started.append(True)
        wait_until(lambda: len(started) > 1, seconds=60)

    hold.respond = respond
    upstream.pages["/a"] = hold
    first = subprocess.Popen(folder.command("sync"), env=folder.environment(), stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: bool(started))
        second = folder.run("sync")
    finally:
        started.append(True)
        first.wait(timeout=300)

    assert second.returncode == 6
    assert f"process {first.pid}" in second.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_what_was_finished(folder: Folder, upstream: Upstream, number: int, code: int) -> None:
    """A signal ends a run with its code; the finished source is saved and is not polled again."""
    slow = Page()
    slow.respond = lambda _: wait_until(lambda: bool(done), seconds=60)
    done: list[bool] = []
    upstream.pages["/b"] = slow
    command, pipe = folder.command("--json", "sync"), subprocess.PIPE
    running = subprocess.Popen(command, env=folder.environment(), stdout=pipe, stderr=pipe, text=True)
    assert running.stdout is not None
    try:
        finished = next(event for event in map(json.loads, running.stdout) if event["event"] == "source")
        running.send_signal(number)
        _, talk = running.communicate(timeout=120)
    finally:
        done.append(True)
        running.kill()

    assert (finished["source_id"], finished["new"]) == ("a", 3)
    assert running.returncode == code
    assert "what was finished is saved" in talk
    assert "Traceback" not in talk
    upstream.feed("/b", item(11))
    upstream.requests.clear()
    folder.sync()
    assert [request.path for request in upstream.requests] == ["/b"]


@pytest.mark.post_row("R64")
def test_a_hand_edited_post_is_kept_and_published(folder: Folder, upstream: Upstream) -> None:
    """A post edited by hand is published as edited by `build`, and upstream's next version does not overwrite it."""
    folder.sync()
    [post] = (folder.root / "posts").rglob("entry-1-*.md")
    post.write_text(post.read_text("utf-8").replace("Text of entry 1.", "My own words."), "utf-8")
    edited = post.read_bytes()
    assert folder.run("build").returncode == 0
    upstream.feed("/a", item(1, body="<p>Upstream's second thoughts.</p>") + item(2) + item(3, dated=False))
    folder.sync("--force")

    assert post.read_bytes() == edited
    assert b"My own words." in (folder.root / "public/feeds/news/a.atom").read_bytes()


def test_a_post_of_a_run_that_died_is_not_locked(folder: Folder, upstream: Upstream) -> None:
    """Killed between a post and its transaction, then built: the post is published as it is, and follows upstream later."""
    folder.sync()
    shutil.copytree(folder.root / "state", folder.root / "before")
    upstream.feed("/a", item(1, body="<p>Second version.</p>") + item(2))
    folder.sync("--force")
    shutil.rmtree(folder.root / "state")
    (folder.root / "before").rename(folder.root / "state")
    built = folder.run("build")
    folder.sync("--force")
    upstream.feed("/a", item(1, body="<p>Third version.</p>") + item(2))
    folder.sync("--force")

    [post] = (folder.root / "posts").rglob("entry-1-*.md")
    assert "by hand" not in built.stderr
    assert "Third version." in post.read_text("utf-8")
    assert b"Third version." in (folder.root / "public/feeds/news/a.atom").read_bytes()


def test_a_hand_may_write_what_we_never_write(folder: Folder, upstream: Upstream) -> None:
    """A numeric reference in a body, which no post of ours holds, is an edit like any other: published, then kept."""
    folder.sync()
    [post] = (folder.root / "posts").rglob("entry-1-*.md")
    post.write_text(post.read_text("utf-8").replace("Text of entry 1.", "It&#8217;s mine."), "utf-8")
    edited = post.read_bytes()
    built = folder.run("build")
    upstream.feed("/a", item(1, body="<p>Second version.</p>") + item(2))
    synced = folder.sync("--force")

    assert (built.returncode, post.read_bytes()) == (0, edited)
    assert "edited by hand; published as edited" in built.stderr
    assert "internal error" not in synced.stderr
    assert "It’s mine." in (folder.root / "public/feeds/news/a.atom").read_text("utf-8")


@pytest.mark.post_row("R64")
def test_a_post_moved_by_hand_moves_between_feeds(folder: Folder) -> None:
    """Who edits a post's categories moves its entry: out of one feed, into the other, also if it was the only one."""
    folder.sync()
    for post in (folder.root / "posts/news/b").iterdir():
        post.write_text(post.read_text("utf-8").replace("- 'b'", "- 'a'"), "utf-8")
    assert folder.run("build").returncode == 0

    assert titles(folder, "news/b.atom") == []
    assert "Entry 11" in titles(folder, "news/a.atom")
    assert "Entry 11" in titles(folder, "news.atom")


def test_build_and_reindex_change_nothing_by_themselves(folder: Folder) -> None:
    """Building from unchanged posts, and indexing them anew, leave every byte and time as they were."""
    folder.sync()
    before = (folder.files(), folder.times())
    assert folder.run("build").returncode == 0
    assert folder.run("reindex").returncode == 0
    folder.sync()

    assert (folder.files(), folder.times()) == before


def test_a_removed_feed_comes_back(folder: Folder) -> None:
    """A feed that somebody deleted is written again by the next sync, due or not."""
    folder.sync()
    before = folder.files()
    (folder.root / "public/feeds/news.atom").unlink()
    folder.sync()

    assert folder.files() == before


def test_dry_run_writes_nothing_but_says_what(folder: Folder, upstream: Upstream) -> None:
    """--dry-run lists the posts that would be written, and leaves no file and no due time behind."""
    done = folder.sync("--dry-run")

    assert sorted(line[0] for line in done.stdout.splitlines()) == ["+"] * 5
    assert "posts: 5 would be new · nothing was written (--dry-run)" in done.stderr
    assert folder.files() == {}
    upstream.requests.clear()
    folder.sync()
    assert len(upstream.requests) == 2


def test_changed_exit_and_json(folder: Folder) -> None:
    """--changed-exit tells CI that there is something to commit; --json gives one object a line."""
    first = folder.run("--json", "sync", "--changed-exit", "10")
    second = folder.run("sync", "--json", "--force", "--changed-exit", "10")

    assert (first.returncode, second.returncode) == (10, 0)
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert [event["event"] for event in events].count("source") == 2
    assert (events[-1]["event"], events[-1]["new"]) == ("summary", 5)


def test_ci_variables(folder: Folder, tmp_path: Path) -> None:
    """In a CI job the outcome is written where the job looks for it."""
    output, page = tmp_path / "output", tmp_path / "page"
    folder.sync(GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(page))

    assert output.read_text("utf-8") == "changed=true\n"
    assert "5 new" in page.read_text("utf-8")


def test_sources_can_be_chosen(folder: Folder, upstream: Upstream) -> None:
    """Only the named source, or those of a category, are polled; an unknown name is answered with the nearest."""
    folder.sync("b")
    assert [request.path for request in upstream.requests] == ["/b"]
    folder.sync("--force", "--category", "news/a")
    assert [request.path for request in upstream.requests] == ["/b", "/a"]
    wrong = folder.run("sync", "bb")
    assert wrong.returncode == 2
    assert 'there is no source "bb". Did you mean "b"?' in wrong.stderr


def test_a_paused_source_is_left_alone(folder: Folder, upstream: Upstream) -> None:
    """A paused source is not polled, its posts stay published."""
    folder.sync()
    folder.sources_at({"a": f"{upstream.address}/a", "b": f"{upstream.address}/b"}, more=", paused: true")
    upstream.requests.clear()
    folder.sync("--force")

    assert upstream.requests == []
    assert titles(folder, "news/a.atom")


def test_an_unknown_key_is_told_with_its_place(folder: Folder, upstream: Upstream) -> None:
    """A typo in a source gives file, line, column, the line and the nearest key, and exit 3."""
    folder.sources(f"sources:\n  a:\n    feed: {upstream.address}/a\n    categories: [news]\n    evry: 30m\n")
    done = folder.run("sync")

    assert done.returncode == 3
    assert done.stderr == (
        'config/sources/all.yaml:5:5: unknown key "evry" in source "a"\n'
        "   5 |     evry: 30m\n"
        '     |     ^^^^ did you mean "every"?  All keys: aggregator config schema sources\n'
    )


def test_moving_an_address_asks_for_the_whole_feed(folder: Folder, upstream: Upstream) -> None:
    """A source whose address changes in the config is due at once, without the old validators; ids stay."""
    folder.sync()
    before = folder.files()
    upstream.pages["/moved"] = upstream.pages["/a"]
    folder.sources_at({"a": f"{upstream.address}/moved", "b": f"{upstream.address}/b"})
    upstream.requests.clear()
    folder.sync()

    assert [(request.path, request.status) for request in upstream.requests] == [("/moved", 200)]
    assert folder.files() == before


def test_two_categories_with_one_address(folder: Folder, upstream: Upstream) -> None:
    """Categories that would overwrite each other's feed are a problem of the configuration, not of the readers."""
    folder.sources(
        f"sources:\n  a: {{feed: '{upstream.address}/a', categories: [News]}}\n"
        f"  b: {{feed: '{upstream.address}/b', categories: [news]}}\n"
    )
    done = folder.run("sync")

    assert done.returncode == 3
    assert "News and news would both be published as feeds/news.atom" in done.stderr
