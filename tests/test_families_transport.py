"""Families 7 to 9 and 37 to 42: what comes instead of a feed, broken transport, floods, redirects, headers, JSON Feed."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.model.poll import Outcome
from tests.play import Answer, once, play
from tests.raw_upstream import Script, Upstream, closing, reply
from tests.test_families_text import atom, rss
from tests.timeline import RSS_TYPE, START, Timeline, feed
from tests.upstream import item
from tests.upstream import rss as plain

GOOD = plain(item(1) + item(2))
MORE = plain(item(1) + item(2) + item(3))
LOGIN = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action='/login'><input></form></body></html>"
CAPTCHA = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title><meta name='robots' content='noindex'></head><body>"
    b"<script>window._cf = {rss: '<rss version=\"2.0\">'}</script>Enable JavaScript and cookies to continue</body></html>"
)
HUB = b"<html><head><title>Welcome to the hub!</title></head><body><h1>Something went wrong</h1></body></html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n"


def page(body: bytes, status: int = 200) -> bytes:
    return reply(status, body, content_type="text/html; charset=utf-8")


# -- 7 to 9: what comes instead of a feed


@pytest.mark.family(7)
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (page(LOGIN), "not-a-feed", "Sign in"),
        (page(CAPTCHA), "not-a-feed", "Just a moment"),
        (page(b"<html><body><noscript>Please enable JavaScript</noscript></body></html>"), "not-a-feed", "a web page"),
        (page(HUB, 503), "http", "503"),
        (reply(200, b"", content_type=RSS_TYPE), "not-a-feed", "empty"),
        (reply(200, b" \r\n\0", content_type=RSS_TYPE), "not-a-feed", "empty"),
    ],
    ids=["login", "captcha", "javascript", "hub", "empty", "blank"],
)
def test_a_page_in_place_of_a_feed(tmp_path: Path, answer: bytes, kind: str, words: str) -> None:
    """The poll fails with words that say what came, no byte that was published changes, and the next feed is taken."""
    with play(tmp_path, {"a": [GOOD, answer, MORE]}) as played:
        played.poll()
        before = played.files()
        told = played.poll(8)["a"]
        after = played.files()
        later = played.poll(48)["a"]

    assert (told.outcome, told.kind) == (Outcome.FAILED, kind)
    assert words in str(told.message)
    assert after == before
    assert (later.outcome, later.new) == (Outcome.NEWS, 1)


@pytest.mark.family(7)
def test_a_feed_that_is_called_a_page(tmp_path: Path) -> None:
    """Atom that is served as text/html is read, and the mistake is told."""
    document = atom("<content type='html'>&lt;p&gt;Text&lt;/p&gt;</content>").encode()
    played = once(tmp_path, {"a": page(document)})

    assert played.entry("a").content == "<p>Text</p>"
    assert any("text/html" in warning for warning in played.told["a"].warnings)


def packed(body: bytes, coding: str = "gzip") -> bytes:
    return reply(200, body, content_type=RSS_TYPE, content_encoding=coding)


def bomb() -> bytes:
    """Return fifty megabytes in fifty kilobytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    start = GOOD[: GOOD.index(b"<item>")] + b"<item><title>"
    small = packer.compress(start) + packer.compress(b"a" * 50_000_000) + packer.flush()
    assert len(small) < 60_000
    return small


@pytest.mark.family(8)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(MORE) + MORE[:-99]), "truncated"),
        (closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + MORE[:64] + b"\r\n"), "truncated"),
        (packed(gzip.compress(MORE, mtime=0)[:-20]), "truncated"),
        (packed(gzip.compress(gzip.compress(MORE, mtime=0), mtime=0), "gzip, gzip"), "coding"),
        (packed(gzip.compress(gzip.compress(MORE, mtime=0), mtime=0)), "not-a-feed"),
        (packed(b"\x8b\x07\x80" + MORE, "br"), "coding"),
        (packed(bomb()), "too-big"),
    ],
    ids=["cut-chunk", "no-last-chunk", "cut-gzip", "gzip-twice", "gzip-in-gzip", "brotli", "bomb"],
)
def test_a_body_that_is_broken_on_the_way(tmp_path: Path, answer: Script, kind: str) -> None:
    """Each is one failed poll with its cause, of which nothing is taken; the next whole body is."""
    with play(tmp_path, {"a": [GOOD, answer, MORE]}) as played:
        played.poll()
        before = played.files()
        told = played.poll(8)["a"]
        after = played.files()
        later = played.poll(48)["a"]

    assert (told.outcome, told.kind) == (Outcome.FAILED, kind)
    assert after == before
    assert (later.outcome, later.new) == (Outcome.NEWS, 1)


@pytest.mark.family(8)
def test_a_plain_body_with_a_gzip_label(tmp_path: Path) -> None:
    """A body that is labelled gzip and is none is read as it is."""
    assert len(once(tmp_path, {"a": packed(GOOD)}).entries("a")) == 2


@pytest.mark.family(9)
def test_no_entries_for_one_poll(tmp_path: Path) -> None:
    """A feed that is empty once and full again removes nothing, announces nothing, and changes no byte."""
    with play(tmp_path, {"a": [GOOD, plain(""), GOOD, MORE]}) as played:
        played.poll()
        before = played.files()
        told = [played.poll(hours)["a"].outcome for hours in (4, 8)]
        after = played.files()
        last = played.poll(12)["a"]

    assert told == [Outcome.SAME, Outcome.SAME]
    assert after == before
    assert (last.new, last.updated) == (1, 0)


# -- 37: floods


def flood(first: int, number: int) -> bytes:
    """Return an archive, newest first, that begins with this entry."""
    return rss_of(range(first, first - number, -1))


def rss_of(numbers: range) -> bytes:
    items = "".join(
        f"<item><title>Page {n}</title><link>https://s.example/{n}</link><guid>https://s.example/{n}</guid></item>"
        for n in numbers
    )
    return f'<rss version="2.0"><channel><title>Static</title><link>https://s.example/</link>{items}</channel></rss>'.encode()


@pytest.mark.family(37)
def test_an_archive_of_thousands(tmp_path: Path) -> None:
    """Of a whole archive the newest thousand are taken and it is said so; one new entry among ten thousand is one post."""
    with play(tmp_path, {"a": [flood(5_000, 5_000), flood(5_001, 5_001), flood(10_001, 10_000)]}, a=", every: 1h") as played:
        first = played.poll()["a"]
        names = {path for path in played.files() if path.startswith("posts/")}
        second = played.poll(4)["a"]

    assert (first.new, len(names)) == (1_000, 1_000)
    assert any("5,000 entries; the newest 1,000 were taken" in warning for warning in first.warnings)
    assert (second.new, second.updated) == (1, 0)
    assert any("page-5001-" in path for path in played.files())
    assert names < set(played.files())


@pytest.mark.family(37)
def test_an_entry_of_eight_megabytes(tmp_path: Path) -> None:
    """A text of 8 MB is cut to 1 MiB and it is said so; the entries beside it are whole, and the feeds stay bounded."""
    big = "<p>" + "A line of a text without end.</p><p>" * 225_000 + "</p>"
    document = rss(
        "<title>next</title><description>&lt;p&gt;Next&lt;/p&gt;</description>",
        f"<title>big</title><description><![CDATA[{big}]]></description>",
    )
    assert len(document) > 8_000_000
    played = once(tmp_path, {"a": document})

    contents = {entry.title: entry.content for entry in played.entries("a")}
    assert contents["next"] == "<p>Next</p>"
    assert 900_000 < len(contents["big"]) <= 1_100_000
    assert any("content were cut" in warning for warning in played.told["a"].warnings)
    assert all(len(content) < 3_000_000 for content in played.files().values())


# -- 38: redirects


def to(address: str, status: int = 301) -> bytes:
    return reply(status, b"", location=address)


SPAM = plain("".join(item(number, title=f"Cheap watches {number}") for number in range(90, 93)), title="Parked")


@pytest.mark.family(38)
def test_a_move_to_a_parked_domain(tmp_path: Path) -> None:
    """Where a 301 leads to another host and nothing there is known, nothing is taken, and the move is never believed."""
    with Upstream(host="127.0.0.3", routes={"*": feed(SPAM)}) as parked, play(tmp_path, {"a": GOOD}) as played:
        played.timeline.settings(private="127.0.0.2, 127.0.0.3")
        played.poll()
        before = played.files()
        played.upstream.routes = {"/a": to(parked.address("/feed?key=1"))}
        told = [played.poll(day * 24)["a"] for day in range(1, 6)]
        unharmed = played.files()
        played.upstream.routes = {"/a": feed(MORE)}
        back = played.poll(24 * 7)["a"]

    assert {(event.outcome, event.kind) for event in told} == {(Outcome.FAILED, "redirect")}
    assert parked.address("/feed,") in str(told[0].message)
    changed = {path for path in unharmed.keys() | before.keys() if unharmed.get(path) != before.get(path)}
    assert changed == {"public/feeds/status.atom"}  # the failures are news of the source's health, and of nothing else
    assert "moved" not in played.timeline.ledger()
    assert (back.outcome, back.new) == (Outcome.NEWS, 1)


@pytest.mark.family(38)
def test_a_move_to_a_new_home(tmp_path: Path) -> None:
    """Where something of the old feed is there, what is new at the other host is taken at once; so is a first poll."""
    with (
        Upstream(host="127.0.0.3", routes={"*": feed(MORE)}) as home,
        play(tmp_path, {"a": [GOOD, to(home.address())], "b": to(home.address())}) as played,
    ):
        played.timeline.settings(private="127.0.0.2, 127.0.0.3")
        first = played.poll()
        second = played.poll(24)

    assert (first["b"].new, second["a"].new) == (3, 1)
    assert any(home.address() in warning for warning in second["a"].warnings)


@pytest.mark.family(38)
def test_a_302_in_place_of_a_move(tmp_path: Path) -> None:
    """However long a 302 lasts the configured address is asked first, and what it leads to is read."""
    with play(tmp_path, {"a": to("/b", 302), "b": GOOD}) as played:
        played.timeline.sources({"a": played.upstream.address("/a")})
        for day in range(6):
            assert played.poll(day * 24)["a"].outcome is not Outcome.FAILED
        asked = [one.target for one in played.upstream.asked]

    assert asked == [b"/a", b"/b"] * 6
    assert len(played.entries("a")) == 2
    assert played.timeline.ledger() == ""


@pytest.mark.family(38)
def test_redirects_that_lead_nowhere(tmp_path: Path) -> None:
    """A login page, a circle and this machine behind a redirect are failures; what must not be reached is not reached."""
    with Upstream(host="127.0.0.1", routes={"*": feed(GOOD)}) as forbidden:
        answers: dict[str, Answer] = {
            "login": to("/sign-in", 302),
            "loop": to("/loop2"),
            "private": to(forbidden.address("/feed"), 302),
            "longer": to("/hop1", 307),
        }
        hops: dict[str, Answer] = {f"hop{number}": to(f"/hop{number + 1}", 307) for number in range(1, 9)}
        with play(tmp_path, {**answers, "sign-in": page(LOGIN), "loop2": to("/loop"), **hops}) as played:
            played.timeline.sources({name: played.upstream.address(f"/{name}") for name in answers})
            told = played.poll()

    assert {name: event.kind for name, event in told.items()} == {
        "login": "not-a-feed",
        "loop": "redirect",
        "private": "refused-address",
        "longer": "redirect",
    }
    assert forbidden.connections == 0
    assert not [path for path in played.files() if path.startswith("posts/")]


# -- 39, 40: headers


@pytest.mark.family(39)
@pytest.mark.parametrize(
    "tags",
    [
        ["abc", "abc"],
        ['W/"abc"', 'W/"abc"'],
        ['"node-1"', '"node-2"'],
        ['"same"', '"same"'],
    ],
    ids=["unquoted", "weak", "per-node", "same"],
)
def test_etags_of_every_kind(tmp_path: Path, tags: list[str]) -> None:
    """An ETag goes back as it came, whatever it looks like, and a new body is news also where it comes with the old one."""
    first, second = tags
    with play(
        tmp_path, {"a": [feed(GOOD, etag=first), feed(GOOD, etag=second), feed(MORE, etag=second), reply(304)]}
    ) as played:
        outcomes = [played.poll(hours)["a"].outcome for hours in (0, 4, 8, 12)]
        sent = [asked.header("If-None-Match") for asked in played.upstream.asked]

    assert outcomes == [Outcome.NEWS, Outcome.SAME, Outcome.NEWS, Outcome.NOT_MODIFIED]
    assert sent == [None, first.encode(), second.encode(), second.encode()]
    assert len(played.entries("a")) == 3


@pytest.mark.family(39)
def test_a_last_modified_in_a_language_of_its_own(tmp_path: Path) -> None:
    """A Last-Modified that is no HTTP date goes back byte for byte."""
    local = "Mo, 02 März 2026 09:00:00 MEZ"
    with play(tmp_path, {"a": [feed(GOOD, last_modified=local), reply(304)]}) as played:
        played.poll()
        assert played.poll(4)["a"].outcome is Outcome.NOT_MODIFIED
        assert played.upstream.asked[-1].header("If-Modified-Since") == local.encode()


@pytest.mark.family(39)
def test_a_304_that_is_wrong(tmp_path: Path) -> None:
    """A 304 with a body changes nothing; one that nobody asked for is a failure, after which the feed is taken."""
    odd = closing(b"HTTP/1.1 304 Not Modified\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello")
    with play(tmp_path, {"a": [feed(GOOD, etag='"1"'), odd], "b": [reply(304), GOOD]}) as played:
        first = played.poll()
        second = played.poll(24)

    assert (first["b"].outcome, first["b"].kind) == (Outcome.FAILED, "protocol")
    assert second["a"].outcome is Outcome.NOT_MODIFIED
    assert (second["b"].outcome, len(played.entries("b"))) == (Outcome.NEWS, 2)
    assert len(played.entries("a")) == 2


DAY = 24.0


@pytest.mark.family(40)
def test_freshness_that_makes_no_sense(tmp_path: Path) -> None:
    """Nothing, nonsense and the past leave the ordinary interval; ten years are thirty days, and a jitter."""
    headers: dict[str, tuple[dict[str, str], float, float]] = {
        "zero": ({"cache_control": "max-age=0, must-revalidate"}, 1, DAY),
        "words": ({"cache_control": "max-age=abc"}, 1, DAY),
        "negative": ({"cache_control": "max-age=-5"}, 1, DAY),
        "decade": ({"cache_control": "max-age=315360000"}, 29 * DAY, 34 * DAY),
        "expires-0": ({"expires": "0"}, 1, DAY),
        "expires-1": ({"expires": "-1"}, 1, DAY),
        "expires-past": ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 1, DAY),
    }
    played = once(tmp_path, {name: feed(GOOD, **found) for name, (found, _, _) in headers.items()})

    for name, (_, early, late) in headers.items():
        due = played.timeline.next(name, 0).at
        assert due is not None
        assert START + timedelta(hours=early * 0.9) <= due <= START + timedelta(hours=late), name


@pytest.mark.family(40)
@pytest.mark.parametrize(
    ("wait", "early", "late"),
    [
        ("-120", 0, 3),
        ("Fri, 01 Jan 2099 00:00:00 GMT", 29 * DAY, 34 * DAY),
        ("99999999999", 29 * DAY, 34 * DAY),
        ("soon", 0, 3),
    ],
)
def test_waits_that_make_no_sense(tmp_path: Path, wait: str, early: float, late: float) -> None:
    """A Retry-After in the past or of no sense is none, one of decades is thirty days; the source comes back."""
    with Upstream(routes={"/a": [reply(503, b"", retry_after=wait), feed(GOOD)]}) as upstream:
        timeline = Timeline(tmp_path, {"a": upstream.address("/a")})
        timeline.sync(0)
        due = timeline.next("a", 0).at
        assert due is not None
        hours = (due - START) / timedelta(hours=1)
        timeline.sync(hours + 1)

    assert early <= hours <= late
    assert timeline.posts() == 2


# -- 41: archives and tombstones

FH = 'xmlns:fh="http://purl.org/syndication/history/1.0" xmlns:at="http://purl.org/atompub/tombstones/1.0"'


def history(numbers: tuple[int, ...], more: str = "") -> bytes:
    """Return an Atom document with these entries, and what else it says."""
    entries = "".join(
        f"<entry><id>tag:h.example,2026:{n}</id><title>Entry {n}</title><updated>2026-02-0{n}T08:00:00Z</updated>"
        f"<content>Text {n}</content></entry>"
        for n in numbers
    )
    return reply(
        200,
        f'<feed xmlns="http://www.w3.org/2005/Atom" {FH}><title>History</title><id>tag:h.example,2026:f</id>'
        f'<link href="https://h.example/"/><updated>2026-02-09T08:00:00Z</updated>{more}{entries}</feed>'.encode(),
        content_type="application/atom+xml",
    )


@pytest.mark.family(41)
def test_a_complete_feed_that_loses_an_entry(tmp_path: Path) -> None:
    """fh:complete is no order to delete: what was published stays, and no byte changes."""
    with play(tmp_path, {"a": [history((1, 2, 3), "<fh:complete/>"), history((1, 3), "<fh:complete/>")]}) as played:
        played.poll()
        before = played.files()
        told = played.poll(4)["a"]

    assert (told.outcome, played.files()) == (Outcome.SAME, before)


@pytest.mark.family(41)
def test_archives_in_a_circle(tmp_path: Path) -> None:
    """Links to archives are not followed by a poll, so a circle of them costs one request."""
    archive = '<fh:archive/><link rel="prev-archive" href="/b"/><link rel="current" href="/a"/><link rel="next" href="/a"/>'
    back = '<fh:archive/><link rel="prev-archive" href="/a"/>'
    with play(tmp_path, {"a": history((1, 2), archive), "b": history((3,), back)}) as played:
        played.timeline.sources({"a": played.upstream.address("/a")})
        played.poll()
        asked = [one.target for one in played.upstream.asked]

    assert asked == [b"/a"]
    assert [entry.title for entry in played.entries("a")] == ["Entry 1", "Entry 2"]


@pytest.mark.family(41)
def test_notices_of_deletion(tmp_path: Path) -> None:
    """A notice (RFC 6721) removes nothing and is told; what it says is not the feed's; an entry that returns is no news."""
    notice = (
        '<at:deleted-entry ref="tag:h.example,2026:2" when="2026-02-10T08:00:00Z"><at:by><name>Eve</name></at:by>'
        '<at:comment>spam</at:comment><link href="https://elsewhere.example/"/><title>Not the feed</title>'
        "<id>tag:h.example,2026:not</id></at:deleted-entry>"
    )
    with play(tmp_path, {"a": [history((1, 2)), history((1,), notice), history((1, 2, 3), notice)]}) as played:
        played.poll()
        before = played.files()
        deleted = played.poll(4)["a"]
        after = played.files()
        back = played.poll(8)["a"]

    assert (deleted.outcome, after) == (Outcome.SAME, before)
    assert any("upstream says that an entry was deleted" in warning for warning in deleted.warnings)
    assert (back.new, back.updated) == (1, 0)
    sources = {(entry.feed.title, entry.feed.link, entry.feed.id) for entry in played.entries("a")}
    assert sources == {("History", "https://h.example/", "tag:h.example,2026:f")}


@pytest.mark.family(41)
def test_a_notice_before_its_entry(tmp_path: Path) -> None:
    """A notice for an entry that was never seen does not keep it out when it comes."""
    notice = '<at:deleted-entry ref="tag:h.example,2026:2" when="2026-02-10T08:00:00Z"/>'
    with play(tmp_path, {"a": [history((1,), notice), history((1, 2), notice)]}) as played:
        played.poll()
        played.poll(4)

    assert [entry.title for entry in played.entries("a")] == ["Entry 1", "Entry 2"]


# -- 42: JSON Feed


@pytest.mark.family(42)
def test_json_feeds_of_every_kind(tmp_path: Path) -> None:
    """Numbers for ids, no version, either kind of author, no date, text only and a mark before the brace are all read."""
    items = [
        {"id": 7, "title": "Number", "content_text": "Lines\n\nof <text>", "date_published": None},
        {"id": 1.0, "title": "Fraction", "content_html": "<p>HTML</p>", "date_published": "2026-02-01T08:00:00+08:00"},
        {"id": "a", "title": "Both", "content_text": "x", "authors": [{"name": "Ann"}], "author": {"name": "Old"}},
        {"id": "b", "title": "Old", "content_text": "x", "author": {"name": "Old", "url": "https://old.example/"}},
        {"id": True, "content_text": "No title, and an id that is none.", "url": "https://j.example/c"},
    ]
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Jay",
        "home_page_url": "https://j.example/",
        "items": items,
    }
    unversioned = {key: value for key, value in document.items() if key != "version"}
    answers: dict[str, Answer] = {
        "plain": reply(200, json.dumps(document).encode(), content_type="application/feed+json"),
        "bom": reply(200, b"\xef\xbb\xbf" + json.dumps(document).encode(), content_type="application/json"),
        "unversioned": reply(200, json.dumps(unversioned).encode(), content_type="application/json"),
    }
    played = once(tmp_path, answers)

    for name in answers:
        entries = {entry.id: entry for entry in played.entries(name)}
        assert list(entries) == ["1.0", "7", "a", "b", "https://j.example/c"]
        assert (entries["7"].content, entries["7"].published) == ("<p>Lines</p><p>of &lt;text&gt;</p>", None)
        assert entries["1.0"].date.isoformat() == "2026-02-01T00:00:00+00:00"
        assert [person.name for id_ in ("a", "b") for person in entries[id_].authors] == ["Ann", "Old"]
        assert entries["https://j.example/c"].title.startswith("No title")
    assert any("names no version" in warning for warning in played.told["unversioned"].warnings)
