"""Manners: how many requests at once, how far apart, and silence when it is asked for."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.fetch.client import Client, Outcome
from aggregator.fetch.hosts import Gate, Gates, Paces
from aggregator.fetch.retry_after import LONGEST, parse_retry_after, spell_wait
from aggregator.model.fetched import HostState
from aggregator.model.settings import FetchSettings, HostLimits
from tests.fetching import USER_AGENT, Names, a_source, failed, fetched, limits, poll_all
from tests.raw_upstream import Exchange, Upstream, reply

NOW = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)
#: Not a loopback name by its spelling, so it is treated like any host out there.
AWAY = Names(far_example=["127.0.0.2"], other_example=["127.0.0.2"])


def _slowly(exchange: Exchange) -> None:
    exchange.upstream.stopping.wait(0.05)
    exchange.send(reply(200, b"x"))


@pytest.mark.rule("F17", "R23")
def test_one_request_at_a_time_by_default() -> None:
    """A host is never asked twice at once, and the gap lies between the end of one request and the next one's start."""
    gap = timedelta(seconds=0.2)
    with Upstream(routes={"*": _slowly}) as upstream:
        addresses = [upstream.address(f"/{number}", host="far.example") for number in range(4)]
        outcomes = poll_all(addresses, settings=limits(gap=gap), resolver=AWAY, together=True)

    assert all(fetched(outcome) for outcome in outcomes)
    starts = [asked.at for asked in upstream.asked]
    assert upstream.busiest == 1
    assert [asked.target for asked in upstream.asked] == [b"/0", b"/1", b"/2", b"/3"]
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(starts))


def test_limits_of_one_host_are_its_own() -> None:
    """`fetch.hosts` sets how many at once and how far apart for a host by name, whatever the port or letter case."""
    own = (("Far.Example", HostLimits(per_host=3, gap=timedelta())),)
    with Upstream(routes={"*": _slowly}) as upstream:
        addresses = [upstream.address(f"/{number}", host="FAR.example") for number in range(9)]
        poll_all(addresses, settings=limits(hosts=own), resolver=AWAY, together=True)

    assert upstream.busiest == 3


def test_loopback_has_its_own_defaults() -> None:
    """This machine is asked four times at once and without a gap."""
    with Upstream(routes={"*": _slowly}) as upstream:
        poll_all([upstream.address(f"/{number}") for number in range(8)], together=True)

    assert upstream.busiest == 4


def test_concurrency_bounds_all_hosts() -> None:
    """However many hosts there are, no more requests run at once than `concurrency` says."""
    names = Names(**{f"h{number}_example": ["127.0.0.2"] for number in range(8)})
    with Upstream(routes={"*": _slowly}) as upstream:
        addresses = [upstream.address(host=f"h{number}.example") for number in range(8)]
        poll_all(addresses, settings=limits(concurrency=2), resolver=names, together=True)

    assert upstream.busiest == 2


def test_waiting_for_a_turn_costs_neither_deadline_nor_connection() -> None:
    """Sources of a busy host wait longer than their deadline and are polled all the same; other hosts go by."""
    deadline = timedelta(seconds=1)
    with Upstream(routes={"*": _slowly}) as upstream:
        crowd = [upstream.address(f"/{number}", host="far.example") for number in range(4)]
        other = upstream.address("/other", host="other.example")
        configured = limits(timeout=deadline, gap=timedelta(seconds=0.4), concurrency=2)
        outcomes = poll_all([*crowd, other], settings=configured, resolver=AWAY, together=True)

    assert all(fetched(outcome) for outcome in outcomes)
    assert b"/other" in {asked.target for asked in upstream.asked[:2]}
    assert outcomes[3].elapsed < deadline


async def _interrupted() -> list[object]:
    gate = Gate("a.example", Paces(), at_once=1, gap=timedelta())

    async def request() -> None:
        assert await gate.enter() is None
        try:
            await asyncio.sleep(60)
        finally:
            gate.leave()

    tasks = [asyncio.create_task(request()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    ended: list[object] = [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)]
    async with asyncio.timeout(5):
        for _ in range(2):
            assert await gate.enter() is None
            gate.leave()
    return ended


def test_all_who_wait_may_be_cancelled_at_once() -> None:
    """Cancelling the request that runs and all who wait ends each by that alone, and the gate lets the next one in."""
    assert asyncio.run(_interrupted()) == [asyncio.CancelledError] * 5


@pytest.mark.rule("F17")
def test_redirect_hops_wait_for_their_host() -> None:
    """A hop counts as a request to its host, and goes before those who have not begun."""
    routes = {"/a": reply(302, b"", location="/b"), "*": reply(200, b"x")}
    with Upstream(routes=routes) as upstream:
        addresses = [upstream.address(target, host="far.example") for target in ("/a", "/c", "/d")]
        poll_all(addresses, settings=limits(gap=timedelta(seconds=0.1)), resolver=AWAY, together=True)

    starts = [asked.at for asked in upstream.asked]
    assert [asked.target for asked in upstream.asked] == [b"/a", b"/b", b"/c", b"/d"]
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(starts))


@pytest.mark.rule("F9", "F10", "R23")
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_for_the_whole_host(status: int) -> None:
    """After a 429 or 503 with Retry-After the host's other sources are not asked, those that wait included."""
    routes = {"/0": reply(status, b"", retry_after="600"), "*": reply(200, b"x")}
    with Upstream(routes=routes) as upstream:
        addresses = [upstream.address(f"/{number}", host="far.example") for number in range(4)]
        other = upstream.address("/other", host="other.example")
        configured = limits(gap=timedelta(seconds=0.05))
        outcomes = poll_all([*addresses, other], settings=configured, resolver=AWAY, together=True)

    first = failed(outcomes[0], "http")
    assert first.message.endswith("; it asks to wait 10 min")
    assert (first.status, first.retry_after) == (status, timedelta(minutes=10))
    for outcome in outcomes[1:4]:
        failure = failed(outcome, "held")
        assert failure.message == f"not asked: far.example said {status} and is left alone for 10 min"
        assert failure.status == status
        assert failure.retry_after == timedelta(minutes=10)
    fetched(outcomes[4])
    assert sorted(asked.target for asked in upstream.asked) == [b"/0", b"/other"]


@pytest.mark.parametrize(
    ("status", "headers"),
    [(503, {}), (503, {"retry_after": "soon"}), (500, {"retry_after": "600"}), (404, {"retry_after": "600"})],
)
def test_other_answers_close_no_host(status: int, headers: dict[str, str]) -> None:
    """Without a wait, or with another status, the host's other sources are asked."""
    with Upstream(routes={"/0": reply(status, b"", **headers), "*": reply(200, b"x")}) as upstream:
        outcomes = poll_all([upstream.address("/0"), upstream.address("/1")])

    failed(outcomes[0], "http")
    fetched(outcomes[1])


def test_closing_sends_away_who_waits() -> None:
    """Who waits for a turn is told at once when the host closes, not after every gap before it."""

    async def run() -> int:
        gate = Gate("a.example", Paces(), at_once=1, gap=timedelta(hours=1))
        await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        gate.leave()
        gate.close(429, timedelta(minutes=1))
        closed = await asyncio.wait_for(asyncio.gather(*waiting), 5)
        return sum(one is not None and one.status == 429 for one in closed)

    assert asyncio.run(run()) == 3


@pytest.mark.rule("F11")
def test_who_insists_is_told_the_truth_all_the_same() -> None:
    """--force asks a closed host; a further 429 doubles the wait, a good answer ends it, for every source."""

    async def run(*, good: bool) -> tuple[bool, HostState]:
        known = HostState(name="far.example", closed_until=NOW + timedelta(hours=1), status=429, strikes=1)
        gates = Gates(limits(), now=lambda: NOW, closed=[known], insist=True)
        asked = await gates.to("far.example").enter() is None
        if good:
            gates.answered("far.example")
        else:
            gates.refused("far.example", 429, None)
        return asked, next(iter(gates.news.values()))

    refused, answered = asyncio.run(run(good=False)), asyncio.run(run(good=True))
    assert refused[0] is answered[0] is True
    assert refused[1].strikes == 2
    assert refused[1].closed_until >= NOW + timedelta(hours=2)
    assert (answered[1].strikes, answered[1].closed_until) == (0, NOW)


def test_host_opens_again() -> None:
    """When the wait is over the host is asked again."""

    async def run() -> list[object]:
        gate = Gate("a.example", Paces(), at_once=1, gap=timedelta())
        gate.close(503, timedelta(seconds=0.05))
        closed = await gate.enter()
        await asyncio.sleep(0.1)
        return [closed, await gate.enter()]

    closed, opened = asyncio.run(run())
    assert closed is not None
    assert opened is None


@pytest.mark.rule("F9")
def test_the_longest_wait_holds_when_several_were_asked_at_once() -> None:
    """Where two requests may run side by side, neither a shorter wait nor a good answer takes back what a host asked for."""
    limit = timedelta(seconds=1)

    async def run() -> list[timedelta]:
        gates = Gates(FetchSettings(), now=lambda: NOW)
        gates.refused("two.example", 429, None)
        gates.refused("two.example", 429, timedelta(hours=9))
        gates.refused("two.example", 503, timedelta(minutes=2))
        gates.answered("two.example")
        closed = await gates.to("two.example").enter()
        assert closed is not None
        return [state.closed_until - NOW for state in gates.news.values()] + [closed.wait]

    assert all(timedelta(hours=9) - limit < wait <= timedelta(hours=9) for wait in asyncio.run(run()))


def test_turn_of_a_cancelled_poll_is_not_lost() -> None:
    """A poll that is cancelled while it waits, or just as its turn comes, gives its turn to the next."""

    async def run() -> bool:
        gate = Gate("a.example", Paces(), at_once=1, gap=timedelta())
        await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        gate.leave()
        waiting[1].cancel()
        return await asyncio.wait_for(waiting[2], 1) is None

    assert asyncio.run(run())


def test_cancelled_poll_frees_its_host() -> None:
    """A poll that is cancelled within its request leaves the host and its connection slot to others."""
    reached = threading.Event()

    def stall(exchange: Exchange) -> None:
        reached.set()
        exchange.stall()

    with Upstream(routes={"/stall": stall, "*": reply(200, b"x")}) as upstream:

        async def run() -> Outcome:
            configured = limits(concurrency=1, gap=timedelta())
            async with Client(configured, user_agent=USER_AGENT, resolver=AWAY) as client:
                stuck = asyncio.create_task(client.poll(a_source(upstream.address("/stall", host="far.example")), None))
                await asyncio.to_thread(reached.wait, 5)
                stuck.cancel()
                return await client.poll(a_source(upstream.address("/x", host="far.example")), None)

        outcome = asyncio.run(run())

    assert fetched(outcome).body == b"x"


def test_hosts_are_told_apart_by_name() -> None:
    """A trailing dot makes no other host; another name does."""
    configured = FetchSettings(hosts=(("[::1]", HostLimits(per_host=2)), ("no host", HostLimits())))
    gates = Gates(configured, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    assert gates.to("host.example") is gates.to("host.example.")
    assert gates.to("host.example") is not gates.to("www.host.example")
    assert gates.to("::1")._at_once == 2


@pytest.mark.rule("F9", "R16")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (b"", None),
        (b"600", 600),
        (b" 600 ", 600),
        (b"0", 0),
        (b"-5", 0),
        (b"1.5", None),
        (b"soon", None),
        (b"\xe9", None),
        (b"9" * 12, LONGEST.total_seconds()),
        (b"9" * 5000, LONGEST.total_seconds()),
        (b"Mon, 01 Jan 2024 12:10:00 GMT", 600),
        (b"Mon, 01 Jan 2024 13:10:00 +0100", 600),
        (b"Monday, 01-Jan-24 12:10:00 GMT", 600),
        (b"Mon Jan  1 12:10:00 2024", 600),
        (b"Mon, 01 Jan 2024 11:00:00 GMT", 0),
        (b"Mon, 01 Jan 2124 12:00:00 GMT", LONGEST.total_seconds()),
        (b"Mon, 01 Jan 99999 12:00:00 GMT", None),
    ],
)
def test_retry_after_forms(value: bytes | None, seconds: float | None) -> None:
    """Retry-After is read as seconds or in any of the three date forms, and bounded at both ends."""
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert parse_retry_after(value, NOW) == expected


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60))
def test_retry_after_of_any_bytes_is_no_crash(value: bytes) -> None:
    """Whatever Retry-After holds, it is a bounded wait or none."""
    wait = parse_retry_after(value, NOW)
    assert wait is None or timedelta() <= wait <= LONGEST


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.5, "1 s"), (45, "45 s"), (120, "120 s"), (121, "3 min"), (600, "10 min"), (7201, "3 h"), (10**6, "12 d")],
)
def test_waits_are_spelled(seconds: float, words: str) -> None:
    """A wait is told in one unit, rounded up."""
    assert spell_wait(timedelta(seconds=seconds)) == words
