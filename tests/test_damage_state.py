"""A state that is broken, foreign, newer or out of reach: it is told, nothing that was published moves, nothing comes twice."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.errors import StoreError
from aggregator.store.opening import open_state
from aggregator.store.state import State
from tests.conftest import Sweep
from tests.damage import Copies, synced

URL = "sqlite:///state/state.sqlite"
LATER = "1767312000"  #: a clock by which an entry without a date would show that it was dated anew


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    with synced(tmp_path_factory.mktemp("damage")) as made:
        yield made


def _sql(text: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with closing(sqlite3.connect(path)) as raw:
            raw.executescript(text)

    return run


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return run


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("mine")


def _foreign(path: Path) -> None:
    path.unlink()
    _sql("create table notes (text); insert into notes values ('mine')")(path)


def _folder_beside(path: Path) -> None:
    path.with_name(f"{path.name}-wal").mkdir()


#: What stands where the state should be -> what is said of it.
UNUSABLE = {
    "no header": (_bytes(lambda old: b"X" * 100 + old[100:]), "file is not a database"),
    "half a header": (_bytes(lambda old: old[:50]), "malformed"),
    "zeros": (_bytes(lambda old: bytes(len(old))), "file is not a database"),
    "cut in half": (_bytes(lambda old: old[: len(old) // 2]), "malformed"),
    "a folder": (_folder, "state.sqlite is a folder"),
    "a folder in the log's place": (_folder_beside, "state.sqlite-wal is a folder"),
    "another program's database": (_foreign, "another program's database, with the tables notes"),
    "an older layout": (_sql("update meta set value = '1' where name = 'version'"), "older layout 1"),
    "no version": (_sql("update meta set value = 'one' where name = 'version'"), "its version is 'one'"),
    "a table missing": (_sql("drop table entries"), "no such table: entries"),
    "a column missing": (_sql("alter table sources drop column hints"), "no such column: sources.hints"),
}


@pytest.mark.post_row("R63")
@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_state_that_cannot_be_used_is_rebuilt(copies: Copies, name: str) -> None:
    """It is set aside with its reason, the posts are indexed, and not one byte of posts or feeds changes, then or later."""
    damage, reason = UNUSABLE[name]
    folder = copies.get()
    place = folder.root / "state"
    damage(place / "state.sqlite")
    read = folder.run("status")
    before = sorted(path.name for path in place.iterdir())
    first = folder.sync("--force", SOURCE_DATE_EPOCH=LATER)
    second = folder.sync("--force", SOURCE_DATE_EPOCH=LATER)

    assert (read.returncode, "Traceback" in read.stderr) == (5, False)
    assert "state.sqlite.set-aside-1" not in before
    assert reason in first.stderr
    assert "it is kept as state.sqlite.set-aside-1" in first.stderr
    assert "rebuilt from 5 posts, which stay as they are" in first.stderr
    assert any(place.glob("state.sqlite.set-aside-1*"))
    assert " 0 new" in first.stderr
    assert " 0 new" in second.stderr
    assert "set-aside" not in second.stderr
    assert folder.files() == copies.files


@pytest.mark.sampled(1)
@pytest.mark.parametrize("words", [("sync", "--force"), ("status",)])
def test_what_cannot_be_a_value_is_damage(copies: Copies, words: tuple[str, ...]) -> None:
    """A row that holds what was never written is named as damage by who reads; who holds the project sets it aside as well."""
    folder = copies.get()
    _sql("update sources set hints = '{\"ttl'")(folder.root / "state" / "state.sqlite")
    done = folder.run(*words)

    assert done.returncode == 5
    assert "is damaged (a value in it cannot be read: " in done.stderr
    assert (folder.root / "state" / "state.sqlite").exists() is (words == ("status",))
    if words != ("status",):
        folder.sync("--force", SOURCE_DATE_EPOCH=LATER)
    assert folder.files() == copies.files


@pytest.mark.post_row("R63")
def test_a_newer_state_is_left_alone(copies: Copies) -> None:
    """Who would use it exits 5 and says what to do, whether it writes or reads; no byte of it changes."""
    folder = copies.get()
    path = folder.root / "state" / "state.sqlite"
    _sql("update meta set value = '99' where name = 'version'")(path)
    before = path.read_bytes()
    for words in (("sync", "--force"), ("status",)):
        done = folder.run(*words)
        assert done.returncode == 5
        assert "written by a later version of aggregator (layout 99" in done.stderr

    assert path.read_bytes() == before
    assert folder.files() == copies.files


@pytest.mark.post_row("R62", "R63")
@pytest.mark.sampled(0)  # ten seconds of waiting: only under --whole
def test_a_state_that_another_program_holds(copies: Copies) -> None:
    """Exit 5, saying so; nothing is set aside and the next run goes on."""
    folder = copies.get()
    with closing(sqlite3.connect(folder.root / "state" / "state.sqlite", isolation_level=None)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")
        done = folder.run("sync", "--force")
        other.execute("rollback")

    assert done.returncode == 5
    assert "database is locked" in done.stderr
    assert "Another program holds it" in done.stderr
    folder.sync("--force", SOURCE_DATE_EPOCH=LATER)
    assert not list((folder.root / "state").glob("*set-aside*"))
    assert folder.files() == copies.files


@pytest.mark.post_row("R61", "R63")
def test_a_log_that_a_killed_run_left(copies: Copies) -> None:
    """Pages that stand only in the write-ahead log are read from there; one that is no log is not believed."""
    folder = copies.get()
    path = folder.root / "state" / "state.sqlite"
    log = path.with_name("state.sqlite-wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("pragma journal_mode = wal")
        raw.execute("update sources set failures = 7 where id = 'a'")
        kept = (path.read_bytes(), log.read_bytes())
    for left in (kept[1], b"\x37\x7f\x06\x82" + bytes(range(256)) * 40):
        path.write_bytes(kept[0])
        log.write_bytes(left)
        opened = open_state(URL, folder.root)
        known = opened.state.sources()["a"].failures
        opened.state.close()
        assert (opened.note, known) == (None, 7 if left is kept[1] else 0)


def _read_all(state: State) -> None:
    """Read everything in every way there is."""
    for source in state.sources():
        state.known(source)
        state.history(source)
        state.count(source)
    rows = [row for leaf in state.leaves() for row in state.newest(leaf, 99)]
    for row in rows:
        state.newer(row, state.leaves())
        state.find((row.key,), (row.entry_id,))
    state.resembling("entry", 9)
    state.poll_counts(datetime(2026, 1, 1, tzinfo=UTC))
    state.counts(), state.folders(), state.outputs(), state.hosts(), state.profile(), list(state.every_id())


def _opened_and_read(root: Path, content: bytes) -> str:
    """Return what became of a state with these bytes: used as it is, begun anew, or set aside later."""
    place = root / "state"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "state.sqlite").write_bytes(content)
    opened = open_state(URL, root)
    try:
        if not opened.fresh:
            _read_all(opened.state)
    except StoreError as error:
        assert "is damaged" in str(error)  # noqa: PT017 - most damage is no error
        assert not (place / "state.sqlite").exists()
        return "found damaged"
    finally:
        opened.state.close()
    return "begun anew" if opened.fresh else "used"


@pytest.mark.post_row("R63")
@pytest.mark.timeout(600)
def test_a_state_cut_or_changed_anywhere(copies: Copies, tmp_path: Path, sweep: Sweep) -> None:
    """Cut at any length, with bytes changed anywhere: it is used, begun anew, or named as damaged, and nothing else."""
    whole = (copies.get().root / "state" / "state.sqlite").read_bytes()
    seen: dict[str, int] = {}
    for number in range(sweep.count(whole=1000, sampled=15)):
        chance = random.Random(f"{sweep.seed} {number}")
        changed = bytearray(whole)
        if number % 4 == 0:
            del changed[chance.choice([chance.randrange(len(whole)), 4096 * chance.randrange(len(whole) // 4096)]) :]
        elif number % 4 == 1:
            start = 4096 * chance.randrange(len(whole) // 4096)
            changed[start : start + 4096] = chance.randbytes(4096)
        else:
            for _ in range(chance.choice([1, 3, 30])):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        fate = _opened_and_read(tmp_path, bytes(changed))
        seen[fate] = seen.get(fate, 0) + 1
    print(f"seed {sweep.seed}: {seen}")
