"""The guard: no connection leaves for an address that is not public, whatever it is called."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.fetch.guard import Guard, is_loopback
from aggregator.model.source import Secret
from tests.fetching import Names, a_source, failed, fetched, limits, poll, poll_all
from tests.raw_upstream import Upstream, reply

REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1",
    "2002:808:808::1", "3ffe::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "nonsense", "127.1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255",
          "::ffff:8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2003::1"]  # fmt: skip


@pytest.mark.rule("R1", "R3", "F29")
@pytest.mark.parametrize("address", REFUSED)
def test_special_addresses_are_refused(address: str) -> None:
    """Every special-purpose range is refused, also inside IPv4-mapped, 6to4 and NAT64 addresses."""
    assert Guard(()).refusal(address) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    """Public addresses on either side of a special range may be reached."""
    assert Guard(()).refusal(address) is None


def test_allow_list_is_exact() -> None:
    """A listed network may be reached in either notation, and what lies beside it may not."""
    guard = Guard(("127.0.0.2/32", "fd00::/8"))

    assert guard.refusal("127.0.0.2") is None
    assert guard.refusal("::ffff:127.0.0.2") is None
    assert guard.refusal("fd00::1") is None
    assert guard.refusal("127.0.0.1") == "loopback"
    assert guard.refusal("fe80::1") == "link-local"


@pytest.mark.rule("R3")
def test_translated_addresses_are_judged_twice() -> None:
    """Where NAT64 is allowed, the IPv4 address inside is still judged."""
    guard = Guard(("64:ff9b::/96", "2002::/16"))

    assert guard.refusal("64:ff9b::808:808") is None
    assert guard.refusal("64:ff9b::7f00:1") == "loopback"
    assert guard.refusal("2002:7f00:1::1") == "loopback"


def test_everything_may_be_allowed() -> None:
    """The two zero-length networks allow everything."""
    guard = Guard(("0.0.0.0/0", "::/0"))

    assert [address for address in REFUSED if guard.refusal(address) is not None] == ["nonsense", "127.1"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True), ("::ffff:7f00:1", True),
     ("notlocalhost", False), ("8.8.8.8", False), ("::2", False)],
)  # fmt: skip
def test_loopback_is_known_by_its_spelling(host: str, *, expected: bool) -> None:
    """This machine is recognised by name or literal."""
    assert is_loopback(host) is expected


def test_next_address_of_a_name_is_tried() -> None:
    """If one of a name's addresses is refused, the permitted one is used."""
    names = Names(both_example=["127.0.0.1 127.0.0.2"])
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        fetched(poll(upstream.address(host="both.example"), resolver=names))


def test_all_refused_addresses_are_named() -> None:
    """A name that leads only to refused addresses says to which."""
    names = Names(both_example=["127.0.0.1 0.0.0.0 ::1"])
    failure = failed(poll("http://both.example/", resolver=names), "refused-address")

    for part in ("127.0.0.1 (loopback)", "0.0.0.0 (unspecified)", "::1 (loopback)", "allow_private"):
        assert part in failure.message


@pytest.mark.rule("F29")
def test_kept_connection_does_not_widen_a_list() -> None:
    """A connection opened for a source that may is not used for a source that may not."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        may = a_source(upstream.address(), allow_private=("127.0.0.2/32",))
        outcomes = poll_all([may, upstream.address()], settings=limits(allow_private=()))

    fetched(outcomes[0])
    failed(outcomes[1], "refused-address")
    assert upstream.connections == 1


def test_source_list_adds_to_the_general_one() -> None:
    """A source reaches what it lists besides what is listed for all."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        source = a_source(upstream.address(), allow_private=("10.0.0.0/8",))
        fetched(poll(source))


@pytest.mark.rule("R15")
def test_configured_proxy_may_be_private() -> None:
    """A proxy is named by the owner, so it is allowed; it is asked for the whole address and given its own password."""
    with Upstream(routes={"*": reply(200, b"x")}) as proxy:
        secret = Secret(f"http://me:pw@127.0.0.2:{proxy.port}")
        source = a_source("http://public.example/feed?x=%2F", proxy=secret)
        fetched(poll(source, settings=limits(allow_private=()), resolver=Names()))

    assert proxy.asked[0].target == b"http://public.example/feed?x=%2F"
    assert proxy.asked[0].header("proxy-authorization") == b"Basic bWU6cHc="
    assert proxy.asked[0].header("host") == b"public.example"


@pytest.mark.rule("R1")
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "localhost", "any.localhost", "LOCALHOST."]
)
def test_proxy_is_not_asked_for_private_literals(host: str) -> None:
    """An address that is not public is refused before a proxy hears of it."""
    with Upstream(routes={"*": reply(200, b"x")}) as proxy:
        source = a_source(f"http://{host}/feed", proxy=Secret(f"http://127.0.0.2:{proxy.port}"))
        failed(poll(source, resolver=Names()), "refused-address")

    assert proxy.connections == 0


@pytest.mark.rule("F27")
@pytest.mark.parametrize("target", ["/feed?x=%2F&z=%41", "/feed?", "/?sig=a%2Bb~%7E", "/a//b/../c?y=[1]"])
def test_a_proxy_is_asked_for_the_address_as_written(target: str) -> None:
    """Also in the absolute form that proxies are sent path and query go out byte for byte."""
    with Upstream(routes={"*": reply(200, b"x")}) as proxy:
        secret = Secret(f"http://127.0.0.2:{proxy.port}")
        fetched(poll(a_source(f"http://public.example{target}", proxy=secret), resolver=Names()))

    assert proxy.asked[0].target == b"http://public.example" + target.encode()


@pytest.mark.rule("R15")
def test_proxies_do_not_share_connections() -> None:
    """A source without a proxy does not go out through another source's proxy."""
    with Upstream(routes={"*": reply(200, b"proxied")}) as proxy, Upstream(routes={"*": reply(200, b"direct")}) as upstream:
        one = a_source(upstream.address(), proxy=Secret(f"http://127.0.0.2:{proxy.port}"))
        outcomes = poll_all([one, upstream.address()])

    assert [fetched(outcome).body for outcome in outcomes] == [b"proxied", b"direct"]


@pytest.mark.rule("R15")
def test_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxy variables in the environment change nothing."""
    with Upstream() as proxy, Upstream(routes={"*": reply(200, b"x")}) as upstream:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.2:{proxy.port}")
        fetched(poll(upstream.address()))

    assert proxy.connections == 0


def test_unsupported_proxy_is_told() -> None:
    """A proxy of another kind is a failure that does not show its address."""
    source = a_source("http://public.example/", proxy=Secret("socks5://me:hunter2@127.0.0.2:1080"))
    failure = failed(poll(source, resolver=Names()), "connect")

    assert "hunter2" not in repr(failure)


def test_proxy_failures_are_told() -> None:
    """A proxy that refuses, and one that is not there, are connection failures that name the proxy."""
    with Upstream(routes={"*": reply(407, b"")}) as proxy:
        source = a_source("https://public.example/", proxy=Secret(f"http://127.0.0.2:{proxy.port}"))
        assert "the proxy answered 407" in failed(poll(source, resolver=Names()), "connect").message
    gone = a_source("http://public.example/", proxy=Secret(f"http://127.0.0.2:{proxy.port}"))
    assert "the proxy" in failed(poll(gone, settings=limits(timeout=timedelta(seconds=2)), resolver=Names()), "connect").message
