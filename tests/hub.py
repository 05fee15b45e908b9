"""A WebSub hub on loopback: takes pings, and at each one fetches the topic at once, as hubs do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from tests.upstream import Folder


@dataclass(frozen=True, kw_only=True)
class Ping:
    """One request, and what the topic held at that moment."""

    form: dict[str, list[str]]
    headers: dict[str, str]
    path: str
    content: bytes | None  #: of the topic; None: there was none

    @property
    def topic(self) -> str:
        """Return the path of the topic on its site."""
        [address] = self.form["hub.url"]
        return address.split("/", 3)[3]


class Hub:
    """A hub that answers `status` (or what `respond` does) and remembers `pings`. A context manager."""

    def __init__(self, public: Path | None = None) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.respond: Callable[[Any, Ping], bool] | None = None  #: takes over the answer if it returns True
        self.pings: list[Ping] = []
        self.holds: dict[str, bytes | None] = {}  #: what subscribers were last sent of each topic
        self.public = public
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._take(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def topics(self) -> list[str]:
        """Return the paths that it was told of, sorted."""
        return sorted(ping.topic for ping in self.pings)

    def forget(self) -> None:
        """Forget what it was told."""
        self.pings.clear()

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        form = parse_qs(body.decode("ascii"), strict_parsing=True)
        name = form["hub.url"][0].split("/", 3)[3]
        file = self.public / name if self.public is not None else None
        content = file.read_bytes() if file is not None and file.exists() else None
        ping = Ping(form=form, headers=dict(handler.headers.items()), path=handler.path, content=content)
        self.pings.append(ping)
        if self.respond is not None and self.respond(handler, ping):
            handler.close_connection = True
            return
        if self.status < 300:
            self.holds[name] = content
        handler.send_response(self.status)
        for header, value in self.headers.items():
            handler.send_header(header, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


def with_hub(folder: Folder, *hubs: Hub | str, more: str = "") -> Folder:
    """Name these hubs in a project's settings."""
    addresses = ", ".join(f"'{hub if isinstance(hub, str) else hub.address}'" for hub in hubs)
    folder.settings(f"public: {{hubs: [{addresses}]{more}}}")
    return folder
