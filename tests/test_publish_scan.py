"""What the gate finds in an entry's HTML."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.normalise.sanitise import sanitise
from aggregator.publish import scan
from aggregator.publish.scan import find_fault, find_fault_once, is_web_address

_GOOD = [
    "",
    "plain text, 1 < 2 and a <",
    "<p>a<br>b</p><hr/>",
    '<a href="https://a.example/?x=1&amp;y=2" title="onclick=&quot;x&quot; > y">l</a>',
    '<a href="mailto:a@b.example">m</a>',
    '<img src="HTTPS://a.example/i,j.png" srcset="https://a.example/i,j.png 1x, https://a.example/k.png 2x" alt="">',
    '<img srcset="https://a.example/i.png 400w,https://a.example/k.png 800w" src="http://a.example/">',
    '<video poster="https://a.example/p.jpg" controls="" src="https://a.example/v.mp4"></video>',
    "<!-- more --><p>x</p>",
    '<p>&lt;script&gt;alert(1)&lt;/script&gt; href="x" onclick="y"</p>',
    "<q cite='https://a.example/'>x</q>",
    "<td colspan=2>x</td>",
    '<p title="a < b">x</p>',
    "<h1 id=once-upon>only=1</h1>",
]
_BAD = {
    "<script>alert(1)</script>": "a <script> element",
    "<SCRIPT src=https://a.example/x></SCRIPT>": "a <script> element",
    "<p>x</p><style>p{}</style>": "a <style> element",
    '<form action="https://a.example/"></form>': "a <form> element",
    "<svg></svg>": "a <svg> element",
    "<noscript>x": "a <noscript> element",
    '<base href="https://evil.example/">': "a <base> element",
    '<p onclick="x()">': "an event handler",
    "<p\nonmouseover=x()>": "an event handler",
    '<img src="https://a.example/" onerror=alert(1)>': "an event handler",
    '<iframe srcdoc="x"></iframe>': "srcdoc",
    '<a href="javascript:alert(1)">': "not absolute http(s)",
    '<a href="&#106;avascript:alert(1)">': "not absolute http(s)",
    '<a href="https&#58;//a.example/">': "not absolute http(s)",
    '<a href=" javascript:alert(1)">': "not absolute http(s)",
    '<a href="java\nscript:alert(1)">': "not absolute http(s)",
    "<a href=javascript:alert(1)>": "not absolute http(s)",
    '<a href="/about">': "not absolute http(s)",
    '<a href="#note">': "not absolute http(s)",
    '<a href="">': "not absolute http(s)",
    '<img src="//cdn.example/x.png">': "not absolute http(s)",
    '<img src="data:image/gif;base64,R0lGOD">': "not absolute http(s)",
    '<img src="pictures/x.png">': "not absolute http(s)",
    '<video poster="x.jpg"></video>': "not absolute http(s)",
    '<img srcset="https://a.example/x.png 1x, x.png 2x">': "not absolute http(s)",
    '<img srcset="https://a.example/x.png,/y.png">x': None,  # one address with a comma in it, as browsers read it
    '<a href="https:///path">': "not absolute http(s)",
    '<a xlink:href="javascript:x">': "not absolute http(s)",
    "<p title='x": "a tag that cannot be read",
    '<p title="x" <b>': "a tag that cannot be read",
    "<a href=http://x.example/' title='onclick=x() y>": "a tag that cannot be read",
    "x <![CDATA[y]]>": "a tag that cannot be read",
    "<?php x ?>": "a tag that cannot be read",
    "<!--> <script>x</script> -->": "a tag that cannot be read",
    "<a\x9b>": "a tag that cannot be read",
    "</a x>": "a tag that cannot be read",
    "<!-- a -- b -->": "a tag that cannot be read",
}

_PIECES = (
    *("<a ", "<img ", "<p>", "</a>", "<script>", "<svg>", "<!--", "-->", "<", ">", "/"),
    *("href=", "src=", "srcset=", "title=", "onerror=x", "=", '"', "'", " ", "\n", ","),
    *("https://a.example/", "javascript:x", "&#106;", "&quot;", "text"),
)


@pytest.mark.parametrize("html", _GOOD)
def test_harmless_html_passes(html: str) -> None:
    """HTML as the sanitiser leaves it, and what text may look like, has no fault."""
    assert find_fault(html) is None


@pytest.mark.parametrize(("html", "words"), _BAD.items())
@pytest.mark.publishes("P18")
def test_fault_is_found_and_named(html: str, words: str | None) -> None:
    """A script, a handler, a form, a relative address or an unreadable tag is found wherever it stands."""
    for before in ("", "<p>x</p>" * 50, '<img src="https://a.example/x.png" alt="">'):
        fault = find_fault(before + html)
        assert fault == words or (words is not None and words in (fault or ""))


def test_message_is_one_line() -> None:
    """What the fault quotes from upstream is one line, shortened and without control characters."""
    fault = find_fault(f'<a href="x\x1b[31m\n{"y" * 500}">')

    assert fault is not None
    assert fault.isprintable()
    assert len(fault) < 300


@pytest.mark.parametrize(
    "html",
    [
        '<a "' * 20_000,
        "<!--" * 20_000,
        '<a x="' * 20_000,
        "<a " + "b " * 100_000,
        "<" * 99_999 + "a",
        '<img srcset="' + "https://a.example/x.png 1x, " * 20_000,
        "<p" + ' title=""' * 50_000 + "<",
    ],
)
def test_scan_is_linear(html: str) -> None:
    """Input made to send a regular expression backwards is answered at once (the suite's time limit is the check)."""
    assert find_fault(html) is not None


_NAMES = ("p", "img", "a", "td", "q", "source", "time", "script", "svg", "P", "x-y")
_ATTRIBUTES = ("src", "href", "srcset", "sizes", "alt", "media", "datetime", "cite", "data", "onload", "srcdoc", "style", "SRC")
_VALUES = (
    *("https://a.example/", "https://a.example/x 1x, https://a.example/y 2x", "javascript:x", "/x", "data:x", "", "x"),
    *("https://a.example/ 1x, /y 2x", "(min-width: 9px) 50vw, 100vw", "https://", "&#106;avascript:x"),
)
_TAGS = st.builds(
    lambda name, attributes, end: f"<{name}{''.join(f' {key}={quote}{text}{quote}' for key, text, quote in attributes)}{end}",
    st.sampled_from(_NAMES),
    st.lists(st.tuples(st.sampled_from(_ATTRIBUTES), st.sampled_from(_VALUES), st.sampled_from(('"', "'"))), max_size=4),
    st.sampled_from((">", "/>", " />", " >", "")),
)


@settings(deadline=None, max_examples=400)
@given(st.lists(_TAGS, max_size=3).map("text".join))
def test_what_needs_no_second_look_would_pass_it(html: str) -> None:
    """The tags that the expression steps over by itself are none in which the whole scan finds a fault."""
    kept = scan._MARKUP
    quick = find_fault(html)
    find_fault_once.cache_clear()
    scan._MARKUP = re.compile(kept.pattern.replace(f"{scan._PLAIN}|", "", 1))
    try:
        assert scan._MARKUP.pattern != kept.pattern
        assert find_fault(html) == quick
    finally:
        scan._MARKUP = kept
        find_fault_once.cache_clear()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(_PIECES), max_size=25).map("".join))
@pytest.mark.publishes("P18")
def test_whatever_the_sanitiser_lets_through_passes(html: str) -> None:
    """The gate agrees with the sanitiser: what it made safe, with absolute addresses, is never refused."""
    assert find_fault(sanitise(html, "https://a.example/feed")) is None


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://a.example", True),
        ("HTTP://a.example:8080/x?y#z", True),
        ("https://例子.example/路径", True),
        ("https://a.example/a|b", True),
        ("ftp://a.example/", False),
        ("javascript:alert(1)", False),
        ("//a.example/", False),
        ("https://", False),
        ("https:///x", False),
        ("https://a.example/a b", False),
        ("https://a.example/\n", False),
        (" https://a.example/", False),
        ("https://a.example/<x>", False),
        ("", False),
    ],
)
def test_web_address(address: str, good: bool) -> None:  # noqa: FBT001 - a column of the table
    """Only an absolute http(s) address with a host, and nothing around it, counts as one."""
    assert is_web_address(address) is good
