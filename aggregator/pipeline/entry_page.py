"""An index row and its post -> the page of one entry."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.model.changes import PostRow
from aggregator.model.entry import Entry, SafeHtml
from aggregator.model.page import Card, EntryPage, Link
from aggregator.pipeline.shown import Shown
from aggregator.pipeline.shown_posts import NOTHING, Asked, Brief, UnreadablePostError, brief_of, read_shown
from aggregator.store.state import State

_PAGE = ("http://", "https://")
#: Entries that were taken out and whose rows are still there; more of them in a row are not worth a look.
_PASSED_OVER = 5
ToCard = Callable[[PostRow, Brief], Card]


def entry_page(shown: Shown, row: PostRow, card: ToCard, *, pictures: bool, may_show_pictures: bool) -> EntryPage:
    """Return the page of an entry, with those beside it in its category; of a post that cannot be read, its title and link."""
    newer, older = (_beside(shown, row, newer=newer) for newer in (True, False))
    return made_page(shown, row, card, newer, older, pictures=pictures, may_show_pictures=may_show_pictures)


def made_page(
    shown: Shown,
    row: PostRow,
    card: ToCard,
    newer: PostRow | None,
    older: PostRow | None,
    *,
    pictures: bool,
    may_show_pictures: bool,
) -> EntryPage:
    """Return the page of an entry whose neighbours are known."""
    entry = _read(shown, row)
    return EntryPage(
        card=card(row, brief_of(entry) if entry is not None else NOTHING),
        content=entry.content if entry is not None else SafeHtml(""),
        link=entry.link if entry is not None else _link(row.entry_id),
        author=entry.author if entry is not None else None,
        authors=tuple(person.name for person in entry.authors) if entry is not None else (),
        tags=tuple(dict.fromkeys(tag.label or tag.term for tag in entry.tags)) if entry is not None else (),
        rights=(entry.rights or entry.feed.rights) if entry is not None else None,
        published=entry.published if entry is not None else row.date,
        updated=entry.updated if entry is not None else None,
        cover=entry.cover if entry is not None else None,
        enclosures=entry.enclosures if entry is not None else (),
        newer=_link_to(newer),
        older=_link_to(older),
        shows_pictures=pictures,
        may_show_pictures=may_show_pictures,
    )


def _link_to(row: PostRow | None) -> Link | None:
    return None if row is None else Link(title=row.title, href=f"/e/{row.key}/")


def _beside(shown: Shown, row: PostRow, *, newer: bool) -> PostRow | None:
    leaves = shown.places.leaves_of(row.categories)
    found: PostRow | None = row
    for _ in range(_PASSED_OVER):

        def question(state: State, found: PostRow | None = found) -> PostRow | None:
            return None if found is None else state.listing.beside(found, leaves, newer=newer)

        found = shown.ask(question)
        if found is None or found.key not in shown.hidden:
            return found
    return None


def _read(shown: Shown, row: PostRow) -> Entry | None:
    try:
        return read_shown(shown.posts, Asked.of(row))
    except UnreadablePostError:
        return None


def _link(entry_id: str) -> str | None:
    """Return an upstream id that is the address of the entry's page, as most are."""
    return entry_id if entry_id.startswith(_PAGE) else None
