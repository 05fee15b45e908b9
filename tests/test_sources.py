from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import sources
from aggregator.sources import AddressError, expand, parse_address, parse_base, parse_base_name, parse_host

BASES = {"rsshub": ("http://127.0.0.1:1200", "https://rsshub.example/", "https://x.example/sub")}


def test_an_address_stands_for_itself_byte_for_byte() -> None:
    """An http(s) address is one address, exactly as configured: no case, escape or order in it is touched."""
    for feed in (
        "https://a.example/f?x=%2F&z=%41&y=a+b",
        "HTTP://A.Example:80/%7euser//x/../y;p?a[]=1#frag",
        "http://[::1]:8080/feed",
        "http://127.0.0.2/feed",
        "https://a.example",
        "https://a_b.example./x'(!*)",
    ):
        assert expand(feed, {}) == (feed,)


def test_a_base_becomes_one_address_per_instance_in_order() -> None:
    """`base:/path` gives an address per instance, in the order of the base, with one slash between them."""
    assert expand("rsshub:/zaker/channel/13?x=%2F", BASES) == (
        "http://127.0.0.1:1200/zaker/channel/13?x=%2F",
        "https://rsshub.example/zaker/channel/13?x=%2F",
        "https://x.example/sub/zaker/channel/13?x=%2F",
    )


def test_other_scripts_become_what_goes_over_the_wire() -> None:
    """A host outside ASCII becomes its A-label, a path and a query are percent-encoded; what was encoded stays."""
    assert parse_address("https://媒体.example:8080/新/%41?q=体&r=%2F") == (
        "https://xn--tqqy7y.example:8080/%E6%96%B0/%41?q=%E4%BD%93&r=%2F"
    )
    assert parse_address("https://a.example/新") == "https://a.example/%E6%96%B0"


@pytest.mark.parametrize(
    ("feed", "reason", "hint"),
    [
        ("a.example/feed", "is no address", "write https://a.example/feed"),
        ("//a.example/feed", "is no address", "write https://a.example/feed"),
        ("file:///etc/passwd", 'asks for the scheme "file"', None),
        ("exec:ls", 'asks for the scheme "exec"', None),
        ("gopher://a.example/", 'asks for the scheme "gopher"', None),
        ("rsshub://zaker/channel/13", 'asks for the scheme "rsshub"', "write rsshub:/zaker/channel/13"),
        ("rsshub:zaker", "needs a path that begins with a slash", "write rsshub:/zaker"),
        ("rsshubb:/zaker", 'names the base "rsshubb"', "bases are: rsshub"),
        ("rsshub:/a b", "holds a space", "write %20"),
        ("https://a.example/a\\b", 'holds "\\"', "write %5C"),
        ("https://a.example/\u200b\u2003", "holds the character U+2003", None),
        ("https://u:p@a.example/", "carries a user name", None),
        ("https:///x", "names no host", None),
        ("https://a.example:0/", "names the port 0", None),
        ("https://a.example:99999/", "is no address that can be read", "check its host and port"),
        ("https://[::1/", "is no address that can be read", None),
        ("https://a..example/", "names a host that cannot exist", None),
        ("https://-a.example:8443/X", "names a host that cannot exist", None),
        (f"https://{'a' * 64}.example/X", "names a host that cannot exist", None),
        (f"https://{'媒' * 70}.example/", "names a host that cannot exist", None),
        ("https://a.example/%zz", 'holds a "%" that begins no percent-encoded byte', "write %25"),
    ],
)
def test_what_cannot_be_asked(feed: str, reason: str, hint: str | None) -> None:
    """A feed that no request could be sent to is refused in words, with what to write where that is clear."""
    with pytest.raises(AddressError) as caught:
        expand(feed, {"rsshub": BASES["rsshub"]})
    assert caught.value.reason.startswith(reason)
    if hint is not None:
        assert caught.value.hint == hint


def test_no_base_at_all() -> None:
    """Where no file defines a base, the message shows how to."""
    with pytest.raises(AddressError) as caught:
        expand("rsshub:/x", {})
    assert caught.value.hint == "write  bases: {rsshub: [https://rsshub.example]}  above the sources"


@pytest.mark.parametrize("text", ["https://a.example/?key=1", "https://a.example/#x", "ftp://a.example/", "a.example"])
def test_what_no_path_can_be_added_to(text: str) -> None:
    """An instance of a base has no query and no fragment, and can be asked."""
    with pytest.raises(AddressError):
        parse_base(text)


@pytest.mark.parametrize("text", ["http", "https", "Rss", "a b", "", "1a", "javascript"])
def test_names_that_no_base_may_have(text: str) -> None:
    """A base's name is a plain word that is no scheme."""
    with pytest.raises(AddressError):
        parse_base_name(text)
    assert parse_base_name("rss-hub2") == "rss-hub2"


def test_hosts() -> None:
    """A host comes back in lower case and ASCII."""
    assert [parse_host(text) for text in ("A.Example", "媒体.example", "::1", "FE80::1", "127.0.0.1")] == [
        "a.example",
        "xn--tqqy7y.example",
        "::1",
        "fe80::1",
        "127.0.0.1",
    ]


ODD = st.text(alphabet="a.-_:/?#[]@!$&'()*+,;=%2F\\ \"<>^`{|}~A媒\n\x00é", max_size=30)


@settings(deadline=None, max_examples=200)
@given(ODD)
def test_what_is_accepted_is_ascii_and_keeps_its_ascii(tail: str) -> None:
    """Whatever follows the scheme: refused, or an ASCII address with a host, equal to the input if that was ASCII."""
    text = f"https://a{tail}"
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert address.isascii()
    assert urlsplit(address).hostname
    assert address.isprintable()
    assert parse_address(address) == address
    if text.isascii():
        assert address == text


@settings(deadline=None, max_examples=200)
@given(ODD)
def test_the_short_way_agrees_with_the_long_one(tail: str) -> None:
    """An address that the quick look lets through passes the close look unchanged."""
    text = f"https://a{tail}"
    if not sources._PLAIN.match(text):
        return
    kept = sources._PLAIN
    sources._PLAIN = re.compile("(?!)")
    try:
        assert parse_address(text) == text
    finally:
        sources._PLAIN = kept
