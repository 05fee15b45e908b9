"""The recipes of docs/deployment.md for web servers: each block as it stands there, in the real server."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.publish.style import STYLE
from aggregator.serve.server import serve
from tests.raw_http import Reply, ask
from tests.static_hosts import DOCS, FEED, PAGE, make_site, run_caddy, run_nginx

_SERVERS = {"nginx": run_nginx, "caddy": run_caddy}
_PAGE_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
_FEED_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; "


@pytest.fixture(scope="module", params=_SERVERS)
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a server as the documentation says, on a whole site."""
    home = tmp_path_factory.mktemp(request.param)
    public: Path = home / "public"
    make_site(public)
    with _SERVERS[request.param](home, public) as number:
        yield number


def _vary(reply: Reply) -> set[str]:
    """Return what an answer depends on, in however many lines it is said."""
    return {name.strip() for known, value in reply.headers if known == "vary" for name in value.split(",")}


@pytest.mark.parametrize("path", ["/feeds/all.atom", "/feeds/%E6%96%B0%E5%AA%92%E4%BD%93/a.atom", "/feeds/all.rss"])
def test_the_recipe_sends_pages_to_browsers_and_feeds_to_readers(port: int, path: str) -> None:
    """The same bytes come as a feed to readers and as XML to who opens a page, which may load its stylesheet alone."""
    reader, page = ask(port, path), ask(port, path, "Sec-Fetch-Dest: document")

    assert (reader.status, page.status) == (200, 200)
    assert reader.body == page.body == FEED
    assert reader.header("content-type") == f"application/{path[-4:].strip('.')}+xml; charset=utf-8"
    assert page.header("content-type") == "application/xml; charset=utf-8"
    for reply in (reader, page):
        assert "Sec-Fetch-Dest" in _vary(reply)
        assert reply.header("x-content-type-options") == "nosniff"
        assert reply.header("cache-control") == "max-age=600"
        assert (reply.header("content-security-policy") or "").startswith(_FEED_POLICY)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/feeds/all.json", "application/feed+json"),
        ("/feeds/index.opml", "text/x-opml; charset=utf-8"),
        ("/feeds/style.css", "text/css; charset=utf-8"),
        ("/feeds/all.atom.xml", "application/xml; charset=utf-8"),
        ("/static/0123.css", "text/css; charset=utf-8"),
        ("/static/0123.js", "text/javascript; charset=utf-8"),
        ("/robots.txt", "text/plain; charset=utf-8"),
        ("/", "text/html; charset=utf-8"),
        ("/feeds/", "text/html; charset=utf-8"),
    ],
)
def test_the_recipe_has_a_type_for_each_kind(port: int, path: str, kind: str) -> None:
    """Whatever a site is made of comes as what it is, and browsers may not guess."""
    reply = ask(port, path)

    assert (reply.status, (reply.header("content-type") or "").partition(";")[0]) == (200, kind.partition(";")[0])
    assert (reply.header("content-type") or "").lower() in {kind, "application/feed+json; charset=utf-8"}
    assert reply.header("x-content-type-options") == "nosniff"


def test_the_recipe_keeps_pages_within_bounds(port: int) -> None:
    """A page may load what is ours and run nothing else; what its name holds the hash of is asked for once."""
    for path in ("/", "/feeds/"):
        assert (ask(port, path).header("content-security-policy") or "").startswith(_PAGE_POLICY)
    assert ask(port, "/static/0123.css").header("cache-control") == "max-age=31536000, immutable"


@pytest.mark.parametrize(("path", "content"), [("/feeds/all.atom", FEED), ("/", PAGE)])
@pytest.mark.parametrize("asked_as", ["document", "empty"])
def test_the_recipe_sends_packed_copies(port: int, path: str, content: bytes, asked_as: str) -> None:
    """The `.gz` beside a file goes to who takes it, as the same type, with a tag of its own, and caches are told."""
    plain = ask(port, path, f"Sec-Fetch-Dest: {asked_as}")
    packed = ask(port, path, f"Sec-Fetch-Dest: {asked_as}", "Accept-Encoding: gzip")

    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body == content
    assert packed.header("content-type") == plain.header("content-type")
    assert packed.header("etag") != plain.header("etag")
    assert "Accept-Encoding" in _vary(packed)


@pytest.mark.parametrize("lines", [(), ("Sec-Fetch-Dest: document",), ("Accept-Encoding: gzip",)])
@pytest.mark.parametrize("path", ["/feeds/all.atom", "/"])
def test_the_recipe_knows_what_is_current(port: int, lines: tuple[str, ...], path: str) -> None:
    """What is unchanged costs a 304, in each variant."""
    tag = ask(port, path, *lines).header("etag")

    assert ask(port, path, *lines, f"If-None-Match: {tag}").status == 304


def test_the_recipe_serves_the_stylesheet(port: int) -> None:
    """The stylesheet has the type without which browsers refuse it."""
    reply = ask(port, "/feeds/style.css", "Sec-Fetch-Dest: style")

    assert (reply.header("content-type"), reply.body) == ("text/css; charset=utf-8", STYLE)


@pytest.mark.parametrize(
    "path", ["/page/feeds/all.atom", "/feeds/none.atom", "/feeds/../nginx.conf", "/page/feeds/..%2fx.atom", "/none/"]
)
@pytest.mark.parametrize("asked_as", ["document", "empty"])
def test_the_recipe_has_no_other_door(port: int, path: str, asked_as: str) -> None:
    """The place that feeds come from as pages cannot be asked for from outside; what is not there is said with our page."""
    reply = ask(port, path, f"Sec-Fetch-Dest: {asked_as}")

    assert reply.status in {400, 404}
    assert reply.status == 400 or reply.body == b"<p>lost"


_PROXIED = re.compile(r"^location (/(?:planet/)?) \{ proxy_pass http://127\.0\.0\.1:8080(/?); \}", re.MULTILINE)


@pytest.mark.parametrize("place", ["/", "/planet/"])
def test_the_recipe_for_a_proxy(tmp_path: Path, place: str) -> None:
    """Behind nginx as the documentation has it, at the root or below a path, what we serve arrives as it left."""
    public = tmp_path / "public"
    make_site(public)
    (public / "feeds" / "redirects.json").write_text('{"feeds/old.atom": "feeds/all.atom"}')
    text = DOCS.read_text("utf-8").replace("`location /planet/", "\nlocation /planet/")
    [block] = [found[0] for found in _PROXIED.finditer(text) if found[1] == place]
    with serve(public) as server:
        conf = block.replace("8080", str(server.port))
        with run_nginx(tmp_path, public, text=conf) as port:
            for lines in ((), ("Accept-Encoding: gzip",), ("Sec-Fetch-Dest: document",)):
                direct, reply = ask(server.port, "/feeds/all.atom", *lines), ask(port, f"{place}feeds/all.atom", *lines)
                assert (reply.status, reply.body) == (200, direct.body)
                for name in ("etag", "content-type", "content-encoding", "vary", "cache-control", "content-security-policy"):
                    assert reply.header(name) == direct.header(name), name
                tag = reply.header("etag")
                assert ask(port, f"{place}feeds/all.atom", *lines, f"If-None-Match: {tag}").status == 304
            assert ask(port, f"{place}feeds/all.atom", method="POST").status == 405
            assert ask(port, old := f"{place}feeds/old.atom").leads_from(old) == f"{place}feeds/all.atom"
