"""What `aggregator run` promises to those who leave it running: the real command, a real upstream on loopback."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.daemon_play import PATIENCE, moment, running
from tests.upstream import Folder, Upstream, item, titles

#: Beyond what a wait is meant to take: a loaded machine. No test passes on account of it.
SLACK = timedelta(seconds=PATIENCE)
#: What two clocks of one process may differ by when one of them is read a moment later.
BLINK = timedelta(milliseconds=50)


def _asked(upstream: Upstream, path: str) -> int:
    return sum(request.path == path for request in upstream.requests)


def _sources(folder: Folder, upstream: Upstream, **every: str) -> None:
    lines = [
        f"  {name}: {{feed: '{upstream.address}/{name}', categories: [news, {name}], every: {span}}}\n"
        for name, span in every.items()
    ]
    folder.sources("sources:\n" + "".join(lines))


def _knows(folder: Folder, next_poll: str) -> bool:
    """Tell whether the state says of source b what the log did: a log line comes first."""
    [found] = [each for each in json.loads(folder.here("status", "--json").stdout) if each["id"] == "b"]
    return found["next_poll"] is not None and datetime.fromisoformat(found["next_poll"]) == datetime.fromisoformat(next_poll)


# -- news ---------------------------------------------------------------------------------------------------------------


def test_news_is_served_within_one_poll_and_one_debounce(folder: Folder, upstream: Upstream) -> None:
    """A new entry is found by the next poll, and readers get it when the debounce has passed, not before."""
    folder.settings("daemon: {debounce: 2s}")
    _sources(folder, upstream, a="3s", b="1h")
    with running(folder, serves=True) as daemon:
        url = daemon.wait_for_words("feeds are served at").removeprefix("feeds are served at ")
        daemon.wait_for_idle()
        start = daemon.mark
        [due] = [moment(line, "next_poll") for line in daemon.polls("a")[-1:]]
        upstream.feed("/a", item(7) + item(1) + item(2))

        found = daemon.wait_for_poll("a", since=start, outcome="news")
        written = daemon.wait_for_output("feeds/news/a.atom", since=start)

        assert daemon.polls("a", since=start)[0] == found
        assert due - BLINK <= moment(found) <= due + SLACK
        assert timedelta(seconds=2) - BLINK <= moment(written) - moment(found) <= timedelta(seconds=2) + SLACK
        with urlopen(f"{url}feeds/news/a.atom") as answer:  # noqa: S310 - our own server
            assert b"<title>Entry 7</title>" in answer.read()
        daemon.wait_for_output("feeds/all.atom", since=start)
        assert daemon.stop() == 143


def test_news_that_comes_in_a_row_is_published_together(folder: Folder, upstream: Upstream) -> None:
    """Five entries over three rounds give one write per feed and debounce, which is counted from the first of them."""
    debounce = timedelta(seconds=4)
    folder.settings("daemon: {debounce: 4s}")
    upstream.feed("/c")
    _sources(folder, upstream, a="1s", b="1s", c="1s")
    with running(folder) as daemon:
        daemon.wait_for_idle()
        start = daemon.mark
        for news in ({"a": 20, "b": 21}, {"c": 22, "a": 23}, {"b": 24}):
            mark = daemon.mark
            for source, number in news.items():
                upstream.feed(f"/{source}", item(number))
            last = [daemon.wait_for_poll(source, since=mark, outcome="news") for source in news][-1]
        daemon.wait(lambda: "Entry 24" in titles(folder, "news.atom"))
        daemon.wait_for_output("feeds/news.atom", since=daemon.log.index(last))
        assert daemon.stop() == 143

    found = [moment(line) for line in daemon.polls(since=start) if line["outcome"] == "news"]
    assert len(found) == 5
    for write in [moment(line) for line in daemon.lines("output", since=start) if line["path"] == "feeds/news.atom"]:
        assert write - found[0] >= debounce - BLINK
        found = [each for each in found if each > write]
    assert not found


# -- a restart ----------------------------------------------------------------------------------------------------------


def test_a_restart_keeps_every_due_time(folder: Folder, upstream: Upstream) -> None:
    """After SIGTERM and after kill -9 a source is polled when it was due before, and no other one is."""
    _sources(folder, upstream, a="1h", b="4s")
    due: datetime | None = None
    for ending in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        with running(folder) as daemon:
            line = daemon.wait_for_poll("b")
            if due is not None:
                assert moment(line) >= due - BLINK
            due = moment(line, "next_poll")
            daemon.wait(lambda: _knows(folder, line["next_poll"]))  # noqa: B023 - waited for here
            daemon.send(ending)
            assert daemon.process.wait(PATIENCE) in {143, -signal.SIGKILL}

    assert _asked(upstream, "/a") == 1
    assert all(request.status == 304 for request in upstream.requests[2:])


# -- configuration ------------------------------------------------------------------------------------------------------


def test_a_changed_configuration_is_taken_over(folder: Folder, upstream: Upstream) -> None:
    """A source that is added is polled and one that is removed is not, without anybody telling the daemon."""
    _sources(folder, upstream, a="1s", b="1s")
    upstream.feed("/c", item(31))
    with running(folder) as daemon:
        daemon.wait_for_idle()
        _sources(folder, upstream, a="1s", c="1h")
        daemon.wait_for_words("new configuration: 2 sources")
        daemon.wait_for_poll("c", outcome="news")
        start = daemon.mark
        daemon.wait(lambda: len(daemon.polls("a", since=start)) > 2)

        assert daemon.polls("b", since=start) == []
        assert daemon.stop() == 143


def test_a_bad_configuration_is_refused_and_the_old_one_stays(folder: Folder, upstream: Upstream) -> None:
    """Whether by itself or on SIGHUP: what is wrong is told once, with its place, and polling goes on; so is its mending."""
    _sources(folder, upstream, a="1s")
    with running(folder) as daemon:
        daemon.wait_for_idle()
        folder.sources("sources:\n  a: {fed: 'http://127.0.0.1/', every: 1s}\n")
        told = daemon.wait_for_words("refused, the old one stays")
        assert "config/sources/all.yaml:2" in told
        assert "fed" in told
        start = daemon.mark
        daemon.wait(lambda: len(daemon.polls("a", since=start)) > 2)
        assert daemon.words(since=start) == []

        daemon.send(signal.SIGHUP)
        daemon.wait_for_words("refused, the old one stays", since=start)
        daemon.wait_for_ready(times=3)
        assert daemon.told.count("RELOADING=1") >= 2

        start = daemon.mark
        _sources(folder, upstream, a="1s")
        daemon.wait_for_words("the configuration is as it was", since=start)

        _sources(folder, upstream, a="1s", b="1h")
        daemon.send(signal.SIGHUP)
        daemon.wait_for_words("new configuration: 2 sources", since=start)
        daemon.wait_for_poll("b", since=start)
        start = daemon.mark
        daemon.send(signal.SIGHUP)
        daemon.wait_for_words("the configuration is as it was", since=start)
        assert daemon.stop() == 143


def test_a_configuration_that_changes_amid_a_round_counts_when_that_is_over(folder: Folder, upstream: Upstream) -> None:
    """A new source is polled, and a new title published, right after the round that did not know of them."""
    _sources(folder, upstream, a="1h")
    hang, go_on = threading.Event(), threading.Event()

    def respond(_: object) -> None:
        hang.set()
        go_on.wait(PATIENCE)

    upstream.feed("/b", item(2))
    upstream.feed("/a", item(1)).respond = respond
    with running(folder) as daemon:
        assert hang.wait(PATIENCE)
        settings = folder.root / "config" / "settings.yaml"
        settings.write_text(settings.read_text("utf-8").replace("Test site", "Another title"), "utf-8")
        _sources(folder, upstream, a="1h", b="1h")
        daemon.wait_for_words("new configuration: 2 sources")
        go_on.set()
        daemon.wait_for_poll("b")
        daemon.wait(lambda: "Another title" in (folder.root / "public" / "feeds" / "all.atom").read_text("utf-8"))
        assert daemon.stop() == 143


# -- other commands beside it -------------------------------------------------------------------------------------------

#: What a daemon beside it adds to what `sync` says, and what no two runs have in common.
_OWN = re.compile(r"the daemon of this project is asked to do it\n|\d+(\.\d+)? m?s\b|\"elapsed_ms\": ?\d+|next poll: .*\n")
_DATES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)")


def _said(text: str) -> str:
    return _DATES.sub("T", _OWN.sub("", text))


def test_sync_beside_a_daemon_ends_as_without_one(synced: Folder, lasting_upstream: Upstream, tmp_path: Path) -> None:
    """The daemon polls, and `sync` says and exits what it would have had it done so itself; so it does when nothing is due."""
    alone = synced.copy(tmp_path / "alone")
    lasting_upstream.feed("/b").status = 500
    with running(synced, "--no-schedule", serves=True) as daemon:
        for words in (
            ("--force", "--changed-exit", "9"),
            (),
            ("--force", "--strict", "--json"),
            ("b", "--force"),
            ("b", "--force", "--strict", "--json"),
            ("--dry-run", "--force"),
            ("nobody",),
            ("--category", "news/a", "--no-cache", "--limit", "1"),
        ):
            if words == ("--force", "--changed-exit", "9"):
                lasting_upstream.feed("/a", item(1) + item(9))
            beside, by_itself = synced.here("sync", *words), alone.here("sync", *words)

            assert beside.returncode == by_itself.returncode, words
            assert sorted(_said(beside.stdout).splitlines()) == sorted(_said(by_itself.stdout).splitlines()), words
            assert sorted(_said(beside.stderr).splitlines()) == sorted(_said(by_itself.stderr).splitlines()), words
        assert len(daemon.polls()) == 7
        assert daemon.stop() == 143
    assert synced.files() == alone.files()


def test_two_syncs_beside_a_daemon_are_both_served(synced: Folder) -> None:
    """Each of two that ask at the same time gets its own summary; one that asks for nothing we know is thrown away."""
    asks = synced.root / "state" / "asks"
    with running(synced, "--no-schedule", serves=True) as daemon:
        asks.mkdir(exist_ok=True)
        for name, text in {"1": b"{}", "2": b"\xff", "3": b'{"sources": 3}', "4": b"[" * 100_000, "5": b""}.items():
            (asks / f"{name}.ask.json").write_bytes(text)
        (asks / "6.ask.json").mkdir()
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda name: synced.run("sync", "--force", name, TZ="UTC"), ("a", "b")))
        assert [each.returncode for each in done] == [0, 0], done
        assert sorted(line["source_id"] for line in daemon.polls()) == ["a", "b"]
        assert daemon.stop() == 143
    assert [path.name for path in asks.iterdir()] == ["6.ask.json"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_sync_whose_daemon_ends_does_it_itself(synced: Folder, lasting_upstream: Upstream, ending: signal.Signals) -> None:
    """However the daemon ends while it polls, the `sync` that waits for it goes on by itself and succeeds."""
    hang, go_on = threading.Event(), threading.Event()
    page = lasting_upstream.feed("/a", item(1))

    def respond(_: object) -> None:
        hang.set()
        go_on.wait(PATIENCE)

    page.respond = respond
    with (
        running(synced, "--no-schedule", serves=True) as daemon,
        subprocess.Popen(
            synced.command("sync", "--force"), env=synced.environment(), stderr=subprocess.PIPE, text=True
        ) as waiting,
    ):
        assert hang.wait(PATIENCE)
        lasting_upstream.feed("/a", item(1) + item(8))
        daemon.send(ending)
        _, said = waiting.communicate(timeout=PATIENCE)
        go_on.set()

        assert waiting.returncode == 0, said
        assert "it has ended meanwhile" in said
        assert daemon.process.wait(PATIENCE) in {143, -signal.SIGKILL}
    assert "Entry 8" in titles(synced, "news/a.atom")


def test_asks_that_cannot_be_read_stop_no_polls(folder: Folder) -> None:
    """Where the folder of asks should be lies a file: the daemon polls all the same, and `sync` says what is wrong."""
    (folder.root / "state").mkdir()
    (folder.root / "state" / "asks").write_text("no folder")
    with running(folder) as daemon:
        daemon.wait_for_poll("a", outcome="news")
        done = folder.here("sync")
        assert done.returncode == 5
        assert "state/asks" in done.stderr
        assert daemon.stop() == 143


def test_a_sync_knows_a_source_that_was_just_added(synced: Folder, lasting_upstream: Upstream) -> None:
    """What stands in the configuration when `sync` asks is polled, also if the daemon has not looked at it yet."""
    lasting_upstream.feed("/c", item(40))
    with running(synced, "--no-schedule", serves=True) as daemon:
        synced.sources_at({name: f"{lasting_upstream.address}/{name}" for name in "abc"})
        done = synced.here("sync", "c")

        assert done.returncode == 0
        assert "1 new" in done.stderr
        assert [line["source_id"] for line in daemon.polls()] == ["c"]
        assert daemon.stop() == 143


def test_other_commands_work_beside_a_daemon(synced: Folder, lasting_upstream: Upstream) -> None:
    """`build`, `status` and `takedown` do what they say while a daemon polls, which publishes nothing of it again."""
    _sources(synced, lasting_upstream, a="1s", b="1s")
    [post] = (synced.root / "posts").rglob("entry-1-*.md")
    with running(synced) as daemon:
        daemon.wait_for_poll("a")
        for words in (
            ("build",),
            ("status",),
            ("takedown", "--yes", post.stem[-12:]),
            ("build", "--posts"),
            ("check", "feeds"),
        ):
            done = synced.here(*words)
            assert done.returncode == 0, (words, done.stderr)
        start = daemon.mark
        lasting_upstream.feed("/a", item(1) + item(50))
        daemon.wait_for_output("feeds/news/a.atom", since=start)
        assert daemon.stop() == 143
    assert "Entry 50" in titles(synced, "news/a.atom")
    assert "Entry 1" not in titles(synced, "news/a.atom")
    assert not post.exists()


def test_one_daemon_is_enough(synced: Folder) -> None:
    """A second one is told who the first is and ends with exit code 6; after kill -9 another one starts at once."""
    with running(synced, "--no-schedule", serves=True) as daemon:
        second = synced.run("run", "--no-serve", TZ="UTC")
        assert second.returncode == 6
        assert f"(process {daemon.pid}, since " in second.stderr
        assert "Traceback" not in second.stderr
        daemon.kill()
    with running(synced, "--no-schedule", serves=True) as daemon:
        assert daemon.stop(signal.SIGINT) == 130
