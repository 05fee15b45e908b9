"""One entry after normalisation: what a post holds and what a feed publishes.

Invariants, kept by `normalise` and relied upon by `store` and `publish`: every text is legal XML 1.0 (no C0 controls
except tab and newline, no surrogates, no U+FFFE/U+FFFF); one-line fields hold no newline and no outer space; every address is
absolute http(s) (mailto also in content); instants are aware, UTC, whole seconds; missing is None, never "".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

#: HTML that passed the sanitiser: its only entities are &amp; &lt; &gt; &quot; &nbsp;, so it never contains "&#";
#: newlines are LF.
SafeHtml = NewType("SafeHtml", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """RFC 4287 §3.2."""

    name: str
    uri: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Upstream's label, an atom:category (RFC 4287 §4.2.2); kept apart from our categories."""

    term: str
    scheme: str | None = None  #: an absolute IRI
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A related file such as a podcast episode (RFC 4287 §4.2.7.2; RSS <enclosure>)."""

    href: str
    type: str | None = None
    length: int | None = None  #: bytes
    title: str | None = None


#: What an episode can be (Apple's <itunes:episodeType>).
EPISODE_KINDS = ("full", "trailer", "bonus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What an entry is as an episode of a podcast, in the terms of Apple's podcast RSS; at least one field is there."""

    duration: int | None = None  #: seconds, above 0 (<itunes:duration>; JSON Feed duration_in_seconds)
    number: int | None = None  #: above 0 (<itunes:episode>)
    season: int | None = None  #: above 0 (<itunes:season>)
    kind: str | None = None  #: one of EPISODE_KINDS (<itunes:episodeType>); None: not said, which Apple takes for full
    explicit: bool | None = None  #: not for children (<itunes:explicit>); None: not said of this episode
    image: str | None = None  #: address of its own artwork (<itunes:image>)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What an entry says about the feed it came from; becomes atom:source (RFC 4287 §4.2.11)."""

    title: str
    id: str | None = None  #: upstream's atom:id, if it is an absolute IRI
    link: str | None = None  #: the page (rel=alternate)
    rights: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of one source (RFC 4287 §4.1.2; RSS 2.0 <item>)."""

    id: str  #: exactly as upstream wrote it, or derived; unique within `source_id` (§4.2.6; RSS <guid>)
    source_id: str  #: key of the configured source
    title: str  #: plain text, one line, never empty (§4.2.14)
    categories: tuple[str, ...]  #: our output bucket, a path with at least one part
    content: SafeHtml  #: may be empty (§4.1.3)
    published: datetime | None  #: upstream's claim (§4.2.9); None when it gave no usable date
    first_seen: datetime | None  #: our clock, set once, only where `published` is None
    feed: Feed
    author: str | None = None  #: the publisher's byline from the config, front matter `author`
    cover: str | None = None  #: address of an image
    link: str | None = None  #: the page of the entry (rel=alternate)
    updated: datetime | None = None  #: upstream's claim (§4.2.15), only when it differs from `published`
    authors: tuple[Person, ...] = ()  #: upstream's (§4.2.1)
    tags: tuple[Tag, ...] = ()
    language: str | None = None  #: BCP 47
    summary: str | None = None  #: plain text, one paragraph (§4.2.13)
    rights: str | None = None  #: plain text (§4.2.10)
    enclosures: tuple[Enclosure, ...] = ()
    episode: Episode | None = None  #: None: upstream says nothing that only podcasts have

    @property
    def date(self) -> datetime:
        """Return the instant the post is dated with: upstream's, else when it was first seen."""
        date = self.published or self.first_seen
        if date is None:
            raise ValueError("an entry carries `published` or `first_seen`")
        return date
