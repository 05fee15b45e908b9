"""Some entries of a feed -> archive pages on disk. Runs in a worker.

    read posts -> build -> gate -> write, oldest page first

A page is made durable before the next one, which links it: whatever a power cut leaves is a chain without a hole.
"""

from __future__ import annotations

from aggregator.errors import PublishError
from aggregator.model.output import LeftOut
from aggregator.pipeline.jobs import Archived, ArchiveJob
from aggregator.pipeline.outputs import Found, collect
from aggregator.publish.addresses import public_url
from aggregator.publish.archive import Page, build_pages
from aggregator.publish.gate import check_document
from aggregator.store.files import make_durable, write_file


def write_pages(job: ArchiveJob) -> Archived:
    """Write the pages of these entries. Raises StoreError if one cannot be written."""
    output, found = job.output, Found()
    collect(output, found, len(output.rows) + 1)
    if found.missing:
        return Archived(missing=tuple(found.missing))
    written: list[str] = []
    left_out: tuple[LeftOut, ...] = ()
    refused: str | None = None
    try:
        pages, left_out = _checked(job, found)
        for page in pages[:1] if job.mend else [page for page in pages if page.entries]:
            write_file(output.public, page.frame.path, page.content)
            if job.durable:
                make_durable(output.public, (page.frame.path,))
            written.append(page.frame.path)
    except PublishError as error:
        refused = str(error)
    return Archived(
        pages=tuple(written),
        refused=refused,
        left_out=left_out,
        moved=frozenset(found.moved),
        unreadable=tuple(found.unreadable),
        edited=tuple(found.edited),
    )


def _checked(job: ArchiveJob, found: Found) -> tuple[list[Page], tuple[LeftOut, ...]]:
    """Return the pages, without what only the gate's look at a whole document finds to be bad. Raises: PublishError."""
    output = job.output
    previous = public_url(output.frame.page_link, job.previous) if job.previous else None
    while True:
        pages, left_out = build_pages(
            output.frame, found.entries, first=job.first, previous=previous, source_order=output.source_order
        )
        try:
            for page in pages:
                check_document(page.content, page.frame)
        except PublishError as error:
            before = len(found.entries)
            found.leave_out(error.faulty)
            if len(found.entries) == before:
                raise
        else:
            return pages, (*left_out, *found.left_out)
