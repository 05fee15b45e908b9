"""`source pause`, `resume`, `remove` and `rename`: the command as a process, a real upstream, every byte looked at."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess

import pytest

from aggregator.pipeline.effective import former_names, identity, renaming
from aggregator.store.ledger import Gone, Ledger, Line, Renamed
from aggregator.store.lock import project_lock
from tests.test_moves import NOW, ledger_of
from tests.upstream import Folder, Upstream, item, titles, wait_until

FILE = "config/sources/all.yaml"


def text(folder: Folder) -> str:
    return (folder.root / FILE).read_text("utf-8")


def everything(folder: Folder) -> dict[str, bytes]:
    return folder.files("config", "posts", "public", "ledger.jsonl")


def answer_on_a_terminal(folder: Folder, words: bytes, *command: str) -> tuple[int, str]:
    """Run a command on a terminal where somebody types; return its exit code and what the terminal showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        folder.command(*command), env=folder.environment(TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        os.write(ours, words)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # how Linux says that nobody holds the other end any more
            pass
    os.close(ours)
    return running.returncode, shown.decode()


def test_a_paused_source_is_not_polled_until_it_is_resumed(folder: Folder, upstream: Upstream) -> None:
    """`paused: true` is the only byte that changes, the feed stays published, and resume writes false in its place."""
    folder.sync()
    before, published = text(folder), folder.files("posts", "public")
    paused = folder.here("source", "pause", "a")
    upstream.requests.clear()
    folder.sync("--force")

    assert (paused.returncode, text(folder)) == (0, before.replace("a: {feed", "a: {paused: true, feed"))
    assert "a: paused (config/sources/all.yaml:2); its posts stay" in paused.stderr
    assert [request.path for request in upstream.requests] == ["/b"]
    assert folder.files("posts", "public") == published

    resumed = folder.here("source", "resume", "a")
    folder.sync("--force")

    assert text(folder) == before.replace("a: {feed", "a: {paused: false, feed")
    assert "a: resumed, no longer paused (config/sources/all.yaml:2). Next poll: " in resumed.stderr
    assert "(every 60 min by default)" in resumed.stderr
    assert {request.path for request in upstream.requests} == {"/a", "/b"}


def test_several_sources_of_one_file_are_paused_at_once(folder: Folder) -> None:
    """Each change builds on the one before; a name that is given twice counts once, an unknown one stops all."""
    before = text(folder)
    unknown = folder.here("source", "pause", "a", "bb")
    after_unknown = text(folder)
    folder.here("source", "pause", "b", "a", "b")

    assert (unknown.returncode, after_unknown) == (2, before)
    assert 'there is no source "bb". Did you mean "b"?' in unknown.stderr
    assert text(folder) == before.replace("{feed", "{paused: true, feed")


def test_resume_overrules_the_defaults_of_the_file(folder: Folder, upstream: Upstream) -> None:
    """Where `defaults` pause every source, a resumed one says false itself, and is due at once if it was never polled."""
    folder.sources(
        f"defaults: {{paused: true, categories: [news]}}\nsources:\n  a:\n    feed: {upstream.address}/a\n"
        f"  b:\n    feed: {upstream.address}/b\n"
    )
    nothing = folder.here("source", "pause", "a")
    untouched = text(folder)
    resumed = folder.here("source", "resume", "a")

    assert "a is paused already (config/sources/all.yaml:3); nothing to do" in nothing.stderr
    assert text(folder) == untouched.replace("  a:\n", "  a:\n    paused: false\n")
    assert "It is due now (never polled yet): aggregator sync" in resumed.stderr
    assert "1 source: 1 ok" in folder.sync().stderr


@pytest.mark.rule("F22")
def test_resume_strikes_out_that_a_source_is_gone(folder: Folder, upstream: Upstream) -> None:
    """After 410 a source is not asked again; `resume` takes the line out of the ledger and it is asked once more."""
    folder.sync()
    page = upstream.pages["/a"]
    upstream.pages["/a"] = type(page)(status=410)
    folder.sync("--force")
    gone = folder.files("ledger.jsonl")
    configured = text(folder)
    upstream.pages["/a"] = page
    upstream.requests.clear()
    folder.sync("--force")
    resumed = folder.here("source", "resume", "a")

    assert b'"gone"' in gone["ledger.jsonl"]
    assert [request.path for request in upstream.requests] == ["/b"]
    assert "what the ledger said is struck out: gone since " in resumed.stderr
    assert Ledger.load(folder.root / "ledger.jsonl").of(Gone) == ()
    assert text(folder) == configured
    upstream.requests.clear()
    folder.sync("--force")
    assert {request.path for request in upstream.requests} == {"/a", "/b"}


def test_nothing_to_do_changes_no_byte(folder: Folder) -> None:
    """Resuming what is polled and renaming to the same id say so, exit 0, and leave every file's time as it was."""
    folder.sync()
    path = folder.root / FILE
    os.utime(path, ns=(1, 1))
    before = everything(folder)
    resumed = folder.here("source", "resume", "a")
    renamed = folder.here("source", "rename", "a", "a")

    assert (resumed.returncode, renamed.returncode) == (0, 0)
    assert "a: is neither paused nor gone; nothing to do" in resumed.stderr
    assert "a has that id already (config/sources/all.yaml:2); nothing to do" in renamed.stderr
    assert (everything(folder), path.stat().st_mtime_ns) == (before, 1)


@pytest.mark.parametrize(
    "words",
    [("pause", "a"), ("resume", "a"), ("remove", "a", "--yes"), ("rename", "a", "z")],
    ids=lambda words: str(words[0]),
)
def test_one_change_at_a_time(folder: Folder, words: tuple[str, ...]) -> None:
    """While another run holds the project nothing is changed: exit 6."""
    before = everything(folder)
    with project_lock(folder.root):
        done = folder.run("source", *words)

    assert (done.returncode, everything(folder)) == (6, before)
    assert "another run holds project" in done.stderr


@pytest.mark.parametrize("words", [("pause", "a"), ("remove", "a", "--yes")], ids=lambda words: str(words[0]))
def test_a_file_that_no_program_can_safely_change_stays(folder: Folder, upstream: Upstream, words: tuple[str, ...]) -> None:
    """Where an anchor hangs on the source, the change is refused with what to do: exit 3, and no byte is written."""
    source = f"{{feed: '{upstream.address}/a', categories: [news]}}"
    folder.sources(f"sources:\n  ? a\n  : &one {source}\n  b: *one\n")
    before = everything(folder)
    done = folder.run("source", *words)

    assert (done.returncode, everything(folder)) == (3, before)
    assert "change it by hand; nothing was written" in done.stderr


def test_a_removed_source_leaves_its_posts_where_they_are(folder: Folder, upstream: Upstream) -> None:
    """Posts and feeds of a removed source stay byte for byte, through sync and build, and its upstream is left alone."""
    folder.sync()
    before = {path: body for path, body in folder.files("posts", "public").items() if not path.endswith(".opml")}
    done = folder.here("source", "remove", "a", "--yes")
    upstream.requests.clear()
    folder.sync("--force")
    built = folder.run("build")
    after = {path: body for path, body in folder.files("posts", "public").items() if not path.endswith(".opml")}

    assert (done.returncode, built.returncode) == (0, 0)
    assert "a (config/sources/all.yaml:2) has 3 posts. They stay on disk and in the feeds." in done.stderr
    assert "in posts/news/a/" in done.stderr
    assert "  a: {" not in text(folder)
    assert after == before
    assert [request.path for request in upstream.requests] == ["/b"]


def test_a_source_that_is_added_again_knows_its_posts(folder: Folder, upstream: Upstream) -> None:
    """Under the same id no entry comes twice and the poll is conditional again; what came meanwhile is new."""
    folder.sync()
    before, configured = folder.files("posts"), text(folder)
    folder.here("source", "remove", "a", "--yes")
    folder.sync("--force")
    (folder.root / FILE).write_text(configured, "utf-8")
    upstream.requests.clear()
    folder.sync("--force")
    conditional = [request.headers.get("If-None-Match") is not None for request in upstream.requests]
    unchanged = folder.files("posts")
    upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    folder.sync("--force")

    assert (unchanged, conditional) == (before, [True, True])
    assert len(folder.files("posts")) == len(before) + 1
    assert titles(folder, "news/a.atom").count("Entry 1") == 1


def test_remove_asks_on_a_terminal(folder: Folder) -> None:
    """Whoever says no, or says nothing, keeps the source: exit 1; whoever says yes is rid of it."""
    before = text(folder)
    refused = answer_on_a_terminal(folder, b"n\n", "source", "remove", "a")
    silent = answer_on_a_terminal(folder, b"\n", "source", "remove", "a")
    kept = text(folder)
    agreed = answer_on_a_terminal(folder, b"y\n", "source", "remove", "a")

    assert (refused[0], silent[0], kept) == (1, 1, before)
    assert "Remove a from the configuration? [y/N]" in refused[1]
    assert "nothing was removed" in refused[1]
    assert agreed[0] == 0
    assert "  a: {" not in text(folder)


def test_remove_does_nothing_where_nobody_can_be_asked(folder: Folder) -> None:
    """Without a terminal and without --yes nothing is removed: exit 1, with what to say."""
    before = everything(folder)
    done = folder.here("source", "remove", "a")

    assert (done.returncode, everything(folder)) == (1, before)
    assert "nothing was removed: there is no terminal to ask at. Say that you mean it: --yes" in done.stderr


def test_a_renamed_source_keeps_everything_but_its_name(folder: Folder, upstream: Upstream) -> None:
    """No post, no feed, no id changes; nothing is polled early, the next poll is conditional and brings no duplicate."""
    folder.sync()
    before, configured = folder.files("posts", "public"), text(folder)
    renamed = folder.here("source", "rename", "a", "alpha")
    upstream.requests.clear()
    early = folder.sync()
    asked_early = list(upstream.requests)
    folder.sync("--force")
    folder.run("build")

    assert renamed.returncode == 0, renamed.stderr
    assert "a is alpha now (config/sources/all.yaml:2). Its 3 posts, and their ids, stay as they are." in renamed.stderr
    assert text(folder) == configured.replace("  a: {", "  alpha: {")
    assert ("nothing is due among 2 sources" in early.stderr, asked_early) == (True, [])
    assert [request.headers.get("If-None-Match") is not None for request in upstream.requests] == [True, True]
    assert folder.files("posts", "public") == before


def test_a_renamed_source_goes_by_its_new_name(folder: Folder) -> None:
    """Status, plan and sync use the new name; the old one, wherever it is given, is answered with the new."""
    folder.sync()
    folder.here("source", "rename", "a", "alpha")
    status, plan, sync = folder.run("status"), folder.run("plan", "alpha"), folder.run("sync", "alpha", "--force")

    assert re.search(r"^● ok +alpha .* 3 posts", status.stdout, re.MULTILINE)
    assert "alpha" in plan.stdout
    assert "= alpha  not modified" in sync.stderr
    for words in (
        ("sync", "a"),
        ("plan", "a"),
        ("source", "show", "a"),
        ("source", "pause", "a"),
        ("source", "rename", "a", "c"),
    ):
        old = folder.run(*words)
        assert (old.returncode, 'there is no source "a". It was renamed to "alpha".' in old.stderr) == (2, True), words


def test_a_renamed_source_is_exported_as_before(folder: Folder) -> None:
    """What was learned of its feed, title and page, goes with it."""
    folder.sync()
    before = folder.run("export", "opml", "--private").stdout
    folder.here("source", "rename", "a", "alpha")

    assert before.count('text="Upstream"') == 2
    assert folder.run("export", "opml", "--private").stdout == before


def test_a_removed_source_s_posts_can_be_taken_out(folder: Folder) -> None:
    """As the command says: their files deleted and the deletion accepted, the feeds are without them, and none comes back."""
    folder.sync()
    said = folder.here("source", "remove", "a", "--yes").stderr
    for post in (folder.root / "posts/news/a").rglob("*.md"):
        post.unlink()
    done = folder.here("build", "--accept-deletions")

    assert "then: aggregator build --accept-deletions" in said
    assert done.returncode == 0, done.stderr
    assert titles(folder, "all.atom") == ["Entry 12", "Entry 11"]
    assert (folder.root / "ledger.jsonl").read_text("utf-8").count('"kind": "deleted"') == 3


def test_names_go_round_in_a_circle(folder: Folder) -> None:
    """A to B to A to B to C: the identity stays A throughout, and the state that is rebuilt from posts agrees."""
    folder.sync()
    before = folder.files("posts")
    for old, new in (("a", "x"), ("x", "a"), ("a", "x"), ("x", "y"), ("y", "a"), ("a", "y")):
        done = folder.here("source", "rename", old, new)
        synced = folder.sync("--force")
        assert done.returncode == 0, done.stderr
        assert (f"= {new}  not modified" in synced.stderr, folder.files("posts")) == (True, before)
    folder.run("reindex")
    folder.sync("--force")

    assert folder.files("posts") == before
    lines = Ledger.load(folder.root / "ledger.jsonl").of(Renamed)
    assert [(line.old, line.new) for line in lines] == [("a", "x"), ("x", "y")]


def test_a_name_that_belongs_to_another_source_is_refused(folder: Folder) -> None:
    """Neither a source's id, nor a former one, nor that of a removed source with posts can be taken; nor what is no id."""
    folder.sync()
    folder.here("source", "rename", "a", "alpha")
    before = everything(folder)
    taken = folder.here("source", "rename", "alpha", "b")
    former = folder.here("source", "rename", "b", "a")
    unfit = folder.here("source", "rename", "b", "two words")

    assert [done.returncode for done in (taken, former, unfit)] == [2, 2, 2]
    assert everything(folder) == before
    assert '"b" is taken: it is the id of another source (config/sources/all.yaml:3)' in taken.stderr
    assert '"a" is taken: the source "alpha" had it before (ledger.jsonl)' in former.stderr
    assert '"two words" is no source id: letters and digits, then also . _ -' in unfit.stderr

    folder.here("source", "remove", "b", "--yes")
    removed = folder.here("source", "rename", "alpha", "b")

    assert removed.returncode == 2
    assert '"b" is taken: 2 posts of a source that was removed belong to it' in removed.stderr


def test_a_rename_that_dies_halfway_changes_nothing(folder: Folder) -> None:
    """Killed between ledger and configuration, the project is valid, `sync` writes nothing, and the rename can be repeated."""
    folder.sync()
    before, configured = folder.files("posts", "public"), text(folder)
    spare = folder.root / "config" / "sources" / ".tmp-all.yaml"
    os.mkfifo(spare)  # whoever opens it for writing waits
    with subprocess.Popen(folder.command("source", "rename", "a", "alpha"), env=folder.environment()) as running:
        wait_until((folder.root / "ledger.jsonl").exists)
        running.send_signal(signal.SIGKILL)
    spare.unlink()

    assert b'"renamed"' in folder.files("ledger.jsonl")["ledger.jsonl"]
    assert text(folder) == configured
    forced = folder.sync("--force")
    assert ("= a  not modified" in forced.stderr, folder.files("posts", "public")) == (True, before)
    assert folder.here("source", "rename", "a", "other").returncode == 0
    assert folder.here("source", "rename", "other", "alpha").returncode == 0
    assert folder.run("check", "config").returncode == 0
    forced = folder.sync("--force")
    assert ("= alpha  not modified" in forced.stderr, folder.files("posts", "public")) == (True, before)


def test_a_configuration_that_cannot_be_written_takes_the_ledger_along(folder: Folder) -> None:
    """If the file cannot be written the ledger's line is struck out again: exit 5, and everything is as before."""
    folder.sync()
    before = everything(folder)
    (folder.root / "config" / "sources" / ".tmp-all.yaml").mkdir()
    done = folder.here("source", "rename", "a", "alpha")
    (folder.root / "config" / "sources" / ".tmp-all.yaml").rmdir()
    after = everything(folder)

    assert done.returncode == 5
    assert "all.yaml: is a directory; it is as before" in done.stderr
    assert {name: body for name, body in after.items() if name != "ledger.jsonl"} == before
    assert Ledger.load(folder.root / "ledger.jsonl").lines == ()


def renamed(old: str, new: str, seconds: int = 0) -> Line:
    return Renamed(what="source", old=old, new=new, at=NOW.replace(second=seconds))


def test_a_contradictory_ledger_is_read_by_what_came_first() -> None:
    """A circle that hands or a merge have closed, and a name given twice, leave each name with one identity."""
    circle = former_names(ledger_of(renamed("b", "a", 1), renamed("a", "b", 0)).of(Renamed))
    twice = former_names(ledger_of(renamed("a", "c", 1), renamed("b", "c", 0)).of(Renamed))

    assert [identity(name, circle) for name in "ab"] == ["a", "a"]
    assert [identity(name, twice) for name in "abc"] == ["a", "b", "b"]


def test_a_source_takes_a_former_name_without_a_line() -> None:
    """What is one of its names already needs no line; a new one follows on the last of them, whichever it bears now."""
    former = {"b": "a", "c": "b"}
    line = renaming("a", "d", former, NOW)

    assert [renaming("a", name, former, NOW) for name in "abc"] == [None, None, None]
    assert line == Renamed(what="source", old="c", new="d", at=NOW)


def test_a_renamed_category_is_no_source() -> None:
    """Lines about categories give no source a name, whatever they say."""
    lines = ledger_of(Renamed(what="category", old="a", new="b", at=NOW), renamed("a", "c"))

    assert former_names(lines.of(Renamed)) == {"c": "a"}
