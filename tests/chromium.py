"""A real browser for tests: headless Chromium, spoken to over two pipes (the DevTools protocol), so that nothing listens."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from tests.conftest import absent, need

_PATIENCE = 30.0
_MATURE = 110  #: the oldest version whose style sheets know what ours uses
_SWITCHES = (
    "--headless",
    "--no-sandbox",  # the tests of CI run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "about:blank",
)


class Chromium:
    """One running browser with one page; what the page said and asked for is kept since the last `open`."""

    def __init__(self, folder: Path) -> None:
        """Start it; `folder` is for its profile."""
        command = [need("chromium"), f"--user-data-dir={folder}", *_SWITCHES]
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # The browser reads descriptor 3 and writes descriptor 4; the shell puts ours there.
        script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, "chromium", *command],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        [page] = [each for each in self.ask("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        self._attach(page["targetId"])

    _session: str | None = None
    _page = ""

    def renew(self) -> None:
        """Leave the page for a new one, which nobody has made narrow or dark."""
        self._session, left = None, self._page
        self._attach(self.ask("Target.createTarget", url="about:blank")["targetId"])
        self.ask("Target.closeTarget", targetId=left)
        self.events.clear()

    def _attach(self, page: str) -> None:
        self._page = page
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Do something in the browser and return what it says."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = self._next(deadline)
            if found.get("id") == self._number:
                assert "error" not in found, f"{method}: {found['error']}"
                result: dict[str, Any] = found["result"]
                return result
            self._note(found)

    def open(self, address: str) -> None:
        """Go to an address as a person does who types it, and wait until the page stands."""
        self.events.clear()
        self.ask("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def wait(self, method: str) -> dict[str, Any]:
        """Wait for an event, also one that has come already."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            for event in self.events:
                if event["method"] == method:
                    params: dict[str, Any] = event["params"]
                    return params
            self._note(self._next(deadline))

    def settle(self) -> None:
        """Let pass what a page may still do after it stands."""
        time.sleep(0.2)
        self.run("0")  # what was told meanwhile comes before the answer

    def run(self, expression: str) -> Any:
        """Return the value of an expression in the page; the page's own scripts have no part in that."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def style(self, selector: str, name: str, pseudo: str | None = None) -> str:
        """Return a computed property of the first element that a selector finds."""
        element = f"document.querySelector({json.dumps(selector)})"
        text: str = self.run(f"getComputedStyle({element}, {json.dumps(pseudo)}).getPropertyValue({json.dumps(name)})")
        return text

    def look(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Be a window of that width, or a phone below 600, of a person who likes it light or dark."""
        phone = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def click(self, selector: str) -> None:
        """Press the middle of an element with the mouse."""
        box = f"(r => [r.left + r.width / 2, r.top + r.height / 2])(document.querySelector({json.dumps(selector)})"
        x, y = self.run(f"{box}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self) -> bytes:
        """Return what is seen, as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])

    def asked_for(self) -> list[str]:
        """Return the addresses that the page asked for."""
        return [event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Return what stands in the console, and the words of every dialogue that was opened."""
        said: list[str] = []
        for event in self.events:
            params = event["params"]
            if event["method"] == "Log.entryAdded":
                said.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            elif event["method"] in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening"}:
                said.append(json.dumps(params))
        return said

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError):
            os.close(self._to)  # it leaves when nobody speaks to it any more
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._from)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note(self, found: dict[str, Any]) -> None:
        if "method" in found:
            self.events.append(found)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser says nothing"
            read = os.read(self._from, 1 << 20)
            assert read, "the browser is gone"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


def running(folder: Path) -> Iterator[Chromium]:
    """Yield a browser; the test is skipped where there is none, or one that is too old."""
    version = subprocess.run([need("chromium"), "--version"], capture_output=True, text=True, check=False).stdout
    numbers = [part for part in version.replace(".", " ").split() if part.isdigit()]
    if not numbers or int(numbers[0]) < _MATURE:
        absent(f"Chromium {_MATURE} or later is needed, this is {version.strip() or 'none that runs'}")
    with Chromium(folder) as browser:
        yield browser
