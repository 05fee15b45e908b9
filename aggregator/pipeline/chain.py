"""Which archive pages a feed has: what is on the disk says it, nothing else. Read by the main process and by workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aggregator.model.output import OutputFeed
from aggregator.publish.addresses import public_url
from aggregator.publish.pages import PageName
from aggregator.store.files import list_files


def pages_on_disk(frame: OutputFeed, public: Path) -> list[str]:
    """Return the paths of a feed's archive pages, oldest first, those below its former names included. Raises StoreError.

    Names are counted over all folders, so that a category may also go back to a name that it had.
    """
    found = [
        (name, age, f"{folder}/{name.file}")
        for age, folder in enumerate(reversed(frame.archive))
        for name in map(PageName.of, list_files(public, folder))
        if name is not None
    ]
    return [path for _, _, path in sorted(found)]


def with_chain(frame: OutputFeed, public: Path) -> OutputFeed:
    """Return the frame of a live feed with the link to its newest archive page. Raises StoreError."""
    pages = pages_on_disk(frame, public) if frame.archive else []
    return replace(frame, prev_archive=public_url(frame.page_link, pages[-1])) if pages else frame
