"""Good documents of every format that we publish, and defects to seed into them: one small change each, and what it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aggregator.model.output import Tombstone, Twin
from aggregator.model.settings import Site
from aggregator.publish.addresses import OPML_PATH, REDIRECTS_PATH, public_url
from aggregator.publish.atom import build_feed
from aggregator.publish.opml import render_opml
from aggregator.publish.twins import build_twin
from tests.publish_records import NOON, SITE_ID, SITE_URL, episode_item, make_frame, make_item

Edit = Callable[[str], str]
ATOM_PATH = "feeds/新媒体.atom"
_TWINS = {"rss": "feeds/新媒体.rss", "json": "feeds/新媒体.json"}
PAGE_PATH = "feeds/新媒体.archive/2026-02.atom"
REQUIRED, LINK, TEXT, SECURITY, DATE = "§4.1", "§4.2.7.1", "§3.1.1", "§8.1", "§3.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One change to a good document, and the sections that the findings must name, in their order; no other may be."""

    path: str  #: which document it is seeded into
    edit: Edit
    rules: tuple[str, ...]


def cut(pattern: str, with_: str = "", *, count: int = 1) -> Edit:
    """Return the edit that replaces what matches; it must match."""

    def edit(text: str) -> str:
        edited, done = re.subn(pattern, with_, text, count=count, flags=re.DOTALL)
        assert done, f"the document holds no {pattern}"
        return edited

    return edit


def both(first: Edit, second: Edit) -> Edit:
    """Return one edit after the other: where only both together are a defect."""
    return lambda text: second(first(text))


def good_documents() -> dict[str, bytes]:
    """Return one sound document of each kind, with everything that it can have, by its path."""
    frame = make_frame(
        icon="https://news.example/icon.png", logo="https://news.example/logo.png", hubs=("https://hub.example/",)
    )
    gone = [Tombstone(id="https://paper.example/id/0", at=NOON)]
    built = build_feed(frame, [make_item(1), episode_item(2)], source_order={}, tombstones=gone)
    feed = built.content
    rss, json = (Twin(format=name, path=path, self_link=public_url(SITE_URL, path)) for name, path in _TWINS.items())
    return {
        ATOM_PATH: feed,
        rss.path: build_twin(rss, frame, built),
        json.path: build_twin(json, frame, built),
        PAGE_PATH: _page(feed.decode()).encode(),
        OPML_PATH: render_opml(
            Site(id=SITE_ID, title="小站", url=SITE_URL, author="小站"), [make_frame(()), frame, make_frame(("新媒体", "早报"))]
        ),
        REDIRECTS_PATH: '{"feeds/旧.atom": "feeds/新媒体.atom", "feeds/更旧.atom": "feeds/新媒体.atom"}\n'.encode(),
    }


def _page(feed: str) -> str:
    """Make an archive page of a feed, as RFC 5005 §4 has it."""
    own = SITE_URL + "feeds/%E6%96%B0%E5%AA%92%E4%BD%93"
    head = f'<link href="{own}.atom" rel="current"/><link href="{own}.archive/2026-01.atom" rel="prev-archive"/>'
    mark = '<fh:archive xmlns:fh="http://purl.org/syndication/history/1.0"/>'
    return cut(re.escape(f'{own}.atom" rel="self"'), f'{own}.archive/2026-02.atom" rel="self"')(
        cut("<generator>", f"{head}{mark}<generator>")(feed)
    )


_ENTRY_ID = "<id>https://paper.example/id/2</id>"
_ALTERNATE = '<link href="https://paper.example/2.html" rel="alternate"/>'
_CONTENT = r'<content type="html">.*?</content>'
_RUN = r"(<content[^>]*>)"

_FEED: Mapping[str, tuple[Edit, str | tuple[str, ...]]] = {
    "empty file": (lambda _: "", "§2"),
    "cut off": (lambda text: text[: len(text) // 2], "§2"),
    "control character": (cut("第 2", "\x07"), "§2"),
    "bare ampersand": (cut("&amp; c", "& c"), "§2"),
    "entity of HTML": (cut("第 2", "&nbsp;"), "§2"),
    "document type": (cut("<feed", '<!DOCTYPE feed [<!ENTITY x "y">]><feed'), "§2"),
    "another root": (lambda _: '<rss version="2.0"><channel/></rss>', "§4.1.1"),
    "no namespace": (cut(' xmlns="http://www.w3.org/2005/Atom"'), "§4.1.1"),
    "Atom 0.3": (cut("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"), "§4.1.1"),
    "no id": (cut("<id>.*?</id>"), REQUIRED),
    "two ids": (cut("(<id>.*?</id>)", r"\1\1"), REQUIRED),
    "relative id": (cut("<id>urn:uuid:", "<id>"), "§4.2.6"),
    "id with a space": (cut("<id>urn", "<id> urn"), "§4.2.6"),
    "no title": (cut("<title>.*?</title>"), REQUIRED),
    "empty title": (cut("<title>新媒体", "<title>"), REQUIRED),
    "title of HTML": (cut("<title>", '<title type="html">'), "§3.1.1.1"),
    "title of an unknown type": (cut("<title>", '<title type="markdown">'), ("§3.1.1", "§3.1.1.1")),
    "no updated": (cut("<updated>.*?</updated>"), REQUIRED),
    "updated without a zone": (cut(r"T14:00:00\+00:00</updated>", "T14:00:00</updated>"), DATE),
    "updated by the clock": (cut("<updated>2026", "<updated>2027"), "§4.2.15"),
    "no self link": (cut('<link [^>]*rel="self"[^>]*>'), "§4.1.1"),
    "two self links": (cut('(<link [^>]*rel="self"[^>]*>)', r"\1\1"), "§4.1.1"),
    "self link relative": (cut("https://news.example/planet/feeds", "/feeds"), LINK),
    "no page": (cut('<link [^>]*rel="alternate"[^>]*>'), "§4.1.1"),
    "hub without an address": (cut(' href="https://hub.example/"'), LINK),
    "two generators": (cut("(<generator>.*?</generator>)", r"\1\1"), REQUIRED),
    "icon of a script": (cut("<icon>https://news.example/icon.png", "<icon>javascript:x"), "§4.2.5"),
    "logo relative": (cut("<logo>https://news.example", "<logo>"), "§4.2.8"),
    "text between elements": (cut("<generator>", "text<generator>"), REQUIRED),
    "attribute of nobody": (cut("<feed ", '<feed dir="rtl" '), "§2"),
    "language": (cut('xml:lang="zh-CN"', 'xml:lang="zh_CN"'), "§2"),
    "element of RSS": (cut("<generator>", "<pubDate>x</pubDate><generator>"), REQUIRED),
    "element of no namespace": (cut("<generator>", '<x xmlns=""/><generator>'), "§6.4"),
    "author without a name": (cut("<name>小站</name>"), "§3.2.1"),
    "XSLT": (cut('type="text/css"', 'type="text/xsl"'), SECURITY),
    "script for browsers": (cut("</h:header>", "<h:script>x</h:script></h:header>"), SECURITY),
    "handler for browsers": (cut("<h:header", '<h:header onclick="x"'), SECURITY),
    "script link for browsers": (cut('<h:a href="', '<h:a href="java&#10;script:'), SECURITY),
    "two entries of one id": (cut(_ENTRY_ID, "<id>https://paper.example/id/1</id>"), "§4.1.1"),
    "oldest first": (cut("(<entry .*?</entry>)(.*?)(<entry .*?</entry>)", r"\3\2\1"), "§4.1.1"),
    "deletion without a date": (cut(' when="[^"]*"'), "RFC 6721 §3"),
    "deletion of no IRI": (cut(' ref="https://', ' ref="'), "RFC 6721 §3"),
    "deletion of what stands": (cut('id/0"', 'id/2"'), "RFC 6721 §3"),
    "deletion twice": (cut("(<at:deleted-entry [^>]*>)", r"\1\1"), "RFC 6721 §3"),
}
_ENTRY: Mapping[str, tuple[Edit, str | tuple[str, ...]]] = {
    "entry without id": (cut(_ENTRY_ID), REQUIRED),
    "entry id relative": (cut("<id>https://paper", "<id>//paper"), "§4.2.6"),
    "entry without title": (cut("<title>第 2.*?</title>"), REQUIRED),
    "entry title of blanks": (cut("<title>第 2.*?</title>", "<title> </title>"), REQUIRED),
    "title with an element": (cut("<title>第 2", "<title><b/>第 2"), ("§3.1.1", "§3.1.1.1")),
    "published in lower case": (cut(r"T14:00:00\+00:00</published>", "t14:00:00z</published>"), DATE),
    "30 February": (cut(r"2026-03-01T14(\S*</published>)", r"2026-02-30T14\1"), DATE),
    "date of RFC 822": (cut("<published>[^<]*", "<published>Sun, 01 Mar 2026 14:00:00 GMT"), DATE),
    "date alone": (cut("T14[^<]*</published>", "</published>"), DATE),
    "no author anywhere": (cut("<author>.*?</author>", count=0), ("§4.1.2", "§4.1.2")),
    "byline empty": (cut("<name>阿明</name>", "<name/>"), "§3.2.1"),
    "two names": (cut("<name>阿明</name>", "<name>阿明</name><name>b</name>"), "§3.2"),
    "e-mail": (cut("<email>[^<]*", "<email>ming"), "§3.2.3"),
    "address of a person": (cut("<uri>https:", "<uri>javascript:"), "§3.2.2"),
    "category without a term": (cut(' term="go"'), "§4.2.2"),
    "scheme that is no IRI": (cut('scheme="https://paper.example/', 'scheme="'), "§4.2.2.2"),
    "two alternates": (cut(_ALTERNATE, _ALTERNATE * 2), REQUIRED),
    "relation misspelt": (cut('rel="via"', 'rel="source"'), "§4.2.7.2"),
    "type that is none": (cut('type="audio/mpeg"', 'type="mp3"'), "§4.2.7.3"),
    "language of a link": (cut('rel="via"', 'rel="via" hreflang="zh_CN"'), "§4.2.7.4"),
    "length in words": (cut('length="1234"', 'length="1.2 kB"'), "§4.2.7.6"),
    "enclosure without an address": (cut(' href="https://cdn.example/2.mp3"'), LINK),
    "link that runs": (cut('href="https://paper.example/2.html" rel="alternate"', 'href="javascript:x" rel="alternate"'), LINK),
    "link to a file": (cut('href="https://cdn.example/2.mp3"', 'href="file:///etc/passwd"'), LINK),
    "neither content nor link": (both(cut(_ALTERNATE), cut(_CONTENT)), "§4.1.2"),
    "content of type CDATA": (cut('content type="html"', 'content type="CDATA"'), "§4.1.3.1"),
    "html that is not escaped": (cut(_RUN, r"\1<b/>"), "§4.1.3.3"),
    "xhtml without its div": (cut('content type="html"', 'content type="xhtml"'), "§3.1.1.3"),
    "content elsewhere, no summary": (
        both(cut(_CONTENT, '<content type="text/html" src="https://a.example/"/>'), cut("<summary>.*?</summary>")),
        ("§4.1.3.1", "§4.1.2"),
    ),
    "content elsewhere and here": (cut('content type="html"', 'content src="https://a.example/"'), "§4.1.3.2"),
    "two contents": (cut("<summary>", "<content/><summary>"), REQUIRED),
    "two summaries": (cut("<summary>", "<summary/><summary>"), REQUIRED),
    "two rights": (cut("(<rights>CC.*?</rights>)", r"\1\1"), REQUIRED),
    "summary of an unknown type": (cut("<summary>", '<summary type="CDATA">'), TEXT),
    "summary that runs": (cut("<summary>", '<summary type="html">&lt;script&gt;'), SECURITY),
    "script": (cut(_RUN, r"\1&lt;script&gt;x&lt;/script&gt;"), SECURITY),
    "event handler": (cut(_RUN, r'\1&lt;img src="https://a.example/" onerror="x"&gt;'), SECURITY),
    "javascript link": (cut(_RUN, r'\1&lt;a href="javascript:x"&gt;y&lt;/a&gt;'), SECURITY),
    "relative link": (cut(_RUN, r'\1&lt;a href="../x"&gt;y&lt;/a&gt;'), SECURITY),
    "relative picture": (cut(_RUN, r'\1&lt;img src="x.png"&gt;'), SECURITY),
    "form": (cut(_RUN, r"\1&lt;form&gt;"), SECURITY),
    "escaped by halves": (cut(_RUN, r"\1&lt;a href="), SECURITY),
    "no source": (cut("<source>.*?</source>"), "§4.2.11"),
    "source without an id": (cut("<source>(.*?)<id>.*?</id>", r"<source>\1"), "§4.2.11"),
    "source with an entry": (cut("<source>", "<source><entry/>"), "§4.2.11"),
    "source that runs": (cut('href="https://paper.example/" rel', 'href="javascript:x" rel'), LINK),
    "duration in words": (cut("<itunes:duration>3723", "<itunes:duration>1h"), "Apple's podcast RSS <itunes:duration>"),
    "picture of an episode": (
        cut('<itunes:image href="https:', '<itunes:image href="data:'),
        "Apple's podcast RSS <itunes:image>",
    ),
    "element in an id": (cut("<id>https://paper.example/id/2", "<id><b/>https://paper.example/id/2"), ("§4.2", "§4.2.6")),
    "element of Atom in a link": (cut(re.escape(_ALTERNATE), _ALTERNATE[:-2] + "><title>x</title></link>"), "§4.2"),
    "source of no date": (cut(r"(<source>.*?<updated>)[^<]*", r"\1yesterday"), DATE),
}
_ARCHIVE: Mapping[str, tuple[Edit, str | tuple[str, ...]]] = {
    "page without the live feed": (cut('<link [^>]*rel="current"/>'), "RFC 5005 §4"),
    "page that is its own live feed": (cut(r'\.atom" rel="current"', '.archive/2026-02.atom" rel="current"'), "RFC 5005 §4"),
    "page before itself": (cut(r'2026-01\.atom" rel="prev', '2026-02.atom" rel="prev'), "RFC 5005 §4"),
    "two pages before": (cut('(<link [^>]*rel="prev-archive"/>)', r"\1\1"), "RFC 5005 §4"),
    "mark that holds something": (cut("(<fh:archive [^>]*)/>", r"\1>yes</fh:archive>"), "RFC 5005 §4"),
    "archive that is complete": (
        cut("(<fh:archive ([^>]*)/>)", r"\1<fh:complete \2/>"),
        "RFC 5005 §2",
    ),
}
_OPML: Mapping[str, tuple[Edit, str | tuple[str, ...]]] = {
    "list cut off": (lambda text: text[:-20], "OPML 2.0"),
    "list of no version": (cut(' version="2.0"'), "OPML 2.0, <opml>"),
    "list without a head": (cut("<head>.*</head>"), ("OPML 2.0, <opml>", "OPML 2.0, <head>")),
    "list without a title": (cut("<title>.*?</title>"), "OPML 2.0, <head>"),
    "empty list": (cut("<body>.*</body>", "<body/>"), "OPML 2.0, <body>"),
    "outline without text": (cut(' text="全部"'), "OPML 2.0, <outline>"),
    "feed without an address": (cut(' xmlUrl="[^"]*"'), "OPML 2.0, Subscription lists"),
    "feed that is called none": (cut(' type="rss"'), "OPML 2.0, Subscription lists"),
    "feed at a relative address": (cut('xmlUrl="https://news.example', 'xmlUrl="'), "OPML 2.0, Subscription lists"),
    "feed with a password": (cut('xmlUrl="https://', 'xmlUrl="https://me:secret@'), "OPML 2.0, Subscription lists"),
    "page of a script": (cut('htmlUrl="https:', 'htmlUrl="javascript:'), "OPML 2.0, Subscription lists"),
}
_REDIRECTS: Mapping[str, tuple[Edit, str | tuple[str, ...]]] = {
    "no JSON": (cut("}", ""), "RFC 8259"),
    "no table": (lambda _: "[]", "RFC 9110 §15.4.2"),
    "a step further": (cut("feeds/新媒体.atom", "feeds/更旧.atom"), "RFC 9110 §15.4.2"),
    "out of the folder": (cut("feeds/新媒体.atom", "feeds/../x.atom"), "RFC 9110 §15.4.2"),
    "no place": (cut('"feeds/新媒体.atom"', "1"), "RFC 9110 §15.4.2"),
}


_RSS: Mapping[str, tuple[Edit, str | tuple[str, ...]]] = {
    "RSS cut off": (lambda text: text[: len(text) // 2], "RSS 2.0: a feed is XML 1.0"),
    "RSS of a DTD": (cut("<rss", '<!DOCTYPE rss [<!ENTITY x "y">]><rss'), "RSS 2.0: a feed is XML 1.0"),
    "RSS 0.91": (cut('version="2.0"', 'version="0.91"'), "RSS 2.0 <rss>"),
    "no channel": (cut("<channel>.*</channel>"), "RSS 2.0 <channel>"),
    "channel without a description": (cut("<description>.*?</description>"), "RSS 2.0 <description>"),
    "channel without a page": (cut("<link>.*?</link>"), "RSS 2.0 <link>"),
    "channel in no language": (cut("<language>zh-CN", "<language>Chinese (simplified)"), "RSS 2.0 <language>"),
    "built yesterday": (cut("<lastBuildDate>Sun, 01 Mar 2026", "<lastBuildDate>Sat, 28 Feb 2026"), "RSS 2.0 <lastBuildDate>"),
    "RSS without itself": (cut('<atom:link [^>]*rel="self"[^>]*>'), "RSS profile, atom:link"),
    "item of two guids": (cut("(<guid .*?</guid>)", r"\1\1"), "RSS 2.0 <guid>"),
    "guid that is called an address": (cut('<guid isPermaLink="false">https:', "<guid>urn:"), "RSS 2.0 <guid>"),
    "no guid": (cut("<guid .*?</guid>"), "RSS profile, guid"),
    "guid of another": (cut("/id/2</guid>", "/id/1</guid>"), "RSS 2.0 <guid>"),
    "year of two digits": (cut("<pubDate>Sun, 01 Mar 2026", "<pubDate>Sun, 01 Mar 26"), "RSS 2.0 <pubDate>"),
    "date of Atom": (cut("<pubDate>[^<]*", "<pubDate>2026-03-01T12:00:00Z"), "RSS 2.0 <pubDate>"),
    "enclosure without a length": (cut(' length="1234"'), "RSS 2.0 <enclosure>"),
    "enclosure without a type": (cut(' type="audio/mpeg"'), "RSS 2.0 <enclosure>"),
    "author without an address": (cut("<dc:creator>阿明</dc:creator>", "<author>阿明</author>"), "RSS 2.0 <author>"),
    "nobody wrote it": (cut("<dc:creator>.*?</dc:creator>"), "RSS profile, dc:creator"),
    "script in RSS": (cut("(<content:encoded>)", r"\1&lt;script&gt;"), "RSS profile, description"),
    "link of RSS that runs": (cut("<link>https://paper", "<link>javascript://paper"), "RSS 2.0 <link>"),
    "script for browsers in RSS": (cut("</h:header>", "<h:script>x</h:script></h:header>"), "RFC 4287 §8.1"),
    "length of an episode": (cut("<itunes:duration>3723", "<itunes:duration>1h"), "Apple's podcast RSS <itunes:duration>"),
}
_JSON: Mapping[str, tuple[Edit, str | tuple[str, ...]]] = {
    "JSON cut off": (lambda text: text[:-20], "JSON Feed 1.1: a feed is JSON (RFC 8259)"),
    "JSON of no number": (cut("1234", "NaN"), "JSON Feed 1.1: a feed is JSON (RFC 8259)"),
    "JSON that is a list": (lambda text: f"[{text}]", "JSON Feed 1.1"),
    "JSON of another version": (cut("jsonfeed.org/version/1.1", "jsonfeed.org/version/2"), "JSON Feed 1.1, version"),
    "JSON without a title": (cut('"title": "新媒体",'), "JSON Feed 1.1, title"),
    "JSON without itself": (cut('"feed_url": "[^"]*",'), "JSON Feed 1.1, feed_url"),
    "id that is a number": (cut('"id": "https://paper.example/id/2"', '"id": 2'), "JSON Feed 1.1, id"),
    "no id in JSON": (cut('"id": "https://paper.example/id/2",'), "JSON Feed 1.1, id"),
    "one id twice": (cut("/id/2", "/id/1"), "JSON Feed 1.1, id"),
    "no content in JSON": (cut('"content_html": "[^\\n]*",'), "JSON Feed 1.1, content_html"),
    "script in JSON": (cut('"content_html": "', '"content_html": "<script>'), "JSON Feed 1.1, content_html"),
    "link of JSON that runs": (cut('"url": "https://paper', '"url": "javascript://paper'), "JSON Feed 1.1, url"),
    "date without a zone": (cut(r'14:00:00\+00:00"', '14:00:00"'), "JSON Feed 1.1, date_published"),
    "attachment without a type": (cut('"mime_type": "audio/mpeg",'), "JSON Feed 1.1, attachments"),
    "name twice in JSON": (cut('"language"', '"title": "a", "language"'), "JSON Feed 1.1, objects (RFC 8259 §4)"),
    "author of nothing": (cut('"name": "小站"'), "JSON Feed 1.1, authors"),
}


def _defects() -> dict[str, Defect]:
    tables = {ATOM_PATH: {**_FEED, **_ENTRY}, PAGE_PATH: _ARCHIVE, OPML_PATH: _OPML, REDIRECTS_PATH: _REDIRECTS}
    tables |= {_TWINS["rss"]: _RSS, _TWINS["json"]: _JSON}
    found: dict[str, Defect] = {}
    for path, table in tables.items():
        for name, (edit, rules) in table.items():
            named = (rules,) if isinstance(rules, str) else rules
            assert name not in found
            whole = tuple(rule if rule[0] != "§" else f"RFC 4287 {rule}" for rule in named)
            found[name] = Defect(path=path, edit=edit, rules=whole)
    return found


DEFECTS = _defects()
