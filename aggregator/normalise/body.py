"""Content and summary as written -> SafeHtml and plain text: text told apart from HTML, fixes applied, rights kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape, unescape

from aggregator.model.entry import SafeHtml
from aggregator.model.parsed import GUESS, HTML, ParsedText
from aggregator.normalise.address import absolute
from aggregator.normalise.fixes import Fix, Placeholder
from aggregator.normalise.images import repair_images
from aggregator.normalise.sanitise import sanitise
from aggregator.normalise.text import has_tags, html_to_line, looks_like_html, shorten

MAX_EXCERPT = 300
_BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")
_BLANK_LINES_OUTSIDE_TAGS = re.compile(r"\r?\n[ \t\r]*\n\s*+(?![^<>]{0,200}>)")
_NOT_INLINE = re.compile(
    r"<[!?]|</?(?!(?:a|abbr|acronym|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|img|ins|kbd|mark|q|s|samp|small|span|strike|strong"
    r"|sub|sup|time|tt|u|var|wbr)[\s/>])[a-z]",
    re.IGNORECASE,
)
_ENDS_OR_VOID = re.compile(r"</[a-z]|<(?:img|br)[\s/>]", re.IGNORECASE)

#: The line that RSSHub's instances may add below every text: at the end, and with nothing else beside it.
_CREDIT = re.compile(
    r"(?:(?<=[>\n])|\A)(?:\s|<(?:hr|br)\b[^<>]*>|<(?:p|div|small|em|i|b|strong|span|center|footer|sub|sup|blockquote|section)\b[^<>]*>)*+"
    r"(?:Powered\s+by|Made\s+with\s+love\s+by|由)\s*:?\s*(?:<a\b[^<>]*>)?\s*RSSHub\s*(?:</a>)?\s*(?:驱动|强力驱动)?"
    r"\s*(?:[(（]?https?://[^\s<>()（）]+[)）]?)?[.!。！]?(?:\s|<br\b[^<>]*>|</[a-z]+>)*+\Z",
    re.IGNORECASE,
)
_LONGEST_CREDIT = 600  #: characters


def to_html(text: ParsedText | None, *, base: str, document: str | None = None) -> SafeHtml:
    """Return a text construct as safe HTML; relative addresses are resolved against its xml:base, else `base`.

    A relative xml:base is relative to the document (RFC 3986 §5.1), whose address is `base` unless another is given.
    """
    return _safe(_markup(text), text, base, document or base) if text is not None else SafeHtml("")


def to_content(
    text: ParsedText | None, *, base: str, fixes: Iterable[Fix], document: str | None = None
) -> SafeHtml | Placeholder:
    """Return an entry's text like `to_html`, with its site's fixes applied, or what a fix found to stand in its place."""
    if text is None:
        return SafeHtml("")
    markup = _markup(text)
    for fix in fixes:
        fixed = fix(markup)
        if isinstance(fixed, Placeholder):
            return fixed
        markup = fixed
    return _safe(_without_credit(markup), text, base, document or base)


def _without_credit(markup: str) -> str:
    """Take the aggregator's own line off the end; the sanitiser closes what that leaves open."""
    tail = markup[-_LONGEST_CREDIT:]
    found = _CREDIT.search(tail) if "rsshub" in tail.lower() else None
    return markup if found is None else markup[: len(markup) - len(tail) + found.start()]


def _safe(markup: str, text: ParsedText, base: str, document: str) -> SafeHtml:
    return sanitise(repair_images(markup), absolute(text.base, document) or base)


def _markup(text: ParsedText) -> str:
    """Return raw HTML, with what is meant as text as paragraphs."""
    markup = text.value
    # One sign is found in a tenth of the time that four take, and most texts have not even that.
    if "&" in markup and "&lt;" in markup and not has_tags(markup) and _is_html_throughout(once := unescape(markup)):
        markup = once  # escaped once more than it should be
    if text.type == HTML or (text.type == GUESS and looks_like_html(markup)) or _is_html_throughout(markup):
        return _inline_paragraphs(markup) if has_tags(markup) else _paragraphs(markup)
    if text.type == GUESS:
        # Entities may be meant, but what looks like a tag is none.
        return _paragraphs(markup.replace("<", "&lt;").replace(">", "&gt;"))
    return _paragraphs(escape(markup, quote=False))


def _is_html_throughout(text: str) -> bool:
    """Tell whether a text is one piece of HTML, from its first character to its last, whatever it is declared as."""
    text = text.strip()
    return text.startswith("<") and text.endswith(">") and _ENDS_OR_VOID.search(text) is not None and looks_like_html(text)


def _inline_paragraphs(markup: str) -> str:
    """Return HTML as it is, unless its paragraphs are only blank lines: a text with a link or an emphasis in it."""
    if _BLANK_LINES.search(markup) is None or _NOT_INLINE.search(markup) is not None:
        return markup
    parts = (part.strip() for part in _BLANK_LINES_OUTSIDE_TAGS.split(markup))
    return "".join(f"<p>{part}</p>" for part in parts if part)


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
