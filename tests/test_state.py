"""The state, on a real SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from aggregator.errors import NewerFormatError, StoreError
from aggregator.model.changes import Hints, KnownEntry, PostRow
from aggregator.model.fetched import HostState, Validators
from aggregator.model.ping import News, Ping
from aggregator.model.poll import Outcome, OutputState, Poll, PollCounts, SourceState
from aggregator.store.opening import open_state
from aggregator.store.state import Batch, State
from aggregator.store.tables import GROWN, GROWN_FROM, VERSION
from tests.conftest import absent

URL = "sqlite:///state/state.sqlite"
THEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _row(number: int, **changes: object) -> PostRow:
    row = PostRow(
        key=f"key{number:09}",
        source_id="s",
        entry_id=f"id {number}",
        path=f"news/p-key{number:09}.md",
        raw_hash=b"raw",
        link_hash=b"link",
        post_hash=b"post",
        date=THEN + timedelta(minutes=number),
        categories=("news", "local"),
        title="t",
    )
    return replace(row, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server of our own on a socket in a folder; give its SQLAlchemy URL without the database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        absent("PostgreSQL is not installed (apt-get install postgresql)")
    place = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path must be short
    # PostgreSQL refuses to run as root: Debian's package brings a user for it.
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(place, "postgres")
    programs = found[-1].parent

    def run(*words: str) -> None:
        subprocess.run([*user, *words], check=True, capture_output=True, timeout=300, cwd=place)

    run(str(programs / "initdb"), "-D", str(place / "data"), "-A", "trust", "-U", "tester", "--no-sync", "-E", "UTF8")
    options = f"-k {place} -c listen_addresses='' -c fsync=off"
    run(str(programs / "pg_ctl"), "-D", str(place / "data"), "-w", "-o", options, "-l", str(place / "log"), "start")
    try:
        yield f"postgresql+psycopg://tester@/NAME?host={place}"
    finally:
        run(str(programs / "pg_ctl"), "-D", str(place / "data"), "-w", "-m", "immediate", "stop")
        shutil.rmtree(place)


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    url = URL
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        name = f"t{uuid4().hex}"
        admin = sa.create_engine(server.replace("NAME", "postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as run:
            run.execute(sa.text(f"create database {name}"))
        admin.dispose()
        url = server.replace("NAME", name)
    opened = open_state(url, tmp_path)
    opened.state.replace_entries((), profile="default")
    yield opened.state
    opened.state.close()


def test_a_new_state_says_so_until_the_posts_are_indexed(tmp_path: Path) -> None:
    """A run that dies before it has indexed the posts leaves a state that still counts as new."""
    first = open_state(URL, tmp_path)
    first.state.close()
    second = open_state(URL, tmp_path)
    second.state.replace_entries((), profile="default")
    second.state.close()
    third = open_state(URL, tmp_path)
    third.state.close()

    assert [first.fresh, second.fresh, third.fresh] == [True, True, False]


def test_what_was_learned_about_a_source_comes_back_equal(state: State) -> None:
    """Every field survives, odd bytes in validators included."""
    learned = SourceState(
        id="s",
        fingerprint=b"f",
        validators=Validators(address="http://a/", final="http://b/", etag=b'"\xe9"', last_modified=b"yesterday"),
        body_hash=b"b",
        prefer="http://a/",
        last_poll=THEN,
        fresh_until=THEN,
        hints=Hints(ttl_minutes=5, skip_hours=(0, 3), skip_days=("Monday",), self_link="http://a/self"),
        arrivals=1.5,
        watched=2.25,
        moved_to="http://c/",
        moved_times=2,
        moved_since=THEN,
        last_success=THEN,
        last_news=THEN,
        failures=2,
        last_kind="http",
        last_message="503",
        last_status=503,
        format="rss20",
        feed_title="标题",
        feed_link="http://a/page",
        warnings=("one", "二"),
    )
    state.save(Batch(sources=(learned,)))

    assert state.sources() == {"s": learned}


def test_a_closed_host_is_remembered_until_it_is_heard_of_again(state: State) -> None:
    """A host's wish for silence outlives the run, for all sources; what it says next takes its place."""
    closed = HostState(name="h.example", closed_until=THEN, status=429, strikes=2)
    state.save(Batch(hosts=(closed,)))
    before = state.hosts()
    opened = replace(closed, strikes=0)
    state.save(Batch(hosts=(opened,)))

    assert (before, state.hosts()) == ({"h.example": closed}, {"h.example": opened})


def test_history_is_counted_per_source(state: State) -> None:
    """Polls, conditional ones, 304 and the shortest pause, over all and since a moment; a clock set back is no pause."""
    hours = (0, 30, 31, 33, 32.5)
    polls = [
        Poll(
            source_id="s",
            at=THEN + hour * timedelta(hours=1),
            outcome=Outcome.NOT_MODIFIED if hour == 31 else Outcome.SAME,
            conditional=hour > 0,
        )
        for hour in hours
    ]
    state.save(Batch(polls=(*polls[:3], replace(polls[0], source_id="t"), *polls[3:])))

    assert state.poll_counts(THEN + timedelta(hours=31, minutes=1)) == {
        "s": PollCounts(
            polls=5,
            oldest=THEN,
            lately=2,
            conditional=4,
            not_modified=1,
            shortest=timedelta(hours=1),
            shortest_lately=timedelta(hours=2),
        ),
        "t": PollCounts(polls=1, oldest=THEN, lately=0, conditional=0, not_modified=0, shortest=None, shortest_lately=None),
    }


def test_the_posts_of_one_source_are_counted(state: State) -> None:
    """Those of other sources do not count."""
    state.save(Batch(rows=(_row(1), _row(2), _row(3, source_id="t"))))

    assert [state.count(source) for source in ("s", "t", "u")] == [2, 1, 0]


def test_posts_are_found_by_key_id_and_link(state: State) -> None:
    """Any of them leads to the row; nothing asked finds nothing."""
    rows = (_row(1), _row(2, link_hash=b"two"), _row(3, entry_id="id 1", source_id="t"))
    state.save(Batch(rows=rows))

    assert state.find(("key000000002", "none")) == [rows[1]]
    assert state.find((), ids=("id 1",)) == [rows[2], rows[0]]
    assert state.find(("key000000001",), links=(b"two",)) == [rows[1], rows[0]]
    assert state.find(()) == []
    assert sorted(state.every_id()) == [(row.key, row.source_id, row.entry_id) for row in rows]


def test_posts_that_hold_a_text_are_found(state: State) -> None:
    """In title, path or upstream id, in any case, the newest first; % and _ mean themselves."""
    rows = (_row(1, title="Ein WORT"), _row(2, entry_id="wort_2"), _row(3, path="wort/p.md"), _row(4))
    state.save(Batch(rows=rows))

    assert state.resembling("Wort", 9) == [rows[2], rows[1], rows[0]]
    assert state.resembling("wort", 1) == [rows[2]]
    assert state.resembling("T_2", 9) == [rows[1]]
    assert state.resembling("%", 9) == []


def test_the_posts_before_one_are_counted(state: State) -> None:
    """In the order of feeds, ties by key, over the categories that are asked for."""
    same = _row(2).date
    rows = (_row(1), _row(2), _row(3, date=same), _row(4, categories=("b",)), _row(5, categories=("c",)))
    state.save(Batch(rows=rows))
    leaves = [("news", "local"), ("b",)]

    assert [state.newer(row, leaves) for row in rows[:4]] == [3, 2, 1, 0]
    assert state.newer(rows[0], []) == 0


def test_a_version_that_is_only_noted_is_remembered_as_such(state: State) -> None:
    """Of a locked post that upstream changes; of another one only the raw hash is kept, and an edit alone notes nothing."""
    state.save(Batch(rows=(_row(1), _row(2, locked=True), _row(3), _row(4, locked=True))))
    state.save(Batch(noted=(("key000000001", b"new"), ("key000000002", b"new")), locked=("key000000003",)))
    noted = {row.key[-1]: (row.noted, row.raw_hash) for row in state.newest(("news", "local"), 9)}

    assert noted == {"1": (False, b"new"), "2": (True, b"new"), "3": (True, b"raw"), "4": (False, b"raw")}


def test_entries_come_back_as_known_and_as_rows(state: State) -> None:
    """A row that was saved is known by its key and stands in its category."""
    state.save(Batch(rows=(_row(1), _row(2, raw_hash=None, locked=True))))

    assert state.known("s")["key000000002"] == KnownEntry(
        raw_hash=None, link_hash=b"link", path="news/p-key000000002.md", post_hash=b"post", locked=True
    )
    assert state.newest(("news", "local"), 10) == [_row(2, raw_hash=None, locked=True), _row(1)]
    assert state.leaves() == (("news", "local"),)
    assert state.keys(["key000000001", "nobody"]) == {"key000000001": "news/p-key000000001.md"}


def test_newest_posts_of_one_category_only(state: State) -> None:
    """The limit takes the newest; another category, also a prefix of ours, is another list."""
    state.save(Batch(rows=(*(_row(number) for number in range(9)), _row(50, categories=("news",)))))

    assert [row.key for row in state.newest(("news", "local"), 2)] == ["key000000008", "key000000007"]


def test_latest_is_a_bound_for_each_category(state: State) -> None:
    """The newest date of each category is told without reading its posts."""
    rows = [_row(number, categories=("news", "local") if number % 2 else ("b",)) for number in range(5)]
    state.save(Batch(rows=tuple(rows)))

    assert state.latest() == {("news", "local"): rows[3].date, ("b",): rows[4].date}


def test_notes_and_locks_touch_only_what_they_say(state: State) -> None:
    """A noted raw hash and a lock leave the rest of the row alone."""
    state.save(Batch(rows=(_row(1), _row(2))))
    state.save(Batch(noted=(("key000000001", b"seen"),), locked=("key000000002",)))

    known = state.known("s")
    assert (known["key000000001"].raw_hash, known["key000000001"].locked) == (b"seen", False)
    assert (known["key000000002"].raw_hash, known["key000000002"].locked) == (b"raw", True)


def test_reindex_forgets_bodies_but_not_due_times(state: State) -> None:
    """After a reindex upstreams are asked for everything once, at the time they were due anyway."""
    learned = SourceState(
        id="s", validators=Validators(address="http://a/", etag=b"e"), body_hash=b"b", last_poll=THEN, failures=1
    )
    state.save(Batch(sources=(learned,), rows=(_row(1),), dirty_outputs=("feeds/all.atom",)))
    state.replace_entries((_row(2),), profile="default")

    assert state.sources() == {"s": replace(learned, validators=None, body_hash=None)}
    assert set(state.known("s")) == {"key000000002"}


def test_dirty_outputs_stay_dirty_until_they_are_published(state: State) -> None:
    """A feed whose entries changed is remembered in the same transaction as the entries."""
    state.save(Batch(rows=(_row(1),), dirty_outputs=("feeds/all.atom",)))
    assert state.outputs()["feeds/all.atom"].dirty

    clean = OutputState(path="feeds/all.atom", frame_hash=b"h", dirty=False)
    state.published([clean], ())
    assert state.outputs() == {"feeds/all.atom": clean}


def test_folders_are_open_while_a_run_writes_to_them(state: State) -> None:
    """A folder written to has no time until the run closes it."""
    state.save(Batch(open_folders=("news",)))
    assert state.folders() == {"news": None}
    state.close_folders({"news": 7})
    assert state.folders() == {"news": 7}


def test_history_is_kept_short(state: State) -> None:
    """The last hundred polls of each source are kept, newest first."""
    polls = tuple(Poll(source_id="s", at=THEN + timedelta(hours=number), outcome=Outcome.SAME) for number in range(130))
    state.save(Batch(polls=polls))
    state.trim_history(["s"], THEN)

    kept = state.history("s")
    assert len(kept) == 100
    assert kept[0] == polls[-1]


@pytest.mark.post_row("R63")
@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to look like a file" * 40])
def test_a_file_that_is_no_state_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """An empty or foreign file never stops a run; a foreign one is kept under another name, and that is told."""
    path = tmp_path / "state" / "state.sqlite"
    path.parent.mkdir()
    path.write_bytes(content)

    opened = open_state(URL, tmp_path)
    opened.state.close()

    assert opened.fresh
    if content:
        assert path.with_name("state.sqlite.set-aside-1").read_bytes() == content
        assert "state.sqlite.set-aside-1" in str(opened.note)


@pytest.mark.post_row("R63")
def test_a_state_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """A layout newer than ours is left alone, with what to do."""
    opened = open_state(URL, tmp_path)
    opened.state.replace_entries((), profile="default")
    opened.state.close()
    with sqlite3.connect(tmp_path / "state" / "state.sqlite") as raw:
        raw.execute("update meta set value = '99' where name = 'version'")
    raw.close()

    with pytest.raises(NewerFormatError, match="Update aggregator"):
        open_state(URL, tmp_path)


@pytest.mark.post_row("R63")
def test_a_state_of_an_earlier_version_is_rebuilt(tmp_path: Path) -> None:
    """An older layout is set aside and begun anew: it holds nothing that the posts do not."""
    opened = open_state(URL, tmp_path)
    opened.state.replace_entries((), profile="default")
    opened.state.close()
    with sqlite3.connect(tmp_path / "state" / "state.sqlite") as raw:
        raw.execute("update meta set value = '0' where name = 'version'")
    raw.close()

    again = open_state(URL, tmp_path)
    again.state.close()
    assert again.fresh
    assert again.note


def test_a_state_that_only_lacks_tables_gets_them(tmp_path: Path) -> None:
    """What the layout before knows, validators and due times among it, is kept; nothing is set aside."""
    opened = open_state(URL, tmp_path)
    opened.state.replace_entries((), profile="default")
    opened.state.set_fact("x", "kept")
    opened.state.close()
    file = tmp_path / "state" / "state.sqlite"
    with sqlite3.connect(file) as raw:
        raw.execute("update meta set value = ? where name = 'version'", (str(GROWN_FROM),))
        for table in GROWN:
            raw.execute(f"drop table {table.name}")
        raw.execute("alter table entries drop column archived")
    raw.close()

    with pytest.raises(StoreError, match="gives it what it lacks; all that it knows is kept"):
        open_state(URL, tmp_path, create=False)
    for _ in range(2):
        again = open_state(URL, tmp_path)
        assert (again.fresh, again.note, again.state.fact("x")) == (False, None, "kept")
        assert again.state.pings.waiting(["https://hub.example/"]) == []
        again.state.close()
    with sqlite3.connect(file) as raw:
        assert raw.execute("select value from meta where name = 'version'").fetchall() == [(str(VERSION),)]
    raw.close()


def test_status_of_a_project_without_state(tmp_path: Path) -> None:
    """Reading without a state says what to run."""
    with pytest.raises(StoreError, match="aggregator sync"):
        open_state(URL, tmp_path, create=False)


def test_the_words_for_a_date_stay_those_of_its_first_day(state: State) -> None:
    """How a date was chosen is remembered from when the post was first written, whatever is written later."""
    for words in (None, "first", "second", None):
        state.save(Batch(rows=(_row(1, dated=words),)))

    assert [row.dated for row in state.newest(("news", "local"), 1)] == ["first"]


def test_posts_on_their_way_out_are_known_and_stand_nowhere(state: State) -> None:
    """What is marked is in no feed, count or list of places, locked for its source, and comes back when it is kept."""
    rows = [_row(number) for number in range(1, 5)]
    state.save(Batch(sources=(SourceState(id="s"),), rows=tuple(rows)))
    expiry = state.expiry
    keys = [row.key for row in rows]
    assert expiry.spans() == {"s": (rows[0].date, rows[3].date)}
    assert [row.key for row in expiry.beyond("s", rows[1].date, None, unsure=False)] == keys[:1]
    assert [row.key for row in expiry.beyond("s", None, 2, unsure=False)] == keys[:2]
    assert expiry.newest("s", 2) == ((rows[3].date, keys[3]), (rows[2].date, keys[2]))

    expiry.mark(keys[:2], folders=["news"], dirty=["feeds/all.atom"])
    expiry.make_durable()
    assert [row.key for row in expiry.marked()] == keys[:2]
    assert [row.key for row in state.newest(("news", "local"), 9)] == [keys[3], keys[2]]
    assert (state.count("s"), len(state.places())) == (2, 2)
    assert (state.known("s")[keys[0]].path, state.known("s")[keys[0]].locked) == ("", True)
    assert set(state.keys(keys)) == set(keys)  # their files may still be there

    expiry.removed(keys[:1])
    expiry.keep_after_all(keys[1:2], dirty=[])
    assert [row.key for row in expiry.missed()] == keys[:1]
    assert set(state.keys(keys)) == set(keys[1:])
    assert [row.key for row in state.newest(("news", "local"), 9)] == keys[:0:-1]

    expiry.forget_missed()
    assert expiry.missed() == []
    assert [row.expired for row in state.find(keys[:1])] == [True]


@pytest.mark.parametrize("unsure", [False, True])
def test_edited_posts_are_never_beyond(state: State, *, unsure: bool) -> None:
    """A post that is locked is no candidate; one whose history nobody knows is one only for who asks for the unsure."""
    state.save(Batch(rows=(_row(1, locked=True), _row(2, raw_hash=None))))

    found = state.expiry.beyond("s", THEN + timedelta(days=1), None, unsure=unsure)

    assert [row.entry_id for row in found] == (["id 2"] if unsure else [])


HUBS = ("http://hub.example/", "http://other.example/")


def _news(minutes: int = 0, hubs: tuple[str, ...] = HUBS, **digests: bytes) -> News:
    return News(hubs=hubs, digests=digests, at=THEN + timedelta(minutes=minutes))


def test_hubs_are_told_of_what_files_hold(state: State) -> None:
    """What differs from what the hubs were last told of waits for each of them; what is noted twice waits once."""
    state.pings.remember({"a": b"1", "b": b"1"})
    state.published((), (), news=_news(a=b"2", b=b"1", c=b"1"))
    state.published((), (), news=_news(1, a=b"2", b=b"1", c=b"1"))

    assert state.pings.waiting(HUBS) == [Ping(hub=hub, path=path, since=THEN) for path in "ac" for hub in HUBS]
    assert state.pings.waiting(HUBS[:1]) == [Ping(hub=HUBS[0], path=path, since=THEN) for path in "ac"]
    assert state.pings.unknown(["a", "b", "c", "d"]) == ["d"]
    state.pings.done([ping for ping in state.pings.waiting(HUBS) if ping.path == "a"])
    assert {ping.path for ping in state.pings.waiting(HUBS)} == {"c"}


def test_what_was_refused_comes_last_and_waits_anew_when_it_changes(state: State) -> None:
    """A ping that was tried comes behind the others; a further change begins its day again."""
    state.pings.note(_news(hubs=HUBS[:1], a=b"1", b=b"1"))
    [first, second] = state.pings.waiting(HUBS)
    state.pings.tried([first], THEN + timedelta(hours=1))
    tried = replace(first, tried=THEN + timedelta(hours=1))
    assert state.pings.waiting(HUBS) == [second, tried]

    state.pings.note(_news(120, hubs=HUBS[:1], a=b"2"))
    assert state.pings.waiting(HUBS) == [second, replace(tried, since=THEN + timedelta(hours=2))]


def test_what_a_former_hub_was_not_told_is_forgotten(state: State) -> None:
    """When the settings name other hubs, the next news takes what waited for those that are gone."""
    state.pings.note(_news(a=b"1"))
    state.pings.note(_news(hubs=HUBS[1:], a=b"2"))

    assert [ping.hub for ping in state.pings.waiting(HUBS)] == [HUBS[1]]


def test_what_is_archived_is_counted_per_level(state: State) -> None:
    """Each level of a category has a bit of its own, that another version of an entry keeps and another category clears."""
    state.save(Batch(rows=tuple(_row(number) for number in range(4))))
    keys = [_row(number).key for number in range(4)]
    state.archived.mark(keys[:2], 0)
    state.archived.mark(keys[:1], 62)
    state.archived.mark(keys[3:], 1)
    state.archived.unmark(keys[3:], 1)
    seconds = int(THEN.timestamp())
    found = {(tally.bits, tally.number, tally.oldest - seconds, tally.newest - seconds) for tally in state.archived.tallies()}
    assert found == {(0, 2, 120, 180), (1, 1, 60, 60), (1 << 62 | 1, 1, 0, 0)}
    assert {tally.category for tally in state.archived.tallies()} == {("news", "local")}

    state.save(Batch(rows=(_row(0, post_hash=b"other"), _row(1, categories=("news", "far")))))
    posts = {post.key: post.bits for leaf in state.leaves() for post in state.archived.posts(leaf)}
    assert posts == {keys[0]: 1 << 62 | 1, keys[1]: 0, keys[2]: 0, keys[3]: 0}
    assert [post.key for post in state.archived.posts(("news", "local"))] == [keys[0], keys[2], keys[3]]
    assert state.archived.newest(("news", "local"), 2) == [seconds + 180, seconds + 120]
