"""Short ways through normalisation, held against the long ones: what is done at once is what would have been done."""

from __future__ import annotations

import nh3
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.normalise import sanitise as module
from aggregator.normalise.address import _before, _resolved, absolute
from aggregator.normalise.images import repair_images
from aggregator.normalise.sanitise import _srcset, sanitise
from aggregator.normalise.text import html_to_line, one_line, reads_as

BASES = [
    *("https://blog.example.org/2021/09/post.html", "http://h.example", "http://h.example/", "http://h.example:81/a/b/c?d=1#e"),
    *("http://h.example/a/../b//c/", "http://h.example/a/./b;p/c;q", "ftp://h.example/a", "/a/b", "http://h.example?x=/../a"),
    *("http://[::1", "http://h.example/é/\xa0x/y", "HTTP://H.example/A/b", "mailto:a@b.example", "http://u:p@h.example/a/b"),
    *("http://h.example:0/a", "http://h.example:99999/", "https:///x/y", "http://h.example/a%2F../b/", "", "http://:80/a"),
]
_BEGINNINGS = ["", "/", "//", "../", "../../", "?", "#", "./", "///", "//h.example/", "//h.example", "/../"]
_SEGMENTS = [
    "a",
    "b.jpg",
    "..",
    ".",
    "",
    "%20",
    "~u",
    "x=1",
    "é",
    "a:b",
    "c;d",
    "1",
    "-",
    "_",
    "a b",
    "@",
    "a,b",
    "&",
    '"',
    "<",
]
_ENDS = ["", "?", "#", "?a=1&b", "?a/b", "#a", "?a#f", "/", "?a=http://x.example/", " ", "&nbsp;"]
ADDRESSES = st.tuples(
    st.sampled_from(_BEGINNINGS), st.lists(st.sampled_from(_SEGMENTS), max_size=4).map("/".join), st.sampled_from(_ENDS)
).map("".join)


@settings(max_examples=400)
@given(address=ADDRESSES, base=st.sampled_from(BASES))
def test_a_plain_relative_address_is_joined_as_any_other(address: str, base: str) -> None:
    """An address that needs no resolving in itself becomes what urljoin and all checks make of it, whatever the base."""
    _before.cache_clear()
    assert absolute(address, base) == _resolved(address, base)


VALUES = st.one_of(
    ADDRESSES,
    st.sampled_from(
        [
            *(
                "640",
                "640px",
                "50%",
                "5em",
                "-3",
                "3x",
                "mailto:a@b.example",
                "MailTo:a b",
                "javascript:alert(1)",
                "data:,x",
                "",
            ),
            *(
                "/a.jpg 1x, b.jpg 2x",
                "https://h.example/a.jpg?b&amp;c 1x, https://h.example:81 2x",
                "https://h.example/a, 1x, https://h.example/b 2w",
                "https://h.example/a.jpg?b&amp;c",
                "https://h.example/a.jpg?b&lt;c&quot;",
                "https://h.example/a,b 640w,https://h.example/c 320w",
                ",",
                "a 1q",
                " href=",
                "x href=",
                "<b>",
            ),
            *(
                "https://link.zhihu.com/?target=https%3A//h.example/a%22b",
                "https://h.example/?a&amp;b=&quot;",
                "<img src=",
                "a>b",
            ),
        ]
    ),
)
TAGS = [
    "a",
    "audio",
    "blockquote",
    "data",
    "del",
    "img",
    "image",
    "li",
    "ol",
    "p",
    "q",
    "source",
    "track",
    "video",
    "svg",
    "h2",
]
NAMES = ["href", "src", "srcset", "poster", "cite", "width", "height", "start", "value", "title", "alt", "id", "sizes", "lang"]
ELEMENTS = st.tuples(
    st.sampled_from(TAGS),
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES, st.sampled_from(['"', "'"])), max_size=6),
    st.sampled_from(["text", 'a "b" href="c"', "", "</p>", "<b", "&lt;a href=&quot;x&quot;&gt;", "\xa0"]),
).map(lambda parts: f"<{parts[0]}{''.join(f' {n}={q}{v}{q}' for n, v, q in parts[1])}>{parts[2]}")


_IMAGE = "<img src='https://h.example/a.jpg{}' srcset='https://h.example/b{} 1x, https://h.example/c 2w' width='{}' alt='>'>"


@example(html=_IMAGE.format("?b&amp;c", "?b&amp;c", "640"), base=None)
@example(html=_IMAGE.format("?b&quot;c", "", "640"), base=None)
@example(html=_IMAGE.format("", "?b&lt;c", "640"), base=None)
@example(html=_IMAGE.format("", ",", "640"), base=None)
@example(html=_IMAGE.format("", "", "640000"), base=None)
@example(html=_IMAGE.format("&nbsp;", "", "64"), base=None)
@settings(max_examples=150)
@given(html=st.lists(ELEMENTS, min_size=1, max_size=4).map("".join), base=st.sampled_from([*BASES[:5], None]))
def test_addresses_are_settled_as_by_a_call_back_of_the_sanitiser(html: str, base: str | None) -> None:
    """What is rewritten in nh3's output is what nh3 writes when it asks about every attribute on the parsed tree."""
    assert module._settle(module._CLEANER.clean(html), base) == _asking(base).clean(html)


def _asking(base: str | None) -> nh3.Cleaner:
    """Return a sanitiser that asks about every attribute."""
    return nh3.Cleaner(
        tags=set(module.TAGS),
        clean_content_tags=set(module._DROPPED),
        attributes=module._ATTRIBUTES,
        attribute_filter=lambda tag, name, value: (
            module._CHECKS[name](value, base) if name in module._CHECKS and tag != "data" else value
        ),
        set_tag_attribute_values={"audio": {"controls": ""}, "video": {"controls": ""}},
        link_rel=None,
        url_schemes={"http", "https", "mailto"},
    )


SITE_ADDRESSES = st.tuples(
    st.sampled_from(["/", "../", "../../", "", "//"]),
    st.sampled_from(["a.jpg", "2024/b/a.jpg", "a/", "a,b.jpg", "./a", "../a", "%20"]),
    st.sampled_from(["", "?w=320", "?a=1&amp;b", "?target=https%3A//x.example/", "#a"]),
).map("".join)
SITE_IMAGES = st.builds(
    "<img{} src='{}'{}{}{}>".format,
    st.sampled_from(["", " alt='/a 1w, /b 2w'", " width='640'", " width='6em'"]),
    SITE_ADDRESSES,
    st.sampled_from(["", " alt='' height='50%'", " sizes='(max-width: 9px) 100vw, 9px'"]),
    st.lists(st.builds("{} {}w".format, SITE_ADDRESSES, st.integers(1, 640)), max_size=3).map(
        lambda candidates: f" srcset='{', '.join(candidates)}'" if candidates else ""
    ),
    st.sampled_from(["", " alt=', /a 2w'", " title='&amp;&quot;&lt;'", " data-x='1'"]),
)


@example(html="<img src='/a.jpg' alt='' width='9' srcset='/a.jpg 640w, /a.jpg?w=320 320w' sizes='9px, /b'>", base=BASES[0])
@example(html="<img src='../a.jpg' srcset='../a.jpg 1x, ../../a.jpg 2x'>", base=BASES[0])
@example(html="<a href='../a/b.html'>", base="http://h.example/a&b/c;d/e/")
@settings(max_examples=150)
@given(html=SITE_IMAGES | SITE_ADDRESSES.map("<a href='{}'>x</a>".format), base=st.sampled_from([*BASES, None]))
def test_the_addresses_of_a_site_are_settled_as_any_others(html: str, base: str | None) -> None:
    """A link or an image whose addresses all begin alike has them settled at once, to what one after the other gives."""
    assert module._settle(module._CLEANER.clean(html), base) == _asking(base).clean(html)


def test_nh3_writes_no_bracket_and_no_quote_inside_a_value() -> None:
    """In what nh3 writes, `<` and `>` stand around tags alone and a quote ends a value: what settles addresses relies on it."""
    clean = nh3.clean("""<p title='<img src="x">&nbsp;&amp;'>a < b > "c" &lt;</p>""", attributes={"p": {"title"}})
    assert clean == '<p title="&lt;img src=&quot;x&quot;&gt;&nbsp;&amp;">a &lt; b &gt; "c" &lt;</p>'


@given(value=st.text(st.sampled_from("ab&\"<>' \xa0"), max_size=6))
def test_no_value_is_written_that_could_end_its_attribute(value: str) -> None:
    """Whatever a check might make of a value, a quote or a bracket in it takes the attribute away."""
    written = module._written(value)

    assert (written is None) == any(sign in value for sign in '"<>')
    assert written is None or f'<p title="{written}"></p>'.replace("\xa0", "&nbsp;") == nh3.clean(
        f'<p title="{written}"></p>', attributes={"p": {"title"}}
    )


def test_an_attribute_that_may_not_stand_leaves_its_place_to_the_last() -> None:
    """Posts were written so: an order that is another one now would be news in every one of them."""
    assert sanitise('<img width="wide" src="https://h.example/a.jpg" alt="b" sizes="9px">', None) == (
        '<img sizes="9px" src="https://h.example/a.jpg" alt="b">'
    )


IMAGES = st.lists(
    st.tuples(
        st.sampled_from(
            ["src", "srcset", "data-src", "width", "height", "alt", "class", "style", "sizes", "loading", "SRC", "file"]
        ),
        st.sampled_from(
            [
                *(
                    "https://h.example/a.jpg",
                    "/a.jpg",
                    "../a.jpg",
                    "a.jpg",
                    "",
                    "data:,x",
                    "https://pixel.wp.com/g.gif?a&amp;b",
                    "1",
                ),
                *(
                    "//pixel.wp.com/g.gif",
                    "/a.jpg 640w, /b.jpg 320w",
                    "640",
                    "10px",
                    "width:1px;height:1px",
                    "/spacer.gif",
                    "0",
                ),
            ]
        ),
    ),
    max_size=6,
).map(lambda pairs: f"<img {' '.join(f'{name}=`{value}`' for name, value in pairs)}>")


@example(image="<img alt=`a` src=`https://pixel.wp.com/g.gif` width=`640`>")
@example(image="<img src=`//h.example/piwik.php?a`>")
@example(image="<img src=`//h.example/a.gif` data-src=`/b.gif`>")
@settings(max_examples=300)
@given(image=IMAGES)
def test_an_image_is_passed_over_only_where_it_needs_no_repair(image: str) -> None:
    """What the expression for ordinary images lets through is what the repair would have left as it is."""
    # Single quotes are read by the repair alone.
    long_way = repair_images(image.replace("`", "'")).replace("'", '"')
    assert repair_images(image.replace("`", '"')) == long_way


PIECES = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<br>",
            " ",
            "\n",
            "\u3000",
            "\u200b",
            "\ufeff",
            "&nbsp;",
            "&amp;",
            "&amp;lt;",
            "foo",
            "bar",
            "海",
            "\u2002",
            "é",
        ),
        *("<b>", "</b>", '<img src="https://h.example/a.jpg" alt="foo">', "\u202a", "\u202c", "foo bar ", ". ", "'"),
        f'<a href="https://h.example/{"a" * 400}">',
    ]
)


_LONG_LINK = f'<a href="https://h.example/{"a" * 400}">'


@example(pieces=["\u202a", "foo", "\u202c", _LONG_LINK, "bar", "<b>", "\u202a"], rest=0, line="foobar")
@settings(max_examples=400)
@given(
    pieces=st.lists(PIECES, max_size=12),
    rest=st.integers(0, 12),
    line=st.one_of(st.none(), st.sampled_from(["foo", "foo bar", "海 foo"])),
)
def test_text_is_compared_with_a_line_as_by_reading_all_of_it(pieces: list[str], rest: int, line: str | None) -> None:
    """Whether clean HTML says no more than its title or summary is the same, found out from its beginning or from all of it."""
    html = sanitise("".join(pieces), None)
    line = html_to_line(sanitise("".join(pieces[:rest]), None)) if line is None else line

    assert reads_as(html, line) == (html_to_line(html) == line)


@example(text="a  b")
@example(text=" a ")
@settings(max_examples=300)
@given(text=st.text(st.sampled_from("ab \t\n\xa0\u3000\u200b\u2028\u202a\u202c\ufeff\x00\x7f\ud800\ue000é海"), max_size=8))
def test_a_printable_line_is_one_line_as_it_is(text: str) -> None:
    """Text that Python would print, with single spaces, is what cleaning makes of any text."""
    assert one_line(text) == one_line(f"{text}\ufeff")


SETS = st.lists(
    st.tuples(
        st.sampled_from(["/a.jpg", "b.jpg", "https://h.example/c,d", "javascript:x", "#", "\u3000"]),
        st.sampled_from([" ", "  ", ""]),
    ),
    max_size=3,
)


@settings(max_examples=300)
@given(
    pairs=SETS,
    sizes=st.lists(st.sampled_from(["1x", "640w", "2.5x", "٣x", "wide", ""]), min_size=3, max_size=3),
    glue=st.sampled_from([", ", ","]),
)
def test_a_plain_srcset_is_read_as_any_other(pairs: list[tuple[str, str]], sizes: list[str], glue: str) -> None:
    """What is taken apart at its commas and blanks is what the reading by the HTML standard's rules gives."""
    written = glue.join(f"{address}{blank}{size}" for (address, blank), size in zip(pairs, sizes, strict=False))
    # A blank before it makes it no plain one, and means nothing.
    assert _srcset(written, "https://h.example/a/b,") == _srcset(f" {written}", "https://h.example/a/b,")
