"""What is quoted of a source in public holds none of its secrets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aggregator.model.source import Auth, Secret, Source
from aggregator.pipeline.masking import for_everybody, is_open, without_secrets

SECRETIVE = Source(
    id="a",
    feed="https://rsshub.example/x?key=sesame-0123",
    addresses=("https://rsshub.example/x?key=sesame-0123", "https://user-0123:pass-0123@mirror.example/x?code=c0de%2F99"),
    categories=("news",),
    headers=(("Authorization", Secret("Bearer bearer-0123")), ("Cookie", Secret("sid=cookie-0123"))),
    auth=Auth(username="feeds", password=Secret("pa ss-0123")),
    proxy=Secret("http://proxy-user:proxy-pass@127.0.0.1:3128"),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the server answered 404 (Not Found)", None),
        ("this is a web page, not a feed of feeds", None),
        ("https://rsshub.example/x?key=sesame-0123 is bad", "https://rsshub.example/x?key=*** is bad"),
        ("'https://user-0123:pass-0123@mirror.example/x'", "'https://mirror.example/x'"),
        ("ValueError: sesame-0123", "ValueError: ***"),
        ("header bearer-0123", "header ***"),
        ("header 'Bearer bearer-0123'", "header '***'"),
        ("sid=cookie-0123;", "***;"),
        ("pa ss-0123 and pa%20ss-0123", "*** and ***"),
        ("c0de/99 and c0de%2F99", "*** and ***"),
        ("via http://proxy-user:proxy-pass@127.0.0.1:3128", "via http://127.0.0.1:3128"),
        ("proxy-user proxy-pass", "*** ***"),
        ("moved to https://other.example/?token=theirs&a=1", "moved to https://other.example/?token=***&a=1"),
    ],
)
def test_no_secret_is_published(text: str, shown: str | None) -> None:
    """Keys in addresses, credentials, headers and a proxy's password are masked in every spelling; other words stay."""
    assert without_secrets(text, SECRETIVE) == (text if shown is None else shown)


@pytest.mark.parametrize(
    ("address", "fit"),
    [
        ("https://a.example/?page=1", True),
        ("https://a.example/#top", True),
        ("https://u:p@a.example/", False),
        ("https://a.example/?key=1", False),
    ],
)
def test_a_page_with_a_secret_is_not_linked(address: str, *, fit: bool) -> None:
    """An address that would have to be masked is none to lead people to."""
    assert is_open(address) is fit


AT_HOME = Source(
    id="h",
    feed="rsshub:/x",
    addresses=("http://feeds:1200/x", "http://127.0.0.1:1200/x", "http://[fd00::7]:1200/x", "http://hub.lan/x"),
    categories=("news",),
    proxy=Secret("http://proxy.internal:3128"),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1:1200: the connection was refused", "a private address: the connection was refused"),
        ("http://127.0.0.1:1200/x: refused", "a private address: refused"),
        ("it was sent to http://10.1.2.3/login, which is no feed", "it was sent to a private address, which is no feed"),
        ("feeds:1200 does not answer", "a private address does not answer"),
        ("http://feeds:1200/x does not answer", "a private address does not answer"),
        ("this is a page, not a feed of feeds", "this is a page, not a feed of feeds"),
        ("[fd00::7]:1200 is closed", "a private address is closed"),
        ("hub.lan cannot be found; hub.lan.example can", "a private address cannot be found; hub.lan.example can"),
        ("by way of proxy.internal:3128", "by way of a private address"),
        ("https://rsshub.example/x answered 503", "https://rsshub.example/x answered 503"),
        ("93.184.216.34 answered 503, version 1.2.3.4.5", "93.184.216.34 answered 503, version 1.2.3.4.5"),
    ],
)
def test_no_address_of_ones_own_network_is_published(text: str, shown: str) -> None:
    """Machines that nobody else can reach are not named; public ones are, and words that only look like hosts."""
    assert for_everybody(text, AT_HOME) == shown


def test_what_is_told_of_sources_needs_no_parser() -> None:
    """The main process finds out what status.atom has to tell, secrets masked, without loading anything that reads feeds."""
    asked = (
        "import aggregator.pipeline.status_changes, sys; print(sorted({'feedparser', 'lxml', 'feedgen'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout == "[]\n"
