from __future__ import annotations

import pytest

from aggregator.normalise.sanitise import sanitise
from aggregator.normalise.text import html_to_line
from aggregator.normalise.unclosed import free_text
from tests.test_normalise_html import BASE, VECTORS, assert_safe

NAMES = (
    *("iframe", "noembed", "noframes", "noscript", "object", "applet", "svg", "math", "template", "textarea", "xmp", "title"),
    *("button", "dialog", "datalist"),
)


def clean(html: str) -> str:
    return sanitise(html, BASE)


@pytest.mark.parametrize("name", [*NAMES, "script", "style", "select"])
def test_an_element_that_closes_itself_takes_no_text_with_it(name: str) -> None:
    """After `<iframe .../>` and the like the text goes on, also where another one that is closed comes later."""
    assert clean(f'safe<{name} src="x"/> description') == "safe description"
    assert clean(f"<p>safe<{name}/> <b>description</b></p>") == "<p>safe <b>description</b></p>"
    assert clean(f'one<{name} src="x" /> two<{name}>gone</{name}> three') == "one two three"


@pytest.mark.parametrize("name", [*NAMES, "plaintext"])
def test_an_element_without_an_end_is_its_tag_alone(name: str) -> None:
    """An element that is dropped whole drops nothing but itself where its end tag is missing."""
    assert clean(f"safe<{name} src='x'> description") == "safe description"
    assert clean(f"<p>one</p><{name}>two<p>three</p>").replace("<p></p>", "").endswith("two<p>three</p>")


@pytest.mark.parametrize("name", [*NAMES, "script", "style", "select"])
def test_a_closed_element_is_dropped_whole(name: str) -> None:
    """Where the end tag is there, in whatever case, everything between goes, marks of other kinds included."""
    assert clean(f"one<{name} src=a/>gone <!-- gone <iframe> </{name.upper()} > two") == "one two"


def test_code_without_an_end_is_no_text() -> None:
    """What follows an unclosed <script> or <style> is code, and dropped."""
    assert clean("one<script>alert(1); two") == clean("one<style>b { color: red } two") == "one"


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("sa<!-- -- x >fe", "safe"),
        ("sa<!----x>fe", "safe"),
        ("sa<!-->fe", "safe"),
        ("sa<!-- x --!>fe", "safe"),
        ("sa<!-- <iframe> -->fe <b>and</b>", "safe <b>and</b>"),
        ("<!-- a --><p>kept</p><!-- b <b>kept</b>", "<p>kept</p>kept"),
        ("kept <!-- no end at all", "kept"),
    ],
)
def test_a_comment_without_an_end_ends_with_its_tag(html: str, left: str) -> None:
    """A comment ends where it says; one that does not say so ends with the next `>`; as in the text, so in a title."""
    assert clean(html) == left
    assert html_to_line(html) == html_to_line(left)


def test_nested_objects_are_one_whole() -> None:
    """Elements that may nest are paired from within, and only what is left over is their tag alone."""
    assert clean("a<object><object>b</object>c</object>d") == "ad"
    assert clean("a<object>b<object>c</object>d") == "abd"
    assert clean("a<object><svg>b</object>c") == "ac"


# One is left out: what assert_safe looks for stands in its title, as text.
@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "title='</noscript" not in vector])
def test_what_is_freed_is_safe(vector: str) -> None:
    """Text that is not swallowed any more passes the same sanitiser as all other text."""
    for name in NAMES:
        for html in (
            f"a<{name}/>{vector}",
            f"a<{name} x='>'>{vector}",
            f"a<!-- {vector}",
            f"a<{name}><!--{vector}</{name}>b<{name}>",
        ):
            assert_safe(sanitise(html, BASE))


@pytest.mark.sampled(3)
@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<!--",
            "<!-- x -->",
            "<iframe ",
            "<iframe>",
            "<iframe/>",
            "<object>",
            "<object></object>",
            "</object>",
            "<svg></math>",
        ),
        *("<!--<iframe>", "<iframe></iframe>", "<svg><iframe></svg>", "<plaintext>", "<!-", "<object x='", "<title><!-- -->"),
        *("&#xD83D;", "&#55357;&#56832;", "&#0", "--!>", "<!---"),
    ],
)
def test_half_a_megabyte_of_marks_does_not_stall(piece: str) -> None:
    """Half a megabyte of one mark is read in time that grows with its length, before and behind the one end that there is."""
    html = piece * (500_000 // len(piece))

    for text in (html, f"{html}</iframe></object>-->", f"<!-- --></iframe>{html}"):
        assert free_text(text)
        assert html_to_line(text) is not None


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("&#55357;&#56832;", "\U0001f600"),
        ("&#xD83D;&#xDE00; and &#xd83d;&#xde00", "\U0001f600 and \U0001f600"),
        ("a&#xD83D;b&#0;c&#x0;d", "abcd"),
        ("&#56832;&#55357;", ""),
        ("&#5535;&#9999;&#xD7;", "\u159f\u270f\u00d7"),
    ],
)
def test_halves_of_characters_are_joined(written: str, text: str) -> None:
    """Two references to surrogates are the one character that they mean; alone they are nothing, in texts and titles."""
    assert sanitise(f"<p>{written}</p>", None) == f"<p>{text}</p>"
    assert html_to_line(written) == text
