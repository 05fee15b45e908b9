"""Disks that are full, read-only or not ours: named with what to do, what can go on goes on, and the next run catches up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import absent, need
from tests.damage import Copies, synced
from tests.upstream import Folder, item, titles


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    with synced(tmp_path_factory.mktemp("damage")) as made:
        yield made


def _as_root(*words: str) -> None:
    """Run a command that only root may run; skip the test where it may not."""
    need(words[0])
    if os.geteuid() != 0:
        pytest.skip(f"{words[0]} needs root")
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        absent(f"this machine does not let us: {' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def _mounted(place: Path, *options: str) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    _as_root("mount", *options, str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def _immutable(path: Path) -> Iterator[None]:
    _as_root("chattr", "+i", str(path))
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)


def _news(copies: Copies) -> Callable[[], None]:
    """Let upstream have one more entry in each feed; return what takes them back."""
    before = dict(copies.upstream.pages)
    copies.upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    copies.upstream.feed("/b", item(11) + item(12) + item(13))
    return lambda: copies.upstream.pages.update(before)


def _no_inode_left(copies: Copies, tmp_path: Path) -> None:
    """A file system on which no further file can be made: exit 5, what is there is whole, and the next run finishes."""
    image, place = tmp_path / "image", tmp_path / "small"
    image.write_bytes(b"")
    os.truncate(image, 4 * 1024 * 1024)
    _as_root("mkfs.ext4", "-q", "-N", "96", "-b", "1024", str(image))
    with _mounted(place, "-o", "loop", str(image)):
        folder = Folder(place / "project")
        folder.sources_at({name: f"{copies.upstream.address}/{name}" for name in "ab"})
        taken = place / "taken"
        taken.mkdir()
        while os.statvfs(place).f_ffree > 10:
            (taken / str(os.statvfs(place).f_ffree)).touch()
        done = folder.run("sync")
        assert done.returncode == 5, done.stderr
        assert "no space left on device" in done.stderr.casefold() or "unable to open database" in done.stderr
        assert "Traceback" not in done.stderr
        for file in taken.iterdir():
            file.unlink()
        folder.sync(SOURCE_DATE_EPOCH="1767225600")
        assert folder.files("posts").keys() == {path for path in copies.files if path.startswith("posts/")}


def _read_only(copies: Copies, tmp_path: Path) -> None:
    """A project that is mounted read-only: writing commands exit 5 and say so, and touch nobody."""
    folder = copies.get()
    place = tmp_path / "mounted"
    with _mounted(place, "--bind", str(folder.root)):
        _as_root("mount", "-o", "remount,ro,bind", str(place))
        folder.root = place
        for words in (("sync", "--force"), ("build",)):
            done = folder.run(*words)
            assert done.returncode == 5, done.stderr
            assert "The file system is mounted read-only: make it writable and run again" in done.stderr
        assert "Traceback" not in folder.run("status").stderr


def _another_owner(copies: Copies, _tmp_path: Path) -> None:
    """A project of root, run by somebody else: exit 5, naming the file and what to check."""
    need("setpriv")
    if os.geteuid() != 0:
        pytest.skip("setpriv needs root")
    folder = copies.get()
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *folder.command("sync", "--force")]
    for place in (folder.root, *folder.root.parents):
        if place.is_relative_to("/tmp/pytest-of-root"):
            place.chmod(0o755)
    done = subprocess.run(words, env=folder.environment(), capture_output=True, text=True, check=False)
    if "No module named" in done.stderr or "can't open" in done.stderr:
        pytest.skip("this Python is not for every user to run")
    assert done.returncode == 5, done.stderr
    assert "permission denied" in done.stderr
    assert "Check who owns the folder and its permissions" in done.stderr
    assert folder.files() == copies.files


def _a_folder_that_cannot_be_written(copies: Copies, _tmp_path: Path) -> None:
    """One posts folder that cannot be written ends the run with 5 and is named; when it can, the next run brings its news."""
    folder = copies.get()
    take_back = _news(copies)
    try:
        with _immutable(folder.root / "posts/news/a"):
            done = folder.run("sync", "--force")
            assert done.returncode == 5, done.stderr
            assert "posts/news/a/" in done.stderr
            assert "operation not permitted" in done.stderr
            assert {path: text for path, text in folder.files("posts").items() if path in copies.files} == {
                path: text for path, text in copies.files.items() if path.startswith("posts/")
            }
        folder.sync("--force")
        assert {"Entry 4", "Entry 13"} <= set(titles(folder, "all.atom"))
    finally:
        take_back()


def _a_feed_that_cannot_be_replaced(copies: Copies, _tmp_path: Path) -> None:
    """A feed that cannot be replaced ends the run with 5; the posts are kept, and it is written when it can be."""
    folder = copies.get()
    take_back = _news(copies)
    try:
        with _immutable(folder.root / "public/feeds/news/a.atom"):
            done = folder.run("sync", "--force")
            assert done.returncode == 5, done.stderr
            assert "cannot write public/feeds/news/a.atom: operation not permitted" in done.stderr
        assert "Entry 4" not in titles(folder, "news/a.atom")
        folder.sync()
        assert "Entry 4" in titles(folder, "news/a.atom")
        assert not list(folder.root.rglob(".tmp-*"))
    finally:
        take_back()


def _half_of_everything(copies: Copies, _tmp_path: Path) -> None:
    """Folders without files, a log without its state and an editor's copy of the config are no obstacle."""
    folder = copies.get()
    (folder.root / "state/state.sqlite").unlink()
    (folder.root / "state/state.sqlite-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(3000))
    for place in ("posts/news/new", "public/feeds/new", "archive"):
        (folder.root / place).mkdir(parents=True)
    (folder.root / "config/sources/.tmp-all.yaml").write_text("sources: {a: {feed: [")
    folder.sync("--force", SOURCE_DATE_EPOCH="1767312000")
    assert folder.files() == copies.files


CASES = (
    _no_inode_left,
    _read_only,
    _another_owner,
    _a_folder_that_cannot_be_written,
    _a_feed_that_cannot_be_replaced,
    _half_of_everything,
)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.strip("_"))
def test_a_disk_that_does_not_take_everything(copies: Copies, tmp_path: Path, case: Callable[[Copies, Path], None]) -> None:
    """Each case says what is true of it."""
    case(copies, tmp_path)
