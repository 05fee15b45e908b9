"""The nginx recipe of docs/deployment.md: the block as it stands there, in a real nginx."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from aggregator.publish.atom import build_feed
from aggregator.publish.style import STYLE
from tests.conftest import need
from tests.publish_records import make_frame, make_item

_DOCS = Path(__file__).parents[1] / "docs" / "deployment.md"
_FEED = build_feed(make_frame(), [make_item()], source_order={}).content
_CONF = """\
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


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run nginx as the documentation says, on a folder with two feeds."""
    command = need("nginx")
    home = tmp_path_factory.mktemp("nginx")
    public = home / "public"
    (public / "feeds" / "新媒体").mkdir(parents=True)
    for name in ("all.atom", "all.rss", "新媒体/a.atom"):
        (public / "feeds" / name).write_bytes(_FEED)
    (public / "feeds" / "style.css").write_bytes(STYLE)
    found = re.search(r"^```nginx\n(.*?)^```$", _DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    recipe = found[1].replace("/srv/news/public", str(public))
    assert recipe != found[1]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = int(probe.getsockname()[1])
    (home / "nginx.conf").write_text(_CONF.format(port=number, recipe=recipe), "utf-8")
    # A root nginx gives its workers to `nobody`, who need not be allowed to read the folder.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    argv = [command, "-p", f"{home}/", "-c", "nginx.conf", "-e", "stderr", "-g", directives]
    checked = subprocess.run([*argv, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(number)
            yield number
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "nginx does not answer"
            time.sleep(0.02)
        else:
            return


def _ask(port: int, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/feeds/all.atom", "/feeds/%E6%96%B0%E5%AA%92%E4%BD%93/a.atom", "/feeds/all.rss"])
def test_the_recipe_sends_pages_to_browsers_and_feeds_to_readers(port: int, path: str) -> None:
    """The same bytes come as a feed to readers and as XML to who opens a page, which may load its stylesheet alone."""
    reader, bytes_read = _ask(port, path)
    page, bytes_shown = _ask(port, path, Sec_Fetch_Dest="document")

    assert (reader.status, page.status, bytes_read) == (200, 200, _FEED)
    assert bytes_shown == bytes_read
    assert reader.headers["Content-Type"] == f"application/{path[-4:].strip('.')}+xml; charset=utf-8"
    assert page.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert reader.headers["Vary"] == page.headers["Vary"] == "Sec-Fetch-Dest"
    assert reader.headers["X-Content-Type-Options"] == page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; ")


def test_the_recipe_knows_current_pages(port: int) -> None:
    """A page that is unchanged costs a 304, as a feed does."""
    tag = _ask(port, "/feeds/all.atom", Sec_Fetch_Dest="document")[0].headers["ETag"]

    assert _ask(port, "/feeds/all.atom", Sec_Fetch_Dest="document", If_None_Match=tag)[0].status == 304


def test_the_recipe_serves_the_stylesheet(port: int) -> None:
    """The stylesheet has the type without which browsers refuse it."""
    answer, body = _ask(port, "/feeds/style.css", Sec_Fetch_Dest="style")

    assert (answer.headers["Content-Type"], body) == ("text/css; charset=utf-8", STYLE)


@pytest.mark.parametrize(
    "path", ["/page/feeds/all.atom", "/feeds/none.atom", "/feeds/../nginx.conf", "/page/feeds/..%2fx.atom"]
)
@pytest.mark.parametrize("asked_as", ["document", "empty"])
def test_the_recipe_has_no_other_door(port: int, path: str, asked_as: str) -> None:
    """The place where pages come from cannot be asked for from outside."""
    assert _ask(port, path, Sec_Fetch_Dest=asked_as)[0].status in {400, 404}
