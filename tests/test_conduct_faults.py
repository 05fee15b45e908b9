"""Faults and attacks from the socket to the posts: nothing stored is lost, nothing secret gets out (F18-F31, R5-R24)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.model.poll import Outcome
from aggregator.store.lock import project_lock
from tests.raw_upstream import Exchange, Script, Upstream, closing, reply
from tests.timeline import FEED, MORE, RSS_TYPE, Timeline, feed
from tests.upstream import SITE_ID, Folder, item, rss


def cut_gzip() -> bytes:
    return reply(200, gzip.compress(MORE)[:-9], content_type=RSS_TYPE, content_encoding="gzip")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n"
CHANGED = FEED.replace(b"Text of entry", b"Quite another text of entry")


@pytest.mark.rule("R10", "F30")
@pytest.mark.parametrize(
    "fault",
    [
        closing(HEAD + b"Content-Length: %d\r\n\r\n" % len(MORE) + MORE[:-200]),
        closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(MORE) + MORE[:-200]),
        closing(HEAD + b"Connection: close\r\n\r\n" + CHANGED[: CHANGED.index(b"Quite another text of entry 2") + 12]),
        cut_gzip(),
        reply(200, b"", content_type=RSS_TYPE),
        reply(200, b"<html><body>sign in</body></html>", content_type="text/html"),
        reply(200, rss(""), content_type=RSS_TYPE),
    ],
    ids=["short-length", "cut-chunk", "cut-document", "cut-gzip", "empty", "page", "no-items"],
)
def test_a_broken_or_empty_body_takes_nothing_away(tmp_path: Path, fault: Script) -> None:
    """No post is removed, none is overwritten with the half of a text, no feed shrinks; the next whole body is taken."""
    with Upstream(routes={"/a": [feed(etag='"1"'), fault, feed(MORE, etag='"2"')]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        before = timeline.files()
        timeline.sync(2)
        after = timeline.files()
        whole = timeline.sync(8)["a"]

    changed = {path for path in before if after.get(path) != before[path]}
    # Of the document that breaks off within its second entry the first one is whole, and upstream did change it.
    allowed = {path for path in before if b"Quite another text of entry 1" in after.get(path, b"")}
    assert changed <= allowed
    assert all(b"Quite another text of entry 2" not in text for text in after.values())
    assert (whole.outcome, timeline.posts()) == (Outcome.NEWS, 3)


@pytest.mark.rule("R18")
def test_304_changes_nothing_and_a_lost_state_asks_for_everything(tmp_path: Path) -> None:
    """A 304 with a body or with another ETag is a 304; without a state no validators are sent."""
    odd = b'HTTP/1.1 304 Not Modified\r\nETag: "other"\r\nContent-Length: 5\r\n\r\n'
    with Upstream(routes={"/a": [feed(etag='"1"'), odd, reply(304), feed(etag='"1"')]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        before = timeline.files()
        outcomes = [timeline.sync(hours)["a"].outcome for hours in (2, 4)]
        (timeline.root / "state" / "state.sqlite").unlink()
        timeline.sync(6)

    assert outcomes == [Outcome.NOT_MODIFIED] * 2
    assert timeline.files() == before
    assert [asked.header("If-None-Match") for asked in upstream.asked] == [None, b'"1"', b'"other"', None]


@pytest.mark.rule("F31")
def test_a_delta_is_merged(tmp_path: Path) -> None:
    """A 226 (RFC 3229) brings what is new; what it leaves out stays, and its validators are those of the whole feed."""
    delta = reply(226, rss(item(3)), content_type=RSS_TYPE, im="feed", etag='"2"')
    with Upstream(routes={"/a": [feed(etag='"1"'), delta, reply(304)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        news = timeline.sync(2)["a"]
        timeline.sync(4)

    assert (news.outcome, news.new, timeline.posts()) == (Outcome.NEWS, 1, 3)
    assert [asked.header("A-IM") for asked in upstream.asked] == [None, b"feed", b"feed"]
    assert upstream.asked[2].header("If-None-Match") == b'"2"'


@pytest.mark.rule("F31")
def test_a_delta_that_nobody_asked_for_is_no_feed(tmp_path: Path) -> None:
    """A 226 to a request without an ETag, or made by another manipulation, is a failure and not read as the whole feed."""
    with Upstream(
        routes={
            "/a": reply(226, FEED, content_type=RSS_TYPE, im="feed"),
            "/b": [feed(last_modified="Mon, 02 Mar 2026 00:00:00 GMT"), reply(226, MORE, content_type=RSS_TYPE, im="feed")],
            "/c": [feed(etag='"1"'), reply(226, MORE, content_type=RSS_TYPE, im="vcdiff")],
        }
    ) as upstream:
        timeline = Timeline(tmp_path, {name: upstream.address(f"/{name}") for name in "abc"})
        first = timeline.sync(0)
        posts = timeline.posts()
        later = timeline.sync(4)

    assert (first["a"].kind, later["b"].kind, later["c"].kind) == ("protocol",) * 3
    assert "226 (IM Used)" in (later["c"].message or "")
    assert timeline.posts() == posts
    assert [asked.header("A-IM") for asked in upstream.asked if asked.target == b"/b"] == [None, None]


@pytest.mark.rule("R22")
@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "image/png"])
def test_a_wrong_content_type_is_read_and_noted(tmp_path: Path, content_type: str) -> None:
    """What is a feed is taken as one whatever it is called, and the status says that it is called something else."""
    with Upstream(routes={"/a": reply(200, FEED, content_type=content_type)}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        event = timeline.sync(0)["a"]

    assert event.outcome is Outcome.NEWS
    assert content_type in " ".join(event.warnings)


@pytest.mark.rule("R5", "R11", "R24")
@pytest.mark.parametrize(
    "fault",
    [
        reply(302, location=b"http://127.0.0.2\xe9:x/"),
        reply(302, location=b"javascript:alert(1)"),
        reply(302, location=b"http://[::bad"),
        b"HTTP/1.1 200 OK\r\nX: \x00\x01\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_000 + b"Content-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
        b"HTTP/9.9 999\r\n\r\n",
    ],
    ids=[
        "location-bytes", "location-scheme", "location-ipv6", "control", "long-header", "many-headers", "negative", "double",
        "huge", "version",
    ],
)  # fmt: skip
def test_whatever_a_server_says_costs_its_own_poll_only(tmp_path: Path, fault: bytes) -> None:
    """One line says what is wrong, it is no bug of ours, and the source beside it is polled."""
    with Upstream(routes={"/bad": closing(fault), "/good": feed()}) as upstream:
        timeline = Timeline(tmp_path, {"bad": upstream.address("/bad"), "good": upstream.address("/good")})
        events = timeline.sync(0)

    bad = events["bad"]
    assert (events["good"].outcome, timeline.posts()) == (Outcome.NEWS, 2)
    assert bad.outcome is Outcome.FAILED
    assert bad.kind not in {"bug", None}
    assert bad.trace is None
    assert len((bad.message or "").splitlines()) == 1


def away(upstream: Upstream) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.send(reply(301, location=upstream.address("/elsewhere?token=in-the-location")))

    return script


SECRETS = ("passw0rd-one", "header-secret-two", "query-secret-three", "in-the-location")


@pytest.mark.rule("R13", "F21")
def test_no_secret_leaves_its_origin_or_shows_in_an_output(tmp_path: Path) -> None:
    """Through redirects, failures, logs, --json, status, plan, posts, feeds and ledger: only the origin sees them."""
    folder = Folder(tmp_path / "project")
    with Upstream() as home, Upstream(host="127.0.0.3") as other:
        other.routes = {"*": [feed(), reply(500, b"")]}
        home.routes = {"/feed?key=query-secret-three": away(other), "/down?key=query-secret-three": reply(404, b"")}
        (folder.root / "config" / "settings.yaml").write_text(
            f"site: {{id: '{SITE_ID}', title: T, url: 'https://news.example/'}}\n"
            "fetch: {allow_private: [127.0.0.2, 127.0.0.3]}\n"
        )
        own = "auth: {username: ada, password: passw0rd-one}, headers: {X-Api-Key: header-secret-two}"
        folder.sources(
            "sources:\n"
            f"  a: {{feed: '{home.address('/feed?key=query-secret-three')}', categories: [news], {own}}}\n"
            f"  b: {{feed: '{home.address('/down?key=query-secret-three')}', categories: [news], {own}}}\n"
        )
        said = [
            folder.run(*words)
            for words in (
                ("-vv", "sync"), ("-vv", "--json", "sync", "--force"), ("-v", "status"), ("status", "--json"),
                ("plan", "--for", "24h"), ("plan", "--json"), ("config", "show"), ("source", "list"), ("source", "show", "a"),
            )
        ]  # fmt: skip

    texts = [done.stdout + done.stderr for done in said] + [
        text.decode("utf-8", "replace") for text in folder.files("posts", "public", "ledger.jsonl").values()
    ]
    sent = b"\n".join(asked.raw for asked in other.asked)
    assert len(other.asked) == 2
    assert any(b"X-Api-Key: header-secret-two" in asked.raw for asked in home.asked)
    for secret in SECRETS[:3]:
        assert secret.encode() not in sent
    assert b"Authorization" not in sent
    # `source list` and `config show` show the feed as the config has it, which is its owner's to read.
    shown = [text for words, text in zip(range(len(texts)), texts, strict=True) if words not in {6, 7, 8}]
    for secret in SECRETS:
        assert not [text for text in shown if secret in text], secret
    for secret in SECRETS[:2]:
        assert not [text for text in texts if secret in text], secret
    assert json.loads(said[3].stdout)


@pytest.mark.rule("F18")
def test_two_runs_never_poll_at_the_same_time(tmp_path: Path) -> None:
    """While one run holds the project another one asks nobody, and says so with an exit code of its own."""
    folder = Folder(tmp_path / "project")
    with Upstream(routes={"*": feed()}) as upstream:
        (folder.root / "config" / "settings.yaml").write_text(
            f"site: {{id: '{SITE_ID}', title: T, url: 'https://news.example/'}}\nfetch: {{allow_private: [127.0.0.2]}}\n"
        )
        folder.sources(f"sources:\n  a: {{feed: '{upstream.address('/a')}', categories: [news]}}\n")
        with project_lock(folder.root):
            refused = folder.run("sync")
        quiet = len(upstream.asked)
        folder.sync()

    assert (refused.returncode, quiet, len(upstream.asked)) == (6, 0, 1)
