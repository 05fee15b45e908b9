"""What Link headers say of a feed (WebSub §4): the same as the feed itself."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from aggregator.publish.atom import build_feed
from aggregator.serve.links import feed_links
from aggregator.serve.server import serve
from tests.publish_records import build_as, make_frame, make_item, make_twin

HUBS = ("https://hub.example/", "https://other.example/push?a=1&b=2")
SELF = "https://news.example/planet/feeds/%E6%96%B0%E5%AA%92%E4%BD%93.atom"
SAID = (f'<{SELF}>; rel="self"', '<https://hub.example/>; rel="hub"', '<https://other.example/push?a=1&b=2>; rel="hub"')
RSS = b"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:atom="http://www.w3.org/2005/Atom" version="2.0"><channel><title>"items": {</title><link>https://news.example/</link>
<atom:link rel="hub" href='https://hub.example/'/><atom:link href="%s" rel="self" type="application/rss+xml"/>
<item><atom:link rel="hub" href="https://not.this.example/"/></item></channel></rss>"""
JSON = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": '<link rel="hub" href="https://no.example/"> "items": ',
    "feed_url": SELF,
    "hubs": [{"type": "WebSub", "url": hub} for hub in HUBS],
    "items": [{"id": "1", "hubs": [{"type": "WebSub", "url": "https://not.this.example/"}]}],
}


def atom() -> bytes:
    """Return an Atom feed that names two hubs."""
    return build_feed(make_frame(hubs=HUBS), [make_item(1)], source_order={}).content


def ask(port: int, *lines: bytes) -> list[bytes]:
    """Send one request over a raw socket; return the lines of the answer's head."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"\r\n".join((*lines, b"Host: x", b"Connection: close", b"", b"")))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    return answer.partition(b"\r\n\r\n")[0].split(b"\r\n")


@pytest.mark.parametrize(
    "content", [atom(), json.dumps(JSON).encode(), json.dumps(JSON, ensure_ascii=False, indent=1).encode()]
)
def test_self_and_hubs_are_found(content: bytes) -> None:
    """The feed's own address and each of its hubs are found in its head, and nothing that stands in an entry."""
    assert feed_links(content) == SAID


@pytest.mark.parametrize("format_", ["rss", "json"])
def test_every_format_says_it(format_: str) -> None:
    """What we publish as RSS or JSON Feed is found to name its own address and the same hubs."""
    content, _ = build_as(format_, make_item(1), hubs=HUBS)

    assert feed_links(content) == (f'<{make_twin(format_).self_link}>; rel="self"', *SAID[1:])


def test_rss_says_it_in_atom_links() -> None:
    """An RSS feed says it in elements of Atom's, in any order and with either kind of quotes."""
    assert feed_links(RSS % SELF.encode()) == SAID[:2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"<feed/>",
        b'{"feed_url": "https://a.example/" , "hubs": [}]',
        b'{"feed_url": 7, "hubs": [{"url": 7}, 8]}',
        b'<feed><link rel="self" href="javascript:alert(1)"/></feed>',
        b'<feed><link rel="self" href="/feeds/all.atom"/><link rel="hub"/></feed>',
        b"<feed>" + b" " * 70_000 + b'<link rel="self" href="https://far.example/"/></feed>',
    ],
)  # fmt: skip
def test_what_says_nothing_has_no_header(content: bytes) -> None:
    """A document without an address that can be used has no Link header, whatever it is."""
    assert feed_links(content) == ()


@pytest.mark.parametrize("bad", ["\r\nX: y", "> ; rel=evil, <https://b.example/", '"', "\u202e", "&#13;&#10;X: y"])
def test_no_document_writes_a_header_of_its_own(bad: str) -> None:
    """What an address holds beyond an address is percent-encoded, so that a file cannot say more than where it is."""
    content = (
        f"<feed><link rel='self' href='https://a.example/{bad.replace('>', '&gt;').replace('<', '&lt;')}'/></feed>".encode()
    )
    [link] = feed_links(content)

    assert link.startswith("<https://a.example/")
    assert link.endswith('>; rel="self"')
    assert not set(link[1 : -len('>; rel="self"')]) & set('<>"\r\n ')
    assert link.isascii()


def test_a_hostile_head_costs_nothing() -> None:
    """A head made to send a search in circles is read within a moment."""
    began = time.monotonic()
    for piece in (b"<link ", b'"hubs":[', b'"feed_url":"\\', b"<a:", b'rel="hub" '):
        feed_links(b"<feed>" + piece * 10_000)
        feed_links(b"{" + piece * 10_000)

    assert time.monotonic() - began < 1


def test_the_server_says_what_the_feed_says(tmp_path: Path) -> None:
    """GET, HEAD and 304 carry the Link headers of the feed (WebSub §4); the index and the list have none."""
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "x.atom").write_bytes(atom())
    (tmp_path / "feeds" / "index.opml").write_bytes(b"<opml version='2.0'/>")
    os.utime(tmp_path / "feeds" / "x.atom", (1, 1))
    with serve(tmp_path) as server:
        whole = ask(server.port, b"GET /feeds/x.atom HTTP/1.1")
        head = ask(server.port, b"HEAD /feeds/x.atom HTTP/1.1")
        [tag] = [line.partition(b": ")[2] for line in whole if line.lower().startswith(b"etag: ")]
        same = ask(server.port, b"GET /feeds/x.atom HTTP/1.1", b"If-None-Match: " + tag)
        others = [ask(server.port, b"GET " + path + b" HTTP/1.1") for path in (b"/", b"/feeds/index.opml", b"/feeds/none.atom")]

    assert [answer[0].split()[1] for answer in (whole, head, same)] == [b"200", b"200", b"304"]
    for answer in (whole, head, same):
        found = [line.partition(b": ")[2] for line in answer if line.lower().startswith(b"link:")]
        assert found == [link.encode() for link in SAID]
    assert not [line for answer in others for line in answer if line.lower().startswith(b"link:")]
