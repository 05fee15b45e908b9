"""知乎: formulas that a script draws, and link cards that run into the text around them."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import unquote_plus

from aggregator.normalise.address import unwrap
from aggregator.normalise.tags import INSIDE, opening, read_attributes, write_tag
from aggregator.normalise.text import html_to_line, one_line

_IMG = opening("img")
_FORMULA = re.compile(r"(?:(?:https?:)?//(?:www\.)?zhihu\.com)?/equation\?(?:[^#]*&)?tex=([^&#]*)", re.IGNORECASE)
_MATH = re.compile(rf"<span\b({INSIDE})>(?=<)", re.IGNORECASE)
_CARD = re.compile(rf"<a\b({INSIDE})>((?:(?!</?a\b).)*+)</a\s*>", re.IGNORECASE | re.DOTALL)
_CARD_TITLE = re.compile(rf"<span\b({INSIDE})>([^<>]+)<", re.IGNORECASE)


def fix_zhihu(html: str) -> str:
    """Give formulas their image and TeX, and link cards a paragraph with their title."""
    if "equation?" in html:
        html = _IMG.sub(_formula, html)
    if "data-tex" in html:
        html = _MATH.sub(_math, html)
    if "link-card" in html:
        html = _CARD.sub(_card, html)
    return html


def _formula(match: re.Match[str]) -> str:
    """Return an image of a formula with its address in `src` and its TeX as the text for those who do not see it."""
    attributes = read_attributes(match[2])
    address = next((value for value in attributes.values() if _FORMULA.match(value)), None)
    found = _FORMULA.match(address) if address is not None else None
    if address is None or found is None:
        return match[0]
    where = address if address[:4].lower() == "http" else f"https://www.zhihu.com{address[address.index('/equation?') :]}"
    return write_tag("img", {"src": where, "alt": attributes.get("alt", "").strip() or unquote_plus(found[1])})


def _math(match: re.Match[str]) -> str:
    """Return a formula that holds no text of its own with its TeX."""
    tex = read_attributes(match[1]).get("data-tex")
    return f"{match[0]}{escape(tex, quote=False)}" if tex else match[0]


def _card(match: re.Match[str]) -> str:
    attributes = read_attributes(match[1])
    if attributes.get("data-draft-type") != "link-card" or not attributes.get("href"):
        return match[0]
    titles = (title[2] for title in _CARD_TITLE.finditer(match[2]) if "LinkCard-title" in title[1])
    label = html_to_line(next(titles, match[2])) or one_line(attributes.get("data-text", "")) or unwrap(attributes["href"])
    return f"<p>{write_tag('a', {'href': attributes['href']})}{escape(label, quote=False)}</a></p>"
