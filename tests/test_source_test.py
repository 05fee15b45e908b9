"""`aggregator source test` as a process, against real HTTP: what each stage makes of an answer, without any effect."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.model.fetched import Failed, Fetched, Validators
from aggregator.model.source import Source
from aggregator.pipeline.jobs import Examined
from aggregator.pipeline.visit import Visitor
from aggregator.store.ledger import FILE_NAME, Deleted, Ledger
from aggregator.store.lock import project_lock
from tests.projects import read, write
from tests.raw_upstream import Upstream as RawUpstream
from tests.raw_upstream import closing, reply
from tests.upstream import Folder, Page, Upstream, item, rss

EVERYTHING = ("config", "state", "posts", "public", "archive", "ledger.jsonl")
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _files(folder: Folder) -> dict[str, bytes]:
    return {path: body for path, body in folder.files(*EVERYTHING).items() if not path.endswith(("-wal", "-shm"))}


def _decided(folder: Folder, *words: str) -> list[dict[str, Any]]:
    done = folder.run("source", "test", *words, "--json")
    assert done.returncode == 0, done.stderr
    entries: list[dict[str, Any]] = json.loads(done.stdout)["entries"]
    return entries


@pytest.mark.parametrize("stage", ["fetch", "parse", "normalise", "decide"])
def test_nothing_comes_of_it(folder: Folder, upstream: Upstream, stage: str) -> None:
    """Whatever the stage, also while another run holds the project: one request without conditions, and no byte changes."""
    folder.sync()
    upstream.feed("/a", item(1, title="Corrected") + item(4))
    before = (_files(folder), folder.times())
    upstream.requests.clear()
    with project_lock(folder.root):
        done = folder.run("source", "test", "a", "--stage", stage)

    assert done.returncode == 0, done.stderr
    [request] = upstream.requests
    assert not {"If-None-Match", "If-Modified-Since"} & set(request.headers)
    assert (_files(folder), folder.times()) == before


def test_what_it_decides_is_what_sync_does(folder: Folder, upstream: Upstream) -> None:
    """New and changed posts are those that the next sync writes, under these paths; the others are left as they are."""
    assert {each["decision"] for each in _decided(folder, "a")} == {"new"}
    assert "there is no state yet to compare with" in folder.run("source", "test", "a").stdout
    folder.sync()
    edited = next(path for path in folder.files("posts") if "entry-2" in path)
    (folder.root / edited).write_bytes(folder.files()[edited].replace(b"Text of", b"My own text of"))
    changed = (
        item(1, title="Corrected")
        + item(2, body="<p>New.</p>")
        + item(3, dated=False)
        + item(4)
        + "<item><guid>x</guid></item>"
    )
    upstream.feed("/a", changed)
    found = {each["id"]: (each["decision"], each["why"]) for each in _decided(folder, "a")}
    assert found == {
        "entry-1": ("changed", "upstream changed it; its post is rewritten"),
        "entry-2": ("kept", "upstream changed it, but its post was edited by hand"),
        "entry-3": ("known", None),
        "entry-4": ("new", None),
        "x": ("left out", "no title, no link, no text and no file"),
    }
    paths = {f"posts/{each['path']}" for each in _decided(folder, "a") if each["decision"] in {"new", "changed"}}
    text = folder.run("source", "test", "a").stdout
    assert text.splitlines()[-1] == "5 entries: 1 new, 1 changed, 1 kept, 1 left out, 1 known"
    before = folder.files("posts")
    folder.sync("--force")
    after = folder.files("posts")
    assert {path for path in after if after[path] != before.get(path)} == paths
    assert {each["decision"] for each in _decided(folder, "a")} == {"known", "left out"}


def test_posts_that_the_state_does_not_know_and_entries_taken_out(folder: Folder) -> None:
    """Without a state a post on disk is found in place; what the ledger says is gone is left out."""
    folder.sync()
    key = next(each["key"] for each in _decided(folder, "a") if each["id"] == "entry-1")
    for path in (folder.root / "state").iterdir():
        path.unlink()
    gone = Deleted(source="a", id="entry-1", key=key, at=datetime(2026, 1, 1, tzinfo=UTC))
    Ledger.load(folder.root / FILE_NAME).add(gone)

    found = {each["id"]: each["decision"] for each in _decided(folder, "a")}
    assert found == {"entry-1": "left out", "entry-2": "found in place", "entry-3": "found in place"}


def test_fetch_shows_both_sides_without_secrets(tmp_path: Path) -> None:
    """What was sent and what came is shown, secrets and cookies masked; --save writes the body as it was before gzip."""
    body = rss(item(1) * 30)
    folder = Folder(tmp_path / "p")
    with RawUpstream(host="127.0.0.1") as raw:
        raw.routes = {
            "/old": reply(301, location="/feed"),
            "/feed": reply(200, gzip.compress(body), content_encoding="gzip", set_cookie="a=hunter2", x_odd=b"a\x9b2J"),
        }
        more = ", auth: {username: ada, password: hunter2}, headers: {X-Token: hunter2, User-Agent: me}"
        folder.sources_at({"a": raw.address("/old")}, more)
        done = folder.run("source", "test", "a", "--stage", "fetch", "--save", str(tmp_path / "body"))
        whole = folder.run("source", "test", "a", "--json").stdout
    data = json.loads(whole)["fetch"]

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "body").read_bytes() == body
    lines = done.stdout.splitlines()
    for line in ("  Authorization: ***", "  X-Token: ***", "  User-Agent: me", "  set-cookie: ***", "  content-encoding: gzip"):
        assert line in lines
    assert f"it leads for good to {raw.address('/feed')}" in lines
    assert lines[-1] == f"body: {len(gzip.compress(body)):,} bytes, {len(body):,} inflated (gzip)"
    assert (data["status"], data["inflated_bytes"], data["sent"]["X-Token"]) == (200, len(body), "***")
    assert not OBEYED.search(done.stdout + whole)
    assert ["x-odd", "a\x9b2J"] in data["headers"]
    assert "hunter2" not in done.stdout + done.stderr + json.dumps(data)


def test_parse_and_normalise_show_an_entry_before_and_after(tmp_path: Path, upstream: Upstream) -> None:
    """What parse shows is as written: dates, ids, links; normalise shows what would be stored, and whence its date."""
    upstream.feed(
        "/x",
        "<item><guid>g</guid><link>/rel</link><title>A &amp;amp; B</title><pubDate>yesterday</pubDate>"
        "<category>t</category><enclosure url='/e.mp3' type='audio/mpeg' length='7'/>"
        "<x:duration xmlns:x='http://www.itunes.com/dtds/podcast-1.0.dtd'>01:03</x:duration>"
        "<description>&lt;p&gt;Words &lt;script&gt;evil()&lt;/script&gt;and more.&lt;/p&gt;</description></item>" + item(2),
    )
    folder = Folder(tmp_path / "p")
    address = f"{upstream.address}/x"
    parsed = folder.run("source", "test", address, "--stage", "parse").stdout
    stored = folder.run("source", "test", address, "--stage", "normalise").stdout

    for line in (
        "format    RSS 2.0",
        "2 entries",
        "     published yesterday",
        "     link      /rel",
        "     enclosure /e.mp3 audio/mpeg 7",
        '     episode   duration "01:03"',
    ):
        assert line in parsed.splitlines()
    lines = stored.splitlines()
    assert "  1. A & B" in lines
    assert f"     link      {upstream.address}/rel" in lines
    assert f"     enclosure {upstream.address}/e.mp3 audio/mpeg 7" in lines
    assert "     episode   duration 63" in lines
    assert "     text      Words and more." in lines
    dates = [line for line in lines if line.startswith("     date")]
    assert dates[0].endswith(", first seen: published `yesterday` is no date")
    assert dates[1].endswith("2026-01-01T02:00:00+00:00, upstream's published `Thu, 01 Jan 2026 02:00:00 GMT`")
    entry = _decided(folder, address, "--stage", "normalise")[0]
    assert (entry["parsed"]["published"], entry["entry"]["link"]) == ("yesterday", f"{upstream.address}/rel")
    assert "decision" not in entry


@pytest.mark.parametrize("path", ["/404", "/429", "/hangup", "/nothing", "/page", "/json", "/entities", "/gzip"])
def test_a_failure_is_told_as_sync_tells_it(tmp_path: Path, path: str) -> None:
    """A source that cannot be read exits 4 with the very message of sync, and its kind."""
    folder = Folder(tmp_path / "p")
    with RawUpstream(host="127.0.0.1") as raw:
        raw.routes = {
            "/404": reply(404),
            "/429": reply(429, retry_after="60"),
            "/hangup": closing(b""),
            "/nothing": reply(200, b""),
            "/page": reply(200, b"<html><title>Just\x1b[31m a moment</title>", content_type="text/html"),
            "/json": reply(200, b'{"a": 1}', content_type="application/json"),
            "/entities": reply(200, b'<!DOCTYPE rss [<!ENTITY a "&b;">]><rss version="2.0"></rss>'),
            "/gzip": reply(200, gzip.compress(b"x" * 9000)[:50], content_encoding="gzip"),
        }
        folder.sources_at({"a": raw.address(path)})
        before = _files(folder)
        done = folder.run("source", "test", "a")
        data = json.loads(folder.run("source", "test", "a", "--json", "--stage", "parse").stdout)
        assert _files(folder) == before
        synced = folder.run("sync")

    assert done.returncode == 4
    line = done.stderr.splitlines()[0]
    assert line.removesuffix(f"  ({data['failed']['kind']})") == synced.stderr.splitlines()[0]
    assert data["failed"]["message"] in line
    assert not OBEYED.search(done.stderr)


def test_the_next_instance_is_asked_where_sync_would(tmp_path: Path, upstream: Upstream) -> None:
    """A 200 that is no feed passes on to the next instance of a base; the first stage shows the first answer."""
    upstream.pages["/one/x"] = Page(body=b"<html>An error of the instance</html>")
    upstream.feed("/two/x", item(1))
    folder = Folder(tmp_path / "p")
    bases = f"bases: {{hub: ['{upstream.address}/one', '{upstream.address}/two']}}\n"
    folder.sources(bases + "sources: {a: {feed: 'hub:/x', categories: A}}\n")

    assert [each["decision"] for each in _decided(folder, "a")] == ["new"]
    assert [request.path for request in upstream.requests] == ["/one/x", "/two/x"]
    assert f"GET {upstream.address}/one/x" in folder.run("source", "test", "hub:/x", "--stage", "fetch").stdout


def test_which_source_is_meant(folder: Folder, upstream: Upstream) -> None:
    """An id or its address means the source with its settings; another word is wrong usage, another address is asked."""
    by_address = folder.run("source", "test", f"{upstream.address}/a")
    assert by_address.returncode == 0
    assert "this is the address of the source a: its settings count" in by_address.stderr
    upstream.feed("/c", item(1))
    assert "1 entry: 1 new" in folder.run("source", "test", f"{upstream.address}/c").stdout
    upstream.requests.clear()
    for words, code, said in (
        (["aa"], 2, 'Did you mean "a"?'),
        (["a.example"], 2, "https://a.example"),
        (["ftp://a.example/"], 1, "only http and https"),
        (["https://ada:hunter2@a.example/"], 1, "auth:"),
        (["a", "--stage", "x"], 2, "fetch"),
    ):
        done = folder.run("source", "test", *words)
        assert done.returncode == code
        assert said in done.stderr
        assert "hunter2" not in done.stderr
    assert upstream.requests == []
    folder.settings("fetch: {allow_private: []}")
    private = folder.run("source", "test", f"{upstream.address}/c")
    assert private.returncode == 4
    assert "aggregator source add ADDRESS --allow-private" in private.stderr
    assert folder.run("source", "test", "a", "--save", str(folder.root / "none/x")).returncode == 4
    folder.settings()
    assert folder.run("source", "test", "a", "--save", str(folder.root / "none/x")).returncode == 5


class Stalling(bytes):
    """A body that nobody ever gets through."""

    __slots__ = ()

    def __len__(self) -> int:  # noqa: PLE0303 - it never returns
        while True:
            pass


def test_a_body_that_stalls_costs_its_worker(tmp_path: Path) -> None:
    """Bodies are read in a process against the clock: one that stalls is a failure with its kind, and the next one is read."""
    settings = read(write(tmp_path, {}))
    source = Source(id="a", feed="https://a.example/", addresses=("https://a.example/",), categories=("x",))
    answer = Fetched(
        source_id="a",
        address=source.feed,
        final_address=source.feed,
        status=200,
        headers=(),
        body=rss(item(1)),
        coding=None,
        validators=Validators(address=source.feed),
        elapsed=timedelta(),
    )
    with Visitor(settings, lambda: datetime(2026, 6, 1, tzinfo=UTC)) as visitor:
        failed = visitor.examine(source, replace(answer, body=Stalling(b"x")), stage="decide")
        found = visitor.examine(source, answer, stage="decide")

    assert isinstance(failed, Failed)
    assert (failed.kind, failed.message) == ("deadline", "the feed took more than 5 s of processor time to be read")
    assert isinstance(found, Examined)
    assert [each.decision for each in found.entries] == ["new"]
