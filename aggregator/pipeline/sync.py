"""Polls what is due and takes every source down its path. The main process: network, state, ledger, order of writes.

Order of writes, per batch (DESIGN 9): posts by the workers, renamed into place; made durable; one state transaction; then the
feeds. Whatever a crash cuts off is found again: a posts folder that this run wrote to is marked in the state until the end.
"""

from __future__ import annotations

import asyncio
import signal
import time
import traceback
from collections import ChainMap
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aggregator.errors import AggregatorError, PlaceError, StoreError
from aggregator.model.changes import Changes
from aggregator.model.fetched import Failed, Fetched, NotModified
from aggregator.model.poll import Begin, Event, SourceEvent, SourceState, Summary
from aggregator.model.source import Source
from aggregator.pipeline.finished import Finished, answered, body_hash, failed, fingerprint, held_back
from aggregator.pipeline.jobs import NOT_MOUNTED, BugError, DigestJob, NewNames, Unreadable
from aggregator.pipeline.moves import is_elsewhere
from aggregator.pipeline.pinging import tell_hubs
from aggregator.pipeline.planning import holding, upcoming
from aggregator.pipeline.project import Project
from aggregator.pipeline.publishing import publish_what_changed, put_archives_off
from aggregator.pipeline.retention import Retention
from aggregator.pipeline.room import Door, Room
from aggregator.pipeline.series import Series
from aggregator.pipeline.status_feed import outputs_touched
from aggregator.pipeline.summing import summarise
from aggregator.pipeline.together import Digests
from aggregator.pipeline.walks import Walks
from aggregator.schedule import Next
from aggregator.store.ledger import Alias, Unstable
from aggregator.store.state import Batch
from aggregator.workers import WorkerDiedError, Workers, expect_jobs, processors

if TYPE_CHECKING:
    from aggregator.fetch.client import Client

BATCH_ROWS = 2000  #: posts per state transaction
BATCH_POLLS = 500  #: or so many polls: what a kill -9 may make us ask again
BATCH_SECONDS = 5.0  #: or what has come together in this time
BODIES_WAITING = 64  #: fetched and not yet digested; beyond that no further request is started


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """What a run is asked to do."""

    now: datetime  #: aware, UTC
    stamp: datetime  #: what entries without a date are dated with: `now`, or SOURCE_DATE_EPOCH
    sources: tuple[str, ...] = ()  #: () means all
    force: bool = False  #: poll what is not due, still conditionally
    no_cache: bool = False  #: send no validators and digest equal bodies as well
    dry_run: bool = False
    jobs: int | None = None  #: worker processes; None: one per processor
    limit: int | None = None  #: newest entries taken per source
    scheduled: bool = False  #: each source at its own moment of the spread (`Next.at`), which is later than it might be polled


class InterruptedRunError(AggregatorError):
    """The run was asked to stop; finished sources are saved."""

    def __init__(self, number: int | None) -> None:
        """Take the signal's number; None: another thread asked."""
        self.signal = number
        super().__init__("stopped; what was finished is saved, the next run goes on from there")


def run_sync(
    project: Project, request: SyncRequest, report: Callable[[Event], None], *, series: Series | None = None
) -> Summary:
    """Poll what is due, write posts, publish what changed. Raises StoreError, InterruptedRunError.

    As one of a `series` it leaves signals to whoever runs that, is bounded by it, and publishes what has waited for long
    enough.
    """
    return asyncio.run(_Sync(project, request, report, series).run())


class _Sync:
    """One run; its fields are what the stages have in common."""

    def __init__(self, project: Project, request: SyncRequest, report: Callable[[Event], None], series: Series | None) -> None:
        self._project = project
        self._series = series
        self._settings = project.settings
        self._request = request
        self._report = report
        self._known_sources = project.state.sources()
        self._hosts = project.state.hosts()
        self._coming: dict[str, Next] = {}
        self._began = time.monotonic()
        self._events: list[SourceEvent] = []
        self._batch: list[Finished] = []
        self._batch_rows = 0
        self._room = Room(BODIES_WAITING)
        self._flushing = asyncio.Lock()
        self._signal: int | None = None
        self._client: Client  # made when something is due
        self._retention = Retention(project)
        self._fresh: set[str] = set()  #: sources whose posts became more in this run
        self._expired = 0
        self._had_entries = not project.state.is_empty()
        if series is not None:
            project.fresh = series.unpublished.fresh

    async def run(self) -> Summary:
        due = self._due()
        self._report(Begin(due=len(due)))
        if self._series is not None:
            await self._stoppable(self._all(self._series.workers, due), self._series)
            self._project.is_untidy |= self._series.workers.died_writing()
            return self._summary(due)
        with Workers(self._request.jobs or processors()) as workers:
            if any(source.id not in self._known_sources for source in due):
                expect_jobs()  # what was never polled brings news; meanwhile this process loads what fetches it
            await self._guarded(self._all(workers, due))
            self._project.is_untidy |= workers.died_writing()
        return self._summary(due)

    # -- which ------------------------------------------------------------------------------------------------------

    def _chosen(self) -> list[Source]:
        wanted = set(self._request.sources)
        if wanted:
            # Whoever names a source wants it, paused or gone: the rest of the rule still holds.
            named = [source for source in self._settings.sources if source.name in wanted]
            return [replace(source, paused=False) for source in named]
        return [source for source in self._settings.sources if not source.paused]

    def _due(self) -> list[Source]:
        if self._request.force:
            return [source for source in self._chosen() if source.gone is None or self._request.sources]
        now = self._request.now
        due = [source for source in self._chosen() if self._next(source, now).is_due(now)]
        if self._request.scheduled:
            # Whose moment was first goes first: at a host with more sources than an hour has turns, those at the head of the
            # configuration would be due again before the last ones are asked at all.
            moments = [(coming.at, source) for source in due if (coming := self._next(source, now)).at is not None]
            come = [(at, source) for at, source in moments if at is not None and at <= now]
            return [source for _, source in sorted(come, key=lambda pair: pair[0])]
        return due

    def _next(self, source: Source, now: datetime) -> Next:
        """Return when a source is polled next, as things stood when the run began."""
        if source.name not in self._coming:
            self._coming[source.name] = upcoming(source, self._known_sources.get(source.id), self._hosts, now)
        return self._coming[source.name]

    # -- the run ----------------------------------------------------------------------------------------------------

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the work so that SIGINT and SIGTERM end it in order: what is finished is saved, then we stop."""
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            self._signal = number
            task.cancel()

        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            loop.add_signal_handler(number, stop, number)
        try:
            await self._saved(task)
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    async def _stoppable(self, work: Coroutine[Any, Any, None], series: Series) -> None:
        """Run the work so that another thread can end it in the same order, by `Series.end`."""
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        series.began(lambda: _call(loop, task.cancel))
        try:
            await self._saved(task)
        finally:
            series.ended()

    async def _saved(self, task: asyncio.Future[None]) -> None:
        """Wait for the work; however it ends, what is finished is saved."""
        try:
            await task
        except asyncio.CancelledError:
            await self._flush()
            raise InterruptedRunError(self._signal) from None
        except Exception:
            with suppress(StoreError):  # the first error is the one to tell
                await self._flush()
            raise

    async def _all(self, workers: Workers, due: list[Source]) -> None:
        project = self._project
        if due:
            if not self._request.dry_run:
                await project.look_through_open_folders(workers, self._report)
            await self._poll(workers, due)
            await self._flush()
        if self._request.dry_run:
            if due and (heard := self._client.hosts()):
                project.state.save(Batch(hosts=heard))  # a wish to be left alone counts whoever heard it
            self._expired = self._retention.foresee(self._report)
            return
        self._expired = self._retention.expire(self._report, only_grown=self._fresh)
        if not self._had_entries:
            put_archives_off(project)
        if self._series is not None and (self._expired or project.adopted or project.deleted):
            self._series.unpublished.note()  # also of what hands did in a folder that was looked through on the way
        # Who asks has all of it published at the end, also what came after something was published amid the run.
        is_time = self._series is None or not self._request.scheduled or self._series.unpublished.is_ripe
        if is_time:
            await self._publish(workers, archive=True)
            self._retention.settle()
        project.close_folders()
        if due:
            project.state.trim_history([source.id for source in due], self._request.now)
        if self._settings.public.ping == "now":
            await self._tell_hubs(published=is_time)

    async def _tell_hubs(self, *, published: bool) -> None:
        """Tell them what was published; in a series also what they did not take, now and then."""
        if self._series is None:
            await tell_hubs(self._project, self._report)
        elif published or self._series.hubs_are_due:
            await tell_hubs(self._project, self._report)
            self._series.hubs_told()

    async def _publish(self, workers: Workers, *, archive: bool) -> None:
        await publish_what_changed(self._project, workers, self._report, archive=archive)
        if self._series is not None:
            self._series.unpublished.published()
            self._project.fresh = self._series.unpublished.fresh

    async def _poll(self, workers: Workers, due: list[Source]) -> None:
        from aggregator.fetch.client import Client  # httpx and aiohttp cost 0.2 s: only a run that polls pays them

        digests = Digests(workers)
        async with Client(
            self._settings.fetch,
            user_agent=self._project.user_agent,
            now=self._now,
            hosts=self._hosts.values(),
            # A person who forces a poll may disturb a host that asked for silence; a program may not.
            insist=self._request.force,
            paces=self._series.paces if self._series is not None else None,
        ) as client:
            self._client = client
            if self._series is not None:
                self._series.paces = client.paces
                self._series.has_asked = True
            try:
                async with asyncio.TaskGroup() as group:
                    saving = group.create_task(self._flush_now_and_then(workers))
                    walks = Walks(group, self._room, partial(self._visit, client, workers, digests))
                    walks.begin(due)
                    if self._series is not None and self._request.scheduled:
                        open_for = self._series.open_for.total_seconds()
                        joining = group.create_task(walks.join_and_close(open_for, partial(self._joining, due)))
                    else:
                        joining = None  # a person waits for these, and for all of them
                    await walks.ended()
                    if joining is not None:
                        joining.cancel()
                    async with self._flushing:  # a cut amid publishing would kill the workers that write, and all is done anew
                        saving.cancel()
            except BaseExceptionGroup as errors:
                # One stopped the run, the others were cancelled on its account or failed alike; a full disk is told first.
                raise next((e for e in errors.exceptions if isinstance(e, AggregatorError)), errors.exceptions[0]) from None

    def _joining(self, due: list[Source]) -> list[Source]:
        """Return the sources whose moment has come since the run began; from now on they are among the due ones."""
        now, taken = self._now(), {source.name for source in due}
        joining = [source for source in self._chosen() if source.name not in taken and self._next(source, now).has_come(now)]
        due += joining
        return joining

    async def _visit(self, client: Client, workers: Workers, digests: Digests, source: Source, door: Door) -> None:
        """Take one source down its path. Whatever happens costs this source only, but for a disk that fails."""
        before = self._known_sources.get(source.id) or SourceState(id=source.id)
        try:
            finished = await self._outcome(client, workers, digests, source, door, before=before)
        except AggregatorError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug of ours is shown as one, and the other sources go on
            trace = error.trace if isinstance(error, BugError) else "".join(traceback.format_exception(error))
            answer = Failed(source_id=source.id, address=source.feed, kind="bug", message=_bug(error))
            finished = self._failed(source, before, answer, trace=trace)
        await self._finish(finished)

    def _now(self) -> datetime:
        """Return the time at this moment of the run, on the run's own clock."""
        return self._request.now + timedelta(seconds=int(time.monotonic() - self._began))

    async def _outcome(
        self,
        client: Client,
        workers: Workers,
        digests: Digests,
        source: Source,
        door: Door,
        *,
        before: SourceState,
    ) -> Finished:
        moved = before.fingerprint is not None and before.fingerprint != fingerprint(source)
        validators = None if self._request.no_cache or moved else before.validators
        excluded: set[str] = set()
        while True:
            answer = await client.poll(
                source, validators, prefer=before.prefer, exclude=frozenset(excluded), admit=door.pass_through
            )
            if not isinstance(answer, Fetched):
                break
            hashed = body_hash(answer)
            same = not self._request.no_cache and before.body_hash == hashed
            if same and not moved:
                result: Changes | Unreadable | None = None
            else:
                async with self._room, digests.turns:
                    moving = is_elsewhere(answer.address, answer.permanent_address)
                    try:
                        result = await self._digest(workers, digests, source, answer, moving=moving)
                    except PlaceError as fault:
                        # Its folder is out of reach: the others go on, and the run ends with that error.
                        result = Unreadable(kind="posts", message=self._project.bear(fault, source.categories))
            if isinstance(result, Unreadable):
                excluded.add(answer.address)
                if result.kind == "not-a-feed" and len(excluded) < len(source.addresses):
                    continue  # a 200 that is no feed: the next instance may know better (DESIGN 14)
                answer = Failed(
                    source_id=source.id,
                    address=answer.address,
                    kind=result.kind,
                    message=f"{result.message}; {answer.note}" if answer.note else result.message,
                    status=answer.status,
                    headers=answer.headers,
                    elapsed=answer.elapsed,
                )
                return self._failed(source, before, answer)
            whole = self._request.limit is None
            return answered(
                source, before, answer, result, began=self._request.now, now=self._now(), hashed=hashed if whole else None
            )
        if isinstance(answer, NotModified):
            return answered(source, before, answer, None, began=self._request.now, now=self._now())
        return self._failed(source, before, answer)

    def _failed(self, source: Source, before: SourceState, answer: Failed, *, trace: str | None = None) -> Finished:
        now = self._now()
        held = holding(source, before, ChainMap(self._client.heard, self._hosts), now)
        if answer.kind == "held":
            return held_back(source, before, answer, began=self._request.now, now=now, held=held)
        return failed(source, before, answer, began=self._request.now, now=now, held=held, trace=trace)

    async def _digest(
        self, workers: Workers, digests: Digests, source: Source, answer: Fetched, *, moving: bool
    ) -> Changes | Unreadable | None:
        if not self._request.dry_run:
            # Before the first post is written there by this run, or its own posts would look like somebody else's. What is
            # found makes outputs stale, so not while they are being published.
            async with self._flushing:
                await self._project.look_through_folder(workers, source.categories, self._report)
                missing = self._project.misses(source.id, self._report)
            if missing:
                return Unreadable(kind="posts", message=NOT_MOUNTED.format(self._project.unmounted[source.id]))
        remembered = self._project.remembered(source.id, indexed=self._had_entries)
        job = DigestJob(
            body=answer.body,
            coding=answer.coding,
            headers=answer.headers,
            final_address=answer.final_address,
            max_bytes=self._settings.fetch.max_bytes,
            source=replace(source, headers=(), auth=None, proxy=None),
            known=remembered.known,
            now=self._now(),  # a long run meets entries that were published after it began
            stamp=self._request.stamp,
            limit=min((limit for limit in (source.limit, self._request.limit) if limit), default=None),
            place=self._project.place,
            dry_run=self._request.dry_run,
            aliases=remembered.aliases,
            unstable=remembered.unstable,
            own_feeds=self._project.own_feeds(),
            room=self._retention.room(source),
            moving=moving,
        )
        told: tuple[str, ...] = ()
        try:
            result = await digests.run(job)
            while isinstance(result, NewNames):
                # Written down first; then the body is read knowing it. A source is found unstable once, an alias once.
                told += result.told
                job = self._written_down(job, result)
                result = await digests.run(job)
        except WorkerDiedError as error:
            return Unreadable(kind=error.kind, message=f"the feed {error}")
        return replace(result, warnings=(*told, *result.warnings)) if isinstance(result, Changes) else result

    def _written_down(self, job: DigestJob, names: NewNames) -> DigestJob:
        """Put into the ledger which known entries came under new ids; return the job that knows it."""
        project, source, at = self._project, job.source.id, self._request.now
        project.note(Alias(source=source, id=entry_id, key=key, at=at) for entry_id, key in names.aliases)
        project.note([Unstable(source=source, at=at)] if names.unstable else [])
        aliases = job.aliases | dict(names.aliases)
        return replace(job, aliases=aliases, unstable=job.unstable or names.unstable, settled=not names.unstable)

    # -- after a visit ----------------------------------------------------------------------------------------------

    async def _finish(self, finished: Finished) -> None:
        # For the summary, which only counts: the paths of all posts of a first run would be a quarter of its memory.
        self._events.append(replace(finished.event, posts=(), warnings=(), trace=None))
        if not self._request.dry_run:
            self._batch.append(finished)
            self._batch_rows += len(finished.rows)
        self._report(finished.event)
        if self._batch_rows >= BATCH_ROWS or len(self._batch) >= BATCH_POLLS:
            await self._flush()

    async def _flush_now_and_then(self, workers: Workers) -> None:
        """Save while slow servers are waited for: a run that is killed over and over must not ask the others each time.

        Nor do readers wait for them: what is to be published by now is.
        """
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            await self._flush()
            if self._series is not None and self._series.unpublished.is_ripe and not self._request.dry_run:
                async with self._flushing:
                    await self._publish(workers, archive=False)

    async def _flush(self) -> None:
        """Make the batch's posts durable, then save it: what the state says must be on the disk."""
        async with self._flushing:
            batch, self._batch, self._batch_rows = self._batch, [], 0
            if not batch:
                return
            rows = [row for done in batch for row in done.rows]
            project = self._project
            try:
                if rows:
                    await asyncio.to_thread(project.keep, rows)
            except BaseException:
                self._batch = batch + self._batch  # a signal may come just here: the last flush takes them
                raise
            folders = project.touched(row.path for row in rows)
            self._fresh |= {row.source_id for row in rows}
            project.fresh.add(row.key for row in rows)
            project.note(line for done in batch for line in done.ledger)
            project.forget_gone(done.state.id for done in batch if done.returned)
            polled = tuple(done.state for done in batch if done.poll is not None)
            touched = outputs_touched(project, polled)
            if self._series is not None and (rows or touched):
                self._series.unpublished.note()
            project.state.save(
                Batch(
                    sources=polled,
                    hosts=self._client.hosts(),
                    polls=tuple(done.poll for done in batch if done.poll is not None),
                    rows=tuple(rows),
                    noted=tuple(pair for done in batch for pair in done.noted),
                    locked=tuple(key for done in batch for key in done.locked),
                    open_folders=folders,
                    dirty_outputs=(*project.outputs_of({row.categories for row in rows}), *touched),
                )
            )

    def _summary(self, due: list[Source]) -> Summary:
        coming = {event.source_id: event.next_poll for event in self._events}
        for source in self._chosen():
            if source.name not in coming:
                coming[source.name] = self._next(source, self._request.now).at
        return summarise(
            self._project,
            self._events,
            coming,
            due=len(due),
            expired=self._expired,
            elapsed_ms=round((time.monotonic() - self._began) * 1000),
            dry_run=self._request.dry_run,
        )


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Have another thread's loop call a function; it may have ended meanwhile."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function)


def _bug(error: Exception) -> str:
    what = str(error) if isinstance(error, BugError) else f"{type(error).__name__}: {error}"
    return f"internal error, a bug of aggregator: {what} (-vv shows the traceback)"
