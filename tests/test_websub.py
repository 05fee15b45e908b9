"""WebSub on our side, end to end: real HTTP on loopback, real files, a hub that fetches each topic when it is told of it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.pipeline.pinging import tell_hubs
from aggregator.pipeline.project import open_project
from aggregator.settings import load_settings
from tests.conftest import Sweep
from tests.hub import Hub, Ping, with_hub
from tests.upstream import Folder, Upstream, item, wait_until

CLOSED = "the server closed the connection without an answer"
#: Each format is a topic of its own.
CONTENT = [f"feeds/{name}.{format_}" for name in ("all", "news", "news/a", "news/b") for format_ in ("atom", "rss", "json")]
OF_A = sorted(path for path in CONTENT if not path.startswith("feeds/news/b."))
FEEDS = sorted([*CONTENT, "feeds/status.atom"])
ALL = len(FEEDS)


@pytest.fixture(scope="session")
def lasting_hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture(scope="session")
def waiting_once(synced_once: Folder, lasting_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project whose feeds have changed and whose hub knows nothing of it yet; `waiting` copies it."""
    made = synced_once.copy(tmp_path_factory.mktemp("waiting") / "project")
    with_hub(made, lasting_hub, more=", ping: later").sync()
    return made


@pytest.fixture
def waiting(waiting_once: Folder, lasting_upstream: Upstream, tmp_path: Path) -> Folder:
    lasting_upstream.feed("/a", item(1) + item(2) + item(3, dated=False))
    return waiting_once.copy(tmp_path / "project")


@pytest.fixture
def hub(lasting_hub: Hub) -> Hub:
    """The hub that `waiting` names, as if new."""
    lasting_hub.status, lasting_hub.headers, lasting_hub.respond = 204, {}, None
    lasting_hub.forget()
    return lasting_hub


def pings_of(folder: Folder) -> list[tuple[str, str]]:
    """Return hub and path of what waits."""
    with closing(sqlite3.connect(folder.root / "state" / "state.sqlite")) as state:
        return sorted(state.execute("SELECT hub, path FROM pings"))


def age(folder: Folder, hours: float) -> None:
    """Let what waits have waited for longer."""
    with closing(sqlite3.connect(folder.root / "state" / "state.sqlite")) as state, state:
        state.execute("UPDATE pings SET since = since - ?", (int(hours * 3600),))


@pytest.mark.publishes("P32")
def test_a_hub_is_told_once_of_each_change_when_it_is_live(folder: Folder, upstream: Upstream) -> None:
    """Each feed that changed is pinged once, after its new bytes can be fetched; one that did not change is not."""
    with Hub(folder.root / "public") as hub:
        with_hub(folder, hub).sync()
        assert hub.topics == FEEDS
        for ping in hub.pings:
            assert ping.form == {"hub.mode": ["publish"], "hub.url": [f"https://news.example/{ping.topic}"]}
            assert ping.headers["Content-Type"] == "application/x-www-form-urlencoded"
            assert ping.headers["User-Agent"].startswith("feed-aggregator/")
            assert "Cookie" not in ping.headers
            assert ping.content == (folder.root / "public" / ping.topic).read_bytes()
        hub.forget()
        folder.sync("--force")
        assert hub.pings == []

        upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
        folder.sync("--force")
        assert hub.topics == OF_A
        assert all(b"Entry 4" in (ping.content or b"") for ping in hub.pings)
    assert pings_of(folder) == []


@pytest.mark.publishes("P32")
def test_who_subscribed_before_a_rename_hears_of_news(synced: Folder, lasting_upstream: Upstream, hub: Hub) -> None:
    """A category's former addresses are told of with the new ones: of the rename itself, and of each change after it."""
    with_hub(synced, hub).sync()
    hub.forget()
    assert synced.here("category", "rename", "news/a", "news/z").returncode == 0
    synced.sync()
    moved = {f"feeds/news/{name}.{format_}" for name in ("a", "z") for format_ in ("atom", "rss", "json")}
    assert moved <= set(hub.topics)
    hub.forget()
    lasting_upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    synced.sync("--force")
    assert {topic for topic in hub.topics if topic.startswith("feeds/news/")} == moved
    assert len(hub.topics) == len(set(hub.topics))


def test_a_hub_that_fails_is_no_failure_of_the_run(folder: Folder) -> None:
    """A sync whose hub refuses everything ends with 0; one line says so, also under -q, and the pings wait."""
    with Hub() as hub:
        hub.status = 500
        done = with_hub(folder, hub).run("-q", "sync", "--strict")

        assert done.returncode == 0
        assert done.stderr == (
            f"✗ hub {hub.address}: not told of {ALL} files: the hub answered 500 (Internal Server Error);"
            " the next runs try again\n"
        )
        assert len(hub.pings) == 3  # then it is left alone
        hub.status = 204
        hub.forget()
        assert folder.run("-q", "sync").stderr == ""
        assert hub.topics == FEEDS


def test_later_means_by_hand(waiting: Folder, hub: Hub) -> None:
    """With `ping: later` a sync only says that something waits; `ping` lists it and sends it, once."""
    assert hub.pings == []
    assert f"{ALL} changed files that the hubs are told of once they are live: aggregator ping" in waiting.sync().stderr

    listed = waiting.here("ping", "--dry-run")
    assert listed.stdout.splitlines() == [f"{hub.address}  https://news.example/{path}" for path in FEEDS]
    assert hub.pings == []
    done = waiting.here("ping")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{ALL} pings taken by 1 hub\n")
    assert hub.topics == FEEDS
    assert (again := waiting.here("ping")).returncode == 0
    assert again.stderr == "the hubs know of everything\n"
    assert len(hub.pings) == ALL


def test_programs_are_told_as_well(waiting: Folder, hub: Hub) -> None:
    """Under --json `ping` gives one line per hub, and --dry-run one per ping."""
    [first, *_] = map(json.loads, waiting.here("ping", "--dry-run", "--json").stdout.splitlines())
    assert first.items() >= {"event": "ping", "hub": hub.address, "topic": "https://news.example/feeds/all.atom"}.items()
    [event] = map(json.loads, waiting.here("ping", "--json").stdout.splitlines())
    assert event == {"event": "hub", "hub": hub.address, "told": FEEDS, "waiting": 0, "given_up": [], "message": None}


def test_without_hubs_there_is_nothing_to_do(folder: Folder) -> None:
    """`ping` in a project that names no hub says so and ends with 0."""
    done = folder.here("ping")

    assert (done.returncode, done.stderr) == (0, "no hub is named, so nobody is told: public.hubs in config/settings.yaml\n")


def _hang(_handler: Any, _ping: Ping) -> bool:
    time.sleep(1)
    return True


@pytest.mark.parametrize("fault", ["500", "timeout", "hung up"])
def test_what_a_hub_did_not_take_is_told_again(waiting: Folder, hub: Hub, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error, silence or a closed connection everything waits, exit 4; the next run sends it."""
    monkeypatch.setenv("AGGREGATOR_FETCH__TIMEOUT", "300ms")
    hub.status = 500 if fault == "500" else 204
    hub.respond = {"timeout": _hang, "hung up": lambda *_: True}.get(fault)
    done = waiting.here("ping")

    assert done.returncode == 4
    assert f"not told of {ALL} files" in done.stderr
    assert "the next runs try again" in done.stderr
    assert len(hub.pings) == (3 if fault == "500" else 1)  # who does not answer is not asked again in this run
    hub.status, hub.respond = 204, None
    hub.forget()
    assert waiting.here("ping").returncode == 0
    assert hub.topics == FEEDS


def test_a_hub_that_is_gone_is_given_up_after_a_day(waiting: Folder, hub: Hub) -> None:
    """What could not be told for 24 hours is tried once more and then given up, with a warning."""
    age(waiting, 23.9)
    hub.status = 503
    assert "given up" not in waiting.here("ping").stderr
    age(waiting, 0.2)
    done = waiting.here("ping")

    assert done.returncode == 4
    assert f"✗ hub {hub.address}: given up after 24 hours: {ALL} files (feeds/" in done.stderr
    assert pings_of(waiting) == []


def test_what_was_tried_once_is_not_given_up(waiting: Folder, hub: Hub) -> None:
    """A hub that is down for a moment when a site goes live once a week is tried again, before anything is given up."""
    age(waiting, 24 * 7)
    hub.status = 503
    first, second = (waiting.here("ping").stderr for _ in range(2))

    assert f"not told of {ALL} files" in first
    assert "given up" not in first
    assert f"given up after 24 hours: {ALL} files" in second
    assert pings_of(waiting) == []


def test_what_was_not_tried_is_not_given_up(waiting: Folder, hub: Hub) -> None:
    """A hub that refuses three files is left alone: each file has its turn before one of them is given up."""
    age(waiting, 25)
    hub.status = 500
    rounds = [waiting.here("ping").stderr for _ in range(ALL // 3)]
    assert "given up" not in "".join(rounds)
    assert len({ping.topic for ping in hub.pings}) == len(hub.pings) == ALL // 3 * 3

    assert "given up after 24 hours: " in waiting.here("ping").stderr
    assert {ping.topic for ping in hub.pings} == {*FEEDS}


def test_what_waits_for_long_is_told_all_the_same(waiting: Folder, hub: Hub) -> None:
    """A site that goes live once a week tells of what changed since: nothing is given up that was not tried."""
    age(waiting, 24 * 7)

    assert waiting.here("ping").returncode == 0
    assert hub.topics == FEEDS


def test_one_topic_that_is_refused_holds_up_no_other(waiting: Folder, hub: Hub) -> None:
    """A hub that refuses one topic is told of the others; that one comes last the next time, and the exit code is 1."""

    def refuse_all(handler: Any, ping: Ping) -> bool:
        handler.send_error(404 if ping.topic == "feeds/all.atom" else 204)
        return True

    hub.respond = refuse_all
    assert "untold" not in waiting.here("status").stdout
    done = waiting.here("ping")

    assert done.returncode == 1
    assert f"✗ untold   {hub.address}  this hub has not taken 1 changed file for " in waiting.here("status").stdout
    assert "not told of 1 file: the hub answered 404 (Not Found)" in done.stderr
    assert [path for _, path in pings_of(waiting)] == ["feeds/all.atom"]


def test_each_hub_is_told_whatever_the_others_do(synced: Folder) -> None:
    """Of two hubs one is down: the other is told of everything, the first one is named."""
    with Hub() as down, Hub() as up:
        down.respond = lambda *_: True
        done = with_hub(synced, down, up).run("sync")

    assert done.returncode == 0
    assert up.topics == FEEDS
    assert [line for line in done.stderr.splitlines() if line.startswith("✗ hub ")] == [
        f"✗ hub {down.address}: not told of {ALL} files: {CLOSED}; the next runs try again"
    ]
    assert pings_of(synced) == [(down.address, path) for path in FEEDS]


def test_telling_takes_no_longer_than_it_may(waiting: Folder, hub: Hub) -> None:
    """When the time of a run is spent, what is left waits for the next one, untried, and one line says so."""
    events: list[Any] = []
    settings = load_settings(waiting.root, waiting.root / "config", {})
    with open_project(settings, events.append, datetime.now(UTC)) as project:
        [event] = asyncio.run(tell_hubs(project, events.append, spend=timedelta()))

    assert (event.told, event.waiting, event.given_up, event.message) == ((), ALL, (), None)
    assert events == [event]
    assert hub.pings == []
    assert "untold" not in waiting.here("status").stdout


def test_a_gap_that_the_owner_sets_is_kept(waiting: Folder, hub: Hub) -> None:
    """With a gap in `fetch.hosts` no more pings are sent than fit into the time; the others wait, untried."""
    waiting.settings(
        f"fetch: {{allow_private: [127.0.0.0/8], hosts: {{127.0.0.1: {{per_host: 1, gap: 1h}}}}}}\n"
        f"public: {{hubs: ['{hub.address}'], ping: later}}"
    )
    settings = load_settings(waiting.root, waiting.root / "config", {})
    with open_project(settings, lambda _: None, datetime.now(UTC)) as project:
        [event] = asyncio.run(tell_hubs(project, lambda _: None, spend=timedelta(seconds=1)))

    assert (event.told, event.waiting, event.message) == (("feeds/all.atom",), ALL - 1, None)
    assert hub.topics == ["feeds/all.atom"]


def test_a_hub_that_asks_for_silence_gets_it(waiting: Folder, hub: Hub) -> None:
    """After 429 with Retry-After the hub is asked nothing until that has passed, by no run."""
    hub.status, hub.headers = 429, {"Retry-After": "3600"}
    assert "the hub answered 429 (Too Many Requests); it asks to wait 60 min" in waiting.here("ping").stderr
    assert "not asked: 127.0.0.1 said 429 and is left alone for 60 min" in waiting.here("ping").stderr
    assert len(hub.pings) == 1


@pytest.mark.parametrize("status", [301, 302])
def test_a_ping_follows_no_redirect(waiting: Folder, hub: Hub, status: int) -> None:
    """A redirect is a failure that names the new address; nothing is sent there."""
    hub.status, hub.headers = status, {"Location": "/elsewhere?token=hunter2"}
    done = waiting.here("ping")

    assert done.returncode == 4
    assert f"{hub.address}elsewhere?token=***" in done.stderr
    assert "follows no redirect" in done.stderr
    assert {ping.path for ping in hub.pings} == {"/"}


def test_a_hub_within_the_own_network_is_refused(waiting: Folder, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub on an address that is not public is not connected to unless allow_private lists it."""
    monkeypatch.setenv("AGGREGATOR_FETCH__ALLOW_PRIVATE", "10.0.0.0/8")
    done = waiting.here("ping")

    assert done.returncode == 4
    assert "the host leads to 127.0.0.1 (loopback), which is not public; allow_private can list exceptions" in done.stderr
    assert hub.pings == []


def test_what_looks_like_a_secret_is_not_shown(waiting: Folder, hub: Hub) -> None:
    """A hub's address is shown without the values of parameters that are secret by their names."""
    with_hub(waiting, address := f"{hub.address}push?key=hunter2")
    with closing(sqlite3.connect(waiting.root / "state" / "state.sqlite")) as state, state:
        state.execute("UPDATE pings SET hub = ?", (address,))
    assert "hunter2" not in waiting.here("ping", "--dry-run").stdout
    hub.status = 403
    done = waiting.here("ping", "--json")

    assert f"{hub.address}push?key=***" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert hub.pings[0].path == "/push?key=hunter2"


def test_build_tells_nobody(synced: Folder, hub: Hub) -> None:
    """`build` needs no network: what it changed waits to be told."""
    done = with_hub(synced, hub).run("build")
    assert f"{ALL} changed files that the hubs are told of by the next sync, or now: aggregator ping" in done.stderr
    assert hub.pings == []

    synced.here("ping")
    assert hub.topics == FEEDS


def test_what_is_cut_out_of_a_refused_feed_is_news(waiting: Folder, hub: Hub) -> None:
    """A takedown that mends files which cannot be built anew lets the hubs know of each of them, and of nothing else."""
    waiting.here("ping")
    assert hub.topics == FEEDS
    for place in (waiting.root / "posts").rglob("entry-[123]-*.md"):
        place.write_bytes(b"---\n'entry': [\n---\n")
    before = waiting.files("public")
    done = waiting.here("takedown", "entry-11", "--yes")
    changed = [path for path, content in waiting.files("public").items() if content != before.get(path)]

    assert "what was taken down is cut out" in done.stderr
    assert f"{len(changed)} changed files that the hubs are told of once they are live: aggregator ping" in done.stderr
    assert sorted(f"public/{path}" for _, path in pings_of(waiting)) == sorted(changed)


def test_a_dry_run_tells_nobody(waiting: Folder, hub: Hub) -> None:
    """`sync --dry-run` sends no ping, also none that waits."""
    with_hub(waiting, hub).run("sync", "--dry-run")

    assert hub.pings == []
    assert len(pings_of(waiting)) == ALL


def test_a_hub_that_is_named_no_more_is_told_nothing(waiting: Folder, hub: Hub) -> None:
    """What waits for a hub that was taken out of the settings is not sent."""
    with_hub(waiting, "http://127.0.0.1:9/")

    assert waiting.here("ping", "--dry-run").stdout == ""
    assert waiting.here("ping").returncode == 0
    assert hub.pings == []


def test_a_lost_state_tells_nobody_anew(waiting: Folder, hub: Hub) -> None:
    """Where the state is begun anew, as on a fresh CI runner, files that did not change are no news."""
    waiting.here("ping")
    hub.forget()
    shutil.rmtree(waiting.root / "state")
    waiting.sync("--force")

    assert pings_of(waiting) == []
    assert hub.pings == []


def test_a_run_that_died_before_the_state_knew_is_made_good(
    waiting: Folder, hub: Hub, lasting_upstream: Upstream, tmp_path: Path
) -> None:
    """Feeds that a dead run has put in place, and whose hubs it has not told, are told of by the next run."""
    waiting.here("ping")
    before = tmp_path / "before"
    shutil.copytree(waiting.root / "state", before)
    lasting_upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    waiting.sync("--force")
    # As if that run had been killed between its last rename and its last transactions.
    shutil.rmtree(waiting.root / "state")
    shutil.copytree(before, waiting.root / "state")
    times = waiting.times()
    waiting.sync("--force")

    assert waiting.times() == times
    assert pings_of(waiting) == [(hub.address, path) for path in OF_A]


@pytest.mark.timeout(300)
@pytest.mark.publishes("P32")
def test_killed_while_telling(folder: Folder) -> None:
    """After kill -9 amid the pings the next run sends those that were not taken, and no other."""
    with Hub(folder.root / "public") as hub:
        hub.respond = lambda handler, _: len(hub.pings) > 1 and _hang(handler, _)
        with_hub(folder, hub)
        victim = subprocess.Popen(folder.command("sync"), env=folder.environment(), stderr=subprocess.DEVNULL)
        wait_until(lambda: len(hub.pings) == 2)
        victim.kill()
        victim.wait()
        hub.respond = None
        first, *_ = hub.topics
        hub.forget()
        folder.sync()

        assert hub.topics == [path for path in FEEDS if path != first]


@pytest.mark.timeout(600)
def test_killed_at_random_moments(tmp_path: Path, upstream: Upstream, sweep: Sweep) -> None:
    """After kill -9 at a random moment and one more sync, subscribers of the hub hold the bytes of every feed as they are."""
    for number in range(sweep.count(whole=40, sampled=1)):
        folder = Folder(tmp_path / str(number) / "project")
        folder.sources_at({name: f"{upstream.address}/{name}" for name in ("a", "b")})
        with Hub(folder.root / "public") as hub:
            with_hub(folder, hub)
            victim = subprocess.Popen(folder.command("sync"), env=folder.environment(), stderr=subprocess.DEVNULL)
            moment = (sweep.seed + 7 * number) % (2 * ALL)
            wait_until(lambda: _progress(folder, hub) >= moment or victim.poll() is not None)  # noqa: B023 - called here
            victim.kill()
            victim.wait()
            folder.sync("--force")

            assert hub.holds == {path: (folder.root / "public" / path).read_bytes() for path in FEEDS}, moment


def _progress(folder: Folder, hub: Hub) -> int:
    """Return how far a run has come: feeds in place, then pings."""
    return len(list((folder.root / "public").rglob("[!.]*.*"))) + len(hub.pings)


def test_a_run_without_news_loads_no_client(waiting: Folder, hub: Hub) -> None:
    """Where nothing is due and nothing waits, a sync of a project with hubs loads neither httpx nor what sends pings."""
    assert waiting.here("ping").returncode == 0
    with_hub(waiting, hub)
    done = waiting.sync(PYTHONPROFILEIMPORTTIME="1")

    assert len(hub.pings) == ALL
    assert "aggregator.pipeline.pinging" in done.stderr
    assert not re.search(r"\b(httpx|aiohttp|aggregator\.fetch\.notify)\b", done.stderr)
