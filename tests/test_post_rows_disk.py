"""Rows R57 and R59: how files are written, and what becomes of those that may not be."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import need
from tests.upstream import Folder, Upstream, item, titles

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aggregator"
#: Where a file is opened for writing, and why that is right.
ALLOWED = {
    "cli/__init__.py": "the null device, and streams that are open already",
    "store/files.py": "temporary files, renamed into place",
    "store/lock.py": "the lock's file, which holds nothing but its holder",
    "settings/edit.py": "temporary files, renamed into place; pipes and devices",
    "cli/init.py": "files that are not there yet, and are the owner's from then on",
    "demo/project.py": "the same, in a folder that the demo has made",
    "cli/sync.py": "what CI asks to be appended to its own files",
    "daemon/asks.py": "temporary files, renamed into place; nobody needs them a minute later",
    "pipeline/static_tree.py": "the list of the files that a static tree holds, appended to before each is made",
}


def _writes(path: Path) -> Iterator[int]:
    """Yield the lines on which a module opens a file for writing or writes one at once."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in {"write_text", "write_bytes", "touch", "copyfile", "copy", "mkstemp", "NamedTemporaryFile"}:
            yield node.lineno
        # A path's own `open` begins with the mode, the function with the path.
        words = node.args if isinstance(node.func, ast.Attribute) else node.args[1:]
        words = [*words, *(word.value for word in node.keywords if word.arg in {"mode", "flags"})]
        modes = {str(word.value) for word in words if isinstance(word, ast.Constant)}
        flags = {each.attr for word in words for each in ast.walk(word) if isinstance(each, ast.Attribute)}
        if name == "open" and (
            any(len(mode) < 4 and set(mode) & set("wax+") for mode in modes) or flags & {"O_WRONLY", "O_RDWR", "O_CREAT"}
        ):
            yield node.lineno


@pytest.mark.post_row("R57")
def test_no_file_is_written_in_place() -> None:
    """Whatever the package writes for its users goes through a temporary file and a rename; each exception has its reason."""
    found = {
        path.relative_to(PACKAGE).as_posix(): lines for path in sorted(PACKAGE.rglob("*.py")) if (lines := list(_writes(path)))
    }

    assert set(found) <= set(ALLOWED), {name: lines for name, lines in found.items() if name not in ALLOWED}


@pytest.mark.post_row("R57")
def test_what_opens_files_is_seen(tmp_path: Path) -> None:
    """The look at the package's source finds every way in which a file could be written in place."""
    ways = (
        *(
            "open('a', 'w')",
            "open('a', mode='wb')",
            "Path('a').open('a')",
            "p.open('r+')",
            "p.write_text('')",
            "p.write_bytes(b'')",
        ),
        *("os.open('a', os.O_WRONLY | os.O_CREAT)", "os.open('a', flags=os.O_RDWR)", "p.open('x')"),
    )
    for way in ways:
        (tmp_path / "a.py").write_text(way)
        assert list(_writes(tmp_path / "a.py")) == [1], way
    for harmless in ("open('a')", "open('wax.txt')", "p.open('rb')", "os.open('abc.md', os.O_RDONLY)", "self._open('door')"):
        (tmp_path / "a.py").write_text(harmless)
        assert list(_writes(tmp_path / "a.py")) == [], harmless


def _unprivileged(folder: Folder, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command for which permissions count, also where the tests are root's."""
    caps = "-dac_override,-dac_read_search"
    drop = [need("setpriv"), f"--bounding-set={caps}", f"--inh-caps={caps}"] if os.geteuid() == 0 else []
    command = [*drop, *folder.command(*words)]
    return subprocess.run(command, env=folder.environment(), capture_output=True, text=True, timeout=300, check=False)


def test_a_feed_without_the_right_to_read_it_is_told_once_with_what_to_do(synced: Folder) -> None:
    """`check feeds` names the file, the reason and whose rights to look at, and does not say to move it away."""
    (synced.root / "public/feeds/all.rss").chmod(0)
    told = _unprivileged(synced, "check", "feeds").stdout

    where = "public/feeds/all.rss: cannot be read: permission denied. Check who owns the folder and its permissions"
    assert told.startswith(f"{where}\n  -> then `aggregator build` writes it anew\n")
    assert "move it away" not in told


def _link(place: Path) -> None:
    shutil.move(place, place.parents[3] / "elsewhere")
    place.symlink_to(place.parents[3] / "elsewhere")


def _file(place: Path) -> None:
    shutil.rmtree(place)
    place.write_bytes(b"in the way")


def _closed(place: Path) -> None:
    place.chmod(0o555)


@pytest.mark.post_row("R47", "R59")
@pytest.mark.sampled(2)
@pytest.mark.parametrize("ruin", [_link, _file, _closed])
def test_a_folder_out_of_reach_costs_its_own_sources_only(
    folder: Folder, upstream: Upstream, ruin: Callable[[Path], None]
) -> None:
    """The other sources' news is stored and published, the feeds that its posts stand in are kept, and the run ends with 5."""
    folder.sync()
    kept = {path: content for path, content in folder.files("public").items() if path.endswith("a.atom")}
    upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    upstream.feed("/b", item(11) + item(12) + item(13))
    ruin(folder.root / "posts/news/a")
    done = _unprivileged(folder, "sync", "--force")

    assert done.returncode == 5, done.stderr
    assert "✗ a " in done.stderr
    assert "✓ b  1 new" in done.stderr
    assert "Traceback" not in done.stderr
    assert titles(folder, "news/b.atom") == ["Entry 13", "Entry 12", "Entry 11"]
    assert {path: content for path, content in folder.files("public").items() if path in kept} == kept
    assert "Entry 1" in titles(folder, "all.atom")


@pytest.mark.post_row("R59")
@pytest.mark.sampled(2)
@pytest.mark.parametrize("place", ["posts/news/a", "posts/news/a/", "public/feeds/news", "state"])
def test_what_may_not_be_written_is_named_and_nothing_else_suffers(folder: Folder, upstream: Upstream, place: str) -> None:
    """Without the permission a run ends with 5, says where and what to check, and leaves whole files; then it heals."""
    folder.sync()
    before = folder.files()
    upstream.feed("/a", item(1, body="<p>Second version.</p>") + item(2) + item(3) + item(4))
    upstream.feed("/b", item(11) + item(12) + item(13))
    target = folder.root / place
    if place.endswith("/"):
        [target] = target.glob("entry-1-*.md")
    mode = target.stat().st_mode
    target.chmod(0o000 if place.endswith("/") else 0o555)
    done = _unprivileged(folder, "sync", "--force")

    assert done.returncode == 5, done.stderr
    assert "Check who owns" in done.stderr or ("readonly database" in done.stderr and place == "state")
    assert "Traceback" not in done.stderr
    assert place.endswith("/") or target.stat().st_mode & 0o222 == 0
    target.chmod(mode)
    left = folder.files("posts")
    assert set(left) >= {path for path in before if path.startswith("posts/")}
    assert all(post.endswith(b"</div>\n") for post in left.values())
    if place.startswith("posts/"):
        assert {path: content for path, content in left.items() if "/a/" in path} == {
            path: content for path, content in before.items() if path.startswith("posts/news/a/")
        }
    healed = _unprivileged(folder, "sync", "--force")
    assert healed.returncode == 0, healed.stderr
    assert {"Entry 4", "Entry 13"} <= set(titles(folder, "all.atom"))


@pytest.mark.post_row("R59")
def test_a_read_only_project_can_be_looked_at(tmp_path: Path, folder: Folder) -> None:
    """On a read-only mount `sync` and `build` end with 5 and say so; the configuration can be checked."""
    need("mount")
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder.sync()
    place = tmp_path / "mounted"
    shutil.copytree(folder.root, place)
    bound = ["mount", "--bind", str(place), str(place)]
    if subprocess.run(bound, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    try:
        if subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=False, capture_output=True).returncode:
            pytest.skip("this machine does not let us mount read-only")
        frozen = Folder.__new__(Folder)
        frozen.root = place
        for words in (("sync", "--force"), ("build",)):
            done = frozen.run(*words)
            assert done.returncode == 5, done.stderr
            assert "read-only" in done.stderr
            assert "Traceback" not in done.stderr
        assert frozen.run("check", "config").returncode == 0
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
