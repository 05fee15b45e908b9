"""One fetched body -> what each stage makes of it, for people to look at. Runs in a worker, on hostile bytes; without effect.

The stages are those of `digest`, down to its decision about each entry: nothing is written, and nothing is told otherwise.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from aggregator.model.changes import KnownEntry, Skipped
from aggregator.model.entry import Entry
from aggregator.normalise import Identified, date_habits, explain_date, normalise_feed
from aggregator.parse import NotAFeedError, UnreadableFeedError, parse_feed
from aggregator.parse.body import InflateError, inflate
from aggregator.parse.limits import MAX_ENTRIES
from aggregator.pipeline.digest import Draft, plan_entry
from aggregator.pipeline.document import Document
from aggregator.pipeline.jobs import DECIDE, FETCH, OWN_FEED, PARSE, DigestJob, Examined, ExaminedEntry, ExamineJob, Unreadable
from aggregator.store.files import read_file
from aggregator.workers import arm_deadline, disarm_deadline

_LIST_ROOT = re.compile(rb"<opml[\s>]", re.IGNORECASE)
_START = 4096
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


def examine(job: ExamineJob) -> Examined | Unreadable:
    """Take a body through the stages; Unreadable if it could not even be inflated."""
    arm_deadline()
    try:
        body = inflate(job.digest.body, job.digest.coding, job.digest.max_bytes)
        found = Examined(size=len(body), body=body if job.keep_body else None)
        return found if job.stage == FETCH else _parsed(job, body, found)
    except InflateError as error:
        return Unreadable(kind=error.kind, message=str(error))
    finally:
        disarm_deadline()


def _parsed(job: ExamineJob, body: bytes, found: Examined) -> Examined:
    digest = job.digest
    try:
        parsed = parse_feed(body, digest.headers, address=digest.final_address, limit=digest.limit or MAX_ENTRIES)
    except NotAFeedError as error:
        kind = "parse" if isinstance(error, UnreadableFeedError) else "not-a-feed"
        return _named(job, body, replace(found, unreadable=Unreadable(kind=kind, message=str(error))))
    if parsed.id in digest.own_feeds:
        return replace(found, unreadable=Unreadable(kind="own-feed", message=OWN_FEED))
    feed = normalise_feed(parsed, digest.source, address=digest.final_address)
    document = Document(digest, parsed, feed)  # a dry run: nothing need be written down first
    items = document.items()
    entries = [_entry(job, item, document) for item in items]
    if job.newest is not None:
        entries = sorted(entries, key=_date, reverse=True)[: job.newest]  # stable: those without a date in their order
    return replace(
        found,
        parsed=replace(parsed, entries=(), warnings=(*parsed.warnings, *document.told)),
        feed=feed,
        entries=tuple(entries),
        count=len(parsed.entries),
        left=len(parsed.entries) - len(items),
    )


def _named(job: ExamineJob, body: bytes, found: Examined) -> Examined:
    """Look for the feeds that a page names; a feed that is broken is none the less no page."""
    if not job.discover or found.unreadable is None or found.unreadable.kind != "not-a-feed":
        return found
    from aggregator.parse.discovery import find_feeds

    named = find_feeds(body, job.digest.headers, job.digest.final_address)
    return replace(found, named=named, is_list=_LIST_ROOT.search(body, 0, _START) is not None)


def _entry(job: ExamineJob, item: Identified, document: Document) -> ExaminedEntry:
    found = ExaminedEntry(parsed=item.entry, id=item.id, key=item.key)
    if job.stage == PARSE:
        return found
    entry = document.normal(item)
    _, date_from = explain_date(item.entry, date_habits(job.digest.source), job.digest.now)
    found = replace(found, entry=entry, date_from=date_from if isinstance(entry, Entry) else None)
    if job.stage != DECIDE:
        return found
    draft = Draft()
    plan_entry(document, item, draft)
    decision, why, path = _decision(job.digest, item, draft)
    return replace(found, decision=decision, why=why, path=path)


def _decision(job: DigestJob, item: Identified, draft: Draft) -> tuple[str, str | None, str | None]:
    """Read off a draft what became of its only entry: the word, the reason, and the post's path."""
    if draft.writes and draft.writes[0].is_new:
        return "new", None, draft.writes[0].path
    if draft.writes:
        return "changed", "upstream changed it; its post is rewritten", draft.writes[0].path
    if draft.healed:
        return "changed", "its post was rewritten by a run that could not finish", draft.healed[0].path
    if draft.adopted:
        return "found in place", "its post is there already and stays as it is", draft.adopted[0].path
    known = job.known.get(item.key)
    if draft.skipped:
        return ("left out" if known is None else "kept"), draft.skipped[0].reason, known.path if known is not None else None
    return _kept(job, known, draft)


def _kept(job: DigestJob, known: KnownEntry | None, draft: Draft) -> tuple[str, str | None, str | None]:
    """Say why an entry that is known changes nothing."""
    if known is None or not (draft.noted or draft.locked):
        return "known", None, known.path if known is not None else None
    if not known.path:
        return "left out", "it was taken out of the archive (ledger.jsonl)", None
    if read_file(job.place.root, known.path) is None:
        why = "but its post was deleted by hand"
    elif known.locked or draft.locked:
        why = "but its post was edited by hand"
    else:
        why = "which makes no difference to its post"
    return "kept", f"upstream changed it, {why}", known.path


def _date(found: ExaminedEntry) -> datetime:
    published = None if isinstance(found.entry, Skipped | None) else found.entry.published
    return published or _NEVER
