"""What is meant as text and what as HTML: post-format rows 29, 39 and 40, broken feeds 24 and 29."""

from __future__ import annotations

import pytest

from aggregator.model.parsed import GUESS, HTML, TEXT, ParsedText
from aggregator.normalise.body import to_html
from tests.parsing import atom, one, rss
from tests.test_normalise_html import assert_safe

BASE = "https://blog.example.org/2021/post.html"


@pytest.mark.post_row("D29")
@pytest.mark.parametrize(
    ("type_", "written", "shown"),
    [
        (GUESS, "一\n二\n\n三", "<p>一<br>二</p><p>三</p>"),
        (GUESS, "a < b, b > c", "<p>a &lt; b, b &gt; c</p>"),
        (GUESS, "if a<b and c>d", "<p>if a&lt;b and c&gt;d</p>"),
        (GUESS, "1 &lt; 2 &amp; 3", "<p>1 &lt; 2 &amp; 3</p>"),
        (GUESS, "use List<T> and <mytag>", "<p>use List&lt;T&gt; and &lt;mytag&gt;</p>"),
        (GUESS, "<p>x</p>\n\n<p>y</p>", "<p>x</p>\n\n<p>y</p>"),
        (
            GUESS,
            "first\n\nsecond <a href='/x'>link</a>",
            '<p>first</p><p>second <a href="https://blog.example.org/x">link</a></p>',
        ),
        (GUESS, "first\r\n\r\nsecond <b>x</b>\r\nline", "<p>first</p><p>second <b>x</b>\nline</p>"),
        (GUESS, "a <img src='/a.jpg' alt='x\n\ny'> b", '<img src="https://blog.example.org/a.jpg" alt="x\n\ny">'),
        (GUESS, "a<br>b\n\nc", "a<br>b\n\nc"),
        (GUESS, "<pre>x\n\ny</pre>", "<pre>x\n\ny</pre>"),
        (GUESS, "&lt;p&gt;one &amp;amp; two&lt;/p&gt;", "<p>one &amp; two</p>"),
        (GUESS, "the &lt;p&gt; tag", "<p>the &lt;p&gt; tag</p>"),
        (HTML, "one\ntwo", "<p>one<br>two</p>"),
        (HTML, "a &lt;b&gt; c", "<p>a &lt;b&gt; c</p>"),
        (HTML, "<script>x</script>", ""),
        (HTML, "&lt;script&gt;alert(1)&lt;/script&gt;", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        (HTML, "&lt;p&gt;a&lt;script&gt;alert(1)&lt;/script&gt;&lt;/p&gt;", "<p>a</p>"),
        (TEXT, "a < b &amp; <b>c</b>", "<p>a &lt; b &amp;amp; &lt;b&gt;c&lt;/b&gt;</p>"),
        (TEXT, "<p>one</p>\n<p>two</p>", "<p>one</p>\n<p>two</p>"),
        (TEXT, " <img src='/a.jpg'>\n", '<img src="https://blog.example.org/a.jpg">'),
        (TEXT, "<T> and </T>", "<p>&lt;T&gt; and &lt;/T&gt;</p>"),
        (TEXT, "<p> opens a paragraph", "<p>&lt;p&gt; opens a paragraph</p>"),
        (TEXT, "use <p>..</p> here", "<p>use &lt;p&gt;..&lt;/p&gt; here</p>"),
        (TEXT, "&lt;p&gt;escaped twice&lt;/p&gt;", "<p>escaped twice</p>"),
        (TEXT, "", ""),
    ],
)
def test_bodies(type_: str, written: str, shown: str) -> None:
    """A text keeps its line breaks, `<` and entities; HTML stays HTML, also where it is declared as text or escaped twice."""
    found = to_html(ParsedText(value=written, type=type_), base=BASE)

    assert_safe(found)
    assert shown in found if "alt=" in shown else found == shown


@pytest.mark.post_row("D39")
@pytest.mark.parametrize(
    ("description", "content"),
    [
        ("Same", ""),
        ("&lt;p&gt; Same &lt;/p&gt;", ""),
        ("&lt;a href='/x'&gt;Same&lt;/a&gt;", ""),
        ("Same, and more", "<p>Same, and more</p>"),
        ("&lt;p&gt;Same&lt;/p&gt;&lt;img src='/a.jpg'&gt;", '<p>Same</p><img src="https://feeds.example.org/a.jpg">'),
        (
            "Same&lt;video src='/a.mp4'&gt;&lt;/video&gt;",
            'Same<video src="https://feeds.example.org/a.mp4" controls=""></video>',
        ),
    ],
)
def test_a_body_that_is_the_title(description: str, content: str) -> None:
    """A text that only repeats the title is none; one with a picture or film beside it is kept."""
    assert one(rss(f"<item><title>Same</title><description>{description}</description></item>")).content == content


@pytest.mark.post_row("D40", "D41")
@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("<![CDATA[A &amp; B <b>bold</b>]]>", "A & B bold"),
        ("<![CDATA[x &lt;b&gt; y]]>", "x <b> y"),
        ("<![CDATA[<img src='x' onerror='y'>]]>", "text"),
        ("", "text"),
        ("&#160;", "text"),
        ("😀", "😀"),
        ("🇨🇳👩‍👩‍👧", "🇨🇳👩‍👩‍👧"),
        ("---", "---"),
        ("2024-01-01", "2024-01-01"),
        ("yes", "yes"),
        ("&lt;p&gt;one&lt;/p&gt;&lt;p&gt;two&lt;/p&gt;", "one two"),
        ("a &amp;quot;b&amp;quot; &amp;#39;c&amp;#39;", "a \"b\" 'c'"),
        ("\u202eevil", "evil"),
    ],
)
def test_titles(written: str, title: str) -> None:
    """A title is one line of plain text; without one, the text gives it."""
    assert one(rss(f"<item><title>{written}</title><description>text</description></item>")).title == title


def test_atom_text_that_is_html() -> None:
    """Atom content without a type is text, unless it is HTML from end to end; content in Base64 or XHTML is what it says."""

    def content(attributes: str, inner: str) -> str:
        return one(atom(f"<entry><id>1</id><title>t</title><content {attributes}>{inner}</content></entry>")).content

    assert content("", "&lt;p&gt;a&lt;/p&gt;&lt;p&gt;b&lt;/p&gt;") == "<p>a</p><p>b</p>"
    assert content("type='text'", "a &lt;b&gt; c\nd") == "<p>a &lt;b&gt; c<br>d</p>"
    assert content("type='html'", "a &lt;b&gt;c&lt;/b&gt;") == "a <b>c</b>"
    assert content("type='xhtml'", "<h:div xmlns:h='http://www.w3.org/1999/xhtml'>a <h:b>c</h:b> &lt;d&gt;</h:div>") == (
        "a <b>c</b> &lt;d&gt;"
    )


@pytest.mark.sampled(3)
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["a\n\n", "\n", "\n \n", "&lt;", "<a", "<a \n\n", "<a  ", "<b>\n\n", "\r\n\r\n", "x>\n\n", "<"]
)
def test_a_megabyte_of_text_does_not_stall(piece: str) -> None:
    """A megabyte of lines or of opened tags is told apart in time that grows with its length."""
    much = piece * (1_000_000 // len(piece))

    for type_, around in ((GUESS, "<b>x</b>"), (HTML, "&lt;p&gt;"), (TEXT, "")):
        to_html(ParsedText(value=f"{around}{much}{around}", type=type_), base=BASE)
