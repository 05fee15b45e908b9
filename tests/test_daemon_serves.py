"""The server beside a daemon's work: what `aggregator run` answers while it polls."""

from __future__ import annotations

import json

from tests.daemon_play import running
from tests.raw_http import Reply, ask
from tests.upstream import Folder, Upstream


def _port(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


def test_pages_and_status_follow_the_daemon(folder: Folder, upstream: Upstream) -> None:
    """Once the first round is over the pages show it; each request is a line of the log; a new title shows on the pages."""
    del upstream
    folder.settings("server: {metrics: true}")
    with running(folder, serves=True) as daemon:
        port = _port(daemon.wait_for_words("feeds are served at"))

        def get(target: str) -> Reply:
            return ask(port, target)

        assert get("/healthz").body == b"ok\n"
        daemon.wait_for_idle()
        daemon.wait(lambda: b">Entry 1<" in get("/").body.replace(b"\n", b""))
        assert get("/readyz").body == b"ready\n"
        assert {line["state"] for line in json.loads(get("/status.json").body)["lines"]} == {"ok"}
        assert b'aggregator_polls_total{outcome="news"} 2.0' in get("/metrics").body
        start = daemon.mark
        assert get("/feeds/all.atom?x=1").status == 200
        [line] = daemon.wait(
            lambda: [each for each in daemon.lines("request", since=start) if each["path"] == "/feeds/all.atom"]
        )
        assert (line["status"], line["level"]) == (200, "debug")
        settings = folder.root / "config" / "settings.yaml"
        settings.write_text(settings.read_text("utf-8").replace("Test site", "Another site"), "utf-8")
        daemon.wait_for_words("new configuration")
        daemon.wait(lambda: b"Another site" in get("/").body)
        assert b'aggregator_http_requests_total{status="2xx"}' in get("/metrics").body
