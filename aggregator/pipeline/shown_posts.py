"""Posts as pages show them: read from the files, as hands have left them, and what a list says of each.

What cannot be read is None: a page then shows what the index knows. HTML that is not known to be ours passes the sanitiser
first, as it does on its way into feeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.errors import StoreError
from aggregator.model.changes import SOME_VERSION, PostRow
from aggregator.model.entry import Entry, SafeHtml
from aggregator.pipeline.jobs import PostsPlace
from aggregator.store.posts import read_post
from aggregator.store.profiles import PostFormatError, get_profile

SUMMARY = 240  #: characters
#: Of a content that a summary is made of: enough for its first words behind any picture.
_BEGINNING = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which post is to be read, and in which version: an index row's part that tells."""

    path: str
    key: str
    hash: bytes
    ours: bool  #: the index knows that these bytes are as we wrote them

    @classmethod
    def of(cls, row: PostRow) -> Asked:
        """Return what of a row tells one version of a post from all others."""
        ours = not row.locked and row.raw_hash not in {None, SOME_VERSION}
        return cls(path=row.path, key=row.key, hash=row.post_hash, ours=ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a list says of an entry beside what the index knows."""

    summary: str
    language: str | None
    audio: bool


NOTHING = Brief(summary="", language=None, audio=False)


class UnreadablePostError(Exception):
    """There is no such post, or it cannot be read."""


def read_shown(place: PostsPlace, asked: Asked) -> Entry:
    """Return the entry of a post as it lies there. Raises UnreadablePostError."""
    profile = get_profile(place.profile, place.timezone)
    try:
        found = read_post(place.root, asked.path, profile, place.archive, key=asked.key)
    except (PostFormatError, StoreError) as error:
        raise UnreadablePostError(str(error)) from error
    if found is None:
        raise UnreadablePostError(f"{asked.path}: there is no such post")
    if found.hash == asked.hash and asked.ours:
        return found.entry
    from aggregator.normalise.sanitise import sanitise  # only what hands were at, or what was never ours

    return replace(found.entry, content=sanitise(found.entry.content, found.entry.link))


def read_brief(place: PostsPlace, asked: Asked) -> Brief:
    """Return what a list says of a post. Raises UnreadablePostError."""
    return brief_of(read_shown(place, asked))


def brief_of(entry: Entry) -> Brief:
    """Return what a list says of an entry."""
    return Brief(summary=_summary(entry), language=entry.language, audio=_has_audio(entry))


def _has_audio(entry: Entry) -> bool:
    """Tell whether an entry brings something to listen to."""
    return entry.episode is not None or any((each.type or "").startswith("audio/") for each in entry.enclosures)


def _summary(entry: Entry) -> str:
    from aggregator.normalise.text import html_to_line, shorten

    text = entry.summary or html_to_line(_beginning(entry.content))
    return "" if text == entry.title else shorten(text, SUMMARY)


def _beginning(html: SafeHtml) -> str:
    """Return the beginning of clean HTML, cut before a tag."""
    return html if len(html) <= _BEGINNING else html[:_BEGINNING].rpartition("<")[0] or html[:_BEGINNING]
