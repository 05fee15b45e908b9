"""Entries under ids that are not known + adopted posts -> those that are one. Pure.

A post that another program wrote has no id or link of upstream's, a title in which marks were lost, a text that nobody
cleaned, and often no date. An entry is such a post only if their titles are the same but for those marks, if each of them fits
no other one, and

1. both say when they were published, at the same second, and nothing else speaks against it; or
2. everything is the same: each letter of a text that is long enough or has a picture, all pictures, and all links; and
   they were published within a day and a half (upstreams that count hours back are no more exact), or one of them has no
   date. Then nothing can be lost.

A title alone is nothing: there are columns that have one title every week, and photographers whose every picture is `© Name`.
Nor is a text that is alike: the quotation of the day stands in the same frame every day.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from html import unescape

from aggregator.decide.noise import same_address
from aggregator.decide.recognise import Recognised
from aggregator.model.changes import KnownEntry
from aggregator.model.entry import Entry
from aggregator.model.known import marks_of
from aggregator.model.links import comparable
from aggregator.model.traits import LONG, PUBLISHED, TEXT, TITLE, UNDATED, adopted_text, adopted_title, files_of, letters_of

Pairs = Mapping[str, tuple[str, ...]]  #: keys of adopted posts by an entry's id

_SOFT = timedelta(hours=36)
_HOUR_SECONDS = 3600
_DIFFERENT = 0.3  #: share of the pieces of a text that two versions of it have in common at least
_PIECE = 5  #: letters
_READ = 20_000  #: letters that are compared piece by piece
_HREF = re.compile(r'\shref="([^"]*)"')


def same_titles(entries: Iterable[Entry], known: Mapping[str, KnownEntry], present: Collection[str]) -> Pairs:
    """Return which adopted posts each entry could be by its title; none that the document holds (`present`) already."""
    titles = {entry.id: adopted_title(entry.title) for entry in entries}
    wanted = set(titles.values())
    keys: dict[bytes, list[str]] = defaultdict(list)
    for key, _, traits in marks_of(known):
        if traits[TITLE] in wanted and key not in present:
            keys[traits[TITLE]].append(key)
    return {name: tuple(keys[title]) for name, title in titles.items() if title in keys}


def recognise_adopted(
    pairs: Pairs, entries: Mapping[str, Entry], posts: Mapping[str, Entry | None], known: Mapping[str, KnownEntry]
) -> tuple[Recognised, ...]:
    """Return the entries (by id) that are an adopted post.

    `posts` holds what the posts say by key, their HTML as clean as the entries'; None: it is gone, only its traits are left.
    """
    sure = [(name, key) for name, keys in pairs.items() for key in keys if _is_one(entries[name], posts.get(key), known[key])]
    names, keys = Counter(name for name, _ in sure), Counter(key for _, key in sure)
    return tuple(Recognised(id=name, key=key, by="title") for name, key in sure if names[name] == keys[key] == 1)


def _is_one(entry: Entry, post: Entry | None, known: KnownEntry) -> bool:
    if post is None:
        return _was_one(entry, known)
    new, old = _Text(entry), _Text(post)
    if entry.published is None or post.published is None:
        return new.is_same(old)
    if _timed(entry) and entry.published == post.published:
        return not new.contradicts(old)
    return abs(entry.published - post.published) <= _SOFT and new.is_same(old)


def _was_one(entry: Entry, known: KnownEntry) -> bool:
    """Tell the same of a post that is gone, by its traits."""
    same = _Text(entry).tells and known.traits[TEXT] == adopted_text(entry)
    if entry.published is None or known.traits[PUBLISHED] == UNDATED:
        return same
    apart = abs(int(entry.published.timestamp()) - int.from_bytes(known.traits[PUBLISHED], "big", signed=True))
    return (apart == 0 and _timed(entry)) or (same and apart <= _SOFT.total_seconds())


def _timed(entry: Entry) -> bool:
    """Tell whether an entry's date is more than a day: midnight anywhere is a full hour in UTC, but for few zones."""
    return entry.published is not None and int(entry.published.timestamp()) % _HOUR_SECONDS != 0


class _Text:
    """What is read and seen of an entry."""

    def __init__(self, entry: Entry) -> None:
        self.letters = letters_of(entry.content)
        self.files = files_of(entry)
        self.links = sorted(comparable(unescape(address)) for address in _HREF.findall(entry.content))
        heard = any(not (file.type or "").startswith("image/") for file in entry.enclosures)
        #: There is something to be told by, and nothing that the old post could not hold: files were never kept.
        self.tells = (len(self.letters) >= LONG or bool(self.files)) and not heard
        self._pieces: set[str] | None = None

    @property
    def pieces(self) -> set[str]:
        if self._pieces is None:
            text = self.letters[:_READ]
            self._pieces = {text[at : at + _PIECE] for at in range(max(1, len(text) - _PIECE + 1))}
        return self._pieces

    def is_same(self, other: _Text) -> bool:
        """Tell whether there is something, and all of it the same."""
        return self.tells and self.letters == other.letters and self.links == other.links and self._same_files(other)

    def contradicts(self, other: _Text) -> bool:
        """Tell whether two texts, or where they are short two pictures, are different ones."""
        short, long = sorted((self.letters, other.letters), key=len)
        if len(short) >= LONG:
            return len(self.pieces & other.pieces) < _DIFFERENT * min(len(self.pieces), len(other.pieces))
        if short not in long:
            return True
        if self.files and other.files:
            return not any(same_address(one, two, file=True) for one in self.files for two in other.files)
        return False

    def _same_files(self, other: _Text) -> bool:
        return len(self.files) == len(other.files) and all(
            same_address(one, two, file=True) for one, two in zip(self.files, other.files, strict=True)
        )
