"""A public folder as a site may have it, and what asks a server of it."""

from __future__ import annotations

import os
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from aggregator.serve.server import Server

FEED = b"<feed><title>\xe6\x96\xb0\xe5\xaa\x92\xe4\xbd\x93 &amp; co</title><entry><title>no</title></entry></feed>"
MODIFIED = 1_767_225_600


def make_public(tmp_path: Path) -> Path:
    """Make a public folder with three feeds and their list, beside files that nobody may have."""
    folder = tmp_path / "public"
    (folder / "feeds" / "新媒体").mkdir(parents=True)
    for name in ("all.atom", "新媒体.atom", "新媒体/zaker.atom"):
        (folder / "feeds" / name).write_bytes(FEED)
        os.utime(folder / "feeds" / name, (MODIFIED, MODIFIED))
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


def get(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    """Ask once, with headers whose names have _ for -."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()
