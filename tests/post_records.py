"""Entries for the tests of posts: one plain, and strategies for hostile ones that keep the model's invariants."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from aggregator.model.entry import EPISODE_KINDS, Enclosure, Entry, Episode, Feed, Person, SafeHtml, Tag

#: What some YAML reader, site engine, file system or shell takes for more than text.
SPECIAL = (
    *("yes", "No", "on", "OFF", "y", "N", "true", "False", "null", "~", "", "NULL", "nan", ".nan", ".inf", "-.INF"),
    *("2017", "1e3", "1_000", "0o17", "0x1F", "017", "0b11", "12:30:45", "1:30", "+1", "-0", "1.", ".5", "6.02e+23"),
    *("2021-9-1", "2021-09-11", "2021-09-11T00:22:19Z", "2021-09-11 00:22:19 +08:00", "=", "<<", "!!python/name:os.system"),
    *("'", '"', "''", '""', "it's", "'\"", "\\", "\\n", "\\x41", "a\\", 'it\'s "both"', "'quoted'", '"quoted"'),
    *(": ", "a: b", "a:", "- a", "-", "---", "--- a", "...", "? a", "# a", "a # b", "#", "@a", "`a`", "%YAML 1.2", "!tag"),
    *("&a", "*a", "| ", ">", "[a]", "[", "]", "{a: b}", "{{ 1+1 }}", "{% raw %}", "{# a #}", "{{< a >}}", "{: .a}", ","),
    *("a\tb", "a\u0085b", "a\u2028b", "a\u2029b", "a\ufeffb", "\ufeff", "a\u00a0b", "a\u3000b", "a\u200bb", "\u202eabc"),
    *("a\x7fb", "a\x80b", "a\x9fb", "\ufffc", "\ufffd", "\ufdd0", "\U0001f600", "\U0001f468\u200d\U0001f469", "\U0010ffff"),
    *("e\u0301", "\u0301", "中" * 90, "a" * 2000, ("ab " * 1000).strip(), "_", ".", "..", "~a", "CON", "nul", "a/../b", "a\\b"),
    *("<<<<<<< HEAD", "=======", ">>>>>>> main", "content", "handler", "Sat, 11 Sep 2021 00:22:19 GMT", "&#123;", "</div>"),
)

_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: Pieces that, side by side, make blank lines, fences, templates and the wrapper's own ends.
_PIECES = (
    *(
        "\n",
        "\n\n",
        " ",
        "  \n",
        "\t",
        "    x",
        "<div>",
        "</div>",
        "<div>   \n",
        "<pre>",
        "</pre>",
        "<p>中文</p>",
        "---",
        "\n---\n",
    ),
    *("```", "~~~", "{", "}", "{{", "{%", "&amp;#123;", "&amp;", "&nbsp;", "&lt;", "<!-- more -->", "* a", "# b", "1. c", "a"),
    *(
        "\ufeff",
        "\u0085",
        "\u2028",
        "\u00a0",
        "\u3000",
        "\x0b",
        "\x0c",
        "\r",
        "\r\n",
        "\ufffc",
        "\\",
        "$$",
        "[[a]]",
        ";",
        "10;",
        "&",
    ),
)


def entry(**changes: Any) -> Entry:
    """Return a small entry that has nothing unusual but what is asked for."""
    values: dict[str, Any] = {
        "id": "https://news.example/1",
        "source_id": "news",
        "title": "A title",
        "categories": ("News", "Local"),
        "content": SafeHtml("<p>Text</p>"),
        "published": datetime(2021, 9, 11, 0, 22, 19, tzinfo=UTC),
        "first_seen": None,
        "feed": Feed(title="News of the town"),
    }
    return Entry(**(values | changes))


def full_entry(**changes: Any) -> Entry:
    """Return an entry in which every field is filled."""
    values: dict[str, Any] = {
        "feed": Feed(title="News", id="urn:example:news", link="https://news.example/", rights="© News"),
        "author": "The News",
        "cover": "https://news.example/cover.jpg",
        "link": "https://news.example/1",
        "updated": datetime(2021, 9, 12, tzinfo=UTC),
        "authors": (Person(name="Ann"), Person(name="Bob", uri="https://bob.example/", email="bob@bob.example")),
        "tags": (Tag(term="town"), Tag(term="a", scheme="urn:example:a", label="A"), Tag(term="a")),
        "language": "en",
        "summary": "Text",
        "rights": "© 2021",
        "enclosures": (Enclosure(href="https://news.example/1.mp3", type="audio/mpeg", length=123, title="Listen"),),
        "episode": Episode(
            duration=3723, season=2, number=14, kind="bonus", explicit=False, image="https://news.example/1.png"
        ),
    }
    return entry(**(values | changes))


def naughty_strings(shared: Path) -> list[str]:
    """Return the list of naughty strings as one-line fields would hold them."""
    found = json.loads((shared / "corpora" / "blns" / "blns.json").read_text(encoding="utf-8"))
    return [text for text in map(one_line, found) if text]


def one_line(text: str) -> str:
    """Return the text as the model allows it in a one-line field."""
    return _ILLEGAL.sub("", text).replace("\n", " ").strip()


_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")
_any_text = st.one_of(st.sampled_from(SPECIAL), st.text(_characters, max_size=20))
lines = _any_text.map(one_line).filter(bool)
paragraphs = st.one_of(_any_text, st.lists(_any_text, min_size=2, max_size=3).map("\n".join)).map(
    lambda text: _ILLEGAL.sub("", text).strip()
)
addresses = st.builds(
    lambda start, rest: one_line(f"{start}{rest}"), st.sampled_from(["https://a.example/", "http://例.example/?q="]), _any_text
)
html = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=12).map("".join), st.text(_characters, max_size=60).map(lambda text: text)
).map(lambda text: SafeHtml(text.replace("&#", "&amp;#")))
instants = st.datetimes(timezones=st.just(UTC)).map(lambda instant: instant.replace(microsecond=0))


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def _tuples(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=3).map(tuple)


def _entry(*, undated: bool, date: datetime, **values: Any) -> Entry:
    return Entry(published=None if undated else date, first_seen=date if undated else None, **values)


_maybe_line = _maybe(lines)
_maybe_address = _maybe(addresses)
_positive = st.integers(min_value=1, max_value=2**63)
_maybe_paragraph = _maybe(paragraphs.filter(bool))

entries: st.SearchStrategy[Entry] = st.builds(
    _entry,
    undated=st.booleans(),
    date=instants,
    id=_any_text.map(lambda text: _ILLEGAL.sub("", text)).filter(bool),
    source_id=lines,
    title=lines,
    categories=st.lists(lines, min_size=1, max_size=3).map(tuple),
    content=html,
    feed=st.builds(Feed, title=lines, id=_maybe_line, link=_maybe_address, rights=_maybe_paragraph),
    author=_maybe_line,
    cover=_maybe_address,
    link=_maybe_address,
    updated=_maybe(instants),
    authors=_tuples(st.builds(Person, name=lines, uri=_maybe_address, email=_maybe_line)),
    tags=_tuples(st.builds(Tag, term=st.sampled_from(["a", "b", "yes"]) | lines, scheme=_maybe_line, label=_maybe_line)),
    language=_maybe_line,
    summary=_maybe_paragraph,
    rights=_maybe_paragraph,
    enclosures=_tuples(
        st.builds(
            Enclosure,
            href=addresses,
            type=_maybe_line,
            length=_maybe(st.integers(min_value=0, max_value=2**63)),
            title=_maybe_line,
        )
    ),
    episode=_maybe(
        st.builds(
            Episode,
            duration=_maybe(_positive),
            season=_maybe(_positive),
            number=_maybe(_positive),
            kind=_maybe(st.sampled_from(EPISODE_KINDS)),
            explicit=_maybe(st.booleans()),
            image=_maybe_address,
        ).filter(lambda episode: episode != Episode())
    ),
)
