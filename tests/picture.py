"""Makes docs/feed-in-browser.png: the demo's feed of everything, opened in Chromium.

make picture      # needs chromium, and a font with Chinese letters (fonts-noto-cjk)
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chromium import Chromium

_WIDTH, _HEIGHT = 860, 640


def take(file: Path) -> None:
    """Run the demo, take the picture, end the demo."""
    command = [sys.executable, "-m", "aggregator", "--json", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo, TemporaryDirectory() as folder:
        try:
            lines = [] if demo.stdout is None else iter(demo.stdout)
            address = next(found["feed"] for found in map(json.loads, lines) if "feed" in found)
            with Chromium(Path(folder)) as browser:
                browser.look(width=_WIDTH, height=_HEIGHT)
                browser.open(address)
                browser.settle()
                file.write_bytes(browser.picture())
        finally:
            demo.terminate()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
