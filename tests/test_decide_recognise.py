"""Which known entry an entry under an unknown id is, and when nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from aggregator.decide.recognise import Recognised, is_unstable, recognise, stranger, written_down
from aggregator.model.changes import KnownEntry
from aggregator.model.entry import Enclosure, Entry, Feed, SafeHtml
from aggregator.model.key import entry_key, link_hash
from aggregator.model.links import comparable, is_page
from aggregator.model.traits import traits_of, traits_of_id
from tests.test_decide import ENTRY, THEN

LONG = SafeHtml("<p>Ninety boats lay in the harbour, and every one of them had a lantern at its mast that night.</p>")
OLD = replace(
    ENTRY,
    id="old",
    title="Boats",
    link="https://x.example/boats",
    content=LONG,
    published=THEN + timedelta(minutes=17),
    feed=Feed(title="f", link="https://x.example/home"),
)


def knows(*entries: Entry) -> dict[str, KnownEntry]:
    """Return what the state would hold of these entries."""
    return {
        entry_key("s", entry.id): KnownEntry(
            raw_hash=b"r", link_hash=link_hash(entry.link), path="p", post_hash=b"h", locked=False, traits=traits_of(entry)
        )
        for entry in entries
    }


def found(
    come: list[Entry], known: dict[str, KnownEntry], *, beside: tuple[Entry, ...] = (), by_link: bool = False
) -> dict[str, tuple[str, str]]:
    """Return (key, by what) of the strangers that are recognised, by id; `beside` stand in the document under known ids."""
    strangers = [stranger(entry, entry_key("s", entry.id)) for entry in come]
    present = {one.key for one in strangers} | {entry_key("s", entry.id) for entry in beside}
    return {one.id: (one.key, one.by) for one in recognise(strangers, known, present, by_link=by_link)}


OTHER = SafeHtml("<p>Quite another text, long enough to be no coincidence wherever it may stand, tonight or tomorrow.</p>")
MARKED_UP = SafeHtml(f'<div title="a > b">\n{LONG.replace("lantern", "<b>lan</b>tern")} </div>')
SHORT = SafeHtml("<p>short</p>")
LATER = THEN + timedelta(days=7, minutes=3)
MIDNIGHT = THEN.replace(hour=0, minute=0)


@pytest.mark.parametrize(
    ("before", "now", "by"),
    [
        ({}, {}, "link"),
        ({}, {"link": "http://www.x.example/boats/?utm_source=a&sid=9#"}, "link"),
        ({}, {"title": "Boats, corrected", "content": OTHER}, "link"),
        ({}, {"published": None, "first_seen": LATER, "content": OTHER}, None),
        ({}, {"published": None, "first_seen": LATER}, "link"),
        ({"published": None}, {"content": OTHER}, None),
        ({"published": None}, {}, "link"),
        ({}, {"published": LATER}, "link"),
        ({}, {"published": LATER, "content": OTHER}, None),
        ({}, {"published": LATER, "title": "Goats"}, None),
        ({"content": SHORT}, {"content": SHORT, "published": LATER}, None),
        ({"published": MIDNIGHT}, {"published": MIDNIGHT, "title": "Goats", "content": OTHER}, None),
        ({"published": MIDNIGHT}, {"published": MIDNIGHT, "title": "Goats"}, "link"),
        ({}, {"link": "https://x.example/ships"}, "text"),
        ({}, {"link": "https://x.example/ships", "content": MARKED_UP}, "text"),
        ({}, {"link": "https://x.example/ships", "content": OTHER}, None),
        ({"content": SHORT}, {"link": "https://x.example/ships", "content": SHORT}, None),
        ({"published": None}, {"published": None, "first_seen": LATER, "link": "https://x.example/ships"}, None),
        ({"link": None, "content": SHORT, "published": None}, {"link": None, "content": SHORT, "published": None}, "text"),
        ({"link": None, "content": SHORT}, {"link": None, "content": OTHER}, None),
        ({"link": "https://x.example/home"}, {"link": "https://x.example/home", "content": OTHER}, None),
        ({"link": "https://x.example/"}, {"link": "https://x.example/", "title": "Boats!"}, None),
        ({"id": "http://x.example/7"}, {"id": "https://www.x.example/7/", "link": None, "title": "y", "content": OTHER}, "id"),
        ({"id": "urn:uuid:AB"}, {"id": "URN:uuid:ab", "link": None, "title": "y", "content": OTHER}, "id"),
        ({"id": "http://x.example/"}, {"id": "https://x.example/?utm_id=1", "link": None, "content": OTHER}, None),
        ({"id": "urn:sha256:1", "link": None}, {"id": "urn:sha256:2", "link": None, "content": OTHER}, "text"),
        ({"id": "urn:sha256:1", "link": None}, {"id": "urn:sha256:2", "link": None, "title": "Boats!"}, "text"),
        ({"id": "urn:sha256:1", "link": None}, {"id": "urn:sha256:2", "link": None, "title": "Boats!", "content": OTHER}, None),
    ],
)
def test_one_entry_under_a_new_id(before: dict[str, Any], now: dict[str, Any], by: str | None) -> None:
    """An entry is recognised by id, page or text where these say enough, and is new where they do not."""
    old = replace(OLD, **before)
    new = replace(OLD, **({"id": "new"} | now))
    key = entry_key("s", old.id)

    assert found([new], knows(old)) == ({} if by is None else {new.id: (key, by)})
    # Not if the entry itself is in the document.
    assert (
        by == "id"
        or not found([new], knows(old), beside=(old,))
        or found([new], knows(old), beside=(old,))[new.id][1] == "twin"
    )


def test_a_page_of_several_entries_tells_nothing() -> None:
    """A link that two known entries share, or two strangers, recognises none of them."""
    sibling = replace(OLD, id="sibling", title="Goats", content=OTHER)
    new = replace(OLD, id="new", title="Boats!")

    assert found([new], knows(OLD)) != {}
    assert found([new], knows(OLD, sibling)) == {}
    assert found([new, replace(new, id="new2", title="Goats!", content=OTHER)], knows(OLD)) == {}


def test_an_undated_feed_of_one_page_and_one_title_loses_nothing() -> None:
    """Without dates, entries of one page and one title are told apart by their texts."""
    undated = replace(OLD, published=None, first_seen=THEN)

    assert found([replace(undated, id="new", content=OTHER)], knows(undated)) == {}
    assert found([replace(undated, id="new", content=SHORT)], knows(undated)) == {}
    assert found([replace(undated, id="new")], knows(undated)) == {"new": (entry_key("s", "old"), "link")}


def test_two_cannot_be_one() -> None:
    """Where two strangers could each be the same known entry, neither is."""
    by_page = replace(OLD, id="1", title="Boats!", content=OTHER)
    by_text = replace(OLD, id="2", link="https://x.example/ships")

    assert found([by_page, by_text], knows(OLD)) == {}


def test_without_ids_pages_are_names() -> None:
    """Of a source whose ids count for nothing the page alone says which entry it is."""
    new = replace(OLD, id="new", title="Goats", content=OTHER, published=LATER)

    assert found([new], knows(OLD)) == {}
    assert found([new], knows(OLD), by_link=True) == {"new": (entry_key("s", "old"), "link")}


@pytest.mark.parametrize(("number", "days", "recognised"), [(3, 1, True), (2, 1, False), (3, 0, False)])
def test_together_titles_and_times_are_enough(number: int, days: int, *, recognised: bool) -> None:
    """Three entries with titles and times of known ones are those, under whatever ids and links; fewer, or all at once, not."""
    old = [
        replace(
            OLD,
            id=f"o{n}",
            title=f"t{n}",
            link=f"https://x.example/{n}",
            content=SHORT,
            published=LATER + timedelta(days=days * n),
        )
        for n in range(number)
    ]
    new = [replace(entry, id=f"n{entry.id}", link=f"https://y.example/{entry.title}") for entry in old]

    assert (len(found(new, knows(*old))) == number) is recognised
    # Nor if most of the strangers are nobody's.
    crowd = [
        replace(OLD, id=f"c{n}", title=f"c{n}", link=f"https://y.example/c{n}", published=LATER) for n in range(number + 1)
    ]
    assert found([*new, *crowd], knows(*old)) == {}


def test_twins_in_one_document() -> None:
    """Entries that are the same in page, title, time and text are one: the known one, the recognised one, or the least id."""
    one, two = replace(OLD, id="n1"), replace(OLD, id="n2")
    old = entry_key("s", "old")

    assert found([two, one], {}) == {"n2": (entry_key("s", "n1"), "twin")}
    assert found([two, one], knows(OLD)) == {"n1": (old, "link"), "n2": (old, "twin")}
    assert found([one], knows(OLD), beside=(OLD,)) == {"n1": (old, "twin")}
    assert found([replace(one, content=SHORT)], knows(OLD), beside=(OLD,)) == {}
    assert found([replace(entry, published=None, first_seen=THEN) for entry in (one, two)], {}) == {}


def test_what_is_the_same_in_everything_may_be_many() -> None:
    """Of known entries that are the same in everything one stands for all that come, for nothing can be lost."""
    plain = replace(OLD, link=None, content=SHORT)
    old = [replace(plain, id=f"o{n}") for n in range(2)]
    keys = {entry_key("s", entry.id) for entry in old}

    recognised = found([replace(plain, id=f"n{n}") for n in range(2)], knows(*old))

    assert {key for key, _ in recognised.values()} == {min(keys)}


@pytest.mark.parametrize("link", ["https://x.example/home", "https://x.example/comic", None])
@pytest.mark.parametrize("published", [None, OLD.published])
def test_a_comic_with_another_picture_is_another_one(link: str | None, published: datetime | None) -> None:
    """Entries that differ in a picture, a file or the end of a long text alone are not the same in everything."""
    comic = replace(
        OLD, link=link, published=published, first_seen=THEN, content=SafeHtml('<p>x</p><img src="https://x.example/1.png">')
    )
    long = SafeHtml("<p>" + "Every week the same preface. " * 200 + "One.</p>")
    twins = [
        (comic, replace(comic, content=SafeHtml(comic.content.replace("1.png", "2.png")))),
        (comic, replace(comic, enclosures=(Enclosure(href="https://x.example/2.mp3"),))),
        (replace(comic, content=long), replace(comic, content=SafeHtml(long.replace("One.", "Two.")))),
    ]
    for old, new in twins:
        same_moment = published is not None and link == "https://x.example/comic"
        assert (found([replace(new, id="new")], knows(old)) != {}) is same_moment
        assert found([replace(old, id="new")], knows(old)) != {}
        moved = replace(old, id="new", content=SafeHtml(old.content.replace("https:", "http:")))
        assert found([moved], knows(old)) != {}


def test_what_was_deleted_is_recognised_by_its_id_alone() -> None:
    """An entry of which only the id is left is recognised by it, and by nothing else."""
    key = entry_key("s", "http://x.example/7")
    gone = KnownEntry(
        raw_hash=None, link_hash=b"", path="", post_hash=None, locked=True, traits=traits_of_id("http://x.example/7")
    )

    assert found([replace(OLD, id="https://x.example/7")], {key: gone}) == {"https://x.example/7": (key, "id")}
    assert found([replace(OLD, id="new")], {key: gone, "x": replace(gone, traits=b"")}) == {}


def test_the_ledger_grows_with_the_entries_only() -> None:
    """An entry's ids are written down twice at most; of an unstable source only those of what was deleted, once more."""
    known = knows(OLD, replace(OLD, id="gone"))
    old, gone = known
    known[gone] = replace(known[gone], path="")
    come = [Recognised(id="n1", key=old, by="link"), Recognised(id="n2", key=gone, by="link")]

    def written(aliases: dict[str, str], *, unstable: bool = False) -> list[str]:
        return [one.id for one in written_down(come, known, aliases, unstable=unstable)]

    assert written({}) == ["n1", "n2"]
    assert written({"n1": old}) == ["n2"]
    assert written({"a": old, "b": old, "c": gone, "d": gone}) == ["n2"]
    assert written({"c": gone, "d": gone, "e": gone}) == ["n1"]
    assert written({}, unstable=True) == ["n2"]


def test_a_source_is_unstable_when_ids_change_again() -> None:
    """Three entries and half of a document whose ids have changed before; a change to https is none."""
    entries = [replace(OLD, id=f"http://x.example/{n}") for n in range(3)]
    known = knows(*entries)
    come = [Recognised(id=f"n{n}", key=key, by="link") for n, key in enumerate(known)]
    before = {f"a{n}": key for n, key in enumerate(known)}
    secure = {f"https://x.example/{n}": key for n, key in enumerate(known)}

    assert is_unstable(come, known, before, entries=6)
    assert not is_unstable(come, known, before, entries=7)
    assert not is_unstable(come[:2], known, before, entries=2)
    assert not is_unstable(come, known, secure, entries=3)
    assert not is_unstable([replace(one, by="twin") for one in come], known, before, entries=3)


def test_addresses_as_they_are_compared() -> None:
    """Scheme, `www.`, default port, last slash, order of the query, tracking and sessions say nothing; the rest does."""
    assert comparable("http://WWW.x.example:80/A/?b=2&utm_source=1&a=1") == comparable("https://x.example/A?a=1&amp;b=2")
    assert comparable("https://x.example/a;jsessionid=9?sid=8", nonces=True) == comparable("https://x.example/a", nonces=True)
    assert comparable("https://x.example/a?sid=8") != comparable("https://x.example/a?sid=9")
    assert comparable("https://x.example/a#1") != comparable("https://x.example/a#2")
    assert comparable("tag:x,2026:A") == "tag:x,2026:A"
    assert is_page("https://x.example/a")
    assert is_page("https://x.example/?p=1")
    assert not is_page("https://x.example/?utm_source=1")


@pytest.mark.parametrize("nonces", [False, True])
@pytest.mark.parametrize(
    "query", ["id=1", "utm_source=rss", "FROM=Atom", "from=alice", "from", "sid=8", "b=2&from=rss&a=1", "=", ""]
)
def test_a_parameter_counts_alike_alone_and_among_others(query: str, *, nonces: bool) -> None:
    """What a query is left with does not depend on how many parameters it has."""
    alone = comparable(f"https://x.example/a?{query}", nonces=nonces)

    assert alone == comparable(f"https://x.example/a?{query}&", nonces=nonces)
    assert alone == comparable(f"https://x.example/a?fbclid=1&amp;{query}", nonces=nonces)
    assert ("?" in alone) is (
        query in {"id=1", "from=alice", "from", "b=2&from=rss&a=1", "="} or (query == "sid=8" and not nonces)
    )
