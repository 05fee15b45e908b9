"""Takes the pictures of README and docs: pages of the demo, a feed of it, `make demo`, and the status of an older site.

make screenshots      # needs chromium, and fonts with Chinese and Arabic letters (fonts-noto-cjk, fonts-noto-core)
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, ViewportSize

from tests import aged_site
from tests.browsing import chromium

#: Width and height of pages, of the feed beside the rest, and of that whole picture, which is as high as its words need.
_PAGE, _BESIDE, _WHOLE = (1080, 680), (640, 1100), (1344, 100)
_LINES = 15  #: of a post
_DEMO = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 22px; background: #dfe5ec; font: 13.5px/1.45 monospace; display: grid; gap: 20px;
  grid-template-columns: 760px 520px; box-sizing: content-box }}
section {{ background: #fff; border-radius: 8px; overflow: hidden; box-shadow: 0 2px 12px #0003 }}
h2 {{ margin: 0; padding: 7px 12px; font: 13px/1.2 sans-serif; background: #edf0f3; color: #333b45 }}
pre {{ margin: 0; padding: 12px 14px; white-space: pre-wrap; overflow-wrap: anywhere }}
.dark {{ background: #15181d; color: #e6e8eb }} .dark h2 {{ background: #262c33; color: #c9ced6 }}
.wide {{ grid-row: span 2; position: relative }} img {{ width: 520px; position: absolute }}
.wide::after {{ content: ""; position: absolute; inset: auto 0 0; height: 48px; background: linear-gradient(#fff0, #fff) }}
</style>
<section class="dark"><h2>make demo</h2><pre>$ make demo
{said}</pre></section>
<section class="wide"><h2>{address}</h2><img src="{picture}"></section>
<section><h2>{name}</h2><pre>{post}</pre></section>
"""


def take(folder: Path) -> None:
    """Run the demo, take the pictures, end the demo."""
    with TemporaryDirectory() as place, aged_site.served(aged_site.age(Path(place))) as aged, chromium() as browser:
        _take(browser, f"{aged}status", folder / "status.png", size=(1080, 860), language="en")
        project = Path(place) / "demo"
        with _demo(project) as (lines, said):
            home = next(line.split()[-1] for line in lines if line.startswith("page"))
            _take(browser, home, folder / "index.png")
            _take(browser, home, folder / "phone.png", size=(360, 680), dark=True)
            _take(browser, home + _entry(browser, home), folder / "entry.png")
            _take(browser, f"{home}feeds/", folder / "feeds.png")
            _take(browser, f"{home}feeds/all.atom", folder / "feed-in-browser.png", size=(860, 640))
            beside = Path(place) / "beside.png"
            _take(browser, f"{home}feeds/all.atom", beside, size=_BESIDE)
        post = next((project / "posts" / "新媒体").rglob("*.md"))
        page = Path(place) / "demo.html"
        html = demo_page(
            said=[*"".join(said).strip().splitlines()[:12], *lines],
            feed=(f"{home}feeds/all.atom", beside.as_uri()),
            post=(post.relative_to(project).as_posix(), post.read_text("utf-8")),
        )
        page.write_text(html, "utf-8")
        _take(browser, page.as_uri(), folder / "demo.png", size=_WHOLE, scale=0.75, whole=True)


def demo_page(*, said: list[str], feed: tuple[str, str], post: tuple[str, str]) -> str:
    """Return the page of which `demo.png` is a picture: a terminal, a feed (address, picture) and a post (name, text)."""
    return _DEMO.format(
        said=escape("\n".join(said)),
        address=escape(feed[0]),
        picture=feed[1],
        name=escape(post[0][:60] + "…"),
        post=escape("\n".join(post[1].splitlines()[:_LINES])),
    )


@contextmanager
def _demo(project: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Run the demo; give what it shows, and a list in which stands at the end what it said meanwhile."""
    command = [sys.executable, "-m", "aggregator", "demo", "--keep", str(project)]
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            yield [next(demo.stdout).rstrip() for _ in range(3)], said
        finally:
            demo.terminate()
            said.append(demo.communicate()[1])


def _entry(browser: Browser, home: str) -> str:
    """Return the address of the newest entry of a source, which has pictures."""
    page = browser.new_page()
    page.goto(f"{home}s/zaker-channel-13/")
    found = re.search(r"(e/[a-z2-7]+/)", page.content())
    page.close()
    assert found is not None
    return found[1]


def _take(
    browser: Browser,
    address: str,
    file: Path,
    *,
    size: tuple[int, int] = _PAGE,
    language: str = "zh-CN",
    dark: bool = False,
    scale: float = 1,
    whole: bool = False,
) -> None:
    viewport = ViewportSize(width=size[0], height=size[1])
    page = browser.new_page(
        viewport=viewport, locale=language, color_scheme="dark" if dark else "light", device_scale_factor=scale
    )
    page.goto(address, wait_until="load")
    page.screenshot(path=file, full_page=whole)
    page.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
