"""One document as a parser read it: plain text and tuples, nothing chosen, cleaned or resolved that the next stage could do.

Every parser (feedparser, the JSON Feed reader, any faster one) must fill these records alike, field by field. Rules that hold
for all of them: every text is legal XML 1.0; missing and empty are both None; ids are as written, without outer white space;
addresses are as written, joined with the xml:base values around them but not with the document's own address (so that the
same document from another mirror has the same hashes); dates are the text as written, because reading them needs the source's
time zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from aggregator.model.changes import Hints

#: How a `ParsedText` is written.
TEXT = "text"  #: literally so (Atom type="text", JSON Feed): an entity in it is text
HTML = "html"  #: HTML or XHTML as markup
GUESS = "guess"  #: the format does not say (RSS titles): text with entities, perhaps tags


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedText:
    """A text construct (RFC 4287 §3.1) or content (§4.1.3)."""

    value: str  #: never empty
    type: str = TEXT  #: TEXT, HTML or GUESS
    base: str | None = None  #: xml:base in force, absolute or relative to the document


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPerson:
    """A person as written; what stands in RSS <author> or dc:creator is all in the name, an address too."""

    name: str | None = None
    email: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTag:
    """A label (RFC 4287 §4.2.2; RSS <category>)."""

    term: str | None = None
    scheme: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEnclosure:
    """A related file; numbers are still text."""

    href: str
    type: str | None = None
    length: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEpisode:
    """What an entry says of itself as an episode of a podcast, in Apple's words; numbers and times are still text."""

    duration: str | None = None  #: <itunes:duration>
    seconds: str | None = None  #: JSON Feed duration_in_seconds of the first attachment
    number: str | None = None  #: <itunes:episode>
    season: str | None = None  #: <itunes:season>
    kind: str | None = None  #: <itunes:episodeType>
    explicit: str | None = None  #: <itunes:explicit>
    image: str | None = None  #: <itunes:image href>; it is among the entry's `images` too


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEntry:
    """One entry as written."""

    id: str | None = None  #: atom:id, <guid>, rdf:about, JSON Feed id
    link: str | None = None  #: feedburner:origLink, else the first alternate (HTML preferred), RSS <link>
    title: ParsedText | None = None
    summary: ParsedText | None = None  #: atom:summary; RSS <description> beside <content:encoded>
    content: ParsedText | None = None  #: the fullest text there is
    content_src: str | None = None  #: content out of line (RFC 4287 §4.1.3.2)
    content_src_type: str | None = None
    published: str | None = None
    updated: str | None = None
    authors: tuple[ParsedPerson, ...] = ()
    tags: tuple[ParsedTag, ...] = ()
    enclosures: tuple[ParsedEnclosure, ...] = ()
    episode: ParsedEpisode | None = None  #: None: not a word of it is there
    images: tuple[str, ...] = ()  #: media:thumbnail, itunes:image, media:content images, JSON Feed image
    language: str | None = None
    rights: ParsedText | None = None
    origin: str | None = None  #: id of the feed that it was taken from (atom:source, RFC 4287 §4.2.11); not part of its hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A whole document as written."""

    format: str  #: feedparser's words: rss20, atom10, rss10, ...; json1, json11
    title: ParsedText | None = None
    link: str | None = None
    id: str | None = None
    rights: ParsedText | None = None
    language: str | None = None
    hints: Hints = field(default_factory=Hints)
    entries: tuple[ParsedEntry, ...] = ()  #: in the order of the document
    complete: bool = True  #: False: the document breaks off; an entry that was cut is not among `entries`
    warnings: tuple[str, ...] = ()  #: one line each, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFeed:
    """A feed that a web page names (`<link rel=alternate>`, or a Link header)."""

    address: str  #: absolute, http(s), without credentials and fragment
    title: str | None  #: as the page calls it
    format: str  #: what people call its media type; it may be wrong
    comments: bool = False  #: what readers say about a page, by its name


_NO_TEXT = (None, None, None)


def hash_entry(entry: ParsedEntry) -> bytes:
    """Return 16 bytes that change when any field of the entry does.

    The lengths of all fields go before their text, so that no two entries can run together into the same bytes. What an entry
    does not have of a later version's fields adds nothing: else every entry would look changed after an upgrade.
    """
    parts: list[str | None] = [
        *(entry.id, entry.link, entry.published, entry.updated, entry.language),
        *(entry.content_src, entry.content_src_type),
    ]
    for text in (entry.title, entry.summary, entry.content, entry.rights):
        parts += _NO_TEXT if text is None else (text.value, text.type, text.base)
    for person in entry.authors:
        parts += (person.name, person.email, person.uri)
    for tag in entry.tags:
        parts += (tag.term, tag.scheme, tag.label)
    for file in entry.enclosures:
        parts += (file.href, file.type, file.length, file.title)
    parts += entry.images
    lengths = [-1 if part is None else len(part) for part in parts]
    lengths += (len(entry.authors), len(entry.tags), len(entry.enclosures))
    joined = f"{lengths}{''.join(filter(None, parts))}"
    if entry.episode is not None:
        joined += _episode_text(entry.episode)
    return sha256(joined.encode("utf-8", "surrogatepass")).digest()[:16]


def hash_without_episode(entry: ParsedEntry) -> bytes:
    """Return the hash of all but the episode: entries were named by it before that field was read."""
    return hash_entry(replace(entry, episode=None))


def _episode_text(episode: ParsedEpisode) -> str:
    parts = (
        *(episode.duration, episode.seconds, episode.number, episode.season),
        *(episode.kind, episode.explicit, episode.image),
    )
    return f"{[-1 if part is None else len(part) for part in parts]}{''.join(part for part in parts if part)}"
