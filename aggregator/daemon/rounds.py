"""One round: the project opened, what is due polled, what has waited published, the project closed. Runs in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator.daemon.asks import Ask
from aggregator.errors import AggregatorError, ConfigError, StoreError
from aggregator.model.poll import Event, Note, Summary
from aggregator.model.settings import Settings
from aggregator.pipeline.gone import unmounted_error
from aggregator.pipeline.hands import look_for_hands
from aggregator.pipeline.project import Project, open_project
from aggregator.pipeline.searching import Searching
from aggregator.pipeline.series import Series
from aggregator.pipeline.site_out import is_due, refresh
from aggregator.pipeline.sync import SyncRequest, run_sync
from aggregator.store.search import SEARCH_PATH
from aggregator.workers import processors

_PATIENCE = 60.0  #: seconds that another command's end is waited for, when a `sync` waits for us
#: After so long posts are compared with the index for searching though no round has brought any: other commands do, too.
_SEARCH_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What a round came to."""

    summary: Summary
    fault: AggregatorError | None  #: of a single place; all else is done


class Rounds:
    """Does rounds; each one sees the settings of that moment."""

    def __init__(
        self,
        settings: Settings,
        series: Series,
        report: Callable[[Event], None],
        *,
        now: Callable[[], datetime],
        stamp: Callable[[datetime], datetime],
        jobs: int | None,
    ) -> None:
        """Take what all rounds have in common; `stamp` is what undated entries are dated with at a moment."""
        self.settings = settings
        self._seen = settings  #: those of the last round
        self._series = series
        self._report = report
        self._now = now
        self._stamp = stamp
        self._jobs = jobs or processors()
        self._searching = Searching(settings.root / SEARCH_PATH, again=_SEARCH_AGAIN)
        self._search_trouble: str | None = None  #: as it was told
        self._site_of: Settings | None = None  #: the settings that the folder of `pages.out` was last written with

    def poll(self) -> Came:
        """Poll the sources whose moment has come; with none, publish what has waited. Raises AggregatorError."""
        return self._sync(SyncRequest(now=(now := self._now()), stamp=self._stamp(now), scheduled=True), self._report)

    def serve(self, ask: Ask, report: Callable[[Event], None]) -> Came:
        """Do what a `sync` beside this daemon has asked for; all of it is published at the end. Raises AggregatorError."""
        now = self._now()
        request = SyncRequest(
            now=now,
            stamp=self._stamp(now),
            sources=ask.sources,
            force=ask.force,
            no_cache=ask.no_cache,
            limit=ask.limit,
        )
        self._series.unpublished.hurry()
        return self._sync(request, report, wait=_PATIENCE)

    def look_at_hands(self, since: datetime) -> Came:
        """Publish what a hand has changed in posts since a moment, or since a daemon looked last. Raises AggregatorError."""
        now = self._now()
        with self._opened(now) as project:
            if look_for_hands(project, self._series.workers, self._report, since=since, now=now):
                self._series.unpublished.hurry()
            came = self._ran(project, SyncRequest(now=now, stamp=self._stamp(now), scheduled=True), self._report)
        return self._with_site(came, self._report)

    def upkeep(self) -> None:
        """Keep the state small and quick. Raises AggregatorError."""
        now = self._now()
        with self._opened(now) as project:
            project.state.tidy(now)

    def index(self) -> None:
        """Make posts findable, for half a second; without the project's lock, and never at the cost of anything else."""
        if not self._searching.is_due:
            return
        self._searching.slice(self.settings)
        if (trouble := self._searching.problem) != self._search_trouble:
            self._search_trouble = trouble
            self._report(Note(text=trouble or "posts are indexed for searching again"))

    @contextmanager
    def _opened(self, now: datetime, report: Callable[[Event], None] | None = None, *, wait: float = 0) -> Iterator[Project]:
        # Whoever else holds the project is not waited for, unless a person waits: the next tick comes.
        stamp, settings = self._stamp(now), self.settings
        if settings is not self._seen:
            # Here and not when they are read: a round that is on just then ends with feeds as they were wanted before.
            self._series.unpublished.hurry()
            self._seen = settings
        with open_project(settings, report or self._report, now, stamp=stamp, jobs=self._jobs, wait=wait) as project:
            yield project

    def _sync(self, request: SyncRequest, report: Callable[[Event], None], *, wait: float = 0) -> Came:
        with self._opened(request.now, report, wait=wait) as project:
            came = self._ran(project, request, report)
        return self._with_site(came, report)

    def _with_site(self, came: Came, report: Callable[[Event], None]) -> Came:
        """Keep the folder of `pages.out` as it should be, once the project is released; a fault of it costs nothing else."""
        behind = self._site_of is not self.settings  # the first round, another configuration, or the last attempt failed
        if not is_due(self.settings, changed=came.summary.changed or behind):
            return came
        self._site_of = None
        try:
            refresh(self.settings, report, clock=self._now)
        except (StoreError, ConfigError) as fault:
            return replace(came, fault=came.fault or fault)
        self._site_of = self.settings
        return came

    def _ran(self, project: Project, request: SyncRequest, report: Callable[[Event], None]) -> Came:
        summary = run_sync(project, request, report, series=self._series)
        if summary.changed or summary.adopted:
            self._searching.note()
        fault = unmounted_error(project) if project.unmounted else next(iter(project.faults), None)
        return Came(summary=summary, fault=fault)
