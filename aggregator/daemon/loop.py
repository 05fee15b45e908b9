"""The daemon's loop: when what is done. The main thread's; it never waits for a disk or an upstream, so it always answers.

APScheduler fires a few jobs: a tick, which begins a round when a due time has come, and slower ones for the configuration,
hands and upkeep. Due times live in the state and not in the scheduler, so a restart loses none. Rounds run in one thread, one
after the other. All of it is in UTC: no night with a changed clock has an hour twice.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from aggregator.daemon.asks import Answer, Ask, AskBox
from aggregator.daemon.clock_watch import ClockWatch
from aggregator.daemon.config_watch import ConfigWatch
from aggregator.daemon.every import Every
from aggregator.daemon.memory import trimmer
from aggregator.daemon.pauses import Pauses
from aggregator.daemon.repeats import Repeats
from aggregator.daemon.rounds import Came, Rounds
from aggregator.daemon.service import Manager
from aggregator.errors import AggregatorError, ConfigError, LockedError
from aggregator.model.poll import Event, Note, Summary
from aggregator.model.settings import Settings
from aggregator.pipeline.series import Series, Unpublished
from aggregator.pipeline.sync import InterruptedRunError
from aggregator.schedule import describe
from aggregator.workers import Workers, processors

_TICK = timedelta(seconds=1)
_CONFIG_EVERY = timedelta(seconds=2)
_HANDS_EVERY = timedelta(hours=1)
_HANDS_FIRST = timedelta(minutes=1)  #: after the start, of what they did while no daemon ran
_UPKEEP_EVERY = timedelta(days=1)
#: How long a round begins visits; with the time that one may take, the longest that anybody waits for the project's lock.
_OPEN_FOR = timedelta(seconds=30)
#: Due times are read anew after so long, whoever may have changed them.
_PLAN_EVERY = timedelta(minutes=10)
_JOBS_EACH = 1000  #: of a worker process, before another one takes its place
_REST_AFTER = 60.0  #: seconds without a job, after which worker processes are ended
_DRAIN = 9.0  #: seconds that the end may take; what is cut off then the next start finds
_LAST_WORDS = 0.3  #: seconds that the log has for what was told last
#: Seconds without an event, or between rounds without a tick, after which all counts as stuck, and a watching manager is told
#: nothing.
_LONGEST_SILENCE = 900.0


class Teller(Protocol):
    """Takes what is to be told: a log."""

    def report(self, event: Event) -> None:
        """Tell one event of a round."""

    def say(self, text: str, *, failed: bool = False, trace: BaseException | None = None) -> None:
        """Tell something about the daemon itself."""


class Daemon:
    """One daemon, in one project."""

    def __init__(
        self,
        settings: Settings,
        watch: ConfigWatch,
        load: Callable[[], Settings],
        tell: Teller,
        *,
        now: Callable[[], datetime],
        stamp: Callable[[datetime], datetime],
        jobs: int | None = None,
        schedule: bool = True,
        manager: Manager | None = None,
        measure: Callable[[Event | Summary], None] | None = None,
    ) -> None:
        """Take the settings, a watch that was begun before they were read, how to `load` them again, and where to tell.

        Without `schedule` it polls only what it is asked for. `measure` hears every event, and what each round came to, in
        whatever thread that is.
        """
        self._load = load
        self._tell = tell
        self._now = now
        self._schedules = schedule
        self._manager = manager or Manager()
        self._measure = measure or (lambda _: None)
        self._watch = watch
        self._clocks = ClockWatch()
        self._series = Series(
            workers=Workers(jobs or processors(), jobs_each=_JOBS_EACH),
            unpublished=Unpublished(settings.daemon.debounce),
            open_for=_OPEN_FOR,
        )
        self._rounds = Rounds(settings, self._series, self._heard, now=now, stamp=stamp, jobs=jobs)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="round")
        self._ending = asyncio.Event()
        self._signal: int | None = None
        self._busy = asyncio.Lock()
        self._reading = asyncio.Lock()  #: or of two that read at once, the one that saw the older files might end last
        self._next: datetime | None = None  #: when a round is due; None: at once
        self._is_planned_anew = False  #: since the round that is on began: what it says of the next one is not it
        self._not_before = float("-inf")  #: on the monotonic clock
        self._heard_at = time.monotonic()
        self._pauses = Pauses()
        self._notes = Repeats()
        self._trouble: str | None = None  #: what was told of the last round that failed as a whole
        self._is_refused = False  #: the configuration as it was last read
        self._hands_since = now()
        self._trim = trimmer()

    @property
    def heard(self) -> datetime | None:
        """Return when the round that is going on said something last; None: none is going on. For any thread."""
        if not self._busy.locked():
            return None
        return self._now() - timedelta(seconds=time.monotonic() - self._heard_at)

    async def run(self) -> int:
        """Run until a signal ends it; returns its number."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload(asked=True)))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # held back while we started
        self._asks = AskBox(self._rounds.settings.root)
        scheduler = self._scheduler()
        scheduler.start()
        watching = loop.create_task(self._watch_clocks(scheduler))
        self._manager.ready()
        self._say_status()
        try:
            await self._ending.wait()
        finally:
            scheduler.shutdown(wait=False)
            watching.cancel()
            self._series.end()
            async with self._busy:
                await loop.run_in_executor(self._thread, self._series.workers.kill)
            self._thread.shutdown()
            # One who is told twice is not to die amid the last steps; that they come to an end the timer sees to.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)
        return self._signal or signal.SIGTERM

    # -- jobs -------------------------------------------------------------------------------------------------------

    def _scheduler(self) -> AsyncIOScheduler:
        # A round that takes longer than a tick is no fault; what happens to it is told by us.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        now = datetime.now(UTC)
        jobs = [(self._tick, _TICK, now), (self._look_at_config, _CONFIG_EVERY, now + _CONFIG_EVERY)]
        if self._schedules:
            jobs += [
                (self._look_at_hands, _HANDS_EVERY, now + _HANDS_FIRST),
                (self._keep_up, _UPKEEP_EVERY, now + _HANDS_EVERY),
            ]
        scheduler.add_listener(self._job_failed, EVENT_JOB_ERROR)
        for function, every, first in jobs:
            trigger = Every(seconds=every.total_seconds(), timezone=UTC)
            scheduler.add_job(function, trigger, next_run_time=first, id=function.__name__)
        return scheduler

    async def _tick(self) -> None:
        if self._busy.locked() or self._ending.is_set():
            return
        self._heard_at = time.monotonic()
        # In a thread: of a disk that hangs, a signal is heard all the same.
        if (asked := await asyncio.to_thread(self._asks.take)) is not None:
            await self._answer(*asked)
        elif self._is_time():
            await self._do(self._rounds.poll)
        else:
            async with self._busy:
                await self._in_thread(self._idle)

    def _idle(self) -> None:
        self._series.workers.rest(_REST_AFTER)
        self._rounds.index()

    def _is_time(self) -> bool:
        if not self._schedules or time.monotonic() < self._not_before:
            return False
        return self._next is None or self._now() >= self._next or self._series.unpublished.is_ripe

    async def _look_at_config(self) -> None:
        if await asyncio.to_thread(self._watch.has_changed):
            await self._reload(asked=False)

    async def _look_at_hands(self) -> None:
        began = self._now()
        if await self._do(lambda: self._rounds.look_at_hands(self._hands_since)):
            self._hands_since = began

    async def _keep_up(self) -> None:
        await self._do(self._rounds.upkeep)

    async def _watch_clocks(self, scheduler: AsyncIOScheduler) -> None:
        """See to it that a clock which was set does not stop anything: the scheduler's jobs wait for an hour of the wall."""
        while True:
            await asyncio.sleep(_TICK.total_seconds())
            self._feed_watchdog()
            step = self._clocks.step()
            if step is None:
                continue
            where = "forward" if step > timedelta() else "back"
            self._tell.say(f"the clock went {where} by {describe(abs(step))}; due times are looked at anew")
            self._plan_anew()
            self._hands_since = min(self._hands_since, self._now())
            now = datetime.now(UTC)
            for job in scheduler.get_jobs():
                left = min(max(job.next_run_time - (now - step), timedelta()), job.trigger.interval)
                job.modify(next_run_time=now + left)
            scheduler.wakeup()

    # -- rounds -----------------------------------------------------------------------------------------------------

    async def _do(self, round_: Callable[[], Came | None]) -> bool:
        """Do one round, or what is like one; returns whether it went through. Whatever fails is told, and tried again."""
        async with self._busy:
            if self._ending.is_set():
                return False
            self._heard_at = time.monotonic()
            self._series.has_asked = False
            self._is_planned_anew = False
            try:
                came = await self._in_thread(lambda: self._then_trim(round_))
            except InterruptedRunError:
                return False
            except LockedError as error:
                self._fail(error, "another command works in this project; the daemon goes on when it has ended", seconds=1.0)
                return False
            except AggregatorError as error:
                self._fail(error, str(error), seconds=self._pauses.after(has_asked=self._series.has_asked))
                return False
            except Exception as error:  # noqa: BLE001 - shown as what it is, and the daemon goes on
                self._fail(error, _bug(error), seconds=self._pauses.after(has_asked=self._series.has_asked))
                return False
            self._pauses.over()
            if came is not None:
                self._take(came)
            return True

    def _then_trim(self, round_: Callable[[], Came | None]) -> Came | None:
        try:
            return round_()
        finally:
            self._trim()

    async def _in_thread(self, function: Callable[[], Came | None]) -> Came | None:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _take(self, came: Came) -> None:
        self._measure(came.summary)
        if self._trouble is not None and came.fault is None:
            self._tell.say("all is well again")
            self._trouble = None
        if came.fault is not None:
            self._fail(came.fault, str(came.fault), seconds=0.0)
        latest = self._now() + _PLAN_EVERY
        self._next = None if self._is_planned_anew else min(came.summary.next_poll or latest, latest)
        self._say_status()

    def _plan_anew(self) -> None:
        """Have a round look at all due times as soon as may be."""
        self._next = None
        self._is_planned_anew = True

    def _job_failed(self, event: JobExecutionEvent) -> None:
        """Tell of a bug in what the scheduler fires, which would keep it to itself."""
        if not isinstance(event.exception, asyncio.CancelledError):  # the end cancels what is on
            self._fail(event.exception, _bug(event.exception), seconds=Pauses().after(has_asked=False))

    def _fail(self, error: BaseException, text: str, *, seconds: float) -> None:
        """Tell what has failed; no round begins for so many seconds."""
        self._not_before = time.monotonic() + seconds
        if text != self._trouble:  # once, and not each minute of a weekend
            self._tell.say(text, failed=True, trace=error)
            self._trouble = text
        self._manager.status(text)

    async def _answer(self, name: str, ask: Ask) -> None:
        events: list[Event] = []

        def hear(event: Event) -> None:
            events.append(event)
            self._heard(event)

        answer: list[Answer] = []

        def serve() -> Came:
            came = self._rounds.serve(ask, hear)
            answer.append(
                Answer(events=tuple(events), summary=came.summary, error=None if came.fault is None else str(came.fault))
            )
            return came

        if await asyncio.to_thread(self._watch.differs):
            await self._reload(asked=False)  # who asks has read what stands there now, and may ask for what is new in it
        await self._do(serve)
        self._next = None
        if not answer and self._ending.is_set():
            return  # who asks sees that we have ended, and does it itself
        failed = Answer(events=tuple(events), summary=None, error=self._trouble)
        try:
            await asyncio.to_thread(self._asks.answer, name, answer[0] if answer else failed)
        except OSError as error:
            self._tell.say(f"cannot answer a sync that has asked: {error.strerror}", failed=True)

    def _heard(self, event: Event) -> None:
        self._heard_at = time.monotonic()
        self._measure(event)
        if isinstance(event, Note):
            if event.text != self._trouble and self._notes.is_news(event.text):
                self._tell.say(event.text)
        else:
            self._tell.report(event)

    # -- configuration ----------------------------------------------------------------------------------------------

    async def _reload(self, *, asked: bool) -> None:
        async with self._reading:
            # What changed may have been read meanwhile, on behalf of somebody who came first.
            if asked or await asyncio.to_thread(self._watch.differs):
                await self._read_again(asked=asked)

    async def _read_again(self, *, asked: bool) -> None:
        self._manager.reloading()
        was_refused, self._is_refused = self._is_refused, True  # until it is read
        try:
            await asyncio.to_thread(self._watch.taken)
            settings = await asyncio.to_thread(self._load)
        except ConfigError as error:
            self._tell.say(f"the new configuration is refused, the old one stays:\n{error}", failed=True)
            return
        except (AggregatorError, OSError) as error:
            self._tell.say(f"the configuration cannot be read again, the old one stays: {error}", failed=True)
            return
        except Exception as error:  # noqa: BLE001 - shown as what it is, and the daemon goes on
            self._tell.say(f"the old configuration stays: {_bug(error)}", failed=True, trace=error)
            return
        finally:
            self._manager.ready()
        self._is_refused = False
        if settings == self._rounds.settings:
            if asked or was_refused:
                self._tell.say("the configuration is as it was")
            if asked:
                self._not_before = float("-inf")  # who has made room asks for another try
            return
        self._rounds.settings = settings
        self._series.unpublished.debounce = settings.daemon.debounce
        self._plan_anew()
        self._not_before = float("-inf")
        self._tell.say(f"new configuration: {_sources(len(settings.sources))}")

    # -- the manager and the end ------------------------------------------------------------------------------------

    def _say_status(self) -> None:
        when = "" if self._next is None else f", next {self._next.astimezone():%H:%M}"
        trouble = "" if self._trouble is None else f"; {self._trouble}"
        self._manager.status(f"{_sources(len(self._rounds.settings.sources))}{when}{trouble}")

    def _feed_watchdog(self) -> None:
        # Between rounds the tick is what is heard: one that does not come back, from a disk that hangs, is no work either.
        if time.monotonic() - self._heard_at < _LONGEST_SILENCE:
            self._manager.alive()

    def _end(self, number: int) -> None:
        if self._ending.is_set():
            return
        self._signal = number
        self._manager.stopping()
        self._series.end()
        self._ending.set()
        cut = threading.Timer(_DRAIN, self._cut_off, args=(number,))
        cut.daemon = True
        cut.start()
        # Should not even that thread get to run, as amid the interpreter's own end: C code says where everybody stood.
        faulthandler.dump_traceback_later(_DRAIN + 0.5, exit=True)

    def _cut_off(self, number: int) -> None:
        """End as a kill would: a disk or a network that hangs is not waited for."""
        words = "the end was cut short: something did not answer. The next start finds what it left"
        self._tell.say(words, failed=True)
        time.sleep(_LAST_WORDS)
        os._exit(128 + number)


def _bug(error: BaseException) -> str:
    return f"internal error, a bug of aggregator: {type(error).__name__}: {error} (-vv shows the traceback)"


def _sources(number: int) -> str:
    return "1 source" if number == 1 else f"{number} sources"
