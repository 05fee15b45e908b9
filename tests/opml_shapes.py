"""The shapes that OPML comes in, as the world writes it and as nobody should: each with what must come of it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

CORPUS = Path(__file__).parent / "corpus" / "opml"
#: What the project has before every import.
SOURCES = (
    "bases: {rsshub: [http://127.0.0.1:1200, https://hub.example/x]}\n"
    "sources:\n"
    "  mine: {feed: 'https://mine.example/feed', categories: [Own/Path, C]}\n"
    "  hub: {feed: 'rsshub:/mine', categories: [c, Hub]}\n"
)
Wanted = tuple[str, str, str]
A: Wanted = ("a", "inbox", "https://a.example/f")
B: Wanted = ("b", "inbox", "https://b.example/f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One list and what must come of it."""

    name: str
    body: bytes
    new: tuple[Wanted, ...] = ()  #: (id, category, address), in order
    refused: tuple[tuple[int, str], ...] = ()  #: (line, a word of the reason)
    merged: tuple[tuple[int, int], ...] = ()  #: (line, the line that was taken)
    there: tuple[tuple[int, str], ...] = ()  #: (line, the id of the source)
    broken: tuple[int, str] | None = None  #: where reading ended
    whole: str | None = None  #: a word of why nothing is read
    said: tuple[tuple[int, str], ...] = ()  #: (line, a word of a note)
    more: tuple[tuple[str, str, object], ...] = ()  #: (id, key, value) of the configuration that is added


def attributes(**given: str) -> str:
    return "".join(f" {name.replace('__', ':')}={quoteattr(value)}" for name, value in given.items())


def feed(address: str = "https://a.example/f", text: str | None = "A", **more: str) -> str:
    """Return an outline of one line."""
    words = ({} if text is None else {"text": text}) | {"xmlUrl": address} | more
    return f"<outline{attributes(**words)}/>"


def folder(text: str | None, *below: str, **more: str) -> str:
    """Return a folder: its own line, then each of what is below."""
    words = ({} if text is None else {"text": text}) | more
    return "\n".join((f"<outline{attributes(**words)}>", *below, "</outline>"))


def doc(*outlines: str, root: str = 'opml version="2.0"', before: str = "", end: str = "</body></opml>") -> bytes:
    """Return a list; its first outline stands in line 2 (more if `before` holds lines)."""
    return "\n".join((f"{before}<{root}><head><title>t</title></head><body>", *outlines, end)).encode()


def one(name: str, *outlines: str, new: Wanted = A, **more: object) -> Shape:
    """Return a shape of which one feed comes."""
    return Shape(name=name, body=doc(*outlines), new=(new,), **more)  # type: ignore[arg-type]


def bad(name: str, address: str, word: str) -> Shape:
    """Return a shape of two feeds of which the second is refused."""
    return Shape(name=name, body=doc(feed(), feed(address, "X")), new=(A,), refused=((3, word),))


def address(name: str, text: str, wanted: str | None = None, *, said: str | None = None, title: str = "A") -> Shape:
    """Return a shape of one feed whose address is taken."""
    notes = () if said is None else ((2, said),)
    return Shape(name=name, body=doc(feed(text, title)), new=(("a", "inbox", wanted or text),), said=notes)


def raw(name: str, body: bytes, *new: Wanted, **more: object) -> Shape:
    return Shape(name=name, body=body, new=new, **more)  # type: ignore[arg-type]


def whole(name: str, body: bytes, word: str) -> Shape:
    return Shape(name=name, body=body, whole=word)


def file(name: str, *new: Wanted, **more: object) -> Shape:
    return Shape(name=name, body=(CORPUS / f"{name}.opml").read_bytes(), new=new, **more)  # type: ignore[arg-type]


def _deep(levels: int) -> bytes:
    return doc("<outline text='x'>" * (levels - 1) + feed() + "</outline>" * (levels - 1))


_LONG = "很长的标题" * 100
_LAUGHS = '<!DOCTYPE opml [<!ENTITY a "ha">\n<!ENTITY b "&a;&a;&a;">]>\n'
_XXE = '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n'
_GBK = doc(feed(text="中文新闻网站"), before='<?xml version="1.0" encoding="gb2312"?>\n').decode().encode("gb18030")
_HTML = b"<!DOCTYPE html>\n<html><head><title>Login</title></head><body><opml/></body></html>"

NESTED = (
    one("plain", feed()),
    one("folder", folder("News", feed()), new=("a", "News", A[2])),
    one("two-levels", folder("News", folder("World", feed())), new=("a", "News/World", A[2])),
    one("three-levels", folder("1", folder("2", folder("3", feed()))), new=("a", "1/2/3", A[2])),
    one("folder-by-title", folder(None, feed(), title="News"), new=("a", "News", A[2])),
    one("folder-text-before-title", folder("Text", feed(), title="Title"), new=("a", "Text", A[2])),
    one("folder-text-blank", folder(" ", feed(), title="Title"), new=("a", "Title", A[2])),
    one("folder-without-name", folder(None, feed())),
    one("folder-without-name-inside", folder("News", folder("", feed())), new=("a", "News", A[2])),
    one("folder-empty", folder("Empty"), feed(), said=((2, "neither a feed"),)),
    one("folder-empty-inside", folder("News", folder("Empty"), feed()), new=("a", "News", A[2]), said=((3, "neither a feed"),)),
    one("folder-with-type", folder("News", feed(), type="folder"), new=("a", "News", A[2])),
    raw("feed-after-folder", doc(folder("News", feed()), feed(B[2], "B")), ("a", "News", A[2]), B),
    raw("feed-after-subfolder", doc(folder("N", folder("S", feed()), feed(B[2], "B"))), ("a", "N/S", A[2]), ("b", "N", B[2])),
    raw("feed-that-holds-feeds", doc(folder("A", feed(B[2], "B"), xmlUrl=A[2])), A, ("b", "A", B[2])),
    raw("folder-twice", doc(folder("N", feed()), folder("N", feed(B[2], "B"))), ("a", "N", A[2]), ("b", "N", B[2])),
    raw("folder-in-two-cases", doc(folder("N", feed()), folder("n", feed(B[2], "B"))), ("a", "N", A[2]), ("b", "N", B[2]),
        said=((6, "n is spelled N"),)),
    one("folder-in-the-case-of-the-config", folder("hUB", feed()), new=("a", "hUB", A[2])),
    one("folder-spelled-as-in-the-config", folder("OWN/PATH", feed()), new=("a", r"Own\/Path", A[2]), said=((3, "spelled"),)),
    raw("folders-published-alike", doc(folder("C++", feed()), feed(B[2], "B")), B, refused=((3, "slug"),)),
    one("folder-with-slash", folder("TCP/IP", feed()), new=("a", r"TCP\/IP", A[2])),
    one("folder-with-backslash", folder("a\\b", feed()), new=("a", r"a\\b", A[2])),
    one("folder-chinese", folder("新媒体", feed(text="早报")), new=("早报", "新媒体", A[2])),
    one("folder-name-long", folder("x" * 300, feed()), new=("a", "x" * 200, A[2]), said=((2, "cut"),)),
    raw("folders-too-long", doc(folder("很" * 190, folder("长" * 190, feed()))), refused=((4, "longer than 1000 bytes"),)),
    raw("depth-100", _deep(100), ("a", "/".join("x" * 99), A[2])),
    raw("depth-101", _deep(101), broken=(2, "deeper than 100")),
    raw("no-head", b"<opml version='2.0'><body>\n" + feed().encode() + b"</body></opml>", A),
    raw("no-body", b"<opml version='2.0'>\n" + feed().encode() + b"</opml>", A),
    raw("no-outlines", doc()),
    raw("bare-root", b"<opml/>"),
    one("commented", feed(B[2], "B", isComment="true"), feed(), said=((2, "commented out"),)),
    one("commented-folder", folder("N", feed(B[2], "B"), isComment="true"), feed(), said=((2, "commented out"),)),
)  # fmt: skip
CATEGORIES = (
    one("category-path", feed(category="/Boston/Weather"), new=("a", "Boston/Weather", A[2])),
    one("category-several", feed(category="/X/Y,/Z"), new=("a", "X/Y", A[2]), said=((2, "/Z is not"),)),
    one("category-tag", feed(category="tech"), new=("a", "tech", A[2])),
    one("category-tag-and-path", feed(category="tech, /X/Y"), new=("a", "X/Y", A[2]), said=((2, "tech is not"),)),
    one("category-in-a-folder", folder("N", feed(category="/X")), new=("a", "N", A[2])),
    one("category-of-slashes", feed(category="/,//")),
    one("category-empty-parts", feed(category="//X//Y/"), new=("a", "X/Y", A[2])),
)
ATTRIBUTES = (
    one("type-rss", feed(type="rss")),
    one("type-atom", feed(type="atom")),
    one("type-upper", feed(type="RSS")),
    one("type-link-with-xmlurl", feed(type="link")),
    one("type-include-with-xmlurl", feed(type="include")),
    one("type-unknown", feed(type="podcast")),
    one("url-with-type", f'<outline text="A" type="rss" url="{A[2]}"/>'),
    one("url-without-type", f'<outline text="A" url="{A[2]}"/>'),
    one("url-beside-xmlurl", feed(url="https://other.example/")),
    one("url-of-a-link", '<outline text="X" type="link" url="https://x.example/"/>', feed(), refused=((2, "a page"),)),
    one("url-of-a-list", '<outline text="X" type="include" url="https://x.example/l"/>', feed(), refused=((2, "list"),)),
    one("rss-without-address", '<outline text="X" type="rss"/>', feed(), refused=((2, "names no address"),)),
    one("address-empty", feed("", "X"), feed(), refused=((2, "names no address"),)),
    one("page-only", '<outline text="X" htmlUrl="https://x.example/"/>', feed(), said=((2, "neither a feed"),)),
    one("xmlurl-lower", f'<outline text="A" xmlurl="{A[2]}"/>'),
    one("xmlurl-upper", f'<outline TEXT="A" XMLURL="{A[2]}"/>'),
    raw("elements-upper", doc(f'<OUTLINE text="A" xmlUrl="{A[2]}"/>', root="OPML", end="</body></OPML>"), A),
    raw("elements-prefixed", doc(feed(), root="o:opml xmlns:o='urn:x'", end="</body></o:opml>"), A),
    raw("namespace-by-default", doc(feed(), root='opml xmlns="http://opml.org/spec2"'), A),
    raw("version-1.0", doc(feed(), root='opml version="1.0"'), A),
    raw("version-1.1", doc(feed(), root='opml version="1.1"'), A),
    raw("version-missing", doc(feed(), root="opml"), A),
    one("prefix-undeclared", feed(frss__cssFullContent=".x"), said=((2, "lost: frss:cssFullContent"),)),
    one("title-only", feed(text=None, title="A")),
    one("title-beside-text", feed(title="Other"), more=(("a", "title", "A"),)),
    one("title-missing", feed(text=None), new=("a-example", "inbox", A[2]), more=(("a-example", "title", None),)),
    one("title-missing-www", feed("https://www.b.example/f", None), new=("b-example", "inbox", "https://www.b.example/f")),
    one("title-blank", feed(text=" \t "), new=("a-example", "inbox", A[2])),
    one("title-emoji", feed(text="🎉"), new=("a-example", "inbox", A[2]), more=(("a-example", "title", "🎉"),)),
    one("title-long", feed(text=_LONG), new=(("很长的标题" * 5)[:24], "inbox", A[2]), said=((2, "cut"),)),
    one("title-lines", '<outline text="A&#10; B\n C" xmlUrl="https://a.example/f"/>', new=("a-b-c", "inbox", A[2]),
        more=(("a-b-c", "title", "A B  C"),)),
    one("title-control", feed(text="A\u0090"), said=((2, "taken out"),), more=(("a", "title", "A"),)),
    one("title-line-separator", feed(text="A\u2028B"), new=("a-b", "inbox", A[2]), more=(("a-b", "title", "A B"),)),
    one("title-html", feed(text="<b>A</b> &amp; B"), new=("a-b", "inbox", A[2]), said=((2, "HTML"),),
        more=(("a-b", "title", "A & B"),)),
    one("title-escaped-twice", feed(text="A &#38; B"), new=("a-b", "inbox", A[2]), said=((2, "HTML"),),
        more=(("a-b", "title", "A & B"),)),
    one("title-ampersand", feed(text="AT&T"), new=("at-t", "inbox", A[2]), more=(("at-t", "title", "AT&T"),)),
    one("title-marks", feed(text="E\u0301cole"), new=("école", "inbox", A[2])),
    one("title-yaml-word", feed(text="null"), new=("null", "inbox", A[2]), more=(("null", "title", "null"),)),
    one("title-number", feed(text="0x10"), new=("0x10", "inbox", A[2]), more=(("0x10", "title", "0x10"),)),
    one("title-yaml-markup", feed(text="- [a]: {b} #c"), new=("a-b-c", "inbox", A[2]),
        more=(("a-b-c", "title", "- [a]: {b} #c"),)),
    one("language", feed(language="zh-CN"), more=(("a", "language", "zh-CN"),)),
    one("language-underscore", feed(language="zh_CN"), more=(("a", "language", "zh-CN"),)),
    one("language-unknown", feed(language="?"), said=((2, "language"),), more=(("a", "language", None),)),
    one("interval-freshrss", feed(frss__ttl="5400"), more=(("a", "every", "1h30m"),)),
    one("interval-liferea", feed(updateInterval="90"), more=(("a", "every", "1h30m"),)),
    one("interval-liferea-default", feed(updateInterval="-1"), more=(("a", "every", None),)),
    one("interval-akregator", feed(useCustomFetchInterval="true", fetchInterval="30"), more=(("a", "every", "30m"),)),
    one("interval-akregator-unused", feed(useCustomFetchInterval="false", fetchInterval="30"), more=(("a", "every", None),)),
    one("interval-endless", feed(updateInterval="999999"), said=((2, "longer than a year"),), more=(("a", "every", None),)),
    one("paused", feed(disabled="true"), more=(("a", "paused", True),)),
    one("rules-lost", feed(scraperRules="div", crawler="true", userAgent=""), said=((2, "lost: scraperRules, crawler"),)),
    one("xpath", feed("https://x.example/p", "X", type="HTML+XPath"), feed(), refused=((2, "XPath"),)),
    one("json-notation", feed("https://x.example/p", "X", type="JSON+DotNotation"), feed(), refused=((2, "takes apart"),)),
)  # fmt: skip
ADDRESSES = (
    address("http", "http://a.example/f"),
    address("port", "https://a.example:8443/f"),
    address("upper-case-host", "HTTP://A.Example/F"),
    address("chinese-host", "https://新闻.example/f"),
    address("chinese-path", "https://a.example/新闻?q=早报"),
    address("ampersand", "https://a.example/?a=1&b=2"),
    address("percent", "https://a.example/%2F?z=%41"),
    address("blanks-around", " \u3000https://a.example/f\ufeff ", "https://a.example/f"),
    address("feed-scheme", "feed://a.example/f", "http://a.example/f", said="feed: was taken off"),
    address("feed-https", "feed:https://a.example/f", "https://a.example/f", said="feed: was taken off"),
    address("feed-http", "feed:http://a.example/f", "http://a.example/f", said="feed: was taken off"),
    address("feed-slashes-https", "FEED://https://a.example/f", "https://a.example/f", said="feed: was taken off"),
    address("itpc", "itpc://a.example/f", "http://a.example/f", said="itpc: was taken off"),
    address("pcast", "pcast://a.example/f", "http://a.example/f", said="pcast: was taken off"),
    address("base", "rsshub:/zaker/13"),
    address("private", "http://192.168.1.5/f", said="a private address"),
    address("localhost", "http://localhost:1200/f", said="a private address"),
    address("secret-parameter", "https://a.example/f?key=hunter2"),
    one("base-without-title", feed("rsshub:/zaker/13", None), new=("rsshub-zaker-13", "inbox", "rsshub:/zaker/13")),
    bad("exec", "exec:curl https://x.example/", "exec"),
    bad("exec-upper", "EXEC:/bin/x", "exec"),
    bad("exec-in-feed", "feed:exec:/bin/x", "feed"),
    bad("exec-blanks", "\texec:/bin/x", "exec"),
    bad("exec-slashes", "exec://x.example/f", "exec"),
    bad("filter", "filter:/bin/x:https://x.example/", "filter"),
    bad("query", 'query:Unread:unread = "yes"', "query"),
    bad("file", "file:///etc/passwd", "file"),
    bad("javascript", "javascript:alert(1)", "javascript"),
    bad("data", "data:text/xml,<rss/>", "data"),
    bad("ftp", "ftp://x.example/f", "ftp"),
    bad("mailto", "mailto:x@x.example", "mailto"),
    bad("gopher", "gopher://x.example/", "gopher"),
    bad("view-source", "view-source:https://x.example/", "view-source"),
    bad("gemini", "gemini://x.example/", "gemini"),
    bad("place", "place:sort=8", "place"),
    bad("pipe", "|/bin/x", "no scheme"),
    bad("path", "/var/feeds/x.xml", "no scheme"),
    bad("no-scheme", "x.example/feed", "no scheme"),
    bad("no-scheme-slashes", "//x.example/feed", "no scheme"),
    bad("no-scheme-port", "x.example:8080/feed", "no scheme"),
    bad("no-scheme-localhost", "localhost:8080/feed", "no scheme"),
    bad("credentials", "https://ada:hunter2@x.example/f", "auth:"),
    bad("credentials-in-feed", "feed://ada:hunter2@x.example/f", "auth:"),
    bad("user", "https://ada@x.example/f", "auth:"),
    bad("no-host", "https:///f", "no host"),
    bad("port-zero", "http://x.example:0/", "port 0"),
    bad("port-high", "http://x.example:99999/", "no address that can be read"),
    bad("percent-alone", "http://x.example/100%", "%25"),
    bad("blank-inside", "http://x.example/a b", "space"),
    bad("line-inside", "http://x.example/a\nb", "U+000A"),
    bad("markup-inside", "http://x.example/<script>", '"<"'),
    bad("backslash", "http://x.example\\@y.example/", "no address may"),
    bad("host-impossible", "http://-.example/", "host that cannot exist"),
    bad("ipv6-open", "http://[::1/", "no address that can be read"),
    bad("base-unknown", "nitter:/ada", 'no "bases:" defines'),
    bad("base-without-slash", "rsshub:zaker", "begins with a slash"),
    bad("base-as-host", "rsshub://zaker", "only http and https"),
)  # fmt: skip
TWICE = (
    one("same-address", feed(), feed(text="B"), merged=((3, 2),)),
    one("same-address-thrice", feed(), feed(text="B"), feed(text="C"), merged=((3, 2), (4, 2))),
    one("same-address-other-host-case", feed(), feed("HTTPS://A.EXAMPLE/f"), merged=((3, 2),)),
    one("same-address-default-port", feed(), feed("https://a.example:443/f"), merged=((3, 2),)),
    one("same-address-fragment", feed(), feed("https://a.example/f#x"), merged=((3, 2),)),
    one("same-address-wrapped", feed("http://a.example/f"), feed("feed://a.example/f"), merged=((3, 2),),
        new=("a", "inbox", "http://a.example/f")),
    one("same-address-in-two-folders", folder("N", feed()), folder("M", feed()), new=("a", "N", A[2]), merged=((6, 3),)),
    one("same-base", feed("rsshub:/z"), feed("https://hub.example/x/z"), new=("a", "inbox", "rsshub:/z"), merged=((3, 2),)),
    raw("http-is-not-https", doc(feed(), feed("http://a.example/f")), A, ("a-2", "inbox", "http://a.example/f")),
    raw("slash-is-not-none", doc(feed(), feed(A[2] + "/")), A, ("a-2", "inbox", A[2] + "/")),
    raw("path-case-counts", doc(feed(), feed("https://a.example/F")), A, ("a-2", "inbox", "https://a.example/F")),
    raw("same-title", doc(feed(), feed(B[2]), feed("https://c.example/")), A, ("a-2", "inbox", B[2]),
        ("a-3", "inbox", "https://c.example/")),
    raw("title-with-number", doc(feed(text="A 2"), feed(B[2]), feed("https://c.example/")), ("a-2", "inbox", A[2]),
        ("a", "inbox", B[2]), ("a-3", "inbox", "https://c.example/")),
    one("title-of-a-source", feed(text="Mine"), new=("mine-2", "inbox", A[2])),
    one("configured", feed("https://mine.example/feed", "X"), feed(), there=((2, "mine"),)),
    one("configured-spelled-otherwise", feed("https://MINE.example:443/feed#a", "X"), feed(), there=((2, "mine"),)),
    one("configured-by-base", feed("rsshub:/mine", "X"), feed(), there=((2, "hub"),)),
    one("configured-by-instance", feed("https://hub.example/x/mine", "X"), feed(), there=((2, "hub"),)),
)  # fmt: skip
BROKEN = (
    raw("cut-in-a-tag", doc(feed(), feed(B[2], "B"))[:-40], A, broken=(3, "unclosed token")),
    raw("cut-after-a-feed", doc(feed(), end=""), A, broken=(3, "no element found")),
    raw("cut-in-a-folder", doc("<outline text='N'>", feed(), end=""), ("a", "N", A[2]), broken=(4, "no element found")),
    raw("end-missing", doc("<outline text='N'>", feed(), feed(B[2], "B")), ("a", "N", A[2]), ("b", "N", B[2]),
        broken=(5, "mismatched tag")),
    raw("end-too-many", doc(feed(), "</outline>", feed(B[2], "B")), A, broken=(3, "mismatched tag")),
    raw("attribute-twice", doc(feed(), '<outline text="x" text="y"/>', feed(B[2], "B")), A, broken=(3, "duplicate attribute")),
    raw("attribute-unquoted", doc(feed(), "<outline text=x/>", feed(B[2], "B")), A, broken=(3, "not well-formed")),
    raw("quote-missing", doc(feed(), '<outline text="x xmlUrl="y"/>', feed(B[2], "B")), A, broken=(3, "not well-formed")),
    raw("ampersand-in-address", doc(feed(), '<outline text="B" xmlUrl="https://b.example/?a=1&b=2"/>'), A,
        ("b", "inbox", "https://b.example/?a=1&b=2"), said=((3, "mended"),)),
    raw("ampersand-in-title", doc('<outline text="A & B" xmlUrl="https://a.example/f"/>'), ("a-b", "inbox", A[2]),
        said=((2, "mended"),)),
    raw("bracket-in-title", doc('<outline text="1 < 2" xmlUrl="https://a.example/f"/>'), ("1-2", "inbox", A[2]),
        said=((2, "mended"),)),
    raw("html-entity", doc('<outline text="A&nbsp;B&eacute;" xmlUrl="https://a.example/f"/>'), ("a-bé", "inbox", A[2]),
        said=((2, "mended"),)),
    raw("control-character", doc('<outline text="A\x0b" xmlUrl="https://a.example/f"/>'), A, said=((2, "mended"),)),
    raw("mended-then-broken", doc('<outline text="A & B" xmlUrl="https://a.example/f"/>', "<outline"), ("a-b", "inbox", A[2]),
        broken=(4, "not well-formed"), said=((2, "mended"),)),
    raw("junk-behind", doc(feed()) + b"\n<p>served by x</p>", A, said=((4, "behind the end"),)),
    raw("junk-before", b"Warning: something in x.php\n" + doc(feed()), A),
    raw("blank-lines-before", b"\n\n \n" + doc(feed(), feed("exec:x")), A, refused=((6, "exec"),)),
    raw("comments", doc("<!-- <outline xmlUrl='https://x.example/'/> -->", feed(), before="<!-- <opml> -->\n"), A),
    raw("instructions", doc("<?x y?>", feed(), before='<?xml version="1.0"?>\n<?xml-stylesheet href="x"?>\n'), A),
    raw("text-between", doc("words <![CDATA[<outline/>]]>", feed()), A),
    raw("doctype", doc(feed(), before='<!DOCTYPE opml SYSTEM "http://x.example/opml.dtd">\n'), A),
    raw("doctype-entities", doc(feed(), feed("&b;", "X").replace("amp;", ""), before=_LAUGHS), A, refused=((5, "no scheme"),),
        said=((1, "entities"), (5, "mended"))),
    raw("doctype-file", doc(feed(), f'<outline text="&x;" xmlUrl="{B[2]}"/>', before=_XXE), A, ("x", "inbox", B[2]),
        said=((1, "entities"), (4, "mended"))),
    raw("outlines-20001", doc('<outline isComment="true">', *(["<outline/>"] * 20_000)), said=((2, "commented"),),
        broken=(20_002, "more than 20,000")),
)  # fmt: skip
ENCODINGS = (
    raw("bom", b"\xef\xbb\xbf" + doc(feed()), A),
    raw("utf-16-le", doc(feed(text="早报")).decode().encode("utf-16"), ("早报", "inbox", A[2])),
    raw("utf-16-be", b"\xfe\xff" + doc(feed(text="早报")).decode().encode("utf-16-be"), ("早报", "inbox", A[2])),
    raw("utf-16-no-mark", doc(feed(text="早报")).decode().encode("utf-16-le"), ("早报", "inbox", A[2])),
    raw("gbk", _GBK, ("中文新闻网站", "inbox", A[2])),
    raw("gbk-called-utf-8", _GBK.replace(b"gb2312", b"utf-8"), ("中文新闻网站", "inbox", A[2]), said=((1, "read as gb18030"),)),
    raw("utf-8-called-gbk", doc(feed(text="早报"), before='<?xml version="1.0" encoding="gbk"?>\n'), ("早报", "inbox", A[2]),
        said=((1, "read as utf-8"),)),
    raw("utf-8-called-utf-16", doc(feed(), before='<?xml version="1.0" encoding="utf-16"?>\n'), A),
    raw("latin-1", doc(feed(text="é"), before='<?xml version="1.0" encoding="iso-8859-1"?>\n').decode().encode("latin-1"),
        ("é", "inbox", A[2])),
    raw("encoding-unknown", doc(feed(), before='<?xml version="1.0" encoding="x-what"?>\n'), A),
    raw("lines-crlf", doc(feed(), feed("exec:x")).replace(b"\n", b"\r\n"), A, refused=((3, "exec"),)),
    raw("lines-cr", doc(feed(), feed("exec:x")).replace(b"\n", b"\r"), A, refused=((3, "exec"),)),
)  # fmt: skip
OTHERS = (
    whole("empty", b"", "empty"),
    whole("blank", b"\xef\xbb\xbf \n\n", "empty"),
    whole("html", _HTML, "web page"),
    whole("html-without-doctype", b"<html><body>x</body></html>", "web page"),
    whole("rss", b"<?xml version='1.0'?><rss version='2.0'><channel><title>opml</title></channel></rss>", "source add"),
    whole("atom", b"<feed xmlns='http://www.w3.org/2005/Atom'><title><![CDATA[<opml>]]></title></feed>", "source add"),
    whole("rdf", b"<rdf:RDF xmlns:rdf='x'/>", "source add"),
    whole("rss-with-a-bomb", _LAUGHS.replace("opml", "rss").encode() + b"<rss><channel/></rss>", "source add"),
    whole("json-feed", b'{"version": "https://jsonfeed.org/version/1.1", "items": []}', "source add"),
    whole("json", b'{"feeds": []}', "JSON"),
    whole("newsboat-urls", b'https://a.example/f "tag"\nexec:x\n', "newsboat -e"),
    whole("xml", b"<subscriptions><x/></subscriptions>", "without an <opml>"),
    whole("text", b"my feeds\n", "no <opml>"),
    whole("outlines-alone", feed().encode(), "without an <opml>"),
    whole("zip", b"PK\x03\x04rest", "compressed"),
    whole("gzip", b"\x1f\x8b" + zlib.compress(doc(feed())), "compressed"),
    whole("too-big", doc(feed(), " " * (10 * 1024 * 1024)), "10 MiB"),
)
PROGRAMS = (
    file("newsboat", ("a-co", "inbox", "https://a.example/feed.xml"), ("早报", "inbox", "https://c.example/atom"),
        refused=((8, "exec"), (9, "filter"))),
    file("newsboat-opml2", ("a", "tech", "https://a.example/feed.xml"), ("早报", "新闻", "https://c.example/atom"),
        said=((7, "/daily is not"),)),
    file("freshrss", ("tom-s-blog", "Tech & Web", "https://tom.example/rss"), ("json", "Tech & Web", "https://json.example/feed.json"),
        refused=((10, "XPath"),), said=((9, "HTML"), (9, "frss:priority, frss:cssFullContent"), (13, "neither")),
        more=(("tom-s-blog", "every", "2h"), ("tom-s-blog", "title", "Tom's Blog"))),
    file("miniflux", ("one", "All", "https://one.example/feed"), ("two", "All", "https://two.example/feed"),
        said=((9, "crawler"), (10, "scraperRules")), more=(("one", "paused", None), ("two", "paused", True))),
    file("feedly", ("daily", "News", "https://daily.example/rss"), ("weekly", "Reading", "https://weekly.example/rss"),
        merged=((12, 9),)),
    file("thunderbird", ("strip", "Comics", "https://strip.example/rss.xml")),
    file("liferea", ("planet", "Planets", "https://planet.example/atom.xml"), refused=((9, "no scheme"), (10, "no scheme")),
        said=((13, "neither"),), more=(("planet", "every", "1h30m"),)),
)  # fmt: skip
SHAPES = (*NESTED, *CATEGORIES, *ATTRIBUTES, *ADDRESSES, *TWICE, *BROKEN, *ENCODINGS, *OTHERS, *PROGRAMS)
