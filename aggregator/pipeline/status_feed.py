"""What polls and ledger say of the health of sources -> whether `feeds/status.atom` has news to tell. The main process's side.

A change is found by comparing what is with what was said last, so nothing is lost or said twice when a run dies: the next poll
of the source shows it again. What was said last is a small fact of the state; the file itself knows better and is asked when
there is something to write. A run in which nothing changed asks neither lxml nor the file.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aggregator.errors import PlaceError
from aggregator.health import LEAST_FAILURES, NO_NETWORK, contradicts, is_failing, was_reachable
from aggregator.model.health import Change, Kind
from aggregator.model.poll import Event, Note, OutputState, SourceState
from aggregator.model.source import Source
from aggregator.pipeline.frames import frame_hash, status_frame
from aggregator.pipeline.jobs import OutputResult, StatusJob, StatusResult, run_status
from aggregator.pipeline.pinging import remember_topics
from aggregator.pipeline.planning import host_name
from aggregator.publish.addresses import STATUS_PATH
from aggregator.store.ledger import Gone, Ledger, Moved, Unstable
from aggregator.store.state import State
from aggregator.workers import WorkerDiedError, Workers

if TYPE_CHECKING:
    from aggregator.pipeline.project import Project

_FACT = "health"  #: of the state: which sources are said to fail or to be gone, as JSON


def said_last(state: State) -> dict[str, Kind] | None:
    """Return which sources were said to fail or to be gone; None: nobody knows any more."""
    text = state.fact(_FACT)
    if text is None:
        return None
    try:
        return {source_id: Kind(kind) for source_id, kind in json.loads(text).items()}
    except (ValueError, AttributeError):
        return None  # damaged, or of a later version: the file knows better anyway


def remember_said(project: Project, said: dict[str, Kind]) -> None:
    """Note what was said of sources that are still there."""
    ids = {source.id for source in project.settings.sources}
    kept = {source_id: kind.value for source_id, kind in sorted(said.items()) if source_id in ids}
    project.state.set_fact(_FACT, json.dumps(kept, ensure_ascii=False))


def outputs_touched(project: Project, polled: Iterable[SourceState]) -> tuple[str, ...]:
    """Return the status feed's path if the polls of these sources came to something else than what was said of them."""
    if not project.settings.public.status:
        return ()
    said = said_last(project.state) or {}
    return (STATUS_PATH,) if any(contradicts(state, said) for state in polled) else ()


async def write_status(
    project: Project, workers: Workers, known: OutputState | None, report: Callable[[Event], None], *, again: bool = False
) -> StatusResult | None:
    """Write the feed if it has something to tell, or `again`, whatever the state says; None: there was nothing to do.

    Raises StoreError if it cannot be written.
    """
    place = f"{project.settings.public.dir}/{STATUS_PATH}"
    if not project.settings.public.status:
        if known is not None:
            project.state.forget_outputs([STATUS_PATH])
            report(Note(text=f"{place} is not written any more. It stays as it is; delete it when you like"))
        return None
    sound = known is not None and not known.dirty and known.frame_hash == status_hash(project)
    if sound and not again and (project.public / STATUS_PATH).exists():
        return None
    job = _job(project)
    remember_topics(project, [job.frame])
    try:
        done = await workers.run(run_status, job)
    except WorkerDiedError as error:
        return _refused(f"building it {error}; kept as it was")
    except PlaceError as fault:
        return _refused(f"{project.bear(fault)}. The feed is kept as it was")
    if done.begun_anew:
        report(Note(text=f"{place}: what lay there was no feed; it is begun anew"))
    return done


def status_hash(project: Project) -> bytes:
    """Return the hash of all that the feed tells but for what polls have learned."""
    noted = _noted(project.ledger, _asked(project))
    lines = sorted((line.source, line.kind, line.at) for lines in noted.values() for line in lines)
    return frame_hash(status_frame(project.settings), lines)


def _job(project: Project) -> StatusJob:
    settings, sources = project.settings, _asked(project)
    # Without the file nothing was said, whatever is remembered: so the worker has it too.
    said = said_last(project.state) if (project.public / STATUS_PATH).exists() else {}
    states, noted = project.state.sources(), _noted(project.ledger, sources)
    asked = [source for source in sources.values() if _may_be_told(source, states.get(source.id), noted[source.id], said)]
    return StatusJob(
        frame=status_frame(settings),
        site_id=settings.site.id,
        public=project.public,
        changes=_changes(project, asked, states, noted, said) if asked else (),
        remembered=said or {},
    )


def _may_be_told(
    source: Source, state: SourceState | None, noted: Sequence[Gone | Moved | Unstable], said: dict[str, Kind] | None
) -> bool:
    """Tell whether there can be a change: of a source that is well only if it was said otherwise, or nobody knows."""
    return bool(noted) or said is None or source.id in said or (state is not None and is_failing(state))


def _changes(
    project: Project,
    asked: Sequence[Source],
    states: Mapping[str, SourceState],
    noted: Mapping[str, Sequence[Gone | Moved | Unstable]],
    said: dict[str, Kind] | None,
) -> tuple[Change, ...]:
    from aggregator.pipeline.status_changes import changes_of  # yarl and long patterns: for a run that has something to tell

    changes = (
        change
        for source in asked
        for change in changes_of(
            source, states.get(source.id), noted[source.id], stamp=project.stamp, page=project.settings.site.url
        )
        if change.kind is not Kind.RECOVERED or said is None or source.id in said
    )
    return _without_our_own(project, _asked(project), states, tuple(changes))


def _without_our_own(
    project: Project, sources: Mapping[str, Source], states: Mapping[str, SourceState], changes: tuple[Change, ...]
) -> tuple[Change, ...]:
    """Leave out failures that may be this machine's: no host was reached while they came about, and there are several.

    A machine that was without network for a night has nothing to tell of each source. One whose host really is away fails
    on when the others are well again, and is told then.
    """
    doubtful = [change for change in changes if change.kind is Kind.FAILING and change.error_kind in NO_NETWORK]
    if not doubtful or len({host_name(source.addresses[0]) for source in sources.values()}) == 1:
        return changes
    asked = (states[source_id] for source_id in sources if source_id in states)
    reached = sorted(state.last_poll for state in asked if state.last_poll and state.last_kind not in NO_NETWORK)
    ours: set[str] = set()
    for change in doubtful:
        polls = project.state.history(change.source_id)[:LEAST_FAILURES]
        if polls and not was_reachable(polls[-1].at, polls[0].at, reached):
            ours.add(change.source_id)
    return tuple(change for change in changes if change.kind is not Kind.FAILING or change.source_id not in ours)


def _refused(why: str) -> StatusResult:
    return StatusResult(output=OutputResult(path=STATUS_PATH, refused=f"{STATUS_PATH}: {why}"), said=None)


def _asked(project: Project) -> dict[str, Source]:
    """Return the sources of which something is told; whoever paused one knows how it is doing."""
    return {source.id: source for source in project.settings.sources if not source.paused}


def _noted(ledger: Ledger, sources: Mapping[str, Source]) -> dict[str, list[Gone | Moved | Unstable]]:
    """Return what the ledger says of the health of each source; of addresses that it has no more, nothing."""
    noted: dict[str, list[Gone | Moved | Unstable]] = defaultdict(list)
    lines: tuple[Gone | Moved | Unstable, ...] = (*ledger.of(Gone), *ledger.of(Moved), *ledger.of(Unstable))
    for line in lines:
        source = sources.get(line.source)
        if source is not None and (not isinstance(line, Gone) or line.address in source.addresses):
            noted[line.source].append(line)
    return noted
