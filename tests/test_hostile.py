"""Bodies that kill, stall or fill a careless reader, beside good sources, through the whole command."""

from __future__ import annotations

import gzip
import os
import subprocess
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.conftest import need
from tests.upstream import Folder, Page, Upstream, item, rss


def _entity_chain() -> bytes:
    """A chain of entities, each naming the one before: expat before 2.7 overflows its stack on it."""
    chain = "".join(f'<!ENTITY e{number} "&e{number - 1};">' for number in range(1, 24_000))
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY e0 "x">{chain}]>'
    return f'{head}<rss version="2.0"><channel><title>&e23999;</title></channel></rss>'.encode()


def _drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    with suppress(OSError):
        for _ in range(60):
            handler.wfile.write(b"<")
            time.sleep(0.5)


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b" " * 65536)


def _pages() -> dict[str, Page]:
    triple = gzip.compress(gzip.compress(gzip.compress(bytes(200 * 1024 * 1024), 9), 9), 9)
    return {
        "path": Page(body=b"/dev/zero"),
        "chain": Page(body=_entity_chain()),
        "newlines": Page(body=b"\n" * 65536 + rss(item(1))),
        "newlines-doctype": Page(body=b"<!DOCTYPE x" + b"\n" * 65536 + b">" + rss(item(1))),
        "gzips": Page(body=triple, headers={"Content-Encoding": "gzip, gzip, gzip"}),
        "bomb": Page(body=gzip.compress(bytes(300 * 1024 * 1024), 9), headers={"Content-Encoding": "gzip"}),
        "drip": Page(respond=_drip),
        "endless": Page(respond=_endless),
        "deep": Page(body=rss(f"<item><title>deep</title><description><![CDATA[{'<div>' * 100_000}]]></description></item>")),
        "wide": Page(body=rss(f"<item><title>wide</title>{'<category>c</category>' * 32_000}</item>")),
    }


@pytest.mark.family(5, 8)
@pytest.mark.timeout(300)
def test_hostile_bodies_cost_only_their_own_poll(tmp_path: Path) -> None:
    """Beside ten hostile bodies the good sources are published with exit 0, and each bad one is one clear line."""
    with Upstream() as upstream:
        for name, page in _pages().items():
            upstream.pages[f"/{name}"] = page
        for name in ("good1", "good2"):
            upstream.feed(f"/{name}", item(1) + item(2))
        folder = Folder(tmp_path / "project")
        folder.settings("fetch: {allow_private: [127.0.0.0/8], timeout: 4s, per_host: 20}")
        names = ["good1", *_pages(), "good2"]
        folder.sources_at({name: f"{upstream.address}/{name}" for name in names})
        done = folder.run("sync")

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    lines = {line.split()[1]: line for line in done.stderr.splitlines() if line.startswith(("✗", "✓"))}
    assert set(lines) >= set(names)
    failed = {name for name, line in lines.items() if line.startswith("✗")}
    assert failed >= {"path", "chain", "gzips", "bomb", "drip", "endless"}
    assert not failed & {"good1", "good2", "newlines"}
    assert "2 new" in lines["good1"]
    assert "2 new" in lines["good2"]
    print("\n".join(lines[name] for name in sorted(failed)))


@pytest.mark.post_row("R56")
@pytest.mark.timeout(300)
def test_a_full_disk_breaks_nothing(tmp_path: Path) -> None:
    """On a file system of 1 MiB a sync ends with 5 and what to do; on a larger one the next run finishes the work."""
    need("mount")
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False, capture_output=True
    ).returncode:
        pytest.skip("this machine does not let us mount a tmpfs")
    try:
        with Upstream() as upstream:
            for number in range(5):
                body = "<p>" + "words and words " * 1500 + "</p>"
                upstream.feed(f"/{number}", "".join(item(100 * number + entry, body=body) for entry in range(10)))
            folder = Folder(place / "project")
            folder.sources_at({f"s{number}": f"{upstream.address}/{number}" for number in range(5)})
            full = folder.run("sync")
            assert full.returncode == 5, full.stderr
            assert "Traceback" not in full.stderr
            assert "no space left" in full.stderr.lower() or "disk is full" in full.stderr
            assert folder.files("posts")
            assert all(content.endswith(b"</div>\n") for content in folder.files("posts").values())
            subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
            folder.sync()
            healed = folder.files()
            other = Folder(tmp_path / "large" / "project")
            other.sources_at({f"s{number}": f"{upstream.address}/{number}" for number in range(5)})
            other.sync()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)

    assert healed == other.files()
