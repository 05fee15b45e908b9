"""Files are written whole or not at all, below their root and nowhere else; faults say what to do."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import StoreError, UnfitFileError
from aggregator.store.files import FEW, make_durable, read_file, sweep_leftovers, write_file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "posts"


def _fail(number: int) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_what_is_written_is_read(root: Path) -> None:
    """Folders are made as needed, an old file is replaced, a missing one is None."""
    write_file(root, "a/b/c.md", b"one")
    write_file(root, "a/b/c.md", b"two")
    write_file(root, "top.md", b"")

    assert read_file(root, "a/b/c.md") == b"two"
    assert read_file(root, "top.md") == b""
    assert read_file(root, "a/b/d.md") is None
    assert read_file(root, "x/y.md") is None
    assert read_file(root / "none", "y.md") is None
    assert _files(root) == ["a/b/c.md", "top.md"]


def test_files_have_ordinary_permissions(root: Path) -> None:
    """A web server or site engine of another user can read what the umask allows."""
    before = os.umask(0o022)
    try:
        write_file(root, "a.md", b"x")
    finally:
        os.umask(before)

    assert (root / "a.md").stat().st_mode & 0o777 == 0o644


@pytest.mark.post_row("R47")
@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "a//b", "a/./b", "", ".", "..", "a/", "a/..", "a\0b"])
def test_paths_that_lead_elsewhere_are_refused(root: Path, path: str) -> None:
    """Nothing is read or written above the root or under an ambiguous name."""
    write_file(root, "a.md", b"x")
    before = _files(root.parent)

    with pytest.raises(StoreError, match="no path below posts"):
        write_file(root, path, b"x")
    with pytest.raises(StoreError, match="no path below posts"):
        read_file(root, path)
    assert _files(root.parent) == before


@pytest.mark.post_row("R47")
def test_symbolic_links_to_folders_are_refused(root: Path, tmp_path: Path) -> None:
    """A linked folder inside the root is not followed, for writing or reading."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.md").write_bytes(b"theirs")
    (root / "a").mkdir(parents=True)
    (root / "a" / "link").symlink_to(outside)

    with pytest.raises(StoreError, match=r"cannot write posts/a/link/x\.md: .*symbolic link"):
        write_file(root, "a/link/x.md", b"ours")
    with pytest.raises(StoreError, match="symbolic link"):
        write_file(root, "a/link/new/x.md", b"ours")
    with pytest.raises(StoreError, match="symbolic link"):
        read_file(root, "a/link/x.md")
    assert _files(outside) == ["x.md"]
    assert (outside / "x.md").read_bytes() == b"theirs"


@pytest.mark.post_row("R47")
def test_a_linked_file_is_replaced_and_not_followed(root: Path, tmp_path: Path) -> None:
    """Writing where a link stands puts a file there; reading through it is refused."""
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    root.mkdir()
    (root / "a.md").symlink_to(target)

    with pytest.raises(StoreError, match="symbolic link"):
        read_file(root, "a.md")
    write_file(root, "a.md", b"ours")
    assert target.read_bytes() == b"theirs"
    assert (root / "a.md").read_bytes() == b"ours"


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    """Where the posts folder is, is its owner's choice."""
    (tmp_path / "site").mkdir()
    (tmp_path / "posts").symlink_to(tmp_path / "site")

    write_file(tmp_path / "posts", "a/b.md", b"x")

    assert (tmp_path / "site" / "a" / "b.md").read_bytes() == b"x"


@pytest.mark.post_row("R59")
def test_a_folder_in_the_way_is_named(root: Path) -> None:
    """A folder where a file should be, or a file where a folder should be, is told and left."""
    (root / "a.md").mkdir(parents=True)
    (root / "f").write_bytes(b"x")

    with pytest.raises(StoreError, match="A folder stands"):
        write_file(root, "a.md", b"x")
    with pytest.raises(UnfitFileError, match="a folder stands"):
        read_file(root, "a.md")
    with pytest.raises(StoreError, match="A file stands"):
        write_file(root, "f/a.md", b"x")
    assert _files(root) == ["f"]


def test_reading_a_folder_leaks_no_descriptor(root: Path) -> None:
    """Faults leave no open file behind."""
    (root / "a.md").mkdir(parents=True)
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(20):
        with pytest.raises(StoreError):
            read_file(root, "a.md")
        with pytest.raises(StoreError):
            write_file(root, "a.md", b"x")

    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_a_pipe_does_not_hang_the_reader(root: Path) -> None:
    """A FIFO in a post's place is told, not waited for."""
    root.mkdir()
    os.mkfifo(root / "a.md")

    with pytest.raises(UnfitFileError, match="a pipe"):
        read_file(root, "a.md")


def test_a_file_beyond_all_bounds_is_not_read(root: Path) -> None:
    """What is larger than the reader wants costs no memory, however large it is; what is as large is read."""
    write_file(root, "a.md", b"12345")
    with (root / "b.md").open("wb") as file:
        file.truncate(2**40)

    assert read_file(root, "a.md", at_most=5) == b"12345"
    with pytest.raises(UnfitFileError, match="larger than"):
        read_file(root, "b.md", at_most=2**20)


@pytest.mark.post_row("R56", "R57", "R58")
@pytest.mark.parametrize(
    ("call", "number", "advice"),
    [
        ("write", errno.ENOSPC, "no space left on device; everything already there is untouched. Free some space and run"),
        ("write", errno.EDQUOT, "quota"),
        ("write", errno.EIO, "The disk reports a fault"),
        ("close", errno.EIO, "The disk reports a fault"),
        ("replace", errno.EACCES, "permission denied; .*permissions"),
        ("replace", errno.EROFS, "read-only"),
        ("replace", errno.EXDEV, "untouched$"),
        ("replace", errno.EBUSY, "mount its whole folder"),
    ],
)
def test_a_failed_write_keeps_the_old_file(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, advice: str
) -> None:
    """Whatever step fails: the old bytes stay, no temporary file stays, and the message says what to do."""
    write_file(root, "a/b.md", b"old")
    real_close = os.close

    def close(descriptor: int) -> None:
        real_close(descriptor)
        _fail(number)()

    with monkeypatch.context() as patch:
        patch.setattr(os, call, close if call == "close" else _fail(number))
        with pytest.raises(StoreError, match=rf"^cannot write posts/a/b\.md: .*{advice}") as caught:
            write_file(root, "a/b.md", b"new")

    assert caught.value.path == root / "a" / "b.md"
    assert isinstance(caught.value.__cause__, OSError)
    assert _files(root) == ["a/b.md"]
    assert read_file(root, "a/b.md") == b"old"


@pytest.mark.post_row("R57")
def test_an_interrupt_leaves_no_temporary_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a write is passed on, with nothing left behind."""

    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_file(root, "a.md", b"new")

    assert _files(root) == []


def test_short_writes_are_continued(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take less than was given: the rest follows."""
    real_write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:3]))
        write_file(root, "a.md", b"0123456789")

    assert read_file(root, "a.md") == b"0123456789"


def test_a_folder_that_vanished_is_made_again(root: Path) -> None:
    """Folders are remembered for speed; one that somebody removed meanwhile is noticed."""
    write_file(root, "a/b/c.md", b"1")
    (root / "a/b/c.md").unlink()
    (root / "a/b").rmdir()
    (root / "a").rmdir()

    assert read_file(root, "a/b/c.md") is None
    write_file(root, "a/b/c.md", b"2")

    assert read_file(root, "a/b/c.md") == b"2"


@pytest.mark.post_row("R60")
def test_a_name_left_by_a_dead_process_is_passed_over(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Process numbers come back: a leftover with our name is neither overwritten nor an obstacle."""
    monkeypatch.setattr(os, "getpid", lambda: 4_194_304)
    write_file(root, "a.md", b"1")
    for number in range(2000):
        (root / f".tmp-4194304-{number}").write_bytes(b"left")
    write_file(root, "a.md", b"2")

    assert read_file(root, "a.md") == b"2"
    assert len(_files(root)) == 2001


@pytest.mark.post_row("R57")
def test_two_processes_never_mix_a_file(root: Path) -> None:
    """Two writers of one file leave the whole bytes of one of them, and nothing else."""
    code = (
        "import sys; from pathlib import Path; from aggregator.store.files import write_file\n"
        "for n in range(200): write_file(Path(sys.argv[1]), 'a/b.md', sys.argv[2].encode() * 5000)"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(root), letter]) for letter in "xy"]
    assert [run.wait() for run in runs] == [0, 0]

    assert read_file(root, "a/b.md") in (b"x" * 5000, b"y" * 5000)
    assert _files(root) == ["a/b.md"]


@pytest.mark.post_row("R60")
def test_leftovers_are_swept(root: Path) -> None:
    """Temporary files of the folder itself go if they are older than this run; everything else stays."""
    write_file(root, "a/b.md", b"x")
    for name in ("a/.tmp-1-2", ".tmp-99-0", ".tmp-99-1", ".keep"):
        (root / name).write_bytes(b"half")
    for name in ("a/.tmp-1-2", ".tmp-99-0", ".keep"):
        os.utime(root / name, ns=(1000, 1000))

    assert sweep_leftovers(root, older_than_ns=2000) == 1
    assert sweep_leftovers(root, older_than_ns=2000) == 0
    assert sweep_leftovers(root / "none", older_than_ns=2000) == 0
    assert _files(root) == [".keep", ".tmp-99-1", "a/.tmp-1-2", "a/b.md"]


def test_leftovers_are_swept_below_as_well(root: Path) -> None:
    """If asked for: in every folder below, but through no link, and never what only resembles a temporary file of ours."""
    outside = root.with_name("outside")
    for place in (root / "a/b", outside):
        place.mkdir(parents=True)
        for name in (".tmp-1-2", ".tmp-notes", ".tmp-1-2.md"):
            (place / name).write_bytes(b"half")
            os.utime(place / name, ns=(1000, 1000))
    (root / "link").symlink_to(outside)

    assert sweep_leftovers(root, older_than_ns=2000, nested=True) == 1
    assert _files(root) == ["a/b/.tmp-1-2.md", "a/b/.tmp-notes"]
    assert len(_files(outside)) == 3


def _record_syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is synced, by name."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return synced


def test_what_cannot_be_made_again_is_on_the_disk_before_the_old_goes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked to keep the old file, the new bytes are synced before the rename; a file that is new waits for its batch."""
    done = _record_syncs(monkeypatch)
    real = os.replace

    def replace(old: str, new: str) -> None:
        done.append("rename")
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    for _ in range(2):
        write_file(root, "a.md", b"x", keep_old=True)
    write_file(root, "a.md", b"x")

    assert [word if word == "rename" else ".tmp-" in word for word in done] == ["rename", True, "rename", "rename"]


def test_a_small_batch_syncs_its_own_files_and_folders(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is synced before the folders that hold its name, up to the one that holds the root."""
    for path in ("a/b/1.md", "a/2.md"):
        write_file(root, path, b"x")
    synced = _record_syncs(monkeypatch)

    make_durable(root, ["a/b/1.md", "a/2.md"])

    names = [os.path.relpath(name, root) for name in synced]
    assert sorted(names[:2]) == ["a/2.md", "a/b/1.md"]
    assert sorted(names[2:]) == [".", "..", "a", "a/b"]


def test_a_large_batch_is_synced_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit one call flushes the file system; no file is synced by itself."""
    root.mkdir()
    synced = _record_syncs(monkeypatch)

    make_durable(root, [f"{n}.md" for n in range(FEW + 1)])
    make_durable(root, [])

    assert synced == []


@pytest.mark.post_row("R58")
def test_a_failed_sync_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk did not take must not be built upon."""
    write_file(root, "a.md", b"x")
    monkeypatch.setattr(os, "fsync", _fail(errno.EIO))

    with pytest.raises(StoreError, match=re.compile("cannot make durable posts/a.md: input/output error", re.IGNORECASE)):
        make_durable(root, ["a.md"])
    with pytest.raises(StoreError, match="cannot make durable none"):
        make_durable(root / "none", [f"{n}.md" for n in range(FEW + 1)])


def test_a_file_system_that_cannot_sync_folders_is_accepted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EINVAL for a folder says that there is nothing to sync there."""
    write_file(root, "a.md", b"x")
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            _fail(errno.EINVAL)()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    make_durable(root, ["a.md"])


@pytest.mark.post_row("R58")
def test_a_failed_flush_of_the_file_system_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds for a large batch: what the kernel says is passed on."""
    root.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", lambda *_: -1)
        patch.setattr(os, "close", lambda _: None)
        with pytest.raises(StoreError, match="cannot make durable posts: bad file descriptor"):
            make_durable(root, [f"{n}.md" for n in range(FEW + 1)])


@pytest.mark.post_row("R59")
def test_a_leftover_that_cannot_be_removed_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeping names the file that stays."""
    root.mkdir()
    (root / ".tmp-1-2").write_bytes(b"")
    monkeypatch.setattr(os, "unlink", _fail(errno.EROFS))

    with pytest.raises(StoreError, match=r"cannot remove leftovers in posts: .*read-only"):
        sweep_leftovers(root, older_than_ns=2**63)
