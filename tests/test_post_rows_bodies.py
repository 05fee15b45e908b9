"""Rows R51, R54, R55, D25 to D29: the body of a post, from the feed to what Markdown processors make of it."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import frontmatter
import lxml.html
import pytest
from hypothesis import given, settings

from aggregator.model.entry import Entry
from aggregator.store.profiles import PROFILE_NAMES, default, get_profile, volantis
from tests.play import Play, once
from tests.post_records import entries
from tests.readers import in_javascript
from tests.test_families_text import content_of, rss

#: Texts in which an engine or a Markdown processor would find something to do.
HOSTILE = {
    "nunjucks": "<p>{{ 1+1 }} {% include 'x' %} {# gone #} {% endraw %} {%- raw -%} {{ '{{' }}</p>",
    "hugo": "<p>{{&lt; figure src=x &gt;}} {{% x %}} {{&lt;/* a */&gt;}} {{ .Site }} {{- end -}}</p>",
    "liquid": "<p>{% assign a = 1 %} {{ site.pages }} {: .class} {::nomarkdown} {% comment %}</p>",
    "attributes": '<p title="{{ 7*7 }} {% x %}">a</p><img alt="{{ a }}&#10;&#10;# b" src="https://a.example/x?{{y}}">',
    "headings": "a\n\n# Heading\n\nSetext\n======\n\n1. one\n* two\n> quote\n\n    code\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "fences": "<p>x</p>\n\n```js\nalert(1)\n```\n\n~~~\nx\n~~~\n<pre>```\n\n\n~~~\n</pre>",
    "front matter": "<p>x</p>\n---\ntitle: not mine\nlayout: evil\n---\n<p>y</p>\n+++\na = 1\n+++\n;;;\n",
    "links": "[a](javascript:alert(1)) ![b](https://a.example/x) [c]: https://a.example/ [[Wiki]] ![[Embed]] [^1]",
    "ends early": "</div></div><p>after</p></div>\n\n<script>alert(1)</script>\n\n* a\n",
    "never ends": "<div><div><pre><b>open\n\n<p>on and on\n\n# and on",
    "more": "<p>one</p><!-- more --><p>two</p>&lt;!--more--&gt;<p>three</p>",
    "pre": "<pre>a\n\n\n    b\n \n\t\n{{ c }}\n\n</pre><pre>\n\nx</pre>",
    "text": "5 < 6 and *stars* and _lines_ and `ticks` and $x$ and # hash\nnext line\n\nnext paragraph & so on <notatag>",
    "breaks": "<p>a\u2028b\u0085c\u000bd\u000ce\u00a0f</p>\u3000\n\u00a0\n\ufeff\n<p>g\rh\r\n\r\ni</p>",
    "sums": '<p>a ~~b~~ ==c== ^d^ :smile: @user #tag https://a.example/x www.a.example (c) -- ... "q" 1/2</p>',
    "style": "<style>p { color: red }\n\n</style><p>x</p><script>{{ a }}</script>",
    "placeholders": "<p>\ufffc0\ufffc &#65532; <!--swig\ufffc1--> &lt;!--code\ufffc2--&gt;</p>",
    "titles": "<h2>a {#id .class}</h2><p>[TOC]</p><p>*[abbr]: b</p><p>%% c %% $$d$$ ^e</p>",
}


def _played(tmp_path: Path) -> Play:
    # CDATA cannot hold its own end, and escaped markup is read as HTML just the same.
    items = [f"<title>{escape(name)}</title><description>{escape(text)}</description>" for name, text in HOSTILE.items()]
    return once(tmp_path, {"a": rss(*items)})


def _posts(played: Play) -> dict[str, str]:
    found = {path: post.decode() for path, post in played.files().items() if path.startswith("posts/")}
    return {str(frontmatter.loads(post)["title"]): post for post in found.values()}


def _tree(html: str) -> list[tuple[object, str, str, dict[str, str]]]:
    """Return what a browser shows: elements, texts and attributes; runs of white space count as one."""
    root = lxml.html.fragment_fromstring(html, create_parent="main")
    return [
        (one.tag, _spaces(one.text), _spaces(one.tail), {str(key): str(value) for key, value in one.attrib.items()})
        for one in root.iter()
    ]


def _spaces(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()


@pytest.mark.post_row("R54", "R55", "D25", "D26", "D27", "D28", "D29")
def test_no_processor_changes_what_a_body_shows(tmp_path: Path) -> None:
    """The body is one block that marked and markdown-it hand on as it is: each shows what the feed publishes, and no more."""
    played = _played(tmp_path)
    posts = _posts(played)
    assert set(posts) == set(HOSTILE)

    for (name, post), seen in zip(posts.items(), in_javascript(list(posts.values())), strict=True):
        body = frontmatter.loads(post).content
        assert seen.body.strip() == body.strip(), name
        assert not re.search(r"[{}\ufffc]|```|~~~|<!--|<script|<style", body), name
        assert len(lxml.html.fragments_fromstring(body)) == 1, name
        for processor, shown in seen.shown.items():
            assert _tree(shown) == _tree(body), (name, processor)
        content = content_of(played, name)
        assert _tree(body) == _tree(f"<div>{content}</div>"), name


@pytest.mark.post_row("R54")
def test_the_words_of_a_template_are_shown(tmp_path: Path) -> None:
    """What a template language would have run stands in the page as the text that upstream wrote, in titles as well."""
    signs = ["{{ 1+1 }}", "{% raw %}", "{# a #}", "{{< x >}}", "{%endraw%}{{ 7*7 }}"]
    items = [
        f"<title>{escape(sign)}</title><description>{escape(f'<p>{escape(sign)}, said x</p>')}</description>" for sign in signs
    ]
    played = once(tmp_path, {"a": rss(*items)})

    posts = _posts(played)
    assert set(posts) == set(signs)
    for sign, post in posts.items():
        body = lxml.html.fromstring(frontmatter.loads(post).content)
        assert "".join(map(str, body.itertext())).strip() == f"{sign}, said x"


@pytest.mark.post_row("R51")
def test_a_post_that_was_read_and_written_is_the_same_file(tmp_path: Path) -> None:
    """Reading a post and writing what was read gives the same bytes, whatever the text: after one write nothing moves."""
    played = _played(tmp_path)
    for path, post in played.files().items():
        if path.startswith("posts/"):
            assert default.render(default.read(post, None)).post == post, path


@pytest.mark.post_row("R51")
@pytest.mark.parametrize("name", PROFILE_NAMES)
@settings(deadline=None, max_examples=100)
@given(found=entries)
def test_writing_again_changes_nothing(name: str, found: Entry) -> None:
    """The same for any entry: render, read and render again are the bytes of the first time."""
    profile = get_profile(name)
    first = profile.render(found)

    assert profile.render(profile.read(first.post, first.extra)) == first


@pytest.mark.post_row("R51")
@settings(deadline=None, max_examples=100)
@given(found=entries)
def test_python_frontmatter_and_we_see_one_body(found: Entry) -> None:
    """The package that people read posts with finds the body that we find, but for the white space around it."""
    for profile in (default, volantis):
        post = profile.render(found).post.decode()
        start = post.index("\n<div>")
        assert frontmatter.loads(post).content == post[start:].strip()
