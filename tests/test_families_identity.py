"""Families 10 to 15, 21 to 23 and 43: which entry is which, from poll to poll; docs/decisions tells why."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aggregator.model.poll import Outcome
from tests.play import once, play
from tests.raw_upstream import reply
from tests.timeline import RSS_TYPE

SITE = "https://news.example"
#: So many words that equal ones are no coincidence.
WORDS = "The harbour master counted the boats of the evening, wrote their number into the book and closed the gate behind him."
NAMESPACES = 'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'


def item(number: int, *, guid: str | None = None, link: str | None = None, title: str | None = None, more: str = "") -> str:
    """Return an <item>; `guid` is its element, `link` its address ("" for none), and the date a day of February by number."""
    address = f"{SITE}/{number}" if link is None else link
    return (
        "<item>"
        + (f"<guid isPermaLink='false'>n{number}</guid>" if guid is None else guid)
        + (f"<link>{address.replace('&', '&amp;')}</link>" if address else "")
        + (f"<title>{f'Article {number}' if title is None else title}</title>")
        + f"<pubDate>{number:02} Feb 2026 09:17:00 GMT</pubDate><description>{WORDS} It was evening {number}.</description>"
        + f"{more}</item>"
    )


def rss(*items: str, head: str = f"<link>{SITE}/</link>") -> bytes:
    """Return an RSS document."""
    document = f"<rss version='2.0' {NAMESPACES}><channel><title>News</title>{head}{''.join(items)}</channel></rss>"
    return reply(200, document.encode(), content_type=RSS_TYPE)


def titles(*numbers: int) -> list[str]:
    return [f"Article {number}" for number in numbers]


# -- 10 to 13: ids


@pytest.mark.family(10)
@pytest.mark.parametrize(
    "guid",
    [
        "<guid>https://news.example/</guid>",
        "<guid></guid>",
        "<guid/>",
        '<guid isPermaLink="false" value="x"/>',
        "<guid isPermaLink='false'>\n   news id\n  7 </guid>",
    ],
    ids=["the same", "empty", "closed", "attribute", "blanks"],
)
def test_a_guid_that_names_nothing(tmp_path: Path, guid: str) -> None:
    """Entries that share a guid, or have none, are told apart by their links while the window slides over them."""
    windows = [[3, 2, 1], [4, 3, 2], [6, 5, 4, 3], [6, 5, 4, 3]]
    answers = [rss(*(item(number, guid=guid) for number in window)) for window in windows]
    with play(tmp_path, {"a": list(answers)}) as played:
        told = [played.poll(day * 24)["a"] for day in range(4)]

    assert [(event.new, event.updated) for event in told] == [(3, 0), (1, 0), (2, 0), (0, 0)]
    assert sorted(entry.title for entry in played.entries("a")) == titles(1, 2, 3, 4, 5, 6)


@pytest.mark.family(10)
def test_a_guid_with_blanks(tmp_path: Path) -> None:
    """Blanks and line breaks within an id are its own, those around it are the document's; it names one entry for ever."""
    spaced = item(1, guid="<guid isPermaLink='false'> news id\n7 </guid>")
    indented = item(1, guid="<guid isPermaLink='false'>\n\t\tnews id\n7\n\t</guid>")
    with play(tmp_path, {"a": [rss(spaced), rss(indented)]}) as played:
        played.poll()
        assert played.poll(24)["a"].outcome is Outcome.SAME

    assert played.entry("a").id == "news id\n7"


@pytest.mark.family(11)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://news.example/?p={}", "https://news.example/?p={}"),
        ("https://news.example/{}?t=1767225600", "https://news.example/{}?t=1767312000"),
        ("https://news.example/?p=1{}", "https://news.example/?p=40{}"),
    ],
    ids=["https", "query", "renumbered"],
)
def test_ids_that_change(tmp_path: Path, before: str, after: str) -> None:
    """The whole window under other ids makes no second post and rewrites none; what is new beside it is new."""

    def window(pattern: str, *numbers: int) -> bytes:
        return rss(*(item(number, guid=f"<guid>{pattern.format(number)}</guid>") for number in numbers))

    with play(tmp_path, {"a": [window(before, 3, 2, 1), window(after, 4, 3, 2, 1), window(after, 4, 3, 2, 1)]}) as played:
        played.poll()
        posts = {path: text for path, text in played.files().items() if path.startswith("posts/")}
        told = [played.poll(day * 24)["a"] for day in (1, 2)]

    assert [(event.new, event.updated) for event in told] == [(1, 0), (0, 0)]
    assert {path: played.files()[path] for path in posts} == posts
    assert sorted(entry.title for entry in played.entries("a")) == titles(1, 2, 3, 4)


@pytest.mark.family(12)
def test_an_id_that_is_used_again(tmp_path: Path) -> None:
    """A new article under an old one's id gets a post of its own; the old post keeps its text, at later polls as well."""
    reused = item(9, guid="<guid isPermaLink='false'>n1</guid>").replace(
        WORDS, "Quite another story about the light on the hill."
    )
    with play(tmp_path, {"a": [rss(item(2), item(1)), rss(reused, item(2)), rss(reused, item(2))]}) as played:
        played.poll()
        before = {path: text for path, text in played.files().items() if path.startswith("posts/")}
        told = [played.poll(day * 24)["a"] for day in (1, 2)]

    assert [(event.new, event.updated) for event in told] == [(1, 0), (0, 0)]
    assert {path: played.files()[path] for path in before} == before
    assert sorted(entry.title for entry in played.entries("a")) == titles(1, 2, 9)


@pytest.mark.family(12)
def test_what_a_guid_says_of_itself(tmp_path: Path) -> None:
    """A permalink that is no address is an id and no link; an address that says it is none is the best link there is."""
    answers = {
        "true": rss(item(1, guid="<guid isPermaLink='true'>post-1</guid>")),
        "unsaid": rss(item(1, guid="<guid>post-1</guid>", link="")),
        "false": rss(item(1, guid=f"<guid isPermaLink='false'>{SITE}/1</guid>", link="")),
        "both": rss(item(1, guid=f"<guid isPermaLink='false'>{SITE}/1</guid>", link=f"{SITE}/one")),
    }
    played = once(tmp_path, dict(answers))

    assert {name: (played.entry(name).id, played.entry(name).link) for name in answers} == {
        "true": ("post-1", f"{SITE}/1"),
        "unsaid": ("post-1", None),
        "false": (f"{SITE}/1", f"{SITE}/1"),
        "both": (f"{SITE}/1", f"{SITE}/one"),
    }


@pytest.mark.family(13)
@pytest.mark.parametrize("link", ["", f"{SITE}/"], ids=["title only", "home page"])
def test_no_id_at_all(tmp_path: Path, link: str) -> None:
    """Without ids, and without links that tell them apart, entries are themselves while the window slides over them."""
    windows = [[3, 2, 1], [4, 3, 2], [6, 5, 4, 3], [6, 5, 4, 3]]
    answers = [rss(*(item(number, guid="", link=link) for number in window)) for window in windows]
    with play(tmp_path, {"a": list(answers)}) as played:
        told = [played.poll(day * 24)["a"] for day in range(4)]

    assert [(event.new, event.updated) for event in told] == [(3, 0), (1, 0), (2, 0), (0, 0)]
    assert {entry.link for entry in played.entries("a")} == {link or None}


# -- 14, 15: links


@pytest.mark.post_row("D16")
@pytest.mark.family(14)
def test_links_wherever_they_stand(tmp_path: Path) -> None:
    """A link is found in atom:link, origLink or an enclosure, is made absolute and usable, and an IDN host stays readable."""
    links = {
        "atom": f"<atom:link rel='alternate' href='{SITE}/a'/>",
        "burner": f"<link>https://feeds.example/~r/1</link><feedburner:origLink>{SITE}/a</feedburner:origLink>",
        "enclosure": f"<enclosure url='{SITE}/a' type='audio/mpeg' length='1'/>",
        "relative": "<link>/a</link>",
        "protocol": "<link>//news.example/a</link>",
        "spaces": f"<link>  {SITE}/a b  </link>",
        "newline": f"<link>\n  {SITE}/lo\n  ng\n</link>",
        "idn": "<link>https://bücher.example/ä</link>",
    }
    items = [item(number, link="", title=name, more=link) for number, (name, link) in enumerate(links.items(), 1)]
    played = once(tmp_path, {"a": rss(*items)})

    host = played.upstream.address("")
    assert {entry.title: entry.link for entry in played.entries("a")} == {
        "atom": f"{SITE}/a",
        "burner": f"{SITE}/a",
        "enclosure": f"{SITE}/a",
        "relative": f"{host}/a",
        "protocol": "http://news.example/a",
        "spaces": f"{SITE}/a%20b",
        "newline": f"{SITE}/lo%20%20ng",
        "idn": "https://bücher.example/ä",
    }


@pytest.mark.family(15)
@pytest.mark.parametrize(
    "later",
    [
        "https://news.example/story?b=2&a=1&utm_source=rss&utm_campaign=x",
        "https://news.example/story?a=1&b=2&fbclid=IwAR0x",
        "https://news.example/story/?b=2&a=1",
        "http://www.news.example/story?b=2&a=1",
        "https://news.example/story?b=2&a=1#comments",
        "https://m.news.example/story?b=2&a=1",
    ],
    ids=["utm", "fbclid", "slash", "www", "fragment", "mobile"],
)
def test_links_that_differ_in_nothing_that_matters(tmp_path: Path, later: str) -> None:
    """An entry whose only name is its link is the same one when the link gets another dress."""
    first = item(1, guid="", link=f"{SITE}/story?b=2&a=1")
    with play(tmp_path, {"a": [rss(item(2), first), rss(item(2), item(1, guid="", link=later))]}) as played:
        played.poll()
        told = played.poll(24)["a"]

    assert told.new == 0
    assert len(played.entries("a")) == 2


@pytest.mark.family(15)
def test_links_that_may_name_other_pages(tmp_path: Path) -> None:
    """A fragment, a parameter and a host may each be what tells two articles apart."""
    links = [f"{SITE}/live#1", f"{SITE}/live#2", f"{SITE}/live?id=1", f"{SITE}/live?id=2", "https://en.news.example/live"]
    items = [item(number, guid="", link=link) for number, link in enumerate(links, 1)]
    with play(tmp_path, {"a": rss(*items)}) as played:
        played.poll()
        again = played.poll(24)["a"]

    assert len(played.entries("a")) == 5
    assert again.outcome is Outcome.SAME


# -- 21 to 23: dates, order, titles


def dated(updated: str, text: str) -> bytes:
    """Return an Atom document of one entry."""
    return reply(
        200,
        f'<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title><id>tag:news.example,2026:f</id><updated>{updated}</updated>'
        f"<entry><id>tag:news.example,2026:1</id><title>T</title><published>2026-02-01T08:00:00Z</published>"
        f"<updated>{updated}</updated><content>{text}</content></entry></feed>".encode(),
        content_type="application/atom+xml",
    )


@pytest.mark.family(21)
def test_dates_and_texts_that_change_alone(tmp_path: Path) -> None:
    """`updated` that moves on every fetch rewrites nothing; a text that changes under an equal `updated` is taken."""
    stamps = [dated(f"2026-03-0{day}T00:00:00Z", "Same text.") for day in (1, 2, 3)]
    edits = [dated("2026-02-01T08:00:00Z", text) for text in ("First text.", "First text.", "Mended text.")]
    with play(tmp_path, {"stamps": [*stamps], "edits": [*edits]}) as played:
        played.poll()
        before = played.files()
        quiet = played.poll(24)
        after = played.files()
        told = played.poll(48)

    assert {event.outcome for event in quiet.values()} == {Outcome.SAME}
    assert after == before
    assert (told["stamps"].outcome, told["edits"].updated) == (Outcome.SAME, 1)
    assert "Mended text." in played.entry("edits").content
    assert [played.entry(name).date.day for name in ("stamps", "edits")] == [1, 1]


@pytest.mark.post_row("D43")
@pytest.mark.family(22)
def test_entries_in_any_order(tmp_path: Path) -> None:
    """A new entry that is older than all others is taken, and the order of a document changes nothing that is published."""
    numbers = list(range(2, 12))
    shuffled = random.Random(22).sample(numbers, len(numbers))
    orders = {"newest": numbers[::-1], "oldest": numbers, "random": shuffled}
    answers = {name: [rss(*map(item, order)), rss(*map(item, [*order, 1]))] for name, order in orders.items()}
    with play(tmp_path, {name: [*given] for name, given in answers.items()}) as played:
        played.poll()
        told = played.poll(24)
        again = played.poll(48)

    assert {name: (event.new, event.updated) for name, event in told.items()} == dict.fromkeys(answers, (1, 0))
    assert {event.outcome for event in again.values()} == {Outcome.SAME}
    found = [[(entry.id, entry.title, entry.date) for entry in played.entries(name)] for name in orders]
    assert found[0] == found[1] == found[2]
    assert [title.partition(" ")[2] for title in played.published()] == [str(number) for number in range(11, 0, -1)]


@pytest.mark.post_row("D7")
@pytest.mark.family(23)
def test_a_title_that_is_edited(tmp_path: Path) -> None:
    """A new title, with or without "[Update]", is written into the post that is there; its path and date stay."""
    with play(
        tmp_path, {"a": [rss(item(1), item(2)), rss(item(1, title="A better title"), item(2, title="[Update] Article 2"))]}
    ) as played:
        played.poll()
        before = sorted(path for path in played.files() if path.startswith("posts/"))
        told = played.poll(24)["a"]

    assert (told.new, told.updated) == (0, 2)
    assert sorted(path for path in played.files() if path.startswith("posts/")) == before
    assert [(entry.title, entry.date.day) for entry in played.entries("a")] == [
        ("A better title", 1),
        ("[Update] Article 2", 2),
    ]
    assert set(played.published()) == {"A better title", "[Update] Article 2"}


@pytest.mark.post_row("D6", "D21", "D46")
@pytest.mark.family(23)
def test_equal_titles_and_equal_articles(tmp_path: Path) -> None:
    """One title every week is one entry each week; one article in two feeds, whole and as excerpt, is one post in each."""
    weeks = [item(number, title="Links of the week") for number in (1, 8, 15)]
    excerpt = item(1, guid="<guid>urn:excerpt</guid>", title="Article 1").replace(f" It was evening {1}.", " …")
    with play(tmp_path, {"weekly": [rss(*weeks[:2]), rss(*weeks)], "full": rss(item(1)), "excerpt": rss(excerpt)}) as played:
        played.poll()
        told = played.poll(24)

    assert (told["weekly"].new, told["weekly"].updated) == (1, 0)
    assert [entry.date.day for entry in played.entries("weekly")] == [1, 15, 8]
    assert (played.entry("full").id, played.entry("excerpt").id) == ("n1", "urn:excerpt")
    assert played.entry("full").content.endswith("evening 1.</p>")
    assert played.entry("excerpt").content.endswith("…</p>")


# -- 35, 43: moves, and feeds that are not what they say


@pytest.mark.family(35)
@pytest.mark.publishes("P4")
def test_episodes_of_a_show_that_moved_house(tmp_path: Path) -> None:
    """When the new host gives every episode another guid and file, none of them is new."""

    def show(host: str) -> bytes:
        return rss(
            *(
                item(
                    number,
                    guid=f"<guid isPermaLink='false'>{host}-{number * 7}</guid>",
                    link=f"https://{host}.example/e/{number}",
                    more=f"<enclosure url='https://cdn.{host}.example/{number}.mp3' type='audio/mpeg' length='{number}000'/>",
                )
                for number in range(1, 7)
            )
        )

    with play(tmp_path, {"a": [show("old"), show("new"), show("new")]}) as played:
        played.poll()
        paths = sorted(path for path in played.files() if path.startswith("posts/"))
        told = [played.poll(day * 24)["a"] for day in (1, 2)]

    assert [event.new for event in told] == [0, 0]
    assert sorted(path for path in played.files() if path.startswith("posts/")) == paths


@pytest.mark.family(43)
def test_a_feed_that_names_another_host(tmp_path: Path) -> None:
    """Self link, link and id of another host are what they are: the source is asked where it is configured."""
    document = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>Burned</title><id>http://old.example/atom</id>'
        '<link rel="self" href="http://feeds.example/burned"/><link href="http://old.example/"/>'
        "<updated>2026-02-01T08:00:00Z</updated><entry><id>http://old.example/1</id><title>T</title>"
        '<link href="http://old.example/1"/><updated>2026-02-01T08:00:00Z</updated><content>x</content></entry></feed>'
    )
    with play(tmp_path, {"a": document}) as played:
        played.poll()
        again = played.poll(24)["a"]
        assert {asked.target for asked in played.upstream.asked} == {b"/a"}

    assert again.outcome is Outcome.SAME
    entry = played.entry("a")
    assert (entry.feed.id, entry.feed.link, entry.link) == (
        "http://old.example/atom",
        "http://old.example/",
        "http://old.example/1",
    )


@pytest.mark.family(43)
def test_our_own_output_as_a_source(tmp_path: Path) -> None:
    """What we publish, fed back to us, adds no post however often it goes round."""
    with play(tmp_path, {"a": rss(item(1), item(2)), "own": rss(item(3))}) as played:
        played.poll()
        for day in range(1, 5):
            ours = played.files()["public/feeds/all.atom"]
            played.upstream.routes = {**played.upstream.routes, "/own": reply(200, ours, content_type="application/atom+xml")}
            told = played.poll(day * 24)["own"]
            assert told.new == 0

    assert len(played.entries("a")) == 2
    assert len(played.entries("own")) == 1
