"""One visit to one upstream that nothing comes of: for commands that show what is there. Stores nothing and takes no lock.

The requests are those of `sync`: one client with its guard, limits and gaps between requests to a host, but never conditional.
The bodies are judged in a worker that may be killed. Between two steps no loop runs, so that a person can be asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aggregator.model.fetched import Failed, Fetched, NotModified
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import user_agent
from aggregator.pipeline.jobs import (
    BugError,
    DigestJob,
    Examined,
    ExamineJob,
    Unreadable,
    posts_place,
    run_examine,
)
from aggregator.pipeline.remembered import Remembered, own_feeds
from aggregator.workers import WorkerDiedError, Workers

if TYPE_CHECKING:
    from aggregator.fetch.client import Client


class Visitor(AbstractContextManager["Visitor"]):
    """Asks upstreams and looks at what they send."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        """Take the settings and the caller's clock."""
        self._settings = settings
        self._now = now
        self._closing = ExitStack()
        self._runner: asyncio.Runner
        self._workers: Workers
        self._client: Client

    def __enter__(self) -> Self:
        from aggregator.fetch.client import Client

        self._runner = self._closing.enter_context(asyncio.Runner())
        self._client = Client(self._settings.fetch, user_agent=user_agent(self._settings), now=self._now)
        self._closing.callback(lambda: self._runner.run(self._client.__aexit__(None, None, None)))
        self._workers = self._closing.enter_context(Workers(1))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.__exit__(kind, error, trace)

    def poll(self, source: Source, exclude: frozenset[str] = frozenset()) -> Fetched | Failed:
        """Ask a source once, unconditionally."""
        answer = self._runner.run(self._client.poll(source, None, exclude=exclude))
        if isinstance(answer, NotModified):
            raise TypeError("a request without conditions was answered with 304")  # the client makes a failure of that
        return answer

    def examine(
        self,
        source: Source,
        answer: Fetched,
        remembered: Remembered | None = None,
        *,
        stage: str,
        stamp: datetime | None = None,
        newest: int | None = None,
        keep_body: bool = False,
        discover: bool = False,
    ) -> Examined | Failed:
        """Take a body through the stages."""
        settings, now = self._settings, self._now()
        digest = DigestJob(
            body=answer.body,
            coding=answer.coding,
            headers=answer.headers,
            final_address=answer.final_address,
            max_bytes=settings.fetch.max_bytes,
            source=replace(source, headers=(), auth=None, proxy=None),
            known=remembered.known if remembered else {},
            aliases=remembered.aliases if remembered else {},
            unstable=remembered is not None and remembered.unstable,
            own_feeds=own_feeds(settings),
            now=now,
            stamp=stamp or now,
            limit=source.limit,
            place=posts_place(settings),
            dry_run=True,
        )
        job = ExamineJob(digest=digest, stage=stage, newest=newest, keep_body=keep_body, discover=discover)
        try:
            found = self._runner.run(self._workers.run(run_examine, job))
        except WorkerDiedError as error:
            found = Unreadable(kind=error.kind, message=f"the feed {error}")
        except BugError as error:
            found = Unreadable(kind="bug", message=f"internal error, a bug of aggregator: {error}")
        return found if isinstance(found, Examined) else as_failure(answer, found)

    def visit(self, source: Source, remembered: Remembered, *, stage: str, stamp: datetime, keep_body: bool) -> Visit:
        """Ask a source as `sync` does: an instance whose answer is no feed is passed over for the next one (DESIGN 14)."""
        excluded: set[str] = set()
        while True:
            answer = self.poll(source, frozenset(excluded))
            if isinstance(answer, Failed):
                return Visit(failed=answer)
            found = self.examine(source, answer, remembered, stage=stage, stamp=stamp, keep_body=keep_body)
            if isinstance(found, Failed):
                return Visit(answer=answer, failed=found)
            if found.unreadable is None:
                return Visit(answer=answer, examined=found)
            excluded.add(answer.address)
            if found.unreadable.kind != "not-a-feed" or len(excluded) >= len(source.addresses):
                return Visit(answer=answer, examined=found, failed=as_failure(answer, found.unreadable))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a visit came to."""

    answer: Fetched | None = None
    examined: Examined | None = None  #: as far as it could be read
    failed: Failed | None = None  #: why no more came of it


def as_failure(answer: Fetched, unreadable: Unreadable) -> Failed:
    """Return what `sync` makes of a body that is no feed."""
    return Failed(
        source_id=answer.source_id,
        address=answer.address,
        kind=unreadable.kind,
        message=unreadable.message,
        status=answer.status,
        elapsed=answer.elapsed,
    )
