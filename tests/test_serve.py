"""The server: what it serves, what it refuses, and that nobody can hold it up."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from email.utils import formatdate
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from aggregator.errors import AggregatorError
from aggregator.serve.page import render_index
from aggregator.serve.server import Server, serve
from aggregator.serve.tree import Listed, PublicTree
from tests.publish_records import make_frame, make_item

_FEED = b"<feed><title>\xe6\x96\xb0\xe5\xaa\x92\xe4\xbd\x93 &amp; co</title><entry><title>no</title></entry></feed>"
_MODIFIED = 1_767_225_600


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return a public folder with three feeds and their list, beside files that nobody may have."""
    folder = tmp_path / "public"
    (folder / "feeds" / "新媒体").mkdir(parents=True)
    for name in ("all.atom", "新媒体.atom", "新媒体/zaker.atom"):
        (folder / "feeds" / name).write_bytes(_FEED)
        os.utime(folder / "feeds" / name, (_MODIFIED, _MODIFIED))
    (folder / "feeds" / "index.opml").write_bytes(b"<opml version='2.0'/>")
    (folder / "feeds" / "notes.txt").write_text("private")
    (folder / "feeds" / ".hidden.atom").write_text("private")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.atom").write_text("private")
    (tmp_path / "secret.atom").write_text("private")
    (folder / "feeds" / "out.atom").symlink_to(tmp_path / "secret.atom")
    (folder / "feeds" / "loop.atom").symlink_to(folder / "feeds" / "loop.atom")
    (folder / "feeds" / "folder.atom").mkdir()
    return folder


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    """Return a running server of that folder."""
    with serve(public) as running:
        yield running


def _ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def _raw(server: Server, request: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_feed_is_served_as_it_lies_there(server: Server) -> None:
    """A feed goes out byte for byte, with its type, a strong tag, its date and nothing for a browser to guess."""
    response, body = _ask(server, "/feeds/%E6%96%B0%E5%AA%92%E4%BD%93/zaker.atom?utm=x")

    assert (response.status, body) == (200, _FEED)
    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert re.fullmatch(r'"[0-9a-f]{32}"', response.headers["ETag"])
    assert response.headers["Last-Modified"] == formatdate(_MODIFIED, usegmt=True)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; ")
    assert response.headers["Content-Security-Policy"].endswith("; sandbox")
    assert response.headers["Content-Length"] == str(len(_FEED))
    assert "Python" not in response.headers["Server"]


def test_a_page_is_the_same_bytes_under_a_type_that_browsers_show(server: Server) -> None:
    """Only who goes to a feed as to a page gets it as XML; caches are told, and each of the two has its own tag."""
    reader, bytes_read = _ask(server, "/feeds/all.atom", Sec_Fetch_Dest="empty")
    page, bytes_shown = _ask(server, "/feeds/all.atom", Sec_Fetch_Dest="document")

    assert bytes_shown == bytes_read
    assert reader.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert page.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert reader.headers["Vary"] == page.headers["Vary"] == "Accept-Encoding, Sec-Fetch-Dest"
    assert reader.headers["ETag"] != page.headers["ETag"]
    assert re.fullmatch(r'"[^"]+"', page.headers["ETag"])


@pytest.mark.parametrize(("asked_as", "status"), [("document", 304), ("empty", 200)])
def test_the_tag_of_a_page_is_good_for_pages(server: Server, asked_as: str, status: int) -> None:
    """What a browser has as a page is current as a page, and says nothing of the feed; a 304 names Vary too."""
    tag = _ask(server, "/feeds/all.atom", Sec_Fetch_Dest="document")[0].headers["ETag"]
    answer, _ = _ask(server, "/feeds/all.atom", Sec_Fetch_Dest=asked_as, If_None_Match=tag)

    assert (answer.status, answer.headers["Vary"]) == (status, "Accept-Encoding, Sec-Fetch-Dest")


def test_the_stylesheet_and_the_list_have_one_type(server: Server, public: Path) -> None:
    """What no person opens is the same for everybody."""
    (public / "feeds" / "style.css").write_bytes(b"feed { display: block }")
    style, _ = _ask(server, "/feeds/style.css", Sec_Fetch_Dest="style")
    listing, _ = _ask(server, "/feeds/index.opml", Sec_Fetch_Dest="document")

    assert (style.status, style.headers["Content-Type"], style.headers["Vary"]) == (
        200,
        "text/css; charset=utf-8",
        "Accept-Encoding",
    )
    assert (listing.headers["Content-Type"], listing.headers["Vary"]) == ("text/x-opml; charset=utf-8", "Accept-Encoding")


@pytest.mark.parametrize(
    ("name", "kind"), [("all.rss", "application/rss+xml; charset=utf-8"), ("all.json", "application/feed+json; charset=utf-8")]
)
def test_other_formats_are_served_as_what_they_are(server: Server, public: Path, name: str, kind: str) -> None:
    """RSS and JSON Feed have their own media types, and all else that an Atom file gets."""
    (public / "feeds" / name).write_bytes(b"{}")
    response, body = _ask(server, f"/feeds/{name}")

    assert (response.status, response.headers["Content-Type"], body) == (200, kind, b"{}")
    assert response.headers["ETag"]


def test_json_that_is_no_feed_is_not_served(server: Server, public: Path) -> None:
    """The table of renamed feeds, and what else a site keeps as JSON, is nobody's business."""
    (public / "feeds" / "redirects.json").write_bytes(b"{}")
    (public / "data.json").write_bytes(b"{}")

    assert [_ask(server, path)[0].status for path in ("/feeds/redirects.json", "/data.json")] == [404, 404]


def test_the_page_names_the_other_formats_beside_each_feed(server: Server, public: Path) -> None:
    """The Atom feed stands first, RSS and JSON are links after it, where there are such files."""
    (public / "feeds" / "all.rss").write_bytes(b"<rss/>")
    (public / "feeds" / "all.json").write_bytes(b"{}")
    page = _ask(server, "/")[1].decode().partition("<body>")[2]

    assert re.findall(r'href="(feeds/all\.[a-z]+)"', page) == ["feeds/all.atom", "feeds/all.rss", "feeds/all.json"]
    assert "zaker.rss" not in page


def test_list_is_served_as_opml(server: Server) -> None:
    """The OPML list has a type of its own."""
    response, _ = _ask(server, "/feeds/index.opml")

    assert (response.status, response.headers["Content-Type"]) == (200, "text/x-opml; charset=utf-8")


def test_head_is_get_without_the_body(server: Server) -> None:
    """HEAD answers with the headers of GET and no body, also for what is not there."""
    head, body = _ask(server, "/feeds/all.atom", "HEAD")
    get, _ = _ask(server, "/feeds/all.atom")

    assert body == b""
    assert {name: value for name, value in head.getheaders() if name != "Date"} == {
        name: value for name, value in get.getheaders() if name != "Date"
    }
    missing = _raw(server, b"HEAD /feeds/none.atom HTTP/1.1\r\nHost: x\r\n\r\n")
    assert _status(missing) == 404
    assert missing.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": "TAG"}, 304),
        ({"If_None_Match": "W/TAG"}, 304),
        ({"If_None_Match": '"x", TAG'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_None_Match": ""}, 200),
        ({"If_Modified_Since": formatdate(_MODIFIED, usegmt=True)}, 304),
        ({"If_Modified_Since": formatdate(_MODIFIED + 9, usegmt=True)}, 304),
        ({"If_Modified_Since": formatdate(_MODIFIED - 1, usegmt=True)}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"If_Modified_Since": "Mon, 01 Jan 99999 00:00:00 GMT"}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": formatdate(_MODIFIED, usegmt=True)}, 200),
        ({"If_None_Match": "TAG", "If_Modified_Since": formatdate(0, usegmt=True)}, 304),
    ],
)
def test_conditional_requests(server: Server, headers: dict[str, str], status: int) -> None:
    """A client that has the bytes gets 304 without a body; the tag beats the date; what is no date is ignored."""
    tag = _ask(server, "/feeds/all.atom")[0].headers["ETag"]

    response, body = _ask(server, "/feeds/all.atom", **{name: value.replace("TAG", tag) for name, value in headers.items()})

    assert response.status == status
    assert body == (b"" if status == 304 else _FEED)
    assert response.headers["ETag"] == tag
    assert response.headers["Cache-Control"] == "no-cache"


def test_tag_follows_the_content(server: Server, public: Path) -> None:
    """The tag survives a rewrite with the same bytes and changes with them."""
    file = public / "feeds" / "all.atom"
    first = _ask(server, "/feeds/all.atom")[0].headers["ETag"]
    file.write_bytes(_FEED)
    same = _ask(server, "/feeds/all.atom")[0].headers["ETag"]
    file.write_bytes(_FEED + b" ")
    other = _ask(server, "/feeds/all.atom")[0].headers["ETag"]

    assert first == same != other


def test_fresh_file_has_no_date_yet(server: Server, public: Path) -> None:
    """A file that may still change within the second of its date goes out with a tag only, and is never 304 by date."""
    (public / "feeds" / "all.atom").write_bytes(_FEED)
    response, _ = _ask(server, "/feeds/all.atom", If_Modified_Since=formatdate(usegmt=True))

    assert response.status == 200
    assert response.headers["Last-Modified"] is None
    assert response.headers["ETag"] is not None


@pytest.mark.parametrize(
    "target",
    [
        "/feeds/none.atom",
        "/feeds/",
        "/feeds",
        "/feeds/notes.txt",
        "/feeds/.hidden.atom",
        "/.git/x.atom",
        "/feeds/out.atom",
        "/feeds/loop.atom",
        "/feeds/folder.atom",
        "/../secret.atom",
        "/feeds/../../secret.atom",
        "/%2e%2e/secret.atom",
        "/feeds/%2e%2e/all.atom",
        "/feeds%2fall.atom",
        "/feeds%5Call.atom",
        "//feeds//all.atom/",
        "/feeds/all.atom/",
        "/feeds/all.atom%00",
        "/feeds/all.atom%00.opml",
        "/feeds/%ff.atom",
        "/%252e%252e/secret.atom",
        "/feeds/" + "a" * 5000 + ".atom",
        "feeds/all.atom",
        "*",
    ],
)
def test_nothing_else_is_there(server: Server, target: str) -> None:
    """Hidden files, other types, links out of the folder and every spelling of a way out of it are answered with 404."""
    answer = _raw(server, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert _status(answer) == 404
    assert b"private" not in answer
    assert b"text/plain" in answer
    assert b"nosniff" in answer


def test_absolute_form_is_understood(server: Server) -> None:
    """A request line with a whole address, as proxies send it, names the same file whatever host it claims."""
    for target in (b"http://evil.example/feeds/all.atom", b"HTTP://x/feeds/all.atom"):
        assert _raw(server, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n").endswith(_FEED)
    assert _status(_raw(server, b"GET http://evil.example HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    """Any other method gets 405 with the methods that work, and the connection ends before its body."""
    response, _ = _ask(server, "/feeds/all.atom", method)

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert response.headers["Connection"] == "close"


def test_unknown_method_and_broken_request(server: Server) -> None:
    """What is no HTTP is refused in plain text, without a traceback, and quotes nothing back as markup."""
    assert _status(_raw(server, b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n")) == 405
    assert _status(_raw(server, b"GET / HTTP/9.x\r\n\r\n")) == 400
    assert b"text/html" not in _raw(server, b"<script> / HTTP/1.1\r\n\r\n")


def test_body_of_a_get_is_never_read_as_a_request(server: Server) -> None:
    """A body that looks like a request gets no answer of its own."""
    smuggled = b"GET /feeds/none.atom HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = _raw(server, b"GET /feeds/all.atom HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(smuggled) + smuggled)

    assert answer.count(b"HTTP/1.1 ") == 1


def test_connection_is_kept_for_the_next_request(server: Server) -> None:
    """One connection serves several requests, also after a 304."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        for headers in ({}, {"If-None-Match": "*"}, {}):
            connection.request("GET", "/feeds/all.atom", headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == (304 if headers else 200)
    finally:
        connection.close()


class _Links(HTMLParser):
    """Collect what a page links to and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "link":
            return  # names a feed to programs, or its own style
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def _links(page: bytes) -> _Links:
    parser = _Links()
    parser.feed(page.decode())
    parser.close()
    return parser


def test_index_names_every_feed(server: Server) -> None:
    """The page at / links every feed, all first, with its title, and each link works."""
    response, body = _ask(server, "/")
    page = _links(body)

    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self'; ")
    assert page.links == [
        "feeds/all.atom",
        "feeds/%E6%96%B0%E5%AA%92%E4%BD%93.atom",
        "feeds/%E6%96%B0%E5%AA%92%E4%BD%93/zaker.atom",
        "feeds/index.opml",
    ]
    assert page.text.count("新媒体 & co") == 3
    assert [_ask(server, f"/{link}")[0].status for link in page.links] == [200] * 4
    assert "private" not in page.text


def test_a_reader_finds_the_feed_of_everything_from_the_page(server: Server, public: Path) -> None:
    """Who gives a reader the address of the page is led to `all`, in every format that there is, and to no other feed."""
    (public / "feeds" / "all.json").write_bytes(b"{}")

    assert re.findall(
        r'<link rel="alternate" type="([^"]*)" title="([^"]*)" href="([^"]*)">', _ask(server, "/")[1].decode()
    ) == [
        ("application/atom+xml", "新媒体 &amp; co", "feeds/all.atom"),
        ("application/feed+json", "新媒体 &amp; co", "feeds/all.json"),
    ]


def test_the_feed_of_health_is_served_and_not_named(server: Server, public: Path) -> None:
    """Whoever runs the site knows the address of feeds/status.atom; the page for readers does not name it."""
    (public / "feeds" / "status.atom").write_bytes(_FEED)

    assert _ask(server, "/feeds/status.atom")[0].status == 200
    assert not [link for link in _links(_ask(server, "/")[1]).links if "status" in link]


def test_index_is_conditional_too(server: Server) -> None:
    """The page has a tag like everything else."""
    tag = _ask(server, "/")[0].headers["ETag"]

    assert _ask(server, "/", If_None_Match=tag)[0].status == 304


def test_index_escapes_names() -> None:
    """A feed's title and path are text on the page, whatever they hold, and the page has no script."""
    hostile = "</a><script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    page = _links(render_index([Listed(path=hostile + ".atom", title=hostile)], [hostile]))

    assert page.tags == {"html", "head", "meta", "title", "link", "body", "main", "h1", "p", "ul", "li", "a", "code"}
    assert hostile in page.text


def test_a_former_address_leads_on(server: Server, public: Path) -> None:
    """Where a category was renamed the old address answers 301, also conditionally; the page names the feed once."""
    (public / "feeds" / "alt.atom").write_bytes(_FEED)
    (public / "feeds" / "redirects.json").write_text('{"feeds/alt.atom": "feeds/新媒体.atom"}', "utf-8")
    answer, body = _ask(server, "/feeds/alt.atom", If_None_Match="*")

    address = "/feeds/%E6%96%B0%E5%AA%92%E4%BD%93.atom"
    assert (answer.status, urljoin("/feeds/alt.atom", answer.getheader("Location", ""))) == (301, address)
    assert (answer.getheader("Cache-Control"), body.decode()) == ("no-cache", f"301 it is at {address} now\n")
    assert [feed.path for feed in PublicTree(public).feeds()] == [
        "feeds/all.atom",
        "feeds/新媒体.atom",
        "feeds/新媒体/zaker.atom",
    ]
    assert _ask(server, "/feeds/redirects.json")[0].status == 404


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[]",
        b'{"feeds/all.atom": 1}',
        b'{"feeds/all.atom": "feeds/absent.atom"}',
        b'{"feeds/all.atom": "https://elsewhere.example/x.atom"}',
        b'{"feeds/all.atom": "//elsewhere.example/x.atom"}',
        b'{"feeds/all.atom": "feeds/../../secret.atom"}',
        b'{"feeds/all.atom": "feeds/all.atom"}',
        b"[" * 100_000,
    ],
)
def test_a_table_of_addresses_that_leads_nowhere_is_not_followed(server: Server, public: Path, said: bytes) -> None:
    """What is broken, points outside, to nothing or in a circle: the file that lies there is served."""
    (public / "feeds" / "redirects.json").write_bytes(said)
    answer, body = _ask(server, "/feeds/all.atom")

    assert (answer.status, body) == (200, _FEED)


def test_empty_folder_has_an_index(tmp_path: Path) -> None:
    """A folder that does not exist yet gives a page that says what to do."""
    with serve(tmp_path / "later") as server:
        response, body = _ask(server, "/")

    assert response.status == 200
    assert b"aggregator sync" in body


def test_title_is_the_feeds_own(public: Path) -> None:
    """The page shows the feed's title and not that of an entry; a file without one is named by its path."""
    (public / "feeds" / "odd.atom").write_bytes(b"\xff\xfe")
    titles = {feed.path: feed.title for feed in PublicTree(public).feeds()}

    assert titles["feeds/all.atom"] == "新媒体 & co"
    assert titles["feeds/odd.atom"] == "feeds/odd.atom"


def test_built_feed_is_listed_by_its_title(public: Path) -> None:
    """What publish writes, the page can name."""
    from aggregator.publish.atom import build_feed

    frame = make_frame(title="A & B <c>")
    (public / "feeds" / "ab.atom").write_bytes(build_feed(frame, [make_item()], source_order={}).content)

    assert "A & B <c>" in {feed.title for feed in PublicTree(public).feeds()}


def test_half_open_clients_hold_up_nobody(server: Server) -> None:
    """While a hundred clients say nothing, or half a request, others are served."""
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(100)]
    try:
        for client in clients[:50]:
            client.sendall(b"GET /feeds/all.atom HT")
        assert [_ask(server, "/feeds/all.atom")[0].status for _ in range(5)] == [200] * 5
    finally:
        for client in clients:
            client.close()


def test_silent_client_is_hung_up_on(public: Path) -> None:
    """A client that says nothing, or stops in the middle, is cut off when the server's patience ends."""
    with serve(public, patience=0.1) as server:
        for said in (b"", b"GET /feeds/all.atom HTTP/1.1\r\nHost:"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=120) as client:
                client.sendall(said)
                assert client.recv(1) == b""


def test_closing_does_not_wait_for_clients(public: Path) -> None:
    """Closing cuts off whoever is still connected, frees the port and ends every thread."""
    before = set(threading.enumerate())
    server = serve(public, patience=3600)
    port = server.port
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        client.sendall(b"GET /feeds/all.atom HTTP/1.1\r\n")
        assert _ask(server, "/feeds/all.atom")[0].status == 200
        server.close()
        server.close()
        assert client.recv(1) == b""
    finally:
        client.close()
    assert set(threading.enumerate()) <= before
    with serve(public, port=port) as again:
        assert again.port == port


def test_port_in_use_is_told(server: Server, public: Path) -> None:
    """A port that is taken is an error that names it and says what to do."""
    with pytest.raises(AggregatorError, match=rf"127\.0\.0\.1 port {server.port}: .*Choose another"):
        serve(public, port=server.port)
    with pytest.raises(AggregatorError, match="port 70000"):
        serve(public, port=70000)


def test_only_this_machine_by_default(server: Server) -> None:
    """Without being told otherwise the server listens on loopback only, and says where."""
    assert server.url == f"http://127.0.0.1:{server.port}/"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=5).close()


def test_readers_see_whole_files_during_rebuilds(server: Server, public: Path) -> None:
    """While a file is replaced over and over, every answer is one whole version of it."""
    file = public / "feeds" / "all.atom"
    stop = threading.Event()

    def rebuild() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            draft = file.with_name(".draft")
            draft.write_bytes(_FEED + str(number).encode() * 20_000)
            draft.replace(file)

    writer = threading.Thread(target=rebuild)
    writer.start()
    try:
        for _ in range(100):
            response, body = _ask(server, "/feeds/all.atom")
            assert response.status == 200
            tail = body.removeprefix(_FEED)
            assert tail == tail[: len(tail) // 20_000] * 20_000
    finally:
        stop.set()
        writer.join()


def test_wait_ends_when_the_server_is_closed(public: Path) -> None:
    """Whoever waits for the server goes on when another thread closes it."""
    server = serve(public)
    waiter = threading.Thread(target=server.wait)
    waiter.start()
    server.close()
    waiter.join(timeout=10)

    assert not waiter.is_alive()


def test_ipv6_loopback(public: Path) -> None:
    """The server can listen on ::1, where the machine has it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with serve(public, host="::1") as server:
        answer: Any
        with socket.create_connection(("::1", server.port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = client.recv(15)

    assert answer.startswith(b"HTTP/1.1 200")
    assert server.url.startswith("http://[::1]:")
