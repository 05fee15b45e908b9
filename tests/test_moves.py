"""Permanent redirects, and what the ledger makes of the settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.errors import ConfigError
from aggregator.model.changes import Hints
from aggregator.model.fetched import HostState
from aggregator.model.poll import SourceState
from aggregator.model.settings import Settings, Site
from aggregator.model.source import Auth, Secret, Source
from aggregator.pipeline.effective import effective
from aggregator.pipeline.finished import fingerprint
from aggregator.pipeline.moves import is_elsewhere, sight
from aggregator.pipeline.planning import holding, upcoming
from aggregator.store.ledger import Gone, Ledger, Line, Moved, Renamed

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = "https://old.example/feed", "https://new.example/feed"
SOURCE = Source(id="a", feed=OLD, addresses=(OLD,), categories=("news",))


def watch(source: Source, *sightings: tuple[float, str | None]) -> list[bool]:
    """Play answers at these hours; tell after each whether the move is proven."""
    state = SourceState(id="a")
    proven = []
    for hours, to in sightings:
        found = sight(source, state, to, NOW + hours * HOUR)
        state = replace(state, moved_to=found.to, moved_times=found.times, moved_since=found.since)
        proven.append(found.proven is not None)
    return proven


@pytest.mark.rule("F20")
@pytest.mark.parametrize(
    ("sightings", "proven"),
    [
        (((0, NEW), (24, NEW), (48, NEW)), [False, False, True]),
        (((0, NEW), (1, NEW), (2, NEW), (3, NEW), (47, NEW), (49, NEW)), [False] * 5 + [True]),
        (((0, NEW), (72, NEW), (73, NEW)), [False, False, True]),
        (((0, NEW), (30, None), (50, NEW), (60, NEW)), [False] * 4),
        (((0, NEW), (30, f"{NEW}2"), (50, NEW), (60, NEW)), [False] * 4),
        (((0, OLD), (30, OLD), (60, OLD)), [False] * 3),
    ],
)
def test_a_move_is_believed_after_three_equal_sightings_over_two_days(
    sightings: tuple[tuple[float, str | None], ...], proven: list[bool]
) -> None:
    """Fewer sightings, a shorter time, another target or an answer in between prove nothing."""
    assert watch(SOURCE, *sightings) == proven


@pytest.mark.parametrize(
    "changes",
    [
        {"auth": Auth(username="u", password=Secret("p"))},
        {"headers": (("X-Token", Secret("t")),)},
        {"addresses": (OLD, "https://mirror.example/feed")},
    ],
)
def test_secrets_and_instances_do_not_move(changes: dict[str, object]) -> None:
    """A source with secrets never follows for good, since they would be sent there; neither does one of several instances."""
    source = replace(SOURCE, **changes)  # type: ignore[arg-type]

    assert watch(source, (0, NEW), (24, NEW), (48, NEW), (72, NEW)) == [False] * 4


def settings_of(*sources: Source) -> Settings:
    site = Site(id="urn:uuid:0", title="T", url="https://t.example/")
    return Settings(root=Path("/nowhere"), site=site, sources=sources)


def ledger_of(*lines: Line) -> Ledger:
    return Ledger(Path("/nowhere/ledger.jsonl"), lines)


def test_a_moved_source_is_asked_where_it_moved() -> None:
    """Moves are followed one after the other from the configured address; another address in the config starts anew."""
    moves = ledger_of(
        Moved(source="a", old=OLD, new=NEW, at=NOW), Moved(source="a", old=NEW, new=f"{NEW}2", at=NOW),
        Moved(source="b", old=OLD, new="https://other.example/", at=NOW),
    )  # fmt: skip
    [moved] = effective(settings_of(SOURCE), moves).sources
    [changed] = effective(settings_of(replace(SOURCE, addresses=("https://third.example/",))), moves).sources

    assert (moved.addresses, moved.moved_from, moved.id) == ((f"{NEW}2",), OLD, "a")
    assert (changed.addresses, changed.moved_from) == (("https://third.example/",), None)


def test_a_move_that_is_taken_back_ends_where_it_began() -> None:
    """The newest move counts: there, back, and there again leave two lines, and the source where its server says that it is."""
    there = Moved(source="a", old=OLD, new=NEW, at=NOW)
    back = Moved(source="a", old=NEW, new=OLD, at=NOW + HOUR)
    again = replace(there, at=NOW + 2 * HOUR)

    for lines, address in (((there,), NEW), ((there, back), OLD), ((again, back), NEW)):
        [source] = effective(settings_of(SOURCE), ledger_of(*lines)).sources
        assert (source.addresses, source.moved_from) == ((address,), None if address == OLD else OLD)


def test_a_source_that_came_back_is_told_so() -> None:
    """A proven move to the configured address says that the config is right, not that it should be changed."""
    moved = replace(SOURCE, addresses=(NEW,), moved_from=OLD)
    state = SourceState(id="a", moved_to=OLD, moved_times=2, moved_since=NOW)

    found = sight(moved, state, OLD, NOW + 49 * HOUR)

    assert found.proven == Moved(source="a", old=NEW, new=OLD, at=NOW + 49 * HOUR)
    assert "as the config has it" in (found.words or "")


@pytest.mark.parametrize(
    ("asked", "to", "elsewhere"),
    [
        (OLD, None, False),
        (OLD, "https://www.old.example/feed", False),
        (OLD, NEW, True),
        ("http://mirror.example/feed", "https://mirror.example/feed", False),
    ],
)
def test_a_move_is_measured_by_the_instance_that_was_asked(asked: str, to: str | None, *, elsewhere: bool) -> None:
    """An instance that redirects to https on its own host leads to no stranger, whatever the first instance is called."""
    assert is_elsewhere(asked, to) is elsewhere


def test_moves_in_a_circle_end() -> None:
    """Two moves that lead back leave the source where it is configured to be, or one step on, and end."""
    circle = ledger_of(Moved(source="a", old=OLD, new=NEW, at=NOW), Moved(source="a", old=NEW, new=OLD, at=NOW))

    [source] = effective(settings_of(SOURCE), circle).sources

    assert source.addresses in {(OLD,), (NEW,)}


def test_a_gone_source_is_gone_at_its_address_only() -> None:
    """410 holds for the address that said so; a new one in the config is asked."""
    gone = ledger_of(Gone(source="a", address=OLD, at=NOW))
    [there] = effective(settings_of(SOURCE), gone).sources
    [elsewhere] = effective(settings_of(replace(SOURCE, addresses=(NEW,))), gone).sources

    assert (there.gone, elsewhere.gone) == (NOW, None)


@pytest.mark.publishes("P4")
def test_a_renamed_source_keeps_its_identity() -> None:
    """However often a source is renamed, its id is its first name, and people call it by the last."""
    names = ledger_of(
        Renamed(what="source", old="a", new="b", at=NOW),
        Renamed(what="source", old="b", new="c", at=NOW),
        Renamed(what="category", old="x", new="c", at=NOW),
    )
    [source] = effective(settings_of(replace(SOURCE, id="c")), names).sources

    assert (source.id, source.name) == ("a", "c")


def test_a_former_name_is_not_given_to_another_source() -> None:
    """A new source under a former name would take over its posts: it is refused, with what to do."""
    names = ledger_of(Renamed(what="source", old="a", new="b", at=NOW))

    with pytest.raises(ConfigError) as caught:
        effective(settings_of(replace(SOURCE, id="b"), replace(SOURCE, id="a")), names)

    assert 'the source "a" has a name that "b" had before' in str(caught.value)


STATE = SourceState(id="a", last_poll=NOW, last_success=NOW, fingerprint=fingerprint(SOURCE))


def closed(host: str, status: int = 429, hours: float = 5) -> dict[str, HostState]:
    return {host: HostState(name=host, closed_until=NOW + hours * HOUR, status=status)}


def test_settings_that_changed_and_a_clock_set_back_make_a_source_due() -> None:
    """Neither waits for a time that belongs to what was before; a closed host is waited for all the same."""
    changed = replace(SOURCE, limit=5)
    for source, now, reason in (
        (changed, NOW, "its settings changed since the last poll"),
        (SOURCE, NOW - HOUR, "the clock was set back since the last poll"),
    ):
        found = upcoming(source, STATE, {}, now)
        held = upcoming(source, STATE, closed("old.example"), now)

        assert (found.is_due(now), found.reason) == (True, reason)
        assert held.earliest == NOW + 5 * HOUR
    assert not upcoming(SOURCE, STATE, {}, NOW).is_due(NOW + HOUR / 2)


@pytest.mark.rule("F14")
def test_a_late_run_asks_nobody_in_excluded_time() -> None:
    """An overdue source is not polled in its skipHours; settings that changed void what the feed before them asked for."""
    hints = Hints(skip_hours=(14, 15))
    overdue = replace(STATE, hints=hints, last_poll=NOW - 4 * HOUR)

    assert upcoming(SOURCE, overdue, {}, NOW + HOUR).is_due(NOW + HOUR)
    assert not upcoming(SOURCE, overdue, {}, NOW + 2 * HOUR).is_due(NOW + 2 * HOUR)
    assert upcoming(replace(SOURCE, addresses=(NEW,)), overdue, {}, NOW + 2 * HOUR).is_due(NOW + 2 * HOUR)


def test_a_longer_or_shorter_interval_counts_at_once() -> None:
    """`every` is read anew each time: no poll has to happen first."""
    short = replace(SOURCE, every=timedelta(minutes=5))

    assert upcoming(short, STATE, {}, NOW + timedelta(minutes=5)).is_due(NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("hosts", "held"),
    [
        ({}, None),
        (closed("old.example"), "old.example"),
        (closed("old.example", 503), None),
        (closed("old.example", 503) | closed("mirror.example", 503, 2), "mirror.example"),
        (closed("old.example", 503) | closed("mirror.example", 429, 9), "mirror.example"),
        (closed("old.example", hours=-1), None),
        (closed("old.example", hours=24 * 365), None),
        (closed("other.example"), None),
    ],
)
def test_a_source_waits_for_the_host_that_it_would_ask(hosts: dict[str, HostState], held: str | None) -> None:
    """An instance that said 503 is passed over, one that said 429 is not; what cannot be true is not waited for."""
    source = replace(SOURCE, addresses=(OLD, "https://mirror.example/feed"))
    found = holding(source, STATE, hosts, NOW)

    assert (found.name if found else None) == held


@pytest.mark.rule("F10")
@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://bücher.example/feed", "xn--bcher-kva.example"),
        ("https://BÜCHER.example./feed", "xn--bcher-kva.example"),
        ("https://me:pw@Host.Example:8443/feed", "host.example"),
        ("http://2130706434/feed", "127.0.0.2"),
        ("http://127.0.0.2:8080/feed", "127.0.0.2"),
        ("http://[::FFFF:127.0.0.2]:80/feed", "::ffff:7f00:2"),
        ("http://h%6fst.example/feed", "host.example"),
    ],
)
def test_a_closed_host_is_known_in_every_spelling(address: str, name: str) -> None:
    """The planner and the fetcher call a host by one name, so a source waits for it however its address is written."""
    source = replace(SOURCE, addresses=(address,))

    assert holding(source, STATE, closed(name), NOW) is not None
    assert holding(source, STATE, closed("another.example"), NOW) is None
