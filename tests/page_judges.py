"""What judges our pages and comes from npm: axe, and the big list of naughty strings (`make engines`)."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import absent

_INSTALLED = Path(__file__).parents[1] / ".venv/engines/pages/node_modules"
#: What axe finds on the page that it was put into, as JSON.
AXE_VIOLATIONS = """
axe.run({resultTypes: ["violations"]}).then(found => JSON.stringify(
  found.violations.map(each => `${each.id}: ${each.nodes[0].html.slice(0, 150)}`)))
"""
#: How far anything reaches that can be seen, and what hides a part of itself.
CLIPPED = """
(() => {
  const width = document.documentElement.clientWidth;
  const hidden = '.vh, .skip, .scroll, details:not([open]) > :not(summary)';
  const wide = [...document.body.querySelectorAll('*')].filter(element => {
    if (element.closest(hidden)) return false;
    const box = element.getBoundingClientRect();
    const cut = getComputedStyle(element).overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
    return box.width > 0 && (box.right > width + .5 || box.left < -.5 || (cut && element.tagName !== 'INPUT'));
  });
  return wide.slice(0, 3).map(element => element.outerHTML.slice(0, 120)).join('\\n');
})()
"""
#: What should say something and does not.
EMPTY = """
[...document.querySelectorAll(
    'main, nav, header, footer, section, article, h1, h2, h3, p, ul, ol, li, dl, dt, dd, table, th, a, button')]
  .filter(element => !element.textContent.trim() && !element.querySelector('img, svg, audio, video, input, button')
    && !element.closest('[hidden], .content'))
  .slice(0, 3).map(element => element.outerHTML.slice(0, 120))
"""


def axe() -> str:
    """Return the script that finds what keeps people from using a page, or skip the test and say why."""
    return _read("axe-core/axe.min.js")


def naughty_strings() -> list[str]:
    """Return the big list of naughty strings, without those that say nothing; or skip the test and say why."""
    strings: list[str] = json.loads(_read("blns/resources/blns.json"))
    return [string for string in strings if string.strip()]


def _read(name: str) -> str:
    file = _INSTALLED / name
    if not file.is_file():
        absent(f"{name} is not installed (make engines)")
    return file.read_text("utf-8")
