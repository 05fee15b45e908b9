"""Instances of one source: who is asked after whom, and who is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.model.fetched import Validators
from tests.fetching import Names, a_source, failed, fetched, free_port, limits, poll
from tests.raw_upstream import Exchange, Upstream, closing, reply

GOOD = reply(200, b"x")


def _stall(exchange: Exchange) -> None:
    exchange.stall()


@pytest.mark.parametrize("script", [reply(500, b""), reply(502, b""), reply(503, b""), closing(b""), _stall])
def test_next_instance_is_asked(script: object) -> None:
    """After a 5xx, a hang-up or a timeout the next instance is asked, and the note names the first and why."""
    with Upstream(routes={"*": script}) as bad, Upstream(routes={"*": GOOD}, host="127.0.0.3") as good:  # type: ignore[dict-item]
        source = a_source(bad.address(), good.address())
        answer = fetched(poll(source, settings=limits(timeout=timedelta(seconds=0.5))))

    assert answer.address == good.address()
    assert answer.note is not None
    assert answer.note.startswith(f"passed over 127.0.0.2:{bad.port} (")


def test_unreachable_instances_are_passed_over() -> None:
    """A name that is unknown and a port that is closed are passed over, each told in the note."""
    with free_port() as port, Upstream(routes={"*": GOOD}) as good:
        source = a_source("http://unknown.example/", f"http://127.0.0.2:{port}/", good.address())
        answer = fetched(poll(source, resolver=Names()))

    assert answer.note == (
        "passed over unknown.example (the name of the host cannot be resolved); "
        f"127.0.0.2:{port} (no connection to the host: connection refused)"
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429])
def test_refusals_are_not_passed_over(status: int) -> None:
    """After a refusal no other instance is bothered with the same request."""
    with Upstream(routes={"*": reply(status, b"")}) as bad, Upstream(routes={"*": GOOD}, host="127.0.0.3") as good:
        assert failed(poll(a_source(bad.address(), good.address())), "http").status == status

    assert good.asked == []


@pytest.mark.parametrize("script", [reply(200, b""), reply(200, b"x", content_encoding="br"), closing(b"nonsense\r\n\r\n")])
def test_other_failures_are_not_passed_over(script: object) -> None:
    """What a server says wrongly is told of that server."""
    with Upstream(routes={"*": script}) as bad, Upstream(routes={"*": GOOD}, host="127.0.0.3") as good:  # type: ignore[dict-item]
        poll(a_source(bad.address(), good.address()))

    assert good.asked == []


def test_preferred_instance_goes_first() -> None:
    """The instance that answered last time is asked first; one that is no longer configured is not."""
    with Upstream(routes={"*": GOOD}) as one, Upstream(routes={"*": GOOD}, host="127.0.0.3") as two:
        source = a_source(one.address(), two.address())
        answers = [
            fetched(poll(source, prefer=prefer)).address
            for prefer in (two.address(), one.address(), "http://127.0.0.4/gone", None)
        ]

    assert answers == [two.address(), one.address(), one.address(), one.address()]


def test_preferred_instance_fails_over_to_the_first() -> None:
    """When the preferred instance fails the others follow in their order."""
    with Upstream(routes={"*": GOOD}) as one, Upstream(routes={"*": reply(500, b"")}, host="127.0.0.3") as two:
        answer = fetched(poll(a_source(one.address(), two.address()), prefer=two.address()))

    assert answer.address == one.address()


def test_excluded_instances_are_not_asked() -> None:
    """The caller may leave out instances that answered with something that is no feed."""
    with Upstream(routes={"*": GOOD}) as one, Upstream(routes={"*": GOOD}, host="127.0.0.3") as two:
        source = a_source(one.address(), two.address())
        first = fetched(poll(source))
        second = fetched(poll(source, exclude=frozenset({first.address})))
        none = poll(source, exclude=frozenset({first.address, second.address}))

    assert (first.address, second.address) == (one.address(), two.address())
    assert failed(none, "not-a-feed").message == "no instance is left to ask"


def test_instances_with_passwords_are_named_without() -> None:
    """An instance whose address holds a password is excluded and preferred by its stored form."""
    with Upstream(routes={"*": GOOD}) as one, Upstream(routes={"*": GOOD}, host="127.0.0.3") as two:
        source = a_source(one.address(host="me:hunter2@127.0.0.2"), two.address())
        first = fetched(poll(source))
        second = fetched(poll(source, exclude=frozenset({first.address})))

    assert first.address == one.address()
    assert second.address == two.address()


@pytest.mark.rule("R13")
def test_failure_of_all_names_all() -> None:
    """When every instance fails, the last one's failure is told, and the others within it."""
    with Upstream(routes={"*": reply(500, b"")}) as one, Upstream(routes={"*": reply(502, b"")}, host="127.0.0.3") as two:
        failure = failed(poll(a_source(one.address("/?key=hunter2"), two.address("/?key=hunter2"))), "http")

    assert failure.status == 502
    assert failure.address == two.address("/?key=***")
    assert failure.message == (
        "the server answered 502 (Bad Gateway); "
        f"before that 127.0.0.2:{one.port} (the server answered 500 (Internal Server Error))"
    )


def test_validators_belong_to_one_instance() -> None:
    """An instance that is asked in another's place is asked without the other's validators."""
    with Upstream(routes={"*": reply(500, b"")}) as one, Upstream(routes={"*": GOOD}, host="127.0.0.3") as two:
        poll(a_source(one.address(), two.address()), Validators(address=one.address(), etag=b'"a"'))

    assert one.asked[0].header("if-none-match") == b'"a"'
    assert two.asked[0].header("if-none-match") is None


@pytest.mark.parametrize("address", ["ftp://host.example/feed", "http://me:hunter2@[bad/", "http://me:hunter2@a b/"])
def test_unusable_address_is_a_failure(address: str) -> None:
    """A configured address that cannot be requested fails its source, without its password."""
    failure = failed(poll(address), "protocol")

    assert "hunter2" not in repr(failure)
