"""How sources are doing -> `feeds/status.atom`. Runs in a worker; idempotent.

    read the file -> what is news -> build -> gate -> swap

The file is the record of what was said: what stands in it is kept, the newest first, and never said again.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from aggregator.errors import PublishError
from aggregator.normalise.sanitise import sanitise
from aggregator.normalise.text import html_to_line, shorten
from aggregator.pipeline.jobs import OutputResult, StatusJob, StatusResult
from aggregator.publish.atom import build_feed
from aggregator.publish.gate import check_document, check_swap
from aggregator.publish.status import StatusEntry, now_said, output_entry, read_status, what_is_news
from aggregator.store.files import read_file, write_file

_MOST = 800  #: characters of a summary: more than any of ours has, but the file may hold what others wrote
_TOLD = 2  #: paragraphs of an entry that stand in its summary; the others say what to do


def publish_status(job: StatusJob) -> StatusResult:
    """Add what is news, and write the feed if its bytes changed. Raises StoreError if it cannot be written."""
    old = read_file(job.public, job.frame.path)
    found = read_status(old, job.site_id) if old is not None else None
    standing = found or ()
    # Without the file nothing was said, whatever is remembered: somebody has begun it anew.
    remembered = job.remembered if found is not None else {}
    entries = (*what_is_news(job.changes, standing, remembered, job.site_id), *standing)
    result = OutputResult(path=job.frame.path)
    try:
        content = _built(job, entries, old)
    except PublishError as error:
        return StatusResult(output=replace(result, refused=str(error)), said=None)
    if content != old:
        write_file(job.public, job.frame.path, content)
        result = replace(result, written=(job.frame.path,))
    if job.frame.hubs:
        result = replace(result, digests={job.frame.path: sha256(content).digest()})
    return StatusResult(output=result, said=now_said(entries, remembered), begun_anew=old is not None and found is None)


def _built(job: StatusJob, entries: tuple[StatusEntry, ...], old: bytes | None) -> bytes:
    """Return the feed's bytes, if the gate lets them take the place of the old ones. Raises: PublishError."""
    frame = job.frame
    # What was read back may have been written by anybody; sanitising it again changes nothing that we wrote.
    items = [output_entry(entry, frame, sanitise(entry.html, entry.link), _summary(entry)) for entry in entries]
    built = build_feed(frame, items, source_order={})
    if built.content != old:
        check_document(built.content, frame)
        check_swap(old, built, output=frame.path, gone_on_purpose=frozenset())
    return built.content


def _summary(entry: StatusEntry) -> str | None:
    """Return what happened and why, the first two paragraphs, as one line: a browser shows no more of a feed, nor do lists."""
    paragraphs = [html_to_line(paragraph) for paragraph in entry.html.splitlines()[:_TOLD]]
    return shorten(" ".join(filter(None, paragraphs)), _MOST) or None
