"""The pictures of README and docs: nothing that somebody is to read is cut off."""

from __future__ import annotations

from pathlib import Path

from tests.browsing import chromium
from tests.screenshots import demo_page

_CUT = """
[...document.querySelectorAll('section')].filter(section => {
  const text = section.querySelector('pre');
  const box = section.getBoundingClientRect();
  return text && (text.getBoundingClientRect().bottom > box.bottom || text.scrollWidth > text.clientWidth
    || box.bottom > document.documentElement.scrollHeight);
}).map(section => section.textContent.slice(0, 80))
"""


def test_the_picture_of_the_demo_shows_each_line_whole(tmp_path: Path) -> None:
    """However much the demo says, and however long a line is, the picture is as large as that needs."""
    said = [f"✓ source-{number}  5 new  9 ms" for number in range(40)] + [f"  moved to http://127.0.0.1/{'x' * 200}"]
    file = tmp_path / "demo.html"
    file.write_text(
        demo_page(said=said, feed=("http://127.0.0.1/", "data:,"), post=("posts/a.md", "title: a\n" + "y" * 200)), "utf-8"
    )
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1344, "height": 100})
        page.goto(file.as_uri())
        cut = page.evaluate(_CUT)

    assert cut == []
