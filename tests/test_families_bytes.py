"""Families 1 to 6: bytes, encodings, characters and markup that are not what they should be, through the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.play import Answer, once
from tests.raw_upstream import reply
from tests.timeline import RSS_TYPE

TEXT = "<p>正文：海边的旧书店开了门。</p>"


def item(number: int, title: str, body: str = "A text of its own.", more: str = "") -> str:
    """Return an <item> whose title and body stand there as given."""
    return (
        f"<item><title>{title}</title><link>https://harbour.example/{number}</link><guid isPermaLink='false'>h{number}</guid>"
        f"<pubDate>Mon, 0{number} Feb 2026 08:00:00 GMT</pubDate><description>{body}</description>{more}</item>"
    )


def rss(items: str, declaration: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    """Return a document that begins with this declaration."""
    return f"{declaration}<rss version='2.0'><channel><title>Harbour</title><link>https://harbour.example/</link>{items}</channel></rss>"


def typed(body: bytes, content_type: str) -> bytes:
    """Return a 200 with this Content-Type."""
    return reply(200, body, content_type=content_type)


@pytest.mark.family(1)
def test_what_stands_before_the_document(tmp_path: Path) -> None:
    """A byte order mark, blank lines and PHP warnings, in text or HTML, before the document cost none of its entries."""
    document = rss(item(1, "First") + item(2, "Second")).encode()
    before: dict[str, bytes] = {
        "bom": b"\xef\xbb\xbf",
        "two-boms": b"\xef\xbb\xbf\xef\xbb\xbf",
        "blank": b"\r\n\r\n \t\n",
        "bom-and-blank": b"\xef\xbb\xbf\n\n",
        "warning": b"\nWarning: Undefined variable $a in /srv/www/feed.php on line 12\n",
        "html-warning": b"<br />\n<b>Notice</b>:  Undefined index: rss in <b>/srv/feed.php</b> on line <b>3</b><br />\n",
    }
    played = once(tmp_path, {name: start + document for name, start in before.items()})

    assert all([entry.title for entry in played.entries(name)] == ["First", "Second"] for name in before)
    assert [name for name in before if played.told[name].warnings] == ["warning", "html-warning"]


@pytest.mark.family(2, 3)
def test_encodings_that_lie(tmp_path: Path) -> None:
    """Whatever header and declaration say, the title and the text are read as they were written."""
    utf8 = '<?xml version="1.0" encoding="utf-8"?>'
    gb2312 = '<?xml version="1.0" encoding="gb2312"?>'
    feed = item(1, "海边的旧书店", TEXT.replace("<", "&lt;"))
    rare = item(1, "镕喆囍·㐀", TEXT.replace("<", "&lt;"))  # beyond GB 2312: in GBK, and in GB 18030 only
    answers: dict[str, Answer] = {
        "header-gbk-bytes-utf8": typed(rss(feed, utf8).encode(), "text/xml; charset=gbk"),
        "header-gbk-bytes-gbk": typed(rss(feed, utf8).encode("gbk"), "text/xml; charset=gbk"),
        "text-xml": typed(rss(feed, utf8).encode(), "text/xml"),
        "text-xml-undeclared": typed(rss(feed, "").encode(), "text/xml"),
        "gb2312-is-gb18030": typed(rss(rare, gb2312).encode("gb18030"), RSS_TYPE),
        "utf16-le": typed(b"\xff\xfe" + rss(feed, '<?xml version="1.0" encoding="utf-16"?>').encode("utf-16-le"), RSS_TYPE),
        "utf16-be": typed(b"\xfe\xff" + rss(feed, '<?xml version="1.0" encoding="utf-16"?>').encode("utf-16-be"), RSS_TYPE),
    }
    played = once(tmp_path, answers)

    for name in answers:
        entry = played.entry(name)
        assert (name, entry.title) == (name, "镕喆囍·㐀" if name.startswith("gb2312") else "海边的旧书店")
        assert entry.content == TEXT
    assert played.told["gb2312-is-gb18030"].warnings == ()


@pytest.mark.family(3)
def test_stray_latin_1_bytes(tmp_path: Path) -> None:
    """Single Latin-1 bytes within UTF-8 are the letters that they were meant to be, and the rest stays what it is."""
    document = rss(item(1, "Größe in 北京 und CAF@", TEXT.replace("<", "&lt;"))).encode().replace(b"@", b"\xc9")

    entry = once(tmp_path, {"a": document}).entry("a")

    assert (entry.title, entry.content) == ("Größe in 北京 und CAFÉ", TEXT)


@pytest.mark.post_row("R49")
@pytest.mark.family(4)
@pytest.mark.parametrize(
    "forbidden", ["\0", "\x0b", "\x1b", "\ufffe", "&#xD83D;", "&#0;", "&#11;", "&#xFFFE;", "&#55357;", "\x1b[31m"], ids=ascii
)
def test_what_xml_forbids(tmp_path: Path, forbidden: str) -> None:
    """Controls, non-characters and lone surrogates vanish from title and text, in CDATA as well; the rest is untouched."""
    items = item(1, f"Be{forbidden}fore", f"&lt;p&gt;Be{forbidden}fore &amp;amp; after&lt;/p&gt;") + item(
        2, "Sound", f"<![CDATA[<p>In{forbidden} CDATA</p>]]>"
    )
    played = once(tmp_path, {"a": rss(items)})

    first, second = played.entries("a")
    shown = "[31m" if "[" in forbidden else ""
    assert (first.title, first.content) == (f"Be{shown}fore", f"<p>Be{shown}fore &amp; after</p>")
    assert (second.title, second.content) == ("Sound", f"<p>In{shown} CDATA</p>")


@pytest.mark.family(5)
def test_entities_without_a_dtd(tmp_path: Path) -> None:
    """`&nbsp;` and a bare `&` are read as they were meant; a title that was escaped twice is shown as it was meant, too."""
    items = (
        item(1, "Salt &nbsp;&amp;&mdash; pepper", "Fish & chips&nbsp;now")
        + item(2, "AT&T &amp; Bell", "<![CDATA[<p>R&D &amp; more&nbsp;&copy;</p>]]>")
        + item(3, "Tom &amp;amp; Jerry &amp;#8217;s", "&lt;p&gt;Tom &amp;amp; Jerry&lt;/p&gt;")
    )
    played = once(tmp_path, {"a": rss(items)})

    assert [(entry.title, entry.content) for entry in played.entries("a")] == [
        ("Salt &— pepper", "<p>Fish &amp; chips&nbsp;now</p>"),
        ("AT&T & Bell", "<p>R&amp;D &amp; more&nbsp;©</p>"),
        ("Tom & Jerry ’s", "<p>Tom &amp; Jerry</p>"),
    ]


@pytest.mark.family(5)
def test_entities_of_a_doctype(tmp_path: Path) -> None:
    """An entity bomb costs its own poll, in one line; an external entity is never opened; a literal one is text."""
    secret = tmp_path / "secret.txt"
    secret.write_text("not to be read", "utf-8")
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    head = '<?xml version="1.0"?><!DOCTYPE rss [{}]>'
    answers: dict[str, Answer] = {
        "bomb": rss(item(1, "&e9;"), head.format(f'<!ENTITY e0 "lol">{bomb}')),
        "file": rss(item(1, "It says &x;."), head.format(f'<!ENTITY x SYSTEM "{secret.as_uri()}">')),
        "web": rss(item(1, "It says &x;."), head.format('<!ENTITY x SYSTEM "http://127.0.0.2:9/x">')),
        "remote-subset": rss(item(1, "Plain"), '<!DOCTYPE rss SYSTEM "http://127.0.0.2:9/rss.dtd">'),
        "literal": rss(item(1, "It says &x;."), head.format('<!ENTITY x "hello">')),
    }
    played = once(tmp_path, answers)

    assert played.told["bomb"].kind == "parse"
    assert "entit" in str(played.told["bomb"].message)
    assert played.entries("bomb") == []
    assert {name: played.entry(name).title for name in answers if name != "bomb"} == {
        "file": "It says &x;.",
        "web": "It says &x;.",
        "remote-subset": "Plain",
        "literal": "It says hello.",
    }
    assert not any(b"not to be read" in text for text in played.files().values())


@pytest.mark.post_row("D18")
@pytest.mark.family(6)
def test_cdata_that_ends_early(tmp_path: Path) -> None:
    """`]]>` within a CDATA section leaves its entry and the ones beside it with all their words."""
    inside = item(2, "Arrays", "<![CDATA[<p>Write a[b[0]]>c and go on.</p>]]>")
    nested = item(3, "Nested", "<![CDATA[<p>Outer <![CDATA[inner]]> tail</p>]]>")
    played = once(tmp_path, {"a": rss(item(1, "Before") + inside + nested + item(4, "After"))})

    entries = {entry.title: entry.content for entry in played.entries("a")}
    assert list(entries) == ["Before", "Arrays", "Nested", "After"]
    assert all(word in entries["Arrays"] for word in ("Write", "a[b[0", "c and go on."))
    assert all(word in entries["Nested"] for word in ("Outer", "inner", "tail"))
    assert entries["After"] == "<p>A text of its own.</p>"


@pytest.mark.family(6)
def test_cdata_that_never_ends(tmp_path: Path) -> None:
    """An unclosed CDATA section costs at most its own entry; neither it nor its text takes in the entries after it."""
    broken = item(2, "Broken", "<![CDATA[<p>No end")
    played = once(tmp_path, {"a": rss(item(1, "Before") + broken + item(3, "After") + item(4, "Last"))})

    entries = {entry.title: entry.content for entry in played.entries("a")}
    assert {"Before", "After", "Last"} <= set(entries)
    assert "After" not in entries.get("Broken", "")
    assert entries["After"] == entries["Last"] == "<p>A text of its own.</p>"


@pytest.mark.family(6)
def test_a_text_cut_within_a_tag(tmp_path: Path) -> None:
    """A text that upstream cuts within a tag keeps its words, ends properly, and leaks nothing into the next entry."""
    cut = item(1, "Cut", '<![CDATA[<p>Long <b>story <a href="https://harbour.example/wha]]>')
    comment = item(2, "Comment", "<![CDATA[<p>Kept</p><!-- cut here]]>")
    played = once(tmp_path, {"a": rss(cut + comment + item(3, "After"))})

    contents = [entry.content for entry in played.entries("a")]
    assert contents == ["<p>Long <b>story </b></p>", "<p>Kept</p>", "<p>A text of its own.</p>"]
