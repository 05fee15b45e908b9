"""The tables of the state, and the records that their rows stand for.

Instants are whole seconds since the epoch, UTC; a category path is its compact JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Any, TypeVar

import sqlalchemy as sa

from aggregator.model.changes import Hints, Intent, PostRow
from aggregator.model.fetched import HostState, Validators
from aggregator.model.ping import Ping
from aggregator.model.poll import Outcome, Poll, SourceState

Read = TypeVar("Read")

VERSION = 10  #: of this layout; a newer one is an error, an older one is rebuilt
#: The oldest layout that lacks nothing but GROWN and GROWN_COLUMNS: it gets them, and keeps all that it knows.
GROWN_FROM = 7

schema = sa.MetaData()
meta_table = sa.Table("meta", schema, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
sources_table = sa.Table(
    "sources",
    schema,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary),
    sa.Column("validators_address", sa.Text),
    sa.Column("validators_final", sa.Text),
    sa.Column("etag", sa.LargeBinary),
    sa.Column("last_modified", sa.LargeBinary),
    sa.Column("body_hash", sa.LargeBinary),
    sa.Column("prefer", sa.Text),
    sa.Column("last_poll", sa.BigInteger),
    sa.Column("fresh_until", sa.BigInteger),
    sa.Column("hints", sa.Text, nullable=False),
    sa.Column("arrivals", sa.Float, nullable=False),
    sa.Column("watched", sa.Float, nullable=False),
    sa.Column("moved_to", sa.Text),
    sa.Column("moved_times", sa.Integer, nullable=False),
    sa.Column("moved_since", sa.BigInteger),
    sa.Column("last_success", sa.BigInteger),
    sa.Column("last_news", sa.BigInteger),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_kind", sa.Text),
    sa.Column("last_message", sa.Text),
    sa.Column("last_status", sa.Integer),
    sa.Column("format", sa.Text),
    sa.Column("feed_title", sa.Text),
    sa.Column("feed_link", sa.Text),
    sa.Column("warnings", sa.Text, nullable=False),
)
#: Hosts that want to be left alone, over all sources.
hosts_table = sa.Table(
    "hosts",
    schema,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("closed_until", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("strikes", sa.Integer, nullable=False),
)
entries_table = sa.Table(
    "entries",
    schema,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("entry_id", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("raw_hash", sa.LargeBinary),
    sa.Column("link_hash", sa.LargeBinary, nullable=False),
    sa.Column("post_hash", sa.LargeBinary, nullable=False),
    sa.Column("date", sa.BigInteger, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("locked", sa.Integer, nullable=False),
    sa.Column("noted", sa.Integer, nullable=False),
    sa.Column("dated", sa.Text),
    sa.Column("traits", sa.LargeBinary, nullable=False),
    sa.Column("expired", sa.Integer, nullable=False),
    #: Bit n: nothing is left to do for the archive of the feed n levels deep.
    sa.Column("archived", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("entries_by_source", "source_id", "expired", "date"),
    sa.Index("entries_by_category", "category", "date", "key"),
)
#: What `entries.expired` says. A post beyond its limits is marked, then removed, then missed by the feeds; its row stays, so
#: that its entry is known for as long as upstream lists it.
LIVE, MARKED, REMOVED, EXPIRED = range(4)
live = entries_table.c.expired == LIVE
sa.Index(
    "entries_leaving",
    entries_table.c.expired,
    sqlite_where=entries_table.c.expired.between(MARKED, REMOVED),
)
#: The distinct values of entries.category: so few that a feed of everything need not scan the index.
categories_table = sa.Table("categories", schema, sa.Column("category", sa.Text, primary_key=True))
#: A posts folder whose stored time differs from the disk's was touched by somebody else, or by a run that died.
folders_table = sa.Table("folders", schema, sa.Column("path", sa.Text, primary_key=True), sa.Column("mtime_ns", sa.BigInteger))
outputs_table = sa.Table(
    "outputs",
    schema,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("frame_hash", sa.LargeBinary, nullable=False),
    sa.Column("dirty", sa.Integer, nullable=False),
)
#: What published files held when the hubs were last told, or would have been told, of them (`store.pings`).
topics_table = sa.Table(
    "topics", schema, sa.Column("path", sa.Text, primary_key=True), sa.Column("digest", sa.LargeBinary, nullable=False)
)
#: What hubs have not been told of yet.
pings_table = sa.Table(
    "pings",
    schema,
    sa.Column("hub", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("tried", sa.BigInteger),
)
#: How the polls of one day went, for one source: more days than `polls` reaches back. By day first, so that the rows of today,
#: which every poll counts up, lie together, and those that are too old are found at once.
days_table = sa.Table(
    "days",
    schema,
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  #: since 1970-01-01, UTC
    sa.Column("source_id", sa.Text, primary_key=True),
    sa.Column("ok", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
#: What a state of the layout GROWN_FROM lacks: tables, and columns with what they hold for the rows that are there.
GROWN = (topics_table, pings_table, days_table)
GROWN_COLUMNS = {"entries": {"archived": "BIGINT NOT NULL DEFAULT 0"}}
polls_table = sa.Table(
    "polls",
    schema,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("new", sa.Integer, nullable=False),
    sa.Column("updated", sa.Integer, nullable=False),
    sa.Column("elapsed_ms", sa.Integer, nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("conditional", sa.Integer, nullable=False),
    sa.Index("polls_by_source", "source_id", "number"),
)


class DamagedRowError(Exception):
    """A stored value is none that was ever written: the file was damaged where its database cannot see it."""


def _checked(read: Callable[[Any], Read]) -> Callable[[Any], Read]:
    """Tell a value that cannot be read from a fault of ours, and say so."""

    @wraps(read)
    def checked(stored: Any) -> Read:
        try:
            return read(stored)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            raise DamagedRowError(f"a value in it cannot be read: {error}") from error

    return checked


@lru_cache(maxsize=1024)
def category_text(categories: tuple[str, ...]) -> str:
    """Return how a category path is stored."""
    return json.dumps(categories, ensure_ascii=False, separators=(",", ":"))


@_checked
@lru_cache(maxsize=1024)  # the rows of a category are read by the hundred
def categories_of(text: str) -> tuple[str, ...]:
    """Return the category path that was stored."""
    return tuple(json.loads(text))


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@_checked
def instant(seconds: int | None) -> datetime | None:
    """Return the instant that stored seconds stand for."""
    return _instant(seconds)


def seconds(instant: datetime | None) -> int | None:
    """Return how an instant is stored."""
    return None if instant is None else int(instant.timestamp())


def row_values(row: PostRow) -> dict[str, Any]:
    """Return the columns of a post."""
    return {
        "key": row.key,
        "source_id": row.source_id,
        "entry_id": row.entry_id,
        "path": row.path,
        "raw_hash": row.raw_hash,
        "link_hash": row.link_hash,
        "post_hash": row.post_hash,
        "date": int(row.date.timestamp()),
        "category": category_text(row.categories),
        "title": row.title,
        "locked": int(row.locked),
        "noted": int(row.noted),
        "dated": row.dated,
        "traits": row.traits,
        "expired": EXPIRED if row.expired else LIVE,
        "archived": 0,
    }


@_checked
def row_of(row: Any) -> PostRow:
    """Return the post that a row stands for."""
    return PostRow(
        key=row.key,
        source_id=row.source_id,
        entry_id=row.entry_id,
        path=row.path,
        raw_hash=row.raw_hash,
        link_hash=row.link_hash,
        post_hash=row.post_hash,
        date=datetime.fromtimestamp(row.date, UTC),
        categories=categories_of(row.category),
        title=row.title,
        locked=bool(row.locked),
        noted=bool(row.noted),
        dated=row.dated,
        traits=row.traits,
        expired=row.expired != LIVE,
    )


def poll_values(poll: Poll) -> dict[str, Any]:
    """Return the columns of a poll."""
    return {
        "source_id": poll.source_id,
        "at": int(poll.at.timestamp()),
        "outcome": poll.outcome.value,
        "new": poll.new,
        "updated": poll.updated,
        "elapsed_ms": poll.elapsed_ms,
        "message": poll.message,
        "status": poll.status,
        "conditional": int(poll.conditional),
    }


def source_values(source: SourceState) -> dict[str, Any]:
    """Return the columns of what was learned about a source."""
    validators = source.validators
    return {
        "id": source.id,
        "fingerprint": source.fingerprint,
        "validators_address": validators.address if validators else None,
        "validators_final": validators.final if validators else None,
        "etag": validators.etag if validators else None,
        "last_modified": validators.last_modified if validators else None,
        "body_hash": source.body_hash,
        "prefer": source.prefer,
        "last_poll": seconds(source.last_poll),
        "fresh_until": seconds(source.fresh_until),
        "hints": _hints_text(source.hints),
        "arrivals": source.arrivals,
        "watched": source.watched,
        "moved_to": source.moved_to,
        "moved_times": source.moved_times,
        "moved_since": seconds(source.moved_since),
        "last_success": seconds(source.last_success),
        "last_news": seconds(source.last_news),
        "failures": source.failures,
        "last_kind": source.last_kind,
        "last_message": source.last_message,
        "last_status": source.last_status,
        "format": source.format,
        "feed_title": source.feed_title,
        "feed_link": source.feed_link,
        "warnings": json.dumps(source.warnings, ensure_ascii=False),
    }


@_checked
def source_of(row: Any) -> SourceState:
    """Return what a row says about a source; it holds the table's columns in their order."""
    # Taken apart at once: each run reads every source, and a column by its name costs four times as much.
    (
        id_,
        fingerprint,
        validators_address,
        validators_final,
        etag,
        last_modified,
        body_hash,
        prefer,
        last_poll,
        fresh_until,
        hints_,
        arrivals,
        watched,
        moved_to,
        moved_times,
        moved_since,
        last_success,
        last_news,
        failures,
        last_kind,
        last_message,
        last_status,
        format_,
        feed_title,
        feed_link,
        warnings_,
    ) = row
    validators = None
    # Where redirects led is worth knowing without an ETag or a date as well.
    if validators_address is not None and (etag is not None or last_modified is not None or validators_final is not None):
        validators = Validators(address=validators_address, final=validators_final, etag=etag, last_modified=last_modified)
    return SourceState(
        id=id_,
        fingerprint=fingerprint,
        validators=validators,
        body_hash=body_hash,
        prefer=prefer,
        last_poll=_instant(last_poll),
        fresh_until=_instant(fresh_until),
        hints=_hints_of(hints_),
        arrivals=arrivals,
        watched=watched,
        moved_to=moved_to,
        moved_times=moved_times,
        moved_since=_instant(moved_since),
        last_success=_instant(last_success),
        last_news=_instant(last_news),
        failures=failures,
        last_kind=last_kind,
        last_message=last_message,
        last_status=last_status,
        format=format_,
        feed_title=feed_title,
        feed_link=feed_link,
        warnings=() if warnings_ == "[]" else tuple(json.loads(warnings_)),
    )


def host_values(host: HostState) -> dict[str, Any]:
    """Return the columns of a host."""
    return {
        "name": host.name,
        "closed_until": int(host.closed_until.timestamp()),
        "status": host.status,
        "strikes": host.strikes,
    }


@_checked
def host_of(row: Any) -> HostState:
    """Return the host that a row stands for."""
    closed_until = datetime.fromtimestamp(row.closed_until, UTC)
    return HostState(name=row.name, closed_until=closed_until, status=row.status, strikes=row.strikes)


@_checked
def ping_of(row: Any) -> Ping:
    """Return the ping that a row stands for."""
    return Ping(hub=row.hub, path=row.path, since=datetime.fromtimestamp(row.since, UTC), tried=instant(row.tried))


@_checked
def poll_of(row: Any) -> Poll:
    """Return the poll that a row stands for."""
    return Poll(
        source_id=row.source_id,
        at=datetime.fromtimestamp(row.at, UTC),
        outcome=Outcome(row.outcome),
        new=row.new,
        updated=row.updated,
        elapsed_ms=row.elapsed_ms,
        message=row.message,
        status=row.status,
        conditional=bool(row.conditional),
    )


def intents_text(intents: Mapping[str, Intent]) -> str:
    """Return what posts are about to become as JSON, by key."""
    return json.dumps({key: (intent.post_hash.hex(), intent.same_version) for key, intent in intents.items()})


def intents_of(text: str) -> dict[str, Intent]:
    """Return what that JSON says."""
    said: dict[str, tuple[str, bool]] = json.loads(text)
    return {key: Intent(post_hash=bytes.fromhex(value), same_version=same) for key, (value, same) in said.items()}


_NO_HINTS = Hints()
_HINTS = tuple(field.name for field in fields(Hints))


def _hints_text(hints: Hints) -> str:
    """Return hints as JSON, what they do not say left out."""
    said = {name: value for name in _HINTS if (value := getattr(hints, name))}
    return json.dumps(said, ensure_ascii=False) if said else "{}"


def _hints_of(text: str) -> Hints:
    if text == "{}":
        return _NO_HINTS
    said: dict[str, Any] = json.loads(text)
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return Hints(**values)
