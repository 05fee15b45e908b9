"""The demo's own feeds, read by a real feed reader."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from lxml import etree

from aggregator.serve.server import serve
from tests.conftest import need

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def _ours(feed: Path) -> dict[str, tuple[object, ...]]:
    """Return id -> title, link, instant, enclosure of each entry, read with lxml."""
    found: dict[str, tuple[object, ...]] = {}
    for entry in etree.parse(feed).getroot().iterfind("a:entry", ATOM):
        links = {link.get("rel"): link for link in entry.iterfind("a:link", ATOM)}
        enclosure = links.get("enclosure")
        found[str(entry.findtext("a:id", namespaces=ATOM))] = (
            entry.findtext("a:title", namespaces=ATOM),
            links["alternate"].get("href"),
            datetime.fromisoformat(str(entry.findtext("a:published", namespaces=ATOM))).timestamp(),
            (enclosure.get("href"), enclosure.get("type")) if enclosure is not None else ("", ""),
        )
    return found


@pytest.mark.timeout(200)
def test_newsboat_reads_every_feed_of_the_demo(tmp_path: Path) -> None:
    """Titles, dates, links, enclosures and ids in newsboat's own database equal ours, in every category feed."""
    need("newsboat")
    root, home = tmp_path / "demo", tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "aggregator", "demo", "--once", "--keep", str(root)]
    subprocess.run(command, check=True, capture_output=True, timeout=300, env=environment)
    feeds = sorted((root / "public").rglob("*.atom"))
    assert len(feeds) == 14
    total = 0
    server = serve(root / "public", host="127.0.0.1", port=0)
    try:
        for number, feed in enumerate(feeds):
            # A cache of its own for each: newsboat keeps an entry that stands in several feeds under the last of them only.
            theirs = _theirs(home / str(number), server.url + quote(feed.relative_to(root / "public").as_posix()), environment)
            assert theirs == _ours(feed), feed.name
            total += len(theirs)
    finally:
        server.close()
    assert total > 100


def _theirs(place: Path, address: str, environment: dict[str, str]) -> dict[str, tuple[object, ...]]:
    """Let newsboat fetch one feed; return what is in its database."""
    place.mkdir()
    (place / "urls").write_text(f"{address}\n", "utf-8")
    words = [need("newsboat"), "-u", str(place / "urls"), "-c", str(place / "cache.db"), "-C", "/dev/null", "-x", "reload"]
    subprocess.run(words, check=True, env=environment, timeout=300, capture_output=True)
    with closing(sqlite3.connect(place / "cache.db")) as cache:
        rows = cache.execute("select guid, title, url, pubDate, enclosure_url, enclosure_type from rss_item").fetchall()
    return {row[0]: (row[1], row[2], row[3], (row[4], row[5])) for row in rows}
