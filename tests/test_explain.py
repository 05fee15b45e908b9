"""`explain`: every name leads to its entry or source, and what is said of it is so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from aggregator.model.changes import Hints
from aggregator.model.fetched import HostState, Validators
from aggregator.model.key import atom_id, entry_key
from aggregator.model.poll import Outcome, Poll, SourceState
from aggregator.model.settings import Settings
from aggregator.model.source import Source
from aggregator.pipeline.effective import effective
from aggregator.pipeline.explaining import EntryFacts, Explanation, explain
from aggregator.pipeline.finished import fingerprint
from aggregator.pipeline.reading import Reading
from aggregator.pipeline.source_facts import SourceFacts, source_facts
from aggregator.settings import load
from aggregator.store.ledger import Alias, Deleted, Gone, Ledger, Line, Moved, Renamed, Takedown
from aggregator.store.lock import project_lock
from aggregator.store.opening import open_state
from aggregator.store.state import Batch, State
from tests.test_moves import HOUR, NEW, NOW, OLD, SOURCE, settings_of
from tests.upstream import ATOM, Folder, Page, Upstream, item

URL = "sqlite:///state/state.sqlite"
KEY = entry_key("a", "entry-1")


@contextmanager
def state_of(folder: Folder) -> Iterator[State]:
    opened = open_state(URL, folder.root, create=False)
    try:
        yield opened.state
    finally:
        opened.state.close()


def look_up(folder: Folder, word: str) -> Explanation:
    """Explain a word as the command does, in this process."""
    loaded = load(folder.root, folder.root / "config", {})
    ledger = Ledger.load(folder.root / "ledger.jsonl")
    with state_of(folder) as state:
        settings = effective(loaded.settings, ledger)
        return explain(Reading(settings=settings, ledger=ledger, state=state, places=loaded.origins, now=NOW), word)


def entry_of(folder: Folder, word: str = KEY) -> EntryFacts:
    """Return the facts about the only entry that a word means."""
    [found] = look_up(folder, word).entries
    return found


def reasons(folder: Folder, word: str = KEY) -> dict[str, int | str | None]:
    """Return, by feed, where an entry stands, or why not."""
    return {place.path: place.position or place.reason for place in entry_of(folder, word).feeds}


def post_of(folder: Folder, key: str = KEY) -> Path:
    [path] = (folder.root / "posts").rglob(f"*-{key}.md")
    return path


def test_every_name_of_an_entry_leads_to_it(folder: Folder) -> None:
    """Its key, its post's path in any form, its ids here and upstream, and its link in the spellings that mean the same."""
    folder.sync()
    path = post_of(folder)
    names = [
        *(KEY, KEY.upper(), path.name, str(path), f"posts/{path.relative_to(folder.root / 'posts')}"),
        *("entry-1", atom_id("a", "entry-1"), atom_id("a", "entry-1").upper()),
        *("http://upstream.example/1", "https://upstream.example/1", "http://upstream.example/1#part", "http://upstream.example/1/"),
    ]  # fmt: skip

    assert {name: entry_of(folder, name).key for name in names} == dict.fromkeys(names, KEY)


def test_every_name_of_a_source_leads_to_it(folder: Folder, upstream: Upstream) -> None:
    """Its id, every former one, its feed's address; and after it was removed, its identity."""
    folder.sync()
    folder.run("source", "rename", "a", "alpha")
    folder.run("source", "rename", "alpha", "beta")
    found = {word: look_up(folder, word).sources for word in ("a", "alpha", "beta", f"{upstream.address}/a")}

    for word, sources in found.items():
        assert [source.name for source in sources] == ["beta"], word
    [facts] = found["a"]
    assert (facts.id, facts.names, facts.place, facts.posts) == ("a", ("a", "alpha", "beta"), "config/sources/all.yaml:2", 3)
    assert [line[11:] for line in facts.history] == ['renamed from "a" to "alpha"', 'renamed from "alpha" to "beta"']

    folder.run("source", "remove", "beta", "--yes")
    [removed] = look_up(folder, "a").sources

    assert (removed.name, removed.place, removed.posts) == ("beta", None, 3)
    assert removed.next_reason == "it is not in the configuration: never polled"


def test_an_entry_is_explained_in_words(folder: Folder) -> None:
    """Where it came from, what it is called, where its post is, how it is dated, and where it stands in each feed."""
    folder.sync()
    told = folder.here("explain", "entry-2")
    undated = folder.here("explain", "entry-3")

    assert told.returncode == 0, told.stderr
    key = entry_key("a", "entry-2")
    assert told.stdout.splitlines() == [
        f"entry       {key}  Entry 2",
        "source      a (config/sources/all.yaml:2)",
        "upstream id entry-2",
        f"atom:id     {atom_id('a', 'entry-2')}",
        "link        http://upstream.example/2",
        f"post        posts/news/a/entry-2-{key}.md",
        "            as it was written from what upstream said last",
        "category    news/a",
        "published   2026-01-01 02:00 UTC, upstream's published `Thu, 01 Jan 2026 02:00:00 GMT`",
        "feeds       feeds/all.atom: number 4 of 5",
        "            feeds/news.atom: number 4 of 5",
        "            feeds/news/a.atom: number 2 of 3",
    ]
    assert "first seen: upstream gives no date (undated)" in undated.stdout


def test_how_a_date_was_chosen_is_forgotten_with_the_state(folder: Folder) -> None:
    """The date itself stands in the post; after `reindex` nobody claims to know how it came there."""
    folder.sync()
    assert folder.run("reindex").returncode == 0

    assert "2026-01-01 02:00 UTC, as the post says; how it was chosen is forgotten" in folder.here("explain", "entry-2").stdout


def test_a_source_is_explained_in_words(folder: Folder, upstream: Upstream) -> None:
    """What is configured and where, its last poll, its next one with the reason, and what was learned."""
    folder.sync()
    told = folder.here("explain", "b").stdout

    for line in (
        "source      b (config/sources/all.yaml:3)",
        f"feed        {upstream.address}/b",
        "posts       2",
        "news, HTTP 200, 2 new, ",
        "(every 60 min by default)",
        'validators  ETag "',
        'format      rss20, "Upstream", page http://upstream.example/',
    ):
        assert line in told
    assert re.search(r"^next poll   20\d\d-\d\d-\d\d \d\d:\d\d UTC, in \d+ min ", told, re.MULTILINE)


def test_what_means_nothing_names_what_is_near(folder: Folder) -> None:
    """Nothing known: exit 1, with sources that are spelled alike and entries that hold the word."""
    folder.sources_at({"newspaper": "http://127.0.0.1:1/a"})
    nothing = folder.here("explain", "newspapre")
    folder.sources_at({"newspaper": "http://127.0.0.1:1/a", "a": "http://127.0.0.1:1/b"})

    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert 'nothing here is called "newspapre": no key, post, atom:id, upstream id, link, source or feed' in nothing.stderr
    assert "near it:\n  source newspaper\n" in nothing.stderr


def test_entries_that_hold_the_word_are_near(folder: Folder) -> None:
    """A word of a title is no name of an entry, but it leads to it; % and _ stand for themselves."""
    folder.sync()

    assert look_up(folder, "TRY 12").near == (f"entry {entry_key('b', 'entry-12')}  Entry 12",)
    assert (look_up(folder, "entry_12").near, look_up(folder, "100%").near) == ((), ())


def test_explain_reads_only(folder: Folder) -> None:
    """It changes no file, needs no state for a source, and works while another run holds the project."""
    before_state = folder.here("explain", "a")
    assert "last poll   none is remembered" in before_state.stdout
    assert not (folder.root / "state").exists()

    folder.sync()
    before = folder.files("config", "posts", "public")
    times = folder.times()
    with project_lock(folder.root):
        done = folder.here("explain", KEY)

    assert done.returncode == 0
    assert (folder.files("config", "posts", "public"), folder.times()) == (before, times)


def test_several_entries_of_one_name_are_all_explained(folder: Folder, upstream: Upstream) -> None:
    """Each of them up to ten, and the number of the others."""
    folder.sources_at({f"s{number:02}": f"{upstream.address}/a" for number in range(12)})
    folder.sync()
    told = folder.here("explain", "entry-1")

    assert told.returncode == 0
    assert len(re.findall("^entry ", told.stdout, re.MULTILINE)) == 10
    assert "and 2 more entries of that name" in told.stderr


def test_json_holds_the_same_facts(folder: Folder) -> None:
    """One object with the sources and the entries; instants with their zone."""
    folder.sync()
    data = json.loads(folder.here("explain", "entry-1", "--json").stdout)
    [entry] = data["entries"]

    assert (entry["key"], entry["published"]) == (KEY, "2026-01-01T01:00:00+00:00")
    assert entry["feeds"][2] == {"path": "feeds/news/a.atom", "position": 3, "entries": 3, "reason": None}
    assert data["sources"] == []


def test_nothing_from_upstream_moves_the_terminal(folder: Folder, upstream: Upstream) -> None:
    """An id with a control sequence is shown without it; in JSON it is escaped and comes back whole."""
    entry = {"id": "bad\x9b31m\u202eid", "url": "http://upstream.example/x", "title": "T", "content_text": "x"}
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": [entry]}
    upstream.pages["/a"] = Page(body=json.dumps(feed).encode(), headers={"Content-Type": "application/feed+json"})
    folder.sync()
    told = folder.here("explain", "http://upstream.example/x")
    data = folder.here("explain", "http://upstream.example/x", "--json").stdout

    assert "upstream id bad\ufffd31m\ufffdid" in told.stdout
    assert not {"\x9b", "\u202e"} & set(told.stdout + data)
    assert json.loads(data)["entries"][0]["upstream_id"] == entry["id"]


# -- where it stands, and why not ------------------------------------------------------------------------------------


def test_what_newer_entries_pushed_out_says_so(folder: Folder) -> None:
    """Of a feed that holds two, the third newest is told how many come before it."""
    folder.settings("public: {entries: 2}")
    folder.sync()

    assert reasons(folder, "entry-1")["feeds/news/a.atom"] == "2 newer ones come before it, and the feed holds 2 (`entries`)"
    assert reasons(folder, "entry-12")["feeds/all.atom"] == 2


def test_what_did_not_fit_says_so(folder: Folder) -> None:
    """A feed whose bytes are full before its entries are names `max_bytes`."""
    folder.settings("public: {max_bytes: 2KiB}")
    folder.sync()

    assert re.fullmatch(
        r"the \d newest fill the feed's 2048 bytes \(`public.max_bytes`\)", str(reasons(folder)["feeds/all.atom"])
    )


def test_an_entry_that_another_source_brought_as_well(folder: Folder, upstream: Upstream) -> None:
    """One atom:id stands once in a feed: the source that is configured first has it, the other is told whose it is."""
    upstream.feed("/a", item(1).replace("entry-1<", "https://upstream.example/1<"))
    upstream.feed("/b", item(1).replace("entry-1<", "https://upstream.example/1<"))
    folder.sync()
    first, second = (reasons(folder, entry_key(source, "https://upstream.example/1")) for source in "ab")

    assert first == {"feeds/all.atom": 1, "feeds/news.atom": 1, "feeds/news/a.atom": 1}
    other = 'an entry of "a" has the same atom:id, and that source comes first in the configuration'
    assert second == {"feeds/all.atom": other, "feeds/news.atom": other, "feeds/news/b.atom": 1}


def test_what_the_gate_leaves_out_says_why(folder: Folder, upstream: Upstream) -> None:
    """An entry without link and content is kept as a post, and its reason is the gate's own."""
    upstream.feed("/a", "<item><title>Bare</title><guid isPermaLink='false'>entry-1</guid></item>" + item(2))
    folder.sync()

    why = "the gate leaves it out: it has neither a link nor content (RFC 4287 §4.1.2)"
    assert set(reasons(folder).values()) == {why}


def test_a_post_that_is_gone_or_broken_says_so(folder: Folder) -> None:
    """A missing file and one that is no post any more are told apart, and neither stands in a feed."""
    folder.sync()
    path = post_of(folder)
    path.write_text("---\nbroken", "utf-8")
    broken = entry_of(folder)
    path.unlink()
    missing = entry_of(folder)

    assert (broken.post_state, missing.post_state) == ("unreadable", "missing")
    assert broken.post_words.startswith("it cannot be read and is kept as it is: posts/news/a/")
    assert {place.reason for place in broken.feeds} == {"its post cannot be read"}
    assert {place.reason for place in missing.feeds} == {"its post is not there"}


def test_what_the_ledger_took_out_says_so(folder: Folder) -> None:
    """Deleted and taken-down entries name the line, also when nothing but the ledger knows them; an alias leads to its post."""
    folder.sync()
    two = entry_key("a", "entry-2")
    lines: tuple[Line, ...] = (
        Deleted(source="a", id="entry-1", key=KEY, at=NOW),
        Takedown(source="a", id="lost", key=entry_key("a", "lost"), at=NOW, reason="asked by the author"),
        Alias(source="a", id="entry-2-bis", key=two, at=NOW),
    )
    Ledger.load(folder.root / "ledger.jsonl").add(*lines)
    deleted, lost, alias = (entry_of(folder, word) for word in (KEY, "lost", "entry-2-bis"))

    assert deleted.ledger == ("deleted by hand on 2026-11-22; it is not written again",)
    assert {place.reason for place in deleted.feeds} == set(deleted.ledger)
    assert (lost.post, lost.ledger) == (None, ("taken down on 2026-11-22; it is never published (asked by the author)",))
    assert (alias.key, alias.ledger) == (two, ('upstream also calls it "entry-2-bis", since 2026-11-22',))


def test_a_feed_that_is_not_as_the_posts_say(folder: Folder) -> None:
    """A file that is not there, one that waits to be written, and one that lacks the entry for no reason are told apart."""
    folder.sync()
    feeds = folder.root / "public" / "feeds"
    (feeds / "all.atom").unlink()
    for name in ("news.atom", "news/a.atom"):
        root = etree.fromstring((feeds / name).read_bytes())
        [lost] = [each for each in root.iterfind("a:entry", ATOM) if each.findtext("a:title", namespaces=ATOM) == "Entry 2"]
        root.remove(lost)
        (feeds / name).write_bytes(etree.tostring(root))
    with state_of(folder) as state:
        state.save(Batch(dirty_outputs=("feeds/news.atom",)))

    assert reasons(folder, "entry-2") == {
        "feeds/all.atom": "the file is not there, or is no feed: aggregator build",
        "feeds/news.atom": "the feed waits to be written, or was refused: aggregator build says more",
        "feeds/news/a.atom": "no reason is stored: aggregator build says more",
    }


def test_an_edited_post_says_how_far_upstream_has_gone(folder: Folder, upstream: Upstream) -> None:
    """Edited, then published as edited, then changed upstream: each time the words are another's."""
    folder.sync()
    path = post_of(folder)
    path.write_text(path.read_text("utf-8").replace("Text of entry 1", "My text").replace("comments: false", "x: 1"), "utf-8")
    fresh = entry_of(folder).post_words
    folder.run("build")
    published = entry_of(folder).post_words
    upstream.feed("/a", item(1, body="<p>Another text.</p>") + item(2))
    folder.sync("--force")
    noted = entry_of(folder)
    path.write_text(path.read_text("utf-8").replace("My text", "My other text"), "utf-8")
    folder.run("build")

    assert fresh.startswith("changed since it was last published (aggregator build); kept; ")
    assert published == "edited by hand: kept, and published as edited; upstream has not changed it since"
    assert (
        noted.post_words
        == "edited by hand: kept, and published as edited; upstream has had another version since, which is only noted"
    )
    assert entry_of(folder).post_words == noted.post_words
    assert {place.position for place in noted.feeds} == {5, 3}


def test_a_post_that_a_hand_moved_stands_where_it_says(folder: Folder) -> None:
    """A category that was changed by hand leads to other feeds once they are built; until then it stands where it stood."""
    folder.sync()
    path = post_of(folder)
    path.write_text(re.sub(r"categories:\n( - .*\n)+", "categories:\n - 'other'\n", path.read_text("utf-8")), "utf-8")
    before = reasons(folder)
    folder.run("build")

    assert before == {"feeds/all.atom": 5, "feeds/news.atom": 5, "feeds/news/a.atom": 3}
    assert entry_of(folder).category == ("other",)
    assert reasons(folder) == {"feeds/all.atom": 5, "feeds/other.atom": 1}


def test_after_reindex_a_post_was_not_compared_yet(folder: Folder) -> None:
    """An index that was rebuilt does not know what upstream said, and says so until the next poll."""
    folder.sync()
    folder.run("reindex")
    before = entry_of(folder).post_words
    folder.sync("--force")

    assert before == "as it was found; the next poll compares it with what upstream says"
    assert entry_of(folder).post_words == "as it was written from what upstream said last"


# -- facts about a source ---------------------------------------------------------------------------------------------


def facts_of(
    tmp_path: Path, source: Source, learned: SourceState, *lines: Line, hosts: tuple[HostState, ...] = ()
) -> SourceFacts:
    opened = open_state(URL, tmp_path)
    opened.state.replace_entries((), profile="default")
    poll = Poll(source_id="a", at=NOW - HOUR, outcome=Outcome.FAILED, status=503, message="the server answered 503")
    opened.state.save(Batch(sources=(learned,), hosts=hosts, polls=(poll,)))
    ledger = Ledger(tmp_path / "ledger.jsonl", lines)
    settings: Settings = effective(settings_of(source), ledger)
    reading = Reading(settings=settings, ledger=ledger, state=opened.state, places={("sources", "a"): "x.yaml:2"}, now=NOW)
    try:
        return source_facts(reading, "a")
    finally:
        opened.state.close()


def test_a_source_says_what_was_learned(tmp_path: Path) -> None:
    """Failures, validators, freshness, rhythm, what the feed asks for, a closed host, and the last poll."""
    learned = SourceState(
        id="a",
        fingerprint=fingerprint(SOURCE),
        last_poll=NOW - HOUR,
        last_success=NOW - 5 * HOUR,
        fresh_until=NOW + HOUR,
        validators=Validators(address=OLD, etag=b'"\xe9"', last_modified=b"yesterday"),
        hints=Hints(ttl_minutes=5, update_period_minutes=60, skip_hours=(0, 3), skip_days=("Monday",)),
        arrivals=6.0,
        watched=4.0,
        failures=2,
        last_message="the server answered 503",
        warnings=("one",),
    )
    host = HostState(name="old.example", closed_until=NOW + 3 * HOUR, status=429)
    facts = facts_of(tmp_path, SOURCE, learned, hosts=(host,))

    assert (facts.failures, facts.error, facts.warnings) == (2, "the server answered 503", ("one",))
    assert facts.validators == ('ETag "é"', "Last-Modified yesterday")
    assert facts.hints == ("ttl 5 min", "sy:updatePeriod 60 min", "skipHours 0, 3 (GMT)", "skipDays Monday")
    assert facts.hosts == ("old.example said 429 and wants to be left alone until 2026-11-22 15:00 UTC",)
    assert (facts.fresh_until, facts.days_watched) == (NOW + HOUR, 4.0)
    assert facts.entries_per_day == pytest.approx(6.3 / 6)
    assert facts.last_poll is not None
    assert (facts.last_poll.outcome, facts.last_poll.status) == (Outcome.FAILED, 503)
    assert (facts.due, facts.next_reason) == (False, facts.hosts[0])


def test_a_source_tells_its_history(tmp_path: Path) -> None:
    """Moves and 410 by their day, addresses without what may be secret, instances in the order in which they are asked."""
    secret = f"{OLD}?token=x"
    moved = facts_of(
        tmp_path,
        replace(SOURCE, feed=secret, addresses=(secret,)),
        SourceState(id="a"),
        Gone(source="a", address=NEW, at=NOW + HOUR),
        Moved(source="a", old=secret, new=NEW, at=NOW),
        Renamed(what="source", old="x", new="y", at=NOW),
    )
    instances = facts_of(tmp_path, replace(SOURCE, addresses=(OLD, NEW)), SourceState(id="a", prefer=NEW, last_poll=NOW))

    assert moved.history == (f"2026-11-22 moved for good from {OLD}?token=*** to {NEW}", f"2026-11-22 gone: {NEW} said 410")
    assert (moved.feed, moved.addresses) == (f"{OLD}?token=***", (NEW,))
    assert moved.next_reason == "gone since 2026-11-22: the server said so (410)"
    assert instances.addresses == (NEW, OLD)


def test_a_source_that_was_never_polled_is_due(tmp_path: Path) -> None:
    """Nothing was learned, so nothing is said of it but that the next sync takes it along."""
    facts = facts_of(tmp_path, SOURCE, SourceState(id="a", last_poll=None), Gone(source="b", address=OLD, at=NOW))

    assert (facts.due, facts.next_poll, facts.next_reason) == (True, None, "never polled yet")
    assert (facts.entries_per_day, facts.validators, facts.fresh_until) == (None, (), None)
    assert timedelta() == timedelta(days=facts.days_watched)
