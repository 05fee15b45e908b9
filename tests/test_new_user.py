"""What a new user does: from nothing to a feed that newsboat shows, in four commands, and no file is opened in an editor."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import need
from tests.upstream import Page, Upstream, item, wait_until


class NewUser:
    """Somebody with an empty home, who types into bash what the README says."""

    def __init__(self, folder: Path) -> None:
        """Be at home in that folder."""
        self.folder = folder
        self.typed: list[str] = []
        program = folder / "bin" / "aggregator"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m aggregator "$@"\n', "utf-8")
        program.chmod(0o755)
        (folder / "home").mkdir()
        kept = {name: os.environ[name] for name in ("PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**kept, "PATH": path, "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}

    def type(self, command: str) -> str:
        """Run a command to its end and return what it said; it must not fail."""
        self.typed.append(command)
        words = ["bash", "-c", command]
        done = subprocess.run(
            words, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def keep_running(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Leave a command running; at the end of the block it is told to end."""
        self.typed.append(command)
        words = ["bash", "-c", f"exec {command}"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(words, cwd=self.folder, env=self._environment, stdout=quiet, stderr=quiet) as running:
            try:
                yield running
            finally:
                running.terminate()
                running.wait(timeout=20)


def _read(address: str) -> bytes:
    """Return what is there, and nothing while nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:  # noqa: S310 - our own server
            content: bytes = reply.read()
            return content
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.timeout(200)
def test_from_nothing_to_a_feed_in_newsboat_in_four_commands(tmp_path: Path, upstream: Upstream) -> None:
    """init, source add, run, newsboat: the entries of a site that names its feed only in its page are in the reader."""
    need("newsboat")
    upstream.feed("/blog.xml", item(1) + item(2, title="第二篇"))
    upstream.pages["/"] = Page(
        b'<!doctype html><title>A blog</title><link rel="alternate" type="application/rss+xml" href="/blog.xml">',
        headers={"Content-Type": "text/html"},
    )
    user, port = NewUser(tmp_path), _free_port()
    feed = f"http://127.0.0.1:{port}/feeds/all.atom"

    user.type("aggregator init news")
    # On loopback here, hence --allow-private; and nobody is there to answer, hence --yes.
    user.type(f"aggregator -C news source add {upstream.address}/ --yes --allow-private")
    settings = (tmp_path / "news/config/settings.yaml").read_bytes()
    with user.keep_running(f"aggregator -C news run --listen 127.0.0.1:{port}"):
        wait_until(lambda: b"<entry" in _read(feed), seconds=60)
        said = user.type(f"newsboat -u <(echo {feed}) -x reload print-unread")

    assert said.strip() == "2 unread articles"
    with closing(sqlite3.connect(next((tmp_path / "home").rglob("cache.db")))) as cache:
        assert sorted(title for (title,) in cache.execute("select title from rss_item")) == ["Entry 1", "第二篇"]
    assert len(user.typed) == 4
    assert (tmp_path / "news/config/settings.yaml").read_bytes() == settings
