"""The body of a post: one HTML block that no engine runs, and that decodes to the very HTML."""

from __future__ import annotations

import re
from collections.abc import Callable

import lxml.html
import pytest
from hypothesis import given, settings

from aggregator.model.entry import Entry, SafeHtml
from aggregator.store.profiles import Rendered, default, volantis
from aggregator.store.profiles.body import unwrap, wrap
from tests.post_records import entry, html

SHAPES = [("<div>\n", "\n"), ("<div>   \n", "  \n")]
shapes = pytest.mark.parametrize(("opening", "tail"), SHAPES, ids=["default", "volantis"])


@pytest.mark.post_row("R51", "D27")
@shapes
@settings(deadline=None, max_examples=200)
@given(text=html)
def test_the_html_comes_back_byte_for_byte(opening: str, tail: str, text: str) -> None:
    """Nothing of the HTML is lost or added, at its ends neither."""
    assert unwrap(f"\n\n{wrap(text, opening=opening, tail=tail)}\n    ", tail=tail) == text


@pytest.mark.post_row("R54", "R55", "D27", "D28")
@shapes
@settings(deadline=None, max_examples=200)
@given(text=html)
def test_no_engine_finds_anything_to_run(opening: str, tail: str, text: str) -> None:
    """There is no brace, no fence, no `more` mark, no placeholder of Hexo's, and no line that looks empty."""
    block = wrap(text, opening=opening, tail=tail)

    assert not re.search(r"[{}\r\ufffc]|```|~~~|<!--", block)
    assert all(re.sub(r"[\s\ufeff]", "", line) for line in block.split("\n"))
    assert block.startswith("<div>")
    assert block.endswith("</div>")


@pytest.mark.post_row("R54", "D27")
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "<div>\n</div>"),
        ("x", "<div>\nx\n</div>"),
        ("x\n", "<div>\nx\n&#10;</div>"),
        ("\nx", "<div>\n&#10;x\n</div>"),
        ("a\n\nb", "<div>\na\n&#10;b\n</div>"),
        ("a\n\n\nb", "<div>\na\n&#10;&#10;b\n</div>"),
        ("a\n    \n  b", "<div>\na\n    &#10;  b\n</div>"),
        (" ", "<div>\n &#10;</div>"),
        ("{{ x }}", "<div>\n&#123;&#123; x &#125;&#125;\n</div>"),
        ("```js", "<div>\n&#96;&#96;&#96;js\n</div>"),
        ("`a`", "<div>\n`a`\n</div>"),
        ("a\r\nb", "<div>\na&#13;\nb\n</div>"),
        ("---", "<div>\n---\n</div>"),
    ],
)
def test_the_written_form(text: str, written: str) -> None:
    """References stand where an engine would see more than text, and nowhere else."""
    assert wrap(text, opening="<div>\n", tail="\n") == written


@pytest.mark.post_row("D27")
@pytest.mark.parametrize(
    "text",
    [
        "<pre>a\n\n    b\n\n\n{{ c }}</pre>",
        '<p title="{% a %}\n\nb">```</p>\n\n<pre>\n\nx</pre>',
        "<p>a</p>\n   \n<p>&amp;#123; &lt;b&gt; ~~~</p>\n",
    ],
)
def test_a_browser_shows_the_same(text: str) -> None:
    """Text and attributes of the escaped block are those of the HTML."""
    plain = lxml.html.fromstring(f"<div>\n{text}\n</div>")
    escaped = lxml.html.fromstring(wrap(text, opening="<div>\n", tail="\n"))

    assert [(one.tag, one.text, one.tail, dict(one.attrib)) for one in escaped.iter()] == [
        (one.tag, one.text, one.tail, dict(one.attrib)) for one in plain.iter()
    ]


@pytest.mark.parametrize("render", [default.render, volantis.render], ids=["default", "volantis"])
def test_html_that_was_not_sanitised_is_refused(render: Callable[[Entry], Rendered]) -> None:
    """A numeric reference could not be told from ours, so content that holds one is a bug of the caller's."""
    with pytest.raises(ValueError, match="sanitised"):
        render(entry(content=SafeHtml("a&#10;b")))


def test_a_body_without_the_wrapper_is_taken_as_it_is() -> None:
    """Whoever rewrites a body by hand need not know about the wrapper."""
    assert unwrap("\n\n<p>mine</p>\n", tail="\n") == "<p>mine</p>"
    assert unwrap("\n", tail="\n") == ""
    assert unwrap("<div>a</div>\n", tail="\n") == "<div>a</div>"


def test_an_editor_that_strips_trailing_spaces_does_no_harm() -> None:
    """The volantis wrapper is recognised without its spaces."""
    assert unwrap("\n<div>\n<p>a</p>\n</div>", tail="  \n") == "<p>a</p>"
