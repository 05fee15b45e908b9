"""A ledger that cannot be understood stops every command that would rest on it, with its line, before anything is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.damage import Copies, synced
from tests.upstream import Folder

GOOD = '{"ledger": 1}\n' + json.dumps({"kind": "unstable", "source": "a", "at": "2026-11-22T12:00:00Z"}) + "\n"
#: The bytes -> what is said of them.
BROKEN: dict[str, tuple[bytes, str]] = {
    "a conflict": (f"{GOOD}<<<<<<< HEAD\n".encode(), "ledger.jsonl:3: it is a merge conflict's marker"),
    "a conflict at the top": (f"<<<<<<< HEAD\n{GOOD}".encode(), "ledger.jsonl:1: it is a merge conflict's marker"),
    "a cut line": (GOOD.encode()[:-9], "ledger.jsonl:2: it is cut or no JSON"),
    "an unknown kind": (GOOD.replace("unstable", "wobbly").encode(), "ledger.jsonl:2: its kind is none of"),
    "no UTF-8": (GOOD.replace('"a"', '"\xe9"').encode("latin-1"), "ledger.jsonl:2: it is not UTF-8"),
    "zeros": (bytes(100), "ledger.jsonl:1: it should be"),
    "nothing": (b"", "ledger.jsonl:1: it is empty"),
    "a later version": (GOOD.replace('"ledger": 1', '"ledger": 9').encode(), "use a later version of the program"),
}
COMMANDS = {
    "sync": ("sync", "--force"),
    "sync --dry-run": ("sync", "--force", "--dry-run"),
    "build": ("build",),
    "reindex": ("reindex",),
    "status": ("status",),
    "explain": ("explain", "entry-1"),
    "plan": ("plan",),
    "takedown": ("takedown", "entry-1", "--yes"),
}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    with synced(tmp_path_factory.mktemp("damage")) as made:
        yield made


def _refused(folder: Folder, copies: Copies, words: tuple[str, ...]) -> str:
    """Run a command that must refuse, and ask nobody; return what it said."""
    asked, before = len(copies.upstream.requests), folder.files("posts", "public")
    done = folder.run(*words)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert len(copies.upstream.requests) == asked
    assert folder.files("posts", "public") == before
    return done.stderr


@pytest.mark.post_row("R63")
@pytest.mark.sampled(2)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_ledger_stops_every_command(copies: Copies, name: str, command: str) -> None:
    """Exit 5 with file, line and reason; nobody is asked, no post, feed or byte of the ledger changes."""
    content, reason = BROKEN[name]
    folder = copies.get()
    ledger = folder.root / "ledger.jsonl"
    ledger.write_bytes(content)

    assert reason in _refused(folder, copies, COMMANDS[command])
    assert ledger.read_bytes() == content


@pytest.mark.sampled(1)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_in_the_ledger_s_place(copies: Copies, command: str) -> None:
    """It is told as what it is, and left."""
    folder = copies.get()
    (folder.root / "ledger.jsonl").mkdir()

    assert "a folder stands where a file should be" in _refused(folder, copies, COMMANDS[command]).casefold()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("change", ["BOM", "CRLF", "no final newline", "sorted otherwise"])
def test_what_editors_do_to_a_ledger_is_no_damage(copies: Copies, change: str) -> None:
    """A byte order mark, other line ends and another order are read, and kept while there is nothing to add."""
    head, line = GOOD.splitlines()
    other = line.replace('"a"', '"b"')
    content = {
        "BOM": "\ufeff" + GOOD,
        "CRLF": GOOD.replace("\n", "\r\n"),
        "no final newline": GOOD.rstrip(),
        "sorted otherwise": f"{head}\n{other}\n\n{line}\n",
    }[change].encode()
    folder = copies.get()
    ledger: Path = folder.root / "ledger.jsonl"
    ledger.write_bytes(content)
    folder.sync("--force")

    assert ledger.read_bytes() == content
    assert folder.files("posts") == {path: text for path, text in copies.files.items() if path.startswith("posts/")}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("command", ["sync", "sync --dry-run", "build", "reindex", "takedown"])
def test_a_ledger_that_is_gone_stops_every_command(copies: Copies, command: str) -> None:
    """Where the state knows of lines, none of them is forgotten because the file is: exit 5, and what to do."""
    folder = copies.get()
    (folder.root / "ledger.jsonl").write_text(GOOD)
    folder.here("build")
    (folder.root / "ledger.jsonl").unlink()

    assert "ledger.jsonl is gone; it had 1 line (0 takedowns)" in _refused(folder, copies, COMMANDS[command])


def test_what_was_taken_down_stays_away_until_somebody_says_otherwise(copies: Copies) -> None:
    """The ledger put back is obeyed as before; without state and ledger nobody remembers, and a run goes on."""
    folder = copies.get()
    folder.here("takedown", "entry-11", "--yes")
    ledger = folder.root / "ledger.jsonl"
    content = ledger.read_bytes()
    ledger.unlink()
    assert folder.here("build").returncode == 5
    ledger.write_bytes(content)
    assert folder.here("build").returncode == 0
    ledger.unlink()
    shutil.rmtree(folder.root / "state")
    assert folder.here("build").returncode == 0


def test_lines_that_a_hand_strikes_out_are_no_loss(copies: Copies) -> None:
    """A ledger that has fewer lines than before, even none, was changed by somebody who may; its removal is no loss then."""
    folder = copies.get()
    folder.here("takedown", "--source", "a", "entry-99", "--yes")
    ledger = folder.root / "ledger.jsonl"
    ledger.write_text('{"ledger": 1}\n')
    assert folder.here("build").returncode == 0
    ledger.unlink()
    assert folder.here("build").returncode == 0


def test_a_run_that_dies_locks_nobody_out(copies: Copies) -> None:
    """A line that was written by a run that died before it told the state is told by the next one."""
    folder = copies.get()
    (folder.root / "ledger.jsonl").write_text(GOOD)  # and no word of it in the state
    assert folder.here("build").returncode == 0
    (folder.root / "ledger.jsonl").unlink()
    assert "it had 1 line (0 takedowns)" in folder.here("build").stderr
