"""简书: code whose tags are not escaped, and images without an address."""

from __future__ import annotations

import re

from aggregator.normalise.tags import opening, read_attributes, write_tag

_CODE = re.compile(r"<pre\b[^<>]*>\s*<code\b[^<>]*>", re.IGNORECASE)
_CODE_END = re.compile(r"</code\s*>\s*</pre\s*>", re.IGNORECASE)
#: Any `<` in code that begins neither a highlighter's <span> nor a <br>.
_RAW = re.compile(r"<(?!/?span[\s>]|br\s*/?>)", re.IGNORECASE)
_IMG = opening("img")
_NOWHERE = re.compile(r".*/(?:p/)?undefined(?:[?#].*)?", re.DOTALL)


def fix_jianshu(html: str) -> str:
    """Show tags in code as text, and take the address that leads nowhere from images."""
    if "<code" in html:
        html = _with_code_escaped(html)
    if "undefined" in html:
        html = _IMG.sub(_image, html)
    return html


def _with_code_escaped(html: str) -> str:
    pieces: list[str] = []
    position = 0
    while (begin := _CODE.search(html, position)) is not None and (end := _CODE_END.search(html, begin.end())) is not None:
        pieces += (html[position : begin.end()], _RAW.sub("&lt;", html[begin.end() : end.start()]))
        position = end.start()
    return "".join((*pieces, html[position:]))


def _image(match: re.Match[str]) -> str:
    """Return the image without `/p/undefined`: nothing, unless a lazy address stands beside it."""
    attributes = read_attributes(match[2])
    if not _NOWHERE.fullmatch(attributes.get("src", "")):
        return match[0]
    lazy = attributes.get("data-original-src", "").strip()
    if not lazy or _NOWHERE.fullmatch(lazy):
        return ""
    return write_tag("img", {name: value for name, value in attributes.items() if name != "src"})
