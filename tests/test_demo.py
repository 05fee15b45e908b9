import calendar
import gzip
import http.client
import json
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import pytest
import yaml

from aggregator.demo.feeds import FAILING_PATH, FEEDS, MOVED_PATH, MOVED_TO, DemoFeed, render_feed
from aggregator.demo.media import HEIGHT, WIDTH, draw_png, draw_svg, play_wav
from aggregator.demo.project import write_project
from aggregator.demo.upstream import Upstream, is_known

BASE = datetime(2026, 3, 14, tzinfo=UTC)
HERE = "http://127.0.0.1:9"
XML_FEEDS = [feed for feed in FEEDS if not feed.file.endswith(".json")]
HOSTILE = next(feed for feed in FEEDS if feed.file == "workshop.xml")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """The demo's upstream with a fixed date."""
    with Upstream(base=BASE) as running:
        yield running


def _get(
    upstream: Upstream, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(upstream.address).netloc, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def _parse(feed: DemoFeed) -> feedparser.FeedParserDict:
    return feedparser.parse(render_feed(feed, here=HERE, base=BASE), response_headers={"content-type": feed.type})


@pytest.mark.parametrize("feed", XML_FEEDS, ids=lambda feed: feed.file)
def test_every_xml_feed_is_well_formed_and_complete(feed: DemoFeed) -> None:
    """A reader takes each feed without complaint and finds as many dated, titled entries as stated."""
    parsed = _parse(feed)

    assert not parsed.bozo
    assert len(parsed.entries) == feed.entries
    assert all(entry.title and entry.link.startswith(HERE) for entry in parsed.entries)
    dates = [entry.get("published_parsed") or entry.updated_parsed for entry in parsed.entries]
    newest, oldest = BASE.timestamp(), (BASE - timedelta(days=6)).timestamp()
    assert all(oldest < calendar.timegm(date) < newest for date in dates)


def test_the_json_feed_is_json() -> None:
    """The JSON Feed is valid JSON of version 1.1 with the stated number of items."""
    [feed] = [feed for feed in FEEDS if feed not in XML_FEEDS]
    document = json.loads(render_feed(feed, here=HERE, base=BASE))

    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert len(document["items"]) == feed.entries
    assert document["items"][-1]["attachments"][0]["size_in_bytes"] == len(play_wav("done.wav"))


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.file)
def test_no_token_is_left_and_the_same_input_gives_the_same_bytes(feed: DemoFeed) -> None:
    """A feed is a function of address and date, with every token filled in."""
    body = render_feed(feed, here=HERE, base=BASE)

    assert b"@{" not in body
    assert render_feed(feed, here=HERE, base=BASE) == body
    assert render_feed(feed, here=HERE, base=BASE + timedelta(days=1)) != body


def test_dates_stand_before_the_base_in_their_own_zone() -> None:
    """An age is subtracted from the base, and a zone changes the writing, not the instant."""
    evening = next(feed for feed in FEEDS if feed.file == "evening.xml")
    text = render_feed(evening, here=HERE, base=BASE).decode("gbk")

    assert "<pubDate>Sat, 14 Mar 2026 06:00:00 +0800</pubDate>" in text
    assert _parse(evening).entries[0].published_parsed[:5] == (2026, 3, 13, 22, 0)


def test_the_hostile_feed_is_hostile() -> None:
    """The titles that the demo is about are there as a parser sees them."""
    titles = [entry.title for entry in _parse(HOSTILE).entries]

    assert "Double braces: {{ 7*7 }} stays {{ 7*7 }}, never 49" in titles
    assert "{% raw %} {# {{< x >}}" in titles
    assert "---" in titles
    assert any(len(title) == 90 and title.startswith("从前") for title in titles)
    assert any("\u202e" in title for title in titles)
    assert any("👩‍👩‍👧‍👦" in title for title in titles)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.file)
def test_a_feed_is_served_with_validators_and_known_by_each_of_them(upstream: Upstream, feed: DemoFeed) -> None:
    """A second request with either validator is answered 304 without a body."""
    status, headers, body = _get(upstream, feed.path)
    assert (status, headers["content-type"]) == (200, feed.type)
    assert body == render_feed(feed, here=upstream.address, base=BASE)

    for name, value in (("If-None-Match", headers["etag"]), ("If-Modified-Since", headers["last-modified"])):
        status, again, body = _get(upstream, feed.path, {name: value})
        assert (status, body, again["etag"]) == (304, b"", headers["etag"])


def test_gzip_is_sent_when_asked_for_and_head_has_no_body(upstream: Upstream) -> None:
    """The gzipped form is the same document; HEAD states the length and sends nothing."""
    _, _, plain = _get(upstream, FEEDS[0].path)
    _, headers, zipped = _get(upstream, FEEDS[0].path, {"Accept-Encoding": "gzip"})
    status, head, nothing = _get(upstream, FEEDS[0].path, method="HEAD")

    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped) == plain
    assert (status, int(head["content-length"]), nothing) == (200, len(plain), b"")


def test_one_source_fails_and_one_has_moved(upstream: Upstream) -> None:
    """The attic answers 503 with a wait, the observatory's old address 301 with the new one."""
    status, headers, _ = _get(upstream, FAILING_PATH)
    assert (status, headers["retry-after"]) == (503, "600")

    status, headers, _ = _get(upstream, MOVED_PATH)
    assert (status, headers["location"]) == (301, MOVED_TO)


def test_pictures_chimes_and_pages_of_the_feeds_are_there(upstream: Upstream) -> None:
    """Every picture, sound and link of the well-behaved feeds answers 200 with its type."""
    addresses = set()
    for feed in XML_FEEDS:
        if feed is not HOSTILE:
            for entry in _parse(feed).entries:
                addresses |= {link.href for link in entry.links}
    assert len(addresses) > 40
    for address in addresses:
        status, headers, body = _get(upstream, address.removeprefix(HERE))
        assert (status, bool(body)) == (200, True), address
        assert headers["content-type"].startswith("audio/wav" if address.endswith(".wav") else "text/html")
    assert _get(upstream, "/pictures/fog.png")[1]["content-type"] == "image/png"
    assert _get(upstream, "/icons/toolbox.svg")[1]["content-type"] == "image/svg+xml"
    assert _get(upstream, "/../etc/passwd%00")[0] == 404


def test_a_picture_is_a_png_of_the_stated_size() -> None:
    """The header carries width, height and a right checksum; the pixels inflate to that many rows."""
    data = draw_png("fog.png")
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT")
    [length] = struct.unpack(">I", data[start - 4 : start])

    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert (width, height) == (WIDTH, HEIGHT)
    assert struct.unpack(">I", data[29:33]) == (zlib.crc32(data[12:29]),)
    assert len(zlib.decompress(data[start + 4 : start + 4 + length])) == HEIGHT * (WIDTH + 1)
    assert draw_png("fog.png") != draw_png("seal.png")


def test_a_badge_and_a_chime_are_what_they_say() -> None:
    """The SVG shows the first letter; the RIFF header counts its bytes."""
    chime = play_wav("done.wav")

    assert b">T</text>" in draw_svg("toolbox.svg")
    assert chime[:4] == b"RIFF"
    assert struct.unpack("<I", chime[4:8]) == (len(chime) - 8,)
    assert len(set(chime[44:])) > 20


@pytest.mark.parametrize(
    ("tags", "since", "known"),
    [
        ('"a"', None, True),
        ('W/"b", W/"a"', None, True),
        ("*", None, True),
        ('"b"', "Sat, 14 Mar 2026 00:00:00 GMT", False),
        (None, "Sat, 14 Mar 2026 00:00:00 GMT", True),
        (None, "Fri, 13 Mar 2026 23:59:59 GMT", False),
        (None, "yesterday", False),
        (None, None, False),
    ],
)
def test_the_tag_decides_and_the_date_only_without_one(*, tags: str | None, since: str | None, known: bool) -> None:
    """Conditions are looked at in the order of RFC 9110 §13.2.2."""
    assert is_known(tags=tags, since=since, etag='W/"a"', modified=BASE) is known


def test_the_project_polls_every_source_of_the_upstream(tmp_path: Path) -> None:
    """Ten sources, each at an address that the upstream knows."""
    write_project(tmp_path, upstream=HERE, site="http://127.0.0.1:8080/")
    sources: dict[str, dict[str, str]] = {}
    for path in (tmp_path / "config" / "sources").iterdir():
        sources |= yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    addresses = {source["feed"].replace("rsshub:", f"{HERE}/rsshub") for source in sources.values()}
    paths = {urlsplit(address).path for address in addresses}

    assert len(sources) == 10
    assert paths == {feed.path for feed in FEEDS} - {MOVED_TO} | {FAILING_PATH, MOVED_PATH}
