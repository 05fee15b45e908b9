"""Addresses: what is sent for them, what is shown of them, where a Location leads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.fetch.address import encode_host, parse_target, redact, resolve_location, strip_credentials
from aggregator.fetch.fault import Fault
from tests.fetching import fetched, poll
from tests.raw_upstream import Upstream, reply

TARGETS = [
    "/?x=%2F&z=%41",
    "/?x=/&y=[1]&q=~a%7Eb",
    "/a/../b/./c",
    "//double//slash?",
    "/p;v=1?a=b?c=d&&",
    "/%zz%",
    "/a|b^c`d{e}\"f'<g>\\h",
    "/plus+and%20percent",
    "/user:pass@path",
]


@pytest.mark.rule("F27")
@pytest.mark.parametrize("target", TARGETS)
def test_target_goes_out_as_written(target: str) -> None:
    """Path and query reach the server byte for byte as configured."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        answer = fetched(poll(upstream.address(target)))

    assert upstream.asked[0].target == target.encode()
    assert answer.final_address.endswith(target)


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#")))
def test_printable_ascii_is_never_touched(text: str) -> None:
    """No printable ASCII character of a path or query is quoted, unquoted or dropped."""
    assert parse_target(f"http://host.example/{text}").path == f"/{text}"


@pytest.mark.rule("F27")
def test_iri_is_percent_encoded() -> None:
    """Characters beyond ASCII and blanks go out as percent-encoded UTF-8, and a fragment does not go out."""
    with Upstream(routes={"*": reply(200, b"x")}) as upstream:
        answer = fetched(poll(upstream.address("/新闻?标题=a b%2F#片段")))

    assert answer.final_address == upstream.address("/%E6%96%B0%E9%97%BB?%E6%A0%87%E9%A2%98=a%20b%2F")
    assert upstream.asked[0].target == b"/%E6%96%B0%E9%97%BB?%E6%A0%87%E9%A2%98=a%20b%2F"


def test_query_without_path_gets_a_slash() -> None:
    """An address without a path asks for the root, with its query."""
    assert parse_target("http://host.example?x=1").path == "/?x=1"
    assert parse_target("http://host.example").path == "/"


@pytest.mark.parametrize(
    ("host", "encoded"),
    [
        ("Host.Example", "host.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("127。0。0。1", "127.0.0.1"),
        ("１２７.０.０.１", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[::FFFF:127.0.0.1]", "::ffff:7f00:1"),
        ("under_score.example", "under_score.example"),
        ("host.example.", "host.example."),
    ],
)
def test_host_is_encoded(host: str, encoded: str) -> None:
    """A host name is looked up in lower-case punycode, and every spelling of an IPv4 address is read as one."""
    assert encode_host(host) == encoded


@pytest.mark.parametrize(
    "address",
    [
        "",
        "feed.xml",
        "ftp://host.example/",
        "http:///feed",
        "http://",
        "http://a b/",
        "http://a%2Fb/",
        "http://a%00b/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://host:port/",
        "http://host:0/",
        "http://host:65536/",
        "http://256.1.1.1/",
        "http://..:80/",
        "http://a..b/",
        "http://" + "ü" * 80 + "/",
        "http://%ff/",
        "http://xn--a\N{SNOWMAN}/",
    ],
)
def test_bad_address_is_told(address: str) -> None:
    """An address that cannot be requested is a ValueError whose message repeats nothing of it."""
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse_target(address)

    assert isinstance(caught.value, ValueError)


BASE = parse_target("http://user:pw@host.example:8080/dir/feed?q=1")


@pytest.mark.parametrize(
    ("location", "address"),
    [
        (b"http://other.example/x?", "http://other.example/x?"),
        (b"HTTPS://Other.Example/A", "https://other.example/A"),
        (b"//other.example/x", "http://other.example/x"),
        (b"/x?y=%2f~", "http://host.example:8080/x?y=%2f~"),
        (b"sibling", "http://host.example:8080/dir/sibling"),
        (b"../up", "http://host.example:8080/up"),
        (b"/a/../b", "http://host.example:8080/b"),
        (b"?page=2", "http://host.example:8080/dir/feed?page=2"),
        (b"/\xe6\x96\xb0", "http://host.example:8080/%E6%96%B0"),
        (b"/caf\xe9", "http://host.example:8080/caf%E9"),
        (b" /blank here ", "http://host.example:8080/blank%20here"),
        (b"http://b\xc3\xbccher.example/", "http://xn--bcher-kva.example/"),
        (b"http://me:secret@other.example/#part", "http://other.example/"),
    ],
)
def test_location_is_resolved(location: bytes, address: str) -> None:
    """A Location of any shape leads to one address, its odd bytes percent-encoded, its credentials dropped."""
    assert resolve_location(BASE, location).text == address


@pytest.mark.rule("R4", "R5")
@pytest.mark.parametrize(
    "location",
    [
        b"file:///etc/passwd",
        b"data:text/xml,<rss/>",
        b"javascript:alert(1)",
        b"ftp://host/",
        b"http:",
        b"http:relative",
        b"http://",
        b"http://[",
        b"//[::1",
        b"gopher:x",
        b"http://\xff/",
        b"http://host:99999/",
    ],
)
def test_location_to_nowhere_is_a_fault(location: bytes) -> None:
    """A Location that is no http(s) address ends the poll as a redirect failure."""
    with pytest.raises(Fault) as caught:
        resolve_location(BASE, location)

    assert caught.value.kind == "redirect"


@pytest.mark.rule("R5")
@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60))
def test_location_of_any_bytes_is_no_crash(location: bytes) -> None:
    """Whatever bytes a Location holds, it is an address or a redirect failure."""
    try:
        text = resolve_location(BASE, location).text
    except Fault as fault:
        text = fault.kind
    assert text.isascii()
    assert text.startswith(("http://", "https://", "redirect"))


@pytest.mark.rule("R13")
@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@host.example/feed", "https://host.example/feed"),
        ("https://me:sec@ret@host.example/feed", "https://host.example/feed"),
        ("https://host.example/feed?key=secret&page=2", "https://host.example/feed?key=***&page=2"),
        ("https://host.example/?a=1&access_token=secret", "https://host.example/?a=1&access_token=***"),
        ("https://host.example/?code=secret#secret", "https://host.example/?code=***"),
        ("https://host.example/path@x?monkey=1", "https://host.example/path@x?monkey=***"),
        ("https://host.example/zip?encode=1", "https://host.example/zip?encode=1"),
        ("not an address", "not an address"),
    ],
)
def test_secrets_are_not_shown(address: str, shown: str) -> None:
    """Neither credentials nor the values of parameters named like secrets stand in messages."""
    assert redact(address) == shown


def test_stripping_keeps_the_rest() -> None:
    """The stored form of an address is the configured one without its credentials, and nothing else changes."""
    assert strip_credentials("https://a:b@host.example/x?key=1#f") == "https://host.example/x?key=1#f"
    assert strip_credentials("https://host.example/x@y") == "https://host.example/x@y"
