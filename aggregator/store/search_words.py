"""What somebody types, and what a text holds, as words that SQLite's FTS5 finds again. Pure.

FTS5 takes words to be what stands between spaces, which Chinese, Japanese and Thai do not write. So each character of such a
script becomes a word of its own, in what is indexed and in what is asked alike, and characters that stand together are asked
for as a phrase: 横琴 is found in 全省推进横琴. Whatever is typed, what FTS5 gets are quoted words and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import combining, normalize

LONGEST_QUERY = 200  #: characters; what is beyond is not looked at
SNIPPET = 240  #: characters at most
MOST_WORDS = 20  #: of a query, or phrases; what is beyond is not looked at

_BEFORE = 60  #: characters of a snippet that stand before the hit
_FIRST = 10_000  #: characters that are looked at first: most hits are there, and few posts are longer
_NEAR = 20  #: a snippet begins and ends at a space if there is one so near

#: Characters that are a word each: radicals, kana, bopomofo, ideographs, hangul; Thai, Lao, Burmese and Khmer have no spaces
#: either.
_SINGLE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u312f\u3130-\u318f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff]+"
)
#: Symbols, and whatever lies beyond the first plane: FTS5 has no word for emoji and knows no ideographs of this decade. They
#: are written as their numbers.
_WIDE = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U00010000-\U0010ffff]")
#: Signs within words that most people do not type: Arabic and Hebrew vowels, tatweel, joiners, variation selectors, skin tones.
_SILENT = re.compile(
    "[\u00ad\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8"
    "\u06ea-\u06ed\u200c-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff]+"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]+")
_QUOTES = re.compile('["\u201c\u201d\u201e]')
_WORD = re.compile(r"[^\W_]+")
_BEGUN = re.compile(r"[^\W_]{2,}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants to find."""

    match: str  #: for FTS5's MATCH
    words: tuple[str, ...]  #: that a snippet is to show, without accents, in lower case


def fold(text: str) -> str:
    """Return a text without differences that nobody searches for: full width, vowel signs of Arabic, control characters."""
    return _SILENT.sub("", normalize("NFKC", _CONTROL.sub(" ", text)))


def words_of(text: str) -> str:
    """Return a text as words with spaces between."""
    folded = fold(text)
    if not folded.isascii():
        folded = _SINGLE.sub(lambda run: f" {' '.join(run[0])} ", folded)
        if _WIDE.search(folded):
            folded = _WIDE.sub(lambda sign: f" u{ord(sign[0]):x} ", folded)
    return folded


def parse_query(text: str) -> Question | None:
    """Return what is asked for, or None where no word is in it.

    All words must be there, in any order; what stands in quotes must be there as it stands. The last word may be the beginning
    of a longer one, unless it is quoted.
    """
    parts: list[str] = []
    shown: list[str] = []
    sections = _QUOTES.split(_CONTROL.sub(" ", text[:LONGEST_QUERY]))
    for number, section in enumerate(sections):
        is_quoted = number % 2 == 1
        for phrase in [section] if is_quoted else section.split():
            words = words_of(phrase).replace('"', " ").strip()
            if not _WORD.search(words):
                continue
            parts.append(f'"{words}"')
            shown += _WORD.findall(_bare(phrase))
        if number == len(sections) - 1 and not is_quoted and section.strip() and parts and _BEGUN.search(parts[-1][:-1]):
            parts[-1] += " *"
    parts = list(dict.fromkeys(parts))[:MOST_WORDS]
    return Question(match=" ".join(parts), words=tuple(dict.fromkeys(shown))) if parts else None


def snippet(text: str, words: tuple[str, ...]) -> str:
    """Return the part of a plain text that shows the first of the words, or its beginning; plain, one line."""
    plain = normalize("NFC", text[:_FIRST])
    found = _places(plain, words)
    if not found and len(text) > _FIRST:
        plain = normalize("NFC", text)
        found = _places(plain, words)
    # Where the text has signs that are several without accents, the place is a little off, as far as anybody minds.
    hit = min(found, default=0)
    start = 0 if hit <= _BEFORE else _beginning(plain, min(hit, len(plain)) - _BEFORE)
    lead = "…" if start else ""
    room = SNIPPET - len(lead)
    if len(plain) - start <= room:
        return lead + _DIRECTIONS.sub("", plain[start:])
    end = start + room - 1
    space = plain.rfind(" ", end - _NEAR, end)
    return f"{lead}{_DIRECTIONS.sub('', plain[start : space if space > 0 else end]).rstrip()}…"


def _places(plain: str, words: tuple[str, ...]) -> list[int]:
    """Return where each of the words stands for the first time, of those that do."""
    bare = _bare(plain)
    return [at for word in words if (at := bare.find(word)) >= 0]


def _beginning(plain: str, at: int) -> int:
    space = plain.find(" ", at, at + _NEAR)
    if space >= 0:
        return space + 1
    while at < len(plain) and combining(plain[at]):
        at += 1
    return at


def _bare(text: str) -> str:
    """Return a text in lower case and without accents, as long as the text where that is possible."""
    folded = normalize("NFKC", text)
    return folded.lower() if folded.isascii() else normalize("NFKC", _ACCENTS.sub("", normalize("NFKD", folded))).lower()
