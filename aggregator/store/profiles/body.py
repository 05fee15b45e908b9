"""HTML <-> the body of a post: one HTML block in which no site engine finds anything to run. Pure.

The block begins with a line `<div>` and ends with `</div>`. Inside, what an engine would execute or take for Markdown is
written as a numeric character reference, which a browser shows as the character itself. Sanitised HTML never holds
"&#", so each reference in a post is ours and `unwrap` gives back the very bytes.
"""

from __future__ import annotations

import re

from aggregator.store.profiles import PostFormatError

_OPENED = "<div>"
_OPENING = re.compile(r"<div>[ \t]*\n")
_CLOSING = "</div>"
#: A line that looks empty to any engine would end the block, and the text after it would be Markdown.
_BLANK_LINES = re.compile(r"\n(?:(?:[^\S\n]|\ufeff)*\n)+")
_BLANK = re.compile(r"(?:\s|\ufeff)*")
_REFERENCE = re.compile(r"&#(10|13|60|96|123|125|126|65532);")

#: (a rare character, which is fast to look for, what then is searched, what is replaced, by what).
_ESCAPES = (
    ("{", "{", "{", "&#123;"),  # Nunjucks, Liquid, Tera, Hugo's shortcodes, kramdown's attribute lists
    ("}", "}", "}", "&#125;"),
    ("!", "<!--", "<!--", "&#60;!--"),  # `<!-- more -->` cuts a post in two
    ("`", "```", "`", "&#96;"),  # Hexo turns fenced code into a figure even inside HTML
    ("~", "~~~", "~", "&#126;"),
    ("\ufffc", "\ufffc", "\ufffc", "&#65532;"),  # Hexo's own placeholder: it would look for what it never put there
    ("\r", "\r", "\r", "&#13;"),  # `read` takes CRLF for an editor's line end
)


def wrap(html: str, *, opening: str, tail: str) -> str:
    """Return the block: `opening` (a `<div>` line), the HTML, `tail` (spaces and a newline), `</div>`.

    Raises:
        ValueError: the HTML holds a numeric reference, so it did not come from the sanitiser.
    """
    if "#" in html and "&#" in html:  # a single character is looked for twenty times as fast
        raise ValueError("the content holds a numeric character reference: it was not sanitised")
    for rare, needle, old, new in _ESCAPES:
        if rare in html and needle in html:
            html = html.replace(old, new)
    if not html:
        return f"{opening}{_CLOSING}"
    if "\n" in html or _BLANK.fullmatch(html):
        # The newline in front stands for the opening line's; it lets the expression begin with a literal, which is fast.
        filled = _BLANK_LINES.sub(_fill, f"\n{html}{tail}")
        return f"{opening}{filled[1:]}{_CLOSING}"
    return f"{opening}{html}{tail}{_CLOSING}"


def unwrap(body: str, *, tail: str) -> str:
    """Return the HTML of a block; a body without our wrapper (edited by hand) is returned as it is.

    Raises:
        PostFormatError: the block begins and does not end: what a disk or a copy that stopped half-way leaves.
    """
    text = body.strip()
    opening = _OPENING.match(text)
    if opening is None or not text.endswith(_CLOSING):
        if _is_cut(text):
            raise PostFormatError('the body begins with "<div>" and nothing closes it: the file looks cut')
        return _decoded(text)
    inner = _decoded(text[opening.end() : -len(_CLOSING)])
    for end in (tail, "\n"):  # an editor may have stripped the tail's spaces
        if inner.endswith(end):
            return inner[: -len(end)]
    return inner


def _is_cut(text: str) -> bool:
    """Tell whether this is a beginning of a block of ours; text that a hand has added before or behind it makes it none."""
    if text and _OPENED.startswith(text):
        return True
    return bool(_OPENING.match(text)) and text.count("<div") > text.count(_CLOSING)


def _fill(found: re.Match[str]) -> str:
    """Keep the newline that ends the line before; write those that end blank lines as references."""
    return "\n" + found[0][1:].replace("\n", "&#10;")


def _decoded(text: str) -> str:
    return _REFERENCE.sub(lambda found: chr(int(found[1])), text) if "#" in text and "&#" in text else text
