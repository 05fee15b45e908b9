"""Makes the README's pictures from the demo as it is.

docs/feed-in-browser.png is its feed of everything in Chromium, docs/demo.png that feed beside what `make demo` says and a post.

make pictures      # needs chromium, and a font with Chinese letters (fonts-noto-cjk)
"""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chromium import Chromium

#: Width and height of the feed alone, of the feed beside the rest, and of the whole.
_WIDE, _TALL, _WHOLE = (860, 640), (640, 980), (1344, 870)
_LINES = 22  #: of a post
_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 22px; background: #dfe5ec; font: 13.5px/1.45 monospace; display: grid; gap: 20px;
  grid-template-columns: 760px 520px; height: 826px; box-sizing: content-box; overflow: hidden }}
section {{ background: #fff; border-radius: 8px; overflow: hidden; box-shadow: 0 2px 12px #0003 }}
h2 {{ margin: 0; padding: 7px 12px; font: 13px/1.2 sans-serif; background: #edf0f3; color: #333b45 }}
pre {{ margin: 0; padding: 12px 14px }}
.dark {{ background: #15181d; color: #e6e8eb }} .dark h2 {{ background: #262c33; color: #c9ced6 }}
.wide {{ grid-row: span 2 }} img {{ width: 520px }}
</style>
<section class="dark"><h2>make demo</h2><pre>$ make demo
{said}</pre></section>
<section class="wide"><h2>{address}</h2><img src="data:image/png;base64,{picture}"></section>
<section><h2>{name}</h2><pre>{post}</pre></section>
"""


def take(feed_file: Path, demo_file: Path) -> None:
    """Run the demo, take the pictures, end the demo."""
    with TemporaryDirectory() as folder:
        project = Path(folder) / "demo"
        command = [sys.executable, "-m", "aggregator", "demo", "--keep", str(project)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
            try:
                shown = [] if demo.stdout is None else [next(demo.stdout).rstrip() for _ in range(3)]
                address = next(line.split()[-1] for line in shown if line.startswith("feed"))
                feed_file.write_bytes(_picture(Path(folder) / "wide", address, _WIDE))
                picture = _picture(Path(folder) / "tall", address, _TALL)
            finally:
                demo.terminate()
            said = demo.communicate()[1]
        post = next((project / "posts" / "新媒体").rglob("*.md"))
        page = Path(folder) / "demo.html"
        page.write_text(
            _PAGE.format(
                said=escape("\n".join([*said.strip().splitlines()[:12], *shown])),
                address=escape(address),
                picture=b64encode(picture).decode(),
                name=escape(post.relative_to(project).as_posix()[:60] + "…"),
                post=escape("\n".join(post.read_text("utf-8").splitlines()[:_LINES])),
            ),
            "utf-8",
        )
        demo_file.write_bytes(_picture(Path(folder) / "page", page.as_uri(), _WHOLE))


def _picture(profile: Path, address: str, size: tuple[int, int]) -> bytes:
    with Chromium(profile) as browser:
        browser.look(width=size[0], height=size[1])
        browser.open(address)
        browser.settle()
        return browser.picture()


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
