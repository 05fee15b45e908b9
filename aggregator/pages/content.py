"""The content of an entry -> the same inside of one of our pages. Pure.

Its ids are prefixed, so that they never clash with the page's; its headings go below the page's, without a gap; landmarks of
its own become plain boxes; links out tell nobody where they come from; pictures and players load nothing until asked for.
Relies on the form of `SafeHtml`: tags are balanced, values stand in double quotes, and hold no `<`, `>` or quote.
"""

from __future__ import annotations

import re
from html import unescape

from markupsafe import Markup

from aggregator.model.entry import SafeHtml

PREFIX = "e-"
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)((?: [a-z]+(?:=\"[^\"<>]*\")?)*) ?/?>")
_PAIR = re.compile(r" ([a-z]+)(?:=\"([^\"<>]*)\")?")
#: Landmarks, and elements that HTML no longer has -> what stands for them.
_INSTEAD = {
    "main": "div", "nav": "div", "aside": "div", "header": "div", "footer": "div", "hgroup": "div", "center": "div",
    "acronym": "abbr", "big": "span", "rtc": "span", "strike": "s", "tt": "code",
}  # fmt: skip
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PLAYERS = frozenset({"audio", "video"})
_FIRST_HEADING = 2
_LAST_HEADING = 6
_REL = ' rel="noopener noreferrer"'


def content(html: SafeHtml, *, own: str | None, pictures: bool, picture_word: str, table_word: str) -> Markup:
    """Return the content as it stands in a page.

    `own` is the address of the entry, whose fragments lead within the page; words are those of the page's language, escaped.
    """
    mind = _Mind(own=own, pictures=pictures, picture_word=picture_word, table_word=table_word)
    # The content has passed the sanitiser, and of what is put in every value is escaped.
    return Markup(_TAG.sub(mind.tag, html))


def count_pictures(html: SafeHtml) -> int:
    """Return how many pictures the content would load."""
    return html.count("<img ")


class _Mind:
    """What is known of the content up to a tag."""

    def __init__(self, *, own: str | None, pictures: bool, picture_word: str, table_word: str) -> None:
        self._own = own
        self._pictures = pictures
        self._picture_word = picture_word
        self._table_word = table_word
        self._ids: set[str] = set()
        self._levels: list[tuple[int, int]] = []  # headings that are open as sections: as written, as shown
        self._closing: list[str] = []  # of headings
        self._links = 0  # open ones
        self._players: list[str] = []

    def tag(self, match: re.Match[str]) -> str:
        """Return what stands for one tag."""
        closing, name, rest = match.groups()
        return self._close(name) if closing else self._open(name, rest)

    def _close(self, name: str) -> str:
        if name in _HEADINGS:
            return f"</{self._closing.pop() if self._closing else name}>"
        if name == "a":
            self._links = max(0, self._links - 1)
        if name == "picture" and not self._pictures:
            return ""
        if name in _PLAYERS and self._players:
            self._players.pop()
        return "</table></div>" if name == "table" else f"</{_INSTEAD.get(name, name)}>"

    def _open(self, name: str, rest: str) -> str:
        values = dict(_PAIR.findall(rest))
        if name in _HEADINGS:
            name = self._heading(int(name[1]))
            self._closing.append(name)
        elif name == "img":
            return self._image(values)
        elif name in {"picture", "source", "track"} and not self._pictures and (name != "source" or not self._players):
            return ""
        elif name in _PLAYERS:
            return self._player(name, values)
        elif name == "a":
            self._links += 1
            return f"<a{self._attributes(values)}{_REL if 'href' in values else ''}>"
        elif name == "table":
            box = f'<div class="scroll" role="group" tabindex="0" aria-label="{self._table_word}">'
            return f"{box}<table{self._attributes(values)}>"
        return f"<{_INSTEAD.get(name, name)}{self._attributes(values)}>"

    def _heading(self, written: int) -> str:
        """Return the name of a heading of the page: as deep as it is nested, whatever numbers the content skips."""
        while self._levels and self._levels[-1][0] >= written:
            self._levels.pop()
        shown = min(self._levels[-1][1] + 1 if self._levels else _FIRST_HEADING, _LAST_HEADING)
        self._levels.append((written, shown))
        return f"h{shown}"

    def _image(self, values: dict[str, str]) -> str:
        if self._pictures:
            values = {"alt": "", **values, "loading": "lazy", "decoding": "async", "referrerpolicy": "no-referrer"}
            return f"<img{self._attributes(values)}>"
        label = f"{self._picture_word}: {alt}" if (alt := values.get("alt", "").strip()) else self._picture_word
        address = values.get("src", "")
        if self._links or not address.startswith(("http://", "https://")):
            return f'<span class="picture">{label}</span>'
        return f'<a class="picture" href="{address}"{_REL}>{label}</a>'

    def _player(self, name: str, values: dict[str, str]) -> str:
        self._players.append(name)
        kept = {key: value for key, value in values.items() if self._pictures or key != "poster"}
        return f"<{name}{self._attributes({**kept, 'preload': 'none', 'controls': ''})}>"

    def _attributes(self, values: dict[str, str]) -> str:
        return "".join(self._attribute(name, value) for name, value in values.items())

    def _attribute(self, name: str, value: str) -> str:
        if name == "id":
            if not value or value in self._ids or any(char.isspace() for char in unescape(value)):
                return ""  # an id that stands twice leads to the first one, as browsers do it
            self._ids.add(value)
            return f' id="{PREFIX}{value}"'
        if name == "headers":
            return f' headers="{" ".join(PREFIX + part for part in value.split())}"'
        if name == "href" and (target := self._within(value)):
            return f' href="#{PREFIX}{target}"'
        return f' {name}="{value}"'

    def _within(self, address: str) -> str | None:
        """Return the fragment of an address that leads to the entry itself."""
        page, mark, fragment = address.partition("#")
        if not mark or not fragment:
            return None
        return fragment if not page or (self._own is not None and unescape(page) == self._own.partition("#")[0]) else None
