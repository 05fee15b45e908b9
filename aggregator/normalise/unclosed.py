"""HTML in which an element or a comment that the sanitiser drops whole has no end -> HTML in which it takes nothing with it.

A browser reads `<iframe src="x"/> and the text goes on` as a frame without end, and so would the sanitiser: all that follows
would be dropped with it. People who write that mean a frame and then their text. Nothing here makes HTML safe; it runs before
that, and in time that grows with the length of the text.
"""

from __future__ import annotations

import re
from collections import Counter

from aggregator.normalise.tags import read_openings

#: Their content is no markup: nothing but their own end tag ends them.
_RAW = frozenset(("script", "style", "iframe", "noscript", "noembed", "noframes", "textarea", "title", "xmp"))
_NESTING = frozenset(
    ("object", "applet", "svg", "math", "template", "select", "button", "head", "frameset", "datalist", "dialog")
)
#: Without an end it is code that follows, and no text.
_CODE = frozenset(("script", "style"))
_MARK = re.compile(rf"<(?:!--|(/?)({'|'.join(sorted(_RAW | _NESTING))}|plaintext)(?=[\s/>]))", re.IGNORECASE)
#: Names of `tags.Openings`: where none of them opens, nothing can lack its end.
UNCLOSED = frozenset(("!--", "plaintext", *_RAW, *_NESTING))
_END_OF_COMMENT = re.compile("--!?>")
_LONGEST_TAG = 2000  #: characters; in a longer one nobody looks for the `/` at its end
#: A void element that the sanitiser takes away, with whatever attributes it is given.
_NOTHING = "<embed"
#: Begins what a parser reads as a comment up to the next `>`.
_BOGUS = "<?"


def free_text(html: str) -> str:
    """Return HTML whose unclosed frames, objects and comments end with their own tag."""
    nothing = UNCLOSED.isdisjoint(read_openings(html).names)
    return html if nothing else _Reading(html).rewritten()


class _Reading:
    """One pass over the marks of a text: what is open, and what turned out to have no end."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._marks = list(_MARK.finditer(html))
        self._last_end = {mark[2].lower(): mark.start() for mark in self._marks if mark[1]}
        self._last_comment = max(html.rfind("-->"), html.rfind("--!>"))
        self._opened: list[tuple[str, re.Match[str]]] = []
        self._count: Counter[str] = Counter()
        self._unclosed: list[re.Match[str]] = []

    def rewritten(self) -> str:
        """Return the text with each mark that has no end replaced by one that needs none."""
        position = 0  # marks before it stand in a comment, or in what is no markup
        for mark in self._marks:
            if mark.start() < position:
                continue
            if mark[2] is None:
                position = self._open_comment(mark)
            elif mark[1]:
                self._close(mark[2].lower())
            else:
                position = self._open(mark)
        self._unclosed += (mark for _, mark in self._opened)
        pieces: list[str] = []
        position = 0
        for mark in sorted(self._unclosed, key=re.Match.start):
            pieces += (self._html[position : mark.start()], _NOTHING if mark[2] else _BOGUS)
            position = mark.end() if mark[2] else mark.start() + 2
        return "".join((*pieces, self._html[position:]))

    def _open_comment(self, mark: re.Match[str]) -> int:
        """Return where the comment ends (`<!-->` is a whole one, HTML §13.2.5.43); if nowhere, note that."""
        if self._last_comment < mark.start() + 2:
            self._unclosed.append(mark)
            end_of_tag = self._html.find(">", mark.end())
            return end_of_tag if end_of_tag > 0 else len(self._html)
        end = _END_OF_COMMENT.search(self._html, mark.start() + 2)
        return end.end() if end is not None else mark.end()

    def _open(self, mark: re.Match[str]) -> int:
        """Note what a start tag begins; return from where on marks count again."""
        name = mark[2].lower()
        if name == "plaintext" or self._closes_itself(mark):
            self._unclosed.append(mark)
        elif name in _NESTING:
            self._opened.append((name, mark))
            self._count[name] += 1
        elif self._last_end.get(name, -1) > mark.start():
            end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(self._html, mark.end())
            return end.start() if end is not None else mark.end()
        elif name not in _CODE:
            self._unclosed.append(mark)
        return mark.end()

    def _closes_itself(self, mark: re.Match[str]) -> bool:
        end = self._html.find(">", mark.end(), mark.end() + _LONGEST_TAG)
        slash = end > 0 and self._html[end - 1] == "/"
        # An unquoted address may end with a slash as well.
        return slash and (end - 1 == mark.end() or self._html[end - 2] in " \t\n\r\"'")

    def _close(self, name: str) -> None:
        while self._count[name]:
            opened, _ = self._opened.pop()
            self._count[opened] -= 1
            if opened == name:
                break
