"""Entries of one month -> archive pages, as many as they need (RFC 5005 §4). Pure and byte-stable, as `atom` is.

The oldest entries come first: a page that is full is followed by the next one, and each links the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aggregator.errors import PublishError
from aggregator.model.output import LeftOut, OutputEntry, OutputFeed
from aggregator.publish.addresses import public_url
from aggregator.publish.atom import entry_sizes, render_document, render_entries
from aggregator.publish.pages import PageName, archive_folder
from aggregator.publish.select import fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One archive page."""

    frame: OutputFeed  #: its own: where it lies, and its links
    content: bytes
    entries: int


def build_pages(
    frame: OutputFeed,
    entries: Sequence[OutputEntry],
    *,
    first: PageName,
    previous: str | None,
    source_order: Mapping[str, int],
) -> tuple[list[Page], tuple[LeftOut, ...]]:
    """Build the pages of these entries, oldest page first, and say what was left out. Of no entries: one page without any.

    `frame` is the live feed's; `first` the name of the first page, `previous` the address of the page before it. Raises:
    PublishError if the frame itself cannot be written.
    """
    rendered, left_out = render_entries(frame, entries, source_order=source_order, at_most=len(entries))
    waiting = rendered[::-1]
    pages: list[Page] = []
    name = first
    try:
        while waiting or not pages:  # one at least: an empty page may be wanted to hold the chain together
            own = page_frame(frame, name, previous)
            content = render_document(own, waiting[::-1])
            sizes = entry_sizes(content)[::-1]
            count = fit(sizes, frame.max_bytes - (len(content) - sum(sizes)))
            if count < len(waiting):
                content = render_document(own, waiting[:count][::-1])
            pages.append(Page(frame=own, content=content, entries=count))
            waiting, previous, name = waiting[count:], own.self_link, name.following
    except (ValueError, TypeError) as error:
        message = f"{frame.path}: the feed's own title, author or address cannot be written: {error}"
        raise PublishError(message, output=frame.path) from error
    return pages, tuple(left_out)


def page_frame(frame: OutputFeed, name: PageName, previous: str | None) -> OutputFeed:
    """Return the frame of one archive page of a feed: the same feed, at another address."""
    path = f"{archive_folder(frame.path)}/{name.file}"
    return replace(
        frame,
        path=path,
        self_link=public_url(frame.page_link, path),
        prev_archive=previous,
        current=frame.self_link,
        former=(),
        twins=(),
        hubs=(),  # a page never changes: there is nothing to tell of it
        archive=(),
    )
