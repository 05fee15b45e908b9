"""The short look at entries as we write them finds what the long one finds, which goes from element to element."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from functools import cache
from html import unescape

import pytest

from aggregator.model.entry import Person, SafeHtml, Tag
from aggregator.model.key import is_absolute_iri
from aggregator.publish.document import examine, read_xml
from aggregator.publish.findings import Examined, Finding
from aggregator.publish.parts import is_language_tag, is_media_type
from aggregator.publish.plain import IRI, LANGUAGE, LINE, MEDIA_TYPE, WEB
from aggregator.publish.plain_atom import read_plain_entries
from aggregator.publish.plain_rss import read_plain_items
from aggregator.publish.rss_document import examine_rss
from aggregator.publish.scan import is_web_address
from tests.conftest import Sweep
from tests.publish_records import NOON, bare_item, build_as, make_item

_END = "</feed>\n"
#: Asked whether anything is dated later than this, the examiners look at each element.
_FAR = datetime.max.replace(tzinfo=UTC)
_ODD = [
    *("&amp;", "&lt;", "&gt;", "&quot;", "&#13;", "&#60;", "&#x3C;b>", "&amp;amp;", "&amp;lt;b&amp;gt;", "&lt;b&gt;", "&x;"),
    *("<!-- x -->", "<![CDATA[x]]>", "<![CDATA[<b>]]>", "<?p x?>", "<b/>", "<b>x</b>", "<x xmlns='urn:x'/>", "<entry/>"),
    *("<item/>", "\u3000", "\x85", "\xa0", "\u2028", " ", "\n", "\r", "\t", '"', "'", "@", "/", "?", "#", "%", "{", "|", "^"),
    *("`", "\\", "é", '" x="', ' xmlns="urn:x"', ' xml:lang=""', ' xml:lang="x_y"', ' type="html"', ' type="xhtml"'),
    *(' rel="self"', ' src="x"', ' xmlns:dc="urn:x"', ' xmlns:atom="urn:x"', ' xmlns:content="urn:x"', "&lt;script&gt;"),
    *('&lt;a href="/x"&gt;', "javascript:", "true", "2026-02-30T00:00:00+00:00", "2027-01-01T00:00:00+00:00", ""),
    *("Thu, 31 Feb 2026 00:00:00 GMT", "https://x.example/"),
]


@cache
def _documents() -> dict[str, str]:
    """Return a feed with all that entries can hold, by format."""
    items = [
        make_item(1),
        bare_item(2, title="R&D, A<5 and AT&T", link="https://paper.example/a?b=1&c=文"),
        bare_item(3, published=None, first_seen=NOON, content=SafeHtml("<p>x</p>"), link=None),
        bare_item(4, authors=(Person(name="A"), Person(name="B")), tags=(Tag(term="x"),), updated=NOON.replace(year=2027)),
        bare_item(5, content=SafeHtml("")),
    ]
    rss, built = build_as("rss", *items)
    return {"rss": rss.decode(), "atom": built.content.decode()}


def _looks(format_: str, document: str) -> tuple[Examined, Examined]:
    look = examine_rss if format_ == "rss" else examine
    content = document.encode("utf-8", "surrogatepass")
    return look(content), look(content, now=_FAR)


def _is_plain(format_: str, document: str) -> bool:
    root = read_xml(document.encode(), "")
    assert not isinstance(root, Finding)
    if format_ == "rss":
        return read_plain_items(document.encode(), root[0]) is not None
    return read_plain_entries(document.encode(), root) is not None


def _spoilt(document: str, chance: random.Random) -> str:
    """Return the document with something odd in it, or without something."""
    lines = document.split("\n")
    row = chance.randrange(2, len(lines))
    kind = chance.random()
    if kind < 0.1:
        del lines[row]
    elif kind < 0.2:
        lines.insert(chance.randrange(2, len(lines)), lines[row])
    elif kind < 0.3:
        other = chance.randrange(2, len(lines))
        lines[row], lines[other] = lines[other], lines[row]
    elif kind < 0.5:  # a value that another entry has, or the two exchanged
        name = re.match(r" *<[^ >]*", lines[row])
        alike = [number for number, line in enumerate(lines) if name and line.startswith(name[0])] or [row]
        other = chance.choice(alike)
        lines[row], lines[other] = lines[other], chance.choice((lines[row], lines[other]))
    else:
        # Most of what can go wrong begins at a value's end, or takes its whole place.
        places = [found.span() for found in re.finditer(r'(?<=[">])[^<>"]*(?=[<"])|(?<=[\w"/])(?=/?>)|$', lines[row])]
        begin, end = chance.choice(places)
        begin = chance.choice((begin, end, chance.randint(begin, end)))
        lines[row] = lines[row][:begin] + chance.choice(_ODD) + lines[row][end if chance.random() < 0.5 else begin :]
    return "\n".join(lines)


@pytest.mark.parametrize("format_", ["rss", "atom"])
def test_what_we_write_is_plain(format_: str) -> None:
    """Entries with all that they can hold, episodes aside, are told to be sound at one look."""
    document = _documents()[format_]

    assert _is_plain(format_, document)
    assert _looks(format_, document)[0] == _looks(format_, document)[1]


@pytest.mark.parametrize("format_", ["rss", "atom"])
def test_both_looks_agree(format_: str, sweep: Sweep) -> None:
    """Whatever is changed in a feed of ours, the short look and the long one say the same of it."""
    chance = random.Random(sweep.seed)
    document = _documents()[format_]
    for _ in range(sweep.count(40_000, 1_500)):
        spoilt = _spoilt(document, chance)
        if chance.random() < 0.2:
            spoilt = _spoilt(spoilt, chance)
        short, long = _looks(format_, spoilt)
        assert short == long, spoilt


@pytest.mark.parametrize(("format_", "odd"), [("atom", "  <entry/>\n"), ("rss", "    <item/>\n")])
def test_an_entry_that_stands_apart_is_seen(format_: str, odd: str) -> None:
    """Of entries that do not follow one another, not one is passed over."""
    head, end, rest = _documents()[format_].partition("</h:header>\n")
    document = f"{head}{end}{odd.rstrip()}<!-- -->{rest}"
    short, long = _looks(format_, document)

    assert short == long
    assert not _is_plain(format_, document)


def test_entries_within_a_comment_stand_for_none() -> None:
    """Sound entries that are no elements, since a comment is around them, do not hide as many that are bad."""
    head, begin, entries = _documents()["atom"].partition("  <entry")
    bad = "<entry/>" * entries.count("</entry>")
    document = f"{head}<!-- \n{begin}{entries.removesuffix(_END)}-->{bad}{_END}"
    short, long = _looks("atom", document)

    assert short == long
    assert not _is_plain("atom", document)


@pytest.mark.parametrize(
    ("format_", "element", "value"),
    [
        *((format_, "title", value) for format_ in ("rss", "atom") for value in ("", "\u3000")),
        *(("atom", "title", value) for value in ("A&amp;nbsp;B", "&amp;#39;")),
        *(("atom", name, "2026-02-30T12:00:00+00:00") for name in ("updated", "published")),
        ("rss", "pubDate", "Mon, 30 Feb 2026 12:00:00 GMT"),
        ("rss", "atom:updated", "2026-02-30T12:00:00+00:00"),
        ("rss", "title", "A&lt;b&gt;"),
        ("rss", "title", "A&lt;/b&gt;"),
        ("rss", "description", "&lt;script&gt;"),
        ("rss", "content:encoded", "&lt;script&gt;"),
        ("atom", "content", "&lt;script&gt;"),
        ("atom", "content", '&lt;a href="&#106;avascript:x"&gt;'),
    ],
)
def test_nothing_bad_is_passed_over(format_: str, element: str, value: str) -> None:
    """What a rule finds in the last of the elements of a name, the short look does not call sound."""
    head, begin, rest = _documents()[format_].rpartition(f"</{element}>")
    start = head.rindex(">") + 1
    document = f"{head[:start]}{value}{begin}{rest}"
    short, long = _looks(format_, document)

    assert short == long
    assert not _is_plain(format_, document)
    assert long.findings


@pytest.mark.parametrize(
    ("piece", "rule", "start"),
    [
        (WEB, is_web_address, "https://a"),
        (WEB, is_web_address, "https://"),
        (IRI, is_absolute_iri, "urn:a"),
        (IRI, is_absolute_iri, "urn:"),
        (IRI, is_absolute_iri, ""),
        (LANGUAGE, is_language_tag, "a"),
        (LANGUAGE, is_language_tag, "a-"),
        (MEDIA_TYPE, is_media_type, "a/a"),
        (MEDIA_TYPE, is_media_type, "a/"),
        (LINE, str.strip, ""),
    ],
)
def test_no_piece_takes_what_its_rule_refuses(piece: str, rule: object, start: str) -> None:
    """Of every character, in each place of a value, the expression allows no more than the rule."""
    assert callable(rule)
    ends = ["", *map(chr, range(0x10000)), "&amp;", "&lt;", "&gt;", "&amp;x;"]
    texts = [f"{start}{end}" for end in ends]
    taken = [text for text in texts if re.fullmatch(piece, text)]

    assert [text for text in taken if not rule(unescape(text))] == []
    assert f"{start}a" in taken or start == ""


def test_an_entry_without_content_must_link_its_page() -> None:
    """What has neither content nor an alternate link is no plain entry."""
    document = _documents()["atom"]
    bare = re.sub(r'    <(?:content type.*?</content>|link href="[^"]*" rel="alternate"/)\n', "", document, flags=re.DOTALL)
    short, long = _looks("atom", bare)

    assert short == long
    assert not _is_plain("atom", bare)


def test_items_of_a_podcast_are_looked_at_one_by_one() -> None:
    """What the short look does not know is left to the long one."""
    document = (
        build_as("rss", make_item(1))[0].decode().replace("    </item>", "      <itunes:season>0</itunes:season>\n    </item>")
    )
    document = document.replace("<rss ", '<rss xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" ', 1)

    assert not _is_plain("rss", document)
    assert [finding.rule for finding in examine_rss(document.encode()).faults] == ["Apple's podcast RSS <itunes:season>"]
