"""Rows R52, R53, R60 and R64: posts that hands, git, editors and power cuts have damaged, in a project that goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.test_profiles_hand import BOMB, DAMAGED
from tests.upstream import Folder, Upstream, item, titles

SOUND = 60  #: fewer, and the gate would keep the feeds as they were: more than half of each would vanish


def _ruined() -> dict[str, bytes]:
    """Return every kind of damage: what a reader refuses, and what it must not even begin to read."""
    whole = b"---\ntitle: a\ndate: 2021-09-11\ncategories: [news, a]\nid: x\nsource: {id: a}\n"
    return {name: post for name, (post, _) in DAMAGED.items()} | {
        "another's identity": whole + b"---\nText\n",
        "zeros": b"\0" * 5000,
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        "UTF-16": whole.decode().encode("utf-16"),
        "fence of another engine": b'+++\ntitle = "a"\n+++\nText\n',
        "bomb in the date": b"---\n" + BOMB.encode() + b"\n" + whole[4:].replace(b"2021-09-11", b"*x29") + b"---\n",
        "bomb in the format": whole + BOMB.encode() + b"\nformat: *x29\n---\n",
        "too many values": whole + b"tags: [" + b"a," * 500_000 + b"]\n---\n",
        "too large": whole + b"---\n" + b"a" * (33 * 1024**2),
    }


@pytest.mark.post_row("R52", "R53", "D19")
@pytest.mark.timeout(300)
def test_each_damaged_post_is_named_kept_and_left_out(tmp_path: Path) -> None:
    """Every damaged post is named, stays byte for byte, also when upstream edits its entry, and the others are published."""
    ruined = _ruined()
    count = len(ruined) + SOUND
    with Upstream() as upstream:
        upstream.feed("/a", "".join(map(item, range(1, count + 1))))
        folder = Folder(tmp_path / "project")
        folder.settings("public: {entries: 200}")
        folder.sources_at({"a": f"{upstream.address}/a"})
        folder.sync()
        paths = [next((folder.root / "posts/news/a").glob(f"entry-{number}-*.md")) for number in range(1, len(ruined) + 1)]
        for path, content in zip(paths, ruined.values(), strict=True):
            path.write_bytes(content)
        built = folder.run("build")
        edited = "".join(item(number, body=f"<p>Second version of {number}.</p>") for number in range(1, count + 1))
        upstream.feed("/a", edited)
        synced = folder.run("sync", "--force")

    assert built.returncode == 0, built.stderr
    assert [name for name, path in zip(ruined, paths, strict=True) if path.name not in built.stderr] == []
    assert all(len(line) < 400 for line in built.stderr.splitlines())
    assert "Traceback" not in built.stderr + synced.stderr
    empty = [name for name, content in ruined.items() if not content.strip(b"\0")]
    kept = [
        path.read_bytes() == content for (name, content), path in zip(ruined.items(), paths, strict=True) if name not in empty
    ]
    assert all(kept)
    assert all(b"Second version" in path.read_bytes() for name, path in zip(ruined, paths, strict=True) if name in empty)
    assert len(titles(folder, "all.atom")) == SOUND + len(empty)
    published = (folder.root / "public/feeds/all.atom").read_bytes()
    assert published.count(b"Second version") == SOUND + len(empty)


@pytest.mark.post_row("R53", "R64")
def test_a_post_that_says_another_id_is_not_published_as_that_one(folder: Folder) -> None:
    """A copy of one post over another, and a changed id, are named; no entry is published twice or under a stranger's id."""
    folder.sync()
    first, second, _ = sorted((folder.root / "posts/news/a").glob("*.md"))
    second.write_bytes(first.read_bytes())
    [other] = (folder.root / "posts/news/b").glob("entry-12-*.md")
    other.write_text(other.read_text("utf-8").replace("id: 'entry-12'", "id: 'entry-13'"), "utf-8")
    done = folder.run("build")

    named = [line for line in done.stderr.splitlines() if "the key in its name is not that of its id" in line]
    assert {path.name for path in (second, other) for line in named if path.name in line} == {second.name, other.name}
    assert sorted(titles(folder, "all.atom")) == ["Entry 1", "Entry 11", "Entry 3"]


@pytest.mark.post_row("R60")
def test_what_a_killed_run_leaves_is_never_published(folder: Folder, upstream: Upstream) -> None:
    """Half a post, half a feed, an empty folder and an old lock are swept or passed over, and nobody waits for them."""
    folder.sync()
    before = folder.files("public")
    place = folder.root / "posts/news/a"
    half = next(place.glob("*.md")).read_bytes()[:150]
    for path in (
        place / ".tmp-4711-0",
        folder.root / "public/feeds/.tmp-4711-1",
        folder.root / "public/feeds/news/.tmp-4711-2",
    ):
        path.write_bytes(half)
        os.utime(path, (0, 0))  # what is as young as the run itself may be its own
    (folder.root / "posts/news/half").mkdir()
    (folder.root / "state/lock").write_text("process 1, since 2020-01-01T00:00:00Z\n")
    built = folder.run("build")
    assert built.returncode == 0, built.stderr
    assert folder.files("public") == before

    upstream.feed("/a", item(1) + item(2) + item(3, dated=False) + item(4))
    folder.sync("--force")
    assert [path for path in folder.root.rglob(".tmp-*") if path.parent.name != "half"] == []
    assert "Entry 4" in titles(folder, "news/a.atom")
