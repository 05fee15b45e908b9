"""How feeds are served, rule by rule (conduct P26-P30), over bare sockets: what is said is read as it came."""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path
from threading import Event

import pytest

from aggregator.serve import app, kept
from aggregator.serve.access import Access
from aggregator.serve.negotiate import choose_coding, choose_languages
from aggregator.serve.page import FeedsSite
from aggregator.serve.server import Server, serve
from aggregator.serve.site import Answer, Fields, Policy
from aggregator.serve.tree import PublicTree
from tests.raw_http import PATIENCE, ask, connect, everything, parse

_MODIFIED = 1_767_225_600
_DATE = formatdate(_MODIFIED, usegmt=True)
_FEED = b"<feed><title>one</title>" + b"<entry><title>the same again</title></entry>" * 100 + b"</feed>"
_TYPES = {
    "all.atom": "application/atom+xml; charset=utf-8",
    "all.rss": "application/rss+xml; charset=utf-8",
    "all.json": "application/feed+json; charset=utf-8",
    "index.opml": "text/x-opml; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
}


def _write(path: Path, content: bytes, modified: int = _MODIFIED) -> None:
    path.write_bytes(content)
    os.utime(path, (modified, modified))


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return a public folder with a file of each kind."""
    (tmp_path / "feeds").mkdir()
    for name in _TYPES:
        _write(tmp_path / "feeds" / name, _FEED)
    return tmp_path


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    """Return a running server."""
    with serve(public) as running:
        yield running


def _tag(server: Server, *lines: str, target: str = "/feeds/all.atom") -> str:
    tag = ask(server.port, target, *lines).header("etag")
    assert tag is not None
    assert re.fullmatch(r'"[!#-~]+"', tag), "strong, and nothing but visible ASCII (RFC 9110 §8.8.3)"
    return tag


@pytest.mark.parametrize(("name", "kind"), _TYPES.items())
def test_each_kind_has_its_type_a_strong_tag_and_a_date(server: Server, name: str, kind: str) -> None:
    """A feed says what it is; its tag is made of its bytes, and its date is the file's."""
    reply = ask(server.port, f"/feeds/{name}")

    assert (reply.status, reply.body) == (200, _FEED)
    assert reply.header("content-type") == kind
    assert re.fullmatch(r'"[0-9a-f]{32}"', reply.header("etag") or "")
    assert reply.header("last-modified") == _DATE
    assert reply.header("x-content-type-options") == "nosniff"
    assert (reply.header("content-security-policy") or "").startswith("default-src 'none'; style-src 'self'; ")


def test_the_tag_is_of_the_bytes(server: Server, public: Path) -> None:
    """A rebuild that changes nothing keeps the tag, whatever the date of the file; other bytes of the same date change it."""
    first = _tag(server)
    _write(public / "feeds" / "all.atom", _FEED, _MODIFIED + 60)
    same = _tag(server)
    _write(public / "feeds" / "all.atom", _FEED.replace(b"one", b"two"), _MODIFIED + 60)

    assert first == same != _tag(server)


#: What is asked, whether that is answered with 304. ETAG stands for the tag, GZ for that of the gzip variant.
_CONDITIONS = [
    (["If-None-Match: ETAG"], True),
    (["If-None-Match: W/ETAG"], True),
    (['If-None-Match: "a", ETAG'], True),
    (['If-None-Match: "a" ,W/ETAG,"b"'], True),
    (['If-None-Match: "a"', "If-None-Match: ETAG"], True),
    (["If-None-Match: *"], True),
    (['If-None-Match: "a"'], False),
    (['If-None-Match: "a,*,b"'], False),
    (["If-None-Match:"], False),
    (["If-None-Match: GZ"], False),
    ([f"If-Modified-Since: {_DATE}"], True),
    ([f"If-Modified-Since: {formatdate(_MODIFIED + 1, usegmt=True)}"], True),
    ([f"If-Modified-Since: {formatdate(_MODIFIED - 1, usegmt=True)}"], False),
    (["If-Modified-Since: Thursday, 01-Jan-26 00:00:00 GMT"], True),
    (["If-Modified-Since: never"], False),
    (["If-Modified-Since: 0"], False),
    (['If-None-Match: "a"', f"If-Modified-Since: {_DATE}"], False),
    (["If-None-Match: ETAG", f"If-Modified-Since: {formatdate(0, usegmt=True)}"], True),
    (["Accept-Encoding: gzip", "If-None-Match: GZ"], True),
    (["Accept-Encoding: gzip", "If-None-Match: W/GZ"], True),
    (["Accept-Encoding: gzip", "If-None-Match: ETAG"], False),
    (["Accept-Encoding: gzip", f"If-Modified-Since: {_DATE}"], True),
]


@pytest.mark.parametrize(("lines", "current"), _CONDITIONS, ids=["; ".join(lines) for lines, _ in _CONDITIONS])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(server: Server, lines: list[str], current: bool, method: str) -> None:  # noqa: FBT001
    """Tags beat dates, lists, `*` and weak ones count, and a 304 says again what a 200 said of caching (RFC 9110 §15.4.5)."""
    plain, squeezed = _tag(server), _tag(server, "Accept-Encoding: gzip")
    lines = [line.replace("ETAG", plain).replace("GZ", squeezed) for line in lines]
    whole = ask(server.port, "/feeds/all.atom", *(line for line in lines if line.startswith("Accept")), method=method)
    reply = ask(server.port, "/feeds/all.atom", *lines, method=method)

    assert reply.status == (304 if current else 200)
    for name in ("etag", "cache-control", "vary", "last-modified", "content-security-policy"):
        assert reply.header(name) == whole.header(name) is not None
    if current:
        assert reply.body == b""
        assert reply.header("content-type") is reply.header("content-length") is reply.header("content-encoding") is None


@pytest.fixture(params=["Asia/Shanghai", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have the machine's clock show the time of a place."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(("second", "status"), [(-1, 200), (0, 304)])
def test_a_date_without_a_zone_is_utc(server: Server, second: int, status: int) -> None:
    """The form of asctime, of old clients, names no zone and means UTC, wherever the server stands (RFC 9110 §5.6.7)."""
    date = time.asctime(time.gmtime(_MODIFIED + second))

    assert ask(server.port, "/feeds/all.atom", f"If-Modified-Since: {date}").status == status


def test_gzip_is_another_representation(server: Server) -> None:
    """The same bytes in gzip have a tag of their own, and caches are told what it depends on."""
    plain, squeezed = ask(server.port), ask(server.port, "/feeds/all.atom", "Accept-Encoding: gzip, deflate")

    assert plain.header("content-encoding") is None
    assert squeezed.header("content-encoding") == "gzip"
    assert gzip.decompress(squeezed.body) == plain.body
    assert len(squeezed.body) < len(plain.body) / 4
    assert squeezed.header("etag") != plain.header("etag")
    for reply in (plain, squeezed):
        assert reply.header("vary") == "Accept-Encoding, Sec-Fetch-Dest"


@pytest.mark.parametrize(
    ("accepted", "offered", "chosen"),
    [
        (b"", ("gzip",), None),
        (b"gzip", ("gzip",), "gzip"),
        (b"GZIP", ("gzip",), "gzip"),
        (b"x-gzip", ("gzip",), "gzip"),
        (b"gzip;q=0", ("gzip",), None),
        (b"gzip;q=0, *", ("gzip",), None),
        (b"*", ("gzip",), "gzip"),
        (b"*;q=0", ("gzip",), None),
        (b"deflate, br;q=1.0", ("gzip",), None),
        (b"gzip, br", ("br", "gzip"), "br"),
        (b"gzip;q=1, br;q=0.5", ("br", "gzip"), "gzip"),
        (b"identity, gzip;q=0.5", ("gzip",), None),
        (b"gzip;q=x", ("gzip",), None),
        (b"gzip;q=nan", ("gzip",), None),
        (b",,;;q=,\xff" * 500, ("gzip",), None),
    ],
)
def test_a_coding_is_sent_only_to_who_takes_it(accepted: bytes, offered: tuple[str, ...], chosen: str | None) -> None:
    """Accept-Encoding is weighed as RFC 9110 §12.5.3 says; of what is as welcome the smallest is sent."""
    assert choose_coding(accepted, offered) == chosen


def test_what_gzip_does_not_make_smaller_is_sent_as_it_is(server: Server, public: Path) -> None:
    """A few bytes, or such as are dense already, go out plain, with the plain tag."""
    for content in (b"<feed/>", os.urandom(4000)):
        _write(public / "feeds" / "all.atom", content)
        reply = ask(server.port, "/feeds/all.atom", "Accept-Encoding: gzip")
        assert (reply.header("content-encoding"), reply.body) == (None, content)
        assert reply.header("etag") == _tag(server)


def test_brotli_is_sent_where_its_library_is(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the library, who takes br gets it, under a tag of its own; without it nobody does."""

    class Library:
        @staticmethod
        def compress(content: bytes, quality: int) -> bytes:
            return b"br%d" % quality + content[:10]

    for library, coding in ((None, None), (Library, "br")):
        monkeypatch.setattr(kept, "_brotli", lambda library=library: library)
        kept.codings.cache_clear()
        reply = ask(server.port, "/feeds/all.rss", "Accept-Encoding: br")
        assert reply.header("content-encoding") == coding
        assert (reply.header("etag") or "").endswith('-br"') == (coding == "br")
    kept.codings.cache_clear()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "CONNECT", "get"])
@pytest.mark.parametrize("target", ["/feeds/all.atom", "/feeds/none.atom", "/", "/healthz"])
def test_other_methods_are_refused(server: Server, method: str, target: str) -> None:
    """Any other method gets 405 with those that work."""
    reply = ask(server.port, target, method=method)

    assert (reply.status, reply.header("allow")) == (405, "GET, HEAD")
    assert reply.header("connection") == "close"


@pytest.mark.parametrize("target", ["/", "/feeds/all.atom", "/feeds/none.atom", "/feeds/old.atom", "/healthz", "/readyz"])
def test_head_says_what_get_says(server: Server, public: Path, target: str) -> None:
    """HEAD has the status and the headers of GET, and no body."""
    (public / "feeds" / "redirects.json").write_text(json.dumps({"feeds/old.atom": "feeds/all.atom"}))
    get, head = ask(server.port, target), ask(server.port, target, method="HEAD")

    assert (head.status, head.body) == (get.status, b"")
    assert [each for each in head.headers if each[0] != "date"] == [each for each in get.headers if each[0] != "date"]


class _Site(FeedsSite):
    """A site that has a page in two languages, a stylesheet, and things that are gone or elsewhere."""

    languages: tuple[str, ...] = ("en", "zh-CN")

    def __init__(self, public: Path) -> None:
        super().__init__(PublicTree(public))
        self.edition = "1"
        self.made = 0
        self.fails = False

    def fields(self, path: tuple[str, ...]) -> Fields:
        return {"q": None, "lang": None, "big": frozenset({"1"})} if not path else {}

    def version(self) -> str:
        return self.edition

    def find(self, path: tuple[str, ...], query: Mapping[str, str], languages: Sequence[str]) -> Answer | None:
        if self.fails:
            raise RuntimeError("a bug")
        self.made += 1
        language = languages[0] if languages else "en"
        word = f"<p lang={language}>{self.edition} {query.get('q', '')}</p>".encode()
        answers = {
            (): Answer(content=word * 100, type="text/html; charset=utf-8", max_age=60, by_language=True),
            ("static", "x.css"): Answer(content=b"p {}", type="text/css; charset=utf-8", is_lasting=True),
            ("e", "gone", ""): Answer(content=b"gone", type="text/html; charset=utf-8", status=410, by_language=True),
            ("feeds", "gone.atom"): Answer(content=b"gone", type="text/plain", status=410, policy=Policy.NOTHING),
            ("c", "old", ""): Answer(content=b"", type="text/plain", status=301, location="c/新 x/"),
            ("pictures",): Answer(content=b"<p>", type="text/html; charset=utf-8", policy=Policy.PICTURES),
        }
        return answers.get(path)

    def max_age(self, path: tuple[str, ...]) -> int:
        return 900 if path[-1].startswith("all.") else 0


@pytest.fixture
def site(public: Path) -> _Site:
    """Return the site."""
    return _Site(public)


@pytest.fixture
def pages(public: Path, site: _Site) -> Iterator[Server]:
    """Return a server of that site."""
    with serve(public, site=site) as running:
        yield running


def test_a_copy_is_good_for_as_long_as_the_schedule_says(pages: Server) -> None:
    """max-age is the site's word for each file; without one a client is to ask, which costs a 304."""
    assert ask(pages.port, "/feeds/all.atom").header("cache-control") == "max-age=900"
    assert ask(pages.port, "/feeds/index.opml").header("cache-control") == "no-cache"
    assert ask(pages.port, "/").header("cache-control") == "max-age=60"
    assert ask(pages.port, "/static/x.css").header("cache-control") == "max-age=31536000, immutable"
    for target in ("/feeds/none.atom", "/c/old/"):
        assert ask(pages.port, target).header("cache-control") == "no-cache"


@pytest.mark.parametrize(("target", "status"), [("/feeds/none.atom", 404), ("/feeds/gone.atom", 410), ("/e/gone/", 410)])
def test_gone_is_not_the_same_as_never_there(pages: Server, target: str, status: int) -> None:
    """What was taken out on purpose is 410, also for who has a copy; what never was is 404."""
    reply = ask(pages.port, target, "If-None-Match: *")

    assert reply.status == status
    assert reply.header("location") is None


def test_what_was_renamed_is_elsewhere(pages: Server) -> None:
    """A page of a renamed category answers 301, its new address percent-encoded."""
    reply = ask(pages.port, "/c/old/")

    assert (reply.status, reply.leads_from("/c/old/")) == (301, "/c/%E6%96%B0%20x/")


@pytest.mark.parametrize(
    ("lines", "target", "language"),
    [
        ((), "/", "en"),
        (("Accept-Language: zh",), "/", "zh-CN"),
        (("Accept-Language: fr, zh-Hans-SG;q=0.8, en;q=0.5",), "/", "zh-CN"),
        (("Accept-Language: en-GB, zh",), "/", "en"),
        (("Accept-Language: zh",), "/?lang=en", "en"),
        (("Accept-Language: zh",), "/?lang=xx&lang=en", "zh-CN"),
        (("Accept-Language: ;;;q=9,,*",), "/?" + "a=b&" * 50, "en"),
    ],
)
def test_pages_come_in_the_readers_language(pages: Server, lines: tuple[str, ...], target: str, language: str) -> None:
    """`?lang=` is wanted most, then what the browser says; caches are told."""
    reply = ask(pages.port, target, *lines)

    assert reply.body.startswith(f"<p lang={language}>".encode())
    assert reply.header("vary") == "Accept-Encoding, Accept-Language"


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("zh-TW", "zh-TW"),
        ("zh-hk", "zh-TW"),
        ("zh-Hant-CN", "zh-TW"),
        ("zh-Hans-TW", "zh-CN"),
        ("zh", "zh-CN"),
        ("en-US", "en"),
    ],
)
def test_either_chinese_is_known_by_script_or_region(tag: str, found: str) -> None:
    """A language tag leads to the nearest of ours, Chinese by its writing."""
    assert choose_languages(tag, "", ("zh-CN", "zh-TW", "en")) == (found,)


def test_a_page_is_made_once_for_each_version(pages: Server, site: _Site) -> None:
    """What was made is kept, by address, fields and language, until the site says that something changed."""
    for _ in range(3):
        ask(pages.port, "/")
    assert site.made == 1
    ask(pages.port, "/?unknown=x&lang=tlh&big=2")
    assert site.made == 1
    ask(pages.port, "/?q=x")
    ask(pages.port, "/?big=1&big=2")
    ask(pages.port, "/", "Accept-Language: zh")
    assert site.made == 4
    first = _tag(pages, target="/")
    assert ask(pages.port, "/", f"If-None-Match: {first}").status == 304
    site.edition = "2"
    pages._application._version_at = float("-inf")
    assert ask(pages.port, "/", f"If-None-Match: {first}").status == 200


def test_a_bug_is_told_and_costs_one_answer(public: Path, site: _Site) -> None:
    """A page that fails is a 500 without a word of why, which whoever runs the site is told; feeds go on."""
    told: list[str] = []
    with serve(public, site=site, tell=lambda text, _error: told.append(text)) as server:
        site.fails = True
        reply = ask(server.port, "/")
        assert reply.status == 500
        assert b"a bug" not in reply.body
        assert ask(server.port).status == 200
    assert told == ["internal error, a bug of aggregator: RuntimeError: a bug"]


def test_feeds_go_out_while_every_page_hangs(public: Path, site: _Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages wait for a state that does not answer, files are read meanwhile; pages and /readyz say 503 in time."""
    answers = Event()
    monkeypatch.setattr(app, "_RENDER_WITHIN", 1.0)
    monkeypatch.setattr(site, "find", lambda *_: answers.wait(PATIENCE))
    told: list[str] = []
    with serve(public, site=site, tell=lambda text, _error: told.append(text)) as server, ExitStack() as stack:
        stack.callback(answers.set)
        clients = [stack.enter_context(connect(server.port)) for _ in range(6)]
        for number, client in enumerate(clients):
            client.sendall(b"GET /?q=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % number)
        assert [ask(server.port, f"/feeds/{name}").status for name in _TYPES] == [200] * len(_TYPES)
        assert not answers.is_set()
        assert ask(server.port, "/readyz").status == 503
        assert {parse(everything(client)).status for client in clients} == {503}
    assert told == ["the site has not answered within 1 s"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (
            "/",
            "default-src 'none'; style-src 'self'; script-src 'self'; media-src http: https:; img-src 'self' data:; base-uri",
        ),
        ("/pictures", "img-src 'self' data: http: https:;"),
        (
            "/feeds/all.atom",
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        ),
        ("/feeds/gone.atom", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"),
        ("/healthz", "default-src 'none'"),
        ("/none", "default-src 'none'"),
    ],
)
def test_every_answer_has_its_policy(pages: Server, target: str, words: str) -> None:
    """What a browser may do with an answer is said for each kind; none may be guessed at, framed, or tell where it led."""
    reply = ask(pages.port, target)
    policy = reply.header("content-security-policy") or ""

    assert words in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (reply.header("x-content-type-options"), reply.header("referrer-policy")) == ("nosniff", "no-referrer")


# -- how it is ------------------------------------------------------------------------------------------------------------


def test_health_and_readiness(tmp_path: Path, public: Path) -> None:
    """/healthz says that the process answers, /readyz that there are feeds; why not is told to the log, once."""
    told: list[str] = []
    for folder, ready in ((tmp_path / "later", 503), (public, 200)):
        with serve(folder, tell=lambda text, _error: told.append(text)) as server:
            health, readiness, again = (ask(server.port, path) for path in ("/healthz", "/readyz", "/readyz"))
        assert (health.status, health.body) == (200, b"ok\n")
        assert readiness.status == again.status == ready
        assert health.header("cache-control") == readiness.header("cache-control") == "no-store"
        assert b"feed" not in readiness.body
    assert told == ["there is no feed yet"]


_SECRET = "3q2-7wAAAA"


@pytest.mark.parametrize(
    "target", ["/", "/feeds/all.atom", "/healthz", f"/{_SECRET}", f"/{_SECRET}x/feeds/all.atom", f"/{_SECRET[:-1]}/"]
)
def test_behind_a_secret_nothing_else_is_there(public: Path, target: str) -> None:
    """Where addresses are secret, any other address is 404, the same for all and for every method."""
    with serve(public, secret=_SECRET) as server:
        reply, posted = ask(server.port, target), ask(server.port, target, method="POST")

    assert (reply.status, reply.header("content-type")) == (404, "text/plain; charset=utf-8")
    assert _SECRET.encode() not in reply.body
    assert (posted.status, posted.body) == (reply.status, reply.body)


def test_a_secret_is_part_of_every_address_and_of_no_log(public: Path, site: _Site) -> None:
    """Behind it everything is as ever, only that shared caches keep nothing; no line of the log holds it, nor any query."""
    (public / "feeds" / "redirects.json").write_text(json.dumps({"feeds/old.atom": "feeds/all.atom"}))
    log: list[Access] = []
    with serve(public, site=site, secret=_SECRET, log=log.append) as server:
        found = ask(server.port, f"/{_SECRET}/feeds/all.atom?token=hush")
        moved = ask(server.port, f"/{_SECRET}/feeds/old.atom")
        listed = ask(server.port, f"/{_SECRET}/feeds/index.opml")
        replies = [ask(server.port, f"/{_SECRET}{path}") for path in ("/", "/healthz", "/feeds/none.atom")]
        ask(server.port, f"/{_SECRET[:-1]}/feeds/all.atom")

    assert (found.status, found.header("cache-control")) == (200, "private, max-age=900")
    assert (listed.status, listed.header("cache-control")) == (200, "private, no-cache")
    assert (moved.status, moved.leads_from(f"/{_SECRET}/feeds/old.atom")) == (301, f"/{_SECRET}/feeds/all.atom")
    assert _SECRET.encode() not in moved.body
    assert [reply.status for reply in replies] == [200, 200, 404]
    assert [entry.path for entry in log] == [
        "/feeds/all.atom",
        "/feeds/old.atom",
        "/feeds/index.opml",
        "/",
        "/healthz",
        "/feeds/none.atom",
        "/",
    ]
    assert not [entry for entry in log if _SECRET[:-1] in str(entry) or "hush" in str(entry)]


def test_the_log_says_what_was_asked_and_answered(public: Path) -> None:
    """One record for each request: method, path, status, bytes of the body, time, and what the client calls itself."""
    log: list[Access] = []
    with serve(public, log=log.append) as server:
        ask(server.port, "/feeds/all.atom", "User-Agent: newsboat/2.21\x1b[31m")
        ask(server.port, "/feeds/%E6%96%B0.atom", method="HEAD")
        ask(server.port, method="POST")

    assert [(entry.method, entry.path, entry.status, entry.sent) for entry in log] == [
        ("GET", "/feeds/all.atom", 200, len(_FEED)),
        ("HEAD", "/feeds/%E6%96%B0.atom", 404, 0),
        ("POST", "/", 405, log[2].sent),
    ]
    assert all(0 <= entry.elapsed_ms < 60_000 for entry in log)


def test_requests_are_counted_by_how_they_ended(pages: Server) -> None:
    """The tally has one number for each class of status."""
    for target in ("/", "/feeds/all.atom", "/feeds/none.atom", "/c/old/"):
        ask(pages.port, target)

    assert dict(pages.tally) == {"2xx": 2, "3xx": 1, "4xx": 1, "5xx": 0}
