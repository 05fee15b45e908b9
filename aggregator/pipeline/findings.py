"""What of the way upstreams are treated should be mended: what, where, why, and what to do; the worst first. Pure.

Addresses are shown without what may be secret in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.fetch.address import redact
from aggregator.model.fetched import HostState
from aggregator.model.hosts import is_private_host
from aggregator.model.poll import PollCounts, SourceState
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.planning import host_name
from aggregator.schedule import DEFAULT_EVERY, WITHOUT_VALIDATORS, describe, interval

LATELY = timedelta(days=1)
#: Two polls that follow each other faster than this were hardly both wanted.
_HASTE = timedelta(minutes=10)
_REFUSALS = frozenset({401, 403})
_BROWSER = re.compile(r"AppleWebKit|Gecko/|Chrome/|Firefox/|Safari/|Trident|MSIE|Mozilla/", re.IGNORECASE)
_CONTACT = re.compile(r"https?://|\S@\S")
_NAMED = 5  #: sources in one sentence

#: `("sources", id, "every")` -> `config/sources/all.yaml:7`.
Places = Mapping[tuple[str, ...], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the state knows."""

    states: Mapping[str, SourceState]
    counts: Mapping[str, PollCounts]  #: `lately` is within the last 24 hours
    hosts: Mapping[str, HostState]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that an upstream's owner might mind."""

    code: str  #: a stable word
    text: str
    advice: str
    sources: tuple[str, ...] = ()


def find(settings: Settings, learned: Learned, place: Places, now: datetime) -> Iterator[Finding]:
    """Yield what should be mended, the worst first."""
    yield from _closed_hosts(settings, learned, now)
    yield from _refused(settings, learned)
    yield from _imitating(settings, place)
    yield from _unverified(settings, place)
    yield from _costly(settings, learned, place)
    yield from _often(settings, learned, place)
    yield from _nameless(settings, place)
    yield from _hasty(settings, learned)
    yield from _pressing(settings, place)
    yield from _moved(settings, place)


def _closed_hosts(settings: Settings, learned: Learned, now: datetime) -> Iterator[Finding]:
    lately = [host for host in learned.hosts.values() if host.closed_until > now - LATELY]
    for host in sorted(lately, key=lambda host: host.closed_until, reverse=True):
        own = [source for source in settings.sources if host.name in {host_name(each) for each in source.addresses}]
        if not own:
            continue
        until = f"until {host.closed_until:%Y-%m-%d %H:%M} UTC"
        does = f"wants to be left alone {until}" if host.closed_until > now else f"wanted to be left alone {until}"
        yield Finding(
            code="host-closed",
            text=f"{host.name} said {host.status} and {does}: {_named(own)}",
            advice="nothing to do at once, its sources wait. If it comes again, poll them less: raise `every`, or set"
            f" `fetch.hosts: {{{host.name}: {{gap: 10s}}}}`",
            sources=_names(own),
        )


def _refused(settings: Settings, learned: Learned) -> Iterator[Finding]:
    for source in settings.sources:
        state = learned.states.get(source.id)
        if state is not None and state.failures and state.last_status in _REFUSALS and not source.paused:
            yield Finding(
                code="refused",
                text=f"the server of {source.name} refuses us: {state.last_status}, {_times(state.failures)}",
                advice="find out whether it wants programs at all (its robots.txt, its owner); if not:"
                f" aggregator source pause {source.name}",
                sources=(source.name,),
            )


def _imitating(settings: Settings, place: Places) -> Iterator[Finding]:
    own = settings.fetch.user_agent
    advice = "say who you are, and where you can be found: `my-planet/1.0 (+https://planet.example/about)`"
    if own is not None and _imitates(own):
        where = _where(place.get(("fetch", "user_agent")))
        yield Finding(code="browser", text=f"`fetch.user_agent`{where} gives itself out as a browser", advice=advice)
    found = [
        (source, name)
        for source in settings.sources
        for name, value in source.headers
        if name.lower() == "user-agent" and _imitates(value.reveal())
    ]
    for source, name in found:
        where = _where(place.get(("sources", source.name, "headers", name)))
        text = f"{source.name} gives itself out as a browser by its header {name}{where}"
        yield Finding(code="browser", text=text, advice=advice, sources=(source.name,))


def _unverified(settings: Settings, place: Places) -> Iterator[Finding]:
    found = [source for source in settings.sources if not source.verify]
    if found:
        names = _placed(found, "verify", place)
        yield Finding(
            code="unverified",
            text=f"`verify: false` takes any certificate, also that of whoever stands in between: {names}",
            advice="tell the server's owner that the certificate is bad, and take the line out once it is mended",
            sources=_names(found),
        )


def _costly(settings: Settings, learned: Learned, place: Places) -> Iterator[Finding]:
    """Servers that give no validators send the whole feed at each poll."""
    found = [source for source in _asked(settings) if _is_costly(source, learned.states.get(source.id))]
    if found:
        yield Finding(
            code="costly",
            text=f"polled more often than every {describe(WITHOUT_VALIDATORS)} although each poll costs the server the whole"
            f" feed, since it gives no validators: {_placed(found, 'every', place)}",
            advice=f"write `every: 3h` or more, or leave `every` out: then it is {describe(WITHOUT_VALIDATORS)} at least",
            sources=_names(found),
        )


def _often(settings: Settings, learned: Learned, place: Places) -> Iterator[Finding]:
    found = [
        source
        for source in _asked(settings)
        if source.every is not None and source.every < DEFAULT_EVERY and not _is_costly(source, learned.states.get(source.id))
    ]
    if found:
        yield Finding(
            code="often",
            text=f"polled more often than hourly, which most servers' owners find too much: {_placed(found, 'every', place)}",
            advice="write `every: 1h` or more unless its owner agrees, or leave `every` out: then the interval is learned"
            " from how often there is news",
            sources=_names(found),
        )


def _nameless(settings: Settings, place: Places) -> Iterator[Finding]:
    own = settings.fetch.user_agent
    where = _where(place.get(("fetch", "user_agent")))
    if own is not None and not _CONTACT.search(own) and not _imitates(own):
        yield Finding(
            code="nameless",
            text=f"`fetch.user_agent`{where} names nobody: an upstream that minds cannot say so",
            advice="put an address into it: `my-planet/1.0 (+https://planet.example/about)`",
        )
        return
    where = _where(place.get(("site", "url")))
    if own is None and is_private_host(urlsplit(settings.site.url).hostname or ""):
        yield Finding(
            code="nameless",
            text=f"the User-Agent names `site.url`, and at {settings.site.url}{where} no upstream can find you: one that"
            " minds can only shut you out",
            advice="set `site.url` to where your feeds are served, or `fetch.user_agent` to a text with an address of yours",
        )


def _hasty(settings: Settings, learned: Learned) -> Iterator[Finding]:
    found: list[tuple[Source, timedelta]] = []
    for source in _asked(settings):
        counts = learned.counts.get(source.id)
        pause = counts.shortest_lately if counts else None
        if pause is not None and pause < min(
            _HASTE, interval(source, learned.states.get(source.id) or SourceState(id=source.id))[0] / 2
        ):
            found.append((source, pause))
    if found:
        found.sort(key=lambda pair: pair[1])
        names = _listed([f"{source.name} (after {describe(pause)})" for source, pause in found])
        yield Finding(
            code="hasty",
            text=f"polled again before it was due, in the last 24 h: {names}",
            advice="leave --force and --no-cache out of what runs by itself; without them `sync` asks only what is due",
            sources=tuple(source.name for source, _ in found),
        )


def _pressing(settings: Settings, place: Places) -> Iterator[Finding]:
    fetch = settings.fetch
    if fetch.per_host > 1:
        where = _where(place.get(("fetch", "per_host")))
        yield Finding(
            code="pressing",
            text=f"`fetch.per_host: {fetch.per_host}`{where} asks every host so many things at once",
            advice="take it out, and name under `fetch.hosts` the hosts whose owners agree",
        )
    if fetch.gap < timedelta(seconds=1):
        where = _where(place.get(("fetch", "gap")))
        yield Finding(
            code="pressing",
            text=f"`fetch.gap`{where} leaves less than a second between two requests to one host",
            advice="take it out, and name under `fetch.hosts` the hosts whose owners agree",
        )


def _moved(settings: Settings, place: Places) -> Iterator[Finding]:
    for source in settings.sources:
        if source.moved_from is not None:
            yield Finding(
                code="moved",
                text=f"{source.name} has moved for good, and the configuration still names {redact(source.moved_from)}"
                f"{_where(place.get(('sources', source.name, 'feed')))}",
                advice=f"write `feed: {redact(source.addresses[0])}` there",
                sources=(source.name,),
            )


def _asked(settings: Settings) -> list[Source]:
    return [source for source in settings.sources if not source.paused and source.gone is None]


def _is_costly(source: Source, state: SourceState | None) -> bool:
    if source.every is None or source.every >= WITHOUT_VALIDATORS or state is None:
        return False
    return gives_validators(state) is False


def _imitates(agent: str) -> bool:
    """Tell whether a User-Agent is a browser's: crawlers that say Mozilla for old times' sake name themselves as well."""
    return _BROWSER.search(agent) is not None and not _CONTACT.search(agent)


def _placed(sources: Sequence[Source], key: str, place: Places) -> str:
    """Name sources, each with what it says under a key that came from its own lines or from the file's defaults."""
    words = []
    for source in sources:
        facts = [f"every {describe(source.every)}"] if key == "every" and source.every else []
        found = place.get(("sources", source.name, key))
        words.append(f"{source.name} ({', '.join([*facts, *([found] if found else [])])})" if facts or found else source.name)
    return _listed(words)


def _named(sources: Sequence[Source]) -> str:
    return _listed(_names(sources))


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _NAMED} more (--json names them)" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more


def _names(sources: Sequence[Source]) -> tuple[str, ...]:
    return tuple(source.name for source in sources)


def _where(found: str | None) -> str:
    return f" ({found})" if found else ""


def _times(failures: int) -> str:
    return "once so far" if failures == 1 else f"{failures} times in a row"


def gives_validators(state: SourceState) -> bool | None:
    """Tell whether a server gives validators; None: nobody has asked since they were last forgotten."""
    given = state.validators
    if given is not None and (given.etag is not None or given.last_modified is not None):
        return True
    return None if state.body_hash is None else False
