"""What is an edit, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.decide import is_another
from aggregator.decide.noise import same_address, same_for_readers, same_text
from aggregator.model.entry import Enclosure, Episode, Person, Tag
from aggregator.normalise.sanitise import sanitise
from tests.test_decide import ENTRY, THEN

WORDS = "Ninety boats lay in the harbour, and every one of them had a lantern at its mast."


def _same_html(new: str, old: str) -> bool:
    """Tell whether two bodies, sanitised as all are, are the same for readers; the question has no direction."""
    one, other = (replace(ENTRY, content=sanitise(html, "https://x.example/a")) for html in (new, old))
    assert same_for_readers(one, other) is same_for_readers(other, one)
    return same_for_readers(one, other)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("<p>a  b</p>\n<p>c</p>", "<p>a b</p><p>c </p>"),
        ("<p>a <b>b</b> c</p>", "<p>a<b> b </b>c</p>"),
        ("<p>a&nbsp;b &amp; c</p>", "<p>a b &#38; c</p>"),
        ('<img alt="x" src="/i.jpg">', '<img src="/i.jpg" alt="x">'),
        ('<pre class="a b">x</pre>', '<pre class="b  a">x</pre>'),
        ('<p id="a8f">x</p>', '<p id="b7e">x</p>'),
        ('<p id="a8f">x</p>', "<p>x</p>"),
        ("<p><span>x</span></p>", "<p>x</p>"),
        ('<a href="http://y.example/a">x</a>', '<a href="https://y.example/a/?utm_source=rss&fbclid=8">x</a>'),
        ('<a href="/a?id=4&sign=abc">x</a>', '<a href="/a?sign=def&id=4">x</a>'),
        ('<a href="/a?h=8f3c9e1a2b">x</a>', '<a href="/a?h=77aa01bce9">x</a>'),
        ('<a href="#fn-8f3c9e1a2b">1</a>', '<a href="#fn-77aa01bce9">1</a>'),
        ('<img src="https://img1.y.example/a.jpg?w=1">', '<img src="https://img3.y.example/a.jpg?Expires=9">'),
        ('<img srcset="/a.jpg?t=1 1x, /b.jpg?t=1 2x">', '<img srcset="/a.jpg?t=2 1x, /b.jpg?t=2 2x">'),
        ('x<img src="https://s.example/p/1" width="1" height="1">', 'x<img src="https://s.example/p/2" width="1" height="1">'),
        ("<p>阅读 1234</p>", "<p>阅读 1235</p>"),
        ("<p>阅读(1.2万) 评论(12)</p>", "<p>阅读(1.3万) 评论(15)</p>"),
        ("<p>By John | 123 views | 1,204 comments</p>", "<p>By John | 99 views | 1,199 comments</p>"),
        ("<p><b>12</b> comments</p>", "<p><b>13</b> comments</p>"),
        ("<p>Comments: 12</p><p>Points: 40</p>", "<p>Comments: 13</p><p>Points: 44</p>"),
        ("<li>3 小时前</li><li>2 hours ago</li>", "<li>5 小时前</li><li>an hour ago</li>"),
        ("<p>Weather (123 views)</p>", "<p>Weather (124 views)</p>"),
    ],
)
@pytest.mark.publishes("P8")
def test_noise_is_no_edit(new: str, old: str) -> None:
    """Bodies that differ in what no editor wrote are the same."""
    assert _same_html(f"<p>{WORDS}</p>{new}", f"<p>{WORDS}</p>{old}")


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("<p>There were 12 boats.</p>", "<p>There were 13 boats.</p>"),
        ("<p>The film has 123 views on its first day.</p>", "<p>The film has 124 views on its first day.</p>"),
        ("<p>It happened 3 hours ago in Oslo.</p>", "<p>It happened 4 hours ago in Oslo.</p>"),
        ("<p>12</p>", "<p>13</p>"),
        ("<p>$1,200</p>", "<p>$1,300</p>"),
        ("<p>12 votes</p>", "<p>13 votes</p>"),
        ("<p>他看了 3 遍</p>", "<p>他看了 4 遍</p>"),
        ("<p>foo bar</p>", "<p>foobar</p>"),
        ("<p>a</p><p>b</p>", "<p>b</p><p>a</p>"),
        ("<p>a</p><p>b</p>", "<p>a</p>"),
        ("<p><b>one</b> two</p>", "<p>one <b>two</b></p>"),
        ("<p><b>one</b></p>", "<p><i>one</i></p>"),
        ("<h2>a</h2>", "<h3>a</h3>"),
        ("<pre>if x:\n  y</pre>", "<pre>if x:\n    y</pre>"),
        ('<a href="/a?id=4">x</a>', '<a href="/a?id=5">x</a>'),
        ('<a href="/show?id=8f3c9e1a2b">x</a>', '<a href="/show?id=77aa01bce9">x</a>'),
        ('<a href="/a">x</a>', '<a href="/b">x</a>'),
        ('<a href="https://a1.example/a">x</a>', '<a href="https://a2.example/a">x</a>'),
        ('<a href="#one">x</a>', '<a href="#two">x</a>'),
        ('<a href="mailto:a@y.example">x</a>', '<a href="mailto:b@y.example">x</a>'),
        ('<img src="/a.jpg">', '<img src="/b.jpg">'),
        ('<img src="/i?id=1">', '<img src="/i?id=2">'),
        ('<img src="/a.jpg" alt="a cat">', '<img src="/a.jpg" alt="a dog">'),
        ('<img srcset="/a.jpg 1x">', '<img srcset="/a.jpg 1x, /b.jpg 2x">'),
        ('<ol start="2"><li>x</li></ol>', '<ol start="3"><li>x</li></ol>'),
    ],
)
def test_an_edit_is_an_edit(new: str, old: str) -> None:
    """Bodies of which somebody changed a word, a number in a sentence, an order or an address are two versions."""
    assert not _same_html(f"<p>{WORDS}</p>{new}", f"<p>{WORDS}</p>{old}")


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"title": "t  (12 comments)"}, False),
        ({"title": "t "}, True),
        ({"title": "u"}, False),
        ({"link": "https://x.example/a?utm_source=b"}, True),
        ({"link": "http://x.example/a"}, True),
        ({"link": "https://x.example/b"}, False),
        ({"link": None}, False),
        ({"summary": "other"}, False),
        ({"tags": (Tag(term="b"), Tag(term="a"))}, True),
        ({"tags": (Tag(term="a"),)}, False),
        ({"authors": (Person(name="x"),)}, False),
        ({"language": "de"}, False),
        ({"rights": "none"}, False),
        ({"cover": "https://c2.example/i.jpg?x=1"}, True),
        ({"cover": None}, False),
        ({"enclosures": (Enclosure(href="https://x.example/a.mp3?token=2", length=1),)}, True),
        ({"enclosures": (Enclosure(href="https://x.example/a.mp3?token=1", length=2),)}, False),
        ({"enclosures": ()}, False),
        ({"episode": Episode(duration=9, image="https://c2.example/e.jpg?token=2")}, True),
        ({"episode": Episode(duration=8, image="https://c1.example/e.jpg?token=1")}, False),
        ({"episode": Episode(duration=9)}, False),
        ({"episode": None}, False),
        ({"updated": THEN + timedelta(days=2), "published": THEN + timedelta(days=1), "author": "z"}, True),
    ],
)
def test_fields(changes: dict[str, Any], *, same: bool) -> None:
    """Each field counts, but for dates, byline and order."""
    old = replace(
        ENTRY,
        link="https://x.example/a",
        tags=(Tag(term="a"), Tag(term="b")),
        summary="s",
        cover="https://c1.example/i.jpg",
        enclosures=(Enclosure(href="https://x.example/a.mp3?token=1", length=1),),
        episode=Episode(duration=9, image="https://c1.example/e.jpg?token=1"),
    )

    assert same_for_readers(replace(old, **changes), old) is same


def test_counters_in_titles() -> None:
    """A title whose counter moves is the same; one whose number means something is not."""
    assert same_text("Weather (12 comments)", "Weather (13 comments)")
    assert not same_text("Weather (12)", "Weather (13)")
    assert not same_text("Top 10 views", "Top 11 views")


def test_addresses_of_other_kinds() -> None:
    """What is no http(s) address is the same only if it is equal."""
    assert same_address("urn:x:1", "urn:x:1")
    assert not same_address("urn:x:1", "urn:x:2")
    assert not same_address("https://x.example/", "urn:x:2")


@given(st.text(alphabet='<>/ab p="123 views阅读(|', max_size=60), st.text(alphabet='<>/ab p="123 views阅读(|', max_size=60))
def test_any_two_texts_can_be_compared(new: str, old: str) -> None:
    """The comparison answers for any two bodies, alike in both directions, and every body is the same as itself."""
    _same_html(new, old)
    assert _same_html(new, new)


@pytest.mark.parametrize(
    ("changes", "another"),
    [
        ({}, True),
        ({"title": "t"}, False),
        ({"link": "http://x.example/a?utm_source=1"}, False),
        ({"link": None}, False),
        ({"published": THEN}, False),
        ({"published": None, "first_seen": THEN}, False),
        ({"content": f"<p>Corrected: {WORDS}</p>"}, False),
        ({"content": ""}, True),
    ],
)
def test_when_an_id_was_given_to_another_entry(changes: dict[str, Any], *, another: bool) -> None:
    """Only where title, page, time and text are all different ones is an entry under a known id another one."""
    old = replace(ENTRY, link="https://x.example/a", content=sanitise(f"<p>{WORDS}</p>", None))
    new = replace(
        old,
        title="Another",
        link="https://x.example/b",
        published=THEN + timedelta(days=3),
        content=sanitise("<p>The mountain had been empty of goats since the spring.</p>", None),
    )

    assert is_another(replace(new, **changes), old) is another
