"""No connection to 127.0.0.1 or ::1, however it is spelled; 127.0.0.2, allowed, works (F29, R1-R3).

A mistake in the code under test must not leave the loopback range either: every name here is answered by a resolver of our
own with a loopback address, every literal means one, and what the kernel would send elsewhere (NAT64, 6to4) is shown to the
guard alone, which makes sockets and connects none.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.fetch.guard import DIAL, Dial, Guard, RefusedAddressError
from aggregator.fetch.lean_aiohttp import AbstractResolver, ResolveResult
from tests.fetching import ALLOWED, Names, failed, fetched, limits, poll, poll_all
from tests.raw_upstream import Exchange, Route, Upstream, closing, reply
from tests.timeline import Timeline, feed

NO_GAP = timedelta()
#: How 127.0.0.N may be written; {N} is the last number, {h} the whole in hexadecimal, {d} in decimal, {o} in octal.
IPV4 = [
    "127.0.0.{N}", "127.{N}", "127.0.{N}", "127.000.000.00{N}", "127.0.0.{N}.", "127.{N}.", "{d}", "{d}.", "0x{h}", "0X{h}",
    "0x{h}.", "0x7f.{N}", "0x7f.0.0.{N}", "0x7F.0X0.0x0.0x{N}", "0x07f.0.0.{N}", "0{o}", "000{o}", "0177.{N}", "0177.0.0.{N}",
    "0177.0.0.0{N}", "0000177.0.0.{N}", "0177.0x0.0.{N}", "127。0。0。{N}", "127．0．0．{N}", "127｡0｡0｡{N}", "127.0。0．{N}",
    "１２７.0.0.{N}", "１２７.０.０.{N}", "①②⑦.⓪.⓪.{N}", "𝟏𝟐𝟕.𝟎.𝟎.{N}", "１27.{N}", "0ｘ{h}", "０x{h}", "%31%32%37.0.0.{N}",
    "127%2E0%2E0%2E{N}", "127.0.0.{N}%2e", "%30x{h}", "[::ffff:127.0.0.{N}]", "[::FFFF:127.0.0.{N}]", "[::ffff:7f00:{N}]",
    "[::FFFF:7F00:{N}]", "[0:0:0:0:0:ffff:7f00:{N}]", "[0000:0000:0000:0000:0000:ffff:127.0.0.{N}]", "me@127.0.0.{N}",
    "me:pw@127.0.0.{N}", "public.example@127.0.0.{N}", "public.example:80@127.0.0.{N}", "a@b@127.0.0.{N}",
    "public.example%40@127.0.0.{N}", "public.example%2f@127.0.0.{N}", "name.example", "NAME.example", "name.example.",
    "ｎａｍｅ.example", "%6eame.example", "ⓝⓐⓜⓔ。example",
]  # fmt: skip
#: Further ways to 127.0.0.1, ::1 and this host, which 127.0.0.2 does not have.
LOOPBACK = [
    "localhost", "LOCALHOST", "localhost.", "LocalHost", "%6cocalhost", "ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "any.localhost",
    "localhost.localdomain", "ip6-localhost", "127.0.0.1\\@127.0.0.2", "0", "00", "0x0", "0.0", "0.0.0.0", "0.", "⓪", "０",
    "[::]", "[::0]", "[0:0:0:0:0:0:0:0]", "[::ffff:0.0.0.0]", "[::ffff:0:0]", "[::1]", "[::0001]", "[0::1]",
    "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[0:0:0:0:0:0:0.0.0.1]",
]  # fmt: skip
#: What is no host at all; nothing is looked up for it.
NO_HOST = [
    "[::1%25lo]", "[::1%lo]", "[::1%251]", "[::ffff:127.0.0.1%25lo]", "[::1", "::1", "127.0.0.1%00", "127.0.0.1%20",
    "127.0.0.1%09", "127.0.0.1%2f", "127.0.0.1%23", "127.0.0.1%5c", "127..1", "％31", ".127.0.0.1", "127.0.0.1..",
    "127.0.0.256", "127.0.0.1.1", "0x7g.1", "0189.0.0.1", "4294967297", "1\N{ZERO WIDTH SPACE}/27.0.0.1",
    "1\N{SOFT HYPHEN}27.0.0.1", "local\N{SOFT HYPHEN}host", "127.0.0.1.0x1", "[127.0.0.1]", "[]", "%", "%7", "127.0.0.1\x00",
    "127.0.0.1 ",
]  # fmt: skip


def spelled(number: int) -> list[str]:
    words = {"N": number, "h": f"7f00000{number}", "d": 2130706432 + number, "o": f"{2130706432 + number:o}"}
    return [form.format(**words) for form in IPV4]


class Always(AbstractResolver):
    """Answers every name with the same loopback addresses, so that no name leads away from here."""

    def __init__(self, *places: str) -> None:
        self._places = places

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return them all."""
        del family
        return [
            ResolveResult(
                hostname=host,
                host=place,
                port=port,
                family=socket.AF_INET6 if ":" in place else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for place in self._places
        ]

    async def close(self) -> None:
        """Hold nothing."""


@contextlib.contextmanager
def listening(host: str) -> Iterator[Upstream]:
    """Listen where nobody may come; a machine without IPv6 has no ::1."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with Upstream(host=host, routes={"*": reply(200, b"secret")}) as inside:
        yield inside


@pytest.mark.rule("R1", "F29")
@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_no_spelling_reaches_this_machine(loopback: str) -> None:
    """Of some hundred ways to write 127.0.0.1, ::1 or a name for them none makes a connection: none is even begun."""
    spellings = [*spelled(1), *LOOPBACK]
    with listening(loopback) as inside:
        addresses = [inside.address(host=spelling) for spelling in spellings]
        outcomes = poll_all(addresses, settings=limits(gap=NO_GAP), resolver=Always("127.0.0.1", "::1"))
        nonsense = poll_all(
            [inside.address(host=host) for host in NO_HOST], settings=limits(gap=NO_GAP), resolver=Always("127.0.0.1", "::1")
        )

    for spelling, outcome in zip(spellings, outcomes, strict=True):
        failure = failed(outcome, "refused-address")
        assert "is not public; allow_private can list exceptions" in failure.message, spelling
    for outcome in nonsense:
        assert "the address cannot be requested" in failed(outcome, "protocol").message
    assert inside.connections == 0


@pytest.mark.rule("R1", "F29")
@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_no_redirect_reaches_this_machine(loopback: str) -> None:
    """The same ways as the Location of a redirect, raw bytes and all, absolute or with the scheme left out."""
    with listening(loopback) as inside, Upstream() as upstream:
        places = [inside.address(host=spelling) for spelling in [*spelled(1), *LOOPBACK, *NO_HOST] if "\x00" not in spelling]
        locations = [*places, *(place.removeprefix("http:") for place in places)]
        upstream.routes = {f"/{number}": reply(302, b"", location=place) for number, place in enumerate(locations)}
        addresses = [upstream.address(f"/{number}") for number in range(len(locations))]
        outcomes = poll_all(addresses, settings=limits(gap=NO_GAP), resolver=Always("127.0.0.1", "::1"))

    kinds = [getattr(outcome, "kind", None) for outcome in outcomes]
    assert set(kinds) == {"refused-address", "redirect"}, list(zip(locations, kinds, strict=True))
    assert kinds.count("refused-address") == 2 * len([*IPV4, *LOOPBACK])
    assert len(upstream.asked) == len(locations)
    assert inside.connections == 0


@pytest.mark.rule("R1", "F29")
def test_what_is_allowed_is_reached_in_every_spelling() -> None:
    """127.0.0.2, which is allowed, answers under each of those spellings: they are understood, not just refused."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        addresses = [upstream.address(host=spelling) for spelling in spelled(2)]
        outcomes = poll_all(addresses, settings=limits(gap=NO_GAP), resolver=Always("127.0.0.2"))

    for outcome in outcomes:
        assert fetched(outcome).body == b"x"
    assert len(upstream.asked) == len(addresses)


@pytest.mark.rule("R1", "F29")
def test_a_project_reaches_what_it_allows_and_nothing_else(tmp_path: Path) -> None:
    """From the config through `sync`: each refused source is a failure in words, the one beside it is polled."""
    hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127。0。0。1",
        "[::ffff:7f00:1]",
        "[::1]",
        "0",
        "localhost",
    ]
    with listening("127.0.0.1") as inside, Upstream() as upstream:
        inside_too = closing(reply(302, b"", location=inside.address("/feed")))
        upstream.routes = {"/good": feed(), "/away": inside_too}
        sources = {f"s{number}": inside.address("/feed", host=host) for number, host in enumerate(hosts)}
        timeline = Timeline(tmp_path, sources | {"good": upstream.address("/good"), "away": upstream.address("/away")})
        events = timeline.sync(0)

    good = events.pop("good")
    assert (good.outcome.value, timeline.posts()) == ("news", 2)
    assert {event.kind for event in events.values()} == {"refused-address"}
    assert "127.0.0.1 (loopback), which is not public; allow_private can list exceptions" in (events["away"].message or "")
    assert inside.connections == 0


@pytest.mark.rule("R2", "R1", "F29")
def test_a_name_that_changes_its_address_leads_nowhere_else() -> None:
    """One name, one port, another address at the second look-up: what was allowed a moment ago opens no way to 127.0.0.1."""
    names = Names(rebind_example=["127.0.0.2", "127.0.0.1"])
    with (
        Upstream(routes={"*": closing(reply(200, b"x"))}) as upstream,
        Upstream(host="127.0.0.1", port=upstream.port) as inside,
    ):
        address = upstream.address(host="rebind.example")
        outcomes = poll_all([address, address], resolver=names, settings=limits(gap=NO_GAP))

    assert fetched(outcomes[0]).body == b"x"
    failed(outcomes[1], "refused-address")
    assert (inside.connections, len(upstream.asked)) == (0, 1)


@pytest.mark.rule("R2")
def test_what_was_checked_is_what_is_connected_to() -> None:
    """A name is looked up once per connection: there is no second answer that could differ from the one that was judged."""
    names = Names(rebind_example=["127.0.0.2", "127.0.0.1", "127.0.0.1"])
    with Upstream(routes={"*": reply(200, b"x")}) as upstream, Upstream(host="127.0.0.1", port=upstream.port) as inside:
        fetched(poll(upstream.address(host="rebind.example"), resolver=names))

    assert names.asked == ["rebind.example"]
    assert inside.connections == 0


@pytest.mark.rule("R2", "F29")
def test_a_redirect_to_a_name_that_has_changed_is_judged_anew() -> None:
    """The second hop to the same name is a look-up of its own, and its answer is judged like the first."""
    names = Names(rebind_example=["127.0.0.2", "127.0.0.1"])
    with Upstream() as upstream, Upstream(host="127.0.0.1", port=upstream.port) as inside:

        def away(exchange: Exchange) -> None:
            exchange.send(reply(302, b"", location="/next", connection="close"))
            exchange.close()

        routes: dict[str, Route] = {"/feed": away, "*": reply(200, b"x")}
        upstream.routes = routes
        failed(poll(upstream.address(host="rebind.example"), resolver=names, settings=limits(gap=NO_GAP)), "refused-address")

    assert names.asked == ["rebind.example"] * 2
    assert inside.connections == 0


@pytest.mark.rule("R1", "R3")
@pytest.mark.parametrize(
    "place",
    [
        "::127.0.0.1", "::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::",
        "2002:7F00:0001::1", "2001:0:7f00:1::", "::ffff:0:127.0.0.1", "fec0::1", "fe80::1%lo", "ff02::1", "100::1", "3fff::1",
        "5f00::1", "224.0.0.1", "169.254.169.254", "192.0.0.8", "100.64.0.1", "255.255.255.255", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_no_socket_is_made_for_what_a_router_would_turn_into_this_machine(place: str) -> None:
    """Mapped, compatible, translated and tunnelled forms of 127.0.0.1 are refused, and what `is_global` lets pass."""
    family = socket.AF_INET6 if ":" in place else socket.AF_INET
    token = DIAL.set(dial := Dial(path="/"))
    try:
        with pytest.raises(RefusedAddressError) as caught:
            Guard(ALLOWED)((family, socket.SOCK_STREAM, 0, "", (place, 80)))
    finally:
        DIAL.reset(token)

    assert caught.value.errno == errno.EACCES
    assert (dial.opened, len(dial.refused)) == (0, 1)
