"""Where reading stops, texts are cut and parsers give up, the fast path and feedparser do so at the same place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from aggregator.parse.limits import MAX_ENTRIES, MAX_TEXT
from aggregator.parse.raw import MAX_ENTRIES_READ, MAX_TAGS
from tests.agreement import compare
from tests.parsing import atom, rss


def _items(count: int) -> str:
    return "".join(f"<item><guid>{number}</guid><title>{number}</title></item>" for number in range(count))


def _entry(inside: str) -> bytes:
    return atom(f"<entry><id>1</id>{inside}</entry>")


def _nested(name: str, times: int) -> str:
    return f"<{name}>" * times + "x" + f"</{name}>" * times


def _numbered(pattern: str, times: int) -> str:
    return " ".join(pattern.format(number) for number in range(times))


_XHTML = "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>{}</div></content>"
_ATTRIBUTE, _NAMESPACE = "a{}=''", "xmlns:n{0}='urn:{0}'"
#: Made when they are read: they are large.
_DOCUMENTS: Mapping[str, Callable[[], bytes]] = {
    "more entries than are read": lambda: rss(_items(MAX_ENTRIES_READ + 20)),
    "as many entries as are read": lambda: rss(_items(MAX_ENTRIES_READ) + "<ttl>5</ttl>"),
    "more entries than are kept": lambda: rss(_items(MAX_ENTRIES + 20)),
    "a text longer than is kept": lambda: rss(f"<item><description>{'x' * MAX_TEXT}y</description></item>"),
    "markup longer than is kept": lambda: rss(f"<item><description><![CDATA[{'<p>x</p>' * 140_000}]]></description></item>"),
    "two long texts": lambda: _entry(f"<summary>{'x' * MAX_TEXT}y</summary><content>{'z' * MAX_TEXT}y</content>"),
    "a text of 12 MB": lambda: _entry(f"<content type='html'>{'&lt;p&gt;' * 1_300_000}</content>"),
    "a text across buffers": lambda: rss(f"<item><title>{'潮 &amp; ' * 100_000}</title></item>"),
    "an attribute of 2 MB": lambda: _entry(f"<link href='/{'x' * 2_000_000}'/>"),
    "a name of 100,000 letters": lambda: rss(f"<item>{_nested('x' * 100_000, 1)}</item>"),
    "more tags than are kept": lambda: rss(f"<item>{_numbered('<category>{}</category>', MAX_TAGS + 50)}</item>"),
    "elements 5,000 deep": lambda: rss(f"<item><title>One</title>{_nested('x', 5_000)}</item>"),
    "XHTML 500 deep": lambda: _entry(_XHTML.format(_nested("b", 500))),
    "XHTML of 20,000 elements": lambda: _entry(_XHTML.format("<br/>x" * 20_000)),
    "2,000 attributes": lambda: rss(f"<item {_numbered(_ATTRIBUTE, 2_000)}><title>One</title></item>"),
    "5,000 namespaces": lambda: rss(f"<item {_numbered(_NAMESPACE, 5_000)}><title>One</title></item>"),
    "10,000 people": lambda: _entry("<author><name>A</name></author>" * 10_000),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", _DOCUMENTS)
def test_at_the_limits_they_agree(name: str) -> None:
    """A document that is too long, too deep, or has too many of something is cut and refused alike on both roads."""
    assert compare(_DOCUMENTS[name](), []).differences == ()
