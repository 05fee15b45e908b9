"""A site for a browser in tests: pages where they say that they lie, without a policy that would keep a script from running."""

from __future__ import annotations

import re
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from aggregator.pages import script, stylesheet
from tests.chromium import Chromium
from tests.page_samples import frame

_CANONICAL = re.compile(rb'rel="canonical" href="([^"]*)"')


class PageSite:
    """Listens on loopback and remembers what was asked for."""

    def __init__(self) -> None:
        """Begin with the stylesheet and the script."""
        self.asked: list[str] = []
        self._pages = {f"/static/{name}": content for name, content in (stylesheet(), script())}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                content = site._pages.get(self.path)
                kind = (
                    "text/css"
                    if self.path.endswith(".css")
                    else "text/javascript"
                    if self.path.endswith(".js")
                    else "text/html"
                )
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def show(self, browser: Chromium, content: bytes) -> None:
        """Open a page where it says that it lies."""
        found = _CANONICAL.search(content)
        path = unescape(found[1].decode()).removeprefix(frame().url.rstrip("/")) if found else "/no/such/page"
        self._pages[path] = content
        self.asked.clear()
        browser.open(self.url + path)
        browser.run("0")  # what was told meanwhile comes before the answer

    def __enter__(self) -> Self:
        """Serve until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
