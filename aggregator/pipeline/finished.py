"""One finished visit -> what the state and the ledger remember of it and what is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from aggregator.model.changes import Changes, Hints, PostRow
from aggregator.model.fetched import Failed, Fetched, HostState, NotModified, Validators
from aggregator.model.poll import Outcome, Poll, SourceEvent, SourceState
from aggregator.model.source import Source
from aggregator.pipeline.moves import Sighting, shown, sight
from aggregator.schedule import LONGEST_FRESHNESS, freshness, learn, next_poll
from aggregator.store.ledger import Expired, Gone, Moved

_GONE = 410  #: RFC 9110 §15.5.11
_WITH_BODY = frozenset({200, 203})
_NOT_MODIFIED = 304  #: RFC 9110 §15.4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A visit whose posts are written, waiting for its transaction."""

    state: SourceState
    event: SourceEvent
    poll: Poll | None = None  #: None: nothing was asked
    rows: tuple[PostRow, ...] = ()
    noted: tuple[tuple[str, bytes], ...] = ()
    locked: tuple[str, ...] = ()
    ledger: tuple[Moved | Gone | Expired, ...] = ()  #: written down before the state
    returned: bool = False  #: it answers again although the ledger says that it is gone


def fingerprint(source: Source) -> bytes:
    """Return a hash of the settings that decide what is asked: when they change, validators are void (conduct F7)."""
    headers = [(name, value.reveal()) for name, value in source.headers]
    auth = (source.auth.username, source.auth.password.reveal()) if source.auth else None
    proxy = source.proxy.reveal() if source.proxy else None
    asked: tuple[object, ...] = (source.addresses, headers, auth, proxy, source.limit)
    if not source.verify:
        asked += ("unverified",)  # what anybody may have said is void once certificates are checked again
    return sha256(repr(asked).encode("utf-8", "surrogatepass")).digest()[:16]


def body_hash(answer: Fetched) -> bytes:
    """Return a hash of the body as it came over the wire: equal bytes need no second look."""
    return sha256(answer.body).digest()[:16]


def answered(
    source: Source,
    before: SourceState,
    answer: Fetched | NotModified,
    changes: Changes | None,
    *,
    began: datetime,
    now: datetime,
    hashed: bytes | None = None,
) -> Finished:
    """Return what follows from a 304, an equal body (`changes` is None) or a digested one.

    `began` is when the run began: what intervals count from. `hashed` is the hash of a body; None: not the whole feed was
    looked at, so its validators are not kept: the rest is still to be asked for. A document that breaks off is none to
    compare the next one with either, so what was kept of the one before it stays.
    """
    written = len(changes.new) - changes.adopted + len(changes.updated) if changes else 0
    outcome = Outcome.NEWS if written else Outcome.SAME
    if isinstance(answer, NotModified):
        outcome = Outcome.NOT_MODIFIED
    fresh_for = freshness(answer.headers, now)
    if fresh_for is None and isinstance(answer, NotModified):
        fresh_for = _stored_freshness(before)
    arrivals, watched = learn(before, len(changes.new) - changes.adopted if changes else 0, now)
    sighting = sight(source, before, answer.permanent_address, now)
    validators: Validators | None = answer.validators
    if isinstance(answer, NotModified):
        hashed = before.body_hash
    elif hashed is None:
        validators = None
    asked = fingerprint(source)
    if changes is not None and not changes.complete:
        validators, hashed = (before.validators, before.body_hash) if before.fingerprint == asked else (None, None)
    state = replace(
        before,
        fingerprint=asked,
        validators=validators,
        body_hash=hashed,
        prefer=answer.address,
        last_poll=began,
        fresh_until=now + fresh_for if fresh_for else None,
        arrivals=arrivals,
        watched=watched,
        moved_to=sighting.to,
        moved_times=sighting.times,
        moved_since=sighting.since,
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
            hints=changes.hints,
            format=changes.format,
            feed_title=changes.feed_title,
            feed_link=changes.feed_link,
            warnings=_warnings(source, before, changes),
        )
    if sighting.proven is not None:
        state = _moved(state, source, sighting.proven)
    saved: tuple[Moved | Expired, ...] = () if sighting.proven is None else (sighting.proven,)
    if changes is not None:
        saved += tuple(Expired(source=source.id, id=entry_id, key=key, at=began) for key, entry_id in changes.turned_away)
    return Finished(
        state=state,
        poll=_poll(source, outcome, changes, answer, now),
        event=_event(source, state, outcome, changes, answer, sighting),
        rows=(*changes.new, *changes.updated) if changes else (),
        noted=changes.noted if changes else (),
        locked=changes.locked if changes else (),
        ledger=saved,
        returned=source.gone is not None,
    )


def failed(
    source: Source,
    before: SourceState,
    answer: Failed,
    *,
    began: datetime,
    now: datetime,
    held: HostState | None = None,
    trace: str | None = None,
) -> Finished:
    """Return what follows from a failure: nothing stored is touched, the next try is later each time.

    `held` is the host that closed itself with this answer. A 410 of the address itself ends polling (RFC 9110 §15.5.11), until
    somebody says otherwise; one behind a temporary redirect, or of one instance among several, does not.
    """
    fresh_for = freshness(answer.headers, now)
    state = replace(
        _of_these_settings(source, before),
        last_poll=began,
        fresh_until=now + fresh_for if fresh_for else _unless_of_a_page(before),
        failures=before.failures + 1,
        last_kind=answer.kind,
        last_message=answer.message,
        last_status=answer.status,
    )
    gone: tuple[Gone, ...] = ()
    message = answer.message
    if answer.status == _GONE and answer.kind == "http" and answer.own and len(source.addresses) == 1:
        gone = (Gone(source=source.id, address=source.addresses[0], at=now),)
        message += f"; it is not asked again and its posts stay. Otherwise: aggregator source resume {source.name}"
        source = replace(source, gone=now)
    upcoming = next_poll(source, state, held)
    elapsed_ms = round(answer.elapsed.total_seconds() * 1000)
    return Finished(
        state=state,
        poll=Poll(
            source_id=source.id,
            at=now,
            outcome=Outcome.FAILED,
            elapsed_ms=elapsed_ms,
            message=answer.message,
            status=answer.status,
            conditional=answer.conditional,
        ),
        event=SourceEvent(
            source_id=source.name,
            outcome=Outcome.FAILED,
            elapsed_ms=elapsed_ms,
            kind=answer.kind,
            message=message,
            failures=state.failures,
            next_poll=upcoming.at,
            next_reason=upcoming.reason,
            trace=trace,
        ),
        ledger=gone,
    )


def held_back(
    source: Source, before: SourceState, answer: Failed, *, began: datetime, now: datetime, held: HostState | None
) -> Finished:
    """Return what follows where a host is not asked, since it wants to be left alone: the source waits, and has not failed.

    Another host may have been asked all the same: one that redirected there, or an instance that did not answer. That was a
    poll, and its interval counts from it, or that host would be asked again by every run.
    """
    polled = answer.elapsed > timedelta()
    state = replace(_of_these_settings(source, before), last_poll=began) if polled else before
    upcoming = next_poll(source, state, held)
    elapsed_ms = round(answer.elapsed.total_seconds() * 1000)
    event = SourceEvent(
        source_id=source.name,
        outcome=Outcome.HELD,
        elapsed_ms=elapsed_ms,
        kind=answer.kind,
        message=answer.message,
        failures=before.failures,
        next_poll=upcoming.at,
        next_reason=upcoming.reason,
    )
    if not polled:
        return Finished(state=state, event=event)
    poll = Poll(source_id=source.id, at=now, outcome=Outcome.HELD, elapsed_ms=elapsed_ms, message=answer.message)
    return Finished(state=state, poll=poll, event=event)


def _poll(source: Source, outcome: Outcome, changes: Changes | None, answer: Fetched | NotModified, now: datetime) -> Poll:
    return Poll(
        source_id=source.id,
        at=now,
        outcome=outcome,
        new=len(changes.new) - changes.adopted if changes else 0,
        updated=len(changes.updated) if changes else 0,
        elapsed_ms=round(answer.elapsed.total_seconds() * 1000),
        message=answer.note,
        status=answer.status if isinstance(answer, Fetched) else _NOT_MODIFIED,
        conditional=answer.conditional if isinstance(answer, Fetched) else True,
    )


def _event(  # noqa: PLR0917 - private, called once
    source: Source,
    state: SourceState,
    outcome: Outcome,
    changes: Changes | None,
    answer: Fetched | NotModified,
    sighting: Sighting,
) -> SourceEvent:
    upcoming = next_poll(source, state)
    told = tuple(filter(None, (sighting.words, _back_again(source))))
    event = SourceEvent(
        source_id=source.name,
        outcome=outcome,
        elapsed_ms=round(answer.elapsed.total_seconds() * 1000),
        message=answer.note,
        next_poll=upcoming.at,
        next_reason=upcoming.reason,
        warnings=told,
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
        noise=changes.noise,
        warnings=told + state.warnings,
        posts=tuple(("+", row.path) for row in fresh) + tuple(("~", row.path) for row in changes.updated),
    )


def _moved(state: SourceState, source: Source, move: Moved) -> SourceState:
    """Return the state as the source is asked from now on: it has just been polled there, and what that gave still counts."""
    asked = fingerprint(replace(source, addresses=(move.new,)))
    validators = replace(state.validators, address=move.new, final=None) if state.validators is not None else None
    return replace(state, fingerprint=asked, prefer=move.new, validators=validators)


def _of_these_settings(source: Source, before: SourceState) -> SourceState:
    """Return the state as of a request that was made with these settings: what belongs to others is void (conduct F7)."""
    asked = fingerprint(source)
    if before.fingerprint in {None, asked}:
        return replace(before, fingerprint=asked)
    return replace(before, fingerprint=asked, validators=None, body_hash=None)


def _stored_freshness(before: SourceState) -> timedelta | None:
    """Return how long the stored answer was fresh: a 304 that says nothing of it renews it (RFC 9111 §3.2, §4.3.4)."""
    until = _unless_of_a_page(before)
    if until is None or before.last_success is None:
        return None
    return min(max(timedelta(), until - before.last_success), LONGEST_FRESHNESS)


def _unless_of_a_page(before: SourceState) -> datetime | None:
    """Return until when the stored answer is fresh; None where none was said, or it was said of a page that was no feed."""
    return None if before.failures and before.last_status in _WITH_BODY else before.fresh_until


def _back_again(source: Source) -> str | None:
    if source.gone is None:
        return None
    return f"it answers again, although it said on {source.gone:%Y-%m-%d} that it was gone for good; it is polled again"


def _warnings(source: Source, before: SourceState, changes: Changes) -> tuple[str, ...]:
    skipped = tuple(f"entry {skip.entry!r} left out: {skip.reason}" for skip in changes.skipped)
    locked = tuple(f"post {key} was edited by hand; upstream's new version is only noted" for key in changes.locked)
    return (*changes.warnings, *_elsewhere(source, before.hints, changes.hints), *skipped, *locked)


def _elsewhere(source: Source, before: Hints, hints: Hints) -> tuple[str, ...]:
    """Report what a feed says about its own address; only its server's redirects move it (conduct F23)."""
    told = []
    if hints.new_feed_url is not None and hints.new_feed_url not in source.addresses:
        told.append(
            f"the feed says that its address is now {shown(hints.new_feed_url)} (itunes:new-feed-url); it is yours to follow"
        )
    if hints.self_link and before.self_link and hints.self_link != before.self_link:
        told.append(
            f"the feed calls itself {shown(hints.self_link)} now, before {shown(before.self_link)}; it is yours to follow"
        )
    return tuple(told)
