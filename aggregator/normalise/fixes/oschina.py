"""开源中国: fifty spaces and an empty line before the text, which Markdown would show as code."""

from __future__ import annotations

import re

_LEADING = re.compile(r"\s*+(?:<div\b[^<>]*>\s*+)*+", re.IGNORECASE)
_AFTER_TAG = re.compile(r">\s++")


def fix_oschina(html: str) -> str:
    """Remove the white space before the text, also within the elements that it begins with."""
    found = _LEADING.match(html)
    if found is None:
        return html
    return f"{_AFTER_TAG.sub('>', found[0])}{html[found.end() :]}"
