"""What each reader makes of our feeds: every field as it was published, but for what that reader is known not to do.

A limit is the reader's own: it says what the reader shows instead, so that a change of it, for better or worse, is seen. What
a reader would read wrongly by our fault has no place here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

from tests import reader_clients, reader_mailers
from tests.conftest import need
from tests.reader_entries import SAMPLES, Facts, File, Sample
from tests.reader_tools import debian_version, npm_version, python_version, version_of

FORMATS = ("atom", "rss", "json")
#: Fields of `Facts` -> what a person calls them.
FIELDS = {
    "id": "id",
    "title": "title",
    "link": "link",
    "date": "date",
    "authors": "author",
    "files": "enclosure",
    "duration": "duration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a reader does with a field instead of reading it as it was published."""

    words: str
    says: Callable[[Facts], Any]


Limits = Mapping[str, Limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A reader, and how it is used."""

    name: str
    version: Callable[[], str]  #: skips the test where the reader is not installed
    read: Callable[[Path, str], Iterator[Facts]]
    formats: Mapping[str, Limits]  #: those that it reads
    sends: bool = False  #: a message for each entry, and none when an entry changes
    silent: tuple[str, ...] = ()  #: fields of which it tells nothing, whatever the format
    about: Callable[[Path], tuple[str, str]] | None = None  #: title and page of the feed itself, if it keeps them

    def expected(self, format_: str, samples: Iterable[Sample] = SAMPLES) -> list[Facts]:
        """Return what it is to say of the samples; nothing, of a format that it does not read."""
        return [within(self.limits(format_), sample.facts) for sample in samples] if format_ in self.formats else []

    def limits(self, format_: str) -> Limits:
        """Return its limits in a format that it reads."""
        return {**{field: _silence(field) for field in self.silent}, **self.formats[format_]}


def within(limits: Limits, facts: Facts) -> Facts:
    """Return the facts as a reader with these limits shows them."""
    return replace(facts, **{field: limit.says(facts) for field, limit in limits.items()})


def _files(facts: Facts, *, lengths: bool = True, types: bool = True) -> tuple[File, ...]:
    return tuple(
        File(href=file.href, type=file.type if types else None, length=file.length if lengths else None) for file in facts.files
    )


def _silence(field: str) -> Limit:
    nothing = getattr(Facts(id=""), field)
    return Limit(words="not told", says=lambda _: nothing)


_JOINED = Limit(words="several as one text", says=lambda facts: (", ".join(facts.authors),))
_FIRST_AUTHOR = Limit(words="the first of several", says=lambda facts: facts.authors[:1])
_LAST_AUTHOR = Limit(words="the last of several", says=lambda facts: facts.authors[-1:])
_FIRST_FILE = Limit(words="the first of several", says=lambda facts: _files(facts)[:1])
_FIRST_WITHOUT_LENGTH = Limit(words="the first of several, no length", says=lambda facts: _files(facts, lengths=False)[:1])
_FIRST_ADDRESS = Limit(
    words="the first of several, address only", says=lambda facts: _files(facts, lengths=False, types=False)[:1]
)
_ADDRESSES = Limit(words="addresses only", says=lambda facts: _files(facts, lengths=False, types=False))
_ID_FOR_PAGE = Limit(words="without a page: the id", says=lambda facts: facts.link or facts.id)
_SOURCE_FOR_PAGE = Limit(words="without a page: the source's", says=lambda facts: facts.link or "https://paper.example/")
_SERVER_FOR_PAGE = Limit(words="without a page: the feed's server", says=lambda facts: facts.link or reader_mailers.SERVER)
_AS_HTML = Limit(words="taken as HTML", says=lambda facts: unescape(re.sub(r"<[a-z]>", "", facts.title)))
_UNESCAPED = Limit(words="references are resolved once more", says=lambda facts: unescape(facts.title))
_MESSAGE_ID = Limit(words="made into a Message-ID", says=lambda facts: re.sub(r"\W+", "-", facts.id).strip("-"))
_LAST_CHANGE = Limit(
    words="that of the last change",
    says=lambda facts: next((sample.updated for sample in SAMPLES if sample.facts.id == facts.id), None) or facts.date,
)
_MAIL: Limits = {"id": _MESSAGE_ID, "date": _LAST_CHANGE}

CLIENTS = (
    Client(
        name="newsboat",
        version=lambda: version_of(need("newsboat"), "--version"),
        read=reader_clients.read_newsboat,
        about=reader_clients.about_newsboat,
        silent=("duration",),
        formats={
            "atom": {"authors": _JOINED, "files": _FIRST_WITHOUT_LENGTH},
            "rss": {"authors": _JOINED, "files": _FIRST_WITHOUT_LENGTH},
        },
    ),
    Client(
        name="sfeed",
        version=lambda: debian_version("sfeed") if need("sfeed_update") else "",
        read=reader_clients.read_sfeed,
        silent=("duration",),
        formats={
            "atom": {"link": _SOURCE_FOR_PAGE, "authors": _FIRST_AUTHOR, "files": _FIRST_ADDRESS},
            "rss": {"authors": _JOINED, "files": _FIRST_ADDRESS},
        },
    ),
    Client(
        name="Liferea",
        version=lambda: version_of(need("liferea"), "--version"),
        read=reader_clients.read_liferea,
        about=reader_clients.about_liferea,
        silent=("duration",),
        formats={
            "atom": {},
            "rss": {"title": _AS_HTML, "authors": _JOINED, "files": _FIRST_FILE},
        },
    ),
    Client(
        name="lemon24/reader",
        version=lambda: python_version("reader"),
        read=reader_clients.read_reader,
        about=reader_clients.about_reader,
        silent=("duration",),
        formats={"atom": {"link": _ID_FOR_PAGE, "authors": _LAST_AUTHOR}, "rss": {}, "json": {}},
    ),
    Client(
        name="feed2exec",
        version=lambda: python_version("feed2exec"),
        read=reader_mailers.read_feed2exec,
        formats={
            "atom": {"link": _ID_FOR_PAGE},
            "rss": {"link": _SERVER_FOR_PAGE, "authors": _JOINED},
        },
    ),
    Client(
        name="feed2exec (mailbox)",
        version=lambda: python_version("feed2exec"),
        read=reader_mailers.read_feed2exec_mail,
        sends=True,
        silent=("files", "duration"),
        formats={
            "atom": {**_MAIL, "link": _ID_FOR_PAGE, "authors": _LAST_AUTHOR},
            "rss": {**_MAIL, "link": _SERVER_FOR_PAGE, "authors": _JOINED},
        },
    ),
    Client(
        name="rss2email (--no-send)",
        version=lambda: python_version("rss2email"),
        read=reader_mailers.read_rss2email_seen,
        sends=True,
        silent=("title", "link", "date", "authors", "files", "duration"),
        formats={
            "atom": {},
            "rss": {},
        },
    ),
    Client(
        name="rss2email",
        version=lambda: python_version("rss2email"),
        read=reader_mailers.read_rss2email,
        sends=True,
        silent=("duration",),
        formats={
            "atom": {"title": _UNESCAPED, "link": _ID_FOR_PAGE, "authors": _LAST_AUTHOR, "files": _ADDRESSES},
            "rss": {"title": _UNESCAPED, "authors": _JOINED, "files": _ADDRESSES},
        },
    ),
    Client(
        name="feedsmith",
        version=lambda: npm_version("feedsmith"),
        read=reader_clients.read_feedsmith,
        about=reader_clients.about_feedsmith,
        formats={"atom": {}, "rss": {"authors": _JOINED}, "json": {}},
    ),
    Client(
        name="rss-parser",
        version=lambda: npm_version("rss-parser"),
        read=reader_clients.read_rss_parser,
        about=reader_clients.about_rss_parser,
        formats={
            "atom": {
                "link": _SOURCE_FOR_PAGE,
                "authors": _FIRST_AUTHOR,
                "files": _silence("files"),
                "duration": _silence("duration"),
            },
            "rss": {"authors": _JOINED, "files": _FIRST_FILE},
        },
    ),
)


def differences(expected: Iterable[Facts], found: Iterable[Facts]) -> list[str]:
    """Return in words what a reader says otherwise than expected."""
    theirs: dict[str, Facts] = {}
    lines = []
    for facts in found:
        if facts.id in theirs:
            lines.append(f"{facts.id!r} stands there twice")
        theirs[facts.id] = facts
    for facts in expected:
        said = theirs.pop(facts.id, None)
        if said is None:
            lines.append(f"{facts.id!r} ({facts.title}) was not read")
            continue
        lines += [
            f"{facts.title}: {name} is {getattr(said, field)!r} instead of {getattr(facts, field)!r}"
            for field, name in FIELDS.items()
            if getattr(said, field) != getattr(facts, field)
        ]
    return lines + [f"{facts!r} was never published" for facts in theirs.values()]
