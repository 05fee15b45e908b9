"""What is quoted of a source in public holds none of its secrets."""

from __future__ import annotations

import pytest

from aggregator.model.source import Auth, Secret, Source
from aggregator.pipeline.masking import is_open, without_secrets

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
