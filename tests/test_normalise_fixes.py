from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from aggregator.model.changes import Skipped
from aggregator.model.parsed import HTML, ParsedText
from aggregator.normalise.body import to_content
from aggregator.normalise.fixes import FIXES, Placeholder, choose_fixes
from tests.parsing import normal, one, rss, source
from tests.test_normalise_html import assert_safe
from tests.upstream import Folder, Upstream, item

BASE = "https://site.example/1"


@pytest.fixture
def fixed() -> Callable[[str, str], str]:
    """What a post holds of a text after one fix."""

    def run(name: str, html: str) -> str:
        found = to_content(ParsedText(value=html, type=HTML), base=BASE, fixes=[FIXES[name]])
        assert not isinstance(found, Placeholder)
        assert_safe(found)
        return found

    return run


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://www.jianshu.com/users/1/feed", "jianshu"),
        ("rsshub:/jianshu/user/1", "jianshu"),
        ("https://juejin.cn/rss", "juejin"),
        ("rsshub:/juejin/category/frontend", "juejin"),
        ("https://www.oschina.net/news/rss", "oschina"),
        ("http://127.0.0.1:1200/oschina/news", "oschina"),
        ("https://www.myzaker.com/feed", "zaker"),
        ("https://rsshub.example/zaker/channel/13", "zaker"),
        ("https://www.zhihu.com/rss", "zhihu"),
        ("rsshub:/zhihu/daily", "zhihu"),
        ("https://notzhihu.com/rss", None),
        ("https://blog.example.org/about/zhihu", None),
    ],
)
def test_fixes_by_host_and_route(address: str, name: str | None) -> None:
    """A source gets the fix of its host or RSSHub route, the ones it names instead, and none for `[]`."""
    expected = (FIXES[name],) if name else ()
    addresses = (address,) if address.startswith("http") else ()

    assert choose_fixes(source(fixes=None, feed=address, addresses=addresses)) == expected
    assert choose_fixes(source(fixes=("zaker", "zhihu"), feed=address)) == (FIXES["zaker"], FIXES["zhihu"])
    assert choose_fixes(source(fixes=(), feed=address)) == ()


@pytest.mark.post_row("D36")
def test_zaker_images(fixed: Callable[[str, str], str]) -> None:
    """Images are shown by their own address without the page's wrappers; captions and padded quotes stay."""
    html = (
        '<div class="img_box" id="id_imagebox_0" onclick=""><div class="content_img_div perview_img_div">'
        '<img class="lazy opacity_0 " id="img_0" data-original="http://zk.example/a_640.jpg" data-height="480" data-width="640"'
        ' src="https://proxy.example/?u=a" referrerpolicy="no-referrer"></div></div>text " 物区 " after'
        '<div class="zk_decsimg">A caption</div><p></p><p>one</p><p class="x">&nbsp;<br/></p>'
        "<p>点击查看</p><p><strong>点击查看全文 >></strong></p><p>请点击查看附件</p>"
        '<div class="a" id="recommend_bottom"></div>\n<div id=\'article_bottom\'> </div>'
    )

    assert fixed("zaker", html) == (
        '<div><div><img id="img_0" src="http://zk.example/a_640.jpg" referrerpolicy="no-referrer"></div></div>'
        'text " 物区 " after'
        "<div>A caption</div><p>one</p><p>请点击查看附件</p>"
    )


@pytest.mark.post_row("D34")
def test_zaker_strips_are_no_covers() -> None:
    """A divider that is far wider than high is shown, but not taken for the entry's picture."""
    image = '<img data-original="http://zk.example/{}.jpg" data-height="{}" data-width="1080">'

    entry = one(_with_body(image.format("strip", 167) + image.format("photo", 720)), fixes=("zaker",))

    assert entry.cover == "http://zk.example/photo.jpg"
    assert "http://zk.example/strip.jpg" in entry.content


@pytest.mark.post_row("D37")
def test_zaker_videos(fixed: Callable[[str, str], str]) -> None:
    """A video that stands in data-zkinfo is a <video>; one that cannot be read, or whose address is none, is not."""
    info = quote('{"videoUrl":"//v.example/a.mp4","imgUrl":"http://v.example/a.jpg","width":640,"height":360,"status":1}')
    bad = quote('{"videoUrl":"javascript:alert(1)"}')

    assert fixed("zaker", f'<div class="zk_upvideo" data-zkinfo="{info}"></div>') == (
        '<video src="https://v.example/a.mp4" poster="http://v.example/a.jpg" width="640" height="360" controls=""></video>'
    )
    assert "src" not in fixed("zaker", f'<div data-zkinfo="{bad}"></div><div data-zkinfo="%7B"></div>')


def _with_body(body: str) -> bytes:
    return rss(f"<item><guid>1</guid><title>t</title><description><![CDATA[{body}]]></description></item>")


@pytest.mark.post_row("D38")
@pytest.mark.parametrize(
    "body",
    [
        "原文已被删除",
        "<p> 原文已被删除。</p>",
        '<div><p>该文章已被作者删除</p><p></p></div><div id="recommend_bottom"></div><div id="article_bottom"></div>',
    ],
)
def test_a_deleted_original_is_left_out(body: str) -> None:
    """An entry whose text says only that the original was deleted is skipped with that reason, for ZAKER alone."""
    assert normal(_with_body(body), fixes=("zaker",)) == [
        Skipped(entry="1", reason="upstream shows only that the original was deleted (原文已被删除)")
    ]
    assert one(_with_body(body)).content


@pytest.mark.parametrize(
    "body",
    [
        "<p>原文已被删除，但本站保留了一份。</p>",
        "<p>一位用户说：原文已被删除</p>",
        "<p>原文已被删除</p><img src='/a.jpg'>",
        f"<p>{'很长的正文' * 300}</p><p>原文已被删除</p>",
    ],
)
def test_a_text_about_something_deleted_stays(body: str) -> None:
    """A text that says more than that its original was deleted is an entry."""
    assert one(_with_body(body), fixes=("zaker",)).content


def test_a_placeholder_overwrites_nothing(tmp_path: Path) -> None:
    """The post of an entry whose original is deleted stays byte for byte, and changes again when upstream is back."""
    with Upstream() as upstream:
        upstream.feed("/zaker/source/1", item(1, body="<p>真实的正文。</p>") + item(2, body="原文已被删除"))
        folder = Folder(tmp_path / "project")
        folder.sources_at({"zaker": f"{upstream.address}/zaker/source/1"})
        first = folder.sync()
        before = folder.files("posts", "public")
        upstream.feed("/zaker/source/1", item(1, body="<p>原文已被删除</p>"))
        gone = folder.sync("--force")
        after = folder.files("posts", "public")
        upstream.feed("/zaker/source/1", item(1, body="<p>原文已被删除</p>") + item(3))
        again = folder.sync("--force")
        upstream.feed("/zaker/source/1", item(1, body="<p>真实的正文，已更新。</p>") + item(3))
        folder.sync("--force")
        final = folder.files("posts")

    assert [path for path in before if path.endswith(".md")] == [path for path in after if path.endswith(".md")]
    assert after == before
    assert "the original was deleted" in first.stdout + first.stderr
    assert "its post is kept as it is" in gone.stdout + gone.stderr
    assert "deleted" not in again.stdout + again.stderr
    assert len(before) - len([path for path in before if path.startswith("public")]) == 1
    assert sum("已更新".encode() in content for content in final.values()) == 1


def test_a_hand_edit_survives_a_placeholder(tmp_path: Path) -> None:
    """A post that was edited and then adopted anew is not overwritten by way of a placeholder."""
    with Upstream() as upstream:
        upstream.feed("/zaker/source/1", item(1, body="<p>真实的正文。</p>"))
        folder = Folder(tmp_path / "project")
        folder.sources_at({"zaker": f"{upstream.address}/zaker/source/1"})
        folder.sync()
        [post] = (folder.root / "posts").rglob("*.md")
        edited = post.read_bytes().replace("真实的".encode(), "改过的".encode())
        post.write_bytes(edited)
        for path in (folder.root / "state").iterdir():
            path.unlink()
        for body in ("原文已被删除", "<p>真实的正文，已更新。</p>"):
            upstream.feed("/zaker/source/1", item(1, body=body))
            folder.sync("--force")

    assert post.read_bytes() == edited


@pytest.mark.post_row("D27", "D36")
def test_oschina(fixed: Callable[[str, str], str]) -> None:
    """White space before the text goes, white space in it stays, and links through the site lead where they say."""
    html = (
        f' \n<div class="content">\n   \n{" " * 60}<div>\n<p>one  two\n three</p>\n\n'
        '<pre>    code</pre><a href="https://www.oschina.net/action/GoToLink?url=https%3A%2F%2Fx.example%2F%3Fa%3D1">x</a></div></div>'
    )

    assert fixed("oschina", html) == (
        '<div><div><p>one  two\n three</p>\n\n<pre>    code</pre><a href="https://x.example/?a=1">x</a></div></div>'
    )
    assert fixed("oschina", "  text only") == "<p>text only</p>"


@pytest.mark.post_row("D25", "D36")
def test_juejin(fixed: Callable[[str, str], str]) -> None:
    """Style sheets, copy buttons and the headers of code blocks go, the code stays whole; the words may stand in a text."""
    html = (
        "<style>.markdown-body{color:red}</style><p>点击复制代码按钮 <span>复制</span></p>"
        '<pre><code class="hljs language-js copyable">let a = 1;\n'
        '<span class="copy-code-btn">复制代码</span></code></pre>'
        '<pre><div class="code-block-extension-header"><div class="code-block-extension-headerLeft"><svg><path/></svg></div>'
        '<div class="code-block-extension-headerRight"><span class="code-block-extension-lang">js</span>'
        '<div class="code-block-extension-copyCodeBtn">复制代码</div></div></div>'
        '<code class="hljs">let <span>b</span> = 2;</code></pre>'
        "<pre><code>c()\n复制代码</code></pre><button>复制</button>"
        '<a href="https://link.juejin.cn?target=https%3A%2F%2Fx.example%2F">x</a>'
    )

    assert fixed("juejin", html) == (
        "<p>点击复制代码按钮 <span>复制</span></p>"
        '<pre><code class="hljs language-js copyable">let a = 1;\n</code></pre>'
        '<pre><code class="hljs">let <span>b</span> = 2;</code></pre>'
        '<pre><code>c()\n</code></pre><a href="https://x.example/">x</a>'
    )


@pytest.mark.post_row("D34")
def test_zhihu_formulas(fixed: Callable[[str, str], str]) -> None:
    """A formula is an image with its TeX as alternative text, or its TeX where no image is; it is never the cover."""
    lazy = '<img src="data:image/svg+xml;utf8,<svg></svg>" data-actualsrc="//www.zhihu.com/equation?tex=x%5E2+%2B+%5Cle">'
    shown = '<img src="https://www.zhihu.com/equation?tex=x%5E2+%2B+%5Cle" alt="x^2 + \\le">'

    assert fixed("zhihu", f"<p>a {lazy} b</p>") == f"<p>a {shown} b</p>"
    assert fixed("zhihu", '<img src="https://www.zhihu.com/equation?tex=x" alt="y" eeimg="1">') == (
        '<img src="https://www.zhihu.com/equation?tex=x" alt="y">'
    )
    assert (
        fixed("zhihu", '<img src="/equation?tex=%3Cb%3E">')
        == '<img src="https://www.zhihu.com/equation?tex=%3Cb%3E" alt="&lt;b&gt;">'
    )
    assert (
        fixed("zhihu", '<img src="/a.jpg" alt="equation?tex=x">')
        == '<img src="https://site.example/a.jpg" alt="equation?tex=x">'
    )
    assert fixed("zhihu", '<span class="ztext-math" data-tex="a<b"><script>x</script></span>') == "<span>a&lt;b</span>"
    assert fixed("zhihu", '<span class="ztext-math" data-tex="a">a</span>') == "<span>a</span>"
    entry = one(_with_body(lazy), fixes=("zhihu",))
    assert entry.cover is None


def test_zhihu_cards(fixed: Callable[[str, str], str]) -> None:
    """A link card is a paragraph with its title, linked to where it leads; other links are as they were."""
    card = 'data-draft-node="block" data-draft-type="link-card" href="https://link.zhihu.com/?target=https%3A//x.example/a"'
    linked = '<p><a href="https://x.example/a">{}</a></p>'

    assert fixed("zhihu", f"<p>a</p><a {card}>A title</a><p>b</p>") == f"<p>a</p>{linked.format('A title')}<p>b</p>"
    assert fixed("zhihu", f'<a {card} data-text="From &lt;data&gt;"></a>') == linked.format("From &lt;data&gt;")
    assert fixed("zhihu", f"<a {card}></a>") == linked.format("https://x.example/a")
    parts = (
        '<span class="LinkCard-content"><span class="LinkCard-title loading" data-text="true">Title &amp; more</span>'
        '<span class="LinkCard-desc">x.example</span></span><span><img src="/thumb.jpg"></span>'
    )
    assert fixed("zhihu", f"<a class=LinkCard {card}>{parts}</a>") == linked.format("Title &amp; more")
    assert fixed("zhihu", '<a href="/b" title="link-card">b</a>') == '<a href="https://site.example/b" title="link-card">b</a>'


def test_zhihu_figures(fixed: Callable[[str, str], str]) -> None:
    """A figure with a <noscript> copy shows its picture once."""
    html = (
        '<figure><noscript><img src="https://pic.example/v2_b.jpg" data-original="https://pic.example/v2_r.jpg"></noscript>'
        '<img src="data:image/svg+xml;utf8,&lt;svg&gt;" class="lazy" data-actualsrc="https://pic.example/v2_b.jpg"></figure>'
    )

    assert fixed("zhihu", html) == '<figure><img src="https://pic.example/v2_b.jpg"></figure>'


@pytest.mark.post_row("D36")
def test_jianshu(fixed: Callable[[str, str], str]) -> None:
    """Tags in code are text, images have their address or are gone, and links through the site lead where they say."""
    html = (
        '<pre><code class="xml"><!-- c --><dependency>\n  <groupId>a &lt; b</groupId>\n</dependency><script>x</script>'
        '<span class="hljs">List<String></span></code></pre><p><b>bold</b></p>'
        '<img src="https://www.jianshu.com/p/undefined"><img src="https://www.jianshu.com/p/undefined" '
        'data-original-src="//upload.example/a.jpg?x=1&amp;y=2" data-original-width="640">'
        '<a href="https://links.jianshu.com/go?to=https%3A%2F%2Fx.example%2Fa">x</a>'
    )

    assert fixed("jianshu", html) == (
        '<pre><code class="xml">&lt;!-- c --&gt;&lt;dependency&gt;\n  &lt;groupId&gt;a &lt; b&lt;/groupId&gt;\n'
        "&lt;/dependency&gt;&lt;script&gt;x&lt;/script&gt;<span>List&lt;String&gt;</span></code></pre><p><b>bold</b></p>"
        '<img src="https://upload.example/a.jpg?x=1&amp;y=2"><a href="https://x.example/a">x</a>'
    )
    assert fixed("jianshu", "<pre><code><a>open") == "<pre><code><a>open</a></code></pre>"


@pytest.mark.parametrize("name", FIXES)
def test_a_fix_leaves_other_texts_alone(name: str) -> None:
    """A text without a site's marks passes its fix byte for byte."""
    html = '<p>a <b>b</b></p> <img src="/x.jpg" alt="y"><pre><code>x &lt; y</code></pre><p><a href="/z?a=1&amp;b">z</a></p>\n'

    assert FIXES[name](html) == html


_WORST = (
    *(
        "<div ",
        '<div id="article_bottom" ',
        ' id="article_bottom" ',
        '<div class="img_box ',
        "img_box ",
        "<p>点击查看",
        "<p><br>",
    ),
    *(
        "<p>&nbsp;",
        "<div\n",
        " ",
        "<pre><code>",
        "<pre> ",
        "</code> ",
        "<pre><code></code>",
        "<img src='/undefined",
        "/undefined?",
    ),
    *(
        "<span data-tex=a>",
        "<a data-draft-type=link-card href=a>",
        "<a link-card ",
        "<span>复制",
        "复制代码 ",
        "复制代码</code> ",
    ),
    *(
        '<div class="code-block-extension-header">',
        ' "code-block-extension-header" ',
        "<img src='/equation?tex=",
        "/equation?a&tex&",
    ),
    *('<span class="LinkCard-title">', "<", "<div data-zkinfo='", " data-zkinfo=", "删除"),
)


@pytest.mark.sampled(3)
@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", _WORST)
def test_a_megabyte_does_not_stall_a_fix(piece: str) -> None:
    """Every fix reads a megabyte of one opened thing in time that grows with its length, not with its square."""
    much = piece * (1_000_000 // len(piece))
    marks = "link-card data-tex equation? undefined 复制 code-block-extension-header data-height"
    for before in ("", "<div ", "<div class='", '<a data-draft-type="link-card" href="a">', "<pre><code>", "<img src='"):
        for fix in FIXES.values():
            fix(f"{marks}{before}{much}")
