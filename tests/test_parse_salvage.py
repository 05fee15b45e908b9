"""A broken entry among sound ones: they are read as if it were not there, whatever is wrong with it."""

from __future__ import annotations

import random
import xml.sax

import pytest

from aggregator.model.parsed import ParsedEntry, ParsedFeed
from aggregator.parse import NotAFeedError, parse_feed
from aggregator.parse.encoding import decode_body
from aggregator.parse.prolog import open_document
from aggregator.parse.repair import repair_text
from aggregator.parse.salvage import MAX_BROKEN, take_apart
from tests.conftest import Sweep
from tests.parsing import ADDRESS
from tests.test_parse_corpora import mutate

FORMATS = ("rss", "atom", "rdf")
HEADS = {
    "rss": '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xml:lang="de"><channel><title>T</title>',
    "atom": '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:base="/b/"><title>T</title>',
    "rdf": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<channel rdf:about="/"><title>T</title></channel>'
    ),
}
TAILS = {"rss": "<language>de</language></channel></rss>", "atom": "</feed>", "rdf": "</rdf:RDF>"}


def entry(kind: str, number: int, text: str = "") -> str:
    body = text or f"<p>Text of {number} &amp; <b>more</b></p>"
    if kind == "atom":
        return (
            f'<entry><id>id-{number}</id><title type="html">Entry {number}</title><link href="{number}"/>'
            f"<updated>2021-09-11T00:00:{10 + number}Z</updated><author><name>A{number}</name></author>"
            f'<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{body}</div></content></entry>\n'
        )
    about = f' rdf:about="id-{number}"' if kind == "rdf" else ""
    guid = f'<guid isPermaLink="false">id-{number}</guid>' if kind == "rss" else ""
    return (
        f"<item{about}><title>Entry {number}</title><link>https://x.example/{number}</link>{guid}"
        f"<description><![CDATA[{body}]]></description></item>\n"
    )


def document(kind: str, middle: str | bytes) -> bytes:
    middle = middle.encode() if isinstance(middle, str) else middle
    before, after = (entry(kind, 1) + entry(kind, 2)).encode(), (entry(kind, 4) + entry(kind, 5)).encode()
    return HEADS[kind].encode() + before + middle + after + TAILS[kind].encode()


def read(body: bytes) -> ParsedFeed:
    return parse_feed(body, (("content-type", "application/xml"),), address=ADDRESS)


def sound(kind: str) -> dict[str | None, ParsedEntry]:
    return {one.id: one for one in read(document(kind, entry(kind, 3))).entries if one.id != "id-3"}


#: What is wrong with the third entry: its text replaced, or itself.
BREAKS = {
    "end": lambda text: text.replace("</item>", "").replace("</entry>", ""),
    "half": lambda text: text[: len(text) // 2],
    "start": lambda text: text[20:],
    "cdata": lambda text: text.replace("<title", "<![CDATA[<title"),
    "comment": lambda text: text.replace("<title", "<!-- <title"),
    "nested": lambda text: text.replace("</title>", "</link>"),
    "attribute": lambda text: text.replace("<link", '<link a="b'),
    "prefix": lambda text: text.replace("<title", "<dc:title"),
    "quote": lambda text: text.replace("<link", '<x y="'),
    "markup": lambda text: text.replace("<![CDATA[", "<p><b>").replace("]]>", "<i>"),
    "twice": lambda text: text.replace("</item>", "</item></item>").replace("</entry>", "</entry></entry>"),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", BREAKS)
def test_sound_entries_are_read_as_if_nothing_were_wrong(kind: str, name: str) -> None:
    """Each field of each sound entry is what it is in the whole document: nothing is lost, and nothing looks edited."""
    found = read(document(kind, BREAKS[name](entry(kind, 3))))

    assert {one.id: one for one in found.entries if one.id in sound(kind)} == sound(kind)
    assert (found.title.value if found.title else None, found.format) == ("T", read(document(kind, "")).format)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["end", "half"])
def test_half_of_an_entry_is_left_for_the_next_poll(kind: str, name: str) -> None:
    """An entry in the middle that has no end is not taken: it would overwrite the whole text with its half."""
    found = read(document(kind, BREAKS[name](entry(kind, 3))))

    assert "id-3" not in {one.id for one in found.entries}
    assert "a broken entry was left for the next poll" in found.warnings


@pytest.mark.parametrize("kind", FORMATS)
def test_a_broken_entry_that_is_whole_is_guessed_at(kind: str) -> None:
    """Markup that closes in the wrong order costs an entry nothing but its order."""
    found = {one.id: one for one in read(document(kind, BREAKS["markup"](entry(kind, 3)))).entries}

    assert list(found) == [f"id-{number}" for number in range(1, 6)]
    assert "Text of 3" in str(found["id-3"].content)


def test_a_text_about_feeds_stays_one_entry() -> None:
    """Tags of a feed within a CDATA section are text, also where another entry makes the document ill-formed."""
    about = entry("rss", 3, "<pre><item><title>x</title></item>\n<item></pre>")
    found = read(document("rss", about + BREAKS["nested"](entry("rss", 9))))

    assert [one.id for one in found.entries if one.id in sound("rss") or one.id == "id-3"] == [f"id-{n}" for n in range(1, 6)]
    assert "<item></pre>" in str(found.entries[2].content)


def test_a_document_that_is_broken_all_over_is_not_taken_apart() -> None:
    """Where nothing is sound, or too much is broken, the document is guessed at as a whole."""
    broken = BREAKS["nested"](entry("rss", 3))

    assert take_apart(f"<rss><channel>{broken}</channel></rss>") is None
    assert take_apart(f"<rss><channel>{entry('rss', 1)}{broken * (MAX_BROKEN + 1)}</channel></rss>") is None
    assert take_apart(f"<rss><channel>{entry('rss', 1)}{broken * MAX_BROKEN}</channel></rss>") is not None
    assert take_apart("<rss><channel></channel></rss>") is None


def test_start_tags_of_any_length_are_not_read_again_with_every_entry() -> None:
    """A root element of thousands of attributes makes the document guessed at as a whole: the work must not be squared."""
    broken = BREAKS["nested"](entry("rss", 3))
    attributes = "".join(f' a{number}=""' for number in range(4_000))

    assert take_apart(f"<rss><channel>{entry('rss', 1)}{broken}</channel></rss>") is not None
    assert take_apart(f"<rss{attributes}><channel>{entry('rss', 1)}{broken}</channel></rss>") is None


def _well_formed(body: bytes) -> bool:
    """Tell whether the document is XML, once its characters and references are mended."""
    text, _ = decode_body(body, "")
    try:
        mended = repair_text(open_document(text).text, {})
        xml.sax.parseString(mended.encode(), xml.sax.ContentHandler())  # noqa: S317 - our own mutants
    except (xml.sax.SAXException, NotAFeedError):
        return False
    return True


@pytest.mark.sweep
@pytest.mark.timeout(1800)
def test_whatever_happens_to_an_entry_its_neighbours_are_kept(sweep: Sweep) -> None:
    """Bytes changed, cut, doubled, swapped within one entry: unless they make other XML of the document, no other changes."""
    chance = random.Random(sweep.seed)
    expected = {kind: sound(kind) for kind in FORMATS}
    for _ in range(sweep.count(20_000, 300)):
        kind = chance.choice(FORMATS)
        middle = bytearray(entry(kind, 3).encode())
        for _ in range(chance.randrange(1, 4)):
            mutate(middle, chance)
        body = document(kind, bytes(middle))
        if _well_formed(body):
            continue  # it says what it says: a CDATA section that ends in the next entry holds that entry as text
        try:
            found = {one.id: one for one in read(body).entries}
        except NotAFeedError:
            found = {}
        kept = {name: found.get(name) for name in expected[kind]}
        assert kept == expected[kind], bytes(middle)
