"""Redirects, followed by hand."""

from __future__ import annotations

import pytest

from aggregator.model.fetched import NotModified, Validators
from aggregator.model.source import Auth, Secret
from tests.fetching import a_source, failed, fetched, poll
from tests.raw_upstream import Upstream, reply


def hop(status: int, location: str | bytes) -> bytes:
    """Build a redirect."""
    return reply(status, b"moved", location=location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(status: int) -> None:
    """Every redirect status leads on, with a GET; the final address is told."""
    with Upstream(routes={"/feed": hop(status, "/new"), "/new": reply(200, b"x")}) as upstream:
        answer = fetched(poll(upstream.address()))

    assert answer.final_address == upstream.address("/new")
    assert answer.address == answer.validators.address == upstream.address()
    assert all(asked.raw.startswith(b"GET ") for asked in upstream.asked)


@pytest.mark.rule("F20", "R19")
@pytest.mark.parametrize(
    ("statuses", "permanent"),
    [((301,), True), ((308,), True), ((301, 308, 301), True), ((302,), False), ((307,), False), ((303,), False),
     ((301, 302), False), ((302, 301), False), ((301, 307, 308), False)],
)  # fmt: skip
def test_only_an_unbroken_chain_is_permanent(statuses: tuple[int, ...], *, permanent: bool) -> None:
    """A new address is told only if every hop said that it is for good."""
    routes = {f"/{number}": hop(status, f"/{number + 1}") for number, status in enumerate(statuses)}
    routes[f"/{len(statuses)}"] = reply(200, b"x")
    with Upstream(routes=routes) as upstream:
        answer = fetched(poll(upstream.address("/0")))

    assert answer.permanent_address == (upstream.address(f"/{len(statuses)}") if permanent else None)


@pytest.mark.rule("F21", "R4")
@pytest.mark.parametrize("hops", [5, 6])
def test_five_hops_are_enough(hops: int) -> None:
    """Five redirects are followed, a sixth is not."""
    routes = {f"/{number}": hop(302, f"/{number + 1}") for number in range(hops)} | {f"/{hops}": reply(200, b"x")}
    with Upstream(routes=routes) as upstream:
        outcome = poll(upstream.address("/0"))

    if hops == 5:
        assert fetched(outcome).body == b"x"
    else:
        assert "more than 5 times" in failed(outcome, "redirect").message
    assert len(upstream.asked) == 6


@pytest.mark.rule("F21", "R4")
@pytest.mark.parametrize("location", ["/feed", "", "#top", "/other"])
def test_circles_are_seen(location: str) -> None:
    """A redirect to an address already asked ends the poll at once."""
    with Upstream(routes={"/feed": hop(302, location), "/other": hop(302, "/feed")}) as upstream:
        outcome = poll(upstream.address())

    message = failed(outcome, "redirect").message
    assert "circle" in message or "without saying" in message
    assert len(upstream.asked) <= 2


@pytest.mark.rule("R4")
def test_missing_location_is_told() -> None:
    """A redirect without a Location is a failure that says so."""
    with Upstream(routes={"/feed": reply(301, b"x")}) as upstream:
        assert "without saying where" in failed(poll(upstream.address()), "redirect").message


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("location", "words"),
    [
        (b"file:///etc/passwd", "to a file: address"),
        (b"data:,x", "to a data: address"),
        (b"javascript:1", "to a javascript: address"),
        (b"FTP://h/", "to a ftp: address"),
        (b"http://", "to an address that cannot be used"),
        (b"//[", "to an address that cannot be used"),
    ],
)
def test_other_schemes_are_not_followed(location: bytes, words: str) -> None:
    """A redirect to anything but an http(s) address is a failure that names the scheme."""
    with Upstream(routes={"/feed": hop(302, location)}) as upstream:
        assert words in failed(poll(upstream.address()), "redirect").message

    assert len(upstream.asked) == 1


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("location", "target"),
    [(b"/caf\xe9", b"/caf%E9"), ("/新".encode(), b"/%E6%96%B0"), (b"/a b", b"/a%20b"), (b"/x?y=%2f", b"/x?y=%2f")],
)
def test_odd_bytes_in_location(location: bytes, target: bytes) -> None:
    """Raw bytes in a Location are percent-encoded one by one; what is encoded stays as it is."""
    with Upstream(routes={"/feed": hop(302, location), "*": reply(200, b"x")}) as upstream:
        fetched(poll(upstream.address()))

    assert upstream.asked[1].target == target


@pytest.mark.rule("F21", "R13")
def test_nothing_secret_crosses_origins() -> None:
    """Credentials and the source's own headers stay at its origin; another port is another origin."""
    headers = (("X-Api-Key", Secret("hunter2")), ("Cookie", Secret("sid=hunter2")), ("User-Agent", Secret("mine/1")))
    with (
        Upstream(routes={"/x": reply(200, b"x")}) as other,
        Upstream(routes={"/feed": hop(302, other.address("/x"))}) as upstream,
    ):
        source = a_source(upstream.address(), headers=headers, auth=Auth(username="me", password=Secret("hunter2")))
        answer = fetched(poll(source))

    assert upstream.asked[0].header("x-api-key") == b"hunter2"
    assert upstream.asked[0].header("authorization") is not None
    for name in ("x-api-key", "authorization", "cookie", "referer"):
        assert other.asked[0].header(name) is None
    assert other.asked[0].header("user-agent") == b"mine/1"
    assert "hunter2" not in repr(answer)


def test_secrets_stay_within_an_origin() -> None:
    """A redirect within the origin keeps credentials and headers."""
    with Upstream(routes={"/feed": hop(302, "/x"), "/x": reply(200, b"x")}) as upstream:
        address = upstream.address(host="me:pw@127.0.0.2")
        fetched(poll(a_source(address, headers=(("X-Api-Key", Secret("k")),))))

    assert [asked.header("authorization") for asked in upstream.asked] == [b"Basic bWU6cHc="] * 2
    assert [asked.header("x-api-key") for asked in upstream.asked] == [b"k"] * 2


@pytest.mark.rule("F21", "R13")
def test_credentials_in_a_location_are_dropped() -> None:
    """An upstream cannot make us log in somewhere."""
    with Upstream(routes={"/x": reply(200, b"x")}) as other:
        away = other.address("/x", host="a:hunter2@127.0.0.2")
        with Upstream(routes={"/feed": hop(301, away)}) as upstream:
            answer = fetched(poll(upstream.address()))

    assert other.asked[0].header("authorization") is None
    assert answer.permanent_address == answer.final_address == other.address("/x")


@pytest.mark.rule("F7")
def test_conditions_travel_with_redirects() -> None:
    """The validators of a source are sent to the hop that gave them and to no other (RFC 9111 §4.1)."""
    with Upstream(routes={"/feed": hop(302, "/x"), "/x": reply(304)}) as upstream:
        old = Validators(address=upstream.address(), final=upstream.address("/x"), etag=b'"a"')
        assert isinstance(poll(upstream.address(), old), NotModified)

    assert [asked.header("if-none-match") for asked in upstream.asked] == [None, b'"a"']
