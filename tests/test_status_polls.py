"""When feeds/status.atom is told of a source, poll by poll, and that no failure ever enters another feed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import run

import pytest
from lxml import etree

from aggregator.model.poll import Note
from aggregator.publish.document import examine
from aggregator.store.opening import open_state
from tests.hub import Hub, with_hub
from tests.raw_upstream import Exchange, Route, Script, Upstream, reply
from tests.timeline import Timeline, feed
from tests.upstream import ATOM, Folder, item, rss

STATUS = "public/feeds/status.atom"
DEAD = reply(500, b"no")


WELL = feed(rss(item(11)))


class Watched:
    """A project of two sources, `a` that is always well and `b` whose next answer a test chooses."""

    def __init__(self, root: Path, upstream: Upstream, routes: dict[str, Route]) -> None:
        self.upstream = upstream
        self.routes = routes
        self.timeline = Timeline(root, {"a": upstream.address("/a"), "b": upstream.address("/b")})
        self.root = self.timeline.root

    def poll(self, hours: float, answer: Script | None = None, *names: str) -> None:
        """Ask at this hour, due or not; from now on b answers so."""
        if answer is not None:
            self.routes["/b"] = answer
        self.timeline.sync(hours, *names, force=True)

    def told(self) -> list[str]:
        """Return what the feed says, the newest first; it is valid."""
        content = (self.root / STATUS).read_bytes()
        assert examine(content).faults == ()
        return [str(title.text) for title in etree.fromstring(content).iterfind("a:entry/a:title", ATOM)]

    def file(self) -> tuple[bytes, int]:
        """Return the feed's bytes and its time."""
        path = self.root / STATUS
        return path.read_bytes(), path.stat().st_mtime_ns

    def words(self) -> dict[str, str]:
        """Return what `status` calls each source."""
        folder = Folder.__new__(Folder)
        folder.root = self.root
        return {line["id"]: line["state"] for line in json.loads(folder.here("status", "--json").stdout)}

    def lose_state(self) -> None:
        """Run like a job on a machine that is thrown away."""
        shutil.rmtree(self.root / "state")

    def settle(self, more: str) -> None:
        """Add to settings.yaml."""
        path = self.root / "config" / "settings.yaml"
        path.write_text(f"{path.read_text('utf-8')}{more}\n", "utf-8")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    routes: dict[str, Route] = {"/a": feed(), "/b": WELL, "/c?token=t0ken-0123": WELL}
    with Upstream(routes=routes, host="127.0.0.2") as upstream:
        yield Watched(tmp_path, upstream, routes)


def test_a_failure_is_told_once_and_its_end_once(watched: Watched) -> None:
    """Told at the third failure in six hours, in the words of `status`; then silence until it is well, which is told once."""
    watched.poll(0)
    empty = watched.file()
    assert watched.told() == []
    watched.poll(2, DEAD)
    watched.poll(4)
    assert watched.file() == empty
    assert watched.words()["b"] == "retrying"
    watched.poll(6.1)
    failing = watched.file()
    assert watched.told() == ["b has given no feed since 2026-03-02 00:00 UTC"]
    assert b"The last error: the server answered 500 (Internal Server Error)" in failing[0]
    assert b"<updated>2026-03-02T06:06:00+00:00</updated>" in failing[0]
    watched.poll(9)
    watched.poll(30)
    assert watched.file() == failing
    assert watched.words() == {"a": "ok", "b": "failing"}
    watched.poll(31, WELL)
    assert watched.told()[0] == "b is well again"
    assert len(watched.told()) == 2
    well = watched.file()
    watched.poll(32)
    assert watched.file() == well
    assert watched.words() == {"a": "ok", "b": "ok"}


def test_an_upstream_that_restarts_every_night_is_no_news(watched: Watched) -> None:
    """However often it is asked in five hours, and however many nights."""
    watched.poll(0)
    empty = watched.file()
    for night in (24, 48):
        watched.poll(night)
        for hours in (1, 3, 5):
            watched.poll(night + hours, DEAD)
        watched.poll(night + 5.5, WELL)
    assert watched.file() == empty


def test_a_state_that_is_lost_announces_nothing_again(watched: Watched) -> None:
    """A job that keeps no state, with a source that fails for a week: not a byte changes, and its recovery is told once."""
    watched.poll(0, DEAD)
    watched.poll(2)
    watched.poll(4)
    assert watched.told() == ["b has given no feed yet"]
    failing = watched.file()
    for day in (1, 7):
        watched.lose_state()
        watched.poll(24 * day)
        assert watched.file() == failing
    for hours in (1, 2, 3):  # three in a row under the new state are no news either
        watched.poll(7 * 24 + hours)
    assert watched.file() == failing
    watched.lose_state()
    watched.poll(200, WELL)
    watched.lose_state()
    watched.poll(220)
    assert watched.told() == ["b is well again", "b has given no feed yet"]


def test_410_is_told_at_once_and_so_is_the_return(watched: Watched) -> None:
    """Gone for good is said with the first 410, dated with it; asked again by hand and well, it is well again."""
    watched.poll(0)
    watched.poll(2, reply(410, b""))
    assert watched.told() == ["b is gone for good"]
    assert watched.words()["b"] == "gone"
    gone = watched.file()
    watched.poll(60)
    watched.lose_state()
    watched.poll(61)
    assert watched.file() == gone
    watched.timeline.sync(62, "b", force=True)  # who names it asks it: still gone
    assert watched.file() == gone
    watched.poll(63, WELL, "b")
    assert watched.told() == ["b is well again", "b is gone for good"]


def test_who_is_given_another_address_is_not_gone(watched: Watched) -> None:
    """The 410 was that of the old address: at the new one the source is well again, and polled by itself."""
    watched.poll(0, reply(410, b""))
    watched.routes["/new"] = WELL
    watched.timeline.sources({"a": watched.upstream.address("/a"), "b": watched.upstream.address("/new")})
    watched.poll(2)
    watched.poll(4)
    assert watched.told() == ["b is well again", "b is gone for good"]


def test_a_move_is_told_when_it_is_saved(watched: Watched) -> None:
    """Not when it is seen first, but when the ledger says so, and once, whatever happens to the state."""
    moved = reply(301, b"", location=f"{watched.upstream.address('/c')}?token=t0ken-0123")
    for hours in (0, 24):
        watched.poll(hours, moved)
    assert watched.told() == []
    watched.poll(49)
    assert watched.told() == ["b has moved for good"]
    assert b"a private address" in watched.file()[0]  # loopback is nobody's business
    assert b"t0ken" not in watched.file()[0]
    told = watched.file()
    watched.lose_state()
    watched.poll(72)
    assert watched.file() == told


def test_what_the_ledger_notes_of_ids_is_told(watched: Watched) -> None:
    """A source that was found to change its ids again and again is named once, with the date of the ledger's line."""
    watched.poll(0)
    line = '{"kind": "unstable", "source": "b", "at": "2026-03-01T10:00:00Z"}'
    (watched.root / "ledger.jsonl").write_text(f'{{"ledger": 1}}\n{line}\n', "utf-8")
    for hours in (2, 3):
        watched.poll(hours)
        assert watched.told() == ["b gives its entries new ids again and again"]
    assert b"<updated>2026-03-01T10:00:00+00:00</updated>" in watched.file()[0]


def test_nothing_is_told_of_sources_that_are_paused_or_removed(watched: Watched) -> None:
    """Whoever paused or removed a source knows: what was said of it stays, and nothing follows."""
    address = watched.upstream.address
    both = {"a": address("/a"), "b": address("/b")}
    watched.poll(0)
    watched.timeline.sources(both, b=", paused: true")
    watched.poll(2, None, "b")
    for hours in (4, 8, 10):
        watched.poll(hours, DEAD, "b")
    assert watched.words()["b"] == "paused"
    assert watched.told() == []
    watched.timeline.sources(both)
    watched.poll(12)
    assert watched.told() == ["b has given no feed since 2026-03-02 02:00 UTC"]
    watched.timeline.sources({"a": both["a"]})
    told = watched.file()
    watched.poll(14, WELL)
    assert watched.file() == told


def test_it_can_be_switched_off(watched: Watched) -> None:
    """`public.status: false` writes none; switched off later, the file stays as it is, and one note says so."""
    watched.poll(0)
    watched.settle("public: {status: false}")
    for hours in (2, 4, 7):
        watched.poll(hours, DEAD)
        notes = [event for event in watched.timeline.events if isinstance(event, Note) and "status.atom" in event.text]
        assert len(notes) == (hours == 2)
    assert watched.told() == []
    (watched.root / STATUS).unlink()
    watched.poll(9)
    assert not (watched.root / STATUS).exists()


def test_what_could_not_be_written_is_told_by_the_next_run(watched: Watched) -> None:
    """A folder in the file's place costs this feed only; once it is gone, what was to be said is said."""
    watched.poll(0)
    empty, _ = watched.file()
    (watched.root / STATUS).unlink()
    (watched.root / STATUS).mkdir()
    for hours in (2, 4):
        watched.poll(hours, DEAD)
    watched.poll(7)
    (watched.root / STATUS).rmdir()
    (watched.root / STATUS).write_bytes(empty)
    watched.timeline.sync(7.5)
    assert watched.told() == ["b has given no feed since 2026-03-02 00:00 UTC"]


def test_hubs_are_told_of_it_as_of_any_feed(folder: Folder) -> None:
    """When it says something new, its address is a topic that changed; while nothing changes, hubs hear nothing."""
    folder.sources_at({"b": "http://127.0.0.1:1/"})
    with Hub(folder.root / "public") as hub:
        heard = []
        for _ in range(4):
            with_hub(folder, hub).here("sync", "--force")
            heard.append([topic for topic in hub.topics if topic == "feeds/status.atom"])
            hub.forget()
    assert [len(topics) for topics in heard] == [1, 0, 1, 0]


def test_a_feed_of_our_own_is_no_source(watched: Watched) -> None:
    """Whoever polls this very feed is told that it is one of the site's, and no entry comes of it."""
    for hours in (0, 2, 4):
        watched.poll(hours, DEAD)
    watched.poll(6, reply(200, (watched.root / STATUS).read_bytes(), content_type="application/atom+xml"))
    assert "a feed of this site" in (watched.timeline.state("b").last_message or "")
    assert watched.timeline.posts() == 2


def test_a_machine_without_network_blames_no_source(tmp_path: Path) -> None:
    """Where no host is reached for a night nothing is told; once others answer again, the one that is really away is told."""
    with Upstream(routes={"/a": feed()}, host="127.0.0.2") as one, Upstream(routes={"/b": WELL}, host="127.0.0.3") as two:
        timeline = Timeline(tmp_path, {"a": one.address("/a"), "b": two.address("/b")})
        timeline.settings(private="127.0.0.0/8")
        timeline.sync(0)
    empty = timeline.files()[STATUS]
    for hours in (2, 4, 7):
        told = timeline.sync(hours, force=True)
    assert {event.kind for event in told.values()} == {"connect"}
    assert timeline.files()[STATUS] == empty
    with Upstream(routes={"/a": feed()}, host="127.0.0.2", port=one.port):
        timeline.sync(8, "a", force=True)
        assert timeline.files()[STATUS] == empty
        timeline.sync(9, force=True)
    titles = etree.fromstring(timeline.files()[STATUS]).iterfind("a:entry/a:title", ATOM)
    assert [title.text for title in titles] == ["b has not answered since 2026-03-02 00:00 UTC"]


def test_a_note_of_the_state_that_cannot_be_read_counts_for_nothing(watched: Watched) -> None:
    """What was said last is asked of the file then, and noted anew: nothing is said twice, and nothing is left unsaid."""
    for hours in (0, 2, 4):
        watched.poll(hours, DEAD)
    failing = watched.file()
    for number, broken in enumerate(("[]", '{"b": "unheard-of"}')):
        state = open_state("sqlite:///state/state.sqlite", watched.root, create=False).state
        state.set_fact("health", broken)
        state.close()
        watched.poll(6 + number)
        assert watched.file() == failing
    watched.poll(20, WELL)
    assert watched.told()[0] == "b is well again"


def test_dates_are_those_that_the_environment_sets(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH stands in for the clock of `sync` and of `build`."""
    folder.sources_at({"b": "http://127.0.0.1:1/"})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    for _ in range(3):
        folder.here("sync", "--force")
    path = folder.root / STATUS
    first = path.read_bytes()
    assert first.count(b"2026-01-01T00:00:00+00:00") == 4
    path.unlink()
    folder.here("build")
    assert path.read_bytes() == first


# -- P31

BRIDGE_ITEM = (
    "<item><title>Bridge returned error 404! (20515)</title><link>http://127.0.0.2/?action=display&amp;_error_time=20515</link>"
    "<guid>GithubIssue_20515</guid><description>Details: HttpException: 404 Not Found</description></item>"
)
WRONG: Mapping[str, Script] = {
    "500 with a page": reply(500, b"<html><title>Something failed</title><p>failed</p></html>", content_type="text/html"),
    "an error page that calls itself a success": reply(200, b"<html><h1>failed</h1></html>", content_type="text/html"),
    "gone": reply(410, b"<h1>failed: gone</h1>"),
    "RSSHub's error page": reply(503, b"<html><title>Welcome to RSSHub!</title>Looks like something went wrong: failed</html>"),
    "RSSHub's error as JSON": reply(503, b'{"error": {"message": "failed"}}', content_type="application/json"),
    "a feed as the body of an error": reply(500, rss(item(66, title="failed")), content_type="application/rss+xml"),
    "RSS-Bridge's error as a feed": feed(rss(BRIDGE_ITEM)),
    "rubbish": reply(200, b"\x00\xff failed" * 99, content_type="application/rss+xml"),
    "nothing at all": reply(200, b"", content_type="application/rss+xml"),
}


@pytest.mark.publishes("P31")
@pytest.mark.sampled(3)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_no_failure_ever_becomes_an_entry_of_a_content_feed(watched: Watched, wrong: Script) -> None:
    """Whatever an upstream answers instead of its feed, and for however long: posts and content feeds stay to the byte."""
    watched.poll(0)
    before = {path: content for path, content in watched.timeline.files().items() if path != STATUS}
    for hours in (2, 4, 7):
        watched.poll(hours, wrong)
    assert {path: content for path, content in watched.timeline.files().items() if path != STATUS} == before
    assert len(watched.told()) == 1


# -- secrets and cost


def test_no_secret_reaches_the_feed(tmp_path: Path) -> None:
    """Keys in the address, credentials, headers and a proxy of a source that fails are nowhere in what is published."""

    def away(exchange: Exchange) -> None:
        exchange.send(reply(302, b"", location="http://peer-0123:peer-pass@127.0.0.3/x?token=t0ken-0123"))

    with Upstream(routes={"*": away}, host="127.0.0.2") as upstream:
        more = ", auth: {username: name-0123, password: pass-0123}, headers: {X-Key: header-0123}"
        timeline = Timeline(
            tmp_path,
            {name: f"{upstream.address('/x')}?key=sesame-0123" for name in ("a", "b", "c")},
            a=more,
            b=", proxy: 'http://proxy-0123:proxy-pass@127.0.0.2:1/'",
        )
        for hours in (0, 2, 4):
            timeline.sync(hours, force=True)
    content = (timeline.root / STATUS).read_bytes()
    assert content.count(b"<entry>") == 3
    assert b"The last error" in content
    for secret in (b"0123", b"-pass", b"t0ken"):
        assert secret not in content


def test_a_run_without_changes_loads_nothing_for_it(watched: Watched) -> None:
    """With nothing due, and where a source goes on failing, no parser is loaded and no worker started."""
    for hours in (0, 2, 4):
        watched.poll(hours, DEAD)

    assert _loaded(watched.root, (4.1, ()), (9, ("b",))) == "due 0: []\ndue 1: []\n"


def test_a_first_run_in_which_all_are_well_makes_nothing_of_it(watched: Watched) -> None:
    """Where nothing was ever said and nothing fails, the file is begun, and no source is asked what to say of it."""
    assert _loaded(watched.root, (0, ("a", "b"))) == "due 2: ['pebble']\n"
    assert watched.told() == []


def _loaded(root: Path, *runs: tuple[float, tuple[str, ...]]) -> str:
    """Sync at these hours, these sources or what is due; return what was polled, what was loaded for it, and any error."""
    program = [sys.executable, "-c", _PROGRAM, str(root), json.dumps(runs)]
    done = run(program, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


_PROGRAM = """
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.model.poll import Begin
from aggregator.pipeline.project import open_project
from aggregator.pipeline.sync import SyncRequest, run_sync
from aggregator.settings import load_settings

root = Path(sys.argv[1])
for hours, names in json.loads(sys.argv[2]):
    now, due = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hours), []
    settings = load_settings(root, root / "config", {})
    with open_project(settings, print, now) as project:
        request = SyncRequest(now=now, stamp=now, sources=tuple(names), jobs=1, force=bool(names))
        run_sync(project, request, lambda event: due.append(event.due) if isinstance(event, Begin) else None)
    heavy = {"lxml", "feedgen", "nh3", "feedparser", "pebble", "aggregator.publish.status", "aggregator.publish.scan"}
    heavy |= {"aggregator.pipeline.status_changes"}
    print(f"due {due[0]}: {sorted(heavy & set(sys.modules))}")
"""
