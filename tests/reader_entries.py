"""What real readers are given to read: an upstream with one entry for each way of reading wrongly, and what must arrive.

The truth stands here by hand, not as our own code would tell it. All dates are whole seconds of 2026-03-01.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from aggregator.model.key import atom_id

#: When entries without a date were first seen; given to `sync` as SOURCE_DATE_EPOCH.
FIRST_SEEN = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
#: Title of the site that publishes.
SITE = "Wörter & Co."
#: The source's title: who an entry is by that names nobody.
PAPER = "Zeitung & Söhne"
LONG_ID = "https://paper.example/id/" + "a-rather-long-path/" * 60 + "end?x=1&y=2"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An enclosure."""

    href: str
    type: str | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a reader can know of an entry. Empty or None is what the reader does not say, or the entry does not have."""

    id: str
    title: str = ""
    link: str | None = None
    date: datetime | None = None
    authors: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    duration: int | None = None  #: of an episode, in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An entry as upstream writes it, and as it must arrive."""

    why: str  #: what could go wrong with it
    raw_id: str  #: as upstream writes it
    facts: Facts
    content: str
    language: str | None
    dated: bool
    updated: datetime | None  #: where it is later than the date
    podcast: bool  #: it stands in the RSS source, all others in the Atom source


def _sample(
    number: int,
    why: str,
    title: str,
    *,
    raw_id: str | None = None,
    link: str | None = None,
    linked: bool = True,
    authors: tuple[str, ...] = ("Ann Ó Brien",),
    files: tuple[File, ...] = (),
    content: str | None = None,
    language: str | None = None,
    dated: bool = True,
    updated: datetime | None = None,
    duration: int | None = None,
) -> Sample:
    """Return an entry that is as plain as can be but for what is given."""
    podcast = duration is not None
    raw_id = raw_id or f"https://paper.example/id/{number}"
    facts = Facts(
        id=atom_id("cast" if podcast else "paper", raw_id),
        title=title,
        link=(link or f"https://paper.example/{number}.html") if linked else None,
        date=datetime(2026, 3, 1, number, 10, 20, tzinfo=UTC) if dated else FIRST_SEEN,
        authors=authors,
        files=files,
        duration=duration,
    )
    return Sample(
        why=why,
        raw_id=raw_id,
        facts=facts,
        content=f"<p>Text of entry {number}.</p>" if content is None else content,
        language=language,
        dated=dated,
        updated=updated,
        podcast=podcast,
    )


SAMPLES = (
    _sample(
        1, "Chinese in title, text and author", "新媒体早报：第一条“引号”", authors=("阿明",), content="<p>正文，第一段。</p>"
    ),
    _sample(2, "signs of markup that are text", 'AT&T <b> & "1 < 2" isn\'t markup'),
    _sample(3, "a reference that is text", "Write &amp; for an ampersand"),
    _sample(4, "emoji beyond the first plane, joined", "🎉 Ein Fest 👩‍👩‍👧 für alle"),
    _sample(5, "right to left", "مرحبا بالعالم 2.0", language="ar", content="<p>نص</p>"),
    _sample(6, "nobody is named as its author", "By nobody", authors=(PAPER,)),
    _sample(7, "several authors", "By two", authors=("Ann Ó Brien", "Bob & Sons")),
    _sample(
        8,
        "two enclosures, one of unknown length",
        "Two files",
        files=(
            File(href="https://cdn.example/8.ogg?a=1&b=2", type="audio/ogg", length=8_000_000_000),
            File(href="https://cdn.example/8.pdf", type="application/pdf"),
        ),
    ),
    _sample(9, "no date: when it was first seen", "Undated", dated=False),
    _sample(10, "text, and no page of its own", "No link", raw_id="tag:paper.example,2026:10", linked=False),
    _sample(11, "a page of its own, and no text", "No content", content=""),
    _sample(12, "its id is no IRI", "Id 4711", raw_id="4711 & co"),
    _sample(13, "its id is long", "Long id", raw_id=LONG_ID),
    _sample(14, "edited later: the date is when it was published", "Edited", updated=datetime(2026, 3, 1, 20, 0, tzinfo=UTC)),
    _sample(15, "an address with signs", "Signs in the link", link="https://paper.example/a?b=1&c=%26%E4%B8%AD#d"),
    _sample(
        16,
        "a podcast's episode",
        "Folge 16: Hören",
        duration=2110,
        raw_id="episode-16",
        authors=("Clara Câst",),
        files=(File(href="https://cdn.example/16.mp3", type="audio/mpeg", length=34_216_300),),
    ),
)


#: What comes later: a new entry, and another title for one that everybody has read.
NEW = _sample(17, "it came later", "Neu")
EDITED = _sample(14, "edited once more", "Edited again", updated=datetime(2026, 3, 1, 21, 0, tzinfo=UTC))
LATER = (*(sample for sample in SAMPLES if sample.facts.id != EDITED.facts.id), EDITED, NEW)


def atom_upstream(samples: Iterable[Sample] = SAMPLES) -> bytes:
    """Return the Atom source, with every sample but the podcast's."""
    entries = "".join(_atom_entry(sample) for sample in samples if not sample.podcast)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>https://paper.example/feed</id><title>{escape(PAPER)}</title><updated>2026-03-01T23:00:00Z</updated>"
        f'<link href="https://paper.example/"/>{entries}</feed>'
    ).encode()


def rss_upstream() -> bytes:
    """Return the RSS source with the podcast's episode."""
    items = "".join(_rss_item(sample) for sample in SAMPLES if sample.podcast)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>Hörspiel</title>'
        f"<link>https://cast.example/</link><description>d</description>{items}</channel></rss>"
    ).encode()


def _atom_entry(sample: Sample) -> str:
    facts = sample.facts
    date = facts.date if sample.dated else None
    updated = sample.updated or date
    authors = () if facts.authors == (PAPER,) else facts.authors
    files = "".join(_atom_file(file) for file in facts.files)
    return (
        f"<entry{f' xml:lang={quoteattr(sample.language)}' if sample.language else ''}>"
        f"<id>{escape(sample.raw_id)}</id><title>{escape(facts.title)}</title>"
        + (f"<published>{date.isoformat()}</published>" if date else "")
        + (f"<updated>{updated.isoformat()}</updated>" if updated else "")
        + (f"<link href={quoteattr(facts.link)}/>" if facts.link else "")
        + "".join(f"<author><name>{escape(name)}</name></author>" for name in authors)
        + (f'<content type="html">{escape(sample.content)}</content>' if sample.content else "")
        + f"{files}</entry>"
    )


def _atom_file(file: File) -> str:
    length = f' length="{file.length}"' if file.length is not None else ""
    return f'<link rel="enclosure" href={quoteattr(file.href)} type={quoteattr(file.type or "")}{length}/>'


def _rss_item(sample: Sample) -> str:
    facts = sample.facts
    assert facts.date is not None
    files = "".join(
        f'<enclosure url={quoteattr(file.href)} type={quoteattr(file.type or "")} length="{file.length}"/>'
        for file in facts.files
    )
    return (
        f"<item><title>{escape(facts.title)}</title><link>{escape(facts.link or '')}</link>"
        f'<guid isPermaLink="false">{escape(sample.raw_id)}</guid><pubDate>{format_datetime(facts.date, usegmt=True)}</pubDate>'
        f"<itunes:author>{escape(facts.authors[0])}</itunes:author><itunes:duration>35:10</itunes:duration>{files}"
        f"<description>{escape(sample.content)}</description></item>"
    )
