from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.changes import Skipped
from aggregator.model.entry import Entry, Episode
from aggregator.model.parsed import ParsedFeed
from aggregator.normalise import identify, normalise_entry, normalise_feed
from aggregator.parse import NotAFeedError, parse_feed
from tests.conftest import Sweep
from tests.expectations import headers_of
from tests.parsing import ADDRESS, NOW, atom, rss, source
from tests.test_normalise_html import assert_safe

MAX_BYTES = 1_000_000
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WEB = re.compile(r"https?://[^/\s]\S*\Z")

SEEDS = (
    rss(
        "<item><title>One &amp;amp; two</title><guid>1</guid><link>/1</link><pubDate>Sat, 11 Sep 2021 00:22:19 GMT</pubDate>"
        "<description><![CDATA[<p>潮 <img src=a.png onerror=x></p>]]></description><author>a@x.example (A)</author>"
        "<category>c</category><enclosure url='/a.mp3' length='1' type='audio/mpeg'/></item>"
        "<item><title>Two</title><guid>2</guid><description>&lt;b&gt;x</description></item>"
    ),
    atom(
        "<entry><id>urn:1</id><title type='html'>&lt;i&gt;x&lt;/i&gt;</title><link href='/1'/>"
        "<updated>2021-09-11T00:00:00Z</updated><author><name>A</name></author>"
        "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x</p></div></content></entry>"
    ),
    b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1, "content_html": "<p>x</p>", "tags": ["a"]}]}',
)


def run(body: bytes, headers: list[tuple[str, str]]) -> int | None:
    """Run both stages; check every invariant of the model; return the number of entries, or None if it is no feed."""
    try:
        parsed = parse_feed(body, headers, address=ADDRESS)
    except NotAFeedError as error:
        refusal = str(error)
    else:
        return run_entries(parsed)
    assert refusal.isprintable()
    assert refusal
    return None


def run_entries(parsed: ParsedFeed) -> int:
    """Identify and normalise; return the number of entries."""
    feed = normalise_feed(parsed, source(), address=ADDRESS)
    items = identify(parsed.entries, source_id="quiet", known={}, address=ADDRESS)
    assert len({item.key for item in items}) == len(items)
    for item in items:
        entry = normalise_entry(item, feed=feed, feed_language=parsed.language, source=source(), address=ADDRESS, now=NOW)
        if isinstance(entry, Entry):
            check(entry)
        else:
            assert isinstance(entry, Skipped)
    return len(parsed.entries)


def check(entry: Entry) -> None:
    """Assert the invariants that `model.entry` promises."""
    lines: list[str | None] = [
        entry.id,
        entry.title,
        entry.author,
        entry.summary,
        entry.rights,
        entry.feed.title,
        entry.feed.rights,
    ]
    lines += [text for person in entry.authors for text in (person.name, person.email)]
    lines += [text for tag in entry.tags for text in (tag.term, tag.label)]
    lines += [text for file in entry.enclosures for text in (file.type, file.title)]
    for line in lines:
        assert line is None or (line == line.strip(" \t\r\n") != "" and not _ILLEGAL.search(line))
    for line in lines[1:]:
        assert line is None or not re.search(r"[\r\n]", line)
    links = [
        entry.link,
        entry.cover,
        entry.feed.link,
        *(file.href for file in entry.enclosures),
        *(p.uri for p in entry.authors),
        entry.episode.image if entry.episode else None,
    ]
    assert all(link is None or _WEB.match(link) for link in links)
    for date in (entry.published, entry.updated, entry.first_seen):
        assert date is None or (date.utcoffset() is not None and date.microsecond == 0 and date <= NOW)
    assert (entry.published is None) == (entry.first_seen is not None)
    assert entry.updated is None or entry.updated > entry.date
    assert len(entry.title) <= 500
    if entry.episode is not None:
        assert entry.episode != Episode()
        assert all(
            number is None or number > 0 for number in (entry.episode.duration, entry.episode.season, entry.episode.number)
        )
    assert_safe(entry.content)


@pytest.mark.sweep
@pytest.mark.parametrize("folder", ["feedparser", "feedvalidator", "gofeed", "node-feedparser"])
def test_no_feed_of_others_is_an_exception(folder: str, shared: Path, sweep: Sweep) -> None:
    """Every corpus file becomes entries that keep the model's invariants, or is refused in words."""
    files = sorted(
        path
        for path in (shared / "corpora" / folder).rglob("*")
        if path.suffix in {".xml", ".rss", ".atom", ".rdf", ".json"} and path.stat().st_size < MAX_BYTES
    )
    counts = []
    for path in sweep.sample(files, 400):
        body = path.read_bytes()
        try:
            counts.append(run(body, headers_of(body)))
        except Exception as error:
            error.add_note(str(path))
            raise
    assert any(counts)


@pytest.mark.sweep
@pytest.mark.timeout(3600)
def test_mutants_are_no_exception_either(shared: Path, sweep: Sweep) -> None:
    """Corpus files with bytes changed, cut, doubled and swapped end in entries or in words as well."""
    chance = random.Random(sweep.seed)
    found = (
        (shared / "corpora" / folder).rglob("*") for folder in ("feedparser", "feedvalidator", "gofeed", "node-feedparser")
    )
    files = sorted(
        path
        for folder in found
        for path in folder
        if path.suffix in {".xml", ".rss", ".atom", ".rdf", ".json"} and path.stat().st_size < 20_000
    )
    for _ in range(sweep.count(100_000, 400)):
        path = chance.choice(files)
        body = bytearray(path.read_bytes())
        headers = headers_of(bytes(body))
        for _ in range(chance.randrange(1, 6)):
            mutate(body, chance)
        try:
            run(bytes(body), headers)
        except Exception as error:
            error.add_note(f"{path} {bytes(body)!r}")
            raise


def mutate(body: bytearray, chance: random.Random) -> None:
    """Change the bytes at one place."""
    if not body:
        return
    start = chance.randrange(len(body))
    end = min(len(body), start + chance.randrange(1, 40))
    kind = chance.randrange(6)
    if kind == 0:
        del body[start:end]
    elif kind == 1:
        body[start:start] = body[start:end] * chance.randrange(1, 4)
    elif kind == 2:
        body[start] = chance.randrange(256)
    elif kind == 3:
        del body[start:]
    elif kind == 4:
        body[start:start] = chance.choice(
            [
                b"<",
                b">",
                b"&",
                b"&#xD800;",
                b"&#x110000;",
                b"]]>",
                b"<![CDATA[",
                b"\0",
                b"\xff",
                b"<!--",
                b"<!DOCTYPE x [",
                b"&nbsp;",
                b"<item>",
            ]
        )
    else:
        other = chance.randrange(len(body))
        body[start:end] = body[other : other + end - start]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 1500), st.binary(max_size=4), st.integers(0, 9)), max_size=5))
def test_any_edit_of_a_feed_keeps_the_invariants(body: bytes, edits: list[tuple[int, bytes, int]]) -> None:
    """Bytes replaced anywhere in a feed never give an entry that breaks the model's promises."""
    for position, inserted, removed in edits:
        body = body[:position] + inserted + body[position + removed :]
    run(body, [("content-type", "application/xml")])


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_feed_or_none(body: bytes) -> None:
    """Arbitrary bytes are refused in one line."""
    run(body, [])
