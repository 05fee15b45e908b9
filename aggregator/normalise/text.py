"""Text of any kind -> plain text of one line, cut to length; and the way from HTML to it."""

from __future__ import annotations

import re
from html import unescape

from aggregator.model.entry import SafeHtml
from aggregator.model.parsed import HTML, TEXT, ParsedText
from aggregator.normalise.unclosed import free_text

MAX_TITLE = 500
MAX_SUMMARY = 500
MAX_DERIVED = 60

#: What XML 1.0 forbids (§2.2): it may come out of HTML's numeric references.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: Controls that have no place in a line, and the byte order mark.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
#: Every kind of break and the no-break space become one space; an ideographic space is part of a text and stays.
_SPACES = re.compile("[ \t\n\v\f\r\x85\xa0\u2028\u2029]+")
_OUTER = " \u3000\u200b"
_EMBEDDINGS = re.compile("[\u202a\u202b\u202d\u202e]")
_ISOLATES = re.compile("[\u2066\u2067\u2068]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")

#: A word that stands first in clean HTML, and so in its line; whatever comes before it leaves no trace there.
_FIRST_WORD = re.compile(r"(?:<[^>]*+>|[ \n\t\u3000])*+(\w++)")
_BEYOND = 300  #: characters of markup: enough for a picture before a text

_DROPPED = re.compile(r"<(script|style|noscript|template)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_BLOCK = re.compile(
    r"</?(?:p|br|div|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|blockquote|pre|hr|section|article|header|footer|figure|figcaption)"
    r"(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!\[CDATA\[|\]\]>|<![A-Za-z][^<>]*>|<\?--[^>]*+>?")
#: References to halves of a character beyond U+FFFF, as JavaScript and old PHP write them, and to NUL.
_HALVES = re.compile(
    r"(?:&#(?:[xX]0{0,4}(?:[dD][89a-fA-F][0-9a-fA-F]{2}|0)|0{0,4}(?:5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3]|0));?)+",
    re.ASCII,
)
_HALF = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|(\d+))")
#: Tags that people put into titles and descriptions; others, such as `<T>` or `<div>` in a text about HTML, are text,
#: and so is `<b and c>` in a comparison.
_KNOWN_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|cite|code|dd|del|dl|dt|em|figure|font|h[1-6]|hr|i|img|ins|li|mark|ol|p|pre|q|s|small"
    r"|span|strike|strong|sub|sup|table|tbody|td|th|tr|tt|u|ul|video|audio)"
    r"(?:\s+(?:[a-z_:][\w:.-]*\s*=|(?:controls|hidden|loop|muted|noshade|nowrap|open|reversed)\b)[^<>]*|\s*)/?>"
    r"|</div>",
    re.IGNORECASE,
)


def one_line(text: str) -> str:
    """Return the text as one line: white space collapsed, controls removed, direction marks balanced."""
    if text.isprintable() and "  " not in text:
        # Python prints no control, no direction mark, no half of a character and no space but the plain one.
        return text.strip(" ")
    text = _SPACES.sub(" ", text)
    if _UNWANTED.search(text):
        text = _UNWANTED.sub("", text)
    return _balanced(text).strip(_OUTER)


def _balanced(text: str) -> str:
    """Remove bidirectional controls that would leak out of the text: they change what stands after it."""
    if _BIDI.search(text) and (
        len(_EMBEDDINGS.findall(text)) != text.count("\u202c") or len(_ISOLATES.findall(text)) != text.count("\u2069")
    ):
        return _BIDI.sub("", text)
    return text


def join_surrogates(text: str) -> str:
    """Return text with references to two surrogates as the character that they mean; one alone, and NUL, is nothing.

    HTML (§13.2.5.80) would make each of them U+FFFD, a sign that the writer never meant.
    """
    # One sign is found in a seventh of the time that two take, and most texts have not even that.
    return _HALVES.sub(_joined, text) if "&" in text and "&#" in text else text


def _joined(match: re.Match[str]) -> str:
    codes = [int(hexadecimal, 16) if hexadecimal else int(decimal) for hexadecimal, decimal in _HALF.findall(match[0])]
    return b"".join(code.to_bytes(2, "big") for code in codes if code).decode("utf-16-be", "ignore")


def looks_like_html(text: str) -> bool:
    """Tell whether a text of unknown kind holds tags that are meant as tags."""
    return "<" in text and _KNOWN_TAG.search(text) is not None


def has_tags(text: str) -> bool:
    """Tell whether anything in the text is written as a tag."""
    return "<" in text and _TAG.search(text) is not None


def html_to_line(html: str) -> str:
    """Return the text of HTML as one line: scripts and tags gone, entities decoded once."""
    if "<!--" in html:
        html = _COMMENT.sub("", free_text(html))
    if "<" in html:
        html = _TAG.sub("", _BLOCK.sub(" ", _DROPPED.sub(" ", html)))
    return one_line(unescape(join_surrogates(html)))


def reads_as(html: SafeHtml, line: str) -> bool:
    """Tell whether `html_to_line` makes this line of clean HTML, which it seldom does: a beginning mostly shows that."""
    first = _FIRST_WORD.match(html)
    if first is not None and not line.startswith(first[1]):
        return False
    cut = html.find("<", len(line) + _BEYOND)
    if cut > 0 and not _BIDI.search(html):
        # Cut before a tag, HTML has the line of the whole for as long as it goes.
        beginning = html_to_line(html[:cut])
        if not line.startswith(beginning):
            return False
    return html_to_line(html) == line


def to_line(text: ParsedText | None) -> str | None:
    """Return a text construct as one line of plain text, read as it was declared, or None where nothing is left."""
    if text is None:
        return None
    if text.type == TEXT:
        line = one_line(text.value)
    elif text.type == HTML or looks_like_html(text.value):
        line = html_to_line(text.value)
    else:
        line = one_line(unescape(join_surrogates(text.value)))
    return line or None


def shorten(text: str, length: int) -> str:
    """Return at most `length` characters, cut at the end of a word if there is one near, with an ellipsis."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    space = cut.rfind(" ")
    if space > length * 2 // 3:
        cut = cut[:space]
    return f"{_balanced(cut).rstrip(_OUTER + ',;:.-–—，、；：')}…"
