"""The content of an entry, as it stands inside of a page."""

from __future__ import annotations

import re

import pytest

from aggregator.model.entry import SafeHtml
from aggregator.normalise.sanitise import sanitise
from aggregator.pages import render
from aggregator.pages.content import content
from tests import page_samples as samples
from tests.browser_vectors import VECTORS
from tests.html_pages import read_page


def _shown(html: str, *, pictures: bool = False, own: str | None = "https://example.org/post") -> str:
    return str(content(sanitise(html, None), own=own, pictures=pictures, picture_word="Picture", table_word="Table"))


def test_ids_never_clash_with_the_page() -> None:
    """Ids of the content are prefixed, and so is what refers to them; an id that stands twice counts once."""
    assert _shown('<p id="main">a</p><p id="main">b</p>') == '<p id="e-main">a</p><p>b</p>'
    assert 'headers="e-a e-b"' in _shown('<table><tr><td headers="a b">x</td></tr></table>')


def test_fragments_lead_within_the_page() -> None:
    """A link to a part of the entry leads to that part here, one to a part of another page leads there."""
    assert 'href="#e-x"' in _shown('<a href="https://example.org/post#x">x</a>')
    assert 'href="https://example.org/other#x"' in _shown('<a href="https://example.org/other#x">x</a>')
    assert 'href="https://example.org/post#x"' in _shown('<a href="https://example.org/post#x">x</a>', own=None)


@pytest.mark.parametrize(
    ("written", "shown"),
    [("1", "2"), ("123", "234"), ("3 6 3", "2 3 2"), ("6", "2"), ("2132", "2233"), ("123456", "234566")],
)
def test_headings_go_below_the_pages(written: str, shown: str) -> None:
    """Headings are as deep as they are nested, below the page's own and without a gap, whatever numbers they had."""
    html = "".join(f"<h{level}>x</h{level}>" for level in written.replace(" ", ""))

    assert re.findall(r"<h(\d)>", _shown(html)) == list(shown.replace(" ", ""))
    assert re.findall(r"</h(\d)>", _shown(html)) == list(shown.replace(" ", ""))


def test_pictures_are_links_until_they_are_wanted() -> None:
    """A picture stands there as a link with its description, and loads nothing; within a link it is a word."""
    picture = '<img src="https://img.example.org/a.png" alt="A &quot;cat&quot;" srcset="https://img.example.org/b.png 2x">'

    assert _shown(picture) == (
        '<a class="picture" href="https://img.example.org/a.png" rel="noopener noreferrer">Picture: A &quot;cat&quot;</a>'
    )
    assert _shown(f'<a href="https://example.org/">{picture}</a>').count("<a ") == 1
    assert "<source" not in _shown(f'<picture><source srcset="https://img.example.org/c.png">{picture}</picture>')


def test_pictures_that_are_shown_tell_nobody_who_reads() -> None:
    """Shown pictures load late, without the address of the page, and have a description, if an empty one."""
    shown = _shown('<img src="https://img.example.org/a.png">', pictures=True)

    assert (
        shown == '<img alt="" src="https://img.example.org/a.png" loading="lazy" decoding="async" referrerpolicy="no-referrer">'
    )


def test_players_load_nothing_before_they_are_started() -> None:
    """Players have controls, load nothing by themselves, and no poster unless pictures are wanted."""
    html = '<video src="https://v.example.org/a.mp4" poster="https://v.example.org/a.png" preload="auto" loop></video>'

    assert _shown(html) == '<video src="https://v.example.org/a.mp4" preload="none" loop="" controls=""></video>'
    assert 'poster="https://v.example.org/a.png"' in _shown(html, pictures=True)
    sources = '<audio><source src="https://v.example.org/a.mp3"><track src="https://v.example.org/a.vtt"></audio>'
    assert _shown(sources) == '<audio controls="" preload="none"><source src="https://v.example.org/a.mp3"></audio>'


def test_landmarks_of_the_content_are_none_of_the_page() -> None:
    """The content brings no landmark, and no element that HTML no longer has."""
    shown = _shown("<main><nav><aside>a</aside></nav></main><center>b</center><tt>c</tt><strike>d</strike><big>e</big>")

    assert shown == "<div><div><div>a</div></div></div><div>b</div><code>c</code><s>d</s><span>e</span>"


def test_wide_tables_scroll() -> None:
    """A table stands in a box that scrolls, which a keyboard reaches."""
    shown = _shown("<table><tr><td>1</td></tr></table>")

    assert shown.startswith('<div class="scroll" role="group" tabindex="0" aria-label="Table"><table>')
    assert shown.endswith("</table></div>")


def test_links_out_tell_nobody_where_they_come_from() -> None:
    """Links of the content tell the other side nothing of this page."""
    assert _shown('<a href="https://example.org/x">x</a>') == '<a href="https://example.org/x" rel="noopener noreferrer">x</a>'


@pytest.mark.parametrize("pictures", [False, True])
def test_whatever_came_through_the_sanitiser_leaves_the_page_whole(pictures: bool) -> None:  # noqa: FBT001
    """Hostile content, sanitised, changes nothing around it: the page is still whole."""
    hard = (text for text in samples.HARD_TEXTS if "\x00" not in text)  # `normalise` takes such characters out first
    for vector in (*VECTORS, *hard, "<p><p><li>x<table><td>y", "<ul>text<p>x</ul>", "<h2><h3>x</h2>"):
        page = samples.entry(content=sanitise(vector, "https://example.org/"), shows_pictures=pictures)
        faults = [fault for fault in read_page(render(page, samples.frame())).faults if not re.search(r" in <", fault)]
        assert faults == [], vector


def test_text_stays_as_it_is() -> None:
    """What is no tag stays, to the byte."""
    text = SafeHtml("a &lt;b&gt; &amp;amp; <br>c\n<pre>  d\n</pre>")

    assert str(content(text, own=None, pictures=False, picture_word="", table_word="")) == text


def test_a_program_keeps_its_blank_lines() -> None:
    """Blank lines of preformatted text stand in the page as they were written."""
    page = render(samples.entry(content=SafeHtml("<pre><code>a\n\n\n    b\n</code></pre>")), samples.frame())

    assert b"<pre><code>a\n\n\n    b\n</code></pre>" in page
