"""Many sources at once, and sources that do harm: what one of them, or all of them, cost the others."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from aggregator.model.poll import Event, OutputEvent, SourceEvent, Summary
from aggregator.pipeline.project import open_project
from aggregator.pipeline.series import Series, Unpublished
from aggregator.pipeline.sync import SyncRequest, run_sync
from aggregator.settings import load_settings
from aggregator.workers import Workers
from tests import raw_upstream
from tests.daemon_play import PATIENCE, Daemon, moment, running
from tests.raw_upstream import Exchange, reply
from tests.timeline import FEED, START, Timeline, feed
from tests.upstream import SITE_ID, Folder, Page, Upstream, item, rss, titles, wait_until

#: How late a poll may be on a machine that has much else to do, beside what is the daemon's own part.
_SLACK = timedelta(seconds=20)


class _Busy:
    """A route that takes a moment, and knows how many requests each host had at once."""

    def __init__(self) -> None:
        self.most: Counter[str] = Counter()
        self._now: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        host = (exchange.asked.header("host") or b"").decode().partition(":")[0]
        with self._lock:
            self._now[host] += 1
            self.most[host] = max(self.most[host], self._now[host])
        exchange.upstream.stopping.wait(0.03)
        number = int(exchange.asked.target.removeprefix(b"/"))
        with self._lock:
            self._now[host] -= 1
        exchange.send(feed(rss(item(number))))


def test_of_two_hundred_that_are_due_at_once_none_is_dropped(folder: Folder) -> None:
    """Each is polled once, when it is due and again one interval later; no host has more requests at once than allowed."""
    busy = _Busy()
    folder.settings(
        "fetch: {allow_private: [127.0.0.0/8], hosts: {127.9.9.9: {per_host: 2, gap: 10ms}}}\ndaemon: {debounce: 1s}"
    )
    with raw_upstream.Upstream(routes={"*": busy}, host="0.0.0.0") as upstream:  # each of 127/8
        hosts = [f"127.1.{number // 50}.{number % 50 + 1}" for number in range(150)] + ["127.9.9.9"] * 50
        lines = [
            f"  s{number}: {{feed: '{upstream.address(f'/{number}', host=host)}', categories: [news], every: 6s}}\n"
            for number, host in enumerate(hosts)
        ]
        folder.sources("sources:\n" + "".join(lines))
        with running(folder) as daemon:
            daemon.wait(lambda: min(_polled(daemon, 200)) >= 2)
            assert daemon.stop() == 143

    assert not [line for line in daemon.polls() if line["outcome"] not in {"news", "same"}]
    for number in range(200):
        first, second = daemon.polls(f"s{number}")[:2]
        assert first["outcome"] == "news"
        assert moment(first, "next_poll") <= moment(second)
    assert busy.most.pop("127.9.9.9") <= 2
    assert max(busy.most.values()) == 1
    assert len(upstream.asked) == len(daemon.polls())


def _polled(daemon: Daemon, number: int) -> list[int]:
    found = Counter(line["source_id"] for line in daemon.polls())
    return [found[f"s{each}"] for each in range(number)]


def test_a_round_closes_and_what_waits_at_a_host_stays_due(tmp_path: Path) -> None:
    """A host's queue does not keep a round open: the rest is polled by the next ones, and its pause holds between them."""
    gap = 0.6  # what answers 404 needs no worker, so a round ends at once, before the pause does
    with raw_upstream.Upstream(routes={"*": reply(404, b"")}) as upstream, Workers(1) as workers:
        names = [f"s{number}" for number in range(8)]
        timeline = Timeline(tmp_path, {name: upstream.address(f"/{name}") for name in names})
        timeline.settings(", hosts: {127.0.0.2: {per_host: 1, gap: 600ms}}")
        series = Series(workers=workers, unpublished=Unpublished(timedelta(hours=1)), open_for=timedelta(seconds=1.4))
        series.unpublished.published()  # so that nothing but the pause comes between the two

        summary, first = _round(timeline, series)
        assert summary.due == 8
        assert series.has_asked
        assert 0 < len(first) < 8
        series.open_for = timedelta(seconds=PATIENCE)
        summary, rest = _round(timeline, series)

        assert summary.due == 8 - len(first)
        assert sorted(event.source_id for event in first + rest) == sorted(names)
        assert len(upstream.asked) == 8
        assert min(later.at - earlier.at for earlier, later in pairwise(upstream.asked)) >= gap - 0.01


def test_who_has_waited_longest_is_asked_first(tmp_path: Path) -> None:
    """At a host with more sources than it has turns for, the last ones of the configuration are not put off for ever."""
    with raw_upstream.Upstream(routes={"*": feed(FEED)}) as upstream, Workers(1) as workers:
        names = [f"s{number}" for number in range(3)]
        timeline = Timeline(tmp_path, {name: upstream.address(f"/{name}") for name in names})
        timeline.settings(", hosts: {127.0.0.2: {per_host: 1, gap: 1ms}}")
        timeline.sync(0, "s0")  # the others were never asked
        series = Series(workers=workers, unpublished=Unpublished(timedelta(hours=1)), open_for=timedelta(seconds=PATIENCE))

        _round(timeline, series, START + timedelta(hours=5))

        assert [asked.target for asked in upstream.asked] == [b"/s0", b"/s1", b"/s2", b"/s0"]


def test_what_a_round_finds_of_hands_is_published_without_other_news(tmp_path: Path) -> None:
    """A post that was put into a folder is in its feed a debounce later, though no source of that folder has news itself."""
    edited = [feed(rss(item(1))), feed(rss(item(1), title="Another"))]
    with raw_upstream.Upstream(routes={"/a": edited, "/b": feed(rss(item(2)))}) as upstream, Workers(1) as workers:
        addresses = {name: upstream.address(f"/{name}") for name in "ab"}
        timeline = Timeline(tmp_path / "here", {"a": addresses["a"]})
        elsewhere = Timeline(tmp_path / "there", {"b": addresses["b"]})
        timeline.sync(0)
        elsewhere.sync(0)
        [brought] = (elsewhere.root / "posts" / "news").iterdir()
        shutil.copy(brought, timeline.root / "posts" / "news")
        series = Series(workers=workers, unpublished=Unpublished(timedelta()), open_for=timedelta(seconds=PATIENCE))
        series.unpublished.published()

        _, [event] = _round(timeline, series, START + timedelta(hours=5))

    assert not event.new
    assert "Entry 2" in (timeline.root / "public" / "feeds" / "all.atom").read_text("utf-8")


def test_publishing_amid_a_round_is_not_cut_off_by_its_last_visit(tmp_path: Path) -> None:
    """A slow server that answers while feeds are written ends the round, but not the work on them: each is written once."""
    names = [f"s{number}" for number in range(30)]
    root = tmp_path / "project"

    def late(exchange: Exchange) -> None:
        wait_until(lambda: any((root / "public").rglob("*.atom")))
        exchange.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with raw_upstream.Upstream(routes={"/late": late, "*": feed(FEED)}) as upstream, Workers(1) as workers:
        Timeline(tmp_path, {})
        (root / "config" / "settings.yaml").write_text(
            f"site: {{id: '{SITE_ID}', title: T, url: 'https://news.example/'}}\n"
            "fetch: {allow_private: [127.0.0.2], hosts: {127.0.0.2: {per_host: 8, gap: 1ms}}}\nposts: {durable: false}\n"
        )
        (root / "config" / "sources" / "all.yaml").write_text(
            "sources:\n"
            + "".join(f"  {n}: {{feed: '{upstream.address(f'/{n}')}', categories: [{n}]}}\n" for n in [*names, "late"])
        )
        series = Series(workers=workers, unpublished=Unpublished(timedelta()), open_for=timedelta(seconds=PATIENCE))
        series.unpublished.published()
        events: list[Event] = []
        with open_project(load_settings(root, root / "config", {}), events.append, START) as project:
            run_sync(project, SyncRequest(now=START, stamp=START, scheduled=True), events.append, series=series)

    first = {each.path: each.changed for each in reversed(events) if isinstance(each, OutputEvent)}
    assert all(first[f"feeds/{name}.atom"] for name in [*names, "late"])


def test_who_asks_has_it_published_at_the_end(tmp_path: Path) -> None:
    """What an ask brings waits for no debounce, also where something was published amid its run."""
    with raw_upstream.Upstream(routes={"*": feed(FEED)}) as upstream, Workers(1) as workers:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        series = Series(workers=workers, unpublished=Unpublished(timedelta(hours=1)), open_for=timedelta(seconds=PATIENCE))
        series.unpublished.published()
        _round(timeline, series, scheduled=False)

    assert (timeline.root / "public" / "feeds" / "all.atom").exists()


def test_a_hub_that_was_down_is_told_without_other_news(tmp_path: Path) -> None:
    """What it did not take is told again by a later round, ten minutes after, and not only when the next news comes."""
    down = reply(503, b"")
    with raw_upstream.Upstream(routes={"/a": feed(FEED), "/hub": down}) as upstream, Workers(1) as workers:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        settings = timeline.root / "config" / "settings.yaml"
        settings.write_text(settings.read_text("utf-8") + f"public: {{hubs: ['{upstream.address('/hub')}']}}\n", "utf-8")
        series = Series(workers=workers, unpublished=Unpublished(timedelta()), open_for=timedelta(seconds=PATIENCE))
        told = []
        for wait in (True, True, False):
            if not wait:
                series.hubs_after = float("-inf")
            _round(timeline, series)
            told.append(sum(asked.target == b"/hub" for asked in upstream.asked))

    assert told == [1, 1, 2]


def _round(
    timeline: Timeline, series: Series, now: datetime = START, *, scheduled: bool = True
) -> tuple[Summary, list[SourceEvent]]:
    events: list[Event] = []
    settings = load_settings(timeline.root, timeline.root / "config", {})
    with open_project(settings, events.append, now) as project:
        summary = run_sync(project, SyncRequest(now=now, stamp=now, scheduled=scheduled), events.append, series=series)
    return summary, [event for event in events if isinstance(event, SourceEvent)]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("harm", ["timeout", "deadline", "crash"])
def test_a_source_that_does_harm_costs_the_others_nothing(folder: Folder, upstream: Upstream, harm: str) -> None:
    """One hangs until its time is up, one eats CPU until it is stopped, one kills its worker: twenty others do not wait."""
    timeout = timedelta(seconds=12)
    folder.settings("fetch: {allow_private: [127.0.0.0/8], timeout: 12s, max_bytes: 100MiB}\ndaemon: {debounce: 1s}")
    upstream.pages["/bad"] = _hanging() if harm == "timeout" else _heavy()
    healthy = [f"s{number}" for number in range(20)]
    for number, name in enumerate(healthy):
        upstream.feed(f"/{name}", item(number))
    folder.sources_at({name: f"{upstream.address}/{name}" for name in [*healthy, "bad"]}, ", every: 2s")
    with running(folder, "--jobs", "2") as daemon:
        if harm == "crash":
            daemon.wait(lambda: _kill_the_busiest(daemon.pid))
        bad = daemon.wait_for_poll("bad", outcome="failed")
        assert bad["kind"] == harm
        before = daemon.log[: daemon.log.index(bad)]
        assert sorted(line["source_id"] for line in before if line["event"] == "poll") == sorted(healthy)
        if harm == "timeout":
            assert "feeds/news.atom" in [line["path"] for line in before if line["event"] == "output"]

        for number, name in enumerate(healthy):
            upstream.feed(f"/{name}", item(number) + item(100 + number))
        daemon.wait_for_output("feeds/news.atom")
        daemon.wait(lambda: {f"Entry {100 + number}" for number in range(20)} <= set(titles(folder, "news.atom")))
        assert daemon.stop() == 143

    for name in healthy:
        polls = daemon.polls(name)
        assert {line["outcome"] for line in polls} <= {"news", "not-modified", "same"}
        for one, other in pairwise(polls):
            assert timedelta() <= moment(other) - moment(one, "next_poll") <= timeout + _SLACK


def _hanging() -> Page:
    def respond(_: object) -> None:
        threading.Event().wait(30)

    return Page(respond=respond)


def _heavy() -> Page:
    """Return a feed that takes twice as long to be read as any may: not well-formed, and full of tags."""
    body = f"<p>{'<b>x &amp; y</b> ' * 150}</p>"
    items = "".join(item(number, title=f"t{number} & <b>x", body=body) for number in range(9900))
    return Page(body=rss(items).removesuffix(b"</channel></rss>"))


def _kill_the_busiest(daemon: int) -> bool:
    """Kill the process of a daemon's session that reads the heavy feed: it has used a second of processor time."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != daemon:
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == daemon and int(fields[11]) + int(fields[12]) > os.sysconf("SC_CLK_TCK") * 2:
                    os.kill(int(folder.name), signal.SIGKILL)
                    return True
    return False
