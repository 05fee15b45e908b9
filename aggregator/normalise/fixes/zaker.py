"""ZAKER's article pages as RSSHub passes them on: anchors of the page around the text, and videos that no browser plays."""

from __future__ import annotations

import json
import re
from html import escape, unescape
from urllib.parse import unquote

_RESIDUE = re.compile(
    r"<div[^<>]*\bid\s*=\s*[\"'](?:recommend_bottom|article_bottom)[\"'][^<>]*>\s*</div>|<p[^<>]*>\s*点击查看\s*</p>",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"<p>\s*</p>")
_VIDEO = re.compile(
    r"<div\b(?:(?!\sdata-zkinfo)(?:[^<>\"']|\"[^\"]*+\"|'[^']*+')){0,2000}+\sdata-zkinfo\s*=\s*(\"[^\"]*\"|'[^']*')"
    r"(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+'){0,200}+>(?:\s*</div>)?",
    re.IGNORECASE,
)


def fix_zaker(html: str) -> str:
    """Remove the page's residue and make videos playable."""
    html = _VIDEO.sub(_video, html)
    return _EMPTY.sub("", _RESIDUE.sub("", html))


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
