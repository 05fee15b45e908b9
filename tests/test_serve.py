"""What the server gives out of a public folder, and what it refuses."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urljoin

import pytest

from aggregator.serve.server import Server, serve
from aggregator.serve.tree import PublicTree
from tests.public_folder import FEED, MODIFIED, get, make_public


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return a public folder with three feeds and their list, beside files that nobody may have."""
    return make_public(tmp_path)


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    """Return a running server of that folder."""
    with serve(public) as running:
        yield running


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
    response, body = get(server, "/feeds/%E6%96%B0%E5%AA%92%E4%BD%93/zaker.atom?utm=x")

    assert (response.status, body) == (200, FEED)
    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert re.fullmatch(r'"[0-9a-f]{32}"', response.headers["ETag"])
    assert response.headers["Last-Modified"] == formatdate(MODIFIED, usegmt=True)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; ")
    assert response.headers["Content-Security-Policy"].endswith("; sandbox")
    assert response.headers["Content-Length"] == str(len(FEED))
    assert "Python" not in response.headers["Server"]


def test_a_page_is_the_same_bytes_under_a_type_that_browsers_show(server: Server) -> None:
    """Only who goes to a feed as to a page gets it as XML; caches are told, and each of the two has its own tag."""
    reader, bytes_read = get(server, "/feeds/all.atom", Sec_Fetch_Dest="empty")
    page, bytes_shown = get(server, "/feeds/all.atom", Sec_Fetch_Dest="document")

    assert bytes_shown == bytes_read
    assert reader.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert page.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert reader.headers["Vary"] == page.headers["Vary"] == "Accept-Encoding, Sec-Fetch-Dest"
    assert reader.headers["ETag"] != page.headers["ETag"]
    assert re.fullmatch(r'"[^"]+"', page.headers["ETag"])


@pytest.mark.parametrize(("asked_as", "status"), [("document", 304), ("empty", 200)])
def test_the_tag_of_a_page_is_good_for_pages(server: Server, asked_as: str, status: int) -> None:
    """What a browser has as a page is current as a page, and says nothing of the feed; a 304 names Vary too."""
    tag = get(server, "/feeds/all.atom", Sec_Fetch_Dest="document")[0].headers["ETag"]
    answer, _ = get(server, "/feeds/all.atom", Sec_Fetch_Dest=asked_as, If_None_Match=tag)

    assert (answer.status, answer.headers["Vary"]) == (status, "Accept-Encoding, Sec-Fetch-Dest")


def test_the_stylesheet_and_the_list_have_one_type(server: Server, public: Path) -> None:
    """What no person opens is the same for everybody."""
    (public / "feeds" / "style.css").write_bytes(b"feed { display: block }")
    style, _ = get(server, "/feeds/style.css", Sec_Fetch_Dest="style")
    listing, _ = get(server, "/feeds/index.opml", Sec_Fetch_Dest="document")

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
    response, body = get(server, f"/feeds/{name}")

    assert (response.status, response.headers["Content-Type"], body) == (200, kind, b"{}")
    assert response.headers["ETag"]


def test_json_that_is_no_feed_is_not_served(server: Server, public: Path) -> None:
    """The table of renamed feeds, and what else a site keeps as JSON, is nobody's business."""
    (public / "feeds" / "redirects.json").write_bytes(b"{}")
    (public / "data.json").write_bytes(b"{}")

    assert [get(server, path)[0].status for path in ("/feeds/redirects.json", "/data.json")] == [404, 404]


def test_list_is_served_as_opml(server: Server) -> None:
    """The OPML list has a type of its own."""
    response, _ = get(server, "/feeds/index.opml")

    assert (response.status, response.headers["Content-Type"]) == (200, "text/x-opml; charset=utf-8")


def test_head_is_get_without_the_body(server: Server) -> None:
    """HEAD answers with the headers of GET and no body, also for what is not there."""
    head, body = get(server, "/feeds/all.atom", "HEAD")
    whole, _ = get(server, "/feeds/all.atom")

    assert body == b""
    assert {name: value for name, value in head.getheaders() if name != "Date"} == {
        name: value for name, value in whole.getheaders() if name != "Date"
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
        ({"If_Modified_Since": formatdate(MODIFIED, usegmt=True)}, 304),
        ({"If_Modified_Since": formatdate(MODIFIED + 9, usegmt=True)}, 304),
        ({"If_Modified_Since": formatdate(MODIFIED - 1, usegmt=True)}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"If_Modified_Since": "Mon, 01 Jan 99999 00:00:00 GMT"}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": formatdate(MODIFIED, usegmt=True)}, 200),
        ({"If_None_Match": "TAG", "If_Modified_Since": formatdate(0, usegmt=True)}, 304),
    ],
)
def test_conditional_requests(server: Server, headers: dict[str, str], status: int) -> None:
    """A client that has the bytes gets 304 without a body; the tag beats the date; what is no date is ignored."""
    tag = get(server, "/feeds/all.atom")[0].headers["ETag"]

    response, body = get(server, "/feeds/all.atom", **{name: value.replace("TAG", tag) for name, value in headers.items()})

    assert response.status == status
    assert body == (b"" if status == 304 else FEED)
    assert response.headers["ETag"] == tag
    assert response.headers["Cache-Control"] == "no-cache"


def test_tag_follows_the_content(server: Server, public: Path) -> None:
    """The tag survives a rewrite with the same bytes and changes with them."""
    file = public / "feeds" / "all.atom"
    first = get(server, "/feeds/all.atom")[0].headers["ETag"]
    file.write_bytes(FEED)
    same = get(server, "/feeds/all.atom")[0].headers["ETag"]
    file.write_bytes(FEED + b" ")
    other = get(server, "/feeds/all.atom")[0].headers["ETag"]

    assert first == same != other


def test_fresh_file_has_no_date_yet(server: Server, public: Path) -> None:
    """A file that may still change within the second of its date goes out with a tag only, and is never 304 by date."""
    (public / "feeds" / "all.atom").write_bytes(FEED)
    response, _ = get(server, "/feeds/all.atom", If_Modified_Since=formatdate(usegmt=True))

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
        assert _raw(server, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n").endswith(FEED)
    assert _status(_raw(server, b"GET http://evil.example HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    """Any other method gets 405 with the methods that work, and the connection ends before its body."""
    response, _ = get(server, "/feeds/all.atom", method)

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


def test_a_former_address_leads_on(server: Server, public: Path) -> None:
    """Where a category was renamed the old address answers 301, also conditionally; the page names the feed once."""
    (public / "feeds" / "alt.atom").write_bytes(FEED)
    (public / "feeds" / "redirects.json").write_text('{"feeds/alt.atom": "feeds/新媒体.atom"}', "utf-8")
    answer, body = get(server, "/feeds/alt.atom", If_None_Match="*")

    address = "/feeds/%E6%96%B0%E5%AA%92%E4%BD%93.atom"
    assert (answer.status, urljoin("/feeds/alt.atom", answer.getheader("Location", ""))) == (301, address)
    assert (answer.getheader("Cache-Control"), body.decode()) == ("no-cache", f"301 it is at {address} now\n")
    assert [feed.path for feed in PublicTree(public).feeds()] == [
        "feeds/all.atom",
        "feeds/新媒体.atom",
        "feeds/新媒体/zaker.atom",
    ]
    assert get(server, "/feeds/redirects.json")[0].status == 404


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
    answer, body = get(server, "/feeds/all.atom")

    assert (answer.status, body) == (200, FEED)


def test_readers_see_whole_files_during_rebuilds(server: Server, public: Path) -> None:
    """While a file is replaced over and over, every answer is one whole version of it."""
    file = public / "feeds" / "all.atom"
    stop = threading.Event()

    def rebuild() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            draft = file.with_name(".draft")
            draft.write_bytes(FEED + str(number).encode() * 20_000)
            draft.replace(file)

    writer = threading.Thread(target=rebuild)
    writer.start()
    try:
        for _ in range(100):
            response, body = get(server, "/feeds/all.atom")
            assert response.status == 200
            tail = body.removeprefix(FEED)
            assert tail == tail[: len(tail) // 20_000] * 20_000
    finally:
        stop.set()
        writer.join()
