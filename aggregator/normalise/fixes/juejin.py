"""掘金: buttons and headers of code blocks, whose labels would become part of the code.

Its <style> needs no fix: the sanitiser drops it from every text.
"""

from __future__ import annotations

import re

_HEADER = re.compile(
    r"<div(?=[^<>]*[\"'\s]code-block-extension-header[\"'\s])[^<>]*+>"
    r"(?:(?!</?pre\b|<code\b|[\"'\s]code-block-extension-header[\"'\s]).)*+(?=<code\b)",
    re.IGNORECASE | re.DOTALL,
)
_BUTTON = re.compile(r"<(span|div|a|button)\b([^<>]*)>\s*+复制(?:代码)?\s*+</\1\s*>", re.IGNORECASE)
_BARE = re.compile(r"复制代码\s*+(?=</code\s*>\s*</pre\b)", re.IGNORECASE)


def fix_juejin(html: str) -> str:
    """Remove what the page puts into code blocks: language and fold button before the code, `复制代码` after it."""
    if "code-block-extension-header" in html:
        html = _HEADER.sub("", html)
    if "复制" in html:
        html = _BARE.sub("", _BUTTON.sub(_without_button, html))
    return html


def _without_button(match: re.Match[str]) -> str:
    return "" if match[1].lower() == "button" or "copy" in match[2].lower() else match[0]
