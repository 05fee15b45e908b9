"""What the server keeps ready: bounded, and never older than what it was made from."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from aggregator.serve.kept import Prepared, Shelf
from aggregator.serve.site import Policy
from aggregator.serve.tree import PublicTree


def _made(size: int) -> Prepared:
    return Prepared(b"x" * size, "text/plain", policy=Policy.NOTHING)


def test_a_shelf_holds_no_more_than_its_bytes() -> None:
    """Whoever was not asked for longest goes first, and what is large by itself is not kept at all."""
    shelf: Shelf[int] = Shelf(100_000)
    for number in range(12):
        shelf.put(number, "a", _made(8_000))
        shelf.take(0, "a")
    shelf.put(12, "a", _made(90_000))

    assert [number for number in range(13) if shelf.take(number, "a") is not None] == [0, *range(4, 12)]


def test_a_shelf_counts_codings_too() -> None:
    """A coding that is made later counts, once it is put back."""
    shelf: Shelf[int] = Shelf(64_000)
    kept = [_made(3_000) for _ in range(8)]
    for number, prepared in enumerate(kept):
        shelf.put(number, "a", prepared)
    for number, prepared in enumerate(kept):
        prepared.make("gzip")
        shelf.put(number, "a", prepared)

    assert all(shelf.take(number, "a") is prepared for number, prepared in enumerate(kept))


def test_a_coding_that_is_made_meanwhile_hinders_nobody() -> None:
    """How much something takes can be asked while another thread makes a coding of it."""

    class Body(bytes):
        def __len__(self) -> int:
            prepared.make("gzip")  # as another thread does, in the middle of counting
            return super().__len__()

    prepared = Prepared(b"x" * 3_000, "text/plain", policy=Policy.NOTHING)
    prepared._sent[None] = replace(prepared._sent[None], body=Body(b"x" * 3_000))

    assert prepared.size > 3_000
    assert prepared.has("gzip")


def test_what_was_made_of_something_else_is_not_given() -> None:
    """A thing is found under its key only with the stamp that it was put with."""
    shelf: Shelf[str] = Shelf(100_000)
    shelf.put("x", ("old",), _made(10))

    assert shelf.take("x", ("new",)) is None
    assert shelf.take("x", ("old",)) is not None


def test_packing_is_the_same_each_time() -> None:
    """Equal bytes give equal gzip: no time and no name is in it."""
    content = b"the same again " * 100
    first, second = (Prepared(content, "text/plain", policy=Policy.NOTHING) for _ in range(2))
    for prepared in (first, second):
        prepared.make("gzip")

    assert first.sent("gzip") == second.sent("gzip")
    assert gzip.decompress(first.sent("gzip").body) == content


@pytest.mark.parametrize("change", ["rename", "rewrite", "touch back"])
def test_a_file_that_changed_has_another_stamp(tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with the same size and a date that was set back; and until it has rested for two seconds it has none."""
    now = [2_000_000_000.0]
    monkeypatch.setattr("aggregator.serve.tree.time", SimpleNamespace(time=lambda: now[0]))
    file = tmp_path / "a.atom"
    file.write_bytes(b"one")
    os.utime(file, (1, 1))
    tree = PublicTree(tmp_path)
    first = tree.stamp(("a.atom",))
    if change == "rename":
        (tmp_path / "b").write_bytes(b"two")
        os.utime(tmp_path / "b", (1, 1))
        (tmp_path / "b").replace(file)
    else:
        file.write_bytes(b"two")
        os.utime(file, (1, 1) if change == "touch back" else None)

    assert first is not None
    assert tree.stamp(("a.atom",)) != first
    now[0] = file.stat().st_ctime + 1
    assert tree.stamp(("a.atom",)) is None
    assert tree.stamp(("none.atom",)) is None
