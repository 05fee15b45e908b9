"""Chromium driven by Playwright over a running server: what each page has to answer for when somebody looks at it.

Where a test needs no server `tests/chromium.py` is enough, which starts in a tenth of the time.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright

from tests.conftest import need
from tests.page_judges import AXE_VIOLATIONS, CLIPPED, EMPTY, axe

_PHONE = 600  #: narrower than this it is one
MOST_BYTES = 50_000  #: of the index unpacked, and of it with all that it loads as packed
MOST_REQUESTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Who looks: at a screen of what width, in which colours, and whose browser asks for which language."""

    width: int
    scheme: str
    language: str

    def __str__(self) -> str:
        """Return its name in reports."""
        return f"{self.width}-{self.scheme}-{self.language}"


class Window:
    """One page of a browser, and what it did since it was last sent somewhere."""

    def __init__(self, page: Page) -> None:
        """Listen to it."""
        self.page = page
        self.said: list[str] = []  #: on the console, in dialogues, as uncaught errors
        self.asked: list[Request] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("dialog", self._close)
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.asked.append(request))  # noqa: PLW0108 - a built-in method cannot be tagged

    def _close(self, dialog: Dialog) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, address: str) -> int:
        """Open an address, wait for all that it loads, and return its status."""
        self.said.clear()
        self.asked.clear()
        reply = self.page.goto(address, wait_until="load")
        assert reply is not None, address
        return reply.status

    def others(self, home: str) -> list[str]:
        """Return what was asked of anybody else."""
        return [each.url for each in self.asked if not each.url.startswith((home, "data:"))]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium; the test is skipped where there is none."""
    program = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])  # CI runs as root
        yield browser
        browser.close()


@contextmanager
def window(browser: Browser, look: Look, *, policy: bool = True) -> Iterator[Window]:
    """Open a window for somebody; without `policy` whatever the server forbids its pages is allowed."""
    phone = look.width < _PHONE
    context = browser.new_context(
        viewport={"width": look.width, "height": 800 if phone else 900},
        is_mobile=phone,
        has_touch=phone,
        color_scheme="dark" if look.scheme == "dark" else "light",
        locale=look.language,
        bypass_csp=not policy,
    )
    try:
        yield Window(context.new_page())
    finally:
        context.close()


def faults(window: Window, home: str, path: str, look: Look) -> list[str]:
    """Open one page of a site and return whatever is wrong with it."""
    status = window.go(home + path)
    page, lost = window.page, path.startswith("no/")
    found = [f"status {status}"] if status != (404 if lost else 200) else []
    found += [said for said in window.said if not (lost and "404" in said)]
    found += [f"asks {address}" for address in window.others(home)]
    loaded = [each for each in window.asked if not each.url.startswith("data:")]
    if len(loaded) > MOST_REQUESTS:
        found.append(f"{len(loaded)} requests")
    if not path:
        sent = sum(each.sizes()["responseBodySize"] for each in loaded if each.response())  # as packed
        found += [f"{size} bytes" for size in (len(page.content().encode()), sent) if size > MOST_BYTES]
    if (headings := page.locator("h1").count()) != 1:
        found.append(f"{headings} h1")
    if (language := page.evaluate("document.documentElement.lang")) != look.language:
        found.append(f"in {language}")
    ground, dark = page.evaluate("getComputedStyle(document.body).backgroundColor"), look.scheme == "dark"
    if (sum(int(part) for part in ground.strip("rgb()").split(",")) < 3 * 128) != dark:
        found.append(f"{look.scheme} on {ground}")
    if (width := page.evaluate("document.documentElement.scrollWidth")) > look.width:
        found.append(f"{width} wide")
    found += [f"clipped: {each}" for each in page.evaluate(CLIPPED).splitlines()]
    found += [f"empty: {each}" for each in page.evaluate(EMPTY)]
    page.evaluate(axe())
    found += [f"axe: {each}" for each in json.loads(page.evaluate(AXE_VIOLATIONS))]
    return found


@contextmanager
def running_demo(folder: Path, *words: str) -> Iterator[str]:
    """Run `aggregator demo` as a person does and give the address of its pages."""
    command = [sys.executable, "-m", "aggregator", "demo", "--port", "0", *words]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        try:
            assert demo.stdout is not None
            yield next(line for line in demo.stdout if line.startswith("page")).split()[-1]
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(timeout=30)
