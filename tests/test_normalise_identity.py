from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.changes import KnownEntry
from aggregator.model.key import entry_key, link_hash
from aggregator.normalise import identify
from aggregator.normalise.address import choose_link
from tests.parsing import ADDRESS, named, parse, rss


@dataclass
class Memory:
    """What a state would remember after each poll."""

    known: dict[str, KnownEntry] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)  #: key -> title it was first seen with

    def poll(self, items: list[str]) -> dict[str, str]:
        """Poll a document; return title -> id."""
        found = {}
        for item in named(rss("".join(items)), self.known):
            assert item.entry.title is not None
            title = item.entry.title.value
            found[title] = item.id
            self.titles.setdefault(item.key, title)
            self.known[item.key] = KnownEntry(
                raw_hash=item.raw_hash,
                link_hash=link_hash(choose_link(item.entry, ADDRESS)),
                path="p",
                post_hash=None,
                locked=False,
            )
        return found


def item(title: str, guid: str | None = "home", link: str | None = None, date: str = "", text: str = "") -> str:
    """Write an item."""
    return (
        f"<item><title>{title}</title>{f'<guid>{guid}</guid>' if guid else ''}{f'<link>{link}</link>' if link else ''}"
        f"{f'<pubDate>{date}</pubDate>' if date else ''}<description>{text}</description></item>"
    )


def test_the_ladder() -> None:
    """An id is upstream's, else the link without tracking and scheme, else a hash; the same on every poll."""
    items = [
        item("a", guid="x:1", link="https://x.example/a"),
        item("b", guid=None, link="http://x.example/b?utm_source=rss&amp;id=7&amp;fbclid=1#top"),
        item("c", guid=None),
    ]
    first, second, third = named(rss("".join(items)))
    other = named(rss(item("c", guid=None, text="other")))[0]

    assert first.id == "x:1"
    assert first.key == entry_key("quiet", "x:1")
    assert second.id == "https://x.example/b?id=7#top"
    assert third.id.startswith("urn:sha256:")
    assert third.id != other.id
    assert [found.id for found in named(rss("".join(items)))] == [first.id, second.id, third.id]


def test_a_link_that_changes_is_the_same_entry() -> None:
    """An entry whose id is its own keeps it when link, scheme and title change."""
    memory = Memory()

    assert memory.poll([item("a", "1", "http://x.example/a?utm_source=1")]) == {"a": "1"}
    assert memory.poll([item("b", "1", "https://y.example/moved")]) == {"b": "1"}


def test_one_guid_for_all() -> None:
    """Items that share the home page as guid stay apart, whatever is prepended, edited or falls out."""
    memory = Memory()
    links = {name: f"https://x.example/{name}" for name in "abcd"}

    first = memory.poll([item("a", link=links["a"]), item("b", link=links["b"])])
    second = memory.poll([item("c", link=links["c"]), item("a", link=links["a"]), item("b", link=links["b"])])
    third = memory.poll([item("c", link=links["c"]), item("a edited", link=links["a"])])
    fourth = memory.poll([item("c", link=links["c"])])
    fifth = memory.poll([item("d", link=links["d"]), item("c", link=links["c"].replace("https", "http"))])

    assert len(set(first.values())) == 2
    assert {name: second[name] for name in "ab"} == first
    assert third == {"c": second["c"], "a edited": first["a"]}
    assert fourth == {"c": second["c"]}
    assert fifth["c"] == second["c"]
    assert len(memory.known) == 4
    assert all(entry_id.startswith("home#") for entry_id in (*first.values(), *second.values()))


def test_one_guid_and_one_link_for_all() -> None:
    """Items that share guid and link are told apart by title and date."""
    memory = Memory()

    first = memory.poll([item("a"), item("b")])
    second = memory.poll([item("c"), item("a"), item("b")])

    assert {name: second[name] for name in "ab"} == first
    assert len(set(second.values())) == 3


def test_the_first_owner_of_a_shared_id_keeps_it() -> None:
    """An entry that was alone with its id keeps it when a second one appears with the same, in either order."""
    memory = Memory()
    a, b = item("a", link="https://x.example/a"), item("b", link="https://x.example/b")

    assert memory.poll([a]) == {"a": "home"}
    assert memory.poll([b, a])["a"] == "home"
    edited = memory.poll([b, item("a edited", link="https://x.example/a")])
    assert edited["a edited"] == "home"
    assert memory.poll([b])["b"] == edited["b"] != "home"


def test_a_shared_id_that_nobody_can_claim_stays_with_its_post() -> None:
    """When the owner of a shared id has left, no other entry takes over its post."""
    memory = Memory()
    memory.poll([item("a", link="https://x.example/a")])

    found = memory.poll([item("b", link="https://x.example/b"), item("c", link="https://x.example/c")])

    assert "home" not in found.values()
    assert memory.titles[entry_key("quiet", "home")] == "a"


def test_a_name_that_two_could_claim_goes_to_neither() -> None:
    """Where nothing tells which of two entries bears a known id, neither is written over its post."""
    memory = Memory()
    memory.poll([item("a")])
    forgotten = memory.known.pop(entry_key("quiet", "home"))
    memory.known[entry_key("quiet", "home")] = replace(forgotten, raw_hash=None)

    assert "home" not in memory.poll([item("b"), item("c")]).values()


def test_equal_items_are_one() -> None:
    """Items that are equal in every field are one entry under the plain id."""
    assert [found.id for found in named(rss(item("a") * 3))] == ["home"]


def test_items_that_differ_in_text_only() -> None:
    """Items that share id, link, title and date but not their text are two."""
    found = named(rss(item("a", text="one") + item("a", text="two")))

    assert len({entry.key for entry in found}) == 2


def test_no_guid_and_one_link_for_all() -> None:
    """Without guids a shared link is no identity either."""
    memory = Memory()
    home = "https://x.example/"

    first = memory.poll([item("a", None, home), item("b", None, home)])
    second = memory.poll([item("c", None, home), item("a", None, home)])

    assert second["a"] == first["a"]
    assert len({*first.values(), *second.values()}) == 3


def test_adoption_does_not_overwrite() -> None:
    """Known entries without a raw hash (after `reindex`) are recognised by their link."""
    a, b = item("a", link="https://x.example/a"), item("b", link="https://x.example/b")
    memory = Memory()
    before = memory.poll([a]) | memory.poll([b, a])
    memory.known = {
        key: KnownEntry(raw_hash=None, link_hash=known.link_hash, path="p", post_hash=None, locked=False)
        for key, known in memory.known.items()
    }

    assert memory.poll([b, a]) == before


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["g", "h", None]), st.sampled_from(["https://x.example/1", "https://x.example/2", None])),
        max_size=5,
    )
)
def test_names_do_not_depend_on_the_order(shapes: list[tuple[str | None, str | None]]) -> None:
    """Any order of a document's entries gives each the same name, and no two the same."""
    items = [item(f"t{number}", guid, link) for number, (guid, link) in enumerate(shapes)]
    expected = None
    for order in list(permutations(items))[:24]:
        found = {entry.entry.title.value: entry.id for entry in named(rss("".join(order))) if entry.entry.title}
        assert len(set(found.values())) == len(items)
        assert expected in (None, found)
        expected = found


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.integers(0, 5), unique=True, min_size=2, max_size=5), min_size=1, max_size=5))
def test_no_window_overwrites_an_entry(windows: list[list[int]]) -> None:
    """However a window with one guid for all slides, every item keeps its name and none takes another's."""
    memory = Memory()
    ids: dict[str, str] = {}
    for window in windows:
        found = memory.poll([item(f"t{number}", link=f"https://x.example/{number}") for number in window])
        for title, entry_id in found.items():
            assert ids.setdefault(title, entry_id) == entry_id
    assert len(set(ids.values())) == len(ids)


def test_relative_links_are_hashed_as_posts_hold_them() -> None:
    """The link hash is that of the absolute link, which is what a post gives back."""
    body = rss("<item><guid>1</guid><link>/a</link></item>")
    absolute = rss("<item><guid>1</guid><link>https://feeds.example.org/a</link></item>")

    [first], [second] = parse(body).entries, parse(absolute).entries

    assert link_hash(choose_link(first, ADDRESS)) == link_hash(choose_link(second, "https://other.example/"))


def _aliased(
    items: str, aliases: dict[str, str], known: dict[str, KnownEntry], *, unstable: bool = False
) -> list[tuple[str, str]]:
    """Return id and key of each entry of a document, with what the ledger says."""
    entries = parse(rss(items)).entries
    found = identify(entries, source_id="quiet", known=known, address=ADDRESS, aliases=aliases, unstable=unstable)
    return [(entry.id, entry.key) for entry in found]


def test_an_alias_stands_for_its_entry() -> None:
    """An id that the ledger knows has its entry's key, unless the id has a post of its own or nobody knows that entry."""
    memory = Memory()
    memory.poll([item("a", "1"), item("b", "2")])
    one, two, new = (entry_key("quiet", entry_id) for entry_id in ("1", "2", "new"))

    assert _aliased(item("a", "new"), {"new": one}, memory.known) == [("new", one)]
    assert _aliased(item("a", "2"), {"2": one}, memory.known) == [("2", two)]
    assert _aliased(item("a", "new"), {"new": one}, {}) == [("new", new)]


def test_an_alias_beside_its_entry() -> None:
    """Where a document holds an entry and its alias, they are one if title or link are, in either order, else two."""
    memory = Memory()
    memory.poll([item("a", "1", "http://x.example/a")])
    one, new = (entry_key("quiet", entry_id) for entry_id in ("1", "new"))
    itself, other = item("a", "1", "http://x.example/a"), item("b", "new", "http://x.example/b")
    same = item("a, edited", "new", "https://x.example/a")

    assert _aliased(itself + same, {"new": one}, memory.known) == [("1", one)]
    assert _aliased(same + itself, {"new": one}, memory.known) == [("1", one)]
    assert _aliased(itself + other, {"new": one}, memory.known) == [("1", one), ("new", new)]


def test_unstable_ids_are_passed_over() -> None:
    """Of an unstable source the link names an entry, or a hash where there is none."""
    [(linked, _), (bare, _)] = _aliased(item("a", "1", "http://x.example/a") + item("b", "2"), {}, {}, unstable=True)

    assert linked == "https://x.example/a"
    assert bare.startswith("urn:sha256:")


def test_a_name_apart() -> None:
    """An entry under another's id gets a derived one, which later polls find again whatever becomes of its title."""
    memory = Memory()
    memory.poll([item("a", "1", "http://x.example/a")])
    [taken] = named(rss(item("b", "1", "http://x.example/b")), memory.known)
    apart = taken.apart("quiet")
    memory.known[apart.key] = replace(memory.known[taken.key], raw_hash=apart.raw_hash)

    assert (apart.id, apart.key != taken.key) == (f"1#{apart.id[2:]}", True)
    assert memory.poll([item("b, edited", "1", "http://x.example/b")]) == {"b, edited": apart.id}
    assert taken.entry.link is not None
    assert replace(taken, entry=replace(taken.entry, link=None)).apart("quiet").id != apart.id


def test_reading_episodes_names_nobody_anew() -> None:
    """Entries keep the names that they got when what makes them episodes was not read, also where everything names them."""
    shared = [item("a", text="one", link="http://x.example/"), item("a", text="two", link="http://x.example/")]
    alone = item("b", "2", "http://x.example/b")
    before = Memory()
    ids = [entry.id for entry in named(rss("".join(shared)))]
    before.poll([*shared, alone])
    cast = [each.replace("</item>", "<itunes:duration>9</itunes:duration></item>") for each in (*shared, alone)]
    found = named(rss("".join(cast)), before.known)

    assert [entry.id for entry in found] == [*ids, "2"]
    assert {entry.key for entry in found} == set(before.known)
    assert all(entry.raw_hash != before.known[entry.key].raw_hash for entry in found)
    assert [entry.id for entry in named(rss("".join(cast)))] == [*ids, "2"]


def test_the_owner_of_a_shared_id_is_known_by_its_older_hash() -> None:
    """An entry that is unchanged but for what makes it an episode keeps the shared id when another one comes with it."""
    memory = Memory()
    memory.poll([item("a", text="one")])
    cast = item("a", text="one").replace("</item>", "<itunes:duration>9</itunes:duration></item>")

    assert memory.poll([item("b", text="two"), cast])["a"] == "home"


def test_items_that_differ_as_episodes_only_are_one() -> None:
    """Two durations do not make two entries of one: the first stands, as it did when durations were not read."""
    cast = [item("a").replace("</item>", f"<itunes:duration>{seconds}</itunes:duration></item>") for seconds in (8, 9)]
    [found] = named(rss("".join(cast)))

    assert found.entry.episode is not None
    assert (found.id, found.entry.episode.duration) == ("home", "8")
