"""What a document says about itself -> Feed, the part of it that every entry carries."""

from __future__ import annotations

from aggregator.model.entry import Feed
from aggregator.model.key import is_absolute_iri
from aggregator.model.parsed import ParsedFeed
from aggregator.model.source import Source
from aggregator.normalise.address import absolute
from aggregator.normalise.text import MAX_TITLE, shorten, to_line


def normalise_feed(parsed: ParsedFeed, source: Source, *, address: str) -> Feed:
    """Return the feed as atom:source shows it; the title is the owner's, else upstream's, else the source's id."""
    return Feed(
        title=shorten(source.title or to_line(parsed.title) or source.id, MAX_TITLE),
        id=parsed.id if parsed.id is not None and is_absolute_iri(parsed.id) else None,
        link=absolute(parsed.link, address),
        rights=to_line(parsed.rights),
    )
