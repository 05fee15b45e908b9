"""One finished visit -> what the state remembers of it and what is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from aggregator.model.changes import Changes, Hints, PostRow
from aggregator.model.fetched import Failed, Fetched, NotModified
from aggregator.model.poll import Outcome, Poll, SourceEvent, SourceState
from aggregator.model.source import Source
from aggregator.schedule import Next, next_after_failure, next_after_success


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A visit whose posts are written, waiting for its transaction."""

    state: SourceState
    poll: Poll
    event: SourceEvent
    rows: tuple[PostRow, ...] = ()
    noted: tuple[tuple[str, bytes], ...] = ()
    locked: tuple[str, ...] = ()


def fingerprint(source: Source) -> bytes:
    """Return a hash of the settings that decide what is asked: when they change, validators are void (conduct F7)."""
    headers = [(name, value.reveal()) for name, value in source.headers]
    auth = (source.auth.username, source.auth.password.reveal()) if source.auth else None
    proxy = source.proxy.reveal() if source.proxy else None
    return sha256(repr((source.addresses, headers, auth, proxy, source.limit)).encode("utf-8", "surrogatepass")).digest()[:16]


def body_hash(answer: Fetched) -> bytes:
    """Return a hash of the body as it came over the wire: equal bytes need no second look."""
    return sha256(answer.body).digest()[:16]


def answered(
    source: Source,
    before: SourceState,
    answer: Fetched | NotModified,
    changes: Changes | None,
    now: datetime,
    *,
    whole: bool = True,
) -> Finished:
    """Return what follows from a 304, an equal body (`changes` is None) or a digested one.

    Unless the `whole` feed was looked at, its validators are not kept: the rest is still to be asked for.
    """
    upcoming = next_after_success(
        source_id=source.id,
        every=source.every,
        has_validators=answer.validators.etag is not None or answer.validators.last_modified is not None,
        headers=answer.headers,
        hints=changes.hints if changes else Hints(),
        now=now,
    )
    written = len(changes.new) - changes.adopted + len(changes.updated) if changes else 0
    outcome = Outcome.NEWS if written else Outcome.SAME
    if isinstance(answer, NotModified):
        outcome = Outcome.NOT_MODIFIED
    state = replace(
        before,
        fingerprint=fingerprint(source),
        validators=answer.validators if whole else None,
        body_hash=(body_hash(answer) if whole else None) if isinstance(answer, Fetched) else before.body_hash,
        prefer=answer.address,
        next_poll=upcoming.at,
        next_reason=upcoming.reason,
        last_poll=now,
        last_success=now,
        last_news=now if written else before.last_news,
        failures=0,
        last_kind=None,
        last_message=answer.note,
        last_status=answer.status if isinstance(answer, Fetched) else 304,
    )
    if changes is not None:
        state = replace(
            state,
            format=changes.format,
            feed_title=changes.feed_title,
            feed_link=changes.feed_link,
            warnings=_warnings(changes),
        )
    return Finished(
        state=state,
        poll=_poll(source, now, outcome, changes, answer),
        event=_event(source, outcome, upcoming, changes, answer),
        rows=(*changes.new, *changes.updated) if changes else (),
        noted=changes.noted if changes else (),
        locked=changes.locked if changes else (),
    )


def failed(source: Source, before: SourceState, answer: Failed, now: datetime, *, trace: str | None = None) -> Finished:
    """Return what follows from a failure: nothing stored is touched, the next try is later each time."""
    failures = before.failures + 1
    asked = fingerprint(source)
    moved = before.fingerprint is not None and before.fingerprint != asked
    upcoming = next_after_failure(
        source_id=source.id, every=source.every, failures=failures, retry_after=answer.retry_after, now=now
    )
    state = replace(
        before,
        fingerprint=asked,
        validators=None if moved else before.validators,
        body_hash=None if moved else before.body_hash,
        next_poll=upcoming.at,
        next_reason=upcoming.reason,
        last_poll=now,
        failures=failures,
        last_kind=answer.kind,
        last_message=answer.message,
        last_status=answer.status,
    )
    elapsed_ms = round(answer.elapsed.total_seconds() * 1000)
    return Finished(
        state=state,
        poll=Poll(source_id=source.id, at=now, outcome=Outcome.FAILED, elapsed_ms=elapsed_ms, message=answer.message),
        event=SourceEvent(
            source_id=source.id,
            outcome=Outcome.FAILED,
            elapsed_ms=elapsed_ms,
            kind=answer.kind,
            message=answer.message,
            failures=failures,
            next_poll=upcoming.at,
            next_reason=upcoming.reason,
            trace=trace,
        ),
    )


def _poll(source: Source, now: datetime, outcome: Outcome, changes: Changes | None, answer: Fetched | NotModified) -> Poll:
    return Poll(
        source_id=source.id,
        at=now,
        outcome=outcome,
        new=len(changes.new) - changes.adopted if changes else 0,
        updated=len(changes.updated) if changes else 0,
        elapsed_ms=round(answer.elapsed.total_seconds() * 1000),
        message=answer.note,
    )


def _event(
    source: Source, outcome: Outcome, upcoming: Next, changes: Changes | None, answer: Fetched | NotModified
) -> SourceEvent:
    elapsed_ms = round(answer.elapsed.total_seconds() * 1000)
    event = SourceEvent(
        source_id=source.id,
        outcome=outcome,
        elapsed_ms=elapsed_ms,
        message=answer.note,
        next_poll=upcoming.at,
        next_reason=upcoming.reason,
    )
    if changes is None:
        return event
    fresh = changes.new[: len(changes.new) - changes.adopted]
    return replace(
        event,
        new=len(fresh),
        updated=len(changes.updated),
        adopted=changes.adopted,
        locked=len(changes.locked),
        warnings=_warnings(changes),
        posts=tuple(("+", row.path) for row in fresh) + tuple(("~", row.path) for row in changes.updated),
    )


def _warnings(changes: Changes) -> tuple[str, ...]:
    skipped = tuple(f"entry {skip.entry!r} left out: {skip.reason}" for skip in changes.skipped)
    locked = tuple(f"post {key} was edited by hand; upstream's new version is only noted" for key in changes.locked)
    return (*changes.warnings, *skipped, *locked)
