"""A folder as `build --out` leaves it, and the web servers that the documentation shows, run on it as it says."""

from __future__ import annotations

import gzip
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggregator.publish.atom import build_feed
from aggregator.publish.style import STYLE
from tests.conftest import need
from tests.publish_records import make_frame, make_item

DOCS = Path(__file__).parents[1] / "docs" / "deployment.md"
FEED = build_feed(make_frame(), [make_item()], source_order={}).content
PAGE = b"<!DOCTYPE html><title>news</title>" + b"<p>the same again" * 100
FOLDER = "/srv/news/public"
_NGINX = """\
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server {{
    listen 127.0.0.1:{port};
{recipe}
  }}
}}
"""


def make_site(public: Path) -> None:
    """Write a site: two feeds, their style and list, pages, what pages load, and a packed copy beside some."""
    files = {
        "feeds/all.atom": FEED,
        "feeds/all.rss": FEED,
        "feeds/all.json": b"{}",
        "feeds/index.opml": b"<opml version='2.0'/>",
        "feeds/all.atom.xml": FEED,
        "feeds/新媒体/a.atom": FEED,
        "feeds/style.css": STYLE,
        "feeds/index.html": PAGE,
        "index.html": PAGE,
        "404.html": b"<p>lost",
        "static/0123.css": b"p {}",
        "static/0123.js": b"0",
        "robots.txt": b"User-agent: *\n",
    }
    for name, content in files.items():
        path = public / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in ("feeds/all.atom", "index.html"):
        (public / f"{name}.gz").write_bytes(gzip.compress(files[name], mtime=0))


def recipe(language: str, public: Path) -> str:
    """Return the block of the documentation, for this folder."""
    found = re.search(rf"^```{language}\n(.*?)^```$", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    assert FOLDER in found[1]
    return found[1].replace(FOLDER, str(public))


@contextmanager
def run_nginx(home: Path, public: Path, text: str | None = None) -> Iterator[int]:
    """Run nginx as the documentation says, or with another block; give its port."""
    command, port = need("nginx"), _free_port()
    (home / "nginx.conf").write_text(_NGINX.format(port=port, recipe=text or recipe("nginx", public)), "utf-8")
    # A root nginx gives its workers to `nobody`, who need not be allowed to read the folder.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    argv = [command, "-p", f"{home}/", "-c", "nginx.conf", "-e", "stderr", "-g", directives]
    checked = subprocess.run([*argv, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    with _running(argv, port, {}) as number:
        yield number


@contextmanager
def run_caddy(home: Path, public: Path) -> Iterator[int]:
    """Run Caddy as the documentation says, only without a certificate; give its port."""
    command, port = need("caddy"), _free_port()
    text = recipe("caddy", public)
    assert text.startswith("news.example {\n")
    options = "{\n  admin off\n  auto_https off\n}\n"
    (home / "Caddyfile").write_text(
        options + text.replace("news.example {", f"http://:{port} {{\n    bind 127.0.0.1", 1), "utf-8"
    )
    argv = [command, "run", "--config", str(home / "Caddyfile"), "--adapter", "caddyfile"]
    with _running(argv, port, {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home)}) as number:
        yield number


@contextmanager
def _running(argv: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    with subprocess.Popen(
        argv, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    ) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, f"it has ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.02)
        else:
            return
