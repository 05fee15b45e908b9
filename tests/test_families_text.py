"""Families 24 to 31, 36, 44 and 45: titles, people, labels, texts and languages, from the document to post and feed."""

from __future__ import annotations

from pathlib import Path

import frontmatter
import pytest
import yaml

from aggregator.model.entry import Entry
from aggregator.model.poll import Outcome
from tests.play import Answer, Play, once, play
from tests.upstream import ATOM, Folder

SITE = "https://harbour.example"
NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)


def rss(*items: str, head: str = "") -> str:
    """Return a document of items that carry their own elements; ids are e1, e2, ... in their order."""
    written = "".join(
        f"<item><guid isPermaLink='false'>e{number}</guid><link>{SITE}/{number}</link>"
        f"<pubDate>Mon, 02 Feb 2026 08:00:{number:02} GMT</pubDate>{inside}</item>"
        for number, inside in enumerate(items, 1)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" {NAMESPACES}><channel><title>Harbour</title>'
        f"<link>{SITE}/</link>{head}{written}</channel></rss>"
    )


def atom(*entries: str, attributes: str = "") -> str:
    """Return an Atom document; ids are tag:harbour.example,2026:1, 2, ... in their order."""
    written = "".join(
        f"<entry><id>tag:harbour.example,2026:{number}</id><title>T{number}</title>"
        f"<updated>2026-02-02T08:00:{number:02}Z</updated>{inside}</entry>"
        for number, inside in enumerate(entries, 1)
    )
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" {attributes}><title>Harbour</title><id>tag:harbour.example,2026:feed</id>'
        f"<updated>2026-02-02T08:00:00Z</updated>{written}</feed>"
    )


def matters(played: Play) -> dict[str, dict[str, object]]:
    """Return the front matter of every post, as any YAML reader sees it, by id."""
    posts = [post.decode() for path, post in played.files().items() if path.startswith("posts/")]
    found = [dict(frontmatter.loads(post).metadata) for post in posts]
    assert all(
        yaml.safe_load(post.split("\n---\n")[0].removeprefix("---\n")) == matter
        for post, matter in zip(posts, found, strict=True)
    )
    return {str(matter["id"]): matter for matter in found}


def content_of(played: Play, title: str) -> str:
    """Return the content that the feed of everything publishes under a title."""
    return str(played.published()[title].findtext("a:content", "", ATOM))


# -- 24, 25: titles and texts that formats act upon

LONG = "Eine Geschichte ohne Ende und noch ein Wort " * 46
TITLES = {
    "<b>Bold</b> &amp; <a href='/x'>linked</a>": "Bold & linked",
    "": "The text gives it one.",
    LONG: None,
    "🚀🔥🎉": "🚀🔥🎉",
    "abc\u202egnp.exe": "abcgnp.exe",
    "---": "---",
    "null": "null",
    "2024-01-01": "2024-01-01",
    "yes": "yes",
    "~": "~",
    "1e3": "1e3",
}


@pytest.mark.post_row("R48", "D8", "D41")
@pytest.mark.family(24)
@pytest.mark.publishes("R85", "P19")
def test_any_title_is_one_line_of_text(tmp_path: Path) -> None:
    """HTML, nothing, 2,000 characters, emoji, bidi controls and YAML's own words are titles as text: in post, feed and name."""
    items = [f"<title><![CDATA[{title}]]></title><description>The text gives it one.</description>" for title in TITLES]
    played = once(tmp_path, {"a": rss(*items)})

    titles = {entry.id: entry.title for entry in played.entries("a")}
    expected = [titles[f"e{number}"] if wanted is None else wanted for number, wanted in enumerate(TITLES.values(), 1)]
    assert [titles[f"e{number}"] for number in range(1, len(TITLES) + 1)] == expected
    assert len(titles["e3"]) <= 500
    assert titles["e3"].endswith("…")
    assert {id_: matter["title"] for id_, matter in matters(played).items()} == titles
    assert set(played.published()) == set(titles.values())
    names = [path.rpartition("/")[2] for path in played.files() if path.startswith("posts/")]
    assert len(names) == len(TITLES)
    assert all(len(name.encode()) <= 200 and name.isprintable() and not name.startswith((".", "-")) for name in names)


@pytest.mark.post_row("R49", "R54", "R55", "D1")
@pytest.mark.family(25)
def test_what_yaml_and_templates_would_act_upon(tmp_path: Path) -> None:
    """Quotes, colons, comments, brackets and backslashes in a title, and fences and template tags in a text, are text."""
    titles = {
        """He said: "it's" #1""": """He said: "it's" #1""",
        "[draft] {x}: *a &b !c | > @d `e`": "[draft] {x}: *a &b !c | > @d `e`",
        r"C:\new\table \u0041": r"C:\new\table \u0041",
        "a\tb": "a b",
        "- : - ?": "- : - ?",
        "%YAML 1.2": "%YAML 1.2",
        "'": "'",
    }
    body = (
        "<p>one</p>\n---\ntitle: not mine\n---\n<p>{{ page.x }} {% raw %} {% endraw %} {# c #} &lt;%= x %&gt;</p>"
        "<!-- more --><pre>a\n\n---\n\n```\n{{ b }}</pre>"
    )
    shown = body.replace("<!-- more -->", "")
    items = [f"<title><![CDATA[{title}]]></title><description><![CDATA[{body}]]></description>" for title in titles]
    played = once(tmp_path, {"a": rss(*items)})

    assert [matters(played)[f"e{number}"]["title"] for number in range(1, len(titles) + 1)] == list(titles.values())
    assert {entry.content for entry in played.entries("a")} == {shown}
    assert all(content_of(played, title) == shown for title in titles.values())
    bodies = [frontmatter.loads(post.decode()).content for path, post in played.files().items() if path.startswith("posts/")]
    assert not any(sign in text for text in bodies for sign in ("{", "}", "<!--", "\n\n", "```"))


# -- 26, 27: people and labels


def people(entry: Entry) -> list[tuple[str, str | None]]:
    return [(person.name, person.email) for person in entry.authors]


@pytest.mark.post_row("D17")
@pytest.mark.family(26)
def test_authors_of_every_form(tmp_path: Path) -> None:
    """A name, an address with a name, HTML, a list, nothing and three hundred: each is known by name and address, once."""
    crowd = "".join(f"<dc:creator>Author {number}</dc:creator>" for number in range(300))
    items = [
        "<title>a</title><dc:creator>Ann Lee</dc:creator>",
        "<title>b</title><author>bo@harbour.example (Bo Chen)</author>",
        "<title>c</title><dc:creator>&lt;a href='/cy'&gt;Cy &amp;amp; Co&lt;/a&gt;</dc:creator>",
        "<title>d</title><dc:creator>Di</dc:creator><dc:creator>Ed</dc:creator><dc:creator>Di</dc:creator>",
        "<title>e</title><dc:creator></dc:creator>",
        f"<title>f</title>{crowd}",
        "<title>g</title><author>only@harbour.example</author>",
    ]
    played = once(tmp_path, {"a": rss(*items)})

    found = {entry.title: people(entry) for entry in played.entries("a")}
    assert found.pop("f") == [(f"Author {number}", None) for number in range(50)]
    assert found == {
        "a": [("Ann Lee", None)],
        "b": [("Bo Chen", "bo@harbour.example")],
        "c": [("Cy & Co", None)],
        "d": [("Di", None), ("Ed", None)],
        "e": [],
        "g": [("only@harbour.example", "only@harbour.example")],
    }
    names = [name.text for name in played.published()["e"].iterfind("a:author/a:name", ATOM)]
    assert names == ["Harbour"]  # RFC 4287 §4.1.2: somebody must be named


@pytest.mark.post_row("D17")
@pytest.mark.family(27)
def test_tags_of_every_form(tmp_path: Path) -> None:
    """Tags are words of upstream, kept as written but once whatever their case; they name no file and no feed."""
    long = "a very long tag " * 20
    items = [
        "<title>none</title>",
        "<title>some</title>" + "".join(
            f"<category>{tag}</category>"
            for tag in ("Linux", "linux", "LINUX", "C++", "C#", ".NET", "a/b/../c", "旅行", "one, two", long, "", " ", "C  #")
        ),
    ]  # fmt: skip
    played = once(tmp_path, {"a": rss(*items)})

    none, some = played.entries("a")
    assert none.tags == ()
    terms = [tag.term for tag in some.tags]
    assert terms[:7] == ["Linux", "C++", "C#", ".NET", "a/b/../c", "旅行", "one, two"]
    assert terms[8:] == ["C #"]
    assert len(terms[7]) <= 200
    assert matters(played)["e2"]["all_tags"] == terms
    assert matters(played)["e2"]["tags"] == [term for term in terms if term not in {"a/b/../c", terms[7]}], "what engines bear"
    assert sorted(path for path in played.files() if path.endswith(".atom")) == [
        "public/feeds/all.atom",
        "public/feeds/news.atom",
        "public/feeds/status.atom",
    ]


@pytest.mark.post_row("R48")
@pytest.mark.family(27)
def test_our_categories_that_would_share_a_file(folder: Folder) -> None:
    """Two categories of ours that make one file name are a mistake of the configuration, told before anything is asked."""
    text = (folder.root / "config" / "sources" / "all.yaml").read_text("utf-8")
    folder.sources(text.replace("[news, a]", "['C++']").replace("[news, b]", "['C#']"))

    done = folder.run("sync")

    assert done.returncode == 3
    assert "C++" in done.stderr
    assert "C#" in done.stderr
    assert folder.files() == {}


# -- 28, 29: which text is the content


@pytest.mark.family(28)
def test_description_and_content(tmp_path: Path) -> None:
    """The fullest element is the content, an empty one gives way, and a summary stays if it says something else."""
    long = "A summary that goes on for longer than the text does."

    def encoded(text: str) -> str:
        return f"<content:encoded><![CDATA[{text}]]></content:encoded>"

    items = [
        f"<title>both</title><description>In short.</description>{encoded('<p>All of it.</p>')}",
        f"<title>no description</title><description></description>{encoded('<p>All of it.</p>')}",
        f"<title>no content</title><description>In short.</description>{encoded('')}",
        "<title>neither</title><description/><content:encoded/>",
        "<title>media</title><media:group><media:description>About the film.</media:description></media:group>",
        f"<title>longer</title><description>{long}</description>{encoded('<p>Text.</p>')}",
        f"<title>same</title><description>All of it.</description>{encoded('<p>All of it.</p>')}",
    ]
    played = once(tmp_path, {"a": rss(*items)})

    assert {entry.title: (entry.content, entry.summary) for entry in played.entries("a")} == {
        "both": ("<p>All of it.</p>", "In short."),
        "no description": ("<p>All of it.</p>", None),
        "no content": ("<p>In short.</p>", None),
        "neither": ("", None),
        "media": ("<p>About the film.</p>", None),
        "longer": ("<p>Text.</p>", long),
        "same": ("<p>All of it.</p>", None),
    }


@pytest.mark.family(29)
def test_atom_texts_of_every_type(tmp_path: Path) -> None:
    """XHTML under a prefix, content elsewhere, Base64, HTML that is called text, and Atom 0.3's modes are read as meant."""
    xhtml = (
        '<content type="xhtml"><x:div xmlns:x="http://www.w3.org/1999/xhtml"><x:p>Deep <x:em>and</x:em> wide</x:p><x:br/>'
        '<x:img src="/p.png" alt="P"/></x:div></content>'
    )
    entries = [
        xhtml,
        f'<content src="{SITE}/paper.pdf" type="application/pdf"/><summary>A paper.</summary>',
        '<content type="text/plain">SGFyYm91ciBsaWdodHMgYXQgbmlnaHQ=</content>',
        '<content type="application/octet-stream">SGFyYm91ciBsaWdodHMgYXQgbmlnaHQ=</content>',
        '<content type="text">&lt;p&gt;Called text, and HTML.&lt;/p&gt;</content>',
        '<content type="text">if a &lt; b then &lt;b&gt; wins</content>',
    ]
    old = (
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Old</title>'
        "<entry><id>tag:old.example,2003:1</id><title type='text/html' mode='escaped'>A &amp;amp; B</title>"
        "<issued>2003-12-13T08:29:29Z</issued>"
        f'<link rel="alternate" type="text/html" href="{SITE}/old"/>'
        '<content type="text/html" mode="escaped">&lt;p&gt;Escaped&lt;/p&gt;</content></entry></feed>'
    )
    played = once(tmp_path, {"new": atom(*entries), "old": old})

    found = {entry.title: entry for entry in played.entries("new")}
    assert found["T1"].content == f'<p>Deep <em>and</em> wide</p><br><img src="{found_base(played)}/p.png" alt="P">'
    assert (found["T2"].link, found["T2"].content) == (f"{SITE}/paper.pdf", "<p>A paper.</p>")
    assert found["T3"].content == "<p>SGFyYm91ciBsaWdodHMgYXQgbmlnaHQ=</p>"
    assert found["T4"].content == "<p>Harbour lights at night</p>"
    assert found["T5"].content == "<p>Called text, and HTML.</p>"
    assert found["T6"].content == "<p>if a &lt; b then &lt;b&gt; wins</p>"
    entry = played.entry("old")
    assert (entry.title, entry.content, entry.link) == ("A & B", "<p>Escaped</p>", f"{SITE}/old")
    assert entry.date.year == 2003


def found_base(played: Play) -> str:
    """Return what relative addresses of a document without a base are resolved against: where it came from."""
    return played.upstream.address("")


# -- 30, 31: shapes and bases


@pytest.mark.family(30)
def test_odd_shapes_of_rss(tmp_path: Path) -> None:
    """A default namespace, items outside the channel, rdf:about, two channels and odd namespaces hide no entry."""
    inner = f"<guid isPermaLink='false'>e1</guid><title>One</title><link>{SITE}/1</link><description>Text</description>"
    second = inner.replace("e1", "e2").replace("One", "Two").replace("/1", "/2")
    channel = "<title>Harbour</title><link>https://harbour.example/</link><description>d</description>"
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        f'<channel rdf:about="https://harbour.example/"><title>Harbour</title><link>{SITE}/</link></channel>'
        f'<item rdf:about="urn:harbour:1"><title>One</title><link>{SITE}/1</link><description>Text</description></item>'
        f'<item rdf:about="urn:harbour:2"><title>Two</title><link>{SITE}/2</link><description>Text</description></item>'
        "</rdf:RDF>"
    )
    answers: dict[str, Answer] = {
        "default": f'<rss version="2.0" xmlns="http://backend.userland.com/rss2"><channel>{channel}<item>{inner}</item>'
        f"<item>{second}</item></channel></rss>",
        "rdf": rdf,
        "outside": f'<rss version="2.0"><channel>{channel}</channel><item>{inner}</item><item>{second}</item></rss>',
        "channels": f'<rss version="2.0"><channel>{channel}<item>{inner}</item></channel>'
        f"<channel><title>Other</title><item>{second}</item></channel></rss>",
    }
    podcast = (
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/DTDs/Podcast-1.0.dtd"><channel><title>Casts</title>'
        f"<link>{SITE}/</link><itunes:author>Quiet Voices</itunes:author><item>{inner.partition('<desc')[0]}"
        "<itunes:summary>About the sea.</itunes:summary><itunes:author>Ann</itunes:author></item></channel></rss>"
    )
    played = once(tmp_path, {**answers, "podcast": podcast})

    for name in answers:
        ids = ["urn:harbour:1", "urn:harbour:2"] if name == "rdf" else ["e1", "e2"]
        assert [(entry.id, entry.title, entry.content) for entry in played.entries(name)] == [
            (ids[0], "One", "<p>Text</p>"),
            (ids[1], "Two", "<p>Text</p>"),
        ], name
        assert played.entries(name)[0].feed.title in {"Harbour", "Other"}
    entry = played.entry("podcast")
    assert (entry.content, people(entry)) == ("<p>About the sea.</p>", [("Ann", None)])


@pytest.mark.family(31)
@pytest.mark.publishes("R83")
def test_bases_on_every_level(tmp_path: Path) -> None:
    """Relative bases of feed, entry and content are joined to the document's address, and end with their element."""
    entries = (
        '<entry xml:base="posts/"><id>tag:x,2026:1</id><title>One</title><updated>2026-02-02T08:00:00Z</updated>'
        '<link href="one.html"/><content type="html" xml:base="pictures/">&lt;img src="a.png"&gt;&lt;a href="/b"&gt;b&lt;/a&gt;'
        "&lt;a href='?c'&gt;c&lt;/a&gt;</content></entry>"
        "<entry><id>tag:x,2026:2</id><title>Two</title><updated>2026-02-02T08:00:00Z</updated>"
        '<link href="two.html"/><content type="html">&lt;img src="a.png"&gt;</content></entry>'
    )
    document = (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="blog/"><title>H</title><id>tag:x,2026:f</id>'
        f"<updated>2026-02-02T08:00:00Z</updated>{entries}</feed>"
    )
    played = once(tmp_path, {"a": document})

    base = found_base(played)
    one, two = played.entries("a")
    assert (one.link, two.link) == (f"{base}/blog/posts/one.html", f"{base}/blog/two.html")
    pictures = f"{base}/blog/posts/pictures/"
    assert one.content == f'<img src="{pictures}a.png"><a href="{base}/b">b</a><a href="{pictures}?c">c</a>'
    assert two.content == f'<img src="{base}/blog/a.png">'


# -- 36: what would run or leak

HOSTILE = (
    '<p style="position:fixed">Safe <b>words',
    "Safe <script>alert(1)</script>words",
    'Safe <iframe src="https://evil.example/"/>words',
    "Safe <svg onload=alert(1)><circle/></svg>words",
    'Safe <a href="java\tscript:alert(1)">words</a>',
    'Safe <meta http-equiv="refresh" content="0;url=https://evil.example/">words',
    '<form action="https://evil.example/">Safe <input name="p">words</form>',
    "Safe <img src=x onerror=alert(1)>words</div></article></body>",
    "Safe <!-- words",
    "Safe <style>* { display: none }</style>words",
    "Safe <object data='x.swf'>words",
)


@pytest.mark.post_row("D25", "D35")
@pytest.mark.family(36)
def test_nothing_runs_or_leaks(tmp_path: Path) -> None:
    """Scripts, frames, handlers, forms, refreshes and styles go with their text kept; an unclosed <b> ends with its post."""
    items = [f"<title>t{n}</title><description><![CDATA[{html}]]></description>" for n, html in enumerate(HOSTILE, 1)]
    played = once(tmp_path, {"a": rss(*items, "<title>next</title><description>&lt;p&gt;Next.&lt;/p&gt;</description>")})

    contents = {entry.title: entry.content for entry in played.entries("a")}
    assert contents["t1"] == "<p>Safe <b>words</b></p>"
    assert contents["next"] == "<p>Next.</p>"
    assert all("Safe" in text and "words" in text for title, text in contents.items() if title not in {"next", "t9"})
    every = b"".join(content for path, content in played.files().items() if not path.endswith(".css"))  # our own look
    assert not [
        sign
        for sign in (b"alert", b"evil.example", b"onload", b"onerror", b"iframe", b"position:fixed", b"display: none")
        if sign in every
    ]


# -- 44: languages


@pytest.mark.family(44)
def test_languages(tmp_path: Path) -> None:
    """An entry's own language goes before the feed's, whatever its text is in; a right-to-left title is balanced."""
    chinese = rss("<title>海边的旧书店</title><description>一篇中文文章。</description>", head="<language>en</language>")
    entries = (
        f'<entry xml:lang="{language}"><id>tag:x,2026:{language}</id><title>{title}</title>'
        "<updated>2026-02-02T08:00:00Z</updated><content>x</content></entry>"
        for language, title in (("he", "שלום עולם"), ("de", "Grüße"), ("ar", "\u202bمرحبا"))
    )
    mixed = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>H</title><id>tag:x,2026:f</id>'
        f"<updated>2026-02-02T08:00:00Z</updated>{''.join(entries)}</feed>"
    )
    played = once(tmp_path, {"chinese": chinese, "mixed": mixed})

    assert played.entry("chinese").language == "en"
    assert {entry.title: entry.language for entry in played.entries("mixed")} == {
        "שלום עולם": "he",
        "Grüße": "de",
        "مرحبا": "ar",
    }
    assert played.published()["שלום עולם"].get("{http://www.w3.org/XML/1998/namespace}lang") == "he"


# -- 45: placeholders, stubs, credits


@pytest.mark.post_row("D38")
@pytest.mark.family(45)
def test_a_deleted_original_is_no_entry(tmp_path: Path) -> None:
    """Where ZAKER shows only that the original was deleted there is no post, and one that is there keeps its text."""
    text = "<title>书店</title><description>&lt;p&gt;旧书店开了门。&lt;/p&gt;</description>"
    gone = "<title>书店</title><description>&lt;p&gt;抱歉，原文已被删除&lt;/p&gt;</description>"
    with play(tmp_path, {"a": [rss(text), rss(gone, gone)]}, a=", fixes: [zaker]") as played:
        played.poll()
        before = played.files()
        told = played.poll(8)["a"]

    assert (told.outcome, played.files()) == (Outcome.SAME, before)


@pytest.mark.family(45)
@pytest.mark.parametrize(
    "credit",
    [
        "<br><br>Powered by RSSHub",
        "<hr/><p>Powered by <a href='https://github.com/DIYgod/RSSHub'>RSSHub</a></p>",
        "<div><small>Made with love by RSSHub(https://github.com/DIYgod/RSSHub)</small></div>\n",
        "\nPowered by RSSHub.",
    ],
)
def test_an_aggregators_own_line(tmp_path: Path, credit: str) -> None:
    """The line that RSSHub adds at the end of a text goes; the same words within a text are its own."""
    items = [
        f"<title>a</title><description><![CDATA[<div><p>Text of the article.</p>{credit}</div>]]></description>",
        f"<title>b</title><description><![CDATA[{credit}]]></description>",
        "<title>c</title><description><![CDATA[<p>My page is powered by RSSHub</p>]]></description>",
        f"<title>d</title><description><![CDATA[<p>Before</p>{credit}<p>and after.</p>]]></description>",
    ]
    contents = [entry.content for entry in once(tmp_path, {"a": rss(*items)}).entries("a")]

    assert contents[:3] == ["<div><p>Text of the article.</p></div>", "", "<p>My page is powered by RSSHub</p>"]
    assert "RSSHub" in contents[3]


@pytest.mark.family(45)
def test_a_paywalls_stub_is_what_upstream_gives(tmp_path: Path) -> None:
    """Nobody can tell a stub from a short text, so it is published as it is, with the link to the rest."""
    stub = "<title>Long read</title><description>&lt;p&gt;This post is for subscribers.&lt;/p&gt;</description>"
    played = once(tmp_path, {"a": rss(stub)})

    assert (played.entry("a").content, played.entry("a").link) == ("<p>This post is for subscribers.</p>", f"{SITE}/1")
    assert content_of(played, "Long read") == "<p>This post is for subscribers.</p>"
