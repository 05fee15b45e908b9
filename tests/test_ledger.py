"""The ledger: what it is told it says again; what cannot be understood stops it."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import LedgerError, NewerFormatError, StoreError
from aggregator.model.key import entry_key
from aggregator.store.ledger import Alias, Deleted, Gone, Ledger, Line, Moved, Removed, Renamed, Takedown, Unstable
from tests.post_records import SPECIAL

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = entry_key("news", "1")

LINES: tuple[Line, ...] = (
    Alias(source="news", id="2", key=KEY, at=AT),
    Deleted(source="news", id="1", key=KEY, at=AT),
    Gone(source="old", address="https://old.example/feed", at=AT),
    Moved(source="news", old="http://news.example/feed", new="https://news.example/feed", at=AT),
    Removed(file="feeds/old.atom", at=AT),
    Renamed(what="category", old="News/Local", new="News/Town", at=AT),
    Takedown(source="news", id="3", key=entry_key("news", "3"), at=AT, reason="asked by the author"),
    Takedown(source="news", id="4", key=entry_key("news", "4"), at=AT, category="News", traits=f"{7:080x}"),
    Unstable(source="news", at=AT),
)
TEXT = """{{"ledger": 1}}
{{"kind": "alias", "source": "news", "id": "2", "key": "{one}", "at": "2026-01-02T03:04:05Z"}}
{{"kind": "deleted", "source": "news", "id": "1", "key": "{one}", "at": "2026-01-02T03:04:05Z"}}
{{"kind": "gone", "source": "old", "address": "https://old.example/feed", "at": "2026-01-02T03:04:05Z"}}
{{"kind": "moved", "source": "news", "old": "http://news.example/feed", "new": "https://news.example/feed", "at": "{at}"}}
{{"kind": "removed", "file": "feeds/old.atom", "at": "2026-01-02T03:04:05Z"}}
{{"kind": "renamed", "what": "category", "old": "News/Local", "new": "News/Town", "at": "2026-01-02T03:04:05Z"}}
{{"kind": "takedown", "source": "news", "id": "3", "key": "{three}", "at": "{at}", "reason": "asked by the author"}}
{{"kind": "takedown", "source": "news", "id": "4", "key": "{four}", "at": "{at}", "category": "News", "traits": "{traits}"}}
{{"kind": "unstable", "source": "news", "at": "2026-01-02T03:04:05Z"}}
""".format(one=KEY, three=entry_key("news", "3"), four=entry_key("news", "4"), at="2026-01-02T03:04:05Z", traits=f"{7:080x}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def _load(path: Path, text: str | bytes) -> Ledger:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Ledger.load(path)


def test_the_file_looks_as_documented(path: Path) -> None:
    """One object a line, sorted, under a line with the version; the order of adding leaves no trace."""
    ledger = Ledger.load(path)
    for line in reversed(LINES):
        assert ledger.add(line)

    assert path.read_text(encoding="utf-8") == TEXT
    assert Ledger.load(path).lines == ledger.lines == LINES


def test_there_is_no_file_until_there_is_something_to_say(path: Path) -> None:
    """A missing ledger says nothing, and adding nothing makes none."""
    ledger = Ledger.load(path)

    assert ledger.lines == ()
    assert not ledger.add()
    assert not path.exists()


def test_what_is_known_is_not_written_again(path: Path) -> None:
    """Adding what stands there touches nothing, also in a file that hands have left unsorted."""
    unsorted = "\n".join([TEXT.splitlines()[0], *reversed(TEXT.splitlines()[1:]), "", ""])
    ledger = _load(path, unsorted)

    assert not ledger.add(*LINES)
    assert path.read_text(encoding="utf-8") == unsorted


def test_a_record_takes_the_place_of_one_about_the_same_thing(path: Path) -> None:
    """A second word about one entry replaces the first; other kinds about it stay."""
    ledger = _load(path, TEXT)
    later = Deleted(source="news", id="1", key=KEY, at=AT.replace(year=2027))

    assert ledger.add(later)
    assert ledger.of(Deleted) == (later,)
    assert Ledger.load(path).lines == tuple(later if isinstance(line, Deleted) else line for line in LINES)


def test_records_are_found_by_kind(path: Path) -> None:
    """Each kind can be asked for by itself, in the file's order."""
    ledger = _load(path, TEXT)

    assert ledger.of(Takedown) == LINES[-3:-1]
    assert ledger.of(Alias) == LINES[:1]


_texts = st.one_of(st.sampled_from(SPECIAL), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
_keys = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=12, max_size=12)
_instants = st.datetimes(timezones=st.just(UTC)).map(lambda instant: instant.replace(microsecond=0))
_any_line: st.SearchStrategy[Line] = st.one_of(
    *(
        st.builds(kind, **{name: _keys if name == "key" else _texts for name in names}, at=_instants)
        for kind, names in (
            (Alias, ("source", "id", "key")),
            (Deleted, ("source", "id", "key")),
            (Takedown, ("source", "id", "key", "reason")),
            (Moved, ("source", "old", "new")),
            (Gone, ("source", "address")),
            (Renamed, ("what", "old", "new")),
        )
    )
)


@settings(deadline=None, max_examples=100)
@given(lines=st.lists(_any_line, max_size=4))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, lines: list[Line]) -> None:
    """Records hold whatever upstream wrote, line breaks of every kind included, each on one line."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    ledger = Ledger.load(path)
    ledger.add(*lines)

    assert Ledger.load(path).lines == ledger.lines
    assert set(ledger.lines) <= set(lines)
    if lines:
        assert len(path.read_text(encoding="utf-8").splitlines()) == len(ledger.lines) + 1


ROW = TEXT.splitlines()[2]
OTHER_ROW = ROW.replace('"1"', '"9"')


def test_two_branches_may_note_one_deletion_of_two_versions(path: Path) -> None:
    """A merge that keeps two lines of one deletion, noted at two times of two versions of a post, is no contradiction."""
    row = ROW[:-1] + f', "category": "News", "traits": "{1:080x}"' + "}"
    other = ROW.replace("2026-", "2027-")[:-1] + f', "category": "Other", "traits": "{2:080x}"' + "}"
    ledger = _load(path, f'{{"ledger": 1}}\n{other}\n{row}\n')

    [line] = ledger.of(Deleted)
    assert (line.category, line.at) == ("News", AT)


def test_two_branches_may_take_one_entry_down_for_two_reasons(path: Path) -> None:
    """Why an entry was taken down is for whoever reads the ledger: two reasons of two people are no contradiction."""
    rows = [
        f'{{"kind": "takedown", "source": "a", "id": "1", "key": "{KEY}", "at": "{year}-01-02T00:00:00Z", "reason": "{why}"}}'
        for year, why in ((2027, "later"), (2026, "first"))
    ]
    for lines in (rows, rows[::-1]):
        [line] = _load(path, "\n".join(['{"ledger": 1}', *lines, ""])).of(Takedown)
        assert line.reason == "first"


FAULTS = {
    "empty": ("", 1, "it is empty"),
    "no version": (f"{ROW}\n", 1, "it should be"),
    "version no number": ('{"ledger": "1"}\n', 1, "it should be"),
    "conflict at the top": ('<<<<<<< HEAD\n{"ledger": 1}\n', 1, "merge conflict"),
    "conflict": (f'{{"ledger": 1}}\n{ROW}\n<<<<<<< HEAD\n', 3, "merge conflict"),
    "conflict's middle": (f'{{"ledger": 1}}\n{ROW}\n=======\n{ROW}\n', 3, "merge conflict"),
    "cut": (TEXT[:-20], 10, "cut"),
    "cut to a number": ('{"ledger": 1}\n1\n', 2, "no JSON object"),
    "unknown kind": ('{"ledger": 1}\n\n{"kind": "starred"}\n', 3, "kind is none of alias"),
    "no kind": ('{"ledger": 1}\n{"source": "news"}\n', 2, "kind is none of alias"),
    "unknown field": (f'{{"ledger": 1}}\n{ROW[:-1]}, "by": "me"}}\n', 2, 'deleted has no "by"'),
    "missing field": (f'{{"ledger": 1}}\n{ROW.replace(", ", "}#", 1).split("#")[0]}\n', 2, 'deleted needs "at"'),
    "key twice": (f'{{"ledger": 1}}\n{ROW[:-1]}, "id": "9"}}\n', 2, "stands twice"),
    "number for text": (f'{{"ledger": 1}}\n{ROW.replace(chr(34) + "1" + chr(34), "1")}\n', 2, '"id" is no text'),
    "no key": (f'{{"ledger": 1}}\n{ROW.replace(KEY, "zz")}\n', 2, '"key" is no key'),
    "a key and more": (f'{{"ledger": 1}}\n{ROW.replace(KEY, "a-" + KEY)}\n', 2, '"key" is no key'),
    "no instant": (f'{{"ledger": 1}}\n{ROW.replace("2026-01", "2026-99")}\n', 2, "no instant"),
    "no zone": (f'{{"ledger": 1}}\n{ROW.replace("05Z", "05")}\n', 2, "no instant"),
    "contradiction": (
        f'{{"ledger": 1}}\n{ROW}\n{OTHER_ROW}\n',
        3,
        "something else",
    ),
    "not UTF-8": (b'{"ledger": 1}\n\n\xff\n', 3, "not UTF-8"),
    "nested": ('{"ledger": 1}\n' + "[" * 100_000 + "\n", 2, "no JSON"),
}


@pytest.mark.parametrize(("text", "line", "reason"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_understood_is_told_with_its_line(path: Path, text: str | bytes, line: int, reason: str) -> None:
    """The message names file and line, says what is wrong and what to do, and the file is left."""
    with pytest.raises(LedgerError, match=reason) as caught:
        _load(path, text)

    assert caught.value.line == line
    assert str(caught.value).startswith(f"ledger.jsonl:{line}: ")
    assert "last commit" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == (text if isinstance(text, bytes) else text.encode())


def test_a_later_version_is_told(path: Path) -> None:
    """A ledger of a later version is not read, whatever its lines are."""
    with pytest.raises(NewerFormatError, match="later version") as caught:
        _load(path, '{"ledger": 2}\n{"kind": "starred"}\n')

    assert (caught.value.found, caught.value.known) == (2, 1)


def test_a_cut_ledger_never_says_anything_else(path: Path) -> None:
    """Cut at any byte, the file is an error or says a part of what it said."""
    whole = TEXT.encode()
    for length in range(len(whole)):
        try:
            lines = _load(path, whole[:length]).lines
        except LedgerError:
            continue
        assert lines == LINES[: len(lines)]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"\ufeff{text}",
        lambda text: text + text,
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("03:04:05Z", "11:04:05+08:00"),
    ],
    ids=["CRLF", "byte order mark", "union merge", "no final newline", "another zone"],
)
def test_what_git_and_editors_do_is_understood(path: Path, change: Any) -> None:
    """Line ends, a merge that keeps both sides and other spellings of an instant change nothing."""
    assert _load(path, change(TEXT)).lines == LINES


@pytest.mark.post_row("R57")
@pytest.mark.parametrize("call", ["write", "replace"])
def test_a_failed_write_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """If a record cannot be written down, neither the file nor what the ledger says has changed."""
    ledger = _load(path, TEXT)
    new = Gone(source="news", address="https://news.example/", at=AT)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(StoreError, match=r"ledger\.jsonl: no space left"):
            ledger.add(new)

    assert ledger.lines == LINES
    assert path.read_text(encoding="utf-8") == TEXT
    assert ledger.add(new)


def test_records_are_durable_before_anything_rests_on_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When `add` returns, the file and its folder have been synced."""
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", fsync)
    Ledger.load(path).add(LINES[0])

    assert {str(path), str(path.parent)} <= set(synced)


def test_what_two_branches_noted_counts_from_the_first(path: Path) -> None:
    """A merge that keeps the same record of both sides, noted at two times, keeps the earlier, in either order."""
    later = TEXT.splitlines()[1].replace("2026-01-02", "2026-02-02")

    assert _load(path, f"{TEXT}{later}\n").lines == LINES
    assert _load(path, f'{{"ledger": 1}}\n{later}\n{TEXT}').lines == LINES
