"""What an entry is recognised by when it comes back under another id: 32 bytes, a function of its post alone.

The state keeps them beside each post, so that a poll need not read posts to recognise entries, and `reindex` rebuilds them.
Four parts of eight bytes: the id without what varies, the text with the addresses of its pictures and files, the title, and
when it was published.
"""

from __future__ import annotations

import re
from hashlib import sha256
from html import unescape
from unicodedata import normalize

from aggregator.model.entry import Entry
from aggregator.model.links import comparable

_PART = 8
ID = slice(0, 8)
TEXT = slice(8, 16)
TITLE = slice(16, 24)
PUBLISHED = slice(24, 32)
TITLE_AND_PUBLISHED = slice(16, 32)
ALL_BUT_ID = slice(8, 32)
UNDATED = b"\x80" + bytes(_PART - 1)  #: no instant: the lowest number of 64 bits
#: Of the HTML; so much shows whether there is a text and what it is like.
_READ = 2000
#: Characters from which on an equal text is no coincidence.
LONG = 64
#: Nothing is given back once it is matched (`*+`): it could not help, and to try takes time.
_TAG = re.compile(r'<[^<>"]*+(?:"[^"]*+"[^<>"]*+)*+(?:>|\Z)')
#: Begins with what is rare in a text, and looks back from there: five times as fast as to try at each space.
_FILE = re.compile(r'="(?:(?<=\ssrc=")|(?<=\ssrcset=")|(?<=\sposter=")|(?<=\sdata="))([^"]*)"')
_SHOWN = re.compile(r'\s(?:src|poster|data)="([^"]*)"')
_ASCII_SPACE = bytes(code for code in range(128) if chr(code).isspace())
#: What the generator of adopted posts put for these characters in a title, one for one.
_MANGLED = str.maketrans(dict.fromkeys(":/\\?*“”<>|[]", "_"))
_TITLE_READ = 300  #: characters of a title: longer ones are cut on one side only
_UNSHOWN = re.compile(r"<(style|script)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_NO_LETTER = re.compile(r"[\W_]+")


def traits_of(entry: Entry, *, adopted: bool = False) -> bytes:
    """Return the entry's traits; title and text of an `adopted` post have traits that no other entry has by chance."""
    published = UNDATED if entry.published is None else int(entry.published.timestamp()).to_bytes(_PART, "big", signed=True)
    if adopted:
        return b"".join((id_trait(entry.id), adopted_text(entry), adopted_title(entry.title), published))
    return b"".join((id_trait(entry.id), _text_trait(entry), _hash(entry.title), published))


def adopted_title(title: str) -> bytes:
    """Return the title trait of an adopted post, which is the same for the title as upstream wrote it."""
    mangled = normalize("NFC", " ".join(unescape(title).split())[:_TITLE_READ]).translate(_MANGLED).strip()
    return _hash(f"adopted\0{mangled}")


def adopted_text(entry: Entry) -> bytes:
    """Return the text trait of an adopted post, whose HTML nobody has cleaned: letters, digits and files are alike anyway."""
    return _hash("\0".join(("adopted", letters_of(entry.content), *map(comparable, files_of(entry)))))


def letters_of(html: str) -> str:
    """Return the letters and digits that a reader sees, without case."""
    return _NO_LETTER.sub("", unescape(_TAG.sub(" ", _UNSHOWN.sub("", html)))).casefold()


def files_of(entry: Entry) -> list[str]:
    """Return the addresses of what is seen or heard in the text, in order."""
    return [unescape(address) for address in _SHOWN.findall(entry.content)]


def id_trait(entry_id: str) -> bytes:
    """Return the part that stands for the id: alike for http and https, with and without tracking."""
    return _hash(comparable(entry_id))


def traits_of_id(entry_id: str) -> bytes:
    """Return the traits of an entry of which only the id is left: no other part is like any entry's."""
    return id_trait(entry_id) + b"\xff" * (3 * _PART)


def visible_text(entry: Entry) -> str:
    """Return the beginning of the text without tags and white space."""
    return _visible(entry.content[:_READ])


def _text_trait(entry: Entry) -> bytes:
    """Return the part that stands for all that is read, seen or heard: a comic's text may be the same every day."""
    files = (*_FILE.findall(entry.content), *(enclosure.href for enclosure in entry.enclosures))
    return _hash("\0".join((_visible(entry.content), *map(comparable, files))))


def _visible(html: str) -> str:
    text = _TAG.sub("", html).replace("&nbsp;", "")
    if text.isascii():
        return text.encode().translate(None, _ASCII_SPACE).decode()
    return "".join(text.split())


def _hash(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:_PART]
