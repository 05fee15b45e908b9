"""The fast path and feedparser read alike: whatever the fast path takes is equal, field by field."""

from __future__ import annotations

import random
from pathlib import Path
from xml.parsers import expat

import pytest

from aggregator.parse.prolog import Document
from aggregator.parse.raw import Raw
from tests.agreement import FAST, Headers, Outcome, compare
from tests.agreement_corpora import FOREIGN, OURS, Feed, foreign, ours
from tests.agreement_grown import grown
from tests.agreement_mutants import mutant
from tests.agreement_table import PROPERTY, Row
from tests.conftest import Sweep
from tests.markup import read_markup, write_markup
from tests.parsing import rss
from tests.shrinking import shrink

#: Mutants are made of documents that the whole road reads fast enough.
_MAX_SEED_BYTES = 20_000
#: Corpus -> how many mutants of it. What takes the whole road longest is not what differs most.
_MUTANTS = {
    "shapes": 35_000,
    "feedparser": 28_000,
    "feedvalidator": 21_000,
    "gofeed": 14_000,
    "tests": 14_000,
    "node-feedparser": 7_000,
    "demo": 3_500,
    "farm": 1_000,
}
#: So many are one test, so that processes can work side by side.
_PART = 7_000
_PARTS = [
    (name, part, min(_PART, whole - part * _PART)) for name, whole in _MUTANTS.items() for part in range(-(-whole // _PART))
]
_GROWN = 28_000
_SHRUNK = 6  #: so many differences are made small and shown


class Reader:
    """Reads documents on both roads and adds up."""

    def __init__(self) -> None:
        self.row = Row()
        self._found: dict[tuple[str, ...], tuple[str, bytes, Headers, Outcome]] = {}

    def read(self, name: str, body: bytes, headers: Headers, *, normalised: bool) -> None:
        """Read one document; a difference is kept, one of each kind."""
        try:
            outcome = compare(body, headers, normalised=normalised)
        except Exception as error:
            error.add_note(f"{name} {body[:5000]!r}")
            raise
        self.row.documents += 1
        self.row.taken += outcome.taken
        if outcome.taken or is_well_formed(body):
            self.row.well_formed += 1
            if not outcome.taken:
                self.row.reasons[outcome.reason] += 1
        if outcome.differences:
            self.row.differences += 1
            self._found.setdefault(outcome.signature, (name, body, headers, outcome))

    def report(self) -> str:
        """Return the differences, made small; empty where there are none."""
        pieces = [f"{self.row.differences} of {self.row.documents} documents are read otherwise, in {len(self._found)} ways"]
        for name, body, headers, outcome in list(self._found.values())[:_SHRUNK]:
            small = smallest(body, headers, outcome)
            pieces.append(f"-- {name}\n{small}\n" + "\n".join(compare(small.encode(), headers).differences[:5]))
        return "\n\n".join(pieces) if self._found else ""


def smallest(body: bytes, headers: Headers, outcome: Outcome) -> str:
    """Return a small document that differs in the same fields."""
    text = body.decode("utf-8", "replace")
    return shrink(text, lambda text: compare(text.encode(), headers).signature == outcome.signature)


def is_well_formed(body: bytes) -> bool:
    """Tell whether expat reads a body as it is."""
    parser = expat.ParserCreate(namespace_separator=" ")
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat's signature
    except (expat.ExpatError, ValueError, LookupError):
        return False
    return True


def _headers(chance: random.Random, headers: Headers) -> Headers:
    """Name a language now and then, which a feed takes on that names none itself."""
    return [*headers, ("content-language", chance.choice(("en", "zh_CN", "")))] if chance.random() < 0.1 else headers


def documents(name: str, shared: Path) -> tuple[Feed, ...]:
    return foreign(shared / "corpora", name) if name in FOREIGN else ours(name)


@pytest.mark.sweep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [*FOREIGN, *OURS])
def test_documents_are_read_alike(name: str, sweep: Sweep, request: pytest.FixtureRequest) -> None:
    """Every feed at hand is read by the fast path as feedparser's dictionaries say, or handed over."""
    # Our own documents need no corpora.
    shared = request.getfixturevalue("shared") if name in FOREIGN else Path()
    reader = Reader()
    for where, body, headers in sweep.sample(list(documents(name, shared)), 5 if name == "farm" else 150):
        reader.read(where, body, headers, normalised=True)
    request.node.user_properties.append((PROPERTY, f"{name}\n{reader.row.as_json()}"))
    assert not reader.report(), reader.report()


@pytest.mark.sweep
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "part", "whole"), _PARTS, ids=[f"{name}-{part}" for name, part, _ in _PARTS])
def test_mutants_are_read_alike(name: str, part: int, whole: int, sweep: Sweep, request: pytest.FixtureRequest) -> None:
    """So is every mutant of these feeds."""
    shared = request.getfixturevalue("shared") if name in FOREIGN else Path()
    seeds = [feed for feed in documents(name, shared) if len(feed[1]) <= _MAX_SEED_BYTES or name == "farm"]
    reader = Reader()
    for number in range(sweep.count(whole, 10 if name == "farm" else 60)):
        chance = random.Random(f"{sweep.seed} {name} {part} {number}")
        where, body, headers = chance.choice(seeds)
        reader.read(f"{where}, mutant {number}", mutant(body, chance), _headers(chance, headers), normalised=number % 20 == 0)
    request.node.user_properties.append((PROPERTY, f"{name}, mutants\n{reader.row.as_json()}"))
    assert not reader.report(), reader.report()


@pytest.mark.sweep
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(_GROWN // _PART))
def test_documents_of_its_own_words_are_read_alike(part: int, sweep: Sweep, request: pytest.FixtureRequest) -> None:
    """So are documents grown from the tables of the fast path itself, in every order, number and nesting."""
    reader = Reader()
    for number in range(sweep.count(_PART, 60)):
        chance = random.Random(f"{sweep.seed} grown {part} {number}")
        reader.read(f"grown {number}", grown(chance), _headers(chance, []), normalised=number % 20 == 0)
    request.node.user_properties.append((PROPERTY, f"grown\n{reader.row.as_json()}"))
    assert not reader.report(), reader.report()


def test_a_difference_is_seen_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast path that reads a title otherwise is caught, and what is shown of the document is little more than that title."""

    def careless(document: Document, language: str | None) -> Raw:
        raw = FAST(document, language)
        raw.feed["title"] = "Otherwise"
        return raw

    feed = rss("<item><title>One</title><link>/1</link></item>" * 3, "<description>d</description><ttl>5</ttl>")
    monkeypatch.setattr("tests.agreement.FAST", careless)
    outcome = compare(feed, [])

    assert outcome.taken
    assert outcome.differences
    assert len(smallest(feed, [], outcome)) < len(feed) / 2


def test_markup_is_written_as_it_was_read() -> None:
    """The tree that mutants are made of keeps prefixes, quotes, CDATA, comments and entities."""
    text = (
        """<?xml version="1.0"?>\n<a:feed xmlns:a="u" b='"'>&amp;<a c="&quot;'"><![CDATA[<p>]]>a<!-- c --></a><d/></a:feed>\n"""
    )

    found = read_markup(text)

    assert found is not None
    assert write_markup(found) == text
