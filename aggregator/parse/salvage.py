"""Text of an ill-formed feed -> its entries one by one, so that a broken one does not spoil the others.

A reader that guesses at a whole document reads sound entries otherwise than a strict one does, and an unclosed CDATA section
or comment takes all that follow with it. Here the document is cut at the start tags of its entries, and each piece is tried on
its own: what is well-formed is read strictly, whatever stands beside it. Pure text; nothing is read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.parsers import expat

#: More broken entries than these, and it is the document that is broken.
MAX_BROKEN = 20
#: Longer start tags than these are read again with every entry: that would be somebody's attack and not a feed.
_MAX_FRAME = 16 * 1024
#: Pieces that may be one entry, cut where its text spoke of a start tag.
_MAX_JOINED = 3

_ENTRY = re.compile(r"<((?:[A-Za-z_][\w.-]{0,60}:)?(?:item|entry))(?=[\s/>])")
_TAG = r"(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>"
_ROOT = re.compile(r"<([A-Za-z_][\w.-]{0,60}(?::[\w.-]{1,60})?)" + _TAG)
_CHANNEL = re.compile(r"<((?:[A-Za-z_][\w.-]{0,60}:)?channel)(?=[\s/>])" + _TAG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One entry as it stands in the document."""

    text: str
    sound: bool  #: well-formed by itself
    closed: bool  #: its end tag is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A document taken apart."""

    frame: str  #: the start tags that every entry stands in
    closers: str  #: and their end tags
    rest: str  #: the document without its entries
    entries: tuple[Piece, ...]
    complete: bool  #: the root element is closed

    def document(self, entries: Sequence[Piece]) -> str:
        """Return a document of these entries and nothing else."""
        return f"{self.frame}{''.join(piece.text for piece in entries)}{self.closers}"


def take_apart(text: str) -> Pieces | None:
    """Return the pieces of a document, which begins with its root element; None if that would help nobody.

    That is so where it has no entries, where none of them is sound, where too many are broken, and where its own start tags are
    no feed's.
    """
    root, first = _ROOT.match(text), _ENTRY.search(text)
    if root is None or first is None or first.start() < root.end():
        return None
    name = first[1]
    head = text[: first.start()]
    channel = _CHANNEL.search(head, root.end())
    inside = channel is not None and f"</{channel[1]}" not in head
    frame = root[0] + (channel[0] if channel is not None and inside else "")
    closers = (f"</{channel[1]}>" if channel is not None and inside else "") + f"</{root[1]}>"
    if len(frame) > _MAX_FRAME:
        return None
    cuts, end = _cut(text, name)
    entries = _judged(cuts, name, frame, closers)
    if entries is None or not any(piece.sound for piece in entries):
        return None
    complete = text.rfind(f"</{root[1]}") >= end
    rest = head + (text[end:] if complete else closers)
    return Pieces(frame=frame, closers=closers, rest=rest, entries=entries, complete=complete)


def _cut(text: str, name: str) -> tuple[list[str], int]:
    """Return the document from start tag to start tag, and where the last entry ends."""
    starts = [match.start() for match in re.finditer(rf"<{re.escape(name)}(?=[\s/>])", text)]
    cuts = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    close = cuts[-1].rfind(f"</{name}>")
    length = close + len(name) + 3 if close >= 0 else len(cuts[-1])
    cuts[-1] = cuts[-1][:length]
    return cuts, starts[-1] + length


def _judged(cuts: list[str], name: str, frame: str, closers: str) -> tuple[Piece, ...] | None:
    """Try each piece; None when too many are broken.

    From one that is broken alone to another one they may be one entry, whose text speaks of start tags.
    """
    texts = [_trimmed(cut, name) for cut in cuts]
    sound = [_is_sound(f"{frame}{text}{closers}") for text in texts]
    if len(sound) - sum(sound) > MAX_BROKEN:
        return None
    found: list[Piece] = []
    position = 0
    while position < len(cuts):
        text, whole, taken = texts[position], sound[position], 1
        for number in range(2, _MAX_JOINED + 1) if not whole else ():
            if position + number <= len(cuts) and not sound[position + number - 1]:
                joined = _trimmed("".join(cuts[position : position + number]), name)
                if _is_sound(f"{frame}{joined}{closers}"):
                    text, whole, taken = joined, True, number
                    break
        found.append(Piece(text=text, sound=whole, closed=text.endswith(f"</{name}>")))
        position += taken
    return tuple(found)


def _trimmed(text: str, name: str) -> str:
    """Return an entry up to its last end tag, where it has one."""
    close = text.rfind(f"</{name}>")
    return text if close < 0 else text[: close + len(name) + 3]


def _is_sound(document: str) -> bool:
    parser = expat.ParserCreate("utf-8", " ")
    try:
        parser.Parse(document.encode("utf-8"), True)  # noqa: FBT003 - expat's signature
    except expat.ExpatError:
        return False
    return True
