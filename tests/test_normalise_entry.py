from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.model.changes import Skipped
from aggregator.model.entry import Enclosure, Entry, Feed, Person, Tag
from aggregator.model.source import Rights, RightsMode
from aggregator.normalise import normalise_entry, normalise_feed, read_content
from tests.parsing import ADDRESS, NOW, atom, named, normal, one, parse, rss, source


def _title(written: str) -> str:
    return one(rss(f"<item><guid>1</guid><title>{written}</title><description>text</description></item>")).title


def test_the_sample(shared: Path) -> None:
    """The sample entry's body, date and cover are those of the sample post, byte for byte."""
    post = (shared / "seed" / "zaker-post.md").read_text("utf-8")
    body = post[post.index("<div>   \n") + len("<div>   \n") : post.index("  \n</div>\n")]
    fallback = "https://picsum.photos/400/300?random=1026"

    entry = one((shared / "seed" / "zaker-rsshub.xml").read_bytes(), author="ZAKER", cover_fallback=fallback)

    assert entry.content == body
    assert entry.cover == fallback
    assert f"title: '{entry.title}'" in post
    assert entry.published == datetime(2021, 9, 11, 0, 22, 19, tzinfo=UTC)
    assert (entry.author, entry.language) == ("ZAKER", "zh-cn")
    assert entry.id == entry.link == "http://www.myzaker.com/article/613bf9c31bc8e0b04d000001"


@pytest.mark.post_row("D40")
@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("<![CDATA[AT&amp;T]]>", "AT&T"),
        ("&lt;b&gt;Bold&lt;/b&gt; move", "Bold move"),
        ("one&lt;br/&gt;two", "one two"),
        ("List&lt;T&gt; in C# &amp;lt;3", "List<T> in C# <3"),
        ("1 &lt; 2 &gt; 0", "1 < 2 > 0"),
        ("  a\n\t b&#160;c\u2028d ", "a b c d"),
        ("全角　空格", "全角　空格"),
        ("\u202ereversed", "reversed"),
        ("\u202bkept\u202c", "\u202bkept\u202c"),
        ("bom\ufeff del\x7f c1\x85x", "bom del c1…x"),
        ("null", "null"),
        ("---", "---"),
    ],
)
def test_rss_titles(written: str, title: str) -> None:
    """An RSS title is decoded once more than XML does and stripped of tags that are tags."""
    assert _title(written) == title


@pytest.mark.post_row("D40")
@pytest.mark.parametrize(
    ("type_", "written", "title"),
    [
        ("", "AT&amp;amp;T", "AT&amp;T"),
        ("type='text'", "&lt;b&gt;x&lt;/b&gt;", "<b>x</b>"),
        ("type='html'", "&lt;b&gt;x&lt;/b&gt; &amp;amp; y", "x & y"),
        ("type='xhtml'", "<div xmlns='http://www.w3.org/1999/xhtml'>x <i>y</i> &lt;z&gt;</div>", "x y <z>"),
    ],
)
def test_atom_titles(type_: str, written: str, title: str) -> None:
    """An Atom title is read as its type says, and no further."""
    assert one(atom(f"<entry><id>urn:1</id><title {type_}>{written}</title><summary>s</summary></entry>")).title == title


@pytest.mark.post_row("D38")
def test_a_missing_title_is_derived() -> None:
    """Without a title the text gives one, cut at a word; else the link; else the id."""
    words = "The harbour was quiet that morning and nobody had expected anything else at all"
    text, link, alone = normal(
        rss(
            f"<item><guid>1</guid><description>&lt;p&gt;{words}&lt;/p&gt;</description></item>"
            "<item><guid>2</guid><link>https://x.example/2</link></item>"
            "<item><guid>3</guid><enclosure url='x:y'/><description>&lt;img src='/a.png'&gt;</description></item>"
        )
    )

    assert isinstance(text, Entry)
    assert isinstance(link, Entry)
    assert isinstance(alone, Entry)
    assert text.title == "The harbour was quiet that morning and nobody had expected…"
    assert text.content == f"<p>{words}</p>"
    assert (link.title, alone.title) == ("https://x.example/2", "3")


def test_long_titles_are_cut() -> None:
    """A title has at most 500 characters."""
    assert len(_title("x" * 3000)) == 500


@pytest.mark.post_row("D18", "D19")
def test_nothing_at_all_is_skipped() -> None:
    """An entry without title, link, text and file is reported by its id, not published."""
    assert normal(rss("<item><guid>only-an-id</guid></item>")) == [
        Skipped(entry="only-an-id", reason="no title, no link, no text and no file")
    ]


@pytest.mark.post_row("D39")
def test_a_body_that_repeats_the_title_is_none() -> None:
    """RSSHub puts the title where a description is missing; that is no text."""
    entry = one(
        rss("<item><guid>1</guid><title>Same &amp;amp; same</title><description>Same &amp;amp; same</description></item>")
    )

    assert (entry.title, entry.content) == ("Same & same", "")


def test_content_goes_before_summary() -> None:
    """The fullest text is the content; a summary is kept as plain text, and only if it says something else."""
    body = "<content:encoded>&lt;p&gt;The whole story.&lt;/p&gt;</content:encoded>"
    different = one(
        rss(f"<item><guid>1</guid><title>t</title><description>In &lt;b&gt;short&lt;/b&gt;</description>{body}</item>")
    )
    same = one(rss(f"<item><guid>1</guid><title>t</title><description>The whole story.</description>{body}</item>"))
    only = one(rss("<item><guid>1</guid><title>t</title><description>In short</description></item>"))
    long = one(rss(f"<item><guid>1</guid><title>t</title><description>{'word ' * 300}</description>{body}</item>"))

    assert (different.content, different.summary) == ("<p>The whole story.</p>", "In short")
    assert same.summary is None
    assert (only.content, only.summary) == ("<p>In short</p>", None)
    assert long.summary is not None
    assert len(long.summary) <= 500


@pytest.mark.parametrize(
    ("item", "link"),
    [
        ("<link>/a</link>", "https://feeds.example.org/a"),
        ("<link>https://x.example/a b</link>", "https://x.example/a%20b"),
        ("<link>\n https://x.example/a\n</link>", "https://x.example/a"),
        ("<link>javascript:alert(1)</link><guid>https://x.example/g</guid>", "https://x.example/g"),
        ("<guid isPermaLink='false'>http://x.example/g</guid>", "http://x.example/g"),
        ("<guid>g</guid><enclosure url='/a.mp3'/>", "https://feeds.example.org/a.mp3"),
        ("<guid>g</guid>", None),
        ("<link>http://[bad</link>", None),
        ("<link>https://münchen.example/ü</link>", "https://münchen.example/ü"),
    ],
)
def test_the_link_ladder(item: str, link: str | None) -> None:
    """A link is the alternate one, else an id that is an address, else a file; always absolute http(s)."""
    assert one(rss(f"<item><title>t</title>{item}</item>")).link == link


def test_dates() -> None:
    """The first usable date counts; what lies in the future or cannot be read is none; `updated` must be later."""

    def dates(**elements: str) -> tuple[str | None, str | None, bool]:
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in elements.items())
        entry = one(atom(f"<entry><id>1</id><title>t</title>{inner}</entry>"))
        shown = [date.isoformat()[:10] if date else None for date in (entry.published, entry.updated)]
        return shown[0], shown[1], entry.first_seen == NOW

    assert dates(published="2021-09-11T00:00:00Z", updated="2021-09-12T00:00:00Z") == ("2021-09-11", "2021-09-12", False)
    assert dates(published="2021-09-11T00:00:00Z", updated="2021-09-11T00:00:00Z") == ("2021-09-11", None, False)
    assert dates(published="2021-09-11T00:00:00Z", updated="2020-01-01T00:00:00Z") == ("2021-09-11", None, False)
    assert dates(updated="2021-09-12T00:00:00Z") == ("2021-09-12", None, False)
    assert dates(published="Invalid Date", updated="2021-09-12T00:00:00Z") == ("2021-09-12", None, False)
    assert dates(published="2999-01-01T00:00:00Z") == (None, None, True)
    assert dates(published="1513-01-01T00:00:00Z") == (None, None, True)
    assert dates() == (None, None, True)


def test_the_time_zone_of_the_source() -> None:
    """A date without a zone is in the source's zone, else in UTC."""
    body = rss("<item><title>t</title><pubDate>2021-09-11 08:00</pubDate></item>")

    assert one(body, timezone="Asia/Shanghai").published == datetime(2021, 9, 11, 0, 0, tzinfo=UTC)
    assert one(body).published == datetime(2021, 9, 11, 8, 0, tzinfo=UTC)


@pytest.mark.post_row("D17")
def test_people() -> None:
    """Names, addresses and pages are told apart; nobody is named twice; nobody is nameless."""
    [entry] = normal(
        atom(
            "<entry><id>1</id><title>t</title>"
            "<author><name>Ann</name><uri>/ann</uri><email>ann@x.example</email></author>"
            "<author><name>Ann</name></author><author><email>bob@x.example</email></author>"
            "<author><name>&lt;b&gt;Cid&lt;/b&gt; &amp;amp; Co</name><uri>javascript:x</uri></author>"
            "<author><name> </name></author></entry>"
        )
    )
    by_mail = one(rss("<item><title>t</title><author>noreply@x.example (Dora)</author></item>"))
    by_name = one(
        rss("<item><title>t</title><dc:creator>Eva</dc:creator><dc:creator>Finn &lt;f@x.example&gt;</dc:creator></item>")
    )

    assert isinstance(entry, Entry)
    assert entry.authors == (
        Person(name="Ann", uri="https://feeds.example.org/ann", email="ann@x.example"),
        Person(name="bob@x.example", email="bob@x.example"),
        Person(name="Cid & Co"),
    )
    assert by_mail.authors == (Person(name="Dora", email="noreply@x.example"),)
    assert by_name.authors == (Person(name="Eva"), Person(name="Finn", email="f@x.example"))


def test_tags() -> None:
    """Tags are one-line terms, each once whatever its case; a scheme counts only if it is an IRI."""
    entry = one(
        rss(
            "<item><title>t</title><category>C++</category><category>c++</category><category> 新 闻\n</category><category/>"
            "<category domain='https://x.example/s'>C++</category><category domain='bad scheme'>a/b, c</category>"
            "<category>R&amp;amp;D</category></item>"
        )
    )

    assert entry.tags == (
        Tag(term="C++"),
        Tag(term="新 闻"),
        Tag(term="C++", scheme="https://x.example/s"),
        Tag(term="a/b, c"),
        Tag(term="R&D"),
    )


def test_enclosures() -> None:
    """Files keep type and length where these can be true, once per address."""
    entry = one(
        rss(
            "<item><title>t</title><enclosure url='/a.mp3' type='Audio/MPEG' length='123'/>"
            "<enclosure url='https://feeds.example.org/a.mp3' length='9'/>"
            "<enclosure url='/b.mp3' type='mp3' length='0'/><enclosure url='/c' length='12 MB'/>"
            "<enclosure url='ftp://x/y'/></item>"
        )
    )

    assert entry.enclosures == (
        Enclosure(href="https://feeds.example.org/a.mp3", type="audio/mpeg", length=123),
        Enclosure(href="https://feeds.example.org/b.mp3"),
        Enclosure(href="https://feeds.example.org/c"),
    )


@pytest.mark.post_row("D34")
def test_the_cover_ladder() -> None:
    """A picture that came with the entry goes before one in its text, and both before the source's own."""
    text = "<description>&lt;img src='/text.jpg'&gt;</description>"
    thumb = "<media:thumbnail url='/thumb.jpg'/>"
    file = "<enclosure url='/file.jpg' type='image/jpeg'/>"

    def cover(inner: str) -> str | None:
        return one(rss(f"<item><title>t</title>{inner}</item>"), cover_fallback="https://x.example/fallback.png").cover

    assert cover(text + thumb + file) == "https://feeds.example.org/file.jpg"
    assert cover(text + thumb) == "https://feeds.example.org/thumb.jpg"
    assert cover(text) == "https://feeds.example.org/text.jpg"
    assert cover("<media:thumbnail url='data:x'/>") == "https://x.example/fallback.png"


def test_relative_addresses_in_the_text() -> None:
    """Addresses in the text are relative to xml:base, else to the entry's page, else to the document."""
    html = "&lt;a href='x'&gt;x&lt;/a&gt;"
    page, document = normal(
        rss(
            f"<item><title>t</title><link>https://blog.example/2021/a</link><description>{html}</description></item>"
            f"<item><title>u</title><guid>2</guid><description>{html}</description></item>"
        )
    )
    based = one(atom(f"<entry xml:base='/b/'><id>1</id><title>t</title><content type='html'>{html}</content></entry>"))

    assert isinstance(page, Entry)
    assert isinstance(document, Entry)
    assert page.content == '<a href="https://blog.example/2021/x">x</a>'
    assert document.content == '<a href="https://feeds.example.org/blog/x">x</a>'
    assert based.content == '<a href="https://feeds.example.org/b/x">x</a>'


def test_rights_modes() -> None:
    """`excerpt` keeps a first paragraph and a link, `link` no text at all; the note stands where upstream is silent."""
    body = rss(
        f"<item><title>t</title><link>https://x.example/1</link>"
        f"<description>{'word ' * 100}&lt;img src='/i.jpg'&gt;</description>"
        "<content:encoded>&lt;p&gt;all of it&lt;/p&gt;</content:encoded></item>"
    )
    cut = one(body, rights=Rights(mode=RightsMode.EXCERPT, note="by agreement"))
    bare = one(body, rights=Rights(mode=RightsMode.LINK), cover_fallback="https://x.example/f.png")
    stated = one(rss("<item><title>t</title><dc:rights>CC BY</dc:rights></item>"), rights=Rights(note="by agreement"))

    assert cut.content == '<p>all of it</p><p><a href="https://x.example/1">https://x.example/1</a></p>'
    assert (cut.summary, cut.rights) == (None, "by agreement")
    assert (bare.content, bare.summary, bare.cover, bare.link) == ("", None, "https://x.example/f.png", "https://x.example/1")
    assert stated.rights == "CC BY"


def test_bylines_and_languages() -> None:
    """The byline is the owner's, else the source's or feed's title; languages are the entry's, feed's, source's."""
    item = "<item><title>t</title></item>"

    assert one(rss(item), author="A", title="T").author == "A"
    assert one(rss(item), title="T").author == "T"
    assert one(rss(item)).author == "Quiet Harbour"
    assert one(rss(item, "<language>zh_CN</language>"), language="en").language == "zh-CN"
    assert one(rss(item, "<language>not a language</language>"), language="en").language == "en"
    assert one(atom("<entry xml:lang='fr'><id>1</id><title>t</title></entry>", attributes="xml:lang='de'")).language == "fr"
    assert one(atom("<entry><id>1</id><title>t</title></entry>", attributes="xml:lang='de'")).language == "de"


def test_the_feed() -> None:
    """The feed's title is the owner's, else upstream's, else the source's id; its id must be an IRI."""
    parsed = parse(atom("", "<link href='/home'/><rights>all</rights>"))

    assert normalise_feed(parsed, source(), address=ADDRESS) == Feed(
        title="Quiet Harbour", id="tag:blog.example.org,2020:feed", link="https://feeds.example.org/home", rights="all"
    )
    assert normalise_feed(parsed, source(title="Mine"), address=ADDRESS).title == "Mine"
    assert normalise_feed(
        parse(b"<feed xmlns='http://www.w3.org/2005/Atom'><id>x y</id></feed>"), source(), address=ADDRESS
    ) == Feed(title="quiet")


def test_content_out_of_line() -> None:
    """Content elsewhere gives the entry its link where there is no other."""
    assert one(atom("<entry><id>1</id><title>t</title><content src='/v.mp4' type='video/mp4'/></entry>")).link == (
        "https://feeds.example.org/v.mp4"
    )


def test_now_is_the_only_clock() -> None:
    """The same item at another time differs in `first_seen` only, which is in whole seconds of UTC."""
    [item] = named(rss("<item><title>t</title></item>"))
    later = datetime.fromisoformat("2027-01-01T08:00:00.5+08:00")
    entry = normalise_entry(item, feed=Feed(title="f"), feed_language=None, source=source(), address=ADDRESS, now=later)

    assert isinstance(entry, Entry)
    assert entry.first_seen == datetime(2027, 1, 1, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["&lt;p&gt;&lt;a href='/a'&gt;x&lt;/a&gt;&lt;/p&gt;", "t", ""])
def test_a_text_read_beforehand_makes_the_same_entry(text: str) -> None:
    """An entry is the same whether its text was read with all others of its feed or with it."""
    [item] = named(rss(f"<item><link>https://h.example/b/c</link><title>t</title><description>{text}</description></item>"))
    where = {"source": source(), "address": ADDRESS}
    how = {"feed": Feed(title="f"), "feed_language": None, "now": NOW}

    content = read_content(item, source=source(), address=ADDRESS)

    assert normalise_entry(item, **where, **how, content=content) == normalise_entry(item, **where, **how)  # type: ignore[arg-type]


def test_zaker_is_fixed_by_route_or_host_or_name() -> None:
    """ZAKER's residue and videos are repaired for its sources, and for nobody who said `fixes: []`."""
    video = (
        "%7B%22videoUrl%22%3A%22https%3A%2F%2Fx.example%2Fv.mp4%22%2C%22imgUrl%22%3A%22https%3A%2F%2Fx.example%2Fv.jpg%22%7D"
    )
    body = rss(
        "<item><title>t</title><description><![CDATA[<p>x</p><p></p><p>点击查看</p>"
        f'<div class="zk_upvideo" data-zkinfo="{video}"></div><div class="zk_upvideo" data-zkinfo="junk">y</div>'
        '<div id="recommend_bottom"></div><div id="article_bottom"></div>]]></description></item>'
    )
    fixed = '<p>x</p><video src="https://x.example/v.mp4" poster="https://x.example/v.jpg" controls=""></video><div>y</div>'
    raw = (
        '<p>x</p><p></p><p>点击查看</p><div></div><div>y</div><div id="recommend_bottom"></div><div id="article_bottom"></div>'
    )

    assert one(body, fixes=None, feed="rsshub:/zaker/channel/13").content == fixed
    assert one(body, fixes=None, addresses=("http://127.0.0.1:1200/zaker/source/1",)).content == fixed
    assert one(body, fixes=None, addresses=("https://www.myzaker.com/feed",)).content == fixed
    assert one(body, fixes=("zaker",)).content == fixed
    assert one(body, fixes=()).content == raw
    assert one(body, fixes=None).content == raw
