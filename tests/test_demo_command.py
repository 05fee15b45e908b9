import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import feedparser
import frontmatter
import pytest
from click.testing import CliRunner
from lxml import etree

from aggregator.cli import cli
from aggregator.demo.feeds import FEEDS

ENTRIES = {
    "zaker-channel-13": 7,
    "qingshi-evening": 6,
    "orchard-notes": 6,
    "toolbox": 5,
    "harbour-gazette": 5,
    "reading-oasis": 5,
    "quiet-minutes": 5,
    "sternwarte": 5,
    "breaking-workshop": 10,
}


@contextmanager
def _demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command as a person would, with a home and a place for temporary files that are empty."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONUTF8": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "aggregator", "demo", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _left_behind(folder: Path) -> list[Path]:
    return [path for name in ("home", "tmp") for path in (folder / name).iterdir()]


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as response:  # noqa: S310 - printed by the demo itself
        body: bytes = response.read()
        return body


def test_once_makes_a_post_for_every_entry_and_a_feed_for_every_category(tmp_path: Path) -> None:
    """The kept project holds every entry of the nine healthy sources, and feeds that a reader takes."""
    root = tmp_path / "kept"
    with _demo(tmp_path, "--once", "--keep", str(root)) as process:
        out, err = process.communicate(timeout=300)

    assert process.returncode == 0, err
    posts: list[Any] = [frontmatter.load(str(path)).metadata for path in (root / "posts").rglob("*.md")]
    assert Counter(post["source"]["id"] for post in posts) == ENTRIES
    assert sum(ENTRIES.values()) == sum(feed.entries for feed in FEEDS)
    feeds = {path.relative_to(root / "public/feeds").as_posix(): path for path in (root / "public").rglob("*.atom")}
    assert {"all.atom", "new-media.atom", "new-media/zaker/channel.atom", "news.atom", "listening.atom"} <= set(feeds)
    for name, path in feeds.items():
        parsed = feedparser.parse(path.read_bytes())
        assert not parsed.bozo, name
        assert parsed.entries or name == "status.atom", name
    assert len(feedparser.parse(feeds["news.atom"].read_bytes()).entries) == 16
    casts = [entry for entry in feedparser.parse(feeds["listening.atom"].read_bytes()).entries if "itunes_episode" in entry]
    assert [(one.itunes_season, one.itunes_episode, one.itunes_duration, one.itunes_episodetype) for one in casts] == [
        *(("2", str(number), "2", "full") for number in (14, 13, 12, 11)),
        ("2", "10", "2", "bonus"),
    ]
    assert (root / "public/feeds/index.opml").is_file()
    assert "10 sources: 9 ok, 1 failed" in err
    assert "attic" in err
    assert f"{root}/" in out
    assert "channel.atom" in out
    assert _left_behind(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_demo_serves_three_addresses_until_it_is_ended(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Page, feed and list answer; Ctrl-C ends it well; nothing is left, and a taken port is no obstacle."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _demo(tmp_path, "--port", str(port)) as process:
            assert process.stdout is not None
            words, addresses = zip(*(process.stdout.readline().split() for _ in range(3)), strict=True)
            page, feed, opml = (_read(address) for address in addresses)
            process.send_signal(number)
            out, err = process.communicate(timeout=120)

    assert words == ("page", "feed", "list")
    assert b"feeds/all.atom" in page
    parsed = feedparser.parse(feed)
    assert len(parsed.entries) == 50
    # the feed names the address that it is really served at
    assert [link.href for link in parsed.feed.links if link.rel == "self"] == [addresses[1]]
    listed = [outline.get("xmlUrl") for outline in etree.fromstring(opml).iter("outline")]
    assert addresses[1] in listed
    assert f"port {port} is taken" in err
    assert process.returncode == code, err
    assert out == ""
    assert "Traceback" not in err
    assert _left_behind(tmp_path) == []


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """--keep never writes into a folder that is in use, nor over a file."""
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")

    for target, word in ((tmp_path, "is not empty"), (tmp_path / "mine.txt", "is a file")):
        result = CliRunner().invoke(cli, ["demo", "--once", "--keep", str(target)])
        assert result.exit_code == 2
        assert word in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
