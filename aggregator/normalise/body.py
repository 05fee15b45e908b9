"""Content and summary as written -> SafeHtml and plain text: text told apart from HTML, fixes applied, rights kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from aggregator.model.entry import SafeHtml
from aggregator.model.parsed import GUESS, HTML, ParsedText
from aggregator.normalise.address import absolute
from aggregator.normalise.fixes import Fix
from aggregator.normalise.images import repair_images
from aggregator.normalise.sanitise import sanitise
from aggregator.normalise.text import has_tags, html_to_line, looks_like_html, shorten

MAX_EXCERPT = 300
_BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")


def to_html(text: ParsedText | None, *, base: str, fixes: Iterable[Fix] = ()) -> SafeHtml:
    """Return a text construct as safe HTML; relative addresses are resolved against its xml:base, else `base`."""
    if text is None:
        return SafeHtml("")
    markup = text.value
    if text.type == HTML or (text.type == GUESS and looks_like_html(markup)) or _is_mislabelled(markup):
        if not has_tags(markup):
            markup = _paragraphs(markup)
    elif text.type == GUESS:
        # Entities may be meant, but what looks like a tag is none.
        markup = _paragraphs(markup.replace("<", "&lt;").replace(">", "&gt;"))
    else:
        markup = _paragraphs(escape(markup, quote=False))
    for fix in fixes:
        markup = fix(markup)
    return sanitise(repair_images(markup), absolute(text.base, base) or base)


def _is_mislabelled(text: str) -> bool:
    """Tell whether what is declared as text is in truth one piece of HTML, from its first character to its last."""
    text = text.strip()
    return text.startswith("<") and text.endswith(">") and "</" in text and looks_like_html(text)


def _paragraphs(markup: str) -> str:
    """Return text without tags, entities untouched, as paragraphs; single line breaks stay breaks."""
    parts = (part.strip() for part in _BLANK_LINES.split(markup.replace("\r\n", "\n").replace("\r", "\n")))
    return "".join("<p>" + part.replace("\n", "<br>") + "</p>" for part in parts if part)


def excerpt(content: SafeHtml, link: str | None) -> SafeHtml:
    """Return the beginning of the text as one paragraph, and a link to the rest."""
    text = shorten(html_to_line(content), MAX_EXCERPT)
    pieces = [f"<p>{escape(text, quote=False)}</p>"] if text else []
    if link is not None:
        pieces.append(f'<p><a href="{escape(link)}">{escape(link, quote=False)}</a></p>')
    return sanitise("".join(pieces), None)
