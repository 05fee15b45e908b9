"""The fast reader: what it takes, it reads as feedparser does; what it is not sure of, it leaves."""

from __future__ import annotations

import pytest
from feedparser.api import StrictFeedParser
from hypothesis import HealthCheck, given, settings

from aggregator.model.parsed import ParsedFeed
from aggregator.parse import document as road
from aggregator.parse import fast_elements, reader
from aggregator.parse.fast import read_fast, read_surely
from aggregator.parse.fast_names import HANDLED, NAMESPACES
from aggregator.parse.fast_state import UnsureError
from aggregator.parse.prolog import open_document
from tests.fast_feeds import feeds

_RSS = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
 xmlns:atom="http://www.w3.org/2005/Atom" xmlns:ex="http://example.com/ex"><channel><title>T</title>{}</channel></rss>"""
_RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">{}</rdf:RDF>'
_ATOM = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:ex="http://example.com/ex"><id>urn:f</id><title>T</title>{}</feed>'


def _reason(text: str) -> str | None:
    """Return why a document was left to feedparser; None if it was not."""
    try:
        read_surely(open_document(text), None)
    except UnsureError as error:
        return str(error)
    return None


def _both(text: str, monkeypatch: pytest.MonkeyPatch, language: str = "") -> tuple[ParsedFeed, ParsedFeed]:
    """Read a document on the fast road and on the slow one."""
    headers = [("Content-Type", "application/xml"), *([("Content-Language", language)] if language else [])]
    fast = road.parse_feed(text.encode(), headers, address="https://a.example/")
    with monkeypatch.context() as patch:
        patch.setattr(road, "read_fast", lambda _document, _language: None)
        slow = road.parse_feed(text.encode(), headers, address="https://a.example/")
    return fast, slow


def test_every_handler_of_feedparser_is_known_by_name() -> None:
    """No element that feedparser has a handler for can be passed over as somebody's extension."""
    handlers = {name.split("_", 2)[2].lower() for name in dir(StrictFeedParser) if name.startswith(("_start_", "_end_"))}

    assert handlers <= HANDLED


def test_the_namespaces_are_feedparsers() -> None:
    """Each namespace is called what feedparser calls it."""
    theirs = {address.lower(): name.lower() for address, name in StrictFeedParser.namespaces.items() if address}

    assert theirs == NAMESPACES


_TAKEN = {
    "rss": _RSS.format(
        "<item><title>A &amp;amp; B</title><link>https://a.example/1?a=1&amp;amp;b=2</link><guid>1</guid></item>"
    ),
    "rss-people": _RSS.format("<item><author>a@a.example (A)</author><dc:creator>B</dc:creator><dc:creator/></item>"),
    "rss-tags": _RSS.format(
        '<item><category domain="d"/><category>x</category><category>y</category><category>y</category></item>'
    ),
    "rss-titles": _RSS.format("<item><title> </title><dc:title>A</dc:title><title>B</title></item><title>late</title>"),
    "rss-source": _RSS.format('<item><title>A</title><source url="https://b.example/">S</source><title>B</title></item>'),
    "rss-image": _RSS.format("<image><title>I</title><link>https://b.example/</link></image><title>second</title><item/>"),
    "rss-content-first": _RSS.format("<item><content:encoded>&lt;p>c</content:encoded><description>d</description></item>"),
    "rss-content-alone": _RSS.format("<item><content:encoded>c</content:encoded></item>"),
    "rss-media": _RSS.format(
        '<item><media:group><media:title>deep</media:title><media:content url="/a.mp3" type="Audio/MPEG" isDefault="true"/>'
        '<media:content url="/b.mp3" medium="audio"/></media:group><media:title>flat</media:title>'
        "<media:thumbnail>/t.png</media:thumbnail></item>"
    ),
    "rss-media-deep-last": _RSS.format(
        "<item><media:title>flat</media:title><media:group><media:title>deep</media:title></media:group></item>"
    ),
    "rss-podcast": _RSS.format(
        '<itunes:category text="A"><itunes:category text="B"/></itunes:category><itunes:owner><itunes:name>N</itunes:name>'
        '</itunes:owner><item><itunes:image href="/i.jpg"/><itunes:duration>1:00</itunes:duration>'
        "<itunes:keywords>a, b,,a</itunes:keywords><itunes:explicit>clean</itunes:explicit></item>"
    ),
    "rss-hours": _RSS.format(
        "<ttl> 60 </ttl><skipHours><hour>1</hour><hour/></skipHours><skipDays><day>Monday</day></skipDays><item/>"
    ),
    "rss-self": _RSS.format(
        '<atom:link rel="SELF" href="https://a.example/f"/><link>https://a.example/?a=1&amp;amp;b=2</link>'
    ),
    "rss-extension": _RSS.format("<ex:a><ex:b>x</ex:b></ex:a><item><ex:a x='1'>text</ex:a><id>1</id></item>"),
    "rss-mojibake": _RSS.format("<item><title>caf\u00c3\u00a9</title><description>\u0093a\u0094</description></item>"),
    "rss-references": _RSS.format("<item><title>&#128;&#x2014;&#x80;</title></item>"),
    "rss-0.91": '<rss version="0.91"><channel><language>en_US</language><item><title>A</title></item></channel></rss>',
    "rss-no-version": "<rss><channel><item><title>A</title></item></channel></rss>",
    "rss-lang": '<rss version="2.0" xml:lang="de_AT"><channel><item xml:lang="fr"/><item xml:lang=""/><item/></channel></rss>',
    "rss-nested-declaration": _RSS.format('<item><post-id xmlns="com-wordpress:feed-additions:1">30</post-id></item>'),
    "rss-comment": _RSS.format("<item><title>A<!-- x -->B<?pi x?>C<![CDATA[<b>]]></title></item>"),
    "rdf": '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
    '<channel><title>T</title><image rdf:resource="i"/><items><rdf:Seq><rdf:li rdf:resource="1"/></rdf:Seq></items>'
    '</channel><image rdf:about="i"><title>I</title><url>u</url></image><item rdf:about="1"><title>A</title></item></rdf:RDF>',
    "atom": _ATOM.format(
        '<link rel="alternate" href="/a"/><link href="/b" type="TEXT/HTML"/><entry><id> urn:1 </id><title type="html">A</title>'
        "<summary>s</summary><content type='html'>c</content><author><name>N</name><uri>/u</uri></author>"
        '<author><email>e@a.example</email></author><category term="t" label="L"/><updated>2025-01-01</updated></entry>'
    ),
    "atom-xhtml": _ATOM.format(
        '<entry><title type="xhtml"> <div xmlns="http://www.w3.org/1999/xhtml">a &lt; b<br/>c</div> </title>'
        '<content type="XHTML" xml:base="https://b.example/">'
        '<h:div xmlns:h="http://www.w3.org/1999/xhtml" xml:lang="de" CLASS="&quot;">'
        '<h:a rel="NOFOLLOW" href="/x">a</h:a><!-- x --> &amp;<h:hr/></h:div></content></entry>'
        '<entry><summary type="xhtml"><div>a</div><div>b</div></summary><rights type="xhtml">text alone</rights></entry>'
    ),
    "rss-blogger": _RSS.format(
        '<item xmlns:thr="http://purl.org/syndication/thread/1.0"><thr:total>0</thr:total></item>'
        '<item xmlns:cc="http://cyber.law.harvard.edu/rss/creativeCommonsRssModule.html"><cc:license>l</cc:license></item>'
        '<item xmlns:georss="http://www.georss.org/georss"><georss:point>1 2 x</georss:point></item>'
        '<item xmlns:p="http://podlove.org/simple-chapters"><p:chapters><p:chapter start="1"/></p:chapters></item>'
    ),
    "rss-broken": _RSS.format("<item><title>a & b &nbsp; \x01&#1;</title></item>"),
    "rss-entities": '<!DOCTYPE rss [<!ENTITY x "y">]><rss version="2.0"><channel><title>&x; &eacute;</title></channel></rss>',
    "rss-entities-broken": '<!DOCTYPE rss [<!ENTITY x "y">]><rss version="2.0"><channel><title>&x; &1</title></channel></rss>',
    "rss-two-summaries": _RSS.format("<item><description>a</description><description>&lt;b></description></item>"),
    "rss-module-by-prefix": '<rss version="2.0" xmlns:dc="https://purl.org/dc/elements/1.1/" xmlns:media="https://m.example/">'
    '<channel><item><dc:title>a</dc:title><media:thumbnail url="/t.png"/></item></channel></rss>',
    "atom-src": _ATOM.format(
        '<entry><content src="/a" type="text/html"/></entry><entry><content src="b" type="Image/PNG" xml:base="/c/"/></entry>'
        '<entry><content src="">x</content><link href=""/></entry>'
    ),
    "rss-markup": _RSS.format(
        "<item><title>a &amp;amp; &lt;<b>c &lt;</b> d</title><description><p class='x'>e<br/></p><p/></description></item>"
        '<item><title type="xhtml"><h:div xmlns:h="http://www.w3.org/1999/xhtml">a</h:div></title></item>'
    ),
    "atom-markup": _ATOM.format(
        "<subtitle>a<b/></subtitle><entry><summary>a &amp; <h:b xmlns:h='http://www.w3.org/1999/xhtml'>c</h:b></summary></entry>"
    ),
    "rss-entry-image": _RSS.format(
        "<image><title>I</title></image><item><title>A</title><image> <url>u</url><link>l</link></image><title>B</title></item>"
        "<item><image>u</image><link>l</link></item>"
    ),
    "rss-feed-media": _RSS.format(
        '<media:group><media:content url="a"><media:title>x</media:title></media:content></media:group>'
        '<media:content url="b"/><item/>'
    ),
    "rss-many-tags": _RSS.format(f"<item>{''.join(f'<category>{n}</category>' for n in range(202))}</item>"),
    "atom-two-contents": _ATOM.format(
        '<entry><content>plain</content><content type="html">c</content></entry>'
        '<entry><content type="html">c</content><summary>s</summary><summary>t</summary></entry>'
    ),
    "rss-base": '<rss version="2.0" xml:base=" http://b.example/x?y "><channel><item xml:base=""><link>z</link></item>'
    '<item xml:base="mailto:x"><link>?z</link></item><item xml:base="/w/"><enclosure url="a.mp3"/></item></channel></rss>',
    "atom-base": '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.example/x/"><entry xml:base="https://b.example/">'
    '<id>1</id><link href="y"/><content type="html" xml:base="https://c.example/z/">c</content></entry>'
    '<entry><link href="?q"/></entry></feed>',
    "atom-source": _ATOM.format(
        "<entry><title>A</title><source><id>urn:s</id><title>S</title><author><name>X</name></author></source><title>B</title></entry>"
    ),
    "atom-deleted": '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">'
    '<at:deleted-entry ref="urn:1" when="2025"><title>gone</title></at:deleted-entry><at:deleted-entry/>'
    "<entry><id>urn:2</id></entry></feed>",
}


@pytest.mark.parametrize("name", _TAKEN)
@pytest.mark.parametrize("language", ["", "pt-BR"])
def test_what_is_taken_is_read_alike(name: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast road takes the document, and finds what the slow one finds."""
    assert _reason(_TAKEN[name]) is None
    fast, slow = _both(_TAKEN[name], monkeypatch, language)

    assert fast == slow


_LEFT = {
    "not-well-formed": _RSS.format("<item><title>a <b</title></item>"),
    "undeclared": _RSS.format("<item><no:title>a</no:title></item>"),
    "div-in-text": _RSS.format("<item><title>a<div>c</div></title></item>"),
    "element-in-link": _RSS.format("<item><link>a<b>c</b></link></item>"),
    "base64": _ATOM.format('<entry><content type="image/png">AAAA</content></entry>'),
    "content-src-and-text": _ATOM.format('<entry><content src="/a" type="text/html">b</content></entry>'),
    "atom-03": '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><id>1</id></entry></feed>',
    "foreign-prefix": '<rss version="2.0" xmlns:title="http://example.com/other"><channel/></rss>',
    "two-meanings": _RSS.format('<item><ex:a xmlns:ex="http://example.com/else"/></item>'),
    "two-names": _RSS.format('<item><a xmlns="http://example.com/u"/><u:a xmlns:u="http://example.com/u"/></item>'),
    "shifting-base": _RSS.format("<item/>").replace("<channel>", '<channel xml:base="x/">'),
    "deleted-in-text": _ATOM.format("<entry><summary>a<deleted-entry/></summary></entry>"),
    "text-like-a-tag": _ATOM.format("<entry><summary>&lt;div><b>a</b></summary></entry>"),
    "svg": _ATOM.format(
        '<entry><content type="xhtml"><svg xmlns="http://www.w3.org/2000/svg"><title>a</title></svg></content></entry>'
    ),
    "handler-in-xhtml": _ATOM.format('<entry><content type="xhtml"><source/></content></entry>'),
    "base-in-xhtml": _ATOM.format(
        '<entry><content type="xhtml"><b xmlns="http://www.w3.org/1999/xhtml" xml:base="/x">a</b></content></entry>'
    ),
    "title-before-channel": _RDF.format("<image><title>I</title></image><channel><title>T</title></channel>"),
    "blank-in-namespace": '<rss version="2.0" xmlns:itunes="&#x85;"><channel><item><itunes:author/></item></channel></rss>',
    "borrowed-prefix": '<rss version="2.0" xmlns:cc="http://backend.userland.com/creativeCommonsRssModule" '
    'xmlns:c="http://web.resource.org/cc/"><channel/></rss>',
    "chapter-without-start": _RSS.format(
        '<item><p:chapters xmlns:p="http://podlove.org/simple-chapters"><p:chapter/></p:chapters></item>'
    ),
    "base-in-odd-place": _RSS.format('<item><link xml:base="https://b.example/">a</link></item>'),
    "plain-base": _RSS.format('<item base="https://b.example/"><link>a</link></item>'),
    "foreign-href": _RSS.format('<item><link ex:href="https://b.example/">a</link></item>'),
    "upper-case-attribute": _ATOM.format('<entry><link HREF="https://b.example/"/></entry>'),
    "ttl-with-attribute": _RSS.format('<ttl unit="h">1</ttl>'),
    "image-in-entry": _RSS.format("<item><image><title>I</title></image></item>"),
    "date": _RSS.format("<item><date>2025</date></item>"),
    "authors": _RSS.format("<item><authors>A</authors></item>"),
    "item-in-item": _RSS.format("<item><item/></item>"),
    "handler-in-extension": _RSS.format("<item><ex:a><atom:title>A</atom:title></ex:a></item>"),
    "three-slashes": _RSS.format("<item><link>http:///a.example/</link></item>"),
    "text-in-extension": _ATOM.format("<entry><author><ex:a ex:b='1'>text</ex:a></author></entry>"),
    "text-beside-name": _ATOM.format("<entry><author>X<name>N</name></author></entry>"),
    "forbidden, encoded twice": _RSS.format("<item><title>a\u00ef\u00bf\u00bf</title></item>"),
    "xlink": _ATOM.format('<entry><ex:a xmlns:xlink="http://www.w3.org/1999/xlink"/></entry>'),
}


@pytest.mark.parametrize("name", _LEFT)
def test_what_is_not_certain_is_left(name: str) -> None:
    """The document is handed over to feedparser."""
    assert read_fast(open_document(_LEFT[name]), None) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=feeds())
def test_whatever_is_taken_is_read_alike(text: str) -> None:
    """A feed of any elements that the fast reader takes, in any order and place: it finds what feedparser finds."""
    with pytest.MonkeyPatch.context() as patch:
        fast, slow = _both(text, patch) if _reason(text) is None else (None, None)  # half of them are taken

    assert fast == slow


@pytest.mark.parametrize("tail", ["</channel></rss>", "<broken"])
def test_reading_stops_at_the_same_entry(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both roads stop after so many entries, whatever follows them."""
    for module in (fast_elements, reader):
        monkeypatch.setattr(module, "MAX_ENTRIES_READ", 2)
    text = f'<rss version="2.0"><channel>{"<item><guid>a</guid></item>" * 3}{tail}'
    assert _reason(text) is None
    fast, slow = _both(text, monkeypatch)

    assert fast == slow
    assert len(fast.entries) == 2
