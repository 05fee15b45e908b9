"""Content and summary as written -> SafeHtml and plain text: text told apart from HTML, fixes applied, rights kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from aggregator.model.entry import SafeHtml
from aggregator.model.parsed import GUESS, HTML, ParsedText
from aggregator.normalise.address import absolute
from aggregator.normalise.fixes import Fix, Placeholder
from aggregator.normalise.images import repair_images
from aggregator.normalise.sanitise import sanitise
from aggregator.normalise.text import has_tags, html_to_line, looks_like_html, shorten

MAX_EXCERPT = 300
_BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")


def to_html(text: ParsedText | None, *, base: str) -> SafeHtml:
    """Return a text construct as safe HTML; relative addresses are resolved against its xml:base, else `base`."""
    return _safe(_markup(text), text, base) if text is not None else SafeHtml("")


def to_content(text: ParsedText | None, *, base: str, fixes: Iterable[Fix]) -> SafeHtml | Placeholder:
    """Return an entry's text like `to_html`, with its site's fixes applied, or what a fix found to stand in its place."""
    if text is None:
        return SafeHtml("")
    markup = _markup(text)
    for fix in fixes:
        fixed = fix(markup)
        if isinstance(fixed, Placeholder):
            return fixed
        markup = fixed
    return _safe(markup, text, base)


def _safe(markup: str, text: ParsedText, base: str) -> SafeHtml:
    return sanitise(repair_images(markup), absolute(text.base, base) or base)


def _markup(text: ParsedText) -> str:
    """Return raw HTML, with what is meant as text as paragraphs."""
    markup = text.value
    if text.type == HTML or (text.type == GUESS and looks_like_html(markup)) or _is_mislabelled(markup):
        return markup if has_tags(markup) else _paragraphs(markup)
    if text.type == GUESS:
        # Entities may be meant, but what looks like a tag is none.
        return _paragraphs(markup.replace("<", "&lt;").replace(">", "&gt;"))
    return _paragraphs(escape(markup, quote=False))


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
