"""Published files that changed -> the hubs are told (WebSub §6): noted with the files, told once all of them are there.

What changed is noted in the state's transaction that calls the files published, by what they hold and not by what a run wrote:
so a run that dies at any moment leaves pings that the next one sends, and a file that only lies there anew leaves none. Hubs
never decide how a run ends: what they did not take waits, for a day.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING

from aggregator.errors import AggregatorError, PlaceError
from aggregator.model.output import OutputFeed
from aggregator.model.ping import LATE, News, Ping, Refused
from aggregator.model.poll import Event, HubEvent
from aggregator.publish.addresses import public_url
from aggregator.store.files import read_file
from aggregator.store.state import Batch

if TYPE_CHECKING:
    from aggregator.fetch.notify import Notifier
    from aggregator.pipeline.project import Project

#: What a run spends on telling hubs, each of them beside the others; the rest waits for the next one.
OF_A_RUN = timedelta(seconds=60)
#: So many refusals of single files by one hub, and it is left alone until the next run.
_MOST_REFUSALS = 3


def remember_topics(project: Project, frames: Iterable[OutputFeed]) -> None:
    """Note what files hold that are about to be written for the first time since the state was begun. Raises StoreError."""
    if project.settings.public.hubs:
        unknown = project.state.pings.unknown([path for frame in frames for path in frame.everywhere])
        project.state.pings.remember({path: _digest_on_disk(project, path) for path in unknown})


def news_of(project: Project, digests: Mapping[str, bytes]) -> News | None:
    """Return what is to be noted of files that were written or found as they should be; None where there is no hub."""
    hubs = tuple(dict.fromkeys(project.settings.public.hubs))
    return News(hubs=hubs, digests=digests, at=project.now) if hubs and digests else None


def waiting_pings(project: Project) -> list[Ping]:
    """Return what hubs have not been told of."""
    hubs = project.settings.public.hubs
    return project.state.pings.waiting(hubs) if hubs else []


async def tell_hubs(project: Project, report: Callable[[Event], None], *, spend: timedelta = OF_A_RUN) -> list[HubEvent]:
    """Tell each hub once of every file that it does not know of, as long as there is time to `spend`.

    Returns what became of it, one event per hub. Raises StoreError.
    """
    waiting = _of_files_that_are_there(project, waiting_pings(project))
    if not waiting:
        return []
    from aggregator.fetch.notify import Notifier  # httpx and aiohttp cost 0.2 s: only a run with news pays them

    began = time.monotonic()

    def now() -> datetime:
        return project.now + timedelta(seconds=int(time.monotonic() - began))

    hosts = project.state.hosts().values()
    hubs = [list(pings) for _, pings in groupby(sorted(waiting, key=lambda ping: ping.hub), key=lambda ping: ping.hub)]
    async with Notifier(project.settings.fetch, user_agent=project.user_agent, now=now, hosts=hosts) as notifier:
        ends = began + spend.total_seconds()
        try:
            async with asyncio.TaskGroup() as group:
                going = [group.create_task(_tell(project, notifier, pings, report, ends)) for pings in hubs]
        except BaseExceptionGroup as errors:
            raise next((e for e in errors.exceptions if isinstance(e, AggregatorError)), errors.exceptions[0]) from None
        if heard := notifier.hosts():
            project.state.save(Batch(hosts=heard))  # a wish to be left alone counts whoever heard it
    return [task.result() for task in going]


@dataclass(slots=True)
class _Told:
    """How far it has come with one hub."""

    taken: list[Ping] = field(default_factory=list)
    refused: list[Ping] = field(default_factory=list)
    left: list[Ping] = field(default_factory=list)  #: not tried
    why: Refused | None = None  #: the last refusal
    down: bool = False  #: it takes none

    @property
    def is_over(self) -> bool:
        """Tell whether the hub is left alone until the next run."""
        return self.down or len(self.refused) >= _MOST_REFUSALS


async def _tell(
    project: Project, notifier: Notifier, pings: list[Ping], report: Callable[[Event], None], ends: float
) -> HubEvent:
    """Tell one hub, one ping after the other; each is forgotten as soon as it was taken."""
    hub, told, state = pings[0].hub, _Told(), project.state.pings
    for ping in pings:
        if told.is_over or (seconds := ends - time.monotonic()) <= 0:
            told.left.append(ping)
            continue
        refusal = await notifier.tell(hub, public_url(project.settings.site.url, ping.path), wait_seconds=seconds)
        if refusal is not None and refusal.kind == LATE:
            told.left.append(ping)
        elif refusal is None:
            state.done([ping])
            told.taken.append(ping)
        else:
            told.refused.append(ping)
            told.why, told.down = refusal, refusal.whole
    # A hub that is down was tried for all of them; else only for those that it refused.
    vain = [*told.refused, *told.left] if told.down else told.refused
    stale = [ping for ping in vain if ping.is_stale(project.now)]
    state.tried(vain, project.now)
    state.done(stale)
    event = _event(hub, told, stale)
    report(event)
    return event


def _event(hub: str, told: _Told, stale: list[Ping]) -> HubEvent:
    waiting = len(told.refused) + len(told.left) - len(stale)
    return HubEvent(
        hub=shown_hub(hub),
        told=tuple(ping.path for ping in told.taken),
        waiting=waiting,
        given_up=tuple(ping.path for ping in stale),
        message=told.why.message if told.why else None,
    )


def _of_files_that_are_there(project: Project, waiting: list[Ping]) -> list[Ping]:
    """Forget pings about files that somebody has removed."""
    gone = [ping for ping in waiting if not (project.public / ping.path).exists()]
    project.state.pings.done(gone)
    return [ping for ping in waiting if ping not in gone] if gone else waiting


def _digest_on_disk(project: Project, path: str) -> bytes:
    """Return the digest of a file as it lies there; that of one which cannot be read is that of none."""
    try:
        content = read_file(project.public, path)
    except PlaceError:
        content = None  # whoever writes it will tell why
    return b"" if content is None else sha256(content).digest()


def shown_hub(hub: str) -> str:
    """Return a hub's address without what looks like a secret."""
    from aggregator.fetch.address import redact

    return redact(hub)
