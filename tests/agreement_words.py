"""The words that mutants are made of: every element that feedparser has an opinion on, and what such elements hold.

The names come from feedparser's own handlers, so that a handler of a later version is tried as well.
"""

from __future__ import annotations

from aggregator.parse.reader import _StrictReader

#: What stands for a namespace in a handler's name -> its address.
ADDRESSES = {prefix: address for address, prefix in _StrictReader.namespaces.items() if prefix} | {
    "psc": "http://podlove.org/simple-chapters",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "googleplay": "http://www.google.com/schemas/play-podcasts/1.0",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "x": "http://example.org/x",
}
#: Addresses by which feedparser knows the same vocabulary; each is written in more than one way out there.
VARIANTS = (
    *(address for address in _StrictReader.namespaces if address),
    "http://www.w3.org/2005/atom",
    "HTTP://WWW.W3.ORG/2005/ATOM",
    "http://www.w3.org/2005/Atom/",
    "http://purl.org/dc/elements/1.1",
    "http://PURL.org/dc/elements/1.1/",
    "http://purl.org/rss/1.0/modules/content",
    "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "http://search.yahoo.com/mrss",
    "http://backend.userland.com/rss2",
    "http://blogs.law.harvard.edu/tech/rss",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://channel.netscape.com/rdf/simple/0.9/",
    "http://example.org/x",
    "",
    " ",
    "urn:x",
)
_HANDLED = sorted(
    {name.removeprefix("_start_").removeprefix("_end_") for name in dir(_StrictReader) if name.startswith(("_start_", "_end_"))}
)
#: Names that no handler has, but that land beside what the reader looks for.
_UNHANDLED = (
    *("ttl", "comments", "docs", "icon", "logo", "subject", "date", "creator", "keywords", "skipHours", "skipDays"),
    *("hours", "days", "links", "authors", "tags", "title_detail", "summary_detail", "rights_detail", "xml_base"),
    *("xml_lang", "media_title", "media_thumbnail", "media_content", "media_description_type", "itunes_image"),
    *("skip_hours", "sy_updatePeriod", "dc_creator", "entries", "items", "get", "keys", "deleted-entry", "div", "p", "b"),
    *("svg", "math", "script", "x", "X", "updateperiod", "pubDate", "lastBuildDate", "managingEditor", "webMaster"),
    *("textInput", "isPermaLink", "guid", "GUID", "Item", "ENTRY"),
)
_PREFIXED = (
    *("feedburner:origLink", "feedburner:info", "sy:updatePeriod", "sy:updateFrequency", "sy:updateBase"),
    *("itunes:duration", "itunes:episode", "itunes:season", "itunes:episodeType", "itunes:explicit"),
    *("itunes:new-feed-url", "itunes:block", "itunes:type", "itunes:complete", "itunes:keywords", "slash:comments"),
    *("wfw:commentRss", "thr:total", "georss:featurename", "media:text", "media:hash", "media:community", "media:player"),
    *("media:copyright", "dcterms:abstract", "dc:source", "dc:identifier", "dc:type", "dc:format", "dc:coverage"),
    *("rdf:li", "rdf:Seq", "rdf:Description", "rdf:value", "at:by", "at:deleted-entry", "content:items", "content:item"),
    *("content:format", "content:encoding", "podcast:transcript", "x:title", "x:link", "x:guid", "x:id", "x:item"),
    *("x:entry", "x:content", "xhtml:div", "xhtml:p", "xhtml:body", "googleplay:author", "googleplay:image", "geo:lat"),
    *("geo:long", "cc:license", "taxo:topics", "prism:doi", "psc:chapters", "psc:chapter"),
)
#: What ordinary feeds consist of: drawn more often, since it is where an agreement is worth most.
COMMON = (
    *("title", "link", "description", "guid", "pubDate", "author", "category", "enclosure", "source", "comments"),
    *("language", "id", "updated", "published", "summary", "content", "rights", "name", "email", "uri", "url", "image"),
    *("textInput", "item", "entry", "contributor", "generator", "subtitle", "copyright", "lastBuildDate", "ttl", "cloud"),
    *("managingEditor", "content:encoded", "dc:creator", "dc:date", "dc:subject", "dc:title", "dc:description"),
    *("dc:language", "dc:rights", "media:content", "media:thumbnail", "media:group", "media:title", "media:description"),
    *("media:credit", "itunes:author", "itunes:summary", "itunes:subtitle", "itunes:image", "itunes:duration"),
    *("itunes:category", "itunes:owner", "atom:link", "atom:id", "atom:author", "atom:updated", "atom:title"),
    *("atom:summary", "atom:content", "feedburner:origLink"),
)
ADDRESSES["atom"] = "http://www.w3.org/2005/Atom"


def _written(name: str) -> str:
    """Return a handler's name as a document writes it: `dc_author` is `dc:author`."""
    prefix, _, rest = name.partition("_")
    return f"{prefix}:{rest}" if rest and prefix in ADDRESSES else name


NAMES = tuple(dict.fromkeys((*map(_written, _HANDLED), *_UNHANDLED, *_PREFIXED)))

TEXTS = (
    *("", " ", "\n\t ", "x", "One &amp; two", "One &amp;amp; two", "a &lt;b&gt;bold&lt;/b&gt; b"),
    *("<![CDATA[<p>潮 &amp; x</p>]]>", "<![CDATA[]]>", "<![CDATA[ ]]>", "a<![CDATA[b]]>c", "x<!-- c -->y", "x<?pi y?>z"),
    *("<!-- only -->", "&#8217;", "&#x1F600;", "&#160;x&#160;", "\u3000x\u3000", "\u2028x", "&#13;x&#13;&#10;", "x\r\ny"),
    *("\ufeffx", "cafÃ©", "café", "\xc2\xa0x", "&#146;x&#128;", "\x85x\x80", "&#x85;", "\xe2\x80\x99", "&quot;x&apos;"),
    *("]]&gt;", "&#0;", "&#xFFFE;", "&nbsp;x", "http://blog.example.org/a?b=1&amp;c=2"),
    *("http://blog.example.org/a?b=1&amp;c;=2", "/rel?x=1&amp;copy=2", "a b", "#frag", "?q", "http://[bad/"),
    *("javascript:alert(1)", "mailto:a@x.example", "//host.example/x", " http://blog.example.org/sp ", "data:,x"),
    *("tag:x,2020:1", "urn:uuid:1", "1", "true", "no", "Sat, 11 Sep 2021 00:22:19 GMT", "2021-09-11T00:00:00Z"),
    *("2021-09-11", "25:00", "a@x.example (A B)", "A B <a@x.example>", "A B &lt;a@x.example&gt;", "a@x.example"),
    *("Ann, Bob; Cy", "news, two , ,three", "a/b/c", "aGVsbG8=", "aGVsbG8gd29ybGQ=", "iVBORw0KGgo="),
    *("&lt;div&gt;x&lt;/div&gt;", "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>", "<p>in<b>line</b></p>", "<br/>"),
    *("x<b>y</b>z", "hourly", "daily", "4", "24", "Monday", "0", "-1", "en-us", "en_US", "zh", "yes", "clean", "full"),
    *("12", "1:02:03", "A &amp;#38; B", "&amp;lt;i&amp;gt;", "&lt;![CDATA[x]]&gt;", "tail ", " lead", "\x7f", "x\u200b"),
)
#: Pieces of XHTML, well-formed each by itself; {} is where the next one goes.
MARKUP = (
    *("<div>{}</div>", "<p>{}</p>", "<b>{}</b>x", "x<br/>{}", "<div/>{}", " {} ", "<!-- c -->{}", "<?pi x?>{}"),
    *("<![CDATA[<i>x</i>]]>{}", '<img src="/a.png" alt=""/>{}', "<a href='/x?a=1&amp;b=2'>{}</a>", "<P>{}</P>"),
    *("<Div>{}</Div>", "<svg:svg>{}</svg:svg>", "&lt;{}&gt;"),
    *('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0"/>{}</svg>',),
    *('<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>', "<div>x</div><div>{}</div>", "x<div>{}</div>"),
    *("<div>{}</div>x", "<hr></hr>{}", "<td title='a&quot;b' title2=\"a'b\">{}</td>", "&#160;{}"),
    *('<div xmlns="http://www.w3.org/1999/xhtml">{}</div>', '<h:div xmlns:h="http://www.w3.org/1999/xhtml">{}</h:div>'),
    *("<h:p>{}</h:p>", "<div xml:base='/d/'>{}</div>", "<p xml:lang='de'>{}</p>", "<title>{}</title>"),
    *("<link href='/l'/>{}", "<item>{}</item>", "<name>{}</name>", "<content>{}</content>", "<author>{}</author>"),
    *("<div type='html'>{}</div>", "<script>1 &lt; 2</script>{}", "cafÃ©{}", "&#146;{}", "<dc:creator>{}</dc:creator>"),
    *("<deleted-entry>{}</deleted-entry>", "<summary>{}</summary>", "<x:y>{}</x:y>", "<area/><col/>{}", "x{}"),
    *("<x xmlns='http://example.org/x'><y/>{}</x>", "<p xmlns:dc='http://example.org/other'>{}</p>"),
    *("<html><body>{}</body></html>", "<a rel='X' type='Y'>{}</a>"),
)
#: What makes a document ill-formed; some of it can be repaired.
DAMAGE = (
    *("&", "&nbsp;", "&copy;", "&unknown;", "&#0;", "&#xD800;", "&#x1F;", "&#11;", "\x0b", "\x00", "\x1b", "\ufffe", "<3"),
    *("<", "]]>", "<br>", "</p>", "&lt", "&amp", "a&b=c", "&#;", "&#x;", "&;", "&1;", "&eacute;", "&hellip;&mdash;"),
    *("&AMP;", "&Nbsp;", "<![CDATA[ &nbsp; ]]>", "--", "<!-- a -- b -->", "<!-- -->&", "<?xml version='1.0'?>", "\ud83d"),
    *("&#55357;&#56832;", "&apos;&nbsp;", "<!-- & -->", "&nbsp", "&#160", "\x85", "&#128;", "\x80"),
)
ATTRIBUTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "type",
        ("text", "html", "xhtml", "TEXT", "HTML", "text/plain", "text/html", "application/xhtml+xml", "image/png", "text/xml"),
    ),
    (
        "type",
        ("application/octet-stream", "audio/mpeg", "", "application/xml", "image/svg+xml", "escaped", "video/mp4", "plain"),
    ),
    ("mode", ("escaped", "xml", "base64", "")),
    ("href", ("/a", "http://blog.example.org/b", "", " /c ", "http://[bad/", "a?x=1&amp;y=2", "#f")),
    ("url", ("/a.mp3", "http://media.example.org/a.jpg", "", " /c.png ")),
    ("uri", ("/u", "http://blog.example.org/u")),
    ("src", ("/s", "http://blog.example.org/s.html", "")),
    (
        "rel",
        (
            "alternate",
            "self",
            "enclosure",
            "via",
            "related",
            "hub",
            "next",
            "",
            "ALTERNATE",
            "alternate nofollow",
            "Self",
            "license",
        ),
    ),
    ("isPermaLink", ("true", "false", "FALSE", "", "1")),
    ("ispermalink", ("false",)),
    ("domain", ("http://tags.example.org/", "")),
    ("term", ("t1", "", " t ", "a,b")),
    ("scheme", ("http://s.example.org/", "")),
    ("label", ("Label", "", "a &amp; b")),
    ("length", ("1", "", "x")),
    ("title", ("T", "", "a &lt;b&gt;")),
    ("hreflang", ("en",)),
    ("version", ("2.0", "0.91", "0.92", "1.0", "0.3", "", "2.0.1", "9", "3.0", " 2.0 ")),
    (
        "xml:base",
        ("http://base.example.org/x/", "/y/", "z", "", "http://base.example.org:80", "javascript:x", "http://[bad/", " /sp/ "),
    ),
    ("base", ("http://plain.example.org/", "/pb/", "")),
    ("xml:lang", ("en", "zh-CN", "en_GB", "", "de")),
    ("lang", ("fr", "")),
    ("medium", ("image", "audio", "video", "document", "")),
    ("isDefault", ("true", "false", "TRUE")),
    ("fileSize", ("10", "")),
    ("width", ("10",)),
    ("rdf:about", ("http://blog.example.org/about", "", "urn:x", "/rel")),
    ("about", ("http://blog.example.org/plain",)),
    ("rdf:resource", ("http://blog.example.org/res", "")),
    ("text", ("Cat", "")),
    ("email", ("a@x.example",)),
    ("name", ("N",)),
    ("name", ("",)),
    ("value", ("v",)),
    ("x:y", ("1",)),
    ("dc:creator", ("1",)),
    ("atom:href", ("/ns",)),
    ("rdf:parseType", ("Literal",)),
    ("ref", ("urn:1",)),
    ("role", ("author",)),
    ("code", ("1",)),
    # feedparser lowers names, and may take these for what they are not.
    ("XMLNS:dc", ("", "http://purl.org/dc/elements/1.1/", "http://example.org/x")),
    ("XMLNS", ("http://www.w3.org/2005/Atom", "")),
    ("Xml:base", ("http://base.example.org/X/",)),
    ("xml:Lang", ("de",)),
    ("start", ("00:00:01.000", "x", "")),
)
#: Prefixes that nobody expects for the vocabulary that they stand for.
PREFIXES = (
    "dc",
    "content",
    "media",
    "a",
    "x",
    "atom",
    "itunes",
    "rdf",
    "Dc",
    "xhtml",
    "sy",
    "rss",
    "ns0",
    "feedburner",
    "Xml",
    "RDF",
)
