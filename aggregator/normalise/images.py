"""Images: lazy ones get their real address before sanitising; one of them becomes the cover."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape, unescape

from aggregator.model.entry import SafeHtml

_LAZY = ("data-original", "data-src", "data-lazy-src", "data-actualsrc", "data-original-src", "data-echo", "data-url")
_LAZY_SETS = ("data-srcset", "data-lazy-srcset")
#: Possessive and bounded: a megabyte of opened tags must not be tried in all ways.
_IMG = re.compile(r"<img\b((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+'){0,200}+)>", re.IGNORECASE)
_PAIR = re.compile(r"([A-Za-z_:][\w:.-]*)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_NOSCRIPT = re.compile(r"<noscript\b[^>]*>(.*?)(?:</noscript\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_NOSCRIPT_TAG = re.compile(r"</?noscript\b[^>]*>", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?:|//|/|\.{1,2}/|[\w%-]+[./])[^\s{}<>\"]*", re.IGNORECASE)

_SAFE_IMG = re.compile(r"<img((?: [a-z]+=\"[^\"]*\")*)>")
_SAFE_PAIR = re.compile(r" ([a-z]+)=\"([^\"]*)\"")
#: What an address looks like that shows no picture of the text: counters, spacers, buttons, faces, formulas.
_JUNK = re.compile(
    r"(?:[/_.-](?:pixel|spacer|blank|transparent|placeholder|loading|grey|gray|1x1|clear|avatar|gravatar|emoji|smil(?:ey|ies)"
    r"|icons?|favicon|badge|button|share|logo)s?(?:[/_.?-]|$))|/equation\?|/p/undefined|/undefined$|feedburner\.com/~|/~r/"
    r"|doubleclick\.net|google-analytics\.com|stats\.wordpress\.com|pixel\.wp\.com|feedsportal\.com|s\.w\.org/images/core/emoji",
    re.IGNORECASE,
)
_SMALLEST = 48  #: pixels; anything smaller is a counter or an icon
_FLATTEST = 5  #: times wider than high: a divider


def repair_images(html: str) -> str:
    """Return HTML whose lazily loaded images carry their address in `src`, and whose <noscript> copies are gone."""
    lowered = html.lower()
    if "<noscript" in lowered:
        without = _NOSCRIPT.sub("", html)
        # A copy for readers without scripts is dropped only where the image itself is there.
        html = without if "<img" in without.lower() else _NOSCRIPT_TAG.sub("", html)
    if "<img" in lowered and ("data-" in lowered or "srcset" in lowered):
        return _IMG.sub(_repaired, html)
    return html


def _repaired(match: re.Match[str]) -> str:
    attributes = {name.lower(): unescape(value.strip("\"'")) for name, value in _PAIR.findall(match.group(1))}
    address = next((value for name in _LAZY if _ADDRESS.fullmatch(value := attributes.get(name, "").strip())), None)
    sources = next((value for name in _LAZY_SETS if (value := attributes.get(name, "").strip())), None)
    if sources:
        attributes["srcset"] = sources
    if address is None and not attributes.get("src", "").strip() and attributes.get("srcset", "").strip():
        address = attributes["srcset"].split()[0].rstrip(",")
    if address is None and sources is None:
        return match.group(0)
    if address is not None:
        attributes["src"] = address
    kept = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if name not in _LAZY)
    return f"<img{kept}>"


def choose_cover(candidates: Iterable[str], content: SafeHtml) -> str | None:
    """Return the first address that looks like a picture: from the candidates (all absolute), else from the content."""
    for address in candidates:
        if not _JUNK.search(address):
            return address
    if "<img" not in content:
        return None
    for match in _SAFE_IMG.finditer(content):
        attributes = dict(_SAFE_PAIR.findall(match.group(1)))
        address = unescape(attributes.get("src", ""))
        if address and not _JUNK.search(address) and not _is_small(attributes):
            return address
    return None


def _is_small(attributes: dict[str, str]) -> bool:
    sizes = [float(size) for name in ("width", "height") if (size := attributes.get(name, "")) and not size.endswith("%")]
    if any(size < _SMALLEST for size in sizes):
        return True
    return len(sizes) == 2 and sizes[0] > sizes[1] * _FLATTEST  # noqa: PLR2004 - both are known
