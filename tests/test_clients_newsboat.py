"""What newsboat, a reader that people use, makes of our feeds and of their list. Skipped where it is not installed."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from aggregator.model.output import OutputEntry, OutputFeed
from aggregator.model.settings import Site
from aggregator.publish.addresses import OPML_PATH
from aggregator.publish.atom import build_feed
from aggregator.publish.opml import render_opml
from aggregator.publish.select import published_id
from aggregator.serve.access import Access
from aggregator.serve.server import Server, serve
from tests.conftest import need
from tests.publish_records import NOON, SITE_ID, bare_item, make_frame, make_item

_ITEMS = (
    make_item(1),
    make_item(2, title="“引号” & <b>no markup</b> — ]]>"),
    make_item(3, id="12345"),
    bare_item(4),
    bare_item(5, published=None, first_seen=NOON),
)


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Return a public folder with one feed and the list."""
    folder = tmp_path / "public"
    _write(folder, make_frame(), _ITEMS)
    return folder


@pytest.fixture
def server(public: Path) -> Iterator[Server]:
    """Return a server of that folder."""
    with serve(public) as running:
        yield running


def _write(public: Path, frame: OutputFeed, items: tuple[OutputEntry, ...]) -> None:
    file = public / frame.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(build_feed(frame, items, source_order={}).content)


def _newsboat(home: Path, *arguments: str) -> str:
    """Run newsboat with a home and files of its own; returns what it said."""
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    command = [need("newsboat"), "-u", str(home / "urls"), "-c", str(home / "cache.db"), "-C", "/dev/null", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _reload(home: Path, server: Server) -> list[dict[str, object]]:
    """Let newsboat fetch the feed; returns its items, oldest first."""
    home.mkdir(exist_ok=True)
    (home / "urls").write_text(f"{server.url}{quote(make_frame().path)}\n")
    _newsboat(home, "-x", "reload")
    with closing(sqlite3.connect(home / "cache.db")) as cache:
        cache.row_factory = sqlite3.Row
        return [dict(row) for row in cache.execute("select * from rss_item order by id desc")]


def test_newsboat_reads_what_we_wrote(server: Server, tmp_path: Path) -> None:
    """Id, title, link, date, author, text and enclosure of every entry arrive as they left."""
    rows = {row["guid"]: row for row in _reload(tmp_path / "home", server)}

    assert set(rows) == {published_id(item) for item in _ITEMS}
    for item in _ITEMS:
        row, entry = rows[published_id(item)], item.entry
        assert row["title"] == entry.title
        assert row["url"] == entry.link
        assert row["pubDate"] == entry.date.timestamp()
        assert row["author"] == (entry.authors[0].name if entry.authors else entry.feed.title)
        assert row["content"] == entry.content
        assert row["enclosure_url"] == (entry.enclosures[0].href if entry.enclosures else "")
        assert row["enclosure_type"] == (entry.enclosures[0].type if entry.enclosures else "")


def test_newsboat_finds_nothing_new_in_the_same_feed(server: Server, tmp_path: Path) -> None:
    """Fetching an unchanged feed again adds nothing, and one new entry adds one."""
    home, public = tmp_path / "home", tmp_path / "public"
    assert len(_reload(home, server)) == len(_ITEMS)
    assert len(_reload(home, server)) == len(_ITEMS)
    _write(public, make_frame(), (*_ITEMS, make_item(9)))
    assert len(_reload(home, server)) == len(_ITEMS) + 1


def test_the_third_poll_of_newsboat_costs_a_304(public: Path, tmp_path: Path) -> None:
    """What has not changed is not sent again: our log says so, and newsboat's cache is as it was."""
    log: list[Access] = []
    with serve(public, log=log.append) as server:
        found = [_reload(tmp_path / "home", server) for _ in range(3)]

    assert [(entry.path, entry.method) for entry in log] == [(f"/{quote(make_frame().path)}", "GET")] * 3
    assert (log[0].status, log[2].status, log[2].sent) == (200, 304, 0)
    assert log[0].agent.startswith("newsboat/")
    assert found[0] == found[1] == found[2]


def test_newsboat_imports_our_list(tmp_path: Path) -> None:
    """Importing the OPML list subscribes to every feed once, under the folders of its category."""
    frames = [make_frame(category) for category in ((), ("新媒体",), ("新媒体", "早报"), ("编程",))]
    site = Site(id=SITE_ID, title="小站", url="https://news.example/")
    file = tmp_path / Path(OPML_PATH).name
    file.write_bytes(render_opml(site, frames))
    home = tmp_path / "home"
    home.mkdir()
    (home / "urls").touch()

    _newsboat(home, "-i", str(file))

    lines = (home / "urls").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [frame.self_link for frame in frames]
    assert [line.split()[1:] for line in lines] == [[], ['"新媒体"'], ['"新媒体"'], []]
