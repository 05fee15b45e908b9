"""ZAKER's article pages as RSSHub passes them on: what the page put around the text, and videos that no browser plays.

Captions (`.zk_decsimg`) and quotes padded with spaces are the text's own and stay as they are.
"""

from __future__ import annotations

import json
import re
from html import escape, unescape
from urllib.parse import unquote

from aggregator.normalise.fixes.placeholder import Placeholder
from aggregator.normalise.tags import opening, read_attributes, write_tag
from aggregator.normalise.text import html_to_line

_SPACE = r"(?:\s|&nbsp;|&#160;|<br\s*/?>)*+"
_RESIDUE = re.compile(
    r"<div(?=[^<>]*\sid\s*=\s*[\"'](?:recommend_bottom|article_bottom)[\"'])[^<>]*+>\s*+</div>"
    rf"|<p\b[^<>]*>{_SPACE}(?:<(?:span|strong|b)>)?点击查看(?:全文|原文|更多|详情)?\s?[>》…。!！]{{0,3}}(?:</(?:span|strong|b)>)?{_SPACE}</p>",
    re.IGNORECASE,
)
_EMPTY = re.compile(rf"<p\b[^<>]*>{_SPACE}</p>", re.IGNORECASE)
_DIV = opening("div")
_WRAPPERS = {"img_box", "content_img_div"}
_IMG = opening("img")
_DELETED = re.compile(r"(?:抱歉[，,]?\s?)?(?:该|此|这篇)?(?:原文|文章)已(?:经)?被(?:作者)?删除了?[。.！!]?")
_MAX_PLACEHOLDER = 1000  #: characters of HTML; more is a text that speaks of something deleted
_STRIP = 5  #: times wider than high: a divider, never the picture of the text
_VIDEO = re.compile(
    r"<div\b(?:(?!\sdata-zkinfo)(?:[^<>\"']|\"[^\"]*+\"|'[^']*+')){0,2000}+\sdata-zkinfo\s*=\s*(\"[^\"]*\"|'[^']*')"
    r"(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+'){0,200}+>(?:\s*</div>)?",
    re.IGNORECASE,
)


def fix_zaker(html: str) -> str | Placeholder:
    """Remove the page's residue and make videos playable; a text that says only that it was deleted is none."""
    html = _VIDEO.sub(_video, html)
    html = _EMPTY.sub("", _RESIDUE.sub("", _DIV.sub(_wrapper, html)))
    if len(html) < _MAX_PLACEHOLDER and "删除" in html and "<img" not in html and _DELETED.fullmatch(html_to_line(html)):
        return Placeholder(reason="upstream shows only that the original was deleted (原文已被删除)")
    if "data-height" in html:
        html = _IMG.sub(_image, html)
    return html


def _wrapper(match: re.Match[str]) -> str:
    """Return the element around an image without what only the page's scripts need."""
    return "<div>" if _WRAPPERS & set(read_attributes(match[2]).get("class", "").split()) else match[0]


def _image(match: re.Match[str]) -> str:
    """Return a strip with its size, so that it is not taken for the entry's picture; other images stay as they are."""
    attributes = read_attributes(match[2])
    width, height = (attributes.get(f"data-{name}", "") for name in ("width", "height"))
    if "width" in attributes or not (width.isdecimal() and height.isdecimal() and len(width + height) < 10):  # noqa: PLR2004
        return match[0]
    if int(width) <= int(height) * _STRIP:
        return match[0]
    return write_tag("img", {**attributes, "width": width, "height": height})


def _video(match: re.Match[str]) -> str:
    """Return a <video> for the URL-encoded JSON in `data-zkinfo`; what cannot be read stays as it is."""
    try:
        facts = json.loads(unquote(unescape(match.group(1)[1:-1])), parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return match.group(0)
    if not isinstance(facts, dict):
        return match.group(0)
    names = (("src", "videoUrl"), ("poster", "imgUrl"), ("width", "width"), ("height", "height"))
    values = [(name, facts[key]) for name, key in names if isinstance(facts.get(key), str) and facts[key]]
    if not values or values[0][0] != "src":
        return match.group(0)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in values)
    video = f"<video controls{attributes}></video>"
    return video if match.group(0).rstrip().lower().endswith("</div>") else f"{video}{match.group(0)}"
